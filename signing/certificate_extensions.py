"""Reading the standard extensions of certificates (扩展项, RFC 5280 4.2): values only, no judgement.

What a judgement depends on (constraints, usages) must be well-formed; mere addresses (CRL and OCSP locations) that
cannot be read are taken as absent, since nobody needs them to judge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from signing import der
from signing.errors import MalformedError

MAX_EXTENSIONS: Final = 64
MAX_VALUE: Final = 64 << 10
"""Bytes of one extension's value."""
BASIC_CONSTRAINTS: Final = "2.5.29.19"
KEY_USAGE: Final = "2.5.29.15"
EXTENDED_KEY_USAGE: Final = "2.5.29.37"
AUTHORITY_KEY_ID: Final = "2.5.29.35"
SUBJECT_KEY_ID: Final = "2.5.29.14"
ALTERNATIVE_NAME: Final = "2.5.29.17"
CRL_ADDRESSES: Final = "2.5.29.31"
NAME_CONSTRAINTS: Final = "2.5.29.30"
POLICIES: Final = "2.5.29.32"
POLICY_MAPPINGS: Final = "2.5.29.33"
POLICY_CONSTRAINTS: Final = "2.5.29.36"
INHIBIT_ANY_POLICY: Final = "2.5.29.54"
AUTHORITY_ACCESS: Final = "1.3.6.1.5.5.7.1.1"
OCSP_NOCHECK: Final = "1.3.6.1.5.5.7.48.1.5"
ACCESS_OCSP: Final = "1.3.6.1.5.5.7.48.1"
ACCESS_ISSUERS: Final = "1.3.6.1.5.5.7.48.2"

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
DIRECTORY_NAME: Final = 4
RFC822_NAME: Final = 1
DNS_NAME: Final = 2
URI_NAME: Final = 6
IP_NAME: Final = 7
UNREADABLE_NAME: Final = -1
"""Stands for an alternative name that cannot be read: it is under no permitted subtree."""
_TAG_NUMBER: Final = 0x1F
_MAX_NAMES: Final = 1024


@dataclass(frozen=True)
class Extension:
    """One extension as it stands; `value` is the content of its OCTET STRING."""

    oid: str
    critical: bool
    value: bytes = field(repr=False)


@dataclass(frozen=True)
class GeneralName:
    """A GeneralName: the number of its tag, and its contents (of a directoryName, the whole Name)."""

    kind: int
    value: bytes


@dataclass(frozen=True)
class NameConstraints:
    """Subtrees (RFC 5280 4.2.1.10). `odd` is true when one has a minimum or maximum, which nobody may use."""

    permitted: tuple[GeneralName, ...] = ()
    excluded: tuple[GeneralName, ...] = ()
    odd: bool = False


@dataclass(frozen=True)
class PolicyRules:
    """Certificate policies and what constrains them; `policies` is None when the extension is absent."""

    policies: frozenset[str] | None = None
    mappings: tuple[tuple[str, str], ...] = ()
    require_explicit: int | None = None
    inhibit_mapping: int | None = None
    inhibit_any: int | None = None


@dataclass(frozen=True)
class Addresses:
    """Where an authority publishes: never followed unless somebody listed them (`adapters.revocation_http`)."""

    crls: tuple[str, ...] = ()
    ocsps: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()


def read_extensions(block: der.Element | None) -> dict[str, Extension]:
    """Read the SEQUENCE OF Extension inside its explicit tag; MalformedError for one that comes twice."""
    children: Sequence[der.Element] = block.inner(block.tag).expect(der.SEQUENCE).children() if block else ()
    if len(children) > MAX_EXTENSIONS:
        raise MalformedError(f"more than {MAX_EXTENSIONS} extensions")
    found = dict[str, Extension]()
    for child in children:
        extension = read_extension(child)
        if extension.oid in found:
            raise MalformedError(f"extension {extension.oid} twice")
        found[extension.oid] = extension
    return found


def read_extension(element: der.Element) -> Extension:
    """Read one Extension SEQUENCE."""
    parts = element.fields()
    oid = parts.take(der.OID).oid()
    critical = parts.optional(der.BOOLEAN)
    value = parts.take(der.OCTET_STRING).octets()
    parts.end()
    return Extension(oid, critical is not None and critical.boolean(), value)


def read_basic_constraints(extension: Extension | None) -> tuple[bool, int | None]:
    """Answer whether the subject is a CA, and its pathLenConstraint."""
    if extension is None:
        return False, None
    fields = _open(extension).fields()
    authority, length = fields.optional(der.BOOLEAN), fields.optional(der.INTEGER)
    fields.end()
    return authority is not None and authority.boolean(), length.integer() if length else None


def read_key_usage(extension: Extension | None) -> frozenset[str] | None:
    """Answer the usages by name, however the bits were padded; None when the extension is absent."""
    if extension is None:
        return None
    return frozenset(KEY_USAGES[number] for number in _open(extension).flags() if number < len(KEY_USAGES))


def read_purposes(extension: Extension | None) -> frozenset[str]:
    """Answer the extended key usages."""
    return frozenset(one.oid() for one in _list(_open(extension))) if extension else frozenset()


def read_subject_key_id(extension: Extension | None) -> bytes:
    """Answer the subject key identifier; empty when there is none or none to be read."""
    try:
        return _open(extension).octets() if extension else b""
    except MalformedError:
        return b""


