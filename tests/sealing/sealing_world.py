"""A small public-key infrastructure, declared; a company with its seals; plain PDFs to seal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from sealing import seal as seals
from sealing.pdf import PreparedSeal, complete_seal, prepare_fields, prepare_seal, statement_of
from sealing.placement import SealField
from sealing.seal import Holder, IssuedSeal, SealKind
from signing import sm2
from signing.certificates import TIME_STAMPING, Certificate, parse_certificate
from signing.digests import sm3
from signing.issuing import AUTHORITY, CertificateRequest, Revocation, Subject, build_certificate, build_crl
from signing.path import PURPOSE_OIDS, Anchor, Purpose, TrustAnchors
from signing.timestamps import Stamp, make_token
from signing.trust import make_trust

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOLDER = Holder("测试建设工程有限公司", "91350100M000100Y43", "欧阳明")
CONSENT = sm3(b"a consent")


@dataclass(frozen=True)
class Party:
    """A key with its certificate."""

    key: sm2.PrivateKey
    certificate: Certificate

    def sign(self, message: bytes) -> bytes:
        return sm2.sign(self.key, message)


@dataclass(frozen=True)
class World:
    """Everybody who signs, and the trust list that knows them."""

    unit: Party
    person: Party
    maker: Party
    clock: Party
    stranger: Party
    trust: TrustAnchors
    seals: dict[SealKind, IssuedSeal]

    def stamp(self, signature: bytes, at: datetime = NOON) -> bytes:
        stamp = Stamp(sm3(signature), 7, at, "1.2.3.4.1")
        return make_token(stamp, self.clock.certificate, self.clock.sign)

    def holder_of(self, kind: SealKind) -> Party:
        return self.person if kind is SealKind.LEGAL_REPRESENTATIVE else self.unit

    def prepare(self, source: Path, target: Path, kind: SealKind, field: str) -> PreparedSeal:
        signer = self.holder_of(kind).certificate
        return prepare_seal(source, target, field=field, seal=self.seals[kind], signer=signer, at=NOON)

    def apply(self, source: Path, target: Path, kind: SealKind, field: str) -> PreparedSeal:
        prepared = self.prepare(source, target, kind, field)
        tbs = statement_of(prepared, CONSENT, NOON)
        signature = self.holder_of(kind).sign(tbs)
        token = self.stamp(signature)
        complete_seal(prepared, tbs, signature, token, not_before=NOON - DAY, not_after=NOON + DAY)
        return prepared


def key(name: str) -> sm2.PrivateKey:
    return sm2.PrivateKey.from_scalar(sm3(name.encode()))


def issue(request: CertificateRequest, issuer: Party | None, own: sm2.PrivateKey) -> Party:
    sign = issuer.sign if issuer else lambda m: sm2.sign(own, m)
    data = build_certificate(request, issuer.certificate if issuer else None, sign)
    return Party(own, parse_certificate(data))


def declare(name: str, issuer: Party | None, **extra: object) -> Party:
    own = key(name)
    request = CertificateRequest(
        subject=Subject(str(extra.pop("cn", name)), organisation=str(extra.pop("o", ""))),
        public_key=own.public,
        serial=int.from_bytes(sm3(name.encode())[:7]),
        not_before=NOON - 100 * DAY,
        not_after=NOON + 100 * DAY,
        **extra,  # type: ignore[arg-type]
    )
    return issue(request, issuer, own)


def make_crl(issuer: Party, *revoked: Revocation) -> bytes:
    times = {"this_update": NOON - DAY, "next_update": NOON + 30 * DAY}
    return build_crl(issuer.certificate, revoked, number=1, sign=issuer.sign, **times)


def make_seal(
    world_kind: SealKind, certificate: Certificate, maker: Party, serial: int, **dates: datetime
) -> IssuedSeal:
    number = seals.seal_number("350100", serial)
    period = {"at": NOON - 10 * DAY, "not_after": NOON + 50 * DAY} | dates
    draft = seals.prepare_seal_info(
        world_kind, HOLDER, number, [certificate.der], vendor="YIZHAO", mark="仿真环境", **period
    )
    return seals.finish_seal(draft, maker.certificate.der, maker.sign(draft.info))


def build_world() -> World:
    """Declare everybody, and issue the set of five."""
    authority = {"is_ca": True, "key_usage": AUTHORITY}
    licences = declare("licence ca", None, **authority)
    services = declare("service ca", None, **authority)
    unit = declare("unit", licences, cn=HOLDER.company, o=HOLDER.company, uscc=HOLDER.uscc)
    person = declare("person", licences, cn=HOLDER.legal_representative, o=HOLDER.company, uscc=HOLDER.uscc)
    maker = declare("maker", services, cn="测试制章单位", purposes=[PURPOSE_OIDS[Purpose.SEAL_MAKER]])
    clock = declare("tsa", services, purposes=[TIME_STAMPING], purposes_critical=True)
    anchors = (
        Anchor(licences.certificate, frozenset({Purpose.LICENCE})),
        Anchor(services.certificate, frozenset({Purpose.SEAL_MAKER, Purpose.TIMESTAMP})),
    )
    crls = (make_crl(licences), make_crl(services))
    trust = make_trust("测试", "1", sandbox=True, anchors=anchors, crls=crls)
    made = {
        kind: make_seal(kind, (person if kind is SealKind.LEGAL_REPRESENTATIVE else unit).certificate, maker, serial)
        for serial, kind in enumerate(SealKind)
    }
    return World(unit, person, maker, clock, declare("stranger", None), trust, made)


def revoke_unit(world: World, at: datetime) -> TrustAnchors:
    """Answer the same trust list, with the unit's certificate revoked at an instant."""
    licences = Party(key("licence ca"), world.trust.anchors[0].certificate)
    entry = Revocation(world.unit.certificate.serial_number, at, "keyCompromise")
    return replace(world.trust, crls=(make_crl(licences, entry), world.trust.crls[1]))


def plain_pdf(pages: int = 3, *, rotate: int = 0) -> bytes:
    out = BytesIO()
    canvas = Canvas(out, pagesize=(595, 842), invariant=1)
    for number in range(1, pages + 1):
        canvas.drawString(72, 770, f"page {number}")
        if rotate:
            canvas.setPageRotation(rotate)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


FIELDS = (SealField("legal", 1, 30, 150, 20, 20), SealField("unit", -1, 120, 200, 40, 40))


def draft_pdf(path: Path, fields: Sequence[SealField] = FIELDS, *, rotate: int = 0) -> Path:
    """Write a PDF with prepared fields."""
    path.write_bytes(plain_pdf(rotate=rotate))
    prepare_fields(path, fields)
    return path
