"""The centre's pages: the public ones, the wall, the opening room, publishing and the host's seal on the sandbox."""

import io
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from bidding_world import NOON, Packed
from centre_world import BIDDERS, CENTRE, MINUTE, TENDERER, Desk
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parents[1] / "workbench"))

from workbench_world import PASSPHRASE, PIN, Company, Town, open_town

from bidding import sessions
from bidding.centre.hosting import Hosting
from bidding.centre.house import Journalled
from bidding.centre.publishing import Publishing
from bidding.centre.service import Centre, Judges
from bidding.documents.fields import draw_opening_record
from bidding.errors import MalformedParamsError
from bidding.lids import OfficerFault, OfficerRelease
from bidding.officer import (
    OpeningKey,
    OpeningKeys,
    generate_opening_keys,
    load_opening_key,
    parse_release_set,
    release_officer_halves,
)
from bidding.sessions import LoginDesk, csrf_of
from bidding.settings import Settings
from bidding.web.app import create_app
from bidding.web.centre_pages import CENTRE_PAGES
from bidding.web.centre_section_pages import read_form
from bidding.web.drawing import BoardRow, Cell, deadline_line, opening_board, price_scatter
from bidding.web.site import Site
from bidding.wiring.centre import OwnSecrets, build_centre
from identity.actor import Actor, Role
from identity.uscc import UnifiedSocialCreditCode
from sealing.verify import verify_pdf
from signing import canonical
from signing.checks import Indication
from signing.digests import sm3
from storage.database import reading, writing
from storage.models.centre import journal
from storage.models.sessions import login_sessions

Bids = dict[str, Packed]
PAGE = {"accept": "text/html"}
NOBODY: Any = None
"""Ports that a test does not reach."""


def login(desk: LoginDesk, uscc: str, person: str = "P00000000009", name: str = "李四", company: str = "某单位") -> str:
    """Leave a session as a finished login leaves it, in use for hours to come; answers its token."""
    actor = Actor(
        UnifiedSocialCreditCode(uscc), company, person, name, Role.LEGAL_REPRESENTATIVE, "legal-representative"
    )
    token, now = os.urandom(32).hex(), desk.clock()
    sealed = desk._cipher(token).seal(sessions._PLACE, canonical.encode(sessions._who(actor)))
    times = {"created_at": now, "seen_at": now + timedelta(hours=7), "expires_at": now + timedelta(hours=8)}
    with writing(desk.engine) as tx:
        tx.execute(login_sessions.insert().values(token_sm3=sessions._digest(token), sealed=sealed, **times))
    return token


def make_login(centre: Centre) -> LoginDesk:
    house = centre.house
    return LoginDesk(
        house.engine, NOBODY, NOBODY, lambda: house.trust.anchors, house.clock, os.urandom, "交易平台", "登录"
    )


@dataclass
class Browser:
    """A browser of one person, or of nobody."""

    client: TestClient[Litestar]
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {**PAGE, **({"authorization": f"Bearer {self.token}"} if self.token else {})}

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path, headers=self.headers, follow_redirects=False)

    def post(self, path: str, **form: Any) -> httpx.Response:
        return self.client.post(path, data=form, headers=self.headers, follow_redirects=False)

    def send(self, path: str, form: dict[str, Any], files: dict[str, Any]) -> httpx.Response:
        return self.client.post(path, data=form, files=files, headers=self.headers, follow_redirects=False)


def make_app(centre: Centre, publishing: Any = NOBODY, hosting: Any = NOBODY) -> Litestar:
    services = {
        "site": Site(centre.house.name, (("/", "标段"),), sandbox=True, clock=centre.house.clock),
        "centre": centre,
        "desk": make_login(centre),
        "publishing": publishing,
        "hosting": hosting or Hosting.of(centre, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, os.urandom),
    }
    return create_app(CENTRE_PAGES, services, title="test")


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient[Litestar]]:
    scratch = desk.folder / "draw"
    scratch.mkdir()
    desk.centre = replace(
        desk.centre, records=replace(desk.centre.records, draw=partial(draw_opening_record, random=os.urandom))
    )
    with TestClient(make_app(desk.centre)) as client:
        yield client


