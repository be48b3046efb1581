"""Writing the extensions of certificates and lists (扩展项, RFC 5280 4.2 and 5.2), in DER."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from signing import der
from signing.certificate_extensions import (
    ACCESS_ISSUERS,
    ACCESS_OCSP,
    ALTERNATIVE_NAME,
    AUTHORITY_ACCESS,
    AUTHORITY_KEY_ID,
    BASIC_CONSTRAINTS,
    CRL_ADDRESSES,
    DIRECTORY_NAME,
    EXTENDED_KEY_USAGE,
    INHIBIT_ANY_POLICY,
    KEY_USAGE,
    KEY_USAGES,
    NAME_CONSTRAINTS,
    OCSP_NOCHECK,
    POLICIES,
    POLICY_CONSTRAINTS,
    POLICY_MAPPINGS,
    SUBJECT_KEY_ID,
    URI_NAME,
    Addresses,
    GeneralName,
    NameConstraints,
    PolicyRules,
)
from signing.credit_codes import USCC_EXTENSION
from signing.digests import sha256, sm3
from signing.ocsp import key_octets_of
from signing.schemes import PublicKey
from signing.sm2 import PublicKey as Sm2PublicKey

_KEY_ID: Final = 20
"""Octets of a key identifier that we make."""
_CRL_NUMBER: Final = "2.5.29.20"
_DELTA: Final = "2.5.29.27"
_SCOPE: Final = "2.5.29.28"
_EXPIRED_ON_CRL: Final = "2.5.29.60"


@dataclass(frozen=True)
class Extras:
    """Further extensions of a certificate; everything left empty is left out. `raw` are whole Extension SEQUENCEs."""

    addresses: Addresses = field(default_factory=Addresses)
    alternative_names: Sequence[GeneralName] = ()
    name_constraints: NameConstraints | None = None
    policy_rules: PolicyRules = field(default_factory=PolicyRules)
    ocsp_nocheck: bool = False
    raw: Sequence[bytes] = ()


@dataclass(frozen=True)
class CrlExtensions:
    """What narrows a list: `base` makes it a delta to the list of that number; scope as in RFC 5280 5.2.5.

    `expired_from` says that certificates which expired since then stay listed (expiredCertsOnCRL).
    """

    base: int | None = None
    address: str = ""
    users_only: bool = False
    authorities_only: bool = False
    indirect: bool = False
    expired_from: datetime | None = None


def encode_extensions(
    extras: Extras,
    *,
    public_key: PublicKey,
    authority: bytes,
    key_usage: Sequence[str],
    purposes: Sequence[str],
    purposes_critical: bool,
    uscc: str,
    is_ca: bool,
    path_length: int | None,
) -> list[bytes]:
    """Answer the extensions of a certificate in a fixed order; `authority` is a DER AuthorityKeyIdentifier."""
    usage = der.named_bits(*(KEY_USAGES.index(name) for name in key_usage))
    found = [
        encode_extension(SUBJECT_KEY_ID, der.octet_string(key_id(public_key))),
        encode_extension(AUTHORITY_KEY_ID, authority),
        encode_extension(KEY_USAGE, usage, critical=True),
    ]
    if is_ca:
        length = [der.integer(path_length)] if path_length is not None else []
        found.append(encode_extension(BASIC_CONSTRAINTS, der.sequence(der.boolean(True), *length), critical=True))
    if purposes:
        listed = der.sequence(*(der.oid(purpose) for purpose in purposes))
        found.append(encode_extension(EXTENDED_KEY_USAGE, listed, critical=purposes_critical))
    if uscc:
        found.append(encode_extension(USCC_EXTENSION, der.utf8(uscc)))
    return found + _encode_extras(extras)


def _encode_extras(extras: Extras) -> list[bytes]:
    found = list[bytes]()
    if extras.alternative_names:
        found.append(encode_extension(ALTERNATIVE_NAME, encode_general_names(extras.alternative_names)))
    if extras.name_constraints is not None:
        found.append(encode_extension(NAME_CONSTRAINTS, _subtrees(extras.name_constraints), critical=True))
    found += _encode_policies(extras.policy_rules)
    found += _encode_addresses(extras.addresses)
    if extras.ocsp_nocheck:
        found.append(encode_extension(OCSP_NOCHECK, b"\x05\x00"))
    return [*found, *extras.raw]


def encode_extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    """Encode one Extension; `critical` FALSE is left out, as DER wants it."""
    return der.sequence(der.oid(oid), der.boolean(True) if critical else b"", der.octet_string(value))


def encode_general_names(names: Sequence[GeneralName]) -> bytes:
    """Encode GeneralNames."""
    return der.sequence(*(_general_name(name) for name in names))


def directory_name(name_der: bytes) -> GeneralName:
    """Answer a DER Name as a GeneralName."""
    return GeneralName(DIRECTORY_NAME, name_der)


def uri(address: str) -> GeneralName:
    """Answer an address as a GeneralName."""
    return GeneralName(URI_NAME, address.encode("ascii"))


def key_id(public_key: PublicKey) -> bytes:
    """Answer the key identifier that we give: 20 octets of SM3 over the point, or of SHA-256 over the key."""
    if isinstance(public_key, Sm2PublicKey):
        return sm3(public_key.point)[:_KEY_ID]
    return sha256(key_octets_of(public_key))[:_KEY_ID]


def encode_authority_key_id(public_key: PublicKey, identifier: bytes) -> bytes:
    """Encode an AuthorityKeyIdentifier: the issuer's own identifier, or one made of its key if it has none."""
    return der.sequence(der.tlv(der.context(0, primitive=True), identifier or key_id(public_key)))


