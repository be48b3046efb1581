"""Placing seals on parts: what is kept, what is refused, what the sealed file shows, and what assembly does to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from placing_world import Bid, open_bid
from sqlalchemy import text
from workbench_world import Town, pdf

from bidding.errors import (
    DraftClosedError,
    NoSuchDraftError,
    NoSuchItemError,
    SealingRunningError,
    SealOrderError,
)
from bidding.workbench.acting import find_actor
from bidding.workbench.assembling import Assembling
from bidding.workbench.drafting import Drafting
from bidding.workbench.drafts import Draft, PartPlace
from bidding.workbench.placing_values import Placement, Wish, main_place
from bidding.workbench.service import Workbench
from identity.actor import Actor
from sealing.errors import (
    KeywordError,
    KeywordNotFoundError,
    PageRangeError,
    PlanError,
    SealingError,
    StampOutsideError,
    StraddleError,
)
from sealing.pdf_preview import find_strays, mean_difference, render_page
from sealing.placement import Box
from sealing.planning import Keyword, Pages, Point, SealPlan, Straddle
from sealing.verify import verify_pdf
from storage.database import Role, migrate, open_database, sqlite_url, writing

Put = Callable[[bytes], Path]
MAIN = Point(2, 60.0, 90.0)
EVERYTHING = Wish(
    MAIN,
    (
        Keyword("page 3", anchor="right"),
        Straddle(side="right"),
        Pages(150.0, 240.0, pages="all"),
        Point(-1, 40.0, 40.0, "bottom-left"),
    ),
)


@pytest.fixture(scope="module")
def bid(tmp_path_factory: pytest.TempPathFactory, town: Town) -> Iterator[Bid]:
    with open_bid(tmp_path_factory.mktemp("bid"), town) as opened:
        yield opened


def seal(workbench: Workbench, town: Town, actor: Actor, draft: str) -> Draft:
    """Go through all consents."""
    view = workbench.sealing.begin(actor, draft)
    while not view.ended:
        town.confirm(view.url)
        view = workbench.sealing.advance(actor, view.id)
    assert view.state == "sealed", view.code
    return workbench.drafting.get(actor, draft)


def boxes(placement: Placement, page: int) -> list[Box]:
    """Answer where all seals of a page stand."""
    stamps = [*placement.stamps, *(stamp for other in placement.others for stamp in other.stamps)]
    return [Box(page, s.x_mm, s.y_mm, s.w_mm, s.h_mm) for s in stamps if s.page == page]


def test_the_sealed_file_shows_what_the_preview_showed(
    workbench: Workbench, filled: Draft, actor: Actor, town: Town, tmp_path: Path
) -> None:
    """A moved main place, a keyword, 骑缝 and every page, by one act and one signature."""
    placing, desk = workbench.placing, workbench.desk
    saved = placing.save(actor, filled.id, "technical", "unit", EVERYTHING)
    assert [stamp.page for stamp in saved.stamps].count(4) == 4
    again = placing.look(actor, filled.id, "technical", "unit")
    assert (again.stamps, again.wish.further, again.saved) == (saved.stamps, EVERYTHING.further, True)
    letter = placing.save(actor, filled.id, "letter", "legal-representative", Wish(Point(1, 30.0, 250.0)))
    seen = {page: placing.picture(again, page) for page in (1, 2, 3, 4)}
    seen_letter = placing.picture(letter, 1)
    plain = {item: desk.shelf.copy(filled.part(item).object, tmp_path / item) for item in ("technical", "letter")}

    sealed = seal(workbench, town, actor, filled.id)
    paths = {i: desk.shelf.copy(sealed.part(i).object, tmp_path / f"{i}.pdf") for i in ("technical", "letter")}
    anchors = town.outside.trust.anchors()
    for item, count in (("technical", 1), ("letter", 2)):
        verdict = verify_pdf(
            paths[item], anchors=anchors, evidence=anchors.evidence, at=desk.now(), expect_uscc=town.bidder.uscc
        )
        assert [str(one.verdict.indication) for one in verdict.signatures] == ["TOTAL-PASSED"] * count
    for page, preview in seen.items():
        before, after = render_page(plain["technical"], page), render_page(paths["technical"], page)
        assert find_strays(before, after, boxes(again, page)) == 0
        assert find_strays(before, preview, boxes(again, page)) == 0
        assert mean_difference(after, preview) < 0.1 * mean_difference(before, after)
    before, after = render_page(plain["letter"], 1), render_page(paths["letter"], 1)
    assert find_strays(before, after, boxes(letter, 1)) == 0
    assert mean_difference(after, seen_letter) < 0.1 * mean_difference(before, after)
    kept = placing.kept(actor, filled.id)
    assert kept[("technical", "unit")].plans == EVERYTHING.further, "the sealed part says where its seals are"
    now = placing.look(actor, filled.id, "technical", "unit")
    assert (now.stamps, now.warnings) == (again.stamps, ())
    assert find_strays(placing.picture(now, 4), render_page(paths["technical"], 4), []) == 0
    with pytest.raises(SealOrderError):
        placing.save(actor, filled.id, "technical", "unit", EVERYTHING)


@pytest.mark.parametrize(
    ("wish", "error", "told"),
    [
        pytest.param(Wish(Point(1, 5.0, 50.0)), StampOutsideError, "主位置：第 1 页，横 5.0", id="main off the page"),
        pytest.param(Wish(Point(9, 50.0, 50.0)), PageRangeError, "文件共 4 页", id="main on no page"),
        pytest.param(Wish(Point(0, 50.0, 50.0)), PageRangeError, "第 0 页", id="page nought"),
        pytest.param(Wish(MAIN, (Point(1, 209.0, 50.0),)), StampOutsideError, "另加第 1 条", id="further off"),
        pytest.param(Wish(MAIN, (Pages(50, 50, pages="3-9"),)), PageRangeError, "第 3-9 页", id="range"),
        pytest.param(Wish(MAIN, (Pages(50, 50, pages="x"),)), PageRangeError, "另加第 1 条", id="no range"),
        pytest.param(Wish(MAIN, (Straddle(pages="2"),)), StraddleError, "骑缝章", id="骑缝 over one page"),
        pytest.param(Wish(MAIN, (Straddle(groups=("1-2", "2-3")),)), StraddleError, "骑缝章", id="骑缝 twice"),
        pytest.param(Wish(MAIN, (Keyword("投标保证金"),)), KeywordNotFoundError, "找到 0 处", id="keyword"),
        pytest.param(Wish(MAIN, (Keyword("pages 3"),)), KeywordNotFoundError, "：“第 4 页：page 3”", id="near"),
        pytest.param(Wish(MAIN, (Keyword("page 3", occurrence=7),)), KeywordNotFoundError, "第 7 处", id="often"),
        pytest.param(Wish(MAIN, (Keyword(" "),)), KeywordError, "", id="a keyword of nothing"),
    ],
)
def test_what_cannot_be_placed(wish: Wish, error: type[SealingError], told: str, bid: Bid) -> None:
    with pytest.raises(error) as caught:
        bid.workbench.placing.save(bid.actor, bid.draft.id, "technical", "unit", wish)
    assert told in str(caught.value)
    assert bid.workbench.drafting.get(bid.actor, bid.draft.id).parts == bid.draft.parts
    assert bid.workbench.placing.kept(bid.actor, bid.draft.id) == {}


def test_too_many_impressions(bid: Bid) -> None:
    wish = Wish(MAIN, tuple(Point(1, 50.0, 50.0) for _ in range(65)))
    with pytest.raises(PlanError):
        bid.workbench.placing.plan(bid.actor, bid.draft.id, "technical", "unit", wish)


def test_what_is_to_be_looked_at_is_told(bid: Bid) -> None:
    workbench, filled, actor = bid.workbench, bid.draft, bid.actor
    wish = Wish(Point(1, 60.0, 90.0), (Point(1, 70.0, 95.0),))
    found = workbench.placing.plan(actor, filled.id, "technical", "unit", wish)
    assert [(one.code, one.page) for one in found.warnings] == [("overlap", 1)]
    assert "主位置" in found.warnings[0].text
    place = main_place(filled.part("letter"), "legal-representative")
    over = Wish(Point(place.page, (place.x + place.w / 2) / 100, (place.y + place.h / 2) / 100))
    found = workbench.placing.plan(actor, filled.id, "letter", "unit", over)
    assert ["法定代表人章" in one.text for one in found.warnings] == [True]


def test_a_turned_page_is_told(
    *, workbench: Workbench, draft: Draft, actor: Actor, assembling: Assembling, drafting: Drafting, put: Put
) -> None:
    turned = pdf(2).replace(b"/Rotate 0", b"/Rotate 90")
    assert turned.count(b"/Rotate 90") == 2
    drafting.add_document(actor, draft.id, "technical", "横排.pdf", put(turned))
    assembling.assemble(actor, draft.id, "technical")
    found = workbench.placing.plan(actor, draft.id, "technical", "unit", Wish(Point(2, 60.0, 90.0)))
    assert [view.rotate for view in found.views] == [0, 90, 90]
    assert [one.code for one in found.warnings] == ["rotated"]


def test_another_companys_draft_is_not_there(bid: Bid, town: Town) -> None:
    stranger = find_actor(town.outside.register, town.other.uscc)
    placing, filled = bid.workbench.placing, bid.draft
    for look in (
        lambda: placing.look(stranger, filled.id, "technical", "unit"),
        lambda: placing.plan(stranger, filled.id, "technical", "unit", EVERYTHING),
        lambda: placing.save(stranger, filled.id, "technical", "unit", EVERYTHING),
        lambda: placing.kept(stranger, filled.id),
    ):
        with pytest.raises(NoSuchDraftError):
            look()


@pytest.mark.parametrize(
    ("item", "kind"),
    [("technical", "legal-representative"), ("technical", "finance"), ("other", "unit"), ("nothing", "unit")],
)
def test_a_seal_that_is_not_asked_for(item: str, kind: str, bid: Bid) -> None:
    with pytest.raises(NoSuchItemError):
        bid.workbench.placing.look(bid.actor, bid.draft.id, item, kind)


def test_while_it_is_sealed_nothing_is_moved(
    workbench: Workbench, filled: Draft, actor: Actor, drafting: Drafting
) -> None:
    view = workbench.sealing.begin(actor, filled.id)
    with pytest.raises(SealingRunningError):
        workbench.placing.save(actor, filled.id, "technical", "unit", EVERYTHING)
    workbench.sealing.cancel(actor, view.id)
    workbench.placing.save(actor, filled.id, "technical", "unit", EVERYTHING)
    with pytest.raises(SealingRunningError, match="assembled again"):  # its copies have the places of before
        workbench.sealing.again(actor, view.id)
    drafting.delete(actor, filled.id)
    with pytest.raises((NoSuchDraftError, DraftClosedError)):
        workbench.placing.save(actor, filled.id, "technical", "unit", EVERYTHING)


def test_assembling_again_keeps_what_still_holds(
    workbench: Workbench, filled: Draft, actor: Actor, drafting: Drafting
) -> None:
    """The part shrinks from four pages to two: the main place is the letter's again, page 4 is gone."""
    lasting: tuple[SealPlan, ...] = (Straddle(), Pages(150.0, 240.0))
    wish = Wish(MAIN, (*lasting, Point(4, 60.0, 60.0), Keyword("page 3")))
    workbench.placing.save(actor, filled.id, "technical", "unit", wish)
    before = filled.part("technical").facts.places
    (document,) = filled.documents_of("technical")
    drafting.remove_document(actor, filled.id, document.id)
    path = workbench.desk.bundles.parent / "one.pdf"
    path.write_bytes(pdf(1))
    drafting.add_document(actor, filled.id, "technical", "短.pdf", path)
    workbench.assembling.assemble(actor, filled.id, "technical")
    found = workbench.placing.look(actor, filled.id, "technical", "unit")
    assert found.kept is not None
    assert (found.wish.further, found.kept.lost_plans) == (lasting, wish.further[2:])
    assert found.kept.reset
    assert found.part.facts.places == before
    workbench.assembling.assemble(actor, filled.id, "technical")
    again = workbench.placing.look(actor, filled.id, "technical", "unit").kept
    assert again == found.kept, "what was lost is told until somebody saves"
    saved = workbench.placing.save(actor, filled.id, "technical", "unit", found.wish)
    assert saved.kept is not None
    assert (saved.kept.lost_plans, saved.kept.reset) == ((), False)


