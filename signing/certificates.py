"""Certificates (证书) as they are found in the field: GB/T 20518, GM/T 0015, RFC 5280.

`parse_certificate` reads over the original bytes and never encodes anything again, so that certificates which are
not clean DER can still be verified. It judges nothing: that is `signing.path`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signing import der
from signing.algorithms import AlgorithmIdentifier, read_algorithm, read_public_key
from signing.digests import sm3
from signing.errors import MalformedError
from signing.sm2 import PublicKey

MAX_CERTIFICATE: Final = 64 << 10
"""Bytes."""
MAX_EXTENSIONS: Final = 64

USCC_EXTENSION: Final = "1.2.156.10260.4.1.4"
USCC_OIDS: Final = (USCC_EXTENSION, "1.2.156.10260.4.4.4", "1.2.156.10260.4.4", "1.2.86.11.7.3")
"""Extensions that may hold the 统一社会信用代码, best first (GM/T 0015-2012, -2023, and an older CA habit)."""
COMMON_NAME: Final = "2.5.4.3"
SERIAL_NUMBER: Final = "2.5.4.5"
COUNTRY: Final = "2.5.4.6"
ORGANISATION: Final = "2.5.4.10"
UNIT: Final = "2.5.4.11"
TITLE: Final = "2.5.4.12"
ORGANISATION_IDENTIFIER: Final = "2.5.4.97"
_DN_FALLBACKS: Final = (ORGANISATION_IDENTIFIER, SERIAL_NUMBER, UNIT, "2.5.4.45")

KEY_USAGES: Final = (
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
)
TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"

BASIC_CONSTRAINTS: Final = "2.5.29.19"
KEY_USAGE: Final = "2.5.29.15"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
AUTHORITY_KEY_ID: Final = "2.5.29.35"
SUBJECT_KEY_ID: Final = "2.5.29.14"
_UNDERSTOOD: Final = frozenset(
    {BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, AUTHORITY_KEY_ID, SUBJECT_KEY_ID, *USCC_OIDS}
    | {"2.5.29.17", "2.5.29.18", "2.5.29.31", "2.5.29.32"}  # other names, where CRLs are, policies: need no rule here
)
_SHORT_NAMES: Final = {
    COMMON_NAME: "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    ORGANISATION: "O",
    UNIT: "OU",
    COUNTRY: "C",
    "2.5.4.9": "STREET",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
}
_CODE: Final = re.compile(r"(?<![0-9A-Z])N?([0-9A-HJ-NPQRTUWXY]{18})(?![0-9A-Z])")  # some CAs write a tag letter first


@dataclass(frozen=True)
class Certificate:
    """One certificate. `der` and every `*_der`, `tbs` are slices of the original bytes.

    `serial` is upper-case hex without prefix; `key_usage` is None when the extension is absent; `public_key` is an
    SM2 key, or the SubjectPublicKeyInfo DER of any other; `uscc_candidates` are unchecked 18-character codes, the
    likeliest first.
    """

    der: bytes = field(repr=False)
    tbs: bytes = field(repr=False)
    signature_algorithm: AlgorithmIdentifier
    signature: bytes = field(repr=False)
    serial: str
    issuer_der: bytes = field(repr=False)
    subject_der: bytes = field(repr=False)
    issuer_name: str
    subject_rfc4514: str
    common_name: str
    organisation: str
    title: str
    person_id: str
    not_before: datetime
    not_after: datetime
    public_key: PublicKey | bytes = field(repr=False)
    key_usage: frozenset[str] | None
    extended_key_usage: frozenset[str]
    extended_key_usage_critical: bool
    is_ca: bool
    path_length: int | None
    unknown_critical: tuple[str, ...]
    uscc_candidates: tuple[str, ...]
    subject_key_id: bytes = b""
    """The subject key identifier, empty when there is none."""

    @property
    def sm3(self) -> str:
        """Answer the fingerprint: SM3 of the DER, lower-case hex."""
        return sm3(self.der).hex()

    @property
    def serial_number(self) -> int:
        """Answer the serial as a number."""
        return int(self.serial, 16)

    @property
    def may_sign(self) -> bool:
        """Whether key usage allows signatures on data (签名证书); absent key usage allows everything."""
        return self.key_usage is None or bool(self.key_usage & {"digitalSignature", "nonRepudiation"})

    @property
    def may_encrypt(self) -> bool:
        """Whether key usage allows encryption to the key (加密证书)."""
        encryption = {"keyEncipherment", "dataEncipherment", "keyAgreement"}
        return self.key_usage is None or bool(self.key_usage & encryption)


@dataclass(frozen=True)
class _Extension:
    critical: bool
    value: bytes


_Name = tuple[tuple[str, str], ...]


def parse_certificate(data: bytes, *, uscc_oids: Sequence[str] = USCC_OIDS) -> Certificate:
    """Read a DER certificate.

    Raises LimitError over MAX_CERTIFICATE, MalformedError for anything that is no certificate, or whose SM2 key is
    not on the curve.
    """
    outer = der.read(data, limit=MAX_CERTIFICATE).fields()
    tbs = outer.take(der.SEQUENCE)
    algorithm, signature = outer.take(der.SEQUENCE), outer.take(der.BIT_STRING)
    outer.end()
    fields = tbs.fields()
    fields.optional(der.context(0))
    serial = fields.take(der.INTEGER).integer()
    inner_algorithm = fields.take(der.SEQUENCE)
    if inner_algorithm.raw != algorithm.raw:
        raise MalformedError("two different signature algorithms in one certificate")
    issuer, validity, subject = fields.take(der.SEQUENCE), fields.take(der.SEQUENCE).fields(), fields.take(der.SEQUENCE)
    spki = fields.take(der.SEQUENCE)
    extensions = _read_extensions(fields)
    names, issuer_names = read_name(subject), read_name(issuer)
    constraints = _basic_constraints(extensions.get(BASIC_CONSTRAINTS))
    usage, extended = extensions.get(KEY_USAGE), extensions.get(EXTENDED_KEY_USAGE)
    return Certificate(
        der=data,
        tbs=tbs.raw,
        signature_algorithm=read_algorithm(algorithm),
        signature=signature.bits(),
        serial=f"{serial:X}" if serial >= 0 else f"-{-serial:X}",
        issuer_der=issuer.raw,
        subject_der=subject.raw,
        issuer_name=_first(issuer_names, COMMON_NAME, ORGANISATION, UNIT),
        subject_rfc4514=format_name(names),
        common_name=_first(names, COMMON_NAME),
        organisation=_first(names, ORGANISATION),
        title=_first(names, TITLE),
        person_id=_first(names, SERIAL_NUMBER),
        not_before=validity.take().time(),
        not_after=validity.take().time(),
        public_key=read_public_key(spki),
        key_usage=_key_usage(usage.value) if usage else None,
        extended_key_usage=_purposes(extended.value) if extended else frozenset(),
        extended_key_usage_critical=bool(extended and extended.critical),
        is_ca=constraints[0],
        path_length=constraints[1],
        unknown_critical=tuple(oid for oid, ext in extensions.items() if ext.critical and oid not in _UNDERSTOOD),
        uscc_candidates=_find_codes(extensions, names, uscc_oids),
        subject_key_id=_key_id(extensions.get(SUBJECT_KEY_ID)),
    )


def read_name(name: der.Element) -> _Name:
    """Read a distinguished name as (OID, text) pairs in their order; values that are no text become hex."""
    pairs = list[tuple[str, str]]()
    for rdn in name.expect(der.SEQUENCE).children():
        for attribute in rdn.expect(der.SET).children():
            parts = attribute.fields()
            pairs.append((parts.take(der.OID).oid(), _text(parts.take())))
    return tuple(pairs)


def format_name(name: _Name) -> str:
    """Format as RFC 4514: the most specific first, special characters escaped."""
    return ",".join(f"{_SHORT_NAMES.get(oid, oid)}={_escape(text)}" for oid, text in reversed(name))


def _escape(text: str) -> str:
    text = re.sub(r'([\\,+"<>;=])', r"\\\1", text).replace("\0", "\\00")
    if text.startswith((" ", "#")):
        text = f"\\{text}"
    return f"{text[:-1]}\\ " if text.endswith(" ") and len(text) > 1 else text


def _text(value: der.Element) -> str:
    try:
        return value.text()
    except MalformedError:
        return f"#{value.raw.hex()}"


def _first(name: _Name, *oids: str) -> str:
    return next((text for wanted in oids for oid, text in name if oid == wanted), "")


def _read_extensions(fields: der.Fields) -> Mapping[str, _Extension]:
    fields.optional(der.context(1), der.context(1, primitive=True))
    fields.optional(der.context(2), der.context(2, primitive=True))
    block = fields.optional(der.context(3))
    fields.end()
    children = block.inner(block.tag).expect(der.SEQUENCE).children() if block else ()
    if len(children) > MAX_EXTENSIONS:
        raise MalformedError(f"more than {MAX_EXTENSIONS} extensions")
    found = dict[str, _Extension]()
    for child in children:
        oid, extension = _read_extension(child.fields())
        if oid in found:
            raise MalformedError(f"extension {oid} twice")
        found[oid] = extension
    return found


def _read_extension(parts: der.Fields) -> tuple[str, _Extension]:
    oid = parts.take(der.OID).oid()
    critical = parts.optional(der.BOOLEAN)
    value = parts.take(der.OCTET_STRING).octets()
    parts.end()
    return oid, _Extension(critical is not None and critical.boolean(), value)


def _basic_constraints(extension: _Extension | None) -> tuple[bool, int | None]:
    if extension is None:
        return False, None
    fields = der.read(extension.value, limit=MAX_CERTIFICATE).fields()
    authority, length = fields.optional(der.BOOLEAN), fields.optional(der.INTEGER)
    fields.end()
    return authority is not None and authority.boolean(), length.integer() if length else None


def _key_id(extension: _Extension | None) -> bytes:
    return der.read(extension.value, limit=MAX_CERTIFICATE).octets() if extension else b""


def _key_usage(value: bytes) -> frozenset[str]:
    flags = der.read(value, limit=MAX_CERTIFICATE).flags()
    return frozenset(KEY_USAGES[number] for number in flags if number < len(KEY_USAGES))


def _purposes(value: bytes) -> frozenset[str]:
    return frozenset(one.oid() for one in der.read(value, limit=MAX_CERTIFICATE).expect(der.SEQUENCE).children())


def _find_codes(extensions: Mapping[str, _Extension], name: _Name, oids: Sequence[str]) -> tuple[str, ...]:
    texts = [_extension_text(extensions[oid].value) for oid in oids if oid in extensions]
    texts += [text for wanted in _DN_FALLBACKS for oid, text in name if oid == wanted]
    return tuple(dict.fromkeys(code for text in texts for code in _CODE.findall(text.upper())))


def _extension_text(value: bytes) -> str:
    """Answer the text of an identity extension: a character string, or raw text as some CAs write."""
    try:
        return der.read(value, limit=MAX_CERTIFICATE).text()
    except MalformedError:
        return value.decode("utf-8", "replace")