def encode_crl_extensions(extras: CrlExtensions, authority: bytes, number: int) -> list[bytes]:
    """Answer the extensions of a list."""
    found = [encode_extension(AUTHORITY_KEY_ID, authority), encode_extension(_CRL_NUMBER, der.integer(number))]
    if extras.base is not None:
        found.append(encode_extension(_DELTA, der.integer(extras.base), critical=True))
    if extras.address or extras.users_only or extras.authorities_only or extras.indirect:
        found.append(encode_extension(_SCOPE, _scope(extras), critical=True))
    if extras.expired_from is not None:
        found.append(encode_extension(_EXPIRED_ON_CRL, der.time(extras.expired_from.replace(microsecond=0))))
    return found


def _scope(extras: CrlExtensions) -> bytes:
    point = [der.explicit(0, der.explicit(0, _general_name(uri(extras.address))))] if extras.address else []
    flags = ((1, extras.users_only), (2, extras.authorities_only), (4, extras.indirect))
    return der.sequence(*point, *(der.tlv(der.context(n, primitive=True), b"\xff") for n, flag in flags if flag))


def _general_name(name: GeneralName) -> bytes:
    if name.kind == DIRECTORY_NAME:
        return der.explicit(name.kind, name.value)
    return der.tlv(der.context(name.kind, primitive=True), name.value)


def _subtrees(constraints: NameConstraints) -> bytes:
    trees = ((0, constraints.permitted), (1, constraints.excluded))
    listed = ((n, [der.sequence(_general_name(base)) for base in bases]) for n, bases in trees if bases)
    return der.sequence(*(der.explicit(n, *bases) for n, bases in listed))


def _encode_policies(rules: PolicyRules) -> list[bytes]:
    found = list[bytes]()
    if rules.policies:
        listed = der.sequence(*(der.sequence(der.oid(one)) for one in sorted(rules.policies)))
        found.append(encode_extension(POLICIES, listed))
    if rules.mappings:
        pairs = der.sequence(*(der.sequence(der.oid(ours), der.oid(theirs)) for ours, theirs in rules.mappings))
        found.append(encode_extension(POLICY_MAPPINGS, pairs, critical=True))
    limits = [(n, limit) for n, limit in ((0, rules.require_explicit), (1, rules.inhibit_mapping)) if limit is not None]
    if limits:
        encoded = (der.tlv(der.context(n, primitive=True), der.integer(limit)[2:]) for n, limit in limits)
        found.append(encode_extension(POLICY_CONSTRAINTS, der.sequence(*encoded), critical=True))
    if rules.inhibit_any is not None:
        found.append(encode_extension(INHIBIT_ANY_POLICY, der.integer(rules.inhibit_any), critical=True))
    return found


def _encode_addresses(addresses: Addresses) -> list[bytes]:
    found = list[bytes]()
    if addresses.crls:
        names = (der.explicit(0, der.explicit(0, _general_name(uri(url)))) for url in addresses.crls)
        found.append(encode_extension(CRL_ADDRESSES, der.sequence(*(der.sequence(name) for name in names))))
    methods = [(ACCESS_OCSP, url) for url in addresses.ocsps] + [(ACCESS_ISSUERS, url) for url in addresses.issuers]
    if methods:
        listed = (der.sequence(der.oid(method), _general_name(uri(url))) for method, url in methods)
        found.append(encode_extension(AUTHORITY_ACCESS, der.sequence(*listed)))
    return found
