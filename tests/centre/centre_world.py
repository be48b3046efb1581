"""The bundle tests' world, with credit codes that check, persons who consent, a register, and a centre to talk to."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from bidding_world import (
    NOON,
    Packed,
    Section,
    Signer,
    Wallet,
    World,
    device_key,
    make_random,
    make_request,
    make_section,
)
from msgspec.structs import replace

from bidding.acts import Finalise, Release, SignedAct, Withdraw
from bidding.bundle import parse_bundle
from bidding.bundle_header import Header
from bidding.centre.house import Arrival, House, ServiceKey, TimeSource, Trust, Vault
from bidding.centre.ledger import Accepted, Known, Waiting
from bidding.centre.opening import Judgement
from bidding.centre.record import AddedSeal
from bidding.centre.service import Centre, Judges
from bidding.centre.uploads import Upload
from bidding.documents.opening_record import OpeningFacts
from bidding.params import Party, SealDemand, params_sm3
from bidding.workbench.packing import complete_bundle, prepare_bundle
from identity.actor import AuthorisationAnswer
from identity.consent import ConsentFile, ConsentRecord, SignedConsent
from identity.errors import AuthorisationUnknownError, InvalidCreditCodeError, LicencePlatformUnavailableError
from identity.licence import BusinessLicence, LegalRepresentative, LicenceAnswer, LicenceState
from identity.uscc import UnifiedSocialCreditCode
from signing import canonical
from signing.checks import Verdict, check
from signing.digests import sm3
from signing.envelope import unwrap_half
from signing.errors import UnavailableError
from signing.path import PURPOSE_OIDS, Anchor, Purpose, TrustAnchors
from signing.timestamps import Stamp, make_token
from storage.database import Role, migrate, open_database, sqlite_url
from storage.intake import Intake
from storage.objects import FileObjects
from storage.secrets import FieldCipher, Tagger

MINUTE = timedelta(minutes=1)
ADDRESS = "192.0.2.7"


def credit_code(body: str) -> str:
    """Answer the code with this beginning of seventeen characters."""
    for last in "0123456789ABCDEFGHJKLMNPQRTUWXY":
        try:
            return str(UnifiedSocialCreditCode(body + last))
        except InvalidCreditCodeError:
            continue
    raise AssertionError(body)


BIDDERS = tuple(credit_code(f"91110000MA01A2B3{n}") for n in range(3))
TENDERER, CENTRE = credit_code("91110000MA01TENDX"), credit_code("91110000MA01CENTX")


@dataclass
class Person:
    """A unit's legal representative."""

    id: str
    name: str
    signer: Signer


class CentreWorld(World):
    """One authority for all; made once, because keys are slow to make."""

    def __post_init__(self) -> None:
        super().__post_init__()
        everything = frozenset(Purpose)
        self.anchors = TrustAnchors("test", "1", sandbox=True, anchors=(Anchor(self.root.certificate, everything),))
        self.centre = self.issue("交易中心", uscc=CENTRE, purposes=(PURPOSE_OIDS[Purpose.CENTRE],))
        self.registrar = self.issue("登记机关", purposes=(PURPOSE_OIDS[Purpose.REGISTRAR],))
        self.tenderer = self.issue("招标人", uscc=TENDERER)
        self.units = {uscc: self.issue(f"投标人 {n}", uscc=uscc) for n, uscc in enumerate(BIDDERS)}
        self.persons = {uscc: self._person(n, uscc) for n, uscc in enumerate(BIDDERS)}
        self.nonce = itertools.count(1)

    def _person(self, number: int, uscc: str) -> Person:
        identity = f"P00000000000{number}"
        return Person(identity, f"张{number}", self.issue(f"张{number}", uscc=uscc, person=identity))

    def fresh(self) -> str:
        """Sixteen bytes, hex, never the same."""
        return f"{next(self.nonce):032x}"

    def act(self, value: Finalise | Withdraw | Release, at: datetime, *, by: str = "") -> bytes:
        """Answer an act with everything that belongs to it; `by` signs in place of the bidder."""
        uscc = by or value.bidder
        statement = canonical.encode(value)
        person = self.persons[uscc]
        record = canonical.encode(
            ConsentRecord(
                v=1,
                act=value.act,
                uscc=uscc,
                company=f"投标人 {uscc}",
                person=person.id,
                person_name=person.name,
                authorisation="legal-representative",
                audience="投标人工作台",
                files=(ConsentFile("递交", 0, len(statement), sm3(statement).hex()),),
                seal="",
                section=value.section,
                params_sm3=value.params_sm3,
                nonce=self.fresh(),
                not_before=at - MINUTE,
                not_after=at + MINUTE,
            )
        )
        consent = SignedConsent(1, record, person.signer.sign(record), person.signer.certificate.der)
        return canonical.encode(SignedAct(1, self.units[uscc].state(statement), consent))


