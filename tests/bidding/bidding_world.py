"""A small world for bundle tests: one authority, a tenderer, a centre, bidders, a TSA, wallets. All deterministic."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bidding.params import Officer, Party, ReadoutField, RequiredItem, SectionParams, Stage, encode_params
from bidding.workbench.contents import PlainDocument, PlainStage
from bidding.workbench.packing import BundleFile, PackRequest, PreparedBundle, complete_bundle, prepare_bundle
from bidding.workbench.recipients import DeviceKey, rehearsal_proof
from signing import sm2
from signing.certificates import TIME_STAMPING, Certificate, parse_certificate
from signing.digests import sm3
from signing.envelope import unwrap_half
from signing.issuing import AUTHORITY, ENCRYPTION, SIGNING, CertificateRequest, Subject, build_certificate, build_crl
from signing.path import PURPOSE_OIDS, Anchor, Purpose, RevocationEvidence, TrustAnchors
from signing.statement import SignedStatement, complete_statement
from signing.timestamps import Stamp, make_token

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
DEADLINE = NOON + timedelta(hours=1)
DAY = timedelta(days=1)
BIDDERS = ("91110000MA01A2B3CN", "91110000MA01A2B3DR", "91110000MA01A2B3EW")
TENDERER, CENTRE = "91110000MA01TEN0X9", "91110000MA01CEN0XW"
FIELDS = {1: {"period": "90"}, 2: {"price": "1234567.00", "note": "含税"}}


def make_random(seed: str) -> Callable[[int], bytes]:
    """Answer a deterministic stream of bytes; no two calls give the same."""
    state = {"n": 0}

    def random(count: int) -> bytes:
        state["n"] += 1
        return hashlib.shake_256(f"{seed}/{state['n']}".encode()).digest(count)

    return random


@dataclass(frozen=True)
class Signer:
    key: sm2.PrivateKey
    certificate: Certificate

    def sign(self, message: bytes) -> bytes:
        return sm2.sign(self.key, message)

    def state(self, statement: bytes) -> SignedStatement:
        return complete_statement(statement, self.sign(statement), self.certificate.der)


@dataclass
class World:
    random: Callable[[int], bytes] = field(default_factory=lambda: make_random("world"))
    serial: int = 0

    def __post_init__(self) -> None:
        self.root = self.issue("仿真根 CA", usage=AUTHORITY, ca=True)
        self.tsa = self.issue("仿真时间戳", purposes=(TIME_STAMPING,))
        self.centre = self.issue("交易中心", uscc=CENTRE, purposes=(PURPOSE_OIDS[Purpose.CENTRE],))
        self.tenderer = self.issue("招标人", uscc=TENDERER)
        self.units = {uscc: self.issue(f"投标人 {uscc[-1]}", uscc=uscc) for uscc in BIDDERS}
        crl = build_crl(
            self.root.certificate, [], number=1, this_update=NOON, next_update=NOON + 30 * DAY, sign=self.root.sign
        )
        purposes = frozenset({Purpose.LICENCE, Purpose.TIMESTAMP, Purpose.CENTRE})
        self.anchors = TrustAnchors("test", "1", True, (Anchor(self.root.certificate, purposes),))
        self.evidence = RevocationEvidence.of(crl)

    def issue(
        self,
        name: str,
        *,
        uscc: str = "",
        person: str = "",
        usage: tuple[str, ...] = SIGNING,
        purposes: tuple[str, ...] = (),
        ca: bool = False,
    ) -> Signer:
        self.serial += 1
        key = sm2.generate(self.random)
        request = CertificateRequest(
            Subject(name, organisation=name, person_id=person),
            key.public,
            self.serial,
            NOON - DAY,
            NOON + 365 * DAY,
            key_usage=usage,
            purposes=purposes,
            purposes_critical=bool(purposes),
            uscc=uscc,
            is_ca=ca,
        )
        by = Signer(key, None) if ca else self.root  # type: ignore[arg-type]
        data = build_certificate(request, by.certificate, by.sign)
        return Signer(key, parse_certificate(data))

    def encryption(self, uscc: str) -> Signer:
        return self.issue("加密", uscc=uscc, usage=ENCRYPTION)

    def stamp(self, signature: bytes, at: datetime = NOON) -> bytes:
        self.serial += 1
        return make_token(Stamp(sm3(signature), self.serial, at, "1.2.3.4"), self.tsa.certificate, self.tsa.sign)


@dataclass(frozen=True)
class Wallet:
    """A phone: opens its own wraps."""

    keys: dict[str, sm2.PrivateKey]

    def rehearse(self, device: str, wrap: bytes) -> str:
        return rehearsal_proof(unwrap_half(self.keys[device], wrap))


@dataclass(frozen=True)
class Section:
    """A section with two stages, and the officers' private keys."""

    officer: dict[int, sm2.PrivateKey]
    params: SectionParams

    @property
    def data(self) -> bytes:
        return encode_params(self.params)


