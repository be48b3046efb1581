"""A public key infrastructure made in memory: root → issuing CA → leaves."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from signing import sm2
from signing.certificates import TIME_STAMPING, Certificate, parse_certificate
from signing.issuing import (
    AUTHORITY,
    SIGNING,
    CertificateRequest,
    Revocation,
    Subject,
    build_certificate,
    build_crl,
)
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors
from signing.sm2 import PrivateKey
from signing.timestamps import Stamp, make_token
from signing.trust import make_trust

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
USCC = "91350100M000100Y43"
POLICY = "2.25.1.1"


def read_pem(path: Path) -> list[Certificate]:
    """Read every certificate of a PEM file."""
    pattern = rb"-----BEGIN CERTIFICATE-----(.*?)-----END"
    return [parse_certificate(base64.b64decode(found)) for found in re.findall(pattern, path.read_bytes(), re.DOTALL)]


@dataclass(frozen=True)
class Holder:
    """A certificate with its key."""

    certificate: Certificate
    key: PrivateKey

    def sign(self, message: bytes) -> bytes:
        return sm2.sign(self.key, message)

    def issue(
        self,
        name: str = "某某建设有限公司",
        *,
        serial: int = 100,
        usage: Sequence[str] = SIGNING,
        purposes: Sequence[str] = (),
        critical: bool = False,
        not_before: datetime = NOON - 30 * DAY,
        not_after: datetime = NOON + 30 * DAY,
        is_ca: bool = False,
        path_length: int | None = None,
    ) -> "Holder":
        key = sm2.generate()
        request = CertificateRequest(
            Subject(name, organisation=name),
            key.public,
            serial,
            not_before,
            not_after,
            key_usage=usage,
            purposes=purposes,
            purposes_critical=critical,
            uscc=USCC,
            is_ca=is_ca,
            path_length=path_length,
        )
        return Holder(parse_certificate(build_certificate(request, self.certificate, self.sign)), key)

    def crl(
        self, *revocations: Revocation, this_update: datetime = NOON - DAY, next_update: datetime = NOON + DAY
    ) -> bytes:
        return build_crl(
            self.certificate,
            revocations,
            number=1,
            this_update=this_update,
            next_update=next_update,
            sign=self.sign,
        )


def make_root(name: str = "测试根") -> Holder:
    """Make a self-signed root."""
    key = sm2.generate()
    request = CertificateRequest(
        Subject(name), key.public, 1, NOON - 900 * DAY, NOON + 900 * DAY, key_usage=AUTHORITY, is_ca=True
    )
    return Holder(parse_certificate(build_certificate(request, None, lambda tbs: sm2.sign(key, tbs))), key)


def make_authority(root: Holder, name: str = "测试 CA", *, path_length: int | None = 0) -> Holder:
    """Make an issuing CA."""
    life = {"not_before": NOON - 800 * DAY, "not_after": NOON + 800 * DAY}
    return root.issue(name, serial=2, usage=AUTHORITY, is_ca=True, path_length=path_length, **life)


ROOT = make_root()
CA = make_authority(ROOT)
UNIT = CA.issue()
TSA = CA.issue("测试时间戳", serial=101, purposes=(TIME_STAMPING,), critical=True)
CRLS = (ROOT.crl(), CA.crl())
EVIDENCE = RevocationEvidence.of(*CRLS)


def trust(*anchors: Certificate, purposes: frozenset[Purpose] = frozenset(Purpose)) -> TrustAnchors:
    """Trust these (the root if none) for the purposes; the issuing CA is known."""
    chosen = anchors or (ROOT.certificate,)
    return make_trust(
        "测试",
        "1",
        sandbox=True,
        anchors=tuple(Anchor(one, purposes) for one in chosen),
        issuers=(CA.certificate,),
        crls=CRLS,
    )


TRUST = trust()


def token(imprint: bytes, *, at: datetime = NOON, holder: Holder = TSA, nonce: int | None = 7) -> bytes:
    """Make a token of the test authority."""
    return make_token(Stamp(imprint, 55, at, POLICY, nonce), holder.certificate, holder.sign)