@dataclass
class PaperRegister:
    """The register's answers, as the test sets them."""

    world: CentreWorld
    state: dict[str, LicenceState] = field(default_factory=dict)
    available: bool = True

    def fetch_licence(self, uscc: str) -> LicenceAnswer:
        if not self.available:
            raise LicencePlatformUnavailableError("down")
        person = self.world.persons[uscc]
        texts = dict.fromkeys(
            ("name", "type", "legal_representative", "registered_capital", "term", "address", "scope", "status"), "某"
        )
        days = {"established": "2020-01-01", "approved": "2020-01-02"}
        licence = BusinessLicence(v=1, uscc=uscc, authority="登记机关", **days, **texts)
        signed = self.world.registrar.state(canonical.encode(licence))
        legal = LegalRepresentative(person.id, person.name, person.signer.certificate.der)
        return LicenceAnswer(signed, self.state.get(uscc, LicenceState.ACTIVE), NOON, legal)

    def fetch_authorisation(self, authorisation: str) -> AuthorisationAnswer:
        raise AuthorisationUnknownError(authorisation)


@dataclass
class Tsa:
    """A timestamp authority on the test's clock."""

    world: CentreWorld
    clock: "Clock"
    available: bool = True

    def stamp(self, imprint_sm3: bytes) -> bytes:
        if not self.available:
            raise UnavailableError("down")
        self.world.serial += 1
        stamp = Stamp(imprint_sm3, self.world.serial, self.clock.now, "1.2.3.4")
        return make_token(stamp, self.world.tsa.certificate, self.world.tsa.sign)


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now


def draw(facts: OpeningFacts, /) -> bytes:
    """Answer a record that is no PDF: what matters here is how versions follow each other."""
    return canonical.encode(facts)


def judge_document(path: Path, uscc: str, seals: tuple[SealDemand, ...], /) -> Judgement:
    told = {"uscc": uscc, "size": path.stat().st_size, "seals": list(seals)}
    return Judgement("TOTAL-PASSED", canonical.encode(told))


def judge_record(previous: bytes, new: bytes, /) -> AddedSeal:
    """Take a seal to be a line `|field|uscc|ok` after the version before."""
    _, name, uscc, word = new[len(previous) :].decode().split("|")
    return AddedSeal(name, uscc, Verdict(check("seal", word == "ok", code="SIG")))


def pack_with(  # noqa: PLR0917 - a test says them in this order
    world: CentreWorld, section: Section, folder: Path, bidder: str, seed: str, randomness: str = ""
) -> Packed:
    """Answer a bundle; another seed is another content, under other keys unless `randomness` is kept."""
    wallet = Wallet({"D1": device_key(bidder)})
    request = make_request(world, section, folder, bidder, size=3000 + int(seed))
    random = make_random(randomness or f"{section.params.section} {bidder} {seed}")
    prepared = prepare_bundle(request, folder / "draft", rehearser=wallet, random=random, at=NOON)
    signature = world.units[bidder].sign(prepared.attributes)
    file = complete_bundle(prepared, signature, world.stamp(signature), folder / "bid.ytb")
    return Packed(file, prepared, wallet, {})


def header_of(packed: Packed) -> Header:
    with packed.file.path.open("rb") as stream:
        return parse_bundle(stream, packed.file.size).header


