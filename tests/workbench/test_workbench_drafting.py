from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy.exc import IntegrityError
from workbench_world import CENTRE, PIN, Town, keep_section, make_params, now, pdf

from bidding.documents.pictures import render_page
from bidding.errors import (
    DraftClosedError,
    FormIncompleteError,
    NoSuchDraftError,
    NoSuchItemError,
    NotAPdfError,
    TooManyDocumentsError,
)
from bidding.workbench.acting import find_actor
from bidding.workbench.assembling import Assembling, readout_values
from bidding.workbench.checks import check_draft, is_complete
from bidding.workbench.desk import Desk
from bidding.workbench.drafting import Drafting
from bidding.workbench.drafts import AppliedSeal, Draft, Form, PartPlace
from identity.actor import Actor
from identity.consent import SignedConsent
from identity.errors import LicenceRevokedError
from storage.database import writing
from storage.models import workbench as tables

Put = Callable[[bytes], Path]
SEALED = SignedConsent(1, b"record", b"signature", b"certificate")


def codes(draft: Draft, *, newest: str | None = None, later: float = 0) -> list[str]:
    at = now() + timedelta(minutes=later)
    findings = check_draft(draft, newest_params_sm3=newest or draft.params_sm3, at=at)
    return [f"{finding.code}:{finding.item}".rstrip(":") for finding in findings]


def with_seals(draft: Draft) -> Draft:
    """Answer the same draft as if every seal were on it."""
    parts = []
    for part in draft.parts:
        seals = tuple(AppliedSeal(kind, "1" * 13, SEALED, now()) for kind in draft.item(part.item).seals)
        parts.append(replace(part, facts=structs.replace(part.facts, seals=seals)))
    return replace(draft, parts=tuple(parts))


def test_one_open_draft_for_a_section(drafting: Drafting, draft: Draft, actor: Actor) -> None:
    assert drafting.create(actor, CENTRE, draft.params_sm3).id == draft.id
    drafting.delete(actor, draft.id)
    assert drafting.create(actor, CENTRE, draft.params_sm3).id != draft.id


def test_anothers_draft_is_not_there(drafting: Drafting, draft: Draft, town: Town) -> None:
    stranger = find_actor(town.outside.register, town.other.uscc)
    with pytest.raises(NoSuchDraftError):
        drafting.get(stranger, draft.id)
    with pytest.raises(NoSuchDraftError):
        drafting.put_form(stranger, draft.id, Form(price="1"))
    assert drafting.all(stranger) == ()


def test_documents_come_go_and_change_places(drafting: Drafting, draft: Draft, actor: Actor, put: Put) -> None:
    one, two = (drafting.add_document(actor, draft.id, "technical", name, put(pdf())) for name in ("甲.pdf", "乙.pdf"))
    assert (one.position, two.position) == (1, 2)
    swapped = drafting.order_documents(actor, draft.id, "technical", [two.id, one.id])
    assert [document.facts.name for document in swapped.documents] == ["乙.pdf", "甲.pdf"]
    with pytest.raises(TooManyDocumentsError):
        drafting.order_documents(actor, draft.id, "technical", [two.id])
    left = drafting.remove_document(actor, draft.id, two.id)
    assert [document.id for document in left.documents] == [one.id]
    with pytest.raises(NoSuchItemError):
        drafting.remove_document(actor, draft.id, two.id)


def test_what_is_not_taken_leaves_nothing(drafting: Drafting, draft: Draft, put: Put, town: Town) -> None:
    with pytest.raises(NotAPdfError):
        drafting.add_document(town.actor, draft.id, "technical", "x.pdf", put(b"PK no PDF"))
    with pytest.raises(NoSuchItemError):
        drafting.add_document(town.actor, draft.id, "nothing", "x.pdf", put(pdf()))
    assert drafting.get(town.actor, draft.id).documents == ()
    assert [path for path in drafting.desk.shelf.intake.root.rglob("*") if path.is_file()] == []


