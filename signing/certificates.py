"""Certificates (证书) as they are found in the field: GB/T 20518, GM/T 0015, RFC 5280.

`parse_certificate` reads over the original bytes and never encodes anything again, so that certificates which are
not clean DER can still be verified. It judges nothing: that is `signing.path`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signing import der
from signing.algorithms import AlgorithmIdentifier, read_algorithm, read_public_key
from signing.certificate_extensions import (
    ALTERNATIVE_NAME,
    AUTHORITY_ACCESS,
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    CRL_ADDRESSES,
    EXTENDED_KEY_USAGE,
    INHIBIT_ANY_POLICY,
    KEY_USAGE,
    NAME_CONSTRAINTS,
    OCSP_NOCHECK,
    POLICIES,
    POLICY_CONSTRAINTS,
    POLICY_MAPPINGS,
    SUBJECT_KEY_ID,
    Addresses,
    Extension,
    GeneralName,
    NameConstraints,
    PolicyRules,
    read_addresses,
    read_alternative_names,
    read_authority_key_id,
    read_basic_constraints,
    read_extensions,
    read_key_usage,
    read_name_constraints,
    read_policy_rules,
    read_purposes,
    read_subject_key_id,
)
from signing.credit_codes import USCC_ATTRIBUTES, USCC_OIDS, find_credit_codes
from signing.digests import sm3
from signing.distinguished_names import (
    COMMON_NAME,
    ORGANISATION,
    SERIAL_NUMBER,
    TITLE,
    UNIT,
    first_of,
    format_name,
    read_name,
    same_name,
)
from signing.errors import MalformedError
from signing.sm2 import PublicKey

MAX_CERTIFICATE: Final = 64 << 10
"""Bytes."""
TIME_STAMPING: Final = "1.3.6.1.5.5.7.3.8"
OCSP_SIGNING: Final = "1.3.6.1.5.5.7.3.9"
_UNDERSTOOD: Final = frozenset(
    {BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, AUTHORITY_KEY_ID, SUBJECT_KEY_ID, *USCC_OIDS}
    | {NAME_CONSTRAINTS, POLICIES, POLICY_MAPPINGS, POLICY_CONSTRAINTS, INHIBIT_ANY_POLICY}
    | {ALTERNATIVE_NAME, "2.5.29.18", CRL_ADDRESSES, AUTHORITY_ACCESS, OCSP_NOCHECK}  # need no rule of their own
)


@dataclass(frozen=True)
class Certificate:
    """One certificate. `der` and every `*_der`, `tbs` are slices of the original bytes.

    `serial` is upper-case hex without prefix; `key_usage` is None when the extension is absent; `public_key` is an
    SM2 key, or the SubjectPublicKeyInfo DER of any other; `uscc_candidates` are 统一社会信用代码 with a right check
    character, the likeliest first, and `uscc_refused` codes of that form with a wrong one, which identify nobody.
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
    authority_key_id: bytes = b""
    uscc_refused: tuple[str, ...] = ()
    alternative_names: tuple[GeneralName, ...] = ()
    name_constraints: NameConstraints | None = None
    policy_rules: PolicyRules = field(default_factory=PolicyRules)
    addresses: Addresses = field(default_factory=Addresses, repr=False)
    ocsp_nocheck: bool = False
    """Whether id-pkix-ocsp-nocheck says that a responder's certificate need not be asked about (RFC 6960 4.2.2.2.1)."""
    extensions: tuple[Extension, ...] = field(default=(), repr=False)

    @property
    def sm3(self) -> str:
        """Answer the fingerprint: SM3 of the DER, lower-case hex."""
        return sm3(self.der).hex()

    @property
    def serial_number(self) -> int:
        """Answer the serial as a number."""
        return int(self.serial, 16)

    @property
    def self_issued(self) -> bool:
        """Whether subject and issuer are one name (自签发, RFC 5280 3.2): a root, or a CA that changed its key."""
        return same_name(self.subject_der, self.issuer_der)

    @property
    def may_sign(self) -> bool:
        """Whether key usage allows signatures on data (签名证书); absent key usage allows everything."""
        return self.key_usage is None or bool(self.key_usage & {"digitalSignature", "nonRepudiation"})

    @property
    def may_encrypt(self) -> bool:
        """Whether key usage allows encryption to the key (加密证书)."""
        encryption = {"keyEncipherment", "dataEncipherment", "keyAgreement"}
        return self.key_usage is None or bool(self.key_usage & encryption)


def parse_certificate(
    data: bytes, *, uscc_oids: Sequence[str] = USCC_OIDS, uscc_attributes: Sequence[str] = USCC_ATTRIBUTES
) -> Certificate:
    """Read a DER certificate.

    `uscc_oids` and `uscc_attributes` are where the 统一社会信用代码 is looked for, in this order.

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
    fields.optional(der.context(1), der.context(1, primitive=True))
    fields.optional(der.context(2), der.context(2, primitive=True))
    extensions = read_extensions(fields.optional(der.context(3)))
    fields.end()
    names, issuer_names = read_name(subject), read_name(issuer)
    is_ca, path_length = read_basic_constraints(extensions.get(BASIC_CONSTRAINTS))
    extended = extensions.get(EXTENDED_KEY_USAGE)
    values = {oid: extension.value for oid, extension in extensions.items()}
    codes = find_credit_codes(values, names, oids=uscc_oids, attributes=uscc_attributes)
    return Certificate(
        der=data,
        tbs=tbs.raw,
        signature_algorithm=read_algorithm(algorithm),
        signature=signature.bits(),
        serial=f"{serial:X}" if serial >= 0 else f"-{-serial:X}",
        issuer_der=issuer.raw,
        subject_der=subject.raw,
        issuer_name=first_of(issuer_names, COMMON_NAME, ORGANISATION, UNIT),
        subject_rfc4514=format_name(names),
        common_name=first_of(names, COMMON_NAME),
        organisation=first_of(names, ORGANISATION),
        title=first_of(names, TITLE),
        person_id=first_of(names, SERIAL_NUMBER),
        not_before=validity.take().time(),
        not_after=validity.take().time(),
        public_key=read_public_key(spki),
        key_usage=read_key_usage(extensions.get(KEY_USAGE)),
        extended_key_usage=read_purposes(extended),
        extended_key_usage_critical=bool(extended and extended.critical),
        is_ca=is_ca,
        path_length=path_length,
        unknown_critical=tuple(oid for oid, ext in extensions.items() if ext.critical and oid not in _UNDERSTOOD),
        uscc_candidates=codes.right,
        subject_key_id=read_subject_key_id(extensions.get(SUBJECT_KEY_ID)),
        authority_key_id=read_authority_key_id(extensions.get(AUTHORITY_KEY_ID)),
        uscc_refused=codes.wrong,
        alternative_names=read_alternative_names(extensions.get(ALTERNATIVE_NAME)),
        name_constraints=read_name_constraints(extensions.get(NAME_CONSTRAINTS)),
        policy_rules=read_policy_rules(extensions),
        addresses=read_addresses(extensions),
        ocsp_nocheck=OCSP_NOCHECK in extensions,
        extensions=tuple(extensions.values()),
    )
