"""A certificate authority for the sandbox (仿真 CA): a root, one issuer for licences and one for services.

State is a folder: three encrypted keys, their certificates and `register.json`. Revocation lists are made afresh for
each request and hold for a day. Nothing here is for production.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Final, Literal

from litestar import Response, Router, get, post
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct, structs

from signing import canonical, sm2
from signing.canonical import Name
from signing.certificates import TIME_STAMPING, Certificate, parse_certificate
from signing.errors import BadSignatureError, InvalidKeyError, MalformedError
from signing.issuing import (
    AUTHORITY,
    ENCRYPTION,
    SIGNING,
    CertificateRequest,
    Revocation,
    Subject,
    build_certificate,
    build_crl,
)
from signing.keystore import load_key, save_key
from signing.path import PURPOSE_OIDS, Anchor, Purpose, TrustAnchors
from signing.sandbox.files import replace_file
from signing.sandbox.problems import problem
from signing.sm2 import PrivateKey, PublicKey
from signing.trust import encode_trust, make_trust

Issuer = Literal["root", "licence", "service"]
CRL_LIFE: Final = timedelta(hours=24)
_ISSUERS: Final[tuple[Issuer, ...]] = ("root", "licence", "service")
_NAMES: Final = {"root": "仿真根 CA", "licence": "仿真电子营业执照 CA", "service": "仿真服务 CA"}
_ORGANISATION: Final = "一照通投仿真环境"
_YEAR: Final = timedelta(days=365)
_LIFE: Final = {"root": 20 * _YEAR, "licence": 10 * _YEAR, "service": 10 * _YEAR}
_LEAF_LIFE: Final = 3 * _YEAR
_SERIAL_OCTETS: Final = 15
_SERVICE_PURPOSES: Final = frozenset(Purpose) - {Purpose.LICENCE}


class IssuedEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """What the register keeps of one certificate."""

    issuer: Issuer
    subject: str
    not_after: datetime
    revoked: datetime | None = None
    reason: str = ""


class CertificateRegister(Struct, frozen=True, forbid_unknown_fields=True):
    """Every certificate issued, by serial (upper-case hex)."""

    v: Literal[1]
    issued: dict[str, IssuedEntry]


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
class UnitCertificates:
    """双证书: one for signing, one for encryption, same subject."""

    signing: Issued
    encryption: Issued


class CertificateAuthority:
    """Issues, revokes and publishes. Thread-safe; `clock` answers aware UTC instants."""

    def __init__(
        self, folder: Path, passphrase: str, *, clock: Callable[[], datetime], random: Callable[[int], bytes]
    ) -> None:
        """Open the folder, or make the three authorities in an empty one. KeystoreError for a wrong passphrase."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._clock, self._random = folder, clock, random
        self._lock = Lock()
        self._keys, self._certificates = dict[Issuer, PrivateKey](), dict[Issuer, Certificate]()
        self._register = self._load_register()
        for name in _ISSUERS:
            self._keys[name], self._certificates[name] = self._open(name, passphrase)

    # Issuing

    def issue_unit(self, name: str, uscc: str) -> UnitCertificates:
        """Issue a unit its dual certificates, with the code in extension 1.2.156.10260.4.1.4 and in 2.5.4.97."""
        subject = Subject(name, organisation=name, organisation_id=uscc)
        signing = self._make("licence", subject, uscc=uscc)
        encryption = self._make("licence", subject, uscc=uscc, usage=ENCRYPTION)
        return UnitCertificates(signing, encryption)

    def issue_person(self, name: str, *, company: str, uscc: str, title: str, person_id: str) -> Issued:
        """Issue a signing certificate to a person of a unit; `title` is 法定代表人 or 经办人, `person_id` opaque."""
        subject = Subject(name, organisation=company, organisation_id=uscc, title=title, person_id=person_id)
        return self._make("licence", subject, uscc=uscc)

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
        oid = TIME_STAMPING if purpose is Purpose.TIMESTAMP else PURPOSE_OIDS[purpose]
        critical = purpose is Purpose.TIMESTAMP
        subject = Subject(name, organisation=_ORGANISATION, organisation_id=uscc)
        certificate = self._certify(
            "service", subject, public_key, uscc=uscc, usage=SIGNING, purposes=(oid,), critical=critical
        )
        return ServiceCertificate(certificate, self._chain("service"))

    def require_own_key(self, uscc: str, public_key: PublicKey) -> None:
        """Tie a unit's service to the key with which it came first; InvalidKeyError for another one.

        Whoever comes later with a key of its own is not the centre, and must not sign receipts in its name.
        """
        if not uscc:
            return
        known = self._folder / f"service-{uscc}.point"
        with self._lock:
            if not known.exists():
                replace_file(known, public_key.point)
            elif known.read_bytes() != public_key.point:
                raise InvalidKeyError(f"{uscc} has a service key already")

    # Status

    def revoke(self, serial: str, reason: str, at: datetime) -> None:
        """Revoke by serial (upper-case hex) as of `at`, for a reason of RFC 5280 5.3.1. KeyError if unknown."""
        with self._lock:
            entry = structs.replace(self._register.issued[serial], revoked=at, reason=reason)
            self._keep({**self._register.issued, serial: entry})

    def make_crl(self, issuer: Issuer) -> bytes:
        """Make the issuer's list as of now, DER."""
        now = self._clock().replace(microsecond=0)
        with self._lock:
            entries = [(serial, e) for serial, e in self._register.issued.items() if e.issuer == issuer and e.revoked]
        revoked = [Revocation(int(serial, 16), e.revoked, e.reason) for serial, e in entries if e.revoked]
        key = self._keys[issuer]
        return build_crl(
            self._certificates[issuer],
            revoked,
            number=int(now.timestamp()),
            this_update=now,
            next_update=now + CRL_LIFE,
            sign=lambda tbs: sm2.sign(key, tbs),
        )

    def certificate(self, issuer: Issuer) -> bytes:
        """Answer an authority's certificate, DER."""
        return self._certificates[issuer].der

    def trust(self) -> TrustAnchors:
        """Answer the sandbox's trust list with fresh CRLs: each issuing CA vouches for its own purposes."""
        licence = Anchor(self._certificates["licence"], frozenset({Purpose.LICENCE}))
        service = Anchor(self._certificates["service"], _SERVICE_PURPOSES)
        return make_trust(
            _ORGANISATION,
            f"sandbox-{self._certificates['root'].serial[:8]}",
            sandbox=True,
            anchors=(licence, service),
            issuers=(self._certificates["root"],),
            crls=tuple(self.make_crl(name) for name in _ISSUERS),
        )

    # State

    def _make(self, issuer: Issuer, subject: Subject, *, uscc: str, usage: tuple[str, ...] = SIGNING) -> Issued:
        key = sm2.generate(self._random)
        return Issued(key, self._certify(issuer, subject, key.public, uscc=uscc, usage=usage), self._chain(issuer))

    def _chain(self, issuer: Issuer) -> tuple[bytes, ...]:
        return (self.certificate(issuer), self.certificate("root"))

    def _certify(
        self,
        issuer: Issuer,
        subject: Subject,
        public: PublicKey,
        *,
        uscc: str,
        usage: tuple[str, ...],
        purposes: tuple[str, ...] = (),
        critical: bool = False,
    ) -> bytes:
        now = self._clock().replace(microsecond=0)
        request = CertificateRequest(
            subject,
            public,
            self._serial(),
            now,
            now + _LEAF_LIFE,
            key_usage=usage,
            purposes=purposes,
            purposes_critical=critical,
            uscc=uscc,
        )
        key = self._keys[issuer]
        made = build_certificate(request, self._certificates[issuer], lambda tbs: sm2.sign(key, tbs))
        self._enter(issuer, made)
        return made

    def _open(self, name: Issuer, passphrase: str) -> tuple[PrivateKey, Certificate]:
        key_file, certificate_file = self._folder / f"{name}.key", self._folder / f"{name}.cer"
        if certificate_file.exists():
            return load_key(key_file, passphrase), parse_certificate(certificate_file.read_bytes())
        key_file.unlink(missing_ok=True)  # a first start that was cut off before its certificate
        key = sm2.generate(self._random)
        save_key(key_file, key, passphrase, self._random)
        made = self._certify_authority(name, key)
        self._enter("root", made)
        replace_file(certificate_file, made)
        return key, parse_certificate(made)

    def _certify_authority(self, name: Issuer, key: PrivateKey) -> bytes:
        now = self._clock().replace(microsecond=0)
        request = CertificateRequest(
            Subject(_NAMES[name], organisation=_ORGANISATION),
            key.public,
            self._serial(),
            now,
            now + _LIFE[name],
            key_usage=AUTHORITY,
            is_ca=True,
            path_length=None if name == "root" else 0,
        )
        signer = self._keys.get("root", key)
        return build_certificate(request, self._certificates.get("root"), lambda tbs: sm2.sign(signer, tbs))

    def _serial(self) -> int:
        return int.from_bytes(self._random(_SERIAL_OCTETS)) | 1 << (8 * _SERIAL_OCTETS - 2)

    def _enter(self, issuer: Issuer, made: bytes) -> None:
        certificate = parse_certificate(made)
        entry = IssuedEntry(issuer, certificate.subject_rfc4514, certificate.not_after)
        with self._lock:
            self._keep({**self._register.issued, certificate.serial: entry})

    def _keep(self, issued: dict[str, IssuedEntry]) -> None:
        self._register = CertificateRegister(1, issued)
        replace_file(self._folder / "register.json", canonical.encode(self._register))

    def _load_register(self) -> CertificateRegister:
        file = self._folder / "register.json"
        return canonical.decode(file.read_bytes(), CertificateRegister) if file.exists() else CertificateRegister(1, {})