def test_nothing_placed_is_what_it_was(bid: Bid) -> None:
    workbench, filled, actor = bid.workbench, bid.draft, bid.actor
    found = workbench.placing.look(actor, filled.id, "technical", "unit")
    assert found.main == main_place(filled.part("technical"), "unit")
    assert (found.kept, found.warnings, found.wish.further) == (None, (), ())
    path = workbench.desk.bundles.parent / "part.pdf"
    part = filled.part("technical")
    assert workbench.placing.stamps(filled, part, workbench.desk.shelf.copy(part.object, path)) == {}


def test_places_off_the_page_are_refused_for_programs_too(bid: Bid) -> None:
    places = [PartPlace("unit", 1, 20_000, 0, 4000, 4000)]
    with pytest.raises(StampOutsideError):
        bid.workbench.assembling.move_places(bid.actor, bid.draft.id, "technical", places)


def test_an_older_database_gets_the_table(tmp_path: Path) -> None:
    engine = open_database(sqlite_url(tmp_path / "old.sqlite"))
    migrate(engine, Role.WORKBENCH)
    with writing(engine) as tx:
        tx.execute(text("DROP TABLE placings"))
        tx.execute(text("UPDATE alembic_version SET version_num = 'workbench_0005'"))
    migrate(engine, Role.WORKBENCH)
    with writing(engine) as tx:
        assert tx.execute(text("SELECT count(*) FROM placings")).scalar_one() == 0
    engine.dispose()


def test_what_is_placed_is_kept_encrypted(workbench: Workbench, filled: Draft, actor: Actor, tmp_path: Path) -> None:
    workbench.placing.save(actor, filled.id, "technical", "unit", EVERYTHING)
    data = b"".join(path.read_bytes() for path in tmp_path.glob("workbench.sqlite*"))
    assert b"placings" in data
    assert b"straddle" not in data
