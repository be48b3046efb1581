"""The trace of seal uses: a chain that grows in the database, and exports in which every change is seen."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs
from sqlalchemy.exc import IntegrityError
from trace_world import USCC, TraceWorld, bare_use, enter_plan, fill, open_world
from workbench_world import Town, now

from bidding.centre.house import ServiceKey
from bidding.errors import (
    DocumentError,
    MalformedTraceError,
    NoSuchEntryError,
    NoTraceKeyError,
    TraceError,
    TraceTooLargeError,
)
from bidding.workbench import trace_format, trace_service
from bidding.workbench.record_sealing import RecordSealing
from bidding.workbench.seal_standing import Answers
from bidding.workbench.trace_format import TraceFile, TraceRow, genesis, link, parse_trace
from bidding.workbench.trace_judging import verify_extension
from bidding.workbench.trace_rows import SealUse, entry_of, insert_uses, load_uses
from bidding.workbench.trace_service import Wanted
from signing import canonical, sm2
from signing.checks import Indication
from signing.digests import sm3
from signing.path import Purpose
from signing.sandbox.authority import ServiceCertificate, ServiceRequest
from storage.database import Role, migrate, open_database, reading, sqlite_url, writing
from storage.models.sealing import seal_entries

PASSED, FAILED = Indication.TOTAL_PASSED, Indication.TOTAL_FAILED
Edit = Callable[[TraceFile], TraceFile]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, town: Town) -> Iterator[TraceWorld]:
    made = fill(open_world(tmp_path_factory.mktemp("trace"), town))
    yield made
    made.workbench.desk.engine.dispose()


@pytest.fixture(scope="module")
def data(world: TraceWorld) -> bytes:
    return world.export()


@pytest.fixture(scope="module")
def held(data: bytes) -> Callable[[], bytes]:
    """Hold the same for Hypothesis, which would show it whole."""
    return lambda: data


# -- the chain in the database


def test_entries_are_numbered_and_chained_as_they_are_made(world: TraceWorld) -> None:
    uses = world.workbench.traces.uses(world.actor())
    assert [(use.number, use.outcome, use.code) for use in uses] == [
        (1, "sealed", ""),
        (2, "refused", "consent_refused"),
        (3, "sealed", ""),
        (4, "refused", "cancelled"),
    ]
    chain = bytes.fromhex(genesis(world.town.bidder.uscc))
    for use in uses:  # the rule of the specification, written out
        chain = sm3(chain, sm3(canonical.encode(entry_of(use))))
        assert use.chain == chain.hex()
    assert world.workbench.traces.uses(world.actor(world.town.other.uscc))[0].number == 1


def test_a_sealed_entry_names_what_its_token_is_over(world: TraceWorld) -> None:
    found = parse_trace(world.export())
    sealed = [row.entry for row in found.rows if row.entry.outcome == "sealed"]
    assert all(entry.signature_sm3 and entry.profile == "ses" for entry in sealed)
    assert [entry.signature_sm3 for entry in map(entry_of, world.workbench.traces.uses(world.actor()))][1] == ""


def test_writers_take_turns(tmp_path: Path) -> None:
    engine = open_database(sqlite_url(tmp_path / "w.db"))
    migrate(engine, Role.WORKBENCH)
    plan = os.urandom(16).hex()
    enter_plan(engine, plan)

    def enter(position: int) -> None:
        with writing(engine) as tx:
            insert_uses(tx, [bare_use(plan, position)] * 2, uscc=USCC, ids=[os.urandom(16).hex() for _ in range(2)])

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as tx:
        uses = load_uses(tx, uscc=USCC)
    assert [use.number for use in uses] == list(range(1, 13))
    chain = genesis(USCC)
    for use in uses:
        chain = link(chain, entry_of(use))
        assert use.chain == chain
    engine.dispose()


def test_one_number_twice_is_refused(tmp_path: Path) -> None:
    engine = open_database(sqlite_url(tmp_path / "w.db"))
    migrate(engine, Role.WORKBENCH)
    plan = os.urandom(16).hex()
    enter_plan(engine, plan)
    values = {**vars(bare_use(plan)), "uscc": USCC, "number": 1, "chain": "0" * 64}
    with writing(engine) as tx:
        tx.execute(seal_entries.insert().values(id="1" * 32, **values))
    with pytest.raises(IntegrityError), writing(engine) as tx:
        tx.execute(seal_entries.insert().values(id="2" * 32, **values))
    engine.dispose()


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        pytest.param(Wanted(), [1, 2, 3, 4], id="all"),
        pytest.param(Wanted(outcome="sealed"), [1, 3], id="outcome"),
        pytest.param(Wanted(section="S-2"), [3, 4], id="section"),
        pytest.param(Wanted(kind="legal-representative"), [], id="kind"),
        pytest.param(Wanted(seal="0" * 13), [], id="a seal that is not there"),
    ],
)
def test_pages_by_number(world: TraceWorld, wanted: Wanted, numbers: list[int]) -> None:
    traces, actor = world.workbench.traces, world.actor()
    found, after = list[int](), 0
    while True:
        page = traces.page(actor, wanted, after=after, limit=1)
        found += [use.number for use in page.uses]
        if page.more is None:
            break
        after = page.more
    assert found == numbers
    newest = traces.page(actor, wanted, before=100).uses
    assert [use.number for use in newest] == numbers[::-1]


def test_pages_by_time(world: TraceWorld) -> None:
    traces, actor = world.workbench.traces, world.actor()
    third = traces.entry(actor, 3).at
    assert [use.number for use in traces.page(actor, Wanted(since=third)).uses] == [3, 4]
    assert [use.number for use in traces.page(actor, Wanted(until=third)).uses] == [1, 2, 3]


# -- exports


def test_a_whole_export_passes(world: TraceWorld, data: bytes) -> None:
    verdict = world.judge(data)
    assert (verdict.indication, verdict.warnings) == (PASSED, ())
    found = parse_trace(data)
    assert (found.statement.first, found.statement.last, found.statement.total) == (1, 4, 4)
    assert found.statement.workbench == "投标人工作台"
    assert canonical.encode(found.file) == data


@pytest.mark.parametrize(("first", "last"), [(1, 2), (2, 4), (3, 3), (2, 99), (4, None)])
def test_a_stretch_passes_and_says_what_it_is(world: TraceWorld, first: int, last: int | None) -> None:
    data = world.export(first=first, last=last)
    verdict = world.judge(data)
    assert verdict.indication is PASSED
    assert f"第 {first} 至 {min(last or 4, 4)} 条" in verdict.warnings[0]


@pytest.mark.parametrize("first", [5, 6, 10**12])
def test_a_stretch_after_the_end_is_refused(world: TraceWorld, first: int) -> None:
    with pytest.raises(NoSuchEntryError):
        world.export(first=first)


def test_an_export_of_nothing(world: TraceWorld, town: Town) -> None:
    data = world.workbench.traces.export(world.actor(town.tenderer.uscc))
    assert world.judge(data).indication is PASSED
    assert parse_trace(data).rows == ()


def test_without_a_key_nothing_is_exported(world: TraceWorld) -> None:
    traces = replace(world.workbench.traces, signer=None)
    with pytest.raises(NoTraceKeyError):
        traces.export(world.actor())
    assert len(traces.uses(world.actor())) == 4


def test_too_long_a_trace_is_not_read_at_all(world: TraceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    data = world.export()
    monkeypatch.setattr(trace_service, "MAX_ROWS", 3)
    with pytest.raises(TraceTooLargeError):
        world.export()
    monkeypatch.setattr(trace_format, "MAX_TRACE", 100)
    with pytest.raises(TraceTooLargeError):
        parse_trace(data)


# -- what somebody without the key can do to a file


def _entry(number: int, /, **changes: object) -> Edit:
    def edit(file: TraceFile) -> TraceFile:
        rows = list(file.rows)
        rows[number - 1] = structs.replace(rows[number - 1], entry=structs.replace(rows[number - 1].entry, **changes))
        return structs.replace(file, rows=tuple(rows))

    return edit


def _rows(change: Callable[[list[TraceRow]], list[TraceRow]]) -> Edit:
    return lambda file: structs.replace(file, rows=tuple(change(list(file.rows))))


def _rechained(file: TraceFile) -> TraceFile:
    """Edit an entry, and put right every chain value after it."""
    edited = _entry(2, person_name="李四")(file)
    chain, rows = genesis(parse_trace(canonical.encode(file)).statement.uscc), []
    for row in edited.rows:
        chain = link(chain, row.entry)
        rows.append(TraceRow(chain, row.entry))
    return structs.replace(edited, rows=tuple(rows))


def _evidence(change: Callable[[list[bytes]], list[bytes]]) -> Edit:
    return lambda file: structs.replace(file, evidence=tuple(sorted(change(list(file.evidence)), key=sm3)))


@pytest.mark.parametrize(
    ("edit", "failed"),
    [
        pytest.param(_entry(2, outcome="failed"), ["trace-chain"], id="outcome edited"),
        pytest.param(_entry(1, file="另一份.pdf"), ["trace-chain", "trace-entries"], id="file edited"),
        pytest.param(_entry(3, address="198.51.100.1"), ["trace-chain"], id="address edited"),
        pytest.param(_entry(3, number=4), ["trace-chain"], id="number edited"),
        pytest.param(_rechained, ["trace-chain", "trace-entries"], id="edited and chained again"),
        pytest.param(_rows(lambda r: [r[1], r[0], *r[2:]]), ["trace-chain"], id="two entries swapped"),
        pytest.param(_rows(lambda r: [*r[:2], r[1], r[3]]), ["trace-chain", "trace-evidence"], id="one over another"),
        pytest.param(
            _rows(lambda r: [structs.replace(r[0], chain="0" * 64), *r[1:]]), ["trace-chain"], id="chain value edited"
        ),
        pytest.param(_evidence(lambda e: e[1:]), ["trace-evidence"], id="evidence taken out"),
        pytest.param(_evidence(lambda e: [*e, b"more"]), ["trace-evidence"], id="evidence put in"),
        pytest.param(_evidence(lambda e: [e[0] + b" ", *e[1:]]), ["trace-evidence"], id="evidence edited"),
        pytest.param(
            lambda f: structs.replace(f, signed=structs.replace(f.signed, signature=f.signed.signature[:-1] + b"\0")),
            ["signature", "timestamp-imprint"],
            id="signature edited",
        ),
    ],
)
def test_an_edited_file_fails(world: TraceWorld, data: bytes, edit: Edit, failed: list[str]) -> None:
    verdict = world.judge(canonical.encode(edit(parse_trace(data).file)))
    assert verdict.indication is FAILED
    assert set(failed) <= set(verdict.failed)


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(_rows(lambda r: r[:-1]), id="tail cut"),
        pytest.param(_rows(lambda r: r[1:]), id="head cut"),
        pytest.param(_rows(lambda r: [*r, r[-1]]), id="one more"),
        pytest.param(lambda f: structs.replace(f, evidence=(*f.evidence, f.evidence[0])), id="evidence twice"),
        pytest.param(lambda f: structs.replace(f, evidence=f.evidence[::-1]), id="evidence in another order"),
        pytest.param(
            lambda f: structs.replace(f, signed=structs.replace(f.signed, certificate=b"0")), id="no certificate"
        ),
        pytest.param(
            lambda f: structs.replace(f, signed=structs.replace(f.signed, statement=b"{}")), id="no statement"
        ),
        pytest.param(lambda f: structs.replace(f, token=b""), id="no token"),
    ],
)
def test_a_cut_file_is_malformed(world: TraceWorld, data: bytes, edit: Edit) -> None:
    changed = canonical.encode(edit(parse_trace(data).file))
    with pytest.raises(MalformedTraceError):
        parse_trace(changed)
    assert world.judge(changed).failed == ["trace-format"]


def test_a_token_over_something_else_fails(world: TraceWorld, data: bytes) -> None:
    token = world.town.outside.tsa.stamp(sm3(b"another"))
    changed = canonical.encode(structs.replace(parse_trace(data).file, token=token))
    assert "timestamp-imprint" in world.judge(changed).failed


@pytest.mark.parametrize("offset", range(16))
def test_no_byte_can_be_flipped(world: TraceWorld, offset: int) -> None:
    """Every byte of a small trace: statement, certificate, signature, token, entry, evidence.

    Where the flip makes the token name another certificate, nobody can tell whose it is: no pass, but no failure.
    """
    plan = "ab" * 16
    data = world.forge(lambda _: [bare_use(plan, at=now().replace(microsecond=0))])
    assert world.judge(data).indication is PASSED
    for position in range(offset, len(data), 16):
        flipped = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        assert world.judge(flipped).indication is not PASSED, position


@settings(max_examples=40, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_no_bit_of_a_whole_trace_can_be_flipped(
    world: TraceWorld, held: Callable[[], bytes], where: float, bit: int
) -> None:
    data = held()
    position = int(where * len(data))
    flipped = data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]
    verdict = world.judge(flipped)
    assert verdict.indication is not PASSED, (position, data[position - 40 : position + 20])


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_hostile_bytes_are_refused(noise: bytes) -> None:
    with pytest.raises(TraceError):
        parse_trace(noise)


@settings(max_examples=60, deadline=None)
@given(draw=st.data())
def test_hostile_structure_is_refused_or_judged(
    world: TraceWorld, held: Callable[[], bytes], draw: st.DataObject
) -> None:
    """Cut, doubled and spliced: never an error that is not ours, never a pass."""
    data = held()
    a, b = sorted((draw.draw(st.integers(0, len(data))), draw.draw(st.integers(0, len(data)))))
    changed = draw.draw(st.sampled_from([data[:a] + data[b:], data[:b] + data[a:], data[:a] + b"[" * 9 + data[b:]]))
    if changed != data:
        assert world.judge(changed).indication is not PASSED


@pytest.mark.parametrize(
    "noise",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"v":1}', id="too little"),
        pytest.param(b"\xff\xfe", id="not text"),
        pytest.param(b'{"v":1e400}', id="a number without end"),
    ],
)
def test_what_is_no_trace(noise: bytes) -> None:
    with pytest.raises(MalformedTraceError):
        parse_trace(noise)


# -- what somebody can do who holds the key


def _one(number: int, **changes: object) -> Callable[[list[SealUse]], list[SealUse]]:
    return lambda uses: [replace(use, **changes) if use.number == number else use for use in uses]


def _from(number: int, other: int, *names: str) -> Callable[[list[SealUse]], list[SealUse]]:
    def change(uses: list[SealUse]) -> list[SealUse]:
        return _one(number, **{name: getattr(uses[other - 1], name) for name in names})(uses)

    return change


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        pytest.param(list, [], id="nothing"),
        pytest.param(_one(1, document_sm3="1" * 64), ["trace-consents", "trace-entries"], id="another document"),
        pytest.param(_one(1, person_name="李四"), ["trace-entries"], id="another person"),
        pytest.param(_one(3, authorisation="legal-representative"), ["trace-answers", "trace-entries"], id="authority"),
        pytest.param(_one(1, seal="3702000000009"), ["trace-entries"], id="another seal"),
        pytest.param(_one(1, section="S-7"), ["trace-entries"], id="another section"),
        pytest.param(_one(2, outcome="sealed", code="", after_sm3="2" * 64), ["trace-entries"], id="a refusal as use"),
        pytest.param(_one(4, after_sm3="2" * 64), ["trace-entries"], id="an attempt with a sealed file"),
        pytest.param(_one(1, consent=b""), ["trace-entries"], id="no consent"),
        pytest.param(_one(1, consent=b"{}"), ["trace-entries"], id="a consent that is none"),
        pytest.param(_one(1, token=b""), ["trace-entries"], id="no token"),
        pytest.param(_one(1, token=b"0"), ["trace-tokens"], id="a token that is none"),
        pytest.param(_one(1, signature_sm3="3" * 64), ["trace-tokens"], id="another signature"),
        pytest.param(_from(1, 3, "token"), ["trace-tokens"], id="another's token"),
        pytest.param(_from(1, 3, "consent"), ["trace-consents", "trace-entries"], id="another's consent"),
        pytest.param(_from(1, 2, "consent"), ["trace-entries"], id="a record that nobody signed"),
        pytest.param(_one(1, at=now().replace(year=2200, microsecond=0)), ["trace-entries"], id="from the future"),
    ],
)
def test_an_operator_cannot_invent_a_use(
    world: TraceWorld, change: Callable[[list[SealUse]], list[SealUse]], failed: list[str]
) -> None:
    assert sorted(world.judge(world.forge(change)).failed) == failed


def test_an_old_entry_says_that_its_token_cannot_be_placed(world: TraceWorld) -> None:
    verdict = world.judge(world.forge(_one(1, signature_sm3="")))
    assert (verdict.indication, verdict.unknown) == (Indication.INDETERMINATE, ["trace-tokens"])
    assert "第 1 条" in verdict.worst.why


def test_answers_of_another_form_are_left_open(world: TraceWorld) -> None:
    verdict = world.judge(world.forge(_one(1, answers=b'[{"new":1}]')))
    assert (verdict.failed, verdict.unknown) == ([], ["trace-answers"])


def test_answers_that_nobody_signed_fail(world: TraceWorld) -> None:
    """The registrar's statement with one digit of the code changed."""

    def change(uses: list[SealUse]) -> list[SealUse]:
        answers = msgspec.json.decode(uses[0].answers, type=tuple[Answers, ...])
        first = structs.replace(answers[0].licence, signature=answers[1].licence.signature[:-1] + b"\1")
        forged = [structs.replace(answers[0], licence=first), *answers[1:]]
        return _one(1, answers=canonical.encode(forged))(uses)

    assert world.judge(world.forge(change)).failed == ["trace-answers"]


