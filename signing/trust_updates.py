"""Updates of a trust list (信任名单更新): one signed file, never an older edition, never by another publisher.

A list names the certificate that signs its next edition (`publisher`). An update carries the whole new list, the
publisher's certificate and an SM2 signature over the list, and is applied only when it is of the same name, of a
higher number, current, and does not turn a production list into a sandbox one. The edition's number stands inside
trust.json, which is replaced in one step: whatever breaks off, the folder holds one edition or the other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from signing import canonical
from signing.certificates import MAX_CERTIFICATE, parse_certificate
from signing.digests import sm3
from signing.errors import BadSignatureError, MalformedError, TrustUpdateError
from signing.path import Anchor, TrustAnchors
from signing.statement import require_signature
from signing.trust import TrustFile, decode_trust, encode_trust

MAX_UPDATE: Final = canonical.MAX_DOCUMENT
"""Bytes of an update file."""
_SLACK: Final = timedelta(minutes=5)
"""The publisher's clock may be this much ahead of ours."""
_PREFIX: Final = b"yizhao trust list update 1\n"
"""Stands before the list in what is signed, so that no other statement can be taken for an update."""

Fault = Literal["not-pinned", "publisher", "signature", "rollback", "name", "sandbox", "early", "expired", "incomplete"]


class TrustUpdate(Struct, frozen=True, forbid_unknown_fields=True):
    """An update as it travels: the new list (canonical TrustFile), who signs it, and the DER SM2 signature."""

    v: Literal[1]
    type: Literal["trust-update"]
    file: bytes
    certificate: Annotated[bytes, Meta(max_length=MAX_CERTIFICATE)]
    signature: Annotated[bytes, Meta(max_length=80)]


@dataclass(frozen=True)
class TrustChange:
    """What an update does to a list: for whoever decides about it, and for the record."""

    trust: TrustAnchors
    number: int
    added: tuple[Anchor, ...]
    removed: tuple[Anchor, ...]
    altered: tuple[Anchor, ...]
    """Anchors that stay, with other purposes, periods or sources, as they are from now on."""
    publisher_changes: bool


def update_statement(trust: TrustAnchors) -> bytes:
    """Answer the bytes that the publisher signs. TrustUpdateError unless number, times and publisher are there."""
    if not (trust.number and trust.issued_at and trust.next_update and trust.publisher):
        raise TrustUpdateError("incomplete", "number, issued_at, next_update and publisher are needed")
    return _PREFIX + encode_trust(trust)


def encode_update(trust: TrustAnchors, *, certificate: bytes, signature: bytes) -> bytes:
    """Put a signed update together; BadSignatureError unless it is the certificate's own (`update_statement`)."""
    statement = update_statement(trust)
    require_signature(parse_certificate(certificate), statement, signature)
    return canonical.encode(TrustUpdate(1, "trust-update", statement.removeprefix(_PREFIX), certificate, signature))


def parse_update(data: bytes) -> tuple[TrustUpdate, TrustAnchors]:
    """Read an update and the list in it; nothing is judged. LimitError, MalformedError or NotCanonicalError."""
    update = canonical.decode(data, TrustUpdate)
    canonical.decode(update.file, TrustFile)
    return update, decode_trust(update.file)


def judge_update(data: bytes, current: TrustAnchors, *, at: datetime, pinned: str = "") -> TrustChange:
    """Answer what an update does to the current list; TrustUpdateError says why it must not be applied.

    `pinned` is SM3 (hex) of the publisher's certificate, given by a person who checked it: needed as long as the
    current list names no publisher, and then only. The same edition once more is no fault. Errors of `parse_update`.
    """
    update, new = parse_update(data)
    expected = current.publisher or pinned
    if not expected:
        raise TrustUpdateError("not-pinned", "the list names no publisher, and none was given")
    if current.publisher and pinned not in {"", current.publisher}:
        raise TrustUpdateError("publisher", "the list names another publisher than the one given")
    if sm3(update.certificate).hex() != expected:
        raise TrustUpdateError("publisher", f"expected the certificate with SM3 {expected[:16]}…")
    try:
        require_signature(parse_certificate(update.certificate), _PREFIX + update.file, update.signature)
    except (BadSignatureError, MalformedError) as error:
        raise TrustUpdateError("signature", str(error)) from error
    _require_next(new, current, at)
    return _compare(current, new)


def _require_next(new: TrustAnchors, current: TrustAnchors, at: datetime) -> None:
    same = new.number == current.number and new.fingerprint == current.fingerprint
    issued, until = new.issued_at, new.next_update
    faults: dict[Fault, bool] = {
        "incomplete": not (new.number and issued and until and new.publisher),
        "name": new.name != current.name,
        "rollback": new.number <= current.number and not same,
        "sandbox": new.sandbox and not current.sandbox,
        "early": issued is not None and issued > at + _SLACK,
        "expired": until is not None and until <= at,
    }
    for fault, present in faults.items():
        if present:
            raise TrustUpdateError(fault, f"edition {new.number} of “{new.name}” after edition {current.number}")


def _compare(old: TrustAnchors, new: TrustAnchors) -> TrustChange:
    before = {anchor.certificate.sm3: anchor for anchor in old.anchors}
    after = {anchor.certificate.sm3: anchor for anchor in new.anchors}
    return TrustChange(
        trust=new,
        number=new.number,
        added=tuple(anchor for key, anchor in after.items() if key not in before),
        removed=tuple(anchor for key, anchor in before.items() if key not in after),
        altered=tuple(anchor for key, anchor in after.items() if key in before and before[key] != anchor),
        publisher_changes=bool(old.publisher) and new.publisher != old.publisher,
    )