@pytest.fixture
def guest(client: TestClient[Litestar]) -> Browser:
    return Browser(client)


@pytest.fixture
def staff(desk: Desk, client: TestClient[Litestar]) -> Browser:
    return Browser(client, login(make_login(desk.centre), CENTRE))


def release(desk: Desk, bids: Bids, *bidders: str) -> None:
    for bidder in bidders:
        act = desk.release(bidder, bids[bidder])
        desk.centre.releasing.release(act, desk.half(bidder, bids[bidder]), desk.arrival())


def officer(desk: Desk) -> OfficerRelease:
    read = parse_release_set(desk.centre.releasing.release_set("S-1", 1))
    labels = {digest: desk.centre.releasing.label("S-1", digest) for digest in read.wanted(1)}
    return release_officer_halves(desk.section.officer[1], read, 1, labels)


def test_the_public_pages_tell_the_section_and_nothing_of_bids(desk: Desk, guest: Browser) -> None:
    before = guest.get("/sections/S-1").text
    desk.bid()
    first, page = guest.get("/"), guest.get("/sections/S-1")
    assert (first.status_code, page.status_code) == (200, 200)
    assert "script-src 'self'" in first.headers["content-security-policy"]
    for text in (first.text, page.text):
        assert "一标段" in text
        assert "2026-03-02 13:00:00" in text  # the deadline in Beijing, to the second
        assert "招标中" in text
    assert page.text == before  # a bid leaves no mark
    assert 'id="wall"' not in page.text
    assert guest.get("/sections/S-1/params.json").content == canonical.encode(desk.centre.sections.get("S-1").signed)
    result = guest.get("/sections/S-1/result")
    assert "sealed_until_opening" in result.text
    assert BIDDERS[0] not in result.text


@pytest.mark.parametrize("path", ["/?fragment=true", "/sections/S-1?fragment=true"])
def test_a_fragment_is_a_part_of_the_page(guest: Browser, path: str) -> None:
    text = guest.get(path).text
    assert "<html" not in text
    assert "data-until" in text


def test_whoever_is_not_logged_in_is_led_to_the_login(guest: Browser) -> None:
    answer = guest.get("/sections/S-1/opening")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2Fsections%2FS-1%2Fopening")
    assert guest.get("/sections/new").status_code == 303


def test_the_wall_tells_staff_nothing_and_notes_who_asked(desk: Desk, staff: Browser) -> None:
    desk.bid()
    calm = staff.get("/sections/S-1").text
    assert "看不到数量" in calm
    assert "没有人提前请求" in calm
    refused = staff.get("/sections/S-1/opening")
    assert refused.status_code == 403
    assert "sealed_until_opening" in refused.text
    assert "李四" in refused.text
    assert 'id="back"' in refused.text
    for text in (calm, refused.text):
        assert BIDDERS[0] not in text
    assert desk.rows("SELECT event FROM journal WHERE event = 'sealed-asked'") == [("sealed-asked",)]
    assert "1 次" in staff.get("/sections/S-1").text
    freeze = staff.post("/sections/S-1/opening/freeze", stage="1")
    assert (freeze.status_code, "window_not_open" in freeze.text) == (409, True)


def test_another_unit_does_not_enter_the_room(desk: Desk, client: TestClient[Litestar]) -> None:
    desk.close()
    other = Browser(client, login(make_login(desk.centre), BIDDERS[0]))
    answer = other.get("/sections/S-1/opening")
    assert (answer.status_code, "not_allowed" in answer.text) == (403, True)


def test_between_deadline_and_closing_the_room_waits(desk: Desk, staff: Browser) -> None:
    desk.bid()
    desk.clock.now = desk.section.params.deadline
    answer = staff.get("/sections/S-1/opening")
    assert (answer.status_code, "正在封标" in answer.text) == (200, True)
    assert desk.count("journal WHERE event = 'sealed-asked'") == 0
    desk.close()
    led = staff.get("/sections/S-1/opening?closing=true")
    assert (led.status_code, led.headers["location"]) == (303, "/sections/S-1/opening")