@pytest.mark.usefixtures("filled")
def test_nothing_plain_lies_on_disk(tmp_path: Path, desk: Desk) -> None:
    """Neither in files nor in the database: no name, no price, no page."""
    desk.engine.dispose()
    assert list(desk.shelf.work.iterdir()) == []
    stored = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".pdf"]
    assert stored
    for path in stored:
        data = path.read_bytes()
        for word in (b"%PDF", "施工组织设计".encode(), b"1,833,000", b"1833000", "电子保函".encode()):
            assert word not in data, path


def test_parts_are_assembled(filled: Draft, desk: Desk, tmp_path: Path) -> None:
    letter, technical = filled.part("letter"), filled.part("technical")
    assert [place.party for place in letter.facts.places] == ["unit", "legal-representative"]
    assert [(place.party, place.page) for place in technical.facts.places] == [("unit", 1)]
    assert technical.facts.pages == 4, "the cover, and three pages"
    assert technical.facts.contents == (("封面与目录", 1, 1), ("施工组织设计", 2, 3))
    path = desk.shelf.copy(letter.object, tmp_path / "letter-out.pdf")
    assert render_page(path, 1, dpi=40).startswith(b"\x89PNG")


def test_the_check_list_of_an_empty_draft(draft: Draft) -> None:
    assert codes(draft) == ["item_missing:letter", "item_missing:technical", "form_incomplete", "readout_incomplete"]


def test_the_check_list_of_a_full_draft(filled: Draft) -> None:
    assert codes(filled) == [
        "seal_missing:letter",
        "seal_missing:letter",
        "fonts_not_embedded:technical",
        "seal_missing:technical",
    ]
    sealed = with_seals(filled)
    assert codes(sealed) == ["fonts_not_embedded:technical"]
    assert is_complete(check_draft(sealed, newest_params_sm3=sealed.params_sm3, at=now()))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        pytest.param(Form(price="1,833,000.567", days="180"), ["form_incomplete", "readout_incomplete"], id="price"),
        pytest.param(Form(price="0", days="180"), ["form_incomplete", "readout_incomplete"], id="no price"),
        pytest.param(
            Form(price="10", days="半年", values={"bond": "无"}), ["form_incomplete", "readout_incomplete"], id="days"
        ),
        pytest.param(
            Form(price="10", days="180", values={"bond": "无", "price": "10.01"}), ["price_differs"], id="another price"
        ),
        pytest.param(Form(price="10", days="180", values={"bond": "无", "price": "10.0"}), [], id="the same price"),
        pytest.param(
            Form(price="10", days="180", values={"bond": "无", "days": "9"}), ["days_differ"], id="other days"
        ),
        pytest.param(Form(price="10", days="180"), ["readout_incomplete"], id="a field is empty"),
    ],
)
def test_the_form_is_checked(form: Form, expected: list[str], filled: Draft) -> None:
    found = [code for code in codes(with_seals(replace(filled, form=form))) if not code.startswith(("part_", "fonts_"))]
    assert found == expected


def test_a_change_after_assembly_is_seen(filled: Draft, drafting: Drafting, actor: Actor, put: Put) -> None:
    drafting.add_document(actor, filled.id, "technical", "补充.pdf", put(pdf()))
    changed = drafting.put_form(actor, filled.id, Form(price="2", days="180", values={"bond": "无"}))
    assert {"part_outdated:letter", "part_outdated:technical"} <= set(codes(changed))


def test_deadline_new_parameters_and_size_are_seen(filled: Draft) -> None:
    sealed = with_seals(filled)
    small = replace(sealed, params=structs.replace(sealed.params, max_bundle=1 << 20))
    big = tuple(replace(part, facts=structs.replace(part.facts, size=900_000)) for part in small.parts)
    assert codes(sealed, later=61)[0] == "deadline_passed"
    assert codes(sealed, newest="0" * 64)[0] == "params_changed"
    assert codes(replace(small, parts=big))[-1] == "too_large"


def test_a_price_may_not_stand_in_an_early_stage(filled: Draft) -> None:
    stage = structs.replace(filled.params.stages[0], shows_price=False)
    early = replace(filled, params=structs.replace(filled.params, stages=(stage,)))
    assert "price_too_early:letter" in codes(early)


