"""The authorities of the sandbox CA (仿真 CA 的层级): a GM root with two issuers below, an INTL root with one.

Each signs certificates and lists, and has an OCSP responder of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from signing.certificate_extensions import Addresses
from signing.certificates import OCSP_SIGNING, Certificate
from signing.issuing import (
    AUTHORITY,
    SIGNING,
    CertificateRequest,
    Revocation,
    Subject,
    build_certificate,
    build_crl,
)
from signing.issuing_extensions import CrlExtensions, Extras
from signing.sandbox.authority_state import GM_ISSUERS, INTL_ISSUERS, ISSUERS, PARENTS, AuthorityFiles, Issuer
from signing.sandbox.ocsp import OcspResponder, answer_ocsp
from signing.schemes import PublicKey, SigningKey, Sm2Key

CRL_LIFE: Final = timedelta(hours=24)
ORGANISATION_NAME: Final = "一照通投仿真环境"
_NAMES: Final[dict[Issuer, str]] = {
    "root": "仿真根 CA",
    "licence": "仿真电子营业执照 CA",
    "service": "仿真服务 CA",
    "intl-root": "Sandbox International Root CA",
    "intl": "Sandbox International CA",
}
_YEAR: Final = timedelta(days=365)
_ROOT_LIFE: Final = 20 * _YEAR
_CA_LIFE: Final = 10 * _YEAR
_LEAF_LIFE: Final = 3 * _YEAR
_RENEW_BEFORE: Final = timedelta(days=30)
_SERIAL_OCTETS: Final = 15
_EVERYTHING_KEPT: Final = CrlExtensions(expired_from=datetime(2000, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Profile:
    """What a certificate to be issued shall be good for."""

    usage: tuple[str, ...] = SIGNING
    purposes: tuple[str, ...] = ()
    critical: bool = False
    uscc: str = ""
    nocheck: bool = False


class Hierarchy:
    """All authorities over one folder. Thread-safe; `clock` answers aware UTC instants."""

    def __init__(
        self, files: AuthorityFiles, *, clock: Callable[[], datetime], random: Callable[[int], bytes], base_url: str
    ) -> None:
        """Open the authorities, and make those that are not there yet."""
        self._files, self._clock, self._random, self._base = files, clock, random, base_url.rstrip("/")
        self._keys, self._certificates = dict[Issuer, SigningKey](), dict[Issuer, Certificate]()
        for name in GM_ISSUERS:
            self._open_gm(name)
        for name in INTL_ISSUERS:
            self._open_international(name)
        self._responders = {name: self._open_responder(name) for name in ISSUERS}

    def certificate(self, issuer: Issuer) -> Certificate:
        """Answer an authority's certificate."""
        return self._certificates[issuer]

    def chain(self, issuer: Issuer) -> tuple[bytes, ...]:
        """Answer the certificates of an issuer and of its root, DER."""
        return (self._certificates[issuer].der, self._certificates[PARENTS[issuer]].der)

    def certify(self, issuer: Issuer, subject: Subject, public: PublicKey, profile: Profile) -> bytes:
        """Issue a certificate and register it, DER."""
        now = self._clock().replace(microsecond=0)
        request = CertificateRequest(
            subject,
            public,
            self._serial(),
            now,
            min(now + _LEAF_LIFE, self._certificates[issuer].not_after),
            key_usage=profile.usage,
            purposes=profile.purposes,
            purposes_critical=profile.critical,
            uscc=profile.uscc,
            extras=Extras(addresses=self._addresses(issuer), ocsp_nocheck=profile.nocheck),
        )
        made = build_certificate(request, self._certificates[issuer], self._keys[issuer].sign)
        self._files.enter(issuer, made)
        return made

    def make_crl(self, issuer: Issuer) -> bytes:
        """Make the issuer's list as of now, DER; expired certificates stay listed."""
        now = self._clock().replace(microsecond=0)
        revoked = [
            Revocation(int(serial, 16), entry.revoked, entry.reason)
            for serial, entry in self._files.issued_by(issuer).items()
            if entry.revoked
        ]
        return build_crl(
            self._certificates[issuer],
            revoked,
            number=int(now.timestamp()),
            this_update=now,
            next_update=now + CRL_LIFE,
            sign=self._keys[issuer].sign,
            extras=_EVERYTHING_KEPT,
        )

    def answer_ocsp(self, request: bytes, issuer: Issuer | None = None) -> bytes:
        """Answer an OCSP request, by the responder of this issuer or of the one that is asked about, DER."""
        chosen = self._responders.values() if issuer is None else [self._responders[issuer]]
        return answer_ocsp(request, tuple(chosen))

    def _open_gm(self, name: Issuer) -> None:
        key, certificate = self._files.open_gm(name, lambda made: self._certify_authority(name, Sm2Key(made)))
        self._keys[name], self._certificates[name] = key, certificate

    def _open_international(self, name: Issuer) -> None:
        key = self._files.derive_p256(name)
        certificate = self._files.open_certificate(name, key, lambda: self._certify_authority(name, key))
        self._keys[name], self._certificates[name] = key, certificate

    def _certify_authority(self, name: Issuer, key: SigningKey) -> bytes:
        now, parent = self._clock().replace(microsecond=0), PARENTS[name]
        request = CertificateRequest(
            Subject(_NAMES[name], organisation=ORGANISATION_NAME),
            key.public_key,
            self._serial(),
            now,
            now + (_ROOT_LIFE if name == parent else _CA_LIFE),
            key_usage=AUTHORITY,
            is_ca=True,
            path_length=None if name == parent else 0,
            extras=Extras(addresses=Addresses() if name == parent else self._addresses(parent)),
        )
        signer = self._keys.get(parent, key)
        made = build_certificate(request, self._certificates.get(parent), signer.sign)
        self._files.enter(parent, made)
        return made

    def _open_responder(self, issuer: Issuer) -> OcspResponder:
        """Open the responder of an issuer; its certificate needs no status of its own, and is made anew in time."""
        name = f"ocsp-{issuer}"
        key = self._files.derive_p256(name) if issuer in INTL_ISSUERS else self._files.derive_sm2(name)

        def certify() -> bytes:
            subject = Subject(f"{_NAMES[issuer]} OCSP", organisation=ORGANISATION_NAME)
            profile = Profile(purposes=(OCSP_SIGNING,), nocheck=True)
            return self.certify(issuer, subject, key.public_key, profile)

        certificate = self._files.open_certificate(name, key, certify)
        if certificate.not_after - self._clock() < _RENEW_BEFORE:
            certificate = self._files.renew_certificate(name, certify())
        find = partial(self._files.find, issuer)
        return OcspResponder(self._certificates[issuer], certificate, key, find, self._clock)

    def _addresses(self, issuer: Issuer) -> Addresses:
        if not self._base:
            return Addresses()
        stem = f"{self._base}/ca/{issuer}"
        return Addresses((f"{stem}.crl",), (f"{stem}.ocsp",), (f"{stem}.cer",))

    def _serial(self) -> int:
        return int.from_bytes(self._random(_SERIAL_OCTETS)) | 1 << (8 * _SERIAL_OCTETS - 2)