@pytest.mark.parametrize(
    ("name", "uscc"),
    [
        pytest.param("另一家的服务", "", id="another service"),
        pytest.param("投标人工作台", USCC, id="a unit's service"),
    ],
)
def test_another_key_cannot_sign_for_the_workbench(world: TraceWorld, name: str, uscc: str) -> None:
    assert world.judge(world.forge(signer=_certified(world.town, name, uscc))).failed == ["trace-signer"]


def _certified(town: Town, name: str, uscc: str = "") -> ServiceKey:
    key = sm2.generate(os.urandom)
    request = canonical.encode(ServiceRequest(name, Purpose.CENTRE, key.public.point, uscc))
    body = canonical.encode({"request": request, "signature": sm2.sign(key, request)})
    answer = town.http.post(f"{town.url}/ca/services", content=body, headers={"content-type": "application/json"})
    assert answer.is_success, answer.text
    return ServiceKey(canonical.decode(answer.content, ServiceCertificate).certificate, key)


# -- two exports


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory, town: Town) -> tuple[TraceWorld, bytes, bytes]:
    """Open a world of its own; answer an export of it, and one after one more entry."""
    made = open_world(tmp_path_factory.mktemp("grown"), town)
    made.seal(actor=made.actor())
    made.seal("cancel", actor=made.actor())
    old = made.export()
    made.seal("refuse", actor=made.actor())
    return made, old, made.export()


