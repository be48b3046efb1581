import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from workbench_world import Town, Trading, now

from bidding.bid_folder import read_zip
from bidding.bundle import parse_bundle
from bidding.errors import (
    DraftClosedError,
    NoLiveBidError,
    NoSuchConsentError,
    NoSuchDraftError,
    NotReadyError,
    WrongSectionError,
)
from bidding.receipt import parse_receipt
from bidding.recovery import parse_code
from bidding.workbench.acting import find_actor
from bidding.workbench.drafts import Draft
from bidding.workbench.service import Workbench
from bidding.workbench.submissions import Submission
from identity.actor import Actor

Make = Callable[..., Draft]


def pack(workbench: Workbench, town: Town, draft: Draft) -> tuple[Path, str]:
    """Pack a draft on the workbench; answers the bundle and the recovery code."""
    packing, code = workbench.packing.begin(town.actor, draft.id)
    town.confirm(packing.url)
    done = workbench.packing.advance(town.actor, packing.id)
    assert done.state == "packed", done.code
    return workbench.packing.path(packing.id), code


def submit(workbench: Workbench, town: Town, trading: Trading, bundle: Path) -> Submission:
    begun = workbench.submissions.begin(town.actor, trading.url, bundle)
    town.confirm(begun.url)
    return workbench.submissions.advance(town.actor, begun.id)


def test_from_draft_to_receipt(
    connected: Workbench, sealed: Make, town: Town, trading: Trading, tmp_path: Path
) -> None:
    actor, draft = town.actor, sealed()
    bundle, code = pack(connected, town, draft)
    assert len(parse_code(code)) == 20
    with bundle.open("rb") as stream:
        assert parse_bundle(stream, bundle.stat().st_size).header.strict
    assert connected.drafting.get(actor, draft.id).state == "packed"
    stored = {path.name for path in connected.desk.shelf.intake.root.rglob("*") if path.is_file()}
    assert stored == set(), "the plaintext is forgotten"
    with pytest.raises(DraftClosedError):
        connected.assembling.assemble(actor, draft.id, "letter")

    bid = submit(connected, town, trading, bundle)
    assert (bid.state, bid.sent) == ("accepted", bid.size)
    assert bid.receipt is not None
    leaf = parse_receipt(bid.receipt).leaf
    assert (leaf.bundle_sm3, leaf.bidder, leaf.version) == (bid.bundle_sm3, bid.uscc, 1)
    assert connected.submissions.advance(actor, bid.id) == bid, "again is no fault"
    connected.submissions.refresh_receipt(actor, bid.id)
    assert not (tmp_path / "work").exists() or list((tmp_path / "work").iterdir()) == []


def test_the_folder_for_ones_own_machine(connected: Workbench, sealed: Make, actor: Actor, tmp_path: Path) -> None:
    draft = sealed()
    with connected.desk.shelf.folder() as folder:
        archive = connected.exporting.write_zip(draft, actor.company, folder)
        names = zipfile.ZipFile(archive).namelist()
        bid = read_zip(archive, tmp_path / "taken")
    assert names[0] == "bid.json"
    [stage] = bid.stages()
    assert [document.item for document in stage.documents] == ["letter", "technical"]
    assert [mark.kind for mark in stage.documents[0].seals] == ["legal-representative", "unit"]
    assert len(stage.consents) == 2
    assert stage.values == {"price": "1833000.56", "days": "180", "bond": "电子保函"}


def test_what_is_not_complete_is_not_packed(connected: Workbench, trading: Trading, actor: Actor) -> None:
    section = connected.sections.follow(trading.url, trading.release().section)
    draft = connected.drafting.create(actor, trading.url, section.params_sm3)
    with pytest.raises(NotReadyError, match="技术文件"):
        connected.packing.begin(actor, draft.id)


@pytest.mark.parametrize("decision", ["refuse", "confirm"])
def test_a_refused_packing_leaves_the_draft(
    decision: str, connected: Workbench, sealed: Make, town: Town, actor: Actor
) -> None:
    draft = sealed()
    packing, _ = connected.packing.begin(actor, draft.id)
    assert connected.packing.advance(actor, packing.id).state == "awaiting-consent"
    if decision == "refuse":
        town.refuse(packing.url)
        assert connected.packing.advance(actor, packing.id).state == "refused"
        assert connected.drafting.get(actor, draft.id).parts == draft.parts
        assert list(connected.desk.bundles.iterdir()) == []
    else:
        town.confirm(packing.url)
        assert connected.packing.advance(actor, packing.id).state == "packed"


