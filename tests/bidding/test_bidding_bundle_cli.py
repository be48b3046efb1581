"""`yizhao bundle` and what it stands on: the bid folder, a party that acts through a real wallet, packing, opening."""

import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bidding_world import BIDDERS, NOON, Packed, Section, World, make_random, make_section, pack
from click.testing import CliRunner, Result
from litestar import Litestar
from litestar.testing import TestClient
from msgspec.structs import replace

from bidding.bid_folder import BidDocument, BidFolder, BidSheet, export_zip, read_bid_folder, read_zip, write_bid_folder
from bidding.bundle import parse_bundle, verify_bundle
from bidding.bundle_header import Header
from bidding.cli.bundle import bundle
from bidding.cli.packing import LocalPacking, write_secret
from bidding.errors import BidFolderError, UntrustedParamsError, WrongHalfError
from bidding.faults import RecipientError
from bidding.params import Party, encode_params, parse_params
from bidding.reading import read_act, read_cms
from bidding.recovery import parse_code
from bidding.workbench.acting import ActingParty, ActingPorts, PendingAct, find_actor
from bidding.workbench.packing import BundleFile
from bidding.workbench.releasing import complete_release, half_from_code, request_release
from bidding.workbench.submitting import finalise_line, prepare_finalise
from identity.adapters.http import Platform
from identity.adapters.registry_http import HttpRegister
from identity.adapters.wallet_http import HttpWallet
from identity.errors import (
    AuthorisationMissingItemError,
    ConsentExpiredError,
    ConsentRefusedError,
    LicenceRevokedError,
    PersonNotEntitledError,
)
from identity.sandbox import registrar_http, wallet
from identity.sandbox.platform import open_platform
from signing import canonical
from signing.adapters.key_http import HttpKeyService
from signing.adapters.tsa_http import HttpTimestampAuthority
from signing.digests import sm3
from signing.envelope import commit_half, unwrap_half
from signing.errors import KeyServiceRefusedError
from signing.issuing import build_crl
from signing.path import Purpose, TrustAnchors
from signing.sandbox import keys, tsa
from signing.sandbox.authority import CertificateAuthority
from signing.statement import SignedStatement, complete_statement
from signing.trust import make_trust, save_trust

PIN = "246810"
LICENCE, SERVICES = "http://licence.test", "http://services.test"
KINDS = ("unit", "finance", "contract", "invoice", "legal-representative")


@dataclass
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Town:
    """A licence platform, its keys and time; a tenderer and a bidder with an agent."""

    licence: TestClient[Litestar]
    services: TestClient[Litestar]
    clock: Clock
    vault: keys.KeyVault
    authority: CertificateAuthority
    random: Callable[[int], bytes]
    tenderer: dict[str, Any]
    bidder: dict[str, Any]
    agent: dict[str, Any]

    @property
    def trust(self) -> TrustAnchors:
        return self.authority.trust()

    @property
    def ports(self) -> ActingPorts:
        platform = Platform(self.licence, LICENCE)
        return ActingPorts(
            HttpWallet(platform),
            HttpKeyService(self.services, SERVICES),
            HttpTimestampAuthority(self.services, f"{SERVICES}/tsa", self.random),
            HttpRegister(platform),
        )

    def party(self, authorisation: str = "") -> ActingParty:
        actor = find_actor(self.ports.register, self.bidder["uscc"], authorisation=authorisation)
        return ActingParty(self.ports, self.clock, self.random, "投标人工作台", actor)

    def confirm(self, consent: str, person: str = "") -> None:
        body = {"person": person or self.bidder["person"], "pin": PIN}
        assert self.licence.post(f"/wallet/consents/{consent}/confirm", json=body).status_code == 200

    def params(self, stages: int = 1) -> tuple[Section, SignedStatement]:
        section = make_section(stages=stages)
        value = replace(section.params, tenderer=Party("招标人", self.tenderer["uscc"]))
        data = encode_params(value)
        credential = f"unit:{self.tenderer['uscc']}"
        signed = complete_statement(
            data, self.vault.sign_with(credential, data), self.vault.find(credential).certificate
        )
        return Section(section.officer, value), signed


