"""Revocation lists, OCSP and trust lists over HTTP: from configured addresses, or from those a certificate names.

What a certificate names was written by whoever made it. Such an address is asked only if it is on an explicit list;
without a list none is. LDAP is never spoken and redirects are never followed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import httpx

from signing.adapters.http import exchange, fetch
from signing.canonical import MAX_DOCUMENT
from signing.certificates import MAX_CERTIFICATE, Certificate, parse_certificate
from signing.errors import MalformedError, SigningError, UnavailableError
from signing.ocsp import MAX_OCSP, CertId, OcspResponse, build_ocsp_request, parse_ocsp
from signing.path import RevocationEvidence, TrustAnchors
from signing.revocation import MAX_CRL, Crl, parse_crl
from signing.sm2 import PublicKey
from signing.trust import decode_trust

_NONCE: Final = 16
_PORTS: Final = {"http": 80, "https": 443}
_MAX_ADDRESSES: Final = 4
"""Addresses of one kind that are tried for one certificate."""
_MAX_URL: Final = 2048


@dataclass(frozen=True)
class HttpRevocationSource:
    """A `signing.ports.RevocationSource` over a list of CRL addresses."""

    client: httpx.Client
    urls: tuple[str, ...]

    def fetch_crls(self) -> tuple[bytes, ...]:
        """Answer every list, DER; UnavailableError if one does not come or is none."""
        return tuple(_fetch_crl(self.client, url).der for url in self.urls)


def fetch_trust(client: httpx.Client, url: str) -> TrustAnchors:
    """Answer a published trust list (`/ca/trust`); whoever calls this trusts the address. UnavailableError."""
    try:
        return decode_trust(fetch(client, url, limit=MAX_DOCUMENT))
    except MalformedError as error:
        raise UnavailableError(f"no trust list at {url}") from error


@dataclass(frozen=True)
class HttpOcsp:
    """An OCSP responder at a configured address, asked by POST (RFC 6960 A.1). `random(n)` makes nonces.

    `digest` names certificates in requests: SM3 for issuers with SM2 keys and SHA-1 for others, unless given.
    """

    client: httpx.Client
    url: str
    random: Callable[[int], bytes]
    digest: str = ""

    def request_status(self, certificate: Certificate, issuer: Certificate) -> OcspResponse:
        """Answer what the responder says of the certificate, for `RevocationEvidence(ocsps=…)`.

        The signature is judged with the path, not here. UnavailableError when nobody answers, when the responder
        refuses ("tryLater" among others), or when the answer is to another question.
        """
        digest = self.digest or ("sm3" if isinstance(issuer.public_key, PublicKey) else "sha1")
        nonce = self.random(_NONCE)
        body = build_ocsp_request([CertId.of(certificate.serial_number, issuer, digest)], nonce=nonce)
        headers = {"content-type": "application/ocsp-request"}
        status, data = exchange(self.client, "POST", self.url, limit=MAX_OCSP, content=body, headers=headers)
        if status != httpx.codes.OK:
            raise UnavailableError(f"status {status} where an OCSP response was expected")
        try:
            response = parse_ocsp(data)
        except SigningError as error:
            raise UnavailableError(f"no OCSP response at {self.url}") from error
        if response.answer != "successful":
            raise UnavailableError(f"the OCSP responder says {response.answer}")
        if response.nonce not in (b"", nonce) or not any(
            s.cert_id.names(certificate, issuer) for s in response.statuses
        ):
            raise UnavailableError("the OCSP response is to another question")
        return response


@dataclass(frozen=True)
class AllowedAddresses:
    """Prefixes under which addresses found in certificates may be asked, like `http://ca.example:8080/crl/`.

    Scheme, host and port must be equal; the path must lie under the prefix's, which ends at a `/` or is the whole
    path. ValueError for a prefix that is not an http or https address. Nothing is allowed by default.
    """

    prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse prefixes that could never match, or match more than they say."""
        for prefix in self.prefixes:
            if _split(prefix) is None:
                raise ValueError(f"not an address that can be allowed: {prefix!r}")

    def allows(self, url: str) -> bool:
        """Whether this address may be asked; userinfo, queries, fragments, dot segments and escapes are refused."""
        found = _split(url)
        if found is None:
            return False
        return any(_covers(_split(prefix), found) for prefix in self.prefixes)


_Place = tuple[str, str, int, str]


def _split(url: str) -> _Place | None:
    """Answer scheme, host, port and path of a plain address; None for everything else."""
    if len(url) > _MAX_URL or not url.isascii() or not url.isprintable() or set(url) & set(" \\%?#@"):
        return None
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return None
    path = url.partition("://")[2].partition("/")
    segments = path[2].split("/")
    if parsed.scheme not in _PORTS or not parsed.host or {".", ".."} & set(segments):
        return None
    return parsed.scheme, parsed.host.lower(), parsed.port or _PORTS[parsed.scheme], f"/{path[2]}"


def _covers(prefix: _Place | None, place: _Place) -> bool:
    if prefix is None or prefix[:3] != place[:3]:
        return False
    return place[3] == prefix[3] or (prefix[3].endswith("/") and place[3].startswith(prefix[3]))


@dataclass(frozen=True)
class CertificateSources:
    """Asks the addresses that certificates name, as far as they are allowed; what does not answer is left out."""

    client: httpx.Client
    random: Callable[[int], bytes]
    allowed: AllowedAddresses = field(default_factory=AllowedAddresses)

    def fetch_evidence(self, certificate: Certificate, issuer: Certificate) -> RevocationEvidence:
        """Answer the CRLs and OCSP responses that the certificate points to. Nothing here is judged."""
        return RevocationEvidence(
            tuple(crl for url in self._allowed(certificate.addresses.crls) for crl in self._crl(url)),
            tuple(
                response
                for url in self._allowed(certificate.addresses.ocsps)
                for response in self._ocsp(url, certificate, issuer)
            ),
        )

    def fetch_issuers(self, certificate: Certificate) -> tuple[Certificate, ...]:
        """Answer the issuers' certificates that the certificate points to, to be `extra` of a path."""
        return tuple(one for url in self._allowed(certificate.addresses.issuers) for one in self._issuer(url))

    def _allowed(self, urls: Iterable[str]) -> list[str]:
        return [url for url in dict.fromkeys(urls) if self.allowed.allows(url)][:_MAX_ADDRESSES]

    def _crl(self, url: str) -> Iterable[Crl]:
        try:
            return [_fetch_crl(self.client, url)]
        except UnavailableError:
            return []

    def _ocsp(self, url: str, certificate: Certificate, issuer: Certificate) -> Iterable[OcspResponse]:
        try:
            return [HttpOcsp(self.client, url, self.random).request_status(certificate, issuer)]
        except UnavailableError:
            return []

    def _issuer(self, url: str) -> Iterable[Certificate]:
        try:
            return [parse_certificate(fetch(self.client, url, limit=MAX_CERTIFICATE))]
        except SigningError:
            return []


def _fetch_crl(client: httpx.Client, url: str) -> Crl:
    body = fetch(client, url, limit=MAX_CRL)
    try:
        return parse_crl(body)
    except SigningError as error:
        raise UnavailableError(f"no CRL at {url}") from error