def test_a_bid_is_replaced_and_withdrawn(
    connected: Workbench, sealed: Make, town: Town, trading: Trading, actor: Actor
) -> None:
    draft = sealed()
    first = submit(connected, town, trading, pack(connected, town, draft)[0])
    again = sealed(section=draft.params.section)
    second = submit(connected, town, trading, pack(connected, town, again)[0])
    assert second.state == "accepted"
    assert connected.submissions.get(actor, first.id).state == "replaced"
    assert second.receipt is not None
    leaf = parse_receipt(second.receipt).leaf
    assert (leaf.version, leaf.replaces) == (2, first.bundle_sm3)
    with pytest.raises(NoLiveBidError):
        connected.afterwards.begin_withdrawal(actor, first.id)

    begun = connected.afterwards.begin_withdrawal(actor, second.id)
    assert connected.afterwards.advance(actor, begun.id).state == "awaiting-consent"
    town.confirm(begun.url)
    done = connected.afterwards.advance(actor, begun.id)
    assert (done.state, done.answer is not None) == ("done", True)
    assert connected.submissions.get(actor, second.id).state == "withdrawn"
    assert connected.submissions.live(actor, trading.url, draft.params.section) is None


def test_a_submission_that_was_refused_on_the_wallet(
    connected: Workbench, sealed: Make, town: Town, trading: Trading, actor: Actor
) -> None:
    bundle, _ = pack(connected, town, sealed())
    begun = connected.submissions.begin(actor, trading.url, bundle)
    town.refuse(begun.url)
    ended = connected.submissions.advance(actor, begun.id)
    assert (ended.state, ended.code) == ("refused", "consent")
    with pytest.raises(NoSuchConsentError):
        connected.submissions.act(actor, begun.id)


def test_an_upload_that_broke_off_goes_on(
    connected: Workbench, sealed: Make, town: Town, trading: Trading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The centre is gone when the upload begins; what was signed stays, and the next look hands it in."""
    actor = town.actor
    bundle, _ = pack(connected, town, sealed())
    begun = connected.submissions.begin(actor, trading.url, bundle)
    town.confirm(begun.url)
    client = connected.sections.centres[trading.url]
    with monkeypatch.context() as broken:
        broken.setattr(client.http, "post", _gone)
        waiting = connected.submissions.advance(actor, begun.id)
    assert (waiting.state, waiting.code) == ("uploading", "UploadInterruptedError")
    assert connected.submissions.advance(actor, begun.id).state == "accepted"


def _gone(*_: object, **__: object) -> httpx.Response:
    raise httpx.ConnectError("gone")


def test_a_bundle_of_another_or_for_another_is_not_taken(
    connected: Workbench, sealed: Make, town: Town, trading: Trading, tmp_path: Path
) -> None:
    bundle, _ = pack(connected, town, sealed())
    copy = tmp_path / "copy.ytb"
    copy.write_bytes(bundle.read_bytes())
    stranger = find_actor(town.outside.register, town.other.uscc)
    with pytest.raises(WrongSectionError):
        connected.submissions.begin(stranger, trading.url, copy)
    with pytest.raises(NoSuchDraftError):
        connected.submissions.begin(town.actor, "http://elsewhere.test", copy)
    assert copy.exists(), "the file stays where it was"


@pytest.mark.slow
@pytest.mark.parametrize("by_code", [False, True], ids=["device", "recovery code"])
def test_the_half_is_released_after_closing(
    by_code: bool, connected: Workbench, sealed: Make, town: Town, trading: Trading
) -> None:
    actor, draft = town.actor, sealed(minutes=0.2)
    bundle, code = pack(connected, town, draft)
    bid = submit(connected, town, trading, bundle)
    assert bid.state == "accepted", bid.code
    while now() <= draft.params.closes_at:
        pass
    trading.centre.tick()
    begun = connected.afterwards.begin_release(actor, bid.id, 1, by_code=by_code)
    assert begun.needs_code is by_code
    town.confirm(begun.url)
    done = connected.afterwards.advance(actor, begun.id, code=code if by_code else "")
    assert (done.state, done.code) == ("done", "")


@pytest.mark.slow
def test_a_late_bid_gets_a_signed_refusal(connected: Workbench, sealed: Make, town: Town, trading: Trading) -> None:
    draft = sealed(minutes=0.25)
    bundle, _ = pack(connected, town, draft)
    while now() <= draft.params.closes_at:
        pass
    bid = submit(connected, town, trading, bundle)
    assert (bid.state, bid.code) == ("refused", "late")
    assert bid.refusal is not None
    assert bid.receipt is None