def test_the_opening_step_by_step(desk: Desk, staff: Browser, guest: Browser) -> None:
    bids = {bidder: desk.bid(bidder)[0] for bidder in BIDDERS[:2]}
    desk.close()
    room = "/sections/S-1/opening"
    text = staff.get(room).text
    assert 'data-step="window"' in text
    assert 'id="freeze" disabled' in text
    early = staff.post(f"{room}/freeze", stage="1")
    assert (early.status_code, "window_still_open" in early.text) == (409, True)
    release(desk, bids, *bids)
    assert 'data-step="freeze"' in staff.get(room).text
    assert staff.post(f"{room}/freeze", stage="1").headers["location"] == f"{room}?stage=1"
    assert 'data-step="officer"' in staff.get(room).text
    assert "not_frozen" not in guest.get("/sections/S-1/result").text
    desk.centre.opening.accept(canonical.encode(officer(desk)), desk.arrival())
    text = staff.get(room).text
    assert 'data-step="documents"' in text
    assert text.count("<td>1,234,567.00</td>") == 2
    desk.centre.tick()
    text = staff.get(room).text
    assert 'data-step="record"' in text
    assert "验证通过" in text
    digest = sm3(bids[BIDDERS[0]].data).hex()
    (document,) = desk.centre.opening.documents_of("S-1", 1, digest)
    path = f"{room}/documents/{digest}/{document.document}"
    assert sm3(staff.get(path).content).hex() == document.object
    assert "验证通过" in staff.get(f"{path}/report").text
    assert guest.get(path).status_code == 303
    assert staff.post(f"{room}/end", stage="1").status_code == 409
    assert staff.post(f"{room}/record", stage="1").status_code == 303
    assert 'id="seal-record"' in staff.get(room).text
    assert staff.get(f"{room}/record/1").content.startswith(b"\x89PNG")
    assert guest.get("/sections/S-1/record.pdf").content.startswith(b"%PDF")
    shown = guest.get("/sections/S-1/result").text
    assert "1,234,567.00" in shown
    assert f"投标人 {BIDDERS[0]}" in shown


def test_an_undecided_cause_needs_a_reason(desk: Desk, staff: Browser) -> None:
    bids = {BIDDERS[0]: desk.bid()[0]}
    desk.close()
    release(desk, bids, *bids)
    room = "/sections/S-1/opening"
    staff.post(f"{room}/freeze", stage="1")
    digest = sm3(bids[BIDDERS[0]].data).hex()
    told = OfficerRelease(1, "S-1", 1, desk.centre.releasing.frozen_sm3("S-1", 1), (), (OfficerFault(digest, "WRAP"),))
    told = told.signed_by(desk.section.officer[1])
    desk.centre.opening.accept(canonical.encode(told), desk.arrival())
    assert 'id="decide-1"' in staff.get(room).text
    form = {"stage": "1", "bundle_sm3": digest, "cause": "platform"}
    silent = staff.post(f"{room}/decide", **form, reason="  ")
    assert (silent.status_code, "reason_missing" in silent.text) == (422, True)
    assert 'data-step="decide"' in silent.text
    assert staff.post(f"{room}/decide", **form, reason="密钥设备故障").status_code == 303
    text = staff.get(room).text
    assert 'data-step="record"' in text
    assert "密钥设备故障" in text
    again = staff.post(f"{room}/decide", **form, reason="再次")
    assert (again.status_code, "already_decided" in again.text) == (409, True)


def test_a_cookie_alone_changes_nothing(desk: Desk, client: TestClient[Litestar]) -> None:
    desk.close()
    token = login(make_login(desk.centre), CENTRE)
    name = f"yizhao-{sm3('交易平台'.encode()).hex()[:8]}-session"
    client.cookies.set(name, token)
    bare = client.post("/sections/S-1/opening/freeze", data={"stage": "1"}, headers=PAGE, follow_redirects=False)
    assert bare.status_code in (400, 403)
    assert desk.count("lids WHERE lid = 2") == 0
    form = {"stage": "1", "csrf": csrf_of(token)}
    done = client.post("/sections/S-1/opening/freeze", data=form, headers=PAGE, follow_redirects=False)
    assert done.status_code == 303


