"""What the pages of an opening show: which step it is at, and the pictures and tables of that step."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from bidding.centre.hosting import Hosting
from bidding.centre.opening import OpenedDocument, Outcome
from bidding.centre.record import CAUSES, RecordVersion
from bidding.centre.releasing import Released, Window
from bidding.centre.sections import Phase, Section
from bidding.centre.service import Centre
from bidding.errors import InvalidAmountError, NoRecordError
from bidding.money import format_amount, parse_amount
from bidding.params import ReadoutField
from bidding.readout import readout_fields
from bidding.web.drawing import BoardRow, Cell, Moment, Tone, opening_board, price_scatter, timeline
from bidding.web.render import VERDICTS
from bidding.web.site import beijing
from signing.digests import sm3
from signing.errors import SigningError
from signing.timestamps import parse_token

Step = Literal[
    "bidding", "closing", "waiting", "window", "freeze", "officer", "documents", "decide", "record", "seal", "end",
    "next", "ended",
]  # fmt: skip
STAGE_LINE: Final = ("招标中", "封标", "解密授权", "冻结", "开标", "唱标", "记录")
COLUMNS: Final = ("递交", "解密授权", "解密", "唱标", "验章")
_AT: Final[dict[Step, int]] = {
    "bidding": 0, "closing": 1, "waiting": 2, "window": 2, "freeze": 3, "officer": 4, "documents": 5, "decide": 5,
    "record": 6, "seal": 6, "end": 6, "next": 7, "ended": 7,
}  # fmt: skip
_OF_PHASE: Final[dict[Phase, Step]] = {
    Phase.BIDDING: "bidding",
    Phase.CLOSING: "closing",
    Phase.CLOSED: "window",
    Phase.FROZEN: "officer",
    Phase.OPENED: "record",
    Phase.ENDED: "ended",
}
PHASE_WORDS: Final[dict[Phase, tuple[str, str]]] = {
    Phase.BIDDING: ("good", "招标中"),
    Phase.CLOSING: ("warn", "正在封标"),
    Phase.CLOSED: ("warn", "已截止，解密授权中"),
    Phase.FROZEN: ("warn", "解密名单已冻结，开标中"),
    Phase.OPENED: ("warn", "已唱标，签署开标记录"),
    Phase.ENDED: ("none", "开标结束"),
}


@dataclass(frozen=True)
class BidRow:
    """One bid on the host's page."""

    name: str
    uscc: str
    bundle_sm3: str
    received_at: datetime
    released_at: datetime | None
    outcome: Outcome | None
    documents: tuple[OpenedDocument, ...]

    def value(self, field: str) -> str:
        """Answer what was read out of a field, — where nothing was."""
        fields = self.outcome.readout.fields if self.outcome and self.outcome.readout else ()
        return next((item.value for item in fields if item.id == field), "—")

    def shown(self, field: ReadoutField) -> str:
        """Answer the same as people read it: money with separators."""
        value = self.value(field.id)
        try:
            return format_amount(parse_amount(value)) if field.kind == "money" else value
        except InvalidAmountError:
            return value


def stage_line(step: Step) -> list[tuple[str, str]]:
    """List the words of the stage line, each with `done`, `now` or nothing."""
    at = _AT[step]
    return [(name, "done" if i < at else "now" if i == at else "") for i, name in enumerate(STAGE_LINE)]


def public_step(phase: Phase, *, read_out: bool) -> Step:
    """Answer the step as everybody may know it."""
    return "documents" if phase is Phase.FROZEN and read_out else _OF_PHASE[phase]


def current_stage(phases: Mapping[int, Phase]) -> int:
    """Answer the first stage that has not ended; the last one when all have."""
    return next((number for number in sorted(phases) if phases[number] is not Phase.ENDED), max(phases))


