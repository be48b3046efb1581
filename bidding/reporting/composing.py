"""Composing a report: facts, details and pictures in, one `ReportSheet` out; all words come from the texts file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bidding.documents.paper import BEIJING
from bidding.reporting.details import ReportDetails, answer_bytes, recheck_reference
from bidding.reporting.facts import FileFacts, SignatureFacts, read_answer
from bidding.reporting.marking import mark_signature, tell_checks
from bidding.reporting.sheets import (
    ChangeRow,
    CheckTable,
    Comparison,
    EvidenceTable,
    PagePair,
    ReportSheet,
    Row,
    SignatureBlock,
    Tone,
)
from identity.errors import IdentityError
from identity.uscc import UnifiedSocialCreditCode
from sealing import texts
from sealing.seal import TITLES
from signing.digests import sm3

MAX_DETAILED: Final = 60
"""Signatures whose checks a report lists one by one; the others are in the answer that it carries."""
_MAX_LINE: Final = 400
_MAX_WARNINGS: Final = 40
_CODE: Final = re.compile(r"\b[A-Z]+(?:_[A-Z]+)*[:：] ?")
"""The code before a warning is for programs."""
_TONES: Final[dict[str, tuple[Tone, str]]] = {
    "TOTAL-PASSED": ("good", "headline_passed"),
    "TOTAL-FAILED": ("bad", "headline_failed"),
    "INDETERMINATE": ("warn", "headline_unknown"),
    "NO-SIGNATURE": ("none", "headline_nosig"),
    "REFUSED": ("none", "headline_refused"),
}


@dataclass(frozen=True)
class Pictures:
    """What was drawn for a report: seals by signature id (PNG), pages side by side, and how many pages there are."""

    seals: Mapping[str, bytes]
    pairs: tuple[PagePair, ...] = ()
    pages: int = 0
    note: str = ""


NO_PICTURES: Final = Pictures({})


def compose(
    answer: Mapping[str, Any],
    details: ReportDetails,
    pictures: Pictures = NO_PICTURES,
    comparisons: Sequence[Comparison] = (),
) -> ReportSheet:
    """Put one answer into a report; ReportAnswerError."""
    facts, kept = read_answer(answer), answer_bytes(answer)
    tone, headline = _conclude(facts)
    listed = _detailed(facts)
    return ReportSheet(
        title=texts.report_words()["title"],
        details=_detail_rows(facts, details, kept),
        file=_file_rows(facts, pictures),
        tone=tone,
        headline=headline,
        reason=_shorten(facts.reason),
        blocks=tuple(_block(one, number, facts, pictures) for number, one in enumerate(facts.signatures, 1)),
        warnings=_cut([_CODE.sub("", warning) for warning in facts.warnings], _MAX_WARNINGS),
        changes_note=_changes_note(facts, pictures),
        changes=tuple(_change_rows(facts)),
        pairs=pictures.pairs,
        comparisons=tuple(comparisons),
        checks=tuple(CheckTable(_title(one, n, facts), tell_checks(one)) for n, one in listed),
        evidence=tuple(EvidenceTable(_title(one, n, facts), _evidence(one)) for n, one in listed),
        limits=tuple(_limits(facts, pictures)),
        sandbox=facts.trust.sandbox,
        reference=recheck_reference(details, facts.sm3, kept),
        agency=details.agency,
        issued=hour(details.issued_at),
    )


def _detailed(facts: FileFacts) -> list[tuple[int, SignatureFacts]]:
    """Answer whose checks are listed one by one, with their numbers: with very many, what did not pass goes first."""
    numbered = list(enumerate(facts.signatures, 1))
    if len(numbered) <= MAX_DETAILED:
        return numbered
    kept = sorted(numbered, key=lambda item: item[1].indication == "TOTAL-PASSED")[:MAX_DETAILED]
    return sorted(kept, key=lambda item: item[0])


def hour(instant: datetime | str | None) -> str:
    """Answer an instant with its seconds and its zone; text that is no instant stays as it is."""
    if not instant:
        return ""
    try:
        at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        return f"{at.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}（北京时间）"
    except (ValueError, OverflowError):
        return str(instant)


def _day(instant: str | None) -> str:
    return hour(instant).partition(" ")[0]


def _conclude(facts: FileFacts) -> tuple[Tone, str]:
    words = texts.report_words()
    tone, key = _TONES[facts.indication]
    if tone == "good" and any(one.indication != "TOTAL-PASSED" or _is_denied(one) for one in facts.signatures):
        return "warn", words["headline_unknown"]  # whoever kept the answer changed it: it contradicts itself
    if tone == "good" and facts.changed:
        return "noted", words["headline_changed"]
    if tone == "good" and facts.warnings:
        return "noted", words["headline_noted"]
    return tone, words[key]


def _detail_rows(facts: FileFacts, details: ReportDetails, kept: bytes) -> tuple[Row, ...]:
    labels = texts.report_words("labels")
    trust = f"{facts.trust.name} {facts.trust.version}".strip()
    rows = [
        Row(labels["number"], details.number),
        Row(labels["issued_at"], hour(details.issued_at)),
        Row(labels["judged_at"], hour(facts.at)),
        Row(labels["commission"], details.commission),
        Row(labels["applicant"], details.applicant),
        Row(labels["agency"], f"{details.agency} {details.agency_uscc}".strip()),
        Row(labels["examiner"], details.examiner),
        Row(labels["reviewer"], details.reviewer),
        Row(labels["policy"], details.policy or facts.policy),
        Row(labels["policy_fingerprint"], details.policy_fingerprint or facts.policy_fingerprint, mono=True),
        Row(labels["trust"], trust + (f"（{texts.report_words()['sandbox']}）" if facts.trust.sandbox else "")),
        Row(labels["trust_fingerprint"], facts.trust.fingerprint, mono=True),
        Row(labels["answer_sm3"], sm3(kept).hex(), mono=True),
    ]
    return _filled(rows)


def _file_rows(facts: FileFacts, pictures: Pictures) -> tuple[Row, ...]:
    labels, formats = texts.report_words("labels"), texts.report_words("formats")
    pages = facts.pages or pictures.pages
    return _filled(
        [
            Row(labels["file"], _shorten(facts.file)),
            Row(labels["format"], formats.get(facts.format, formats["unknown"])),
            Row(labels["size"], f"{facts.size:,} 字节" if facts.size else ""),
            Row(labels["pages"], f"{pages} 页" if pages else ""),
            Row(labels["sm3"], facts.sm3, mono=True),
            Row(labels["sha256"], facts.sha256, mono=True),
        ]
    )


def _block(one: SignatureFacts, number: int, facts: FileFacts, pictures: Pictures) -> SignatureBlock:
    tone, key = _TONES.get(one.indication, ("warn", "headline_unknown"))
    words = texts.report_words()
    if tone == "good" and one.changes_after:
        tone, key = ("warn", "headline_unknown") if _is_denied(one) else ("noted", "headline_changed")
    return SignatureBlock(
        title=_title(one, number, facts),
        tone=tone,
        headline=words[key].partition("：")[0],
        picture=pictures.seals.get(one.id),
        rows=_block_rows(one),
        marks=mark_signature(one),
        notes=tuple(_sentences(one)),
    )


def _is_denied(one: SignatureFacts) -> bool:
    """Whether anything was changed that was not allowed: such a signature cannot have passed."""
    return any(not change.allowed for change in one.changes_after)


def _title(one: SignatureFacts, number: int, facts: FileFacts) -> str:
    kinds = {str(kind): title for kind, title in TITLES.items()}
    name = (kinds.get(one.seal.kind, "") if one.seal else "") or one.kind_name or _KINDS.get(one.kind, "签名")
    return f"{_KINDS.get(one.kind, '签名')} {number}/{len(facts.signatures)}　{name}"


_KINDS: Final = {"seal": "签章", "signature": "签名", "timestamp": "时间戳"}


def _block_rows(one: SignatureFacts) -> tuple[Row, ...]:
    labels, rows = texts.report_words("labels"), list[Row]()
    if one.seal:
        period = f"{_day(one.seal.not_before)} 至 {_day(one.seal.not_after)}" if one.seal.not_after else ""
        rows += [
            Row(labels["seal_name"], one.seal.name),
            Row(labels["seal_number"], one.seal.number),
            Row(labels["seal_maker"], one.seal.maker),
            Row(labels["seal_period"], period),
        ]
    if one.signer:
        rows.append(Row(labels["signer"], _signer(one)))
    times, covers = texts.report_words("times"), texts.report_words("covers")
    source = times.get(one.time_source, times["none"])
    when = f"{hour(one.signed_at)}　来源：{source}" if one.signed_at else source
    kept = "-kept" if one.covers == "revision" and not one.changes_after else ""
    cover = covers.get(one.covers + kept, one.covers) + (f"：{'、'.join(one.covered)}" if one.covered else "")
    rows += [
        Row(labels["signed_at"], when + (f"（{one.authority}）" if one.authority else "")),
        Row(labels["covers"], cover),
        Row(labels["profile"], one.profile),
        Row(labels["place"], f"第 {one.page} 页" if one.page else ""),
    ]
    return _filled(rows)


def _signer(one: SignatureFacts) -> str:
    if one.signer is None:
        return ""
    code = one.signer.uscc
    found = {check.result for check in one.checks if check.name == "identity"}
    said = {"ok": "与应签单位一致 ✓", "failed": "与应签单位不一致 ✗"}
    notes = ["校验位正确" if _is_code(code) else "校验位不正确", *(said[r] for r in sorted(found) if r in said)]
    return f"{one.signer.name}，统一社会信用代码 {code}（{'；'.join(notes)}）" if code else one.signer.name


def _is_code(text: str) -> bool:
    try:
        UnifiedSocialCreditCode(text)
    except IdentityError:
        return False
    return True


def _sentences(one: SignatureFacts) -> Iterable[str]:
    """Say what went wrong, worst first, each sentence once."""
    rows = [row for row in tell_checks(one) if row.state in {"failed", "unknown"}]
    yield from dict.fromkeys(f"{row.word[:1]} {row.evidence}" for row in rows)
    words = texts.report_words()
    yield from dict.fromkeys(f"{words['since']}{since.text}" for since in one.since if since.text)


def _change_rows(facts: FileFacts) -> Iterable[ChangeRow]:
    words, kinds = texts.report_words(), texts.report_words("kinds")
    seen = set[tuple[object, ...]]()
    for number, one in enumerate(facts.signatures, 1):
        for change in sorted(one.changes_after, key=lambda c: (c.allowed, c.page or 0)):
            place = f"第 {change.page} 页" if change.page else words["whole_file"]
            if (place, change.what, number) not in seen:
                seen.add((place, change.what, number))
                word = f"✓ {words['allowed']}" if change.allowed else f"✗ {words['denied']}"
                after = _title(one, number, facts)
                yield ChangeRow(place, kinds.get(change.kind, ""), change.what, after, change.allowed, word)


def _changes_note(facts: FileFacts, pictures: Pictures) -> str:
    words = texts.report_words()
    if facts.indication == "REFUSED":
        return words["changes_unread"]
    if not facts.signatures:
        return words["changes_unsigned"]
    return pictures.note if facts.changed else words["no_changes"]


def _evidence(one: SignatureFacts) -> tuple[Row, ...]:
    labels, rows = texts.report_words("labels"), list[Row]()
    if one.signer:
        rows += [Row(labels["signer"], one.signer.name), Row(labels["signer_serial"], one.signer.serial, mono=True)]
    held = one.certificate
    if held:
        period = f"{hour(held.not_before)} 至 {hour(held.not_after)}" if held.not_after else ""
        rows += [
            Row(labels["issuer"], held.issuer),
            Row(labels["certificate_period"], period),
            Row(labels["fingerprint"], held.sm3 or held.sha256, mono=True),
        ]
    times, state = texts.report_words("times"), one.seal_state
    blocks = [f"{name} {block.result}{block.sub_indication and f'（{block.sub_indication}）'}" for name, block in
              one.building_blocks.items()]  # fmt: skip
    rows += [
        Row(labels["algorithm"], "、".join(one.algorithms)),
        Row(labels["chain"], " ← ".join(link.name or link.subject for link in one.chain)),
        Row(labels["revocation"], _revocation(one)),
        Row(labels["signed_at"], f"{hour(one.signed_at)}　{times.get(one.time_source, '')}".strip("　")),
        Row(labels["timestamp"], one.authority),
        Row(labels["proof"], f"{hour(one.poe.at)}　{one.poe.by}".strip("　") if one.poe else ""),
        Row(labels["state"], f"{state.text}　{hour(state.asked_at)}".strip("　") if state else ""),
        Row(labels["blocks"], "；".join(blocks)),
    ]
    return _filled(rows)


def _revocation(one: SignatureFacts) -> str:
    told, statuses = one.revocation, texts.report_words("statuses")
    if told is None:
        return ""
    parts = [
        statuses.get(told.status, told.status),
        f"{told.source} {told.issuer}".strip(),
        f"{hour(told.this_update)} 签发" if told.this_update else "",
        f"吊销时间 {hour(told.revoked_at)}" if told.revoked_at else "",
        told.reason,
    ]
    return "；".join(part for part in parts if part)


def _limits(facts: FileFacts, pictures: Pictures) -> Iterable[str]:
    limits, words = texts.report_words("limits"), texts.report_words()
    yield limits["always"]
    yield limits["result_words"]
    if facts.signatures:
        yield limits["steps"]
    yield limits["trust_frozen"]
    if any(one.time_source == "claimed" for one in facts.signatures):
        yield limits["claimed_time"]
    if any(check.code == "CHAIN_NONE" for one in facts.signatures for check in one.checks):
        yield limits["no_anchor"]
    if facts.read_mode == "lenient":
        yield limits["lenient"]
    if len(facts.signatures) > MAX_DETAILED:
        yield limits["detailed"]
    if pictures.pairs or pictures.seals:
        yield limits["no_pictures"]
    if facts.changed and facts.format == "ofd":
        yield limits["ofd_pictures"]
    if facts.trust.sandbox:
        yield words["sandbox_note"]
    yield words["unsealed"]


def _shorten(text: str) -> str:
    """Leave room on the first page, whatever a file is called and whatever is wrong with it."""
    return text if len(text) <= _MAX_LINE else text[:_MAX_LINE] + "…"


def _cut(lines: Sequence[str], limit: int) -> tuple[str, ...]:
    over = (texts.report_words()["truncated"],) if len(lines) > limit else ()
    return (*lines[:limit], *over)


def _filled(rows: Iterable[Row]) -> tuple[Row, ...]:
    return tuple(row for row in rows if row.value)
