"""Prepared places after a seal: what a later revision may do to them, and what is a change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from sealing_world import CONSENT, DAY, NOON, World, plain_pdf

from sealing.pdf import complete_seal, prepare_fields, prepare_seal, statement_of
from sealing.placement import SealField, Stamp
from sealing.seal import SealKind
from sealing.verify import verify_pdf
from signing.checks import Indication

FIELDS = (SealField("legal", 1, 30, 150, 20, 20), SealField("unit", 1, 120, 200, 40, 40))
STAMPS = [Stamp(page, 60, 40, 40, 40) for page in (1, 2)]


@pytest.fixture
def once(world: World, tmp_path: Path) -> Path:
    """Answer a file with the legal representative's seal, and places for the unit's."""
    path, out = tmp_path / "draft.pdf", tmp_path / "once.pdf"
    path.write_bytes(plain_pdf(2))
    prepare_fields(path, FIELDS, {"unit": STAMPS})
    apply(world, path, out, SealKind.LEGAL_REPRESENTATIVE, "legal")
    return out


def apply(world: World, source: Path, target: Path, kind: SealKind, field: str) -> None:
    holder = world.holder_of(kind)
    prepared = prepare_seal(source, target, field=field, seal=world.seals[kind], signer=holder.certificate, at=NOON)
    tbs = statement_of(prepared, CONSENT, NOON)
    signature = holder.sign(tbs)
    complete_seal(prepared, tbs, signature, world.stamp(signature), not_before=NOON - DAY, not_after=NOON + DAY)


def places(writer: Any) -> tuple[Any, list[Any]]:
    parent = next(f for f in writer.root["/AcroForm"]["/Fields"] if f.get_object()["/T"] == "unit-impressions")
    return parent.get_object(), list(parent.get_object()["/Kids"])


def picture(writer: Any) -> Any:
    form = {"/Type": "/XObject", "/Subtype": "/Form"}
    entries = {generic.pdf_name(k): generic.pdf_name(v) for k, v in form.items()}
    entries[generic.pdf_name("/BBox")] = generic.ArrayObject([generic.NumberObject(n) for n in (0, 0, 9, 9)])
    return writer.add_object(generic.StreamObject(entries, stream_data=b"0 0 9 9 re f"))


def fill(writer: Any, kid: Any) -> None:
    named = generic.DictionaryObject({generic.pdf_name("/N"): picture(writer)})
    kid.get_object()[generic.pdf_name("/AP")] = named
    writer.mark_update(kid.reference)


def fill_unsigned(writer: Any) -> None:
    fill(writer, places(writer)[1][0])


def move(writer: Any) -> None:
    kid = places(writer)[1][0]
    kid.get_object()["/Rect"] = generic.ArrayObject([generic.NumberObject(n) for n in (0, 0, 500, 500)])
    writer.mark_update(kid.reference)


def give_an_action(writer: Any) -> None:
    kid = places(writer)[1][0]
    action = {"/S": generic.pdf_name("/JavaScript"), "/JS": generic.pdf_string("app.alert(1)")}
    kid.get_object()["/A"] = generic.DictionaryObject({generic.pdf_name(k): v for k, v in action.items()})
    writer.mark_update(kid.reference)


def show(writer: Any) -> None:
    kid = places(writer)[1][0]
    kid.get_object()["/F"] = generic.NumberObject(2)
    writer.mark_update(kid.reference)


def drop(writer: Any) -> None:
    parent, kids = places(writer)
    parent["/Kids"] = generic.ArrayObject(kids[:1])
    writer.update_container(parent)


def add(writer: Any) -> None:
    parent, kids = places(writer)
    copy = generic.DictionaryObject(kids[0].get_object())
    copy["/T"] = generic.pdf_string("9")
    parent["/Kids"].append(writer.add_object(copy))
    writer.update_container(parent)


@pytest.mark.parametrize("change", [fill_unsigned, move, give_an_action, show, drop, add], ids=lambda f: f.__name__)
def test_a_change_of_places_breaks_the_seal(world: World, once: Path, change: Callable[[Any], None]) -> None:
    with once.open("r+b") as stream:
        writer = IncrementalPdfFileWriter(stream)
        change(writer)
        writer.write_in_place()
    verdict = verify_pdf(once, anchors=world.trust, evidence=world.trust.evidence, at=NOON)
    assert verdict.indication is Indication.TOTAL_FAILED
    assert verdict.signatures[0].verdict.failed == ["changes"]


@pytest.mark.parametrize("limit", [None, 0], ids=["quick", "general"])
def test_pictures_for_another_field_break_the_seal(
    world: World, once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int | None
) -> None:
    """The unit's field being filled, places are given to a picture in the next revision."""
    target = tmp_path / "twice.pdf"
    apply(world, once, target, SealKind.UNIT, "unit")
    with target.open("r+b") as stream:
        writer = IncrementalPdfFileWriter(stream)
        fill(writer, places(writer)[1][1])
        writer.write_in_place()
    if limit is not None:
        monkeypatch.setattr("signing.pdf_filling.MAX_FILE", limit)
    verdict = verify_pdf(target, anchors=world.trust, evidence=world.trust.evidence, at=NOON)
    assert [r.verdict.failed for r in verdict.signatures] == [["changes"], ["changes"]]
