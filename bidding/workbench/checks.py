"""The check list before sealing, packing and submission (递交前检查): pure; every line says what to do."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from bidding.errors import FormIncompleteError
from bidding.faults import IncompleteBidError
from bidding.params import RequiredItem, SectionParams
from bidding.readout import make_readout
from bidding.workbench.assembling import PRICED, first_field, made_of, offer_of, plain_amount, readout_values
from bidding.workbench.drafts import Draft, Part

Level = Literal["missing", "warning"]
SEAL_NAMES: Final = {"legal-representative": "法定代表人章", "unit": "公章"}
_GROWTH: Final = 1.13
"""Padding (Padmé) adds at most an eighth; headers and tags hardly anything."""


@dataclass(frozen=True)
class Finding:
    """One line of the list: `missing` stands in the way of packing, `warning` does not."""

    code: str
    level: Level
    item: str
    """Required item, or empty."""
    text: str


def check_draft(draft: Draft, *, newest_params_sm3: str, at: datetime) -> tuple[Finding, ...]:
    """Everything that still stands in the way, and what is better looked at again."""
    return (
        *_check_section(draft, newest_params_sm3, at),
        *(finding for item in draft.params.required for finding in _check_item(draft, item)),
        *_check_form(draft),
        *_check_size(draft),
    )


def is_complete(findings: tuple[Finding, ...]) -> bool:
    """Whether nothing is missing."""
    return all(finding.level != "missing" for finding in findings)


def _missing(code: str, text: str, item: str = "") -> Finding:
    return Finding(code, "missing", item, text)


def _check_section(draft: Draft, newest: str, at: datetime) -> Iterator[Finding]:
    if at >= draft.params.deadline:
        yield _missing("deadline_passed", "投标截止时间已过，不能再递交。")
    if newest != draft.params_sm3:
        yield _missing("params_changed", "标段参数已更新：请采用新版本，并重新组装、签章。")


def _check_item(draft: Draft, item: RequiredItem) -> Iterator[Finding]:
    part = next((part for part in draft.parts if part.item == item.id), None)
    wanted = item.mandatory or draft.documents_of(item.id)
    for document in draft.documents_of(item.id):
        if document.facts.fonts_missing:
            fonts = "、".join(document.facts.fonts_missing[:5])
            text = f"“{document.facts.name}”未嵌入字体（{fonts}），他处显示可能不同。"
            yield Finding("fonts_not_embedded", "warning", item.id, text)
    if part is None:
        if wanted:
            yield _missing("item_missing", f"“{item.title}”尚未组装：请添加文件或填写表单后组装。", item.id)
        return
    if part.made_of != made_of(draft, item.id):
        yield _missing("part_outdated", f"“{item.title}”组装后内容有改动：请重新组装并签章。", item.id)
    yield from _check_seals(item, part)
    if draft.letter_of(item.id) in PRICED and not draft.params.stage(item.stage).shows_price:
        yield _missing("price_too_early", f"“{item.title}”含报价，不得放入不开启报价的阶段。", item.id)


def _check_seals(item: RequiredItem, part: Part) -> Iterator[Finding]:
    applied = {seal.kind for seal in part.facts.seals}
    for kind in item.seals:
        if kind not in applied:
            yield _missing("seal_missing", f"“{item.title}”尚未加盖{SEAL_NAMES[kind]}。", item.id)


def _check_form(draft: Draft) -> Iterator[Finding]:
    if any(draft.letter_of(item.id) in PRICED for item in draft.params.required):
        try:
            offer_of(draft.form)
        except FormIncompleteError as error:
            yield _missing("form_incomplete", f"{error}。")
    for stage in draft.params.stages:
        values = readout_values(draft.form, draft.params, stage.id)
        try:
            make_readout(draft.params, bidder=draft.uscc, stage=stage.id, values=values)
        except IncompleteBidError as error:
            yield _missing("readout_incomplete", f"{error}。")
    yield from _check_agreement(draft, draft.params)


def _check_agreement(draft: Draft, params: SectionParams) -> Iterator[Finding]:
    """Compare what is read out with what the letter says (唱标与投标函一致)."""
    said = draft.form.values.get(first_field(params, "money"), "").strip()
    if said and draft.form.price.strip() and plain_amount(said) != plain_amount(draft.form.price.strip()):
        yield _missing("price_differs", "唱标报价与投标函中的总报价不一致。")
    days = draft.form.values.get(first_field(params, "days"), "").strip()
    if days and draft.form.days.strip() and days != draft.form.days.strip():
        yield _missing("days_differ", "唱标工期与投标函中的工期不一致。")


def _check_size(draft: Draft) -> Iterator[Finding]:
    total = sum(part.facts.size for part in draft.parts)
    total += sum(document.facts.size for document in draft.documents if document.facts.signed)
    if total * _GROWTH > draft.params.max_bundle:
        yield _missing(
            "too_large",
            f"文件共 {total:,} 字节，封装后将超过上限 {draft.params.max_bundle:,} 字节：请压缩图片后重新添加。",
        )
