"""Certificate revocation lists (证书撤销列表, RFC 5280 5): whole ones, and those that say only a part.

Delta, indirect and scoped lists are recognised; `signing.revocation_status` judges by them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signing import der
from signing.algorithms import AlgorithmIdentifier, read_algorithm, verify_signature
from signing.certificate_extensions import full_name
from signing.certificates import Certificate
from signing.distinguished_names import same_name
from signing.errors import BadSignatureError, LimitError, MalformedError, UnsupportedAlgorithmError

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
_INVALIDITY_DATE: Final = "2.5.29.24"
_CERTIFICATE_ISSUER: Final = "2.5.29.29"
_DELTA: Final = "2.5.29.27"
_SCOPE: Final = "2.5.29.28"
_EXPIRED_ON_CRL: Final = "2.5.29.60"
_UNDERSTOOD: Final = frozenset({"2.5.29.35", "2.5.29.20", _DELTA, _SCOPE, _EXPIRED_ON_CRL})
_UNDERSTOOD_IN_ENTRY: Final = frozenset({_REASON_CODE, _INVALIDITY_DATE, _CERTIFICATE_ISSUER})
_MAX_ENTRIES: Final = 1 << 18
_MAX_VALUE: Final = 64 << 10

Revoked = tuple[datetime, str]
"""When, and the reason's name."""


@dataclass(frozen=True)
class Scope:
    """An issuingDistributionPoint (RFC 5280 5.2.5): of which certificates the list tells."""

    addresses: tuple[str, ...] = ()
    named: bool = False
    users_only: bool = False
    authorities_only: bool = False
    attributes_only: bool = False
    some_reasons: bool = False
    indirect: bool = False

    def includes(self, certificate: Certificate) -> bool:
        """Whether the list tells everything of this certificate."""
        if self.attributes_only or self.some_reasons or self.indirect:
            return False
        if (self.users_only and certificate.is_ca) or (self.authorities_only and not certificate.is_ca):
            return False
        return not self.named or bool(set(self.addresses) & set(certificate.addresses.crls))


@dataclass(frozen=True)
class Crl:
    """One list. `revoked` maps the serial to the time of revocation and the reason's name.

    `partial` is true when the list is not the whole one (delta, indirect, scoped, or with a critical extension that
    is not known): such a list can show a revocation, but its absence only to certificates in its `scope`.
    `invalid_since` holds the invalidity dates; entries of other issuers (indirect lists) are left out.
    """

    der: bytes = field(repr=False)
    tbs: bytes = field(repr=False)
    signature_algorithm: AlgorithmIdentifier
    signature: bytes = field(repr=False)
    issuer_der: bytes = field(repr=False)
    this_update: datetime
    next_update: datetime | None
    revoked: Mapping[int, Revoked] = field(repr=False)
    partial: bool
    invalid_since: Mapping[int, datetime] = field(default_factory=dict, repr=False)
    delta: bool = False
    scope: Scope | None = None
    strange: bool = False
    expired_from: datetime | None = None
    """Certificates that expired since then stay listed (expiredCertsOnCRL)."""

    def tells_all_of(self, certificate: Certificate) -> bool:
        """Whether a certificate of the issuer that is not listed here is not revoked."""
        if self.delta or self.strange:
            return False
        return self.scope is None or self.scope.includes(certificate)

    def covers(self, at: datetime, certificate: Certificate | None = None) -> bool:
        """Whether a certificate that is not listed was good at `at`: the list is of then, or made later.

        A list made after the certificate had expired no longer needs to show it, unless it says that it does.
        """
        if self.partial and (certificate is None or not self.tells_all_of(certificate)):
            return False
        if certificate is not None and not self.remembers(certificate):
            return False
        return self.this_update >= at or (self.next_update is not None and at < self.next_update)

    def remembers(self, certificate: Certificate) -> bool:
        """Whether a revoked certificate would still be listed: it had not expired, or the list says that it keeps."""
        kept = self.expired_from is not None and self.expired_from <= certificate.not_after
        return kept or self.this_update <= certificate.not_after


def parse_crl(data: bytes) -> Crl:
    """Read a DER CertificateList, v1 or v2; LimitError or MalformedError."""
    outer = der.read(data, limit=MAX_CRL).fields()
    tbs, algorithm, signature = outer.take(der.SEQUENCE), outer.take(der.SEQUENCE), outer.take(der.BIT_STRING)
    outer.end()
    fields = tbs.fields()
    fields.optional(der.INTEGER)
    if fields.take(der.SEQUENCE).raw != algorithm.raw:
        raise MalformedError("two different signature algorithms in one CRL")
    issuer, this_update = fields.take(der.SEQUENCE), fields.take(der.UTC_TIME, der.GENERALIZED_TIME)
    next_update = fields.optional(der.UTC_TIME, der.GENERALIZED_TIME)
    listed, block = fields.optional(der.SEQUENCE), fields.optional(der.context(0))
    fields.end()
    extensions = _read_extensions(block.inner(block.tag)) if block else {}
    entries = _read_entries(listed, issuer.raw)
    scope = _read_scope(extensions[_SCOPE][1]) if _SCOPE in extensions else None
    strange = entries.strange or any(critical for oid, (critical, _) in extensions.items() if oid not in _UNDERSTOOD)
    expired = extensions.get(_EXPIRED_ON_CRL)
    return Crl(
        der=data,
        tbs=tbs.raw,
        signature_algorithm=read_algorithm(algorithm),
        signature=signature.bits(),
        issuer_der=issuer.raw,
        this_update=this_update.time(),
        next_update=next_update.time() if next_update else None,
        revoked=entries.revoked,
        partial=strange or scope is not None or _DELTA in extensions,
        invalid_since=entries.invalid_since,
        delta=_DELTA in extensions,
        scope=scope,
        strange=strange,
        expired_from=der.read(expired[1], limit=_MAX_VALUE).time() if expired else None,
    )


