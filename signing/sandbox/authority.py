"""A certificate authority for the sandbox (仿真 CA): for units, persons and services; GM, and INTL beside it.

Revocation lists are made afresh for each request and hold for a day; OCSP answers hold for an hour. Nothing here is
for production.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from litestar import Response, Router, get, post
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct

from signing import canonical, sm2
from signing.canonical import Name
from signing.certificates import TIME_STAMPING
from signing.errors import BadSignatureError, InvalidKeyError, MalformedError
from signing.issuing import ENCRYPTION, Subject
from signing.path import PURPOSE_OIDS, Anchor, Purpose, TrustAnchors
from signing.sandbox.authority_hierarchy import ORGANISATION_NAME, Hierarchy, Profile
from signing.sandbox.authority_state import ISSUERS, AuthorityFiles, Issuer
from signing.sandbox.ocsp import RESPONSE
from signing.sandbox.problems import problem
from signing.schemes import InternationalKey, generate_international
from signing.sm2 import PrivateKey, PublicKey
from signing.trust import encode_trust, make_trust

INTL_PURPOSES: Final = frozenset({Purpose.LICENCE, Purpose.TIMESTAMP})
"""What the INTL root may vouch for."""
_SERVICE_PURPOSES: Final = frozenset(Purpose) - {Purpose.LICENCE}


class ServiceRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A service asks for a certificate; `public_key` is an SM2 point 04||x||y."""

    name: Name
    purpose: Purpose
    public_key: Annotated[bytes, Meta(min_length=65, max_length=65)]
    uscc: Annotated[str, Meta(pattern=r"^([0-9A-Z]{18})?\Z")] = ""


class ServiceCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """The answer: DER, issuers nearest first."""

    certificate: bytes
    chain: tuple[bytes, ...]


@dataclass(frozen=True)
class Issued:
    """A certificate with its key and its issuers (nearest first), all DER."""

    key: PrivateKey = field(repr=False)
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class IssuedInternational:
    """The same of suite INTL: an ECDSA or RSA key."""

    key: InternationalKey = field(repr=False)
    certificate: bytes = field(repr=False)
    chain: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True)
class UnitCertificates:
    """双证书: one for signing, one for encryption, same subject."""

    signing: Issued
    encryption: Issued


class CertificateAuthority:
    """Issues, revokes and publishes. Thread-safe; `clock` answers aware UTC instants."""

    def __init__(
        self,
        folder: Path,
        passphrase: str,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
        base_url: str = "",
    ) -> None:
        """Open the folder, or make the authorities that are not in it. KeystoreError for a wrong passphrase.

        With a `base_url` (where this sandbox is reached) certificates say where CRL and OCSP are.
        """
        self._random, self._files = random, AuthorityFiles(folder, passphrase, random=random)
        self._authorities = Hierarchy(self._files, clock=clock, random=random, base_url=base_url)

    # Issuing

    def issue_unit(self, name: str, uscc: str) -> UnitCertificates:
        """Issue a unit its dual certificates, with the code in extension 1.2.156.10260.4.1.4 and in 2.5.4.97."""
        subject = Subject(name, organisation=name, organisation_id=uscc)
        signing = self._make("licence", subject, Profile(uscc=uscc))
        encryption = self._make("licence", subject, Profile(ENCRYPTION, uscc=uscc))
        return UnitCertificates(signing, encryption)

    def issue_person(self, name: str, *, company: str, uscc: str, title: str, person_id: str) -> Issued:
        """Issue a signing certificate to a person of a unit; `title` is 法定代表人 or 经办人, `person_id` opaque."""
        subject = Subject(name, organisation=company, organisation_id=uscc, title=title, person_id=person_id)
        return self._make("licence", subject, Profile(uscc=uscc))

    def issue_service(self, name: str, purpose: Purpose, *, uscc: str = "") -> Issued:
        """Issue a signing certificate to a service, good for this purpose only."""
        key = sm2.generate(self._random)
        made = self.certify_service(name, purpose, key.public, uscc=uscc)
        return Issued(key, made.certificate, made.chain)

    def certify_service(
        self, name: str, purpose: Purpose, public_key: PublicKey, *, uscc: str = ""
    ) -> ServiceCertificate:
        """Certify a service's own key, which stays with the service. ValueError for the purpose LICENCE."""
        if purpose not in _SERVICE_PURPOSES:
            raise ValueError(f"no service has the purpose {purpose}")
        subject = Subject(name, organisation=ORGANISATION_NAME, organisation_id=uscc)
        certificate = self._authorities.certify("service", subject, public_key, _profile(purpose, uscc))
        return ServiceCertificate(certificate, self._authorities.chain("service"))

    def issue_international(
        self, name: str, purpose: Purpose, kind: Literal["ecdsa", "rsa"], *, uscc: str = ""
    ) -> IssuedInternational:
        """Issue a P-256 or RSA-3072 key and certificate of suite INTL. ValueError for what its root vouches not for."""
        if purpose not in INTL_PURPOSES:
            raise ValueError(f"the international authority does not vouch for the purpose {purpose}")
        key = generate_international(kind)
        subject = Subject(name, organisation=ORGANISATION_NAME, organisation_id=uscc)
        certificate = self._authorities.certify("intl", subject, key.public_key, _profile(purpose, uscc))
        return IssuedInternational(key, certificate, self._authorities.chain("intl"))

    def require_own_key(self, uscc: str, public_key: PublicKey) -> None:
        """Tie a unit's service to the key with which it came first; InvalidKeyError for another one.

        Whoever comes later with a key of its own is not the centre, and must not sign receipts in its name.
        """
        if not uscc:
            return
        if not self._files.tie(f"service-{uscc}", public_key.point):
            raise InvalidKeyError(f"{uscc} has a service key already")

    # Status

    def revoke(self, serial: str, reason: str, at: datetime) -> None:
        """Revoke by serial (upper-case hex) as of `at`, for a reason of RFC 5280 5.3.1. KeyError if unknown."""
        self._files.revoke(serial, reason, at)

    def make_crl(self, issuer: Issuer) -> bytes:
        """Make the issuer's list as of now, DER; expired certificates stay listed."""
        return self._authorities.make_crl(issuer)

    def answer_ocsp(self, request: bytes, issuer: Issuer | None = None) -> bytes:
        """Answer an OCSP request, by the responder of this issuer or of the one that is asked about, DER."""
        return self._authorities.answer_ocsp(request, issuer)

    def certificate(self, issuer: Issuer) -> bytes:
        """Answer an authority's certificate, DER."""
        return self._authorities.certificate(issuer).der

    def trust(self) -> TrustAnchors:
        """Answer the sandbox's trust list with fresh CRLs: each issuing CA vouches for its own purposes."""
        known = self._authorities.certificate
        licence = Anchor(known("licence"), frozenset({Purpose.LICENCE}))
        service = Anchor(known("service"), _SERVICE_PURPOSES)
        international = Anchor(known("intl-root"), INTL_PURPOSES)
        return make_trust(
            ORGANISATION_NAME,
            f"sandbox-{known('root').serial[:8]}",
            sandbox=True,
            anchors=(licence, service, international),
            issuers=(known("root"), known("intl")),
            crls=tuple(self.make_crl(name) for name in ISSUERS),
        )

    # Inside

    def _make(self, issuer: Issuer, subject: Subject, profile: Profile) -> Issued:
        key = sm2.generate(self._random)
        certificate = self._authorities.certify(issuer, subject, key.public, profile)
        return Issued(key, certificate, self._authorities.chain(issuer))


