"""Certificate revocation lists (证书撤销列表, RFC 5280 5) and what they say of one certificate at one time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signing import der
from signing.algorithms import AlgorithmIdentifier, read_algorithm, verify_signature
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication
from signing.errors import BadSignatureError, MalformedError, UnsupportedAlgorithmError

MAX_CRL: Final = 32 << 20
"""Bytes."""
REASONS: Final = (
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "",
    "removeFromCRL",
    "privilegeWithdrawn",
    "aACompromise",
)
"""CRLReason by number (RFC 5280 5.3.1)."""
_REASON_CODE: Final = "2.5.29.21"
_UNDERSTOOD: Final = frozenset({"2.5.29.35", "2.5.29.20", _REASON_CODE, "2.5.29.24"})


@dataclass(frozen=True)
class Crl:
    """One list. `revoked` maps the serial to the time of revocation and the reason's name.

    `partial` is true when a critical extension says that the list is not the whole one (delta, indirect, scoped):
    such a list can show a revocation but never its absence.
    """

    der: bytes = field(repr=False)
    tbs: bytes = field(repr=False)
    signature_algorithm: AlgorithmIdentifier
    signature: bytes = field(repr=False)
    issuer_der: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime | None
    revoked: Mapping[int, tuple[datetime, str]] = field(repr=False)
    partial: bool

    def covers(self, at: datetime) -> bool:
        """Whether a certificate that is not listed was good at `at`: the list is of then, or made later."""
        if self.partial:
            return False
        return self.this_update >= at or (self.next_update is not None and at < self.next_update)


def parse_crl(data: bytes) -> Crl:
    """Read a DER CertificateList; LimitError or MalformedError."""
    outer = der.read(data, limit=MAX_CRL).fields()
    tbs, algorithm, signature = outer.take(der.SEQUENCE), outer.take(der.SEQUENCE), outer.take(der.BIT_STRING)
    outer.end()
    fields = tbs.fields()
    fields.optional(der.INTEGER)
    if fields.take(der.SEQUENCE).raw != algorithm.raw:
        raise MalformedError("two different signature algorithms in one CRL")
    issuer, this_update = fields.take(der.SEQUENCE), fields.take(der.UTC_TIME, der.GENERALIZED_TIME)
    next_update = fields.optional(der.UTC_TIME, der.GENERALIZED_TIME)
    entries, block = fields.optional(der.SEQUENCE), fields.optional(der.context(0))
    fields.end()
    critical = _critical(block.inner(block.tag)) if block else set()
    revoked, strange = _read_entries(entries)
    return Crl(
        der=data,
        tbs=tbs.raw,
        signature_algorithm=read_algorithm(algorithm),
        signature=signature.bits(),
        issuer_der=issuer.raw,
        this_update=this_update.time(),
        next_update=next_update.time() if next_update else None,
        revoked=revoked,
        partial=strange or bool(critical - _UNDERSTOOD),
    )


def _read_entries(entries: der.Element | None) -> tuple[dict[int, tuple[datetime, str]], bool]:
    revoked, strange = dict[int, tuple[datetime, str]](), False
    for entry in entries.children() if entries else ():
        fields = entry.fields()
        serial, since = fields.take(der.INTEGER).integer(), fields.take(der.UTC_TIME, der.GENERALIZED_TIME).time()
        extensions = fields.optional(der.SEQUENCE)
        reason = _reason(extensions)
        strange = strange or bool(extensions and _critical(extensions) - _UNDERSTOOD)
        revoked[serial] = (since, reason)
    return revoked, strange


def _reason(extensions: der.Element | None) -> str:
    for extension in extensions.children() if extensions else ():
        fields = extension.fields()
        if fields.take(der.OID).oid() == _REASON_CODE:
            number = der.read(fields.rest[-1].octets(), limit=16).integer() if fields.rest else 0
            return REASONS[number] if 0 <= number < len(REASONS) else REASONS[0]
    return REASONS[0]


def _critical(extensions: der.Element) -> set[str]:
    found = set[str]()
    for extension in extensions.expect(der.SEQUENCE).children():
        fields = extension.fields()
        oid, flag = fields.take(der.OID).oid(), fields.optional(der.BOOLEAN)
        if flag is not None and flag.boolean():
            found.add(oid)
    return found


def is_issued_by(crl: Crl, issuer: Certificate) -> bool:
    """Whether the list is of this issuer: name, signature and cRLSign."""
    if crl.issuer_der != issuer.subject_der:
        return False
    if issuer.key_usage is not None and "cRLSign" not in issuer.key_usage:
        return False
    try:
        verify_signature(issuer.public_key, crl.signature_algorithm, crl.tbs, crl.signature)
    except (BadSignatureError, UnsupportedAlgorithmError):
        return False
    return True


def check_revocation(
    certificate: Certificate, issuer: Certificate, *, crls: Iterable[Crl], at: datetime, name: str = "revocation"
) -> Check:
    """Ask whether the certificate was revoked at `at` (GM/T 0031 6.2.3 d).

    A revocation in any list of the issuer counts, also in an outdated one; a hold that the newest list no longer
    shows does not. Without a revocation, a list that covers `at` is needed for a good answer.
    """
    ours = sorted((crl for crl in crls if is_issued_by(crl, issuer)), key=lambda crl: crl.this_update)
    found = _find(certificate.serial_number, ours)
    if found is not None:
        since, reason = found
        why = f"{certificate.common_name}：{since:%Y-%m-%d %H:%M:%S} UTC，{reason}"
        if since <= at:
            return Check(name, "REVOKED_BEFORE", Result.FAILED, why, SubIndication.REVOKED)
        return Check(name, "REVOKED_AFTER", Result.OK, why)
    if any(crl.covers(at) for crl in ours):
        return Check(name, "REVOCATION", Result.OK)
    why = f"没有 {issuer.common_name} 在该时间可用的证书撤销列表"
    return Check(name, "REV_UNKNOWN", Result.UNKNOWN, why, SubIndication.TRY_LATER)


def _find(serial: int, crls: list[Crl]) -> tuple[datetime, str] | None:
    """Find the earliest revocation in force; of holds, only what the newest list shows."""
    entries = [crl.revoked[serial] for crl in crls if serial in crl.revoked]
    if crls and serial not in crls[-1].revoked:
        entries = [entry for entry in entries if entry[1] != "certificateHold"]
    entries = [entry for entry in entries if entry[1] != "removeFromCRL"]
    return min(entries) if entries else None