def read_authority_key_id(extension: Extension | None) -> bytes:
    """Answer the key identifier of the authority key identifier; empty when there is none or none to be read."""
    try:
        children = _list(_open(extension)) if extension else ()
    except MalformedError:
        return b""
    return next((child.body for child in children if child.tag == der.context(0, primitive=True)), b"")


def read_alternative_names(extension: Extension | None) -> tuple[GeneralName, ...]:
    """Answer subjectAltName; what cannot be read becomes one name of kind UNREADABLE_NAME."""
    if extension is None:
        return ()
    try:
        return read_general_names(_list(_open(extension)))
    except MalformedError:
        return (GeneralName(UNREADABLE_NAME, extension.value),)


def read_general_names(elements: Sequence[der.Element]) -> tuple[GeneralName, ...]:
    """Read GeneralName elements."""
    if len(elements) > _MAX_NAMES:
        raise MalformedError(f"more than {_MAX_NAMES} names")
    return tuple(_read_general_name(element) for element in elements)


def _read_general_name(element: der.Element) -> GeneralName:
    kind = element.tag & _TAG_NUMBER
    return GeneralName(kind, element.inner(element.tag).raw if kind == DIRECTORY_NAME else element.body)


def read_name_constraints(extension: Extension | None) -> NameConstraints | None:
    """Answer the subtrees; None when the extension is absent."""
    if extension is None:
        return None
    fields = _open(extension).fields()
    permitted, excluded = fields.optional(der.context(0)), fields.optional(der.context(1))
    fields.end()
    trees = [_read_subtrees(one) for one in (permitted, excluded)]
    return NameConstraints(trees[0][0], trees[1][0], odd=trees[0][1] or trees[1][1])


def _read_subtrees(block: der.Element | None) -> tuple[tuple[GeneralName, ...], bool]:
    trees = [child.expect(der.SEQUENCE).children() for child in block.children()] if block else []
    if any(not tree for tree in trees):
        raise MalformedError("a subtree without a name")
    odd = any(one.body != b"\0" or one.tag != der.context(0, primitive=True) for tree in trees for one in tree[1:])
    return read_general_names([tree[0] for tree in trees]), odd


def read_policy_rules(extensions: Mapping[str, Extension]) -> PolicyRules:
    """Read certificatePolicies, policyMappings, policyConstraints and inhibitAnyPolicy together."""
    mappings = extensions.get(POLICY_MAPPINGS)
    constraints, inhibit = extensions.get(POLICY_CONSTRAINTS), extensions.get(INHIBIT_ANY_POLICY)
    limits = {child.tag & _TAG_NUMBER: _number(child) for child in _list(_open(constraints))} if constraints else {}
    pairs = [one.fields() for one in _list(_open(mappings))] if mappings else []
    return PolicyRules(
        _read_policies(extensions.get(POLICIES)),
        tuple((pair.take(der.OID).oid(), pair.take(der.OID).oid()) for pair in pairs),
        limits.get(0),
        limits.get(1),
        _open(inhibit).integer() if inhibit else None,
    )


def _read_policies(extension: Extension | None) -> frozenset[str] | None:
    """Answer the policies; a certificate whose policies cannot be read has none, unless they were critical."""
    try:
        listed = _list(_open(extension)) if extension else None
        return None if listed is None else frozenset(one.fields().take(der.OID).oid() for one in listed)
    except MalformedError:
        if extension is not None and extension.critical:
            raise
        return None


def _number(element: der.Element) -> int:
    """Answer the value of an INTEGER with an implicit tag."""
    return der.Element(der.INTEGER, element.raw, element.body).integer()


def read_addresses(extensions: Mapping[str, Extension]) -> Addresses:
    """Answer where CRLs, OCSP and issuers are said to be; none where that cannot be read."""
    access = _access(extensions.get(AUTHORITY_ACCESS))
    return Addresses(
        _crl_addresses(extensions.get(CRL_ADDRESSES)),
        tuple(url for method, url in access if method == ACCESS_OCSP),
        tuple(url for method, url in access if method == ACCESS_ISSUERS),
    )


def _access(extension: Extension | None) -> list[tuple[str, str]]:
    found = list[tuple[str, str]]()
    try:
        for one in _list(_open(extension)) if extension else ():
            parts = one.fields()
            method, place = parts.take(der.OID).oid(), parts.take()
            found += [(method, url) for url in uris([place])]
    except MalformedError:
        return []
    return found


def _crl_addresses(extension: Extension | None) -> tuple[str, ...]:
    try:
        points = [one.fields() for one in _list(_open(extension))] if extension else []
        names = [point.optional(der.context(0)) for point in points]
        return tuple(url for name in names if name for url in full_name(name))
    except MalformedError:
        return ()


def full_name(point: der.Element) -> tuple[str, ...]:
    """Answer the URIs of a DistributionPointName inside its explicit tag."""
    inner = point.inner(point.tag)
    return uris(inner.children()) if inner.tag == der.context(0) else ()


def uris(names: Sequence[der.Element]) -> tuple[str, ...]:
    """Answer the URIs among GeneralName elements, as ASCII text."""
    wanted = der.context(URI_NAME, primitive=True)
    return tuple(one.body.decode("ascii", "replace") for one in names if one.tag == wanted)


def _open(extension: Extension) -> der.Element:
    return der.read(extension.value, limit=MAX_VALUE)


def _list(element: der.Element) -> tuple[der.Element, ...]:
    return element.expect(der.SEQUENCE).children()
