"""Seal life over HTTP, against a real server, through the adapter that the product uses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from sealing_maker_world import Clock, application, holder_of, licence, open_maker, order, registrar_of, serve, text
from sealing_world import DAY, HOLDER, NOON, Party, World

from sealing import seal as seals
from sealing import ses
from sealing.adapters.maker_http import HttpSealRegistry
from sealing.errors import UnknownSealError
from sealing.seal import FIVE, SealKind, SealState, read_artwork
from sealing.seal_status import NOT_ASKED, Finding, StatusAnswer, judge_state, read_status
from sealing.verify import verify_esl
from signing.checks import Indication, Result

COMPANY = [kind for kind in FIVE if kind is not SealKind.LEGAL_REPRESENTATIVE]


@pytest.fixture(scope="module")
def registrar(world: World) -> Party:
    return registrar_of(world)


@pytest.fixture(scope="module")
def trusting(world: World) -> World:
    """Answer the world with its registrars trusted."""
    known = world.trust.anchors[1]
    purposes = known.purposes | {"registrar"}
    trust = replace(world.trust, anchors=(world.trust.anchors[0], replace(known, purposes=frozenset(purposes))))
    return replace(world, trust=trust)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def address(trusting: World, clock: Clock, tmp_path: Path) -> Iterator[str]:
    """Serve the maker on a real socket."""
    maker = open_maker(trusting, tmp_path, clock, anchors=lambda: trusting.trust, stamp=trusting.stamp)
    with serve(Litestar([maker], openapi_config=None)) as address:
        yield address


@pytest.fixture
def http(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=20) as client:
        yield client


@pytest.fixture
def registry(http: httpx.Client, address: str) -> HttpSealRegistry:
    return HttpSealRegistry(http, address)


def post(http: httpx.Client, path: str, body: Any, expect: int | str = 200) -> dict[str, Any]:
    response = http.post(path, json=body)
    answer: dict[str, Any] = response.json()
    if isinstance(expect, str):
        assert (answer.get("code"), response.headers["content-type"]) == (expect, "application/problem+json"), answer
        assert answer["detail"].endswith("。")
        assert answer["status"] == response.status_code >= 400
    else:
        assert response.status_code == expect, answer
    return answer


def make(http: httpx.Client, world: World, **changes: object) -> dict[SealKind, dict[str, Any]]:
    made = post(http, "/maker/seals", order(world, **changes), 201)["seals"]
    return {SealKind(one["kind"]): one for one in made}


def states(registry: HttpSealRegistry) -> dict[SealKind, list[SealState]]:
    found: dict[SealKind, list[SealState]] = {}
    for one in registry.fetch_seals(HOLDER.uscc):
        found.setdefault(one.kind, []).append(one.state)
    return found


def move(http: httpx.Client, number: str, state: str, expect: int | str = 200) -> dict[str, Any]:
    return post(http, f"/maker/seals/{number}/state", {"state": state, "reason": "试验", "actor": "王经理"}, expect)


# Life


def test_a_life_with_every_turn_is_answered_for(
    http: httpx.Client, registry: HttpSealRegistry, trusting: World, clock: Clock
) -> None:
    number = make(http, trusting)[SealKind.UNIT]["number"]
    for hours, state in ((1, "suspended"), (2, "active"), (3, "lost"), (4, "active"), (5, "cancelled")):
        clock.now = NOON + timedelta(hours=hours)
        move(http, number, state)
    clock.now = NOON + timedelta(hours=6)
    told = [registry.fetch_state(number, NOON + timedelta(hours=h, minutes=30)).value for h in range(6)]
    assert told == ["active", "suspended", "active", "lost", "active", "cancelled"]
    history = registry.fetch_history(number)
    assert [one.act.value for one in history] == ["issue", "suspend", "resume", "report-lost", "resume", "cancel"]
    assert {one.actor for one in history[1:]} == {"王经理"}
    move(http, number, "active", "seal_cancelled")
    move(http, number, "cancelled")
    assert registry.fetch_history(number) == history, "cancelling twice adds nothing"


def test_turns_that_are_none(http: httpx.Client, trusting: World, clock: Clock) -> None:
    number = make(http, trusting)[SealKind.UNIT]["number"]
    move(http, number, "lost")
    move(http, number, "suspended", "seal_transition")
    move(http, number, "expired", "seal_transition")
    clock.now = NOON - DAY
    assert move(http, number, "cancelled")["seal"]["state"] == "cancelled", "a clock that went back stops nothing"


def test_no_seal_outlives_its_certificate(
    http: httpx.Client, registry: HttpSealRegistry, trusting: World, clock: Clock
) -> None:
    made = make(http, trusting)[SealKind.UNIT]
    end = trusting.unit.certificate.not_after
    assert ses.parse_seal(registry.fetch_seal(made["number"]).esl).info.property.not_after == end
    assert registry.fetch_state(made["number"], end) is SealState.ACTIVE
    assert registry.fetch_state(made["number"], end + timedelta(seconds=1)) is SealState.EXPIRED
    clock.now = end + DAY
    assert {state for kind in states(registry).values() for state in kind} == {SealState.EXPIRED}


def test_version_five_by_option(http: httpx.Client, registry: HttpSealRegistry, trusting: World) -> None:
    make(http, trusting, version=5)
    for one in registry.fetch_seals(HOLDER.uscc):
        parsed = ses.parse_seal(one.esl)
        assert (parsed.layout, parsed.canonical, parsed.timestamp is not None) == (5, True, True)
        verdict = verify_esl(one.esl, anchors=trusting.trust, evidence=trusting.trust.evidence, at=NOON)
        assert verdict.indication is Indication.TOTAL_PASSED


# Events in the register


@pytest.mark.parametrize(
    ("cause", "cancelled"),
    [
        ("representative-changed", [SealKind.LEGAL_REPRESENTATIVE]),
        ("renamed", COMPANY),
        ("licence-revoked", COMPANY),
        ("licence-cancelled", list(FIVE)),
    ],
)
def test_the_register_cancels_what_hangs_on_it(
    http: httpx.Client, registry: HttpSealRegistry, trusting: World, cause: str, cancelled: list[SealKind]
) -> None:
    made = make(http, trusting)
    notice = {"uscc": HOLDER.uscc, "cause": cause, "reason": "变更登记", "actor": "登记机关"}
    post(http, "/maker/notices", notice)
    post(http, "/maker/notices", notice)
    gone = [kind for kind, found in states(registry).items() if found == [SealState.CANCELLED]]
    assert gone == cancelled
    last = registry.fetch_history(made[cancelled[0]]["number"])
    assert len(last) == 2
    assert (last[-1].cause.value, last[-1].actor, last[-1].reason) == (cause, "登记机关", "变更登记")


def test_a_new_representative_gets_a_new_seal_linked_to_the_old(
    http: httpx.Client, registry: HttpSealRegistry, trusting: World, clock: Clock
) -> None:
    old = make(http, trusting)[SealKind.LEGAL_REPRESENTATIVE]["number"]
    head = holder_of(trusting, "new head", cn="孙小美", o=HOLDER.company)
    changed = order(trusting, legal_representative="孙小美", representative_certificate=text(head.der))
    clock.now = NOON + DAY
    body = {"order": changed, "cause": "representative-changed", "reason": "变更法定代表人", "actor": "登记机关"}
    (made,) = post(http, "/maker/reissues", body, 201)["seals"]
    again = post(http, "/maker/reissues", body, 201)["seals"]
    assert [one["number"] for one in again] == [made["number"]], "heard twice, made once"
    files = [http.get(f"/maker/seals/{number}").json() for number in (old, made["number"])]
    assert (files[0]["replaced_by"], files[1]["replaces"]) == (made["number"], old)
    assert (files[0]["seal"]["state"], files[1]["seal"]["state"]) == ("cancelled", "active")
    assert registry.fetch_state(old, NOON + DAY / 2) is SealState.ACTIVE, "its past stays true"
    assert ses.parse_seal(registry.fetch_seal(made["number"]).esl).info.property.certificates == (head.der,)
    assert sum(found[-1] is SealState.ACTIVE for found in states(registry).values()) == 5


def test_a_new_name_cancels_four_and_makes_four(
    http: httpx.Client, registry: HttpSealRegistry, trusting: World
) -> None:
    make(http, trusting)
    unit = holder_of(trusting, "new unit", cn="改名建设有限公司", o="改名建设有限公司")
    changed = order(trusting, company="改名建设有限公司", unit_certificate=text(unit.der))
    body = {"order": changed, "cause": "renamed", "reason": "变更名称"}
    made = post(http, "/maker/reissues", body, 201)["seals"]
    assert [SealKind(one["kind"]) for one in made] == COMPANY
    assert all("改名建设有限公司" in one["name"] for one in made)
    assert states(registry)[SealKind.LEGAL_REPRESENTATIVE] == [SealState.ACTIVE]


def test_after_a_loss_one_seal_is_made_anew(http: httpx.Client, trusting: World) -> None:
    lost = make(http, trusting)[SealKind.UNIT]["number"]
    move(http, lost, "lost")
    body = {"order": order(trusting), "cause": "request", "reason": "挂失后补办", "kinds": ["unit"]}
    (made,) = post(http, "/maker/reissues", body, 201)["seals"]
    assert http.get(f"/maker/seals/{made['number']}").json()["replaces"] == lost
    post(http, "/maker/reissues", {**body, "kinds": []}, "order_malformed")


# Application


def test_who_applied_is_kept(http: httpx.Client, trusting: World, registrar: Party) -> None:
    asked = application(licence(registrar), place="350102")
    number = make(http, trusting, application=asked)[SealKind.UNIT]["number"]
    told = http.get(f"/maker/seals/{number}").json()
    assert number.startswith("350102")
    assert (len(number), told["applicant"], told["authorisation"]) == (13, "欧阳明", "legal-representative")
    assert told["consent_sm3"] == ""
    assert told["history"][0]["actor"] == "欧阳明"


@pytest.mark.parametrize(
    ("face", "changes"),
    [
        pytest.param({}, {"applicant": "路人"}, id="a stranger"),
        pytest.param({"name": "别的有限公司"}, {}, id="another unit's licence"),
        pytest.param({"legal_representative": "前任"}, {}, id="an outdated licence"),
        pytest.param({}, {"authorisation": "A1"}, id="a grant that is not there"),
    ],
)
def test_applications_that_are_refused_leave_nothing(
    http: httpx.Client, trusting: World, registrar: Party, face: dict[str, str], changes: dict[str, object]
) -> None:
    asked = application(licence(registrar, **face), **changes)
    post(http, "/maker/seals", order(trusting, application=asked), "application_refused")
    assert http.get("/maker/seals", params={"uscc": HOLDER.uscc}).json() == {"seals": []}


def test_a_licence_that_nobody_vouches_for_is_refused(http: httpx.Client, trusting: World) -> None:
    forged = application(licence(trusting.unit))
    post(http, "/maker/seals", order(trusting, application=forged), "application_refused")


# Status


def test_a_status_is_signed_evidence(
    http: httpx.Client, registry: HttpSealRegistry, trusting: World, clock: Clock
) -> None:
    number = make(http, trusting)[SealKind.UNIT]["number"]
    clock.now = NOON + 2 * DAY
    move(http, number, "suspended")
    clock.now = NOON + 3 * DAY
    for at, result in ((NOON + DAY, Result.OK), (NOON + 2 * DAY, Result.FAILED), (NOON - DAY, Result.FAILED)):
        answer = registry.fetch_status(number, at)
        assert answer.finding is Finding.ANSWERED
        assert judge_state(answer, number=number, at=at, anchors=trusting.trust).result is result
        other = judge_state(answer, number=number, at=at + DAY, anchors=trusting.trust)
        assert (other.result, other.code) == (Result.UNKNOWN, "SEAL_STATE")


def test_what_leaves_the_state_open(registry: HttpSealRegistry, trusting: World, http: httpx.Client) -> None:
    number = make(http, trusting)[SealKind.UNIT]["number"]
    good = registry.fetch_status(number, NOON)
    assert good.signed is not None
    unknown = registry.fetch_status("3501000009999", NOON)
    silent = HttpSealRegistry(http, "http://127.0.0.1:1").fetch_status(number, NOON)
    forged = replace_signer(good, trusting.unit)
    answers = {
        "没有向备案系统查询": NOT_ASKED,
        "没有这个印章编码": unknown,
        "没有答复": silent,
        "未通过验证": forged,
    }
    for words, answer in answers.items():
        judged = judge_state(answer, number=number, at=NOON, anchors=trusting.trust)
        assert (judged.result, words in judged.why) == (Result.UNKNOWN, True)


def replace_signer(answer: StatusAnswer, signer: Party) -> StatusAnswer:
    assert answer.signed is not None
    signature = signer.sign(answer.signed.statement)
    forged = type(answer.signed)(1, answer.signed.statement, signature, signer.certificate.der)
    return StatusAnswer(Finding.ANSWERED, forged)


def test_a_status_says_when_it_was_given(http: httpx.Client, registry: HttpSealRegistry, trusting: World) -> None:
    number = make(http, trusting)[SealKind.UNIT]["number"]
    answer = registry.fetch_status(number, NOON + DAY)
    assert answer.signed is not None
    status, _ = read_status(answer.signed)
    assert (status.answered_at, status.at, status.state) == (NOON, NOON + DAY, SealState.ACTIVE)
    judged = judge_state(answer, number=number, at=NOON + DAY, anchors=trusting.trust)
    assert judged.result is Result.UNKNOWN, "nobody knows tomorrow"


def test_an_unknown_number_is_unknown(registry: HttpSealRegistry) -> None:
    with pytest.raises(UnknownSealError):
        registry.fetch_state("3501000009999", NOON)


@pytest.mark.parametrize("at", ["yesterday", "2026-11-20", "2026-11-20T12:00:00"])
def test_instants_that_are_none(http: httpx.Client, trusting: World, at: str) -> None:
    number = make(http, trusting)[SealKind.UNIT]["number"]
    answer = http.get(f"/maker/seals/{number}/status", params={"at": at})
    assert (answer.status_code, answer.json()["code"]) == (400, "order_malformed")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/maker/seals", 400, "order_malformed"),
        ("POST", "/maker/seals", 400, "order_malformed"),
        ("POST", "/maker/notices", 400, "order_malformed"),
        ("POST", "/maker/reissues", 400, "order_malformed"),
        ("POST", "/maker/imports", 400, "order_malformed"),
        ("POST", "/maker/scans", 400, "order_malformed"),
        ("GET", "/maker/seals/x", 404, "seal_unknown"),
    ],
)
def test_bad_requests_are_told_in_words(http: httpx.Client, method: str, path: str, status: int, code: str) -> None:
    answer = http.request(method, path, content=b"{" if method == "POST" else None)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


# Import


def foreign_seal(world: World, number: str = "3701000000007", **changes: Any) -> bytes:
    certificate = changes.get("certificate", world.unit.certificate)
    draft = seals.prepare_seal_info(
        SealKind.UNIT,
        changes.get("holder", HOLDER),
        "3701000000007",
        [certificate.der],
        vendor="OTHER",
        at=changes.get("at", NOON - 10 * DAY),
        not_after=changes.get("not_after", NOON + 50 * DAY),
    )
    maker = changes.get("maker", world.maker)
    drawn = ses.parse_seal(ses.write_seal(draft.info, b"", b"")).info
    info = ses.write_seal_info(replace(drawn, number=number, extensions=()))
    return ses.write_seal(info, maker.certificate.der, maker.sign(info))


def bring(http: httpx.Client, esl: bytes, registrar: Party, expect: int | str, **face: str) -> dict[str, Any]:
    body = {"esl": text(esl), "application": application(licence(registrar, **face))}
    return post(http, "/maker/imports", body, expect)


def test_an_existing_seal_is_kept_as_it_is(
    http: httpx.Client, registry: HttpSealRegistry, trusting: World, registrar: Party
) -> None:
    esl = foreign_seal(trusting)
    bring(http, esl, registrar, 201)
    kept = registry.fetch_seal("3701000000007")
    assert (kept.esl, kept.artwork, kept.state) == (esl, b"", SealState.ACTIVE)
    assert registry.fetch_history(kept.number)[0].act.value == "import"
    assert http.get("/maker/seals/3701000000007").json()["svg"].startswith("<svg ")
    bring(http, esl, registrar, "seal_number_taken")
    bring(http, foreign_seal(trusting, "3701000000008"), registrar, "seals_exist")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"not_after": NOON - DAY}, "seal-period", id="over"),
        pytest.param({"at": NOON + DAY}, "seal-period", id="not yet valid"),
        pytest.param({"number": "../escape"}, "印章编码", id="a number that is a path"),
        pytest.param({"holder": replace(HOLDER, company="别人有限公司")}, "印章名称", id="another name"),
    ],
)
def test_seals_that_are_not_imported(
    http: httpx.Client, trusting: World, registrar: Party, changes: dict[str, Any], words: str
) -> None:
    assert words in bring(http, foreign_seal(trusting, **changes), registrar, "seal_not_importable")["detail"]


def test_a_seal_of_a_strange_maker_or_user_is_not_imported(
    http: httpx.Client, trusting: World, registrar: Party
) -> None:
    for seal in (
        foreign_seal(trusting, maker=trusting.stranger),
        foreign_seal(trusting, certificate=trusting.stranger.certificate),
        foreign_seal(trusting)[:-40] + bytes(40),
        b"no seal",
    ):
        bring(http, seal, registrar, "seal_not_importable")
    bring(http, foreign_seal(trusting), registrar, "seal_not_importable", name="别人有限公司")


def test_an_imported_seal_can_be_drawn(trusting: World) -> None:
    drawn = read_artwork(seals.IssuedSeal(SealKind.UNIT, "1", "章", foreign_seal(trusting), b""))
    assert drawn.size_mm == (40, 40)
    assert drawn.strokes
