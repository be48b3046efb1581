"""What other systems say when they have documents signed (签署): signers, seals, places. docs/format/signings.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from identity.texts import OptionalText, Text
from identity.uscc import UnifiedSocialCreditCode, Uscc
from sealing.placement import Stamp
from sealing.planning import PlanWarning, SealPlan
from sealing.seal import SealKind
from signing.canonical import Code

MAX_SIGNERS: Final = 20
MAX_DOCUMENTS: Final = 50
MAX_PLACES: Final = 64

Profile = Literal["ses", "gm-cms", "pades", "pades-ses"]
Format = Literal["pdf", "ofd"]
UnitSeal = Literal["unit", "finance", "contract", "invoice", "legal-representative"]
AnySeal = Literal["unit", "finance", "contract", "invoice", "legal-representative", "personal"]


class Enterprise(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="enterprise"):
    """A unit that signs, with these of its seals in this order.

    `authorisation` names under which authorisation an agent uses them; empty: the legal representative does. The
    legal representative's own seal is always used by that person.
    """

    uscc: Uscc
    seals: Annotated[tuple[UnitSeal, ...], Meta(min_length=1, max_length=5)] = ("unit",)
    authorisation: Annotated[str, Meta(pattern=r"^([0-9A-Za-z][0-9A-Za-z._-]{0,63})?\Z")] = ""

    def __post_init__(self) -> None:
        """Check what one field alone cannot say; ValueError."""
        UnifiedSocialCreditCode(self.uscc)
        if len(set(self.seals)) != len(self.seals):
            raise ValueError("a seal stands twice")


class Person(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="person"):
    """A natural person who signs for nobody else; `name`, if given, must be the register's."""

    person: Code
    name: OptionalText = ""


Signer = Enterprise | Person


class NewSigning(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be signed by whom, one after the other.

    `days`: how long all may take. `reference` is the caller's own word for it. `notify` names the webhooks that are
    told; empty: all of the unit.
    """

    title: Text
    signers: Annotated[tuple[Signer, ...], Meta(min_length=1, max_length=MAX_SIGNERS)]
    profile: Profile = "ses"
    days: Annotated[int, Meta(ge=1, le=90)] = 7
    reference: OptionalText = ""
    notify: Annotated[tuple[Code, ...], Meta(max_length=20)] = ()

    def __post_init__(self) -> None:
        """Check that no seal would be used twice; ValueError."""
        used: list[tuple[str, str]] = [
            (s.uscc, seal) for s in self.signers if isinstance(s, Enterprise) for seal in s.seals
        ]
        used += [(s.person, "personal") for s in self.signers if isinstance(s, Person)]
        if len(set(used)) != len(used):
            raise ValueError("one seal stands with two signers")


class Placing(Struct, frozen=True, forbid_unknown_fields=True):
    """Where one seal of a signer (from 1) goes on one document (from 1). Without `seal`: the signer's first."""

    signer: Annotated[int, Meta(ge=1, le=MAX_SIGNERS)]
    document: Annotated[int, Meta(ge=1, le=MAX_DOCUMENTS)]
    places: Annotated[tuple[SealPlan, ...], Meta(min_length=1, max_length=MAX_PLACES)]
    seal: AnySeal | Literal[""] = ""


class Placings(Struct, frozen=True, forbid_unknown_fields=True):
    """All placings of a signing; they take the place of those before."""

    placings: Annotated[tuple[Placing, ...], Meta(min_length=1, max_length=1000)]


class Planned(Struct, frozen=True, forbid_unknown_fields=True):
    """Impressions of one act on one document, and what to look at."""

    document: int
    stamps: tuple[Stamp, ...]
    warnings: tuple[PlanWarning, ...] = ()


class ActPlaces(Struct, frozen=True, forbid_unknown_fields=True):
    """Impressions of one act, by document."""

    planned: tuple[Planned, ...] = ()


class DocumentFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a document that was uploaded."""

    name: str
    format: Format
    pages: int


@dataclass(frozen=True)
class ActKey:
    """One seal of one signer (from 1)."""

    signer: int
    kind: SealKind

    @property
    def field(self) -> str:
        """Answer the name of its signature field in a PDF."""
        return f"Sign{self.signer}-{self.kind.value}"


def acts_of(signers: Sequence[Signer]) -> Iterator[ActKey]:
    """Answer all acts in the order of signing."""
    for number, signer in enumerate(signers, 1):
        kinds = signer.seals if isinstance(signer, Enterprise) else ("personal",)
        for kind in kinds:
            yield ActKey(number, SealKind(kind))