def make_section(seed: str = "section", name: str = "S-1", *, stages: int = 2) -> Section:
    random = make_random(seed)
    keys = {number: sm2.generate(random) for number in range(1, stages + 1)}
    params = SectionParams(
        v=1,
        suite="GM",
        section=name,
        version=1,
        project="某项目",
        title="一标段",
        tenderer=Party("招标人", TENDERER),
        centre=Party("交易中心", CENTRE),
        deadline=DEADLINE,
        release_window=600,
        grace=10,
        decrypt_mode="bidder-and-officer",
        stages=tuple(Stage(n, f"阶段 {n}", keys[n].public.point, shows_price=n == stages) for n in keys),
        officers=(Officer("开标人", tuple(keys)),),
        threshold=1,
        required=tuple(RequiredItem(f"doc-{n}", f"文件 {n}", n, mandatory=True, seals=()) for n in keys),
        readout=(
            ReadoutField("period", "工期", 1, "days"),
            ReadoutField("price", "投标报价", stages, "money"),
            ReadoutField("note", "备注", stages, "text"),
        ),
        max_bundle=1 << 30,
        rules="demo",
    )
    return Section(keys, params)


@dataclass(frozen=True)
class Packed:
    file: BundleFile
    prepared: PreparedBundle
    wallet: Wallet
    documents: dict[int, bytes]

    @property
    def data(self) -> bytes:
        return self.file.path.read_bytes()


def make_request(world: World, section: Section, folder: Path, bidder: str, *, size: int = 3000) -> PackRequest:
    stages = []
    for number in section.officer:
        path = folder / f"{bidder}-{number}.pdf"
        path.write_bytes(document(bidder, number, size))
        values = {f.id: (FIELDS[1] | FIELDS[2])[f.id] for f in section.params.readout if f.stage == number}
        document_ = PlainDocument(f"doc-{number}", f"文件{number}.pdf", path, 7, ())
        stages.append(PlainStage(number, values, (document_,), ()))
    key = device_key(bidder)
    devices = (DeviceKey("D1", key.public),)
    return PackRequest(section.data, bidder, tuple(stages), devices, world.units[bidder].certificate)


def device_key(bidder: str) -> sm2.PrivateKey:
    return sm2.generate(make_random(f"device {bidder}"))


def document(bidder: str, stage: int, size: int) -> bytes:
    return make_random(f"{bidder}/{stage}")(size)


def pack(world: World, section: Section, folder: Path, bidder: str = BIDDERS[0], *, size: int = 3000) -> Packed:
    request = make_request(world, section, folder, bidder, size=size)
    wallet = Wallet({"D1": device_key(bidder)})
    draft = folder / f"{bidder}.draft"
    random = make_random(f"{section.params.section} {bidder}")
    prepared = prepare_bundle(request, draft, rehearser=wallet, random=random, at=NOON)
    signature = world.units[bidder].sign(prepared.attributes)
    file = complete_bundle(prepared, signature, world.stamp(signature), folder / f"{bidder}.ytb")
    return Packed(file, prepared, wallet, {n: document(bidder, n, size) for n in section.officer})