KEY = "04" + "11" * 64
GOOD = {
    "project": "某项目", "title": "一标段", "section": "S-2", "minutes": "5", "window": "10", "officer": "开标人",
    "rules": "demo", "opening_key": KEY, "item1_title": "投标函", "item1_id": "letter", "item1_unit": "on",
    "field1_title": "投标总报价", "field1_id": "price", "field1_kind": "money",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        pytest.param({"project": " "}, "请填写项目名称", id="no project"),
        pytest.param({"minutes": "0"}, "距截止的分钟数", id="no time left"),
        pytest.param({"minutes": "五"}, "距截止的分钟数", id="no number"),
        pytest.param({"deadline": "tomorrow"}, "投标截止时间", id="no instant"),
        pytest.param({"opening_key": ""}, "请上传开标公钥文件", id="no key"),
        pytest.param({"opening_key": "04zz"}, "130 位", id="no hex"),
        pytest.param({"item1_title": ""}, "至少要有一项", id="no item"),
        pytest.param({"field1_kind": "date"}, "类型不正确", id="unknown kind"),
    ],
)
def test_a_bad_form_is_told_in_chinese(changes: dict[str, str], wrong: str) -> None:
    with pytest.raises(MalformedParamsError, match=wrong):
        read_form({**GOOD, **changes}, NOON)


def test_a_good_form() -> None:
    draft = read_form(GOOD, NOON + timedelta(milliseconds=300))
    assert draft.deadline == NOON + 5 * MINUTE + timedelta(seconds=1)
    assert draft.required[0].seals == ("unit",)
    given = read_form({**GOOD, "deadline": "2026-03-02T13:00"}, NOON)
    assert given.deadline == datetime(2026, 3, 2, 5, 0, tzinfo=UTC)


def test_pictures_escape_names_and_stay_inside() -> None:
    board = opening_board(("递交",), [BoardRow("<b>&", (Cell("good", "1"),))])
    assert "<b>" not in board
    assert "&lt;b&gt;&amp;" in board
    assert price_scatter(()) == ""
    assert "NaN" not in price_scatter([("甲", 100)])
    assert "最低" in price_scatter([("甲", 100), ("乙", 300)])
    assert "已截止" in deadline_line(NOON, NOON + MINUTE, NOON + 2 * MINUTE)


# -- on the sandbox's own register, wallet, key service, seal maker and authority


@dataclass
class Ahead:
    """The time of now, which a test can set ahead."""

    by: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        now = datetime.now(UTC) + self.by
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


@dataclass
class House:
    town: Town
    unit: Company
    clock: Ahead
    centre: Centre
    client: TestClient[Litestar]

    def browser(self, unit: Company, name: str) -> Browser:
        return Browser(self.client, login(make_login(self.centre), unit.uscc, unit.person, name, unit.name))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with open_town(tmp_path_factory.mktemp("town")) as opened:
        yield opened


@pytest.fixture
def house(town: Town, tmp_path: Path) -> Iterator[House]:
    name = f"滨河交易中心{os.urandom(3).hex()}"
    made = town.post("/registrar/companies", {"name": name, "legal_representative": "赵一", "pin": PIN})
    unit, clock, outside = Company(made["uscc"], name, made["person"]), Ahead(), town.outside
    (tmp_path / "keys").mkdir(mode=0o700)
    (tmp_path / "centre").mkdir()
    own = OwnSecrets(tmp_path / "keys", PASSPHRASE, os.urandom)
    settings = Settings(role="centre", data=str(tmp_path / "centre"), sandbox_url=town.url, rules="demo")
    built = build_centre(settings, own, outside, name=name, uscc=unit.uscc)
    centre = on_clock(built, clock)
    ports = (outside.wallet, outside.keys, outside.tsa)
    publishing = Publishing.of(centre, *ports, outside.register, os.urandom)
    hosting = Hosting.of(centre, *ports, outside.seals, outside.register, os.urandom)
    with TestClient(make_app(centre, publishing, hosting)) as client:
        yield House(town, unit, clock, centre, client)
    centre.house.engine.dispose()
    built.opening.judge.worker.close()  # type: ignore[attr-defined]