def test_readout_values_are_those_of_the_letter(filled: Draft) -> None:
    values = readout_values(filled.form, filled.params, 1)
    assert values == {"price": "1833000.56", "days": "180", "bond": "电子保函"}


def test_a_letter_needs_its_form(assembling: Assembling, draft: Draft, actor: Actor) -> None:
    with pytest.raises(FormIncompleteError):
        assembling.assemble(actor, draft.id, "letter")
    with pytest.raises(FormIncompleteError):
        assembling.assemble(actor, draft.id, "technical")


def test_a_revoked_licence_makes_no_letters(assembling: Assembling, drafting: Drafting, town: Town, desk: Desk) -> None:
    gone = town.post("/registrar/companies", {"name": "已吊销有限公司", "legal_representative": "某某", "pin": PIN})
    actor = find_actor(town.outside.register, gone["uscc"])
    draft = drafting.create(actor, CENTRE, keep_section(desk, make_params(town.tenderer, section="S-9")))
    drafting.put_form(actor, draft.id, Form(price="1", days="1"))
    town.set_state(gone["uscc"], "revoked")
    with pytest.raises(LicenceRevokedError):
        assembling.assemble(actor, draft.id, "letter")


def test_an_agents_authorisation_becomes_a_letter(
    assembling: Assembling, drafting: Drafting, draft: Draft, town: Town
) -> None:
    agent = find_actor(town.outside.register, town.bidder.uscc, authorisation=town.agent)
    drafting.put_form(agent, draft.id, Form(letters={"other": "authorisation"}))
    assert assembling.assemble(agent, draft.id, "other").facts.contents == (("授权委托书", 1, 1),)
    with pytest.raises(FormIncompleteError):
        assembling.assemble(town.actor, draft.id, "other")


def test_places_can_be_moved(assembling: Assembling, filled: Draft, actor: Actor, drafting: Drafting) -> None:
    place = PartPlace("unit", 4, 2000, 3000, 4000, 4000)
    assembling.move_places(actor, filled.id, "technical", [place])
    assert drafting.get(actor, filled.id).part("technical").facts.places == (place,)
    for wrong in ([], [structs.replace(place, page=5)], [structs.replace(place, party="legal-representative")]):
        with pytest.raises(NoSuchItemError):
            assembling.move_places(actor, filled.id, "technical", wrong)


def test_a_newer_version_of_the_parameters_is_adopted(
    drafting: Drafting, filled: Draft, actor: Actor, desk: Desk, town: Town
) -> None:
    newer = keep_section(desk, make_params(town.tenderer, version=2))
    adopted = drafting.adopt(actor, filled.id, newer)
    assert "part_outdated:technical" in codes(adopted)
    with pytest.raises(NoSuchDraftError):
        drafting.adopt(actor, filled.id, filled.params_sm3)


def test_a_deleted_draft_is_gone(drafting: Drafting, filled: Draft, actor: Actor, desk: Desk) -> None:
    drafting.delete(actor, filled.id)
    with pytest.raises(NoSuchDraftError):
        drafting.get(actor, filled.id)
    assert [path for path in desk.shelf.intake.root.rglob("*") if path.is_file()] == []


def test_a_packed_draft_changes_no_more(drafting: Drafting, filled: Draft, actor: Actor, desk: Desk) -> None:
    with writing(desk.engine) as tx:
        tx.execute(tables.drafts.update().values(state="packed"))
    with pytest.raises(DraftClosedError):
        drafting.put_form(actor, filled.id, Form())


def test_the_database_holds_the_rules(desk: Desk, filled: Draft) -> None:
    """One current part for an item, one open draft for a section: not even by mistake two."""
    part = filled.part("letter")
    row = {"id": "f" * 32, "draft": filled.id, "item": part.item, "current": True, "made_of": "0" * 64}
    with pytest.raises(IntegrityError), writing(desk.engine) as tx:
        tx.execute(tables.parts.insert().values(**row, object="e" * 32, sealed_facts=b"", at=now()))
    with pytest.raises(IntegrityError, match="append-only"), writing(desk.engine) as tx:
        tx.execute(tables.sections.update().values(version=9))
