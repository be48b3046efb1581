from pathlib import Path

import pytest
from msgspec import structs
from workbench_world import Town, pdf

from bidding.errors import (
    NoSuchPlanError,
    NothingToSealError,
    PartOutdatedError,
    SealingRunningError,
)
from bidding.workbench.acting import find_actor
from bidding.workbench.checks import is_complete
from bidding.workbench.drafts import Draft, Form
from bidding.workbench.service import Workbench
from identity.actor import Actor
from identity.consent import parse_consent
from sealing.verify import verify_pdf


def seal(workbench: Workbench, town: Town, actor: Actor, draft: str) -> str:
    """Both seals, each with its own confirmation; answers the plan."""
    view = workbench.sealing.begin(actor, draft)
    for _ in range(2):
        town.confirm(view.url)
        view = workbench.sealing.advance(actor, view.id)
    assert view.state == "sealed", view.code
    return view.id


def test_both_seals_are_applied_one_after_the_other(
    workbench: Workbench, filled: Draft, actor: Actor, town: Town, tmp_path: Path
) -> None:
    first = workbench.sealing.begin(actor, filled.id)
    assert (first.state, first.kind) == ("awaiting-representative", "legal-representative")
    assert workbench.sealing.advance(actor, first.id).state == "awaiting-representative"
    town.confirm(first.url)
    second = workbench.sealing.advance(actor, first.id)
    assert (second.state, second.kind) == ("awaiting-unit", "unit")
    assert second.url != first.url
    town.confirm(second.url)
    assert workbench.sealing.advance(actor, first.id).state == "sealed"

    draft = workbench.drafting.get(actor, filled.id)
    assert [seal.kind for seal in draft.part("letter").facts.seals] == ["legal-representative", "unit"]
    assert [seal.kind for seal in draft.part("technical").facts.seals] == ["unit"]
    assert is_complete(workbench.exporting.check(draft))
    anchors = town.outside.trust.anchors()
    for item, count in (("letter", 2), ("technical", 1)):
        path = workbench.desk.shelf.copy(draft.part(item).object, tmp_path / f"{item}.sealed.pdf")
        verdict = verify_pdf(
            path, anchors=anchors, evidence=anchors.evidence, at=workbench.desk.now(), expect_uscc=town.bidder.uscc
        )
        assert [str(report.verdict.indication) for report in verdict.signatures] == ["TOTAL-PASSED"] * count


def test_every_use_is_recorded(workbench: Workbench, filled: Draft, actor: Actor, town: Town) -> None:
    seal(workbench, town, actor, filled.id)
    draft = workbench.drafting.get(actor, filled.id)
    mine = [use for use in workbench.sealing.uses(actor) if use.section == draft.params.section][-3:]
    assert [(use.kind, use.file, use.outcome) for use in mine] == [
        ("legal-representative", "投标函.pdf", "sealed"),
        ("unit", "投标函.pdf", "sealed"),
        ("unit", "技术文件.pdf", "sealed"),
    ]
    assert mine[1].after_sm3 == draft.part("letter").facts.sm3
    record, _ = parse_consent(mine[1].consent)
    assert mine[1].document_sm3 in {file.sm3 for file in record.files}
    assert (record.section, record.params_sm3) == (draft.params.section, draft.params_sm3)


@pytest.mark.parametrize("how", ["refuse", "cancel"])
def test_a_refusal_leaves_the_draft_as_it_was(
    how: str, workbench: Workbench, filled: Draft, actor: Actor, town: Town
) -> None:
    view = workbench.sealing.begin(actor, filled.id)
    if how == "refuse":
        town.refuse(view.url)
        ended = workbench.sealing.advance(actor, view.id)
    else:
        ended = workbench.sealing.cancel(actor, view.id)
    assert ended.state == "refused"
    after = workbench.drafting.get(actor, filled.id)
    assert after.parts == filled.parts
    assert ended.uses[-1].outcome == "refused"
    workbench.drafting.put_form(actor, filled.id, Form(price="1", days="1"))  # the draft is free again