@pytest.fixture(scope="module")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder, clock, random = tmp_path_factory.mktemp("town"), Clock(), make_random("town")
    authority = CertificateAuthority(folder / "ca", "a passphrase", clock=clock, random=random)
    vault = keys.KeyVault(folder / "keys", "a passphrase", random=random)
    platform = open_platform(folder / "platform", vault=vault, random=random, clock=clock, passphrase="a passphrase")
    numbers = iter(range(1, 1000))

    def make_seals(request: httpx.Request) -> httpx.Response:
        del request
        seals = [{"number": f"370200{next(numbers):07d}", "kind": kind, "name": kind} for kind in KINDS]
        return httpx.Response(201, json={"seals": seals})

    maker = httpx.Client(transport=httpx.MockTransport(make_seals))
    licences = Litestar(
        [
            registrar_http.create_router(platform, authority=authority, maker=maker, maker_url="http://maker.test"),
            wallet.create_router(platform, readers={"cms": read_cms, "act": read_act}, base_url=LICENCE),
        ]
    )
    stamping = tsa.TimestampService.of(
        authority.issue_service("仿真时间戳", Purpose.TIMESTAMP), clock=clock, random=random
    )
    with TestClient(licences, base_url=LICENCE) as licence:
        services = Litestar(
            [keys.create_router(vault, wallet=licence, wallet_url=LICENCE), tsa.create_router(stamping)]
        )
        with TestClient(services, base_url=SERVICES) as service:
            tenderer, bidder = _open(licence, "招标人", "李甲"), _open(licence, "投标人甲", "张乙")
            agent = _authorise(licence, clock, bidder["uscc"])
            yield Town(licence, service, clock, vault, authority, random, tenderer, bidder, agent)


@pytest.fixture
def town(whole_town: Town) -> Iterator[Town]:
    """Lend the town; time goes on between tests, so that no consent of one waits for the next."""
    yield whole_town
    whole_town.clock.at += timedelta(minutes=15)


