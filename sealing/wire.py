"""What a seal maker says over HTTP; the adapter reads it, the sandbox writes it. Bytes are base64."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from sealing.seal import IssuedSeal, SealKind, SealState

Text = Annotated[str, Meta(min_length=1, max_length=200)]


class SealOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /maker/seals: the set of five for one company. Certificates are DER, `uscc` has 18 characters."""

    company: Text
    uscc: Annotated[str, Meta(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}\Z")]
    legal_representative: Text
    unit_certificate: bytes
    representative_certificate: bytes
    not_before: datetime
    not_after: datetime


class MadeSeal(Struct, frozen=True):
    """One line of the answer."""

    number: str
    kind: SealKind
    name: str
    state: SealState
    esl: bytes
    artwork: bytes

    def issued(self) -> IssuedSeal:
        """Answer it as the value that sealing works with."""
        return IssuedSeal(self.kind, self.number, self.name, self.esl, self.artwork, self.state)


class MadeSeals(Struct, frozen=True):
    """The seals of one company."""

    seals: tuple[MadeSeal, ...]


class StateNote(Struct, frozen=True):
    """A state with its first instant and reason."""

    state: SealState
    since: datetime
    reason: str


class SealFile(Struct, frozen=True):
    """GET /maker/seals/{number}: everything about one seal; `svg` is its picture."""

    seal: MadeSeal
    uscc: str
    svg: str
    history: tuple[StateNote, ...]


class StateOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """POST /maker/seals/{number}/state."""

    state: SealState
    reason: Text
