"""What signing asks of the outside: time, revocation and keys held by others."""

from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

from msgspec import Meta, Struct

from signing.errors import InvalidKeyError

MAX_STATEMENTS = 200
"""Statements signed under one consent."""


class Statement(Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes that a licence key is asked to sign, and how to read them.

    `ses` is the DER of TBS_Sign (GB/T 38540), `cms` the DER SET OF signed attributes (RFC 5652 5.4), `act` the
    canonical JSON of a statement, `gm-cms` the bare SM3 of a document (GM/T 0010 without attributes, 32 bytes). The key
    service signs SM3(Z || to_be_signed).
    """

    kind: Literal["ses", "cms", "act", "gm-cms"]
    to_be_signed: bytes


class Credential(Struct, frozen=True, forbid_unknown_fields=True):
    """A key that the service holds, named by `id`: `unit:{uscc}`, `legal-representative:{uscc}` or `person:{person}`.

    `role` is the part before the colon; `certificate` and `chain` (issuers, nearest first) are DER.
    """

    id: Annotated[str, Meta(min_length=1, max_length=100)]
    role: str
    certificate: bytes
    chain: tuple[bytes, ...]


class KeyRing(Struct, frozen=True, forbid_unknown_fields=True):
    """All credentials of one licence (一照)."""

    credentials: tuple[Credential, ...]

    def find(self, role: str) -> Credential:
        """Answer the first credential of the role; InvalidKeyError when the licence has none."""
        for credential in self.credentials:
            if credential.role == role:
                return credential
        raise InvalidKeyError(f"the licence has no credential of role {role!r}")


class TimestampAuthority(Protocol):
    """时间戳服务 (RFC 3161, GB/T 20520)."""

    def stamp(self, imprint_sm3: bytes) -> bytes:
        """Answer a DER TimeStampToken over the 32-byte SM3 imprint.

        Raises UnavailableError when nobody answers, TimestampError when the answer is not to our question.
        """


class RevocationSource(Protocol):
    """Where certificate revocation lists (CRL, 证书撤销列表) come from."""

    def fetch_crls(self) -> tuple[bytes, ...]:
        """Answer the current CRLs as DER; raises UnavailableError."""


class KeyService(Protocol):
    """The licence platform's key service (电子营业执照签名服务), which signs what a consent lists and nothing else."""

    def fetch_certificates(self, uscc: str) -> KeyRing:
        """Answer the credentials of one licence; raises UnavailableError or KeyServiceRefusedError."""

    def sign(self, credential: str, consent: str, statements: Sequence[Statement]) -> list[bytes]:
        """Sign each statement once under the confirmed consent of that id; DER SM2 signatures in order.

        Raises KeyServiceRefusedError with the wallet's stable code, or UnavailableError.
        """