def test_a_later_export_has_the_older_one_in_it(grown: tuple[TraceWorld, bytes, bytes]) -> None:
    _, old, new = grown
    assert verify_extension(old, new).indication is PASSED
    assert verify_extension(old, old).indication is PASSED


@pytest.mark.parametrize("first", [2, 3])
def test_a_later_stretch_goes_on_from_the_older_one(grown: tuple[TraceWorld, bytes, bytes], first: int) -> None:
    made, old, _ = grown
    assert verify_extension(old, made.export(first=first)).indication is PASSED


def test_exports_that_do_not_meet_say_nothing_of_each_other(grown: tuple[TraceWorld, bytes, bytes]) -> None:
    made, *_ = grown
    verdict = verify_extension(made.export(first=1, last=1), made.export(first=3))
    assert (verdict.failed, verdict.unknown) == ([], ["extension-chain"])


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        pytest.param(lambda uses: uses[1:], ["extension-chain"], id="the first dropped"),
        pytest.param(lambda uses: uses[:1], ["extension-total"], id="the last two dropped"),
        pytest.param(lambda uses: [uses[1], uses[0], uses[2]], ["extension-chain"], id="swapped"),
        pytest.param(_one(1, outcome="failed", after_sm3=""), ["extension-chain"], id="a use made an attempt"),
        pytest.param(list, [], id="nothing"),
    ],
)
def test_what_an_operator_rewrote_is_seen_in_an_older_export(
    grown: tuple[TraceWorld, bytes, bytes], change: Callable[[list[SealUse]], list[SealUse]], failed: list[str]
) -> None:
    made, old, _ = grown
    assert verify_extension(old, made.forge(change)).failed == failed


