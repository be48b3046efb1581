"""Entries of seal uses as pages show them (用章记录): outcomes and authorities in words, times with their source."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bidding.errors import TraceQueryError
from bidding.web.errors import WORDS
from bidding.web.site import BEIJING
from bidding.workbench.trace_rows import SealUse
from bidding.workbench.trace_service import Wanted
from bidding.workbench.trace_tables import (
    KIND_NAMES,
    OUTCOMES,
    PROFILES,
    name_authority,
    token_issuer,
    token_time,
)
from identity.consent import parse_consent, parse_record, render_consent
from identity.errors import MalformedConsentError

_REASONS: Final[Mapping[str, str]] = {
    **{words.code: words.text for words in WORDS.values()},
    "cancelled": "在工作台上取消了等待。",
    "refused": "本人在执照钱包中拒绝了确认。",
}
"""Stable code → what happened, in words."""


@dataclass(frozen=True)
class UseLine:
    """One entry, in words. `stamped` is what its time token states, by `authority`; None when there is none."""

    use: SealUse
    kind: str
    profile: str
    outcome: str
    reason: str
    by: str
    stamped: datetime | None
    authority: str
    digests: tuple[tuple[str, str], ...]
    """Name and full hex; empty where there is none."""


def use_line(use: SealUse) -> UseLine:
    """Put an entry into words."""
    return UseLine(
        use=use,
        kind=KIND_NAMES.get(use.kind, use.kind),
        profile=PROFILES.get(use.profile, use.profile),
        outcome=OUTCOMES.get(use.outcome, use.outcome),
        reason=_REASONS.get(use.code, ""),
        by=name_authority(use.authorisation),
        stamped=token_time(use),
        authority=token_issuer(use),
        digests=(("盖章前", use.before_sm3), ("签署", use.document_sm3), ("盖章后", use.after_sm3)),
    )


def consent_lines(use: SealUse) -> tuple[str, ...]:
    """Answer what the person saw on the wallet; nothing when nobody was asked."""
    try:
        return render_consent(parse_consent(use.consent)[0])
    except MalformedConsentError:
        pass
    try:
        return render_consent(parse_record(use.consent))
    except MalformedConsentError:
        return ()


def wanted_of(query: Mapping[str, str]) -> Wanted:
    """Read what a page's filter asks for; days are those of 北京时间. TraceQueryError."""
    kind, _, seal = query.get("seal", "").partition("/")
    since, until = _day(query.get("since", "")), _day(query.get("until", ""))
    if since and until and since > until:
        raise TraceQueryError("起始日期晚于截止日期")
    return Wanted(
        seal=_short(seal),
        kind=_short(kind),
        outcome=_short(query.get("outcome", "")),
        section=_short(query.get("section", "").strip()),
        since=since,
        until=until + timedelta(days=1, milliseconds=-1) if until else None,
    )


def number_of(text: str) -> int | None:
    """Read an entry's number; None for an empty text. TraceQueryError."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise TraceQueryError("编号应为正整数")
    return int(text)


_DIGITS: Final = 12
_LONGEST: Final = 64
_YEARS: Final = (1970, 9000)


def _day(text: str) -> datetime | None:
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=BEIJING)
    except ValueError as error:
        raise TraceQueryError("日期应为“年-月-日”，如 2026-11-22") from error
    if not _YEARS[0] < day.year < _YEARS[1]:
        raise TraceQueryError("日期超出范围")
    return day


def _short(text: str) -> str:
    if len(text) > _LONGEST or not text.isprintable():
        raise TraceQueryError("筛选条件过长或含有不可见字符")
    return text
