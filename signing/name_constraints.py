"""Name constraints (名称约束, RFC 5280 4.2.1.10): which names a CA may certify.

Judged for directoryName, dNSName, rfc822Name (also emailAddress in the subject), URI and iPAddress. A name of a form
that is constrained in another way is refused, never let through.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from signing import der
from signing.certificate_extensions import (
    DIRECTORY_NAME,
    DNS_NAME,
    IP_NAME,
    RFC822_NAME,
    UNREADABLE_NAME,
    URI_NAME,
    GeneralName,
    NameConstraints,
)
from signing.certificates import Certificate
from signing.distinguished_names import EMAIL, fold_name, read_name
from signing.errors import MalformedError

_LIMIT: Final = 64 << 10
_IP_SIZES: Final = ((4, 8), (16, 32))
"""Octets of an address, and of an address with its mask."""
_EMPTY: Final = b"\x30\x00"
_HOST: Final = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def find_name_fault(certificates: Sequence[Certificate]) -> str:
    """Say which certificate has a name that an issuer above it may not certify; empty when none has.

    `certificates` stand in the order of the path, the leaf first and the anchor last; self-issued ones between are
    exempt (RFC 5280 6.1.3 b, c).
    """
    for depth, issuer in enumerate(certificates):
        if issuer.name_constraints is None:
            continue
        for place, below in enumerate(certificates[:depth]):
            if place and below.self_issued:
                continue
            if not _allows(issuer.name_constraints, below):
                return f"证书 {below.common_name} 的名称不在签发者 {issuer.common_name} 的名称约束之内"
    return ""


def _allows(constraints: NameConstraints, certificate: Certificate) -> bool:
    if constraints.odd:
        return False
    return all(_allows_name(constraints, name) for name in _names(certificate))


def _names(certificate: Certificate) -> Iterator[GeneralName]:
    yield from certificate.alternative_names
    if certificate.subject_der == _EMPTY:
        return
    yield GeneralName(DIRECTORY_NAME, certificate.subject_der)
    if not any(name.kind == RFC822_NAME for name in certificate.alternative_names):
        subject = read_name(der.read(certificate.subject_der, limit=_LIMIT))
        yield from (GeneralName(RFC822_NAME, text.encode()) for oid, text in subject if oid == EMAIL)


def _allows_name(constraints: NameConstraints, name: GeneralName) -> bool:
    if name.kind == UNREADABLE_NAME:
        return False
    permitted = [base for base in constraints.permitted if base.kind == name.kind]
    excluded = [base for base in constraints.excluded if base.kind == name.kind]
    try:
        inside = not permitted or any(_within(name, base) for base in permitted)
        return inside and not any(_within(name, base) for base in excluded)
    except (MalformedError, UnicodeDecodeError):
        return False


def _within(name: GeneralName, base: GeneralName) -> bool:
    """Whether the name lies in the subtree; MalformedError for forms that are not judged here."""
    match name.kind:
        case kind if kind == DIRECTORY_NAME:
            stem = fold_name(base.value)
            return fold_name(name.value)[: len(stem)] == stem
        case kind if kind == DNS_NAME:
            return _under_domain(_host_name(_ascii(name)), _ascii(base).removeprefix("."))
        case kind if kind == RFC822_NAME:
            return _mail_within(_ascii(name), _ascii(base))
        case kind if kind == URI_NAME:
            return _host_within(_host(_ascii(name)), _ascii(base))
        case kind if kind == IP_NAME:
            return _address_within(name.value, base.value)
    raise MalformedError(f"names of form {name.kind} are not judged")


def _ascii(name: GeneralName) -> str:
    return name.value.decode("ascii").lower()


def _under_domain(host: str, domain: str) -> bool:
    return not domain or host == domain or host.endswith(f".{domain}")


def _mail_within(address: str, base: str) -> bool:
    host = _host_name(address.rpartition("@")[2])
    return address == base if "@" in base else _host_within(host, base)


def _host_within(host: str, base: str) -> bool:
    """Whether the host is the base, or (base with a leading dot) below it."""
    return host.endswith(base) if base.startswith(".") else host == base


def _host(uri: str) -> str:
    authority = re.split(r"[/\\?#]", uri.partition("://")[2], maxsplit=1)[0]  # browsers take \ for /
    host = _host_name(authority.rpartition("@")[2].partition(":")[0])
    if host.rpartition(".")[2].isdigit():
        raise MalformedError("a URI with an address for a host name")
    return host


def _host_name(host: str) -> str:
    """Refuse what resolvers would take for another spelling of a constrained host: a last dot, escapes, nothing."""
    if not _HOST.fullmatch(host):
        raise MalformedError("not a host name")
    return host


def _address_within(address: bytes, base: bytes) -> bool:
    if (len(address), len(base)) not in _IP_SIZES:
        if len(address) not in {size for size, _ in _IP_SIZES} or len(base) not in {size for _, size in _IP_SIZES}:
            raise MalformedError("an IP address of no known length")
        return False
    network, mask = base[: len(address)], base[len(address) :]
    return all(one & bit == two & bit for one, two, bit in zip(address, network, mask, strict=True))