@dataclass(frozen=True)
class OpeningPage:
    """Everything of one stage's opening, read once for one answer."""

    section: Section
    stage: int
    phase: Phase
    now: datetime
    window: Window
    bids: tuple[BidRow, ...]
    record: RecordVersion | None
    signers: Mapping[str, datetime]
    host: str
    more: bool
    """Whether another stage follows."""
    moments: tuple[Moment, ...]

    @property
    def step(self) -> Step:
        """Where it is, and so what the one thing to do is."""
        if self.phase is Phase.ENDED:
            return "next" if self.more else "ended"
        if self.phase is Phase.OPENED:
            return self._after_opening()
        if self.phase is Phase.FROZEN:
            return "documents" if any(bid.outcome for bid in self.bids) else "officer"
        if self.phase is Phase.CLOSED and self.window.ends_at is None:
            return "waiting"
        if self.phase is Phase.CLOSED:
            return "freeze" if self.may_freeze else "window"
        return _OF_PHASE[self.phase]

    @property
    def may_freeze(self) -> bool:
        """Whether the window is over, or nobody is waited for."""
        over = self.window.ends_at is not None and self.now >= self.window.ends_at
        return over or all(bid.released_at for bid in self.bids)

    @property
    def fields(self) -> tuple[ReadoutField, ...]:
        """The columns of the readout."""
        return readout_fields(self.section.params, self.stage)

    @property
    def undecided(self) -> tuple[BidRow, ...]:
        """Failed openings whose cause is still open."""
        return tuple(bid for bid in self.bids if bid.outcome is not None and bid.outcome.cause == "unknown")

    def context(self) -> dict[str, Any]:
        """Answer what the templates of the opening need."""
        board = opening_board(COLUMNS, [BoardRow(bid.name, self._cells(bid)) for bid in self.bids])
        return {
            "page": self,
            "section": self.section,
            "params": self.section.params,
            "steps": stage_line(self.step),
            "board": board if self.bids else "",
            "timeline": timeline(self.moments),
            "scatter": price_scatter(self._prices()),
            "VERDICTS": VERDICTS,
            "CAUSES": CAUSES,
            "t": beijing,
        }

    def _after_opening(self) -> Step:
        if self.undecided:
            return "decide"
        if self.record is None:
            return "record"
        return "end" if self.host in self.signers else "seal"

    def _cells(self, bid: BidRow) -> tuple[Cell, ...]:
        outcome, frozen = bid.outcome, self.window.frozen_at is not None
        released = Cell("good", clock_of(bid.released_at)) if bid.released_at else _not_released(frozen=frozen)
        return (Cell("good", clock_of(bid.received_at)), released, _decrypted(outcome), _read(outcome), _seals(bid))

    def _prices(self) -> list[tuple[str, int]]:
        money = next((field.id for field in self.fields if field.kind == "money"), "")
        found = []
        for bid in self.bids:
            try:
                found.append((bid.name, parse_amount(bid.value(money))))
            except InvalidAmountError:
                continue
        return found


def clock_of(instant: datetime) -> str:
    """Answer the hour of an instant, in Beijing."""
    return beijing(instant)[-8:]


def read_opening(centre: Centre, section: Section, stage: int, phases: Mapping[int, Phase]) -> OpeningPage:
    """Read the opening of a stage; callers have asked the wall, or show it after the readout only."""
    code, now = section.code, centre.house.clock()
    window = centre.releasing.window(code, stage)
    outcomes = {}
    if window.frozen_at is not None:
        outcomes = {outcome.bid.bundle_sm3: outcome for outcome in centre.opening.outcomes(code, stage)}
    bids = tuple(
        _bid_row(centre, stage, released, outcomes.get(released.bid.bundle_sm3))
        for released in centre.releasing.released(code, stage)
    )
    record = newest_record(centre, code, stage)
    return OpeningPage(
        section=section,
        stage=stage,
        phase=phases[stage],
        now=now,
        window=window,
        bids=bids,
        record=record,
        signers=centre.records.signers(code, stage),
        host=centre.house.uscc,
        more=stage < max(phases),
        moments=_moments(centre, section, stage, window, record),
    )