def test_a_plan_that_was_refused_is_taken_up_again(
    workbench: Workbench, filled: Draft, actor: Actor, town: Town
) -> None:
    view = workbench.sealing.begin(actor, filled.id)
    town.refuse(view.url)
    workbench.sealing.advance(actor, view.id)
    view = workbench.sealing.again(actor, view.id)
    for _ in range(2):
        town.confirm(view.url)
        view = workbench.sealing.advance(actor, view.id)
    assert view.state == "sealed"
    with pytest.raises(SealingRunningError):
        workbench.sealing.again(actor, view.id)


def test_a_plan_without_its_copies_leaves_the_draft_free(
    workbench: Workbench, filled: Draft, actor: Actor, town: Town
) -> None:
    view = workbench.sealing.begin(actor, filled.id)
    town.refuse(view.url)
    workbench.sealing.advance(actor, view.id)
    workbench.sealing.flow.forget(view.id)
    with pytest.raises(SealingRunningError):
        workbench.sealing.again(actor, view.id)
    workbench.drafting.put_form(actor, filled.id, Form(price="1", days="1"))
    workbench.drafting.delete(actor, filled.id)


def test_while_seals_are_applied_the_draft_rests(
    workbench: Workbench, filled: Draft, actor: Actor, tmp_path: Path
) -> None:
    view = workbench.sealing.begin(actor, filled.id)
    more = tmp_path / "more.pdf"
    more.write_bytes(pdf())
    for change in (
        lambda: workbench.sealing.begin(actor, filled.id),
        lambda: workbench.drafting.put_form(actor, filled.id, Form()),
        lambda: workbench.drafting.add_document(actor, filled.id, "technical", "x.pdf", more),
        lambda: workbench.assembling.assemble(actor, filled.id, "technical"),
        lambda: workbench.drafting.delete(actor, filled.id),
    ):
        with pytest.raises(SealingRunningError):
            change()
    workbench.sealing.cancel(actor, view.id)


def test_only_what_is_up_to_date_is_sealed(workbench: Workbench, filled: Draft, actor: Actor) -> None:
    changed = structs.replace(filled.form, price="2.00")
    workbench.drafting.put_form(actor, filled.id, changed)
    with pytest.raises(PartOutdatedError):
        workbench.sealing.begin(actor, filled.id)


def test_nothing_is_sealed_twice(workbench: Workbench, filled: Draft, actor: Actor, town: Town) -> None:
    seal(workbench, town, actor, filled.id)
    with pytest.raises(NothingToSealError):
        workbench.sealing.begin(actor, filled.id)


def test_an_agent_uses_the_units_seal_only(workbench: Workbench, filled: Draft, town: Town) -> None:
    """The legal representative's seal is asked of the legal representative, whoever began."""
    agent = find_actor(town.outside.register, town.bidder.uscc, authorisation=town.agent)
    view = workbench.sealing.begin(agent, filled.id)
    assert view.person_name == "欧阳㛃"
    town.confirm(view.url)
    view = workbench.sealing.advance(agent, view.id)
    assert view.person_name == "王小明"
    town.confirm(view.url, person=agent.person)
    assert workbench.sealing.advance(agent, view.id).state == "sealed"


def test_anothers_plan_is_not_there(workbench: Workbench, filled: Draft, actor: Actor, town: Town) -> None:
    view = workbench.sealing.begin(actor, filled.id)
    stranger = find_actor(town.outside.register, town.other.uscc)
    for look in (workbench.sealing.read, workbench.sealing.advance, workbench.sealing.cancel):
        with pytest.raises(NoSuchPlanError):
            look(stranger, view.id)
    workbench.sealing.cancel(actor, view.id)


def test_what_a_crash_left_is_swept(workbench: Workbench, filled: Draft, actor: Actor) -> None:
    stray = workbench.desk.shelf.put([b"left behind"])
    assert workbench.sweep() == 1
    assert stray not in {path.name for path in workbench.desk.shelf.intake.root.rglob("*")}
    assert workbench.drafting.get(actor, filled.id).parts == filled.parts
    assert workbench.sweep() == 0