@dataclass
class Desk:
    """A centre, its clock, and hands to use it with."""

    world: CentreWorld
    clock: Clock
    register: PaperRegister
    tsa: Tsa
    centre: Centre
    section: Section
    folder: Path

    @property
    def params(self) -> str:
        return params_sm3(self.section.data)

    def arrival(self) -> Arrival:
        return Arrival(self.clock.now, ADDRESS)

    def pack(self, bidder: str = BIDDERS[0], seed: str = "1") -> Packed:
        folder = self.folder / f"{bidder}-{seed}"
        folder.mkdir()
        return pack_with(self.world, self.section, folder, bidder, seed)

    def finalise(self, bidder: str, data: bytes, **changes: object) -> bytes:
        """Answer the signed act for these bytes."""
        value = Finalise(
            v=1,
            act="submit",
            section=self.section.params.section,
            params_sm3=self.params,
            bidder=bidder,
            bundle_sm3=sm3(data).hex(),
            size=len(data),
            replaces="",
            key=self.world.fresh(),
        )
        return self.world.act(replace(value, **changes), self.clock.now)

    def begin(self, act: bytes, size: int) -> str:
        begun = self.centre.reception.begin(act, size, self.arrival())
        assert isinstance(begun, Upload)
        return begun.id

    def send(self, upload: str, data: bytes, *, at: int = 0) -> None:
        """Bytes from an offset on; the last one is read now."""
        with self.centre.uploads.writing(upload, at) as appender:
            appender.write(data)
            done = appender.offset == self.centre.uploads.get(upload).length
        if done:
            self.centre.reception.received(upload, self.clock.now, ADDRESS)

    def upload(self, act: bytes, data: bytes) -> str:
        upload = self.begin(act, len(data))
        self.send(upload, data)
        return upload

    def submit(self, act: bytes, data: bytes) -> Known | Waiting:
        """Begin, send, finalise."""
        return self.centre.reception.finalise(act, self.upload(act, data), self.arrival())

    def bid(self, bidder: str = BIDDERS[0], seed: str = "1", **changes: object) -> tuple[Packed, bytes]:
        """One accepted bid and its receipt file."""
        packed = self.pack(bidder, seed)
        outcome = self.submit(self.finalise(bidder, packed.data, **changes), packed.data)
        assert isinstance(outcome, Accepted)
        return packed, outcome.data

    def withdraw(self, bidder: str, bundle_sm3: str, key: str = "") -> bytes:
        value = Withdraw(
            v=1,
            act="withdraw",
            section=self.section.params.section,
            params_sm3=self.params,
            bidder=bidder,
            bundle_sm3=bundle_sm3,
            key=key or self.world.fresh(),
        )
        return self.world.act(value, self.clock.now)

    def half(self, bidder: str, packed: Packed, stage: int = 1) -> bytes:
        """K_B, as the bidder's device opens it."""
        wrap = next(w for w in header_of(packed).stage(stage).wraps if w.kind == "device")
        return unwrap_half(device_key(bidder), wrap.wrap)

    def release(self, bidder: str, packed: Packed, stage: int = 1, by: str = "") -> bytes:
        header = header_of(packed).stage(stage)
        value = Release(
            v=1,
            act="release",
            section=self.section.params.section,
            params_sm3=self.params,
            bidder=bidder,
            bundle_sm3=sm3(packed.data).hex(),
            stage=stage,
            ckb=header.base.ckb,
        )
        return self.world.act(value, self.clock.now, by=by)

    def close(self) -> None:
        self.clock.now = self.section.params.closes_at
        self.centre.tick()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Answer what stands in the database, for looking at."""
        with self.centre.house.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def count(self, table: str) -> int:
        return int(str(self.rows(f"SELECT count(*) FROM {table}")[0][0]))  # noqa: S608

    def stored_bytes(self) -> Iterator[bytes]:
        """Everything that a copy of database and objects holds."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and ("centre" in path.parts or path.name.startswith("centre.db")):
                yield path.read_bytes()


def make_desk(world: CentreWorld, folder: Path, *, stages: int = 1, name: str = "S-1", release: bool = True) -> Desk:
    clock = Clock()
    section = make_section(seed=name, name=name, stages=stages)
    params = replace(section.params, tenderer=Party("招标人", TENDERER), centre=Party("交易中心", CENTRE))
    section = Section(section.officer, params)
    engine = open_database(sqlite_url(folder / "centre.db"))
    migrate(engine, Role.CENTRE)
    register = PaperRegister(world)
    tsa = Tsa(world, clock)
    random = make_random(f"desk {folder}")
    house = House(
        uscc=CENTRE,
        name="交易中心",
        engine=engine,
        clock=clock,
        random=random,
        vault=Vault(FieldCipher(b"c" * 32, random), Tagger(b"t" * 32)),
        signer=ServiceKey(world.centre.certificate.der, world.centre.key),
        trust=Trust(world.anchors, lambda: world.evidence),
        register=register,
        time_source=TimeSource("test", 50),
        notice={"demo": timedelta(0), "standard": timedelta(days=20)},
    )
    centre = Centre.assemble(
        house,
        intake=Intake(folder / "centre" / "intake", b"i" * 32, random),
        objects=FileObjects(folder / "centre" / "objects", random),
        authority=tsa,
        judges=Judges(judge_document, judge_record, draw),
        scratch=folder / "scratch",
    )
    desk = Desk(world, clock, register, tsa, centre, section, folder)
    if release:
        centre.sections.release(canonical.encode(world.tenderer.state(section.data)), desk.arrival())
    return desk