def on_clock(built: Centre, clock: Ahead) -> Centre:
    """Put the same centre together again on another clock."""
    records = built.records
    return Centre.assemble(
        replace(built.house, clock=clock),
        intake=built.uploads.intake,
        objects=built.opening.objects,
        authority=built.stamps.authority,
        judges=Judges(built.opening.judge, records.judge, records.draw),
        scratch=built.opening.scratch,
    )


def publish(house: House, browser: Browser, folder: Path, **changes: str) -> tuple[httpx.Response, OpeningKeys]:
    """Send the form as a browser does: with an empty or a chosen file."""
    keys = generate_opening_keys(folder / f"officer-{os.urandom(3).hex()}", [1], "a passphrase", os.urandom)
    local = (house.clock() + timedelta(hours=8, seconds=30)).strftime("%Y-%m-%dT%H:%M:%S")
    form = {**GOOD, "opening_key": "", "section": f"P-{os.urandom(3).hex()}", "deadline": local, **changes}
    file = {"opening_keys": ("opening-keys.json", io.BytesIO(canonical.encode(keys)), "application/json")}
    return browser.send("/sections/new", form, file), keys


def test_the_tenderer_publishes_a_section_on_its_own(house: House, tmp_path: Path) -> None:
    tenderer = house.browser(house.town.tenderer, "王一")
    assert 'id="publish"' in tenderer.get("/sections/new").text
    answer, _ = publish(house, tenderer, tmp_path)
    assert answer.status_code == 303, answer.text
    waiting = tenderer.get(answer.headers["location"])
    assert waiting.status_code == 200
    assert "开标公钥指纹" in waiting.text
    link = waiting.text.split('id="wallet" href="')[1].split('"')[0]
    stranger = house.browser(house.town.bidder, "欧阳㛃")
    assert stranger.get(answer.headers["location"]).status_code == 404
    house.town.confirm(link, person=house.town.tenderer.person)
    done = tenderer.get(answer.headers["location"])
    assert done.status_code == 303
    assert tenderer.get(answer.headers["location"]).headers["location"] == done.headers["location"]
    section = house.centre.sections.get(done.headers["location"].rsplit("/", 1)[1])
    assert section.params.tenderer.uscc == house.town.tenderer.uscc
    assert "招标中" in Browser(house.client).get(done.headers["location"]).text


def test_a_refusal_and_a_bad_form_are_told_on_the_page(house: House, tmp_path: Path) -> None:
    staff, town = house.browser(house.unit, "赵一"), house.town
    bad, _ = publish(house, staff, tmp_path, section="not a code", tenderer=town.tenderer.uscc)
    assert (bad.status_code, "params_malformed" in bad.text) == (422, True)
    assert 'value="某项目"' in bad.text
    unknown, _ = publish(house, staff, tmp_path, tenderer=TENDERER)
    assert (unknown.status_code, "company_unknown" in unknown.text) == (404, True)
    other = house.browser(town.bidder, "欧阳㛃")
    foreign, _ = publish(house, other, tmp_path, tenderer=town.tenderer.uscc)
    assert (foreign.status_code, "not_allowed" in foreign.text) == (403, True)
    answer, _ = publish(house, staff, tmp_path, tenderer=town.tenderer.uscc)
    link = staff.get(answer.headers["location"]).text.split('id="wallet" href="')[1].split('"')[0]
    reference = link.removesuffix("/page").rpartition("/")[2]
    town.post(f"/wallet/consents/{reference}/refuse", {"person": town.tenderer.person}, 200)
    over = staff.get(answer.headers["location"])
    assert (over.status_code, "consent_refused" in over.text) == (403, True)
    assert house.centre.sections.list() == ()


def journalled(centre: Centre, event: str) -> list[dict[str, str]]:
    with reading(centre.house.engine) as tx:
        rows = tx.execute(select(journal).where(journal.c.event == event).order_by(journal.c.seq)).all()
    return [centre.house.vault.open(f"journal/{row.subject}", row.sealed, Journalled).facts for row in rows]