def newest_record(centre: Centre, code: str, stage: int) -> RecordVersion | None:
    """Answer the newest version of the record, if there is one."""
    try:
        return centre.records.get(code, stage)[0]
    except NoRecordError:
        return None


def is_read_out(centre: Centre, section: Section, stage: int, phase: Phase) -> bool:
    """Whether the readout of a stage is there for everybody."""
    if phase in (Phase.OPENED, Phase.ENDED):
        return True
    return phase is Phase.FROZEN and bool(centre.opening.outcomes(section.code, stage))


def seal_waits(hosting: Hosting, page: OpeningPage) -> bool:
    """Whether the host's seal waits for its consent."""
    return page.step == "seal" and hosting.find(page.section.code, page.stage) is not None


def report_of(document: OpenedDocument) -> dict[str, Any]:
    """Answer the verifier's report on a document, with every key that the template reads."""
    empty: dict[str, Any] = {
        "file": document.name, "sm3": "", "format": "unknown", "indication": document.indication, "reason": "",
        "trust": None, "warnings": [], "signatures": [],
    }  # fmt: skip
    told = json.loads(document.report)
    return {**empty, **told, "file": document.name}


def _bid_row(centre: Centre, stage: int, released: Released, outcome: Outcome | None) -> BidRow:
    bid = released.bid
    documents = centre.opening.documents(bid, stage) if outcome is not None else ()
    return BidRow(
        bid.identity.name,
        bid.identity.uscc,
        bid.bundle_sm3,
        bid.received_at,
        released.released_at,
        outcome,
        documents,
    )


def _moments(
    centre: Centre, section: Section, stage: int, window: Window, record: RecordVersion | None
) -> tuple[Moment, ...]:
    first = centre.closing.lid(section.code)[1]
    second = centre.releasing.lid(section.code, stage) if window.frozen_at is not None else None
    return (
        Moment("参数发布", section.released_at, section.params_sm3),
        Moment("投标截止", section.params.deadline),
        Moment("封签一", section.closed_at, sm3(first.signed.statement).hex(), stamped(first.token)),
        Moment(
            "封签二",
            window.frozen_at,
            sm3(second.signed.statement).hex() if second else "",
            stamped(second.token) if second else "",
        ),
        Moment("开标记录", record.at if record else None, record.sm3 if record else ""),
    )


def stamped(token: bytes | None) -> str:
    """Say when the timestamp authority saw a lid."""
    if token is None:
        return "等待时间戳"
    try:
        return f"时间戳 {clock_of(parse_token(token).gen_time)}"
    except SigningError:
        return "时间戳不可读"


def _not_released(*, frozen: bool) -> Cell:
    return Cell("bad", "未授权") if frozen else Cell("wait", "待授权")


def _decrypted(outcome: Outcome | None) -> Cell:
    if outcome is None:
        return Cell("none", "未开始")
    if outcome.state != "failed":
        return Cell("good", "已解密")
    return Cell("warn", "待认定") if outcome.cause == "unknown" else Cell("bad", outcome.code)


def _read(outcome: Outcome | None) -> Cell:
    if outcome is None:
        return Cell("none", "未开始")
    return Cell("good", "已唱标") if outcome.readout is not None else Cell("bad", "未唱标")


def _seals(bid: BidRow) -> Cell:
    if bid.outcome is None or bid.outcome.state == "readout":
        return Cell("none" if bid.outcome is None else "wait", "未开始" if bid.outcome is None else "核验中")
    if not bid.documents:
        return Cell("none", "无文件")
    bad = [document for document in bid.documents if document.indication != "TOTAL-PASSED"]
    if not bad:
        return Cell("good", f"{len(bid.documents)} 份通过")
    failed = any(document.indication == "TOTAL-FAILED" for document in bad)
    tone: Tone = "bad" if failed else "warn"
    return Cell(tone, f"{len(bad)} 份未通过" if failed else f"{len(bad)} 份待核")