class _Proof(Struct, frozen=True, forbid_unknown_fields=True):
    """A ServiceRequest in canonical JSON, signed with the key that it names."""

    request: bytes
    signature: bytes


def _require_centre(request: ServiceRequest) -> None:
    """Refuse every purpose but the centre's: the sandbox's own services get theirs in its process, not by asking."""
    if request.purpose is not Purpose.CENTRE:
        raise MalformedError(f"purpose {request.purpose} is not given over HTTP")


def create_router(authority: CertificateAuthority) -> Router:
    """Serve `/ca/{root|licence|service}.crl`, `….cer`, `/ca/trust` (TrustFile JSON) and `POST /ca/services`."""

    @get("/{file:str}", sync_to_thread=True)
    def fetch(file: FromPath[str]) -> Response[Any]:
        """CRL 与证书."""
        name, _, kind = file.partition(".")
        for issuer in _ISSUERS:
            if name == issuer and kind == "crl":
                return Response(authority.make_crl(issuer), media_type="application/pkix-crl")
            if name == issuer and kind == "cer":
                return Response(authority.certificate(issuer), media_type="application/pkix-cert")
        return problem(
            404, "authority_file_unknown", "没有这个文件", "请检查地址：root、licence 或 service 的 .crl 或 .cer。"
        )

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

    return Router(path="/ca", route_handlers=[fetch, fetch_trust, certify])