def _profile(purpose: Purpose, uscc: str) -> Profile:
    """Answer the profile of a purpose: a licence signs data, everybody else bears the purpose as extended key usage."""
    if purpose is Purpose.LICENCE:
        return Profile(uscc=uscc)
    if purpose is Purpose.TIMESTAMP:
        return Profile(purposes=(TIME_STAMPING,), critical=True, uscc=uscc)
    return Profile(purposes=(PURPOSE_OIDS[purpose],), uscc=uscc)


class _Proof(Struct, frozen=True, forbid_unknown_fields=True):
    """A ServiceRequest in canonical JSON, signed with the key that it names."""

    request: bytes
    signature: bytes


def _require_centre(request: ServiceRequest) -> None:
    """Refuse every purpose but the centre's: the sandbox's own services get theirs in its process, not by asking."""
    if request.purpose is not Purpose.CENTRE:
        raise MalformedError(f"purpose {request.purpose} is not given over HTTP")


def create_router(authority: CertificateAuthority) -> Router:
    """Serve `/ca/{issuer}.crl`, `….cer`, `POST /ca/{issuer}.ocsp` and `/ca/ocsp`, `/ca/trust` and `POST /ca/services`.

    Issuers are root, licence, service, intl-root and intl.
    """

    @get("/{file:str}", sync_to_thread=True)
    def fetch(file: FromPath[str]) -> Response[Any]:
        """CRL 与证书."""
        return _publish(authority, file)

    @post("/{file:str}", status_code=200, sync_to_thread=True)
    def ask(file: FromPath[str], body: RawBody) -> Response[Any]:
        """OCSP."""
        issuer = next((one for one in ISSUERS if file == f"{one}.ocsp"), None)
        if issuer is None and file != "ocsp":
            return _unknown_file()
        return Response(authority.answer_ocsp(body, issuer), media_type=RESPONSE)

    @get("/trust", sync_to_thread=True)
    def fetch_trust() -> Response[Any]:
        """信任名单."""
        return Response(encode_trust(authority.trust()), media_type="application/json")

    @post("/services", sync_to_thread=True)
    def certify(body: RawBody) -> Response[Any]:
        """为服务签发证书."""
        try:
            proof = canonical.decode_lenient(body, _Proof)
            request = canonical.decode(proof.request, ServiceRequest)
            public = PublicKey(request.public_key)
            sm2.verify(public, proof.request, proof.signature)
            _require_centre(request)
            authority.require_own_key(request.uscc, public)
            made = authority.certify_service(request.name, request.purpose, public, uscc=request.uscc)
        except (MalformedError, InvalidKeyError, BadSignatureError, ValueError):
            detail = "请提交规范 JSON 的申请，并用所申请的私钥签名；用途只能是 centre，一个单位只能用最初登记的公钥。"
            return problem(422, "service_request_refused", "申请不符合要求", detail)
        return Response(canonical.encode(made), status_code=201, media_type="application/json")

    return Router(path="/ca", route_handlers=[fetch, ask, fetch_trust, certify])


def _publish(authority: CertificateAuthority, file: str) -> Response[Any]:
    name, _, kind = file.partition(".")
    issuer = next((one for one in ISSUERS if name == one), None)
    if issuer is not None and kind == "crl":
        return Response(authority.make_crl(issuer), media_type="application/pkix-crl")
    if issuer is not None and kind == "cer":
        return Response(authority.certificate(issuer), media_type="application/pkix-cert")
    return _unknown_file()


def _unknown_file() -> Response[Any]:
    detail = "请检查地址：root、licence、service、intl-root 或 intl 的 .crl、.cer 或 .ocsp。"
    return problem(404, "authority_file_unknown", "没有这个文件", detail)