@dataclass(frozen=True)
class Centres:
    """A centre whose record of the opening is no PDF."""

    def centre(self, _name: str) -> "Centres":
        return self

    def fetch_record(self, _section: str, _stage: int) -> tuple[bytes, str]:
        return b"%PDF-1.7 torn", "ab" * 32


def test_a_record_that_cannot_be_sealed_is_an_attempt(tmp_path: Path, town: Town) -> None:
    world = open_world(tmp_path, town)
    strange: Any = Centres()
    bid: Any = SimpleNamespace(uscc=town.bidder.uscc, centre="c", section="S-1", params_sm3="ab" * 32)
    records = RecordSealing(world.workbench.desk, world.workbench.sealing.flow, strange)
    for _ in range(2):
        with pytest.raises(DocumentError):
            records.begin(world.actor(), bid, 1)
    (use,) = world.workbench.traces.uses(world.actor())
    assert (use.outcome, use.before_sm3) == ("failed", sm3(b"%PDF-1.7 torn").hex())
    assert use.file == "开标记录 S-1 第 1 阶段.pdf"


def test_exports_while_entries_are_added(grown: tuple[TraceWorld, bytes, bytes]) -> None:
    """Each export is a whole of its moment, and each later one has the earlier one in it."""
    world, _, _ = grown
    plan, done = os.urandom(16).hex(), threading.Event()
    enter_plan(world.workbench.sealing.flow.engine, plan, world.town.bidder.uscc)

    def enter() -> None:
        while not done.is_set():
            with writing(world.workbench.sealing.flow.engine) as tx:
                uses = [bare_use(plan, position) for position in range(3)]
                insert_uses(tx, uses, uscc=world.town.bidder.uscc, ids=[os.urandom(16).hex() for _ in uses])

    thread = threading.Thread(target=enter)
    thread.start()
    try:
        exports = [world.export() for _ in range(4)]
    finally:
        done.set()
        thread.join()
    totals = [parse_trace(data).statement.total for data in exports]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]
    assert len({total % 3 for total in totals}) == 1  # no transaction is seen in part
    for data in exports:
        assert "trace-chain" not in world.judge(data).failed
    for old, new in pairwise(exports):
        assert verify_extension(old, new).failed == []


def test_exports_in_the_wrong_order(grown: tuple[TraceWorld, bytes, bytes]) -> None:
    _, old, new = grown
    verdict = verify_extension(new, old)
    assert (verdict.failed, verdict.unknown) == (["extension-total"], ["extension-order"])


def test_exports_of_two_units(grown: tuple[TraceWorld, bytes, bytes], town: Town) -> None:
    made, old, _ = grown
    other = made.workbench.traces.export(made.actor(town.other.uscc))
    assert "extension-unit" in verify_extension(old, other).failed


def test_exports_by_two_keys_are_asked_about(grown: tuple[TraceWorld, bytes, bytes]) -> None:
    made, old, _ = grown
    renewed = made.forge(signer=_certified(made.town, "投标人工作台"))
    assert verify_extension(old, renewed).unknown == ["extension-signer"]


def test_what_is_no_export_extends_nothing(grown: tuple[TraceWorld, bytes, bytes]) -> None:
    _, old, _ = grown
    assert verify_extension(old, b"{}").failed == ["extension-format"]
    assert verify_extension(b"{}", old).failed == ["extension-format"]
