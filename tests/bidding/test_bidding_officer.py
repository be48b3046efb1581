"""The officer's client: it opens for exactly one frozen set, and only after everything about it was proven."""

import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bidding_world import (
    BIDDERS,
    DEADLINE,
    NOON,
    Packed,
    Section,
    Signer,
    World,
    make_random,
    make_section,
    pack,
)
from msgspec.structs import replace as changed

from bidding.bundle import parse_bundle
from bidding.bundle_header import Label
from bidding.faults import KeyFolderError, OfficerRefusedError
from bidding.lids import (
    ClosedSet,
    FrozenBid,
    FrozenSet,
    OfficerFault,
    OfficerHalf,
    OfficerRelease,
    StampedStatement,
)
from bidding.officer import (
    OpeningKeys,
    ReleaseSet,
    generate_opening_keys,
    load_opening_key,
    load_record,
    open_stage_for,
    parse_release_set,
    release_officer_halves,
    verify_release_set,
)
from bidding.params import Stage, params_sm3
from signing import canonical
from signing.checks import Indication
from signing.digests import sm3
from signing.envelope import commit_half
from signing.errors import KeystoreError, MalformedError

WORLD = World()
CLOSED_AT = DEADLINE + timedelta(seconds=10)
FROZEN_AT = CLOSED_AT + timedelta(seconds=700)
PASSPHRASE = "开标口令 1"


@dataclass(frozen=True)
class Opening:
    """A section whose opening keys lie in a folder, with its bids."""

    folder: Path
    section: Section
    bids: dict[str, Packed]

    @property
    def labels(self) -> dict[str, Label]:
        found = {}
        for packed in self.bids.values():
            with packed.file.path.open("rb") as stream:
                found[packed.file.sm3] = parse_bundle(stream, packed.file.size).label
        return found

    def row(self, bidder: str, *, stage: int = 1, released: bool = True) -> FrozenBid:
        packed = self.bids[bidder]
        digest = "a" * 64 if released else ""
        return FrozenBid(packed.file.sm3, packed.prepared.header_sm3, stage, released, digest, digest)


@pytest.fixture(scope="module")
def opening(tmp_path_factory: pytest.TempPathFactory) -> Opening:
    folder = tmp_path_factory.mktemp("officer")
    public = generate_opening_keys(folder / "keys", [1, 2], PASSPHRASE, make_random("officer"))
    base = make_section()
    stages = tuple(Stage(k.stage, f"阶段 {k.stage}", k.public_key, shows_price=k.stage == 2) for k in public.keys)
    section = Section(base.officer, changed(base.params, stages=stages))
    return Opening(folder / "keys", section, {b: pack(WORLD, section, folder, b, size=50) for b in BIDDERS})


def closed_set(opening: Opening, **fields: Any) -> ClosedSet:
    bundles = tuple(sorted(packed.file.sm3 for packed in opening.bids.values()))
    name = opening.section.params.section
    return changed(ClosedSet(1, 1, name, params_sm3(opening.section.data), CLOSED_AT, bundles), **fields)


def frozen_set(opening: Opening, closed: ClosedSet, dead: str = "", **fields: Any) -> FrozenSet:
    rows = [opening.row(b, stage=s, released=b != dead) for b in BIDDERS for s in (1, 2)]
    rows.sort(key=lambda row: (row.stage, row.bundle_sm3))
    made = FrozenSet(
        1,
        2,
        closed.section,
        closed.params_sm3,
        sm3(canonical.encode(closed)).hex(),
        closed.closed_at,
        FROZEN_AT,
        tuple(rows),
    )
    return changed(made, **fields)


def stamped(value: ClosedSet | FrozenSet, at: datetime, by: Signer = WORLD.centre) -> StampedStatement:
    signed = by.state(canonical.encode(value))
    return StampedStatement(1, signed, WORLD.stamp(signed.signature, at))


def make_set(
    opening: Opening,
    *,
    closed: dict[str, Any] | None = None,
    frozen: dict[str, Any] | None = None,
    dead: str = "",
    by: Signer = WORLD.centre,
    tenderer: Signer = WORLD.tenderer,
    stamped_at: datetime = FROZEN_AT,
) -> ReleaseSet:
    lid1 = closed_set(opening, **(closed or {}))
    lid2 = frozen_set(opening, lid1, dead, **(frozen or {}))
    params = tenderer.state(opening.section.data)
    return ReleaseSet(1, params, stamped(lid1, CLOSED_AT, by), stamped(lid2, stamped_at, by))