def test_the_host_seals_the_record(house: House, tmp_path: Path) -> None:
    """A section without bids is enough: what matters is the host's consent and its seal."""
    staff, town = house.browser(house.unit, "赵一"), house.town
    answer, _ = publish(house, staff, tmp_path, tenderer=town.tenderer.uscc)
    (keys,) = tmp_path.glob("officer-*")
    location = answer.headers["location"]
    link = staff.get(location).text.split('id="wallet" href="')[1].split('"')[0]
    town.confirm(link, person=town.tenderer.person)
    code = staff.get(location).headers["location"].rsplit("/", 1)[1]
    house.clock.by = timedelta(seconds=45)
    house.centre.tick()
    room = f"/sections/{code}/opening"
    assert staff.post(f"{room}/freeze", stage="1").status_code == 303
    read = parse_release_set(house.centre.releasing.release_set(code, 1))
    nothing = OfficerRelease(1, code, 1, read.frozen_sm3, ()).signed_by(load_opening_key(keys, 1, "a passphrase"))
    house.centre.opening.accept(canonical.encode(nothing), house.centre.arrival(""))
    house.clock.by = timedelta(0)
    assert staff.post(f"{room}/record", stage="1").status_code == 303
    asked = staff.post(f"{room}/seal", stage="1")
    assert (asked.status_code, asked.headers["location"]) == (303, f"{room}/seal?stage=1")
    waiting = staff.get(asked.headers["location"])
    assert "加盖交易中心公章" in waiting.text
    assert 'id="seal-wait"' in staff.get(room).text
    refuse = waiting.text.split('id="wallet" href="')[1].split('"')[0].removesuffix("/page").rpartition("/")[2]
    town.post(f"/wallet/consents/{refuse}/refuse", {"person": house.unit.person}, 200)
    assert "consent_refused" in staff.get(asked.headers["location"]).text
    for _ in range(2):  # the second request takes the place of the first
        asked = staff.post(f"{room}/seal", stage="1")
        assert asked.status_code == 303, asked.text
    waiting = staff.get(asked.headers["location"])
    link = waiting.text.split('id="wallet" href="')[1].split('"')[0]
    town.confirm(link, person=house.unit.person)
    done = staff.get(asked.headers["location"])
    assert (done.status_code, done.headers["location"]) == (303, f"{room}?stage=1")
    version, data = house.centre.records.get(code, 1)
    assert (version.number, version.signer) == (2, house.unit.uscc)
    file = tmp_path / "record.pdf"
    file.write_bytes(data)
    trust = town.outside.trust.anchors()
    verdict = verify_pdf(file, anchors=trust, evidence=trust.evidence, at=house.clock())
    assert [one.verdict.indication for one in verdict.signatures] == [Indication.TOTAL_PASSED]
    assert staff.post(f"{room}/seal", stage="1").status_code == 409
    told = journalled(house.centre, "record-seal")
    assert [(one["outcome"], one["code"]) for one in told] == [
        ("refused", "consent_refused"),
        ("refused", "replaced"),
        ("sealed", ""),
        ("failed", "field"),
    ]
    assert (told[2]["before_sm3"], told[2]["after_sm3"]) == (told[0]["before_sm3"], version.sm3)
    assert told[2]["authorisation"] == "legal-representative"
    assert all(told[2][name] for name in ("seal", "certificate", "document_sm3", "consent", "token", "signature_sm3"))
    assert 'id="end-opening"' in staff.get(room).text
    assert staff.post(f"{room}/end", stage="1").status_code == 303
    assert 'data-step="ended"' in staff.get(room).text


def test_opening_keys_of_more_than_one_stage_are_refused(house: House, tmp_path: Path) -> None:
    staff = house.browser(house.unit, "赵一")
    _, keys = publish(house, staff, tmp_path, tenderer=house.town.tenderer.uscc)
    two = OpeningKeys(1, (*keys.keys, OpeningKey(2, keys.keys[0].public_key)))
    file = {"opening_keys": ("opening-keys.json", io.BytesIO(canonical.encode(two)), "application/json")}
    answer = staff.send("/sections/new", {**GOOD, "tenderer": house.town.tenderer.uscc}, file)
    assert (answer.status_code, "恰有一把公钥" in answer.text) == (422, True)