def _open(client: TestClient[Litestar], name: str, representative: str) -> dict[str, Any]:
    body = {"name": name, "legal_representative": representative, "pin": PIN}
    answer = client.post("/registrar/companies", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _authorise(client: TestClient[Litestar], clock: Clock, uscc: str) -> dict[str, Any]:
    body = {
        "uscc": uscc,
        "person_name": "王丙",
        "items": ["login", "pack", "release"],
        "not_before": clock().isoformat(),
        "not_after": (clock() + timedelta(days=30)).isoformat(),
        "pin": PIN,
        "person_pin": PIN,
    }
    answer = client.post("/registrar/authorisations", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def make_folder(town: Town, folder: Path, *, stages: int = 1) -> tuple[BidFolder, Section]:
    section, signed = town.params(stages)
    sources = folder / "sources"
    sources.mkdir(parents=True)
    documents = []
    for number in section.officer:
        path = sources / f"doc-{number}.pdf"
        path.write_bytes(b"%PDF-1.7 " + bytes(3000 + number))
        data = path.read_bytes()
        documents.append(
            BidDocument(f"doc-{number}", number, f"商务文件{number}.pdf", path.name, 7, len(data), sm3(data).hex(), ())
        )
    known = {"period": "90", "price": "1234567.00", "note": "含税"}
    values: dict[str, dict[str, str]] = {}
    for field in section.params.readout:
        values.setdefault(str(field.stage), {})[field.id] = known[field.id]
    sheet = BidSheet(1, section.params.section, town.bidder["uscc"], "投标人甲", signed, tuple(documents), values, ())
    written = write_bid_folder(folder / "bid", sheet, {d.file: sources / d.file for d in documents})
    return written, section


# The bid folder


def test_what_is_written_is_read(town: Town, tmp_path: Path) -> None:
    bid, section = make_folder(town, tmp_path, stages=2)
    assert read_bid_folder(bid.path) == bid
    assert [stage.stage for stage in bid.stages()] == list(section.officer)
    assert bid.stages()[1].values["price"] == "1234567.00"
    assert bid.stages()[0].documents[0].name == "商务文件1.pdf"


def test_a_zip_carries_the_same(town: Town, tmp_path: Path) -> None:
    bid, _ = make_folder(town, tmp_path)
    archive = export_zip(bid, tmp_path / "bid.zip")
    taken = read_zip(archive, tmp_path / "taken")
    assert taken.sheet == bid.sheet
    assert (taken.path / "doc-1.pdf").read_bytes() == (bid.path / "doc-1.pdf").read_bytes()
    assert export_zip(taken, tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def damage_document(folder: Path) -> None:
    path = folder / "doc-1.pdf"
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def lengthen_document(folder: Path) -> None:
    path = folder / "doc-1.pdf"
    path.write_bytes(path.read_bytes() + b"!")


def link_document(folder: Path) -> None:
    path = folder / "doc-1.pdf"
    path.rename(folder.parent / "elsewhere.pdf")
    path.symlink_to(folder.parent / "elsewhere.pdf")


def space_sheet(folder: Path) -> None:
    path = folder / "bid.json"
    path.write_bytes(path.read_bytes() + b"\n")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(damage_document, id="a byte changed"),
        pytest.param(lengthen_document, id="a byte more"),
        pytest.param(link_document, id="a link in place of a file"),
        pytest.param(space_sheet, id="another spelling of the sheet"),
        pytest.param(lambda folder: (folder / "doc-1.pdf").unlink(), id="a file missing"),
        pytest.param(lambda folder: (folder / "bid.json").unlink(), id="no sheet"),
    ],
)
def test_a_folder_that_is_not_what_it_says_is_refused(
    town: Town, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    bid, _ = make_folder(town, tmp_path)
    damage(bid.path)
    with pytest.raises(BidFolderError):
        read_bid_folder(bid.path)


@pytest.mark.parametrize("name", ["../evil.pdf", "a/b.pdf", "/abs.pdf", "a.pdf.exe", ".pdf", "a\\b.pdf", "a b.pdf"])
def test_unsafe_names_are_no_names(town: Town, tmp_path: Path, name: str) -> None:
    bid, _ = make_folder(town, tmp_path)
    document = replace(bid.sheet.documents[0], file=name)
    (bid.path / "bid.json").write_bytes(canonical.encode(replace(bid.sheet, documents=(document,))))
    with pytest.raises(BidFolderError):
        read_bid_folder(bid.path)


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param({"extra.pdf": b"x"}, id="a file that is not listed"),
        pytest.param({"../evil": b"x"}, id="a way out"),
        pytest.param({"doc-1.pdf": b"y"}, id="a name twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_zip_with_something_else_is_refused(town: Town, tmp_path: Path, entries: dict[str, bytes]) -> None:
    bid, _ = make_folder(town, tmp_path)
    archive = export_zip(bid, tmp_path / "bid.zip")
    with zipfile.ZipFile(archive, "a") as target:
        for name, data in entries.items():
            target.writestr(name, data)
    with pytest.raises(BidFolderError):
        read_zip(archive, tmp_path / "taken")
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize("cut", [0, 10, 500, -1], ids=str)
def test_a_zip_cut_short_is_refused(town: Town, tmp_path: Path, cut: int) -> None:
    bid, _ = make_folder(town, tmp_path)
    archive = export_zip(bid, tmp_path / "bid.zip")
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(BidFolderError):
        read_zip(archive, tmp_path / "taken")
    assert not (tmp_path / "taken").exists()


# Acting through the wallet


def test_an_act_is_signed_after_the_person_confirms(town: Town, tmp_path: Path) -> None:
    party, pending = submission(town, tmp_path)
    assert party.complete_act(pending) is None
    town.confirm(pending.consent.id)
    act = party.complete_act(pending)
    assert act is not None
    assert act.statement.statement == pending.statement
    assert canonical.decode(canonical.encode(pending), PendingAct) == pending
    with pytest.raises(KeyServiceRefusedError) as caught:
        party.complete_act(pending)
    assert caught.value.code == "consent_used"


def test_a_refused_consent_signs_nothing(town: Town, tmp_path: Path) -> None:
    party, pending = submission(town, tmp_path)
    town.licence.post(f"/wallet/consents/{pending.consent.id}/refuse", json={"person": town.bidder["person"]})
    with pytest.raises(ConsentRefusedError):
        party.complete_act(pending)


def test_waiting_ends_with_the_period(town: Town, tmp_path: Path) -> None:
    party, pending = submission(town, tmp_path)

    def sleep(seconds: float) -> None:
        del seconds
        town.clock.at += timedelta(minutes=4)

    with pytest.raises(ConsentExpiredError):
        party.wait(pending.consent, sleep)


def submission(town: Town, folder: Path) -> tuple[ActingParty, PendingAct]:
    path = folder / "x.ytb"
    path.write_bytes(b"a bundle")
    party, (_, signed) = town.party(), town.params()
    file = BundleFile(path, 8, sm3(b"a bundle").hex())
    act = prepare_finalise(signed.statement, town.bidder["uscc"], file, random=town.random)
    return party, party.request_act(act, finalise_line(act))


def test_an_agent_does_what_the_authorisation_covers(town: Town) -> None:
    party = town.party(town.agent["id"])
    assert (party.actor.person, party.actor.person_name) == (town.agent["person"], "王丙")
    assert party.standing("pack").authorisation is not None
    with pytest.raises(AuthorisationMissingItemError):
        party.standing("submit")


def test_somebody_else_does_not_act(town: Town) -> None:
    with pytest.raises(PersonNotEntitledError):
        find_actor(town.ports.register, town.bidder["uscc"], person="P000000000000")
    with pytest.raises(PersonNotEntitledError):
        find_actor(town.ports.register, town.tenderer["uscc"], authorisation=town.agent["id"])


def test_a_revoked_unit_does_not_act(town: Town) -> None:
    gone = _open(town.licence, f"投标人 {town.clock.at:%H%M}", "赵丁")
    actor = find_actor(town.ports.register, gone["uscc"])
    body = {"state": "revoked", "reason": "测试"}
    assert town.licence.post(f"/registrar/licences/{gone['uscc']}/state", json=body).is_success
    with pytest.raises(LicenceRevokedError):
        ActingParty(town.ports, town.clock, town.random, "投标人工作台", actor).standing("pack")


# Packing, releasing


def pack_locally(town: Town, folder: Path, recovery: Path | None = None, **changes: Any) -> tuple[Path, str, Section]:
    bid, section = make_folder(town, folder, stages=2)
    party = town.party()
    asked: list[str] = []

    class Watched:
        """The wallet, remembering what was asked, as a QR code would be remembered by its person."""

        def __getattr__(self, name: str) -> Any:
            return getattr(town.ports.wallet, name)

        def request_consent(self, record: bytes) -> Any:
            pending = town.ports.wallet.request_consent(record)
            asked.append(pending.id)
            return pending

    ports = ActingPorts(Watched(), party.ports.keys, party.ports.tsa, party.ports.register)
    party = ActingParty(ports, party.clock, party.random, party.audience, party.actor)
    local = LocalPacking(bid, party, town.trust, recovery_file=recovery, **changes)
    file, code = local.run(folder / "out.ytb", sleep=lambda _: town.confirm(asked[-1]))
    return file.path, code, section


def test_packing_on_the_own_machine(town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, code, section = pack_locally(town, tmp_path, tmp_path / "code.txt")
    assert capsys.readouterr().out.startswith(f"请在执照钱包确认：{LICENCE}/wallet/consents/")
    assert (tmp_path / "code.txt").read_text().strip() == code
    assert stat.S_IMODE((tmp_path / "code.txt").stat().st_mode) == 0o600
    assert len(parse_code(code)) == 20
    with path.open("rb") as stream:
        parsed = parse_bundle(stream, path.stat().st_size)
        trust, data = town.trust, encode_params(section.params)
        verify_bundle(parsed, stream, params=data, anchors=trust, evidence=trust.evidence, at=town.clock()).require()
    assert not list(tmp_path.glob(".*draft"))


def test_a_release_opens_the_half_that_was_committed_to(town: Town, tmp_path: Path) -> None:
    path, code, section = pack_locally(town, tmp_path)
    header, digest = header_of(path), sm3(path.read_bytes()).hex()
    party, device = town.party(), town.bidder["device"]
    for stage in section.officer:
        pending = request_release(party, header, stage, digest, device=device)
        assert complete_release(party, pending) is None
        town.confirm(pending.act.consent.id)
        release = complete_release(party, pending)
        assert release is not None
        assert commit_half(b"cKB", release.half).hex() == header.stage(stage).base.ckb
        assert release.half == half_from_code(header, stage, code)
        assert release.half.hex() not in repr(release)


def test_a_release_by_code_needs_the_right_half(town: Town, tmp_path: Path) -> None:
    path, code, _ = pack_locally(town, tmp_path)
    header, party = header_of(path), town.party()
    pending = request_release(party, header, 1, sm3(path.read_bytes()).hex())
    town.confirm(pending.act.consent.id)
    with pytest.raises(RecipientError):
        complete_release(party, pending)
    with pytest.raises(WrongHalfError):
        complete_release(party, pending, bytes(32))
    release = complete_release(party, pending, half_from_code(header, 1, code))
    assert release is not None


def test_a_device_that_is_not_in_the_header_releases_nothing(town: Town, tmp_path: Path) -> None:
    path, _, _ = pack_locally(town, tmp_path)
    with pytest.raises(RecipientError):
        request_release(town.party(), header_of(path), 1, "0" * 64, device="D9")


def test_nothing_is_packed_for_forged_parameters(town: Town, tmp_path: Path) -> None:
    bid, section = make_folder(town, tmp_path)
    data = encode_params(replace(section.params, tenderer=Party("招标人", town.bidder["uscc"])))
    forged = BidFolder(bid.path, replace(bid.sheet, params=replace(bid.sheet.params, statement=data)))
    with pytest.raises(UntrustedParamsError):
        LocalPacking(forged, town.party(), town.trust).run(tmp_path / "out.ytb")
    with pytest.raises(RecipientError):
        LocalPacking(bid, town.party(), town.trust, device="D9").run(tmp_path / "out.ytb")
    assert not (tmp_path / "out.ytb").exists()


def test_a_secret_is_never_written_over_something(tmp_path: Path) -> None:
    write_secret(tmp_path / "s", "one")
    with pytest.raises(FileExistsError):
        write_secret(tmp_path / "s", "two")


def header_of(path: Path) -> Header:
    with path.open("rb") as stream:
        return parse_bundle(stream, path.stat().st_size).header


# The commands


@dataclass
class Shelf:
    world: World
    section: Section
    packed: Packed
    trust: Path
    params: Path

    def run(self, *words: object) -> Result:
        return CliRunner().invoke(bundle, [str(word) for word in words], standalone_mode=False)

    def k_t(self, stage: int) -> str:
        header = header_of(self.packed.file.path)
        return unwrap_half(self.section.officer[stage], header.stage(stage).officer_wrap).hex()

    def k_b(self, stage: int) -> str:
        return half_from_code(header_of(self.packed.file.path), stage, self.packed.prepared.recovery_code).hex()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    folder, world, section = tmp_path_factory.mktemp("shelf"), World(), make_section()
    packed = pack(world, section, folder)
    trust = folder / "trust"
    root = world.root
    crl = build_crl(
        root.certificate, [], number=1, this_update=NOON, next_update=NOON + timedelta(days=3650), sign=root.sign
    )
    anchors = make_trust("test", "1", sandbox=True, anchors=world.anchors.anchors, crls=(crl,))
    save_trust(trust, anchors)
    (folder / "params.json").write_bytes(section.data)
    return Shelf(world, section, packed, trust, folder / "params.json")


def test_inspect_tells_what_the_header_says(shelf: Shelf) -> None:
    done = shelf.run("inspect", shelf.packed.file.path)
    assert done.return_value == 0
    for word in ("S-1", BIDDERS[0], "第 1 阶段", "第 2 阶段", "唱标信息", "手机钱包  D1", "恢复码", "严格模式"):
        assert word in done.output


def test_verify_passes_a_good_bundle(shelf: Shelf) -> None:
    done = shelf.run("verify", shelf.packed.file.path, "--trust", shelf.trust, "--params", shelf.params)
    assert done.return_value == 0, done.output
    assert done.output.startswith("TOTAL-PASSED")


def test_verify_fails_a_changed_one(shelf: Shelf, tmp_path: Path) -> None:
    with shelf.packed.file.path.open("rb") as stream:
        entry = next(e for e in parse_bundle(stream, shelf.packed.file.size).entries if e.name.startswith("stage-1/"))
    data = bytearray(shelf.packed.data)
    data[entry.offset] ^= 1
    (tmp_path / "x.ytb").write_bytes(data)
    done = shelf.run("verify", tmp_path / "x.ytb", "--trust", shelf.trust)
    assert done.return_value in (1, 4)


def test_verify_names_another_section(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(make_section("other", "S-2").data)
    done = shelf.run("verify", shelf.packed.file.path, "--trust", shelf.trust, "--params", tmp_path / "p.json")
    assert done.return_value == 1
    assert "S-2" in done.output


@pytest.mark.parametrize("command", ["inspect", "verify", "open"])
def test_what_is_no_bundle_is_refused(shelf: Shelf, tmp_path: Path, command: str) -> None:
    (tmp_path / "x.ytb").write_bytes(b"PK\x03\x04 nothing")
    more: dict[str, list[object]] = {
        "inspect": [],
        "verify": ["--trust", shelf.trust],
        "open": ["--kt", "0" * 64, "--kb", "0" * 64, "--out", tmp_path / "o"],
    }
    assert shelf.run(command, tmp_path / "x.ytb", *more[command]).return_value == 4


@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("how", ["hex", "file", "code", "params"])
def test_both_halves_open_a_stage(shelf: Shelf, tmp_path: Path, stage: int, how: str) -> None:
    (tmp_path / "kt").write_text(shelf.k_t(stage) + "\n")
    (tmp_path / "code").write_text(shelf.packed.prepared.recovery_code.lower() + "\n")
    bidders: dict[str, list[object]] = {
        "hex": ["--kb", shelf.k_b(stage)],
        "file": ["--kb", shelf.k_b(stage)],
        "code": ["--recovery-code-file", tmp_path / "code"],
        "params": ["--kb", shelf.k_b(stage), "--params", shelf.params],
    }
    officers = f"@{tmp_path / 'kt'}" if how == "file" else shelf.k_t(stage)
    out = tmp_path / "out"
    done = shelf.run("open", shelf.packed.file.path, "--stage", stage, "--kt", officers, *bidders[how], "--out", out)
    assert done.return_value == 0, done.output
    assert (out / f"stage-{stage}-part-3.pdf").read_bytes() == shelf.packed.documents[stage]
    assert (out / f"stage-{stage}-readout.json").exists()
    assert ("1234567.00" in done.output) == (stage == 2)


def test_a_wrong_half_is_told_with_whose_it_is(shelf: Shelf, tmp_path: Path) -> None:
    words = ("open", shelf.packed.file.path, "--kt", shelf.k_t(1), "--kb", "0" * 64, "--out", tmp_path)
    done = shelf.run(*words)
    assert done.return_value == 1
    assert "KB" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--kt", "12", "--kb", "0" * 64], id="a half too short"),
        pytest.param(["--kt", "x" * 64, "--kb", "0" * 64], id="not hex"),
        pytest.param(["--kt", "@nowhere", "--kb", "0" * 64], id="no such file"),
        pytest.param(["--kt", "0" * 64], id="no bidder's half"),
        pytest.param(["--kt", "0" * 64, "--kb", "0" * 64, "--stage", "3"], id="no such stage"),
    ],
)
def test_usage_is_checked(shelf: Shelf, tmp_path: Path, words: list[str]) -> None:
    done = shelf.run("open", shelf.packed.file.path, *words, "--out", tmp_path / "o")
    assert type(done.exception).__name__ in {"BadParameter", "UsageError"}


def test_params_in_the_folder_are_those_that_were_signed(town: Town, tmp_path: Path) -> None:
    bid, section = make_folder(town, tmp_path)
    assert bid.params == section.params == parse_params(bid.sheet.params.statement)