def trust(at: datetime = FROZEN_AT) -> dict[str, Any]:
    return {"anchors": WORLD.anchors, "evidence": WORLD.evidence, "at": at}


def judge(opening: Opening, source: ReleaseSet, stage: int = 1, **changes: Any) -> list[str]:
    arguments = {"labels": opening.labels, "opening_key": opening.section.params.stage(stage).opening_key, **changes}
    at = arguments.pop("at", FROZEN_AT)
    verdict = verify_release_set(parse_release_set(source), stage, **arguments, **trust(at))
    if not verdict.failed and not verdict.unknown:
        assert verdict.indication is Indication.TOTAL_PASSED
    return verdict.failed + verdict.unknown


# Keys


def test_keys_are_encrypted_files_of_their_own(tmp_path: Path) -> None:
    public = generate_opening_keys(tmp_path / "k", [2, 1], PASSPHRASE, make_random("k"))
    assert [key.stage for key in public.keys] == [1, 2]
    assert canonical.decode((tmp_path / "k" / "opening-keys.json").read_bytes(), OpeningKeys) == public
    for key in public.keys:
        assert load_opening_key(tmp_path / "k", key.stage, PASSPHRASE).public.point == key.public_key
        assert stat.S_IMODE((tmp_path / "k" / f"stage-{key.stage}.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o700


def test_a_folder_is_used_once(tmp_path: Path) -> None:
    generate_opening_keys(tmp_path, [1], PASSPHRASE, make_random("k"))
    with pytest.raises(KeyFolderError):
        generate_opening_keys(tmp_path, [2], PASSPHRASE, make_random("l"))


def test_a_wrong_passphrase_or_stage(tmp_path: Path) -> None:
    generate_opening_keys(tmp_path, [1], PASSPHRASE, make_random("k"))
    with pytest.raises(KeystoreError):
        load_opening_key(tmp_path, 1, "x")
    with pytest.raises(KeyFolderError):
        load_opening_key(tmp_path, 2, PASSPHRASE)


# Judging the set


def test_a_good_set_passes(opening: Opening) -> None:
    assert judge(opening, make_set(opening)) == []
    assert judge(opening, make_set(opening, dead=BIDDERS[1]), stage=2) == []


def test_a_set_without_bids_passes(opening: Opening) -> None:
    assert judge(opening, make_set(opening, closed={"bundles": ()}, frozen={"bids": ()})) == []


EARLY = CLOSED_AT + timedelta(seconds=599)


@pytest.mark.parametrize(
    ("make", "failed"),
    [
        pytest.param(lambda o: make_set(o, frozen={"closed_sm3": "0" * 64}), ["lid-2-on-lid-1"], id="another lid 1"),
        pytest.param(
            lambda o: make_set(o, frozen={"bids": frozen_set(o, closed_set(o)).bids[1:]}), ["same-bids"], id="dropped"
        ),
        pytest.param(lambda o: make_set(o, closed={"bundles": ("0" * 64,)}), ["same-bids"], id="not those of lid 1"),
        pytest.param(lambda o: make_set(o, closed={"section": "S-9"}), ["one-section"], id="another section"),
        pytest.param(lambda o: make_set(o, closed={"params_sm3": "0" * 64}), ["one-section"], id="other parameters"),
        pytest.param(lambda o: make_set(o, dead=BIDDERS[0], frozen={"frozen_at": EARLY}), ["window"], id="too early"),
        pytest.param(lambda o: make_set(o, frozen={"frozen_at": EARLY}), [], id="early, but everybody has released"),
        pytest.param(
            lambda o: make_set(o, closed={"closed_at": DEADLINE}), ["closed-after-deadline"], id="closed before T + G"
        ),
        pytest.param(
            lambda o: make_set(o, stamped_at=DEADLINE - timedelta(seconds=1)),
            ["frozen: stamped-after-deadline"],
            id="stamped before the deadline",
        ),
        pytest.param(
            lambda o: make_set(o, by=WORLD.tenderer),
            ["closed: signer", "frozen: signer"],
            id="signed by somebody else",
        ),
        pytest.param(
            lambda o: make_set(o, tenderer=WORLD.units[BIDDERS[0]]), ["params: signer"], id="not the tenderer"
        ),
        pytest.param(
            lambda o: changed(make_set(o), frozen=changed(make_set(o).frozen, token=make_set(o).closed.token)),
            ["frozen: timestamp-imprint"],
            id="another statement's token",
        ),
    ],
)
def test_sets_that_are_refused(opening: Opening, make: Callable[[Opening], ReleaseSet], failed: list[str]) -> None:
    found = judge(opening, make(opening))
    assert set(failed) <= set(found)
    assert bool(found) == bool(failed)


def test_a_changed_statement_is_refused(opening: Opening) -> None:
    good = make_set(opening)
    statement = good.frozen.signed.statement.replace(b'"released":true', b'"released":true', 1)
    other = statement.replace(b"a" * 64, b"b" * 64, 1)
    forged = changed(good, frozen=changed(good.frozen, signed=changed(good.frozen.signed, statement=other)))
    assert judge(opening, forged) == ["frozen: signature"]


def test_the_key_must_be_the_officers_own(opening: Opening) -> None:
    other = opening.section.params.stage(2).opening_key
    assert judge(opening, make_set(opening), opening_key=other) == ["own-key"]


def test_the_officers_own_clock(opening: Opening) -> None:
    assert judge(opening, make_set(opening), at=FROZEN_AT - timedelta(seconds=6)) == ["own-clock"]
    assert judge(opening, make_set(opening), at=FROZEN_AT - timedelta(seconds=4)) == []


def swapped(opening: Opening) -> dict[str, Label]:
    labels = opening.labels
    first, second = sorted(labels)[:2]
    return {**labels, first: labels[second], second: labels[first]}


def unsigned(opening: Opening) -> dict[str, Label]:
    labels = opening.labels
    first, second = sorted(labels)[:2]
    return {**labels, first: changed(labels[first], signature=labels[second].signature)}


@pytest.mark.parametrize(
    ("labels", "word"),
    [
        pytest.param(lambda o: dict(list(o.labels.items())[1:]), "labels", id="one missing"),
        pytest.param(lambda _: {}, "labels", id="all missing"),
        pytest.param(swapped, "labels", id="two exchanged"),
        pytest.param(unsigned, "digest", id="another bundle's signature"),
    ],
)
def test_labels_that_are_refused(opening: Opening, labels: Callable[[Opening], dict[str, Label]], word: str) -> None:
    found = judge(opening, make_set(opening), labels=labels(opening))
    assert any(word in name for name in found)


def test_a_copied_bid_is_noticed(opening: Opening) -> None:
    """Two rows that lead to one header: its bidder and its points C1 are there twice."""
    lid1 = closed_set(opening)
    rows = frozen_set(opening, lid1).bids
    first, second = rows[0], rows[1]
    bids = (first, changed(second, header_sm3=first.header_sm3), *rows[2:])
    labels = {**opening.labels, second.bundle_sm3: opening.labels[first.bundle_sm3]}
    found = judge(opening, make_set(opening, frozen={"bids": bids}), labels=labels)
    assert {"bidders-distinct", "points-distinct"} <= set(found)


# Opening


def copy_folder(opening: Opening, target: Path) -> Path:
    target.mkdir(mode=0o700)
    for path in opening.folder.iterdir():
        if path.name != "opened.json":
            (target / path.name).write_bytes(path.read_bytes())
            (target / path.name).chmod(0o600)
    return target


def open_it(opening: Opening, folder: Path, source: ReleaseSet, stage: int = 1, **changes: Any) -> OfficerRelease:
    labels = changes.pop("labels", opening.labels)
    return open_stage_for(folder, PASSPHRASE, parse_release_set(source), stage, labels, **trust())


def test_the_halves_are_those_committed_to(opening: Opening, tmp_path: Path) -> None:
    source = make_set(opening, dead=BIDDERS[2])
    release = open_it(opening, copy_folder(opening, tmp_path / "k"), source)
    assert release.answers(parse_release_set(source).frozen)
    assert len(release.halves) == 2
    assert opening.bids[BIDDERS[2]].file.sm3 not in {half.bundle_sm3 for half in release.halves}
    for packed in list(opening.bids.values())[:2]:
        with packed.file.path.open("rb") as stream:
            ckt = parse_bundle(stream, packed.file.size).header.stage(1).base.ckt
        half = next(half for half in release.halves if half.bundle_sm3 == packed.file.sm3)
        assert commit_half(b"cKT", half.k_t).hex() == ckt


def test_one_set_for_ever(opening: Opening, tmp_path: Path) -> None:
    folder = copy_folder(opening, tmp_path / "k")
    source = make_set(opening, dead=BIDDERS[2])
    first = open_it(opening, folder, source)
    assert open_it(opening, folder, source).says_the_same(first)  # asked again for the same set, the same answer
    with pytest.raises(OfficerRefusedError, match="另一份解密集合"):
        open_it(opening, folder, make_set(opening))
    open_it(opening, folder, make_set(opening), stage=2)  # another stage is another key
    assert len(load_record(folder).opened) == 2


def test_a_key_serves_one_section(opening: Opening, tmp_path: Path) -> None:
    folder = copy_folder(opening, tmp_path / "k")
    open_it(opening, folder, make_set(opening))
    read = parse_release_set(make_set(opening))
    other = replace(read, params=changed(read.params, section="S-9"))
    with pytest.raises(OfficerRefusedError, match="另一个标段"):
        load_record(folder).extended(other, 1, NOON)


def test_a_refused_set_is_not_recorded(opening: Opening, tmp_path: Path) -> None:
    folder = copy_folder(opening, tmp_path / "k")
    with pytest.raises(OfficerRefusedError, match="解密时限未到"):
        open_it(opening, folder, make_set(opening, dead=BIDDERS[0], frozen={"frozen_at": EARLY}))
    assert load_record(folder).opened == ()


def test_a_damaged_record_stops_everything(opening: Opening, tmp_path: Path) -> None:
    folder = copy_folder(opening, tmp_path / "k")
    (folder / "opened.json").write_bytes(b"{}")
    with pytest.raises(KeyFolderError):
        open_it(opening, folder, make_set(opening))


def test_labels_that_cannot_be_read_are_a_refusal(opening: Opening, tmp_path: Path) -> None:
    broken = b"{}"
    row = frozen_set(opening, closed_set(opening)).bids[0]
    rows = tuple(
        changed(bid, header_sm3=sm3(broken).hex()) if bid == row else bid
        for bid in frozen_set(opening, closed_set(opening)).bids
    )
    labels = {**opening.labels, row.bundle_sm3: Label(broken, b"", b"")}
    with pytest.raises(OfficerRefusedError):
        open_it(opening, copy_folder(opening, tmp_path / "k"), make_set(opening, frozen={"bids": rows}), labels=labels)


def test_a_wrap_that_does_not_open_is_reported_not_blamed(opening: Opening) -> None:
    source = make_set(opening)
    stranger = load_opening_key(opening.folder, 2, PASSPHRASE)
    release = release_officer_halves(stranger, parse_release_set(source), 1, opening.labels)
    assert release.halves == ()
    assert [fault.code for fault in release.faults] == ["WRAP"] * 3


# The messages themselves


ROW = FrozenBid("a" * 64, "b" * 64, 1, True, "c" * 64, "d" * 64)
LID2 = FrozenSet(1, 2, "S-1", "0" * 64, "1" * 64, NOON, NOON, (ROW,))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            canonical.encode(LID2).replace(b'"kb_sm3":"' + b"c" * 64, b'"kb_sm3":"'), id="half without digest"
        ),
        pytest.param(canonical.encode(LID2).replace(b'"released":true', b'"released":false'), id="digest without half"),
        pytest.param(
            canonical.encode(LID2).replace(b'"frozen_at":"2026-03-02', b'"frozen_at":"2026-03-01'), id="frozen first"
        ),
        pytest.param(canonical.encode(LID2).replace(b"04:00:00Z", b"12:00:00+08:00"), id="not UTC"),
        pytest.param(canonical.encode(LID2).replace(b'"lid":2', b'"lid":1'), id="another lid"),
    ],
)
def test_frozen_sets_that_are_none(data: bytes) -> None:
    assert canonical.decode(canonical.encode(LID2), FrozenSet) == LID2
    with pytest.raises(MalformedError):
        canonical.decode(data, FrozenSet)


@pytest.mark.parametrize(
    ("bundles", "ok"),
    [
        pytest.param((), True, id="none"),
        pytest.param(("a" * 64, "b" * 64), True, id="sorted"),
        pytest.param(("b" * 64, "a" * 64), False, id="not sorted"),
        pytest.param(("a" * 64, "a" * 64), False, id="twice"),
    ],
)
def test_closed_sets_are_sorted(bundles: tuple[str, ...], ok: bool) -> None:
    def make() -> ClosedSet:
        return ClosedSet(1, 1, "S-1", "0" * 64, NOON, bundles)

    if ok:
        make()
        return
    with pytest.raises(ValueError, match="sorted"):
        make()


def test_a_release_answers_each_bid_once() -> None:
    half, fault = OfficerHalf("a" * 64, b"k" * 32), OfficerFault("a" * 64, "WRAP")
    release = OfficerRelease(1, "S-1", 1, "0" * 64, (half,))
    assert release.answers(LID2)
    assert not release.answers(changed(LID2, bids=()))
    assert release.without_halves().halves == ()
    with pytest.raises(ValueError, match="two answers"):
        OfficerRelease(1, "S-1", 1, "0" * 64, (half,), (fault,))