@dataclass(frozen=True)
class _Note:
    """What the extensions of an entry say."""

    strange: bool = False
    reason: str = REASONS[0]
    invalid_since: datetime | None = None
    issuer: bytes | None = None


@dataclass
class _Entries:
    revoked: dict[int, Revoked] = field(default_factory=dict)
    invalid_since: dict[int, datetime] = field(default_factory=dict)
    strange: bool = False


def _read_entries(listed: der.Element | None, issuer: bytes) -> _Entries:
    found, ours = _Entries(), True
    notes = {b"": _Note()}  # most entries say one of a few things
    children = listed.children() if listed else ()
    if len(children) > _MAX_ENTRIES:
        raise LimitError(f"more than {_MAX_ENTRIES} entries")
    for entry in children:
        fields = entry.fields()
        serial, since = fields.take(der.INTEGER).integer(), fields.take(der.UTC_TIME, der.GENERALIZED_TIME).time()
        block = fields.optional(der.SEQUENCE)
        fields.end()
        raw = block.raw if block else b""
        if block and raw not in notes:
            notes[raw] = _read_note(_read_extensions(block))
        note = notes[raw]
        found.strange = found.strange or note.strange
        if note.issuer is not None:  # holds for the entries that follow as well (RFC 5280 5.3.3)
            ours = _names_issuer(note.issuer, issuer)
        if ours:
            found.revoked[serial] = (since, note.reason)
            if note.invalid_since is not None:
                found.invalid_since[serial] = note.invalid_since
    return found


def _read_note(extensions: Mapping[str, tuple[bool, bytes]]) -> _Note:
    strange = any(critical for oid, (critical, _) in extensions.items() if oid not in _UNDERSTOOD_IN_ENTRY)
    invalid = extensions.get(_INVALIDITY_DATE)
    return _Note(
        strange,
        _reason(extensions),
        der.read(invalid[1], limit=_MAX_VALUE).time() if invalid else None,
        extensions[_CERTIFICATE_ISSUER][1] if _CERTIFICATE_ISSUER in extensions else None,
    )


def _reason(extensions: Mapping[str, tuple[bool, bytes]]) -> str:
    if _REASON_CODE not in extensions:
        return REASONS[0]
    number = der.read(extensions[_REASON_CODE][1], limit=16).integer()
    return REASONS[number] if 0 <= number < len(REASONS) and REASONS[number] else REASONS[0]


def _names_issuer(value: bytes, issuer: bytes) -> bool:
    names = der.read(value, limit=_MAX_VALUE).expect(der.SEQUENCE).children()
    return any(same_name(name.inner(name.tag).raw, issuer) for name in names if name.tag == der.context(4))


def _read_scope(value: bytes) -> Scope:
    parts = {child.tag & 0x1F: child for child in der.read(value, limit=_MAX_VALUE).expect(der.SEQUENCE).children()}

    def flag(number: int) -> bool:
        return number in parts and any(parts[number].body)

    return Scope(
        addresses=full_name(parts[0]) if 0 in parts else (),
        named=0 in parts,
        users_only=flag(1),
        authorities_only=flag(2),
        some_reasons=bool(parts.keys() & {3}),
        indirect=flag(4),
        attributes_only=flag(5),
    )


def _read_extensions(block: der.Element) -> dict[str, tuple[bool, bytes]]:
    found = dict[str, tuple[bool, bytes]]()
    for child in block.expect(der.SEQUENCE).children():
        fields = child.fields()
        oid, flag = fields.take(der.OID).oid(), fields.optional(der.BOOLEAN)
        value = fields.take(der.OCTET_STRING).octets()
        fields.end()
        if oid in found:
            raise MalformedError(f"extension {oid} twice")
        found[oid] = (flag is not None and flag.boolean(), value)
    return found


def is_issued_by(crl: Crl, issuer: Certificate) -> bool:
    """Whether the list is of this issuer: name, signature and cRLSign."""
    if not same_name(crl.issuer_der, issuer.subject_der):
        return False
    if issuer.key_usage is not None and "cRLSign" not in issuer.key_usage:
        return False
    try:
        verify_signature(issuer.public_key, crl.signature_algorithm, crl.tbs, crl.signature)
    except (BadSignatureError, UnsupportedAlgorithmError):
        return False
    return True
