"""开标记录 (Order 20 art. 32): what happened at the opening, as a PDF for the host's and every bidder's seal.

All places for seals are made together with the paper, so that every signature field can be prepared before the first
seal and each further seal only fills the one that is its own.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from bidding.documents.blocks import Gap, Paragraph, SealRow, Table, Title
from bidding.documents.paper import BEIJING, Block, Layout, Paper, SealPlace, typeset
from bidding.params import Party
from signing.canonical import Name, Sm3Hex

Random = Callable[[int], bytes]
SEAL_MM: Final = 40.0
_UNKNOWN: Final = "未知"


class BidderFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """One bidder as the opening saw it."""

    name: Name
    uscc: str
    received_at: datetime
    bundle_sm3: Sm3Hex
    released: bool
    """It handed out its half in the window."""
    decrypted: bool | None
    """None: cannot tell yet."""
    cause: str = ""
    """Where it was not decrypted: whose cause, in words (撤销/撤回 and why)."""
    seals: tuple[str, ...] = ()
    """Verdicts on its seals, a line each."""
    readout: tuple[tuple[str, str], ...] = ()
    """唱标: title and value."""


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that went wrong, or was decided, in the course of the opening."""

    at: datetime
    what: str


class OpeningFacts(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that the record says. Instants are UTC and are printed as 北京时间 with seconds."""

    project: Name
    section: Name
    title: Name
    stage: Name
    """The opening stage, e.g. 商务技术标."""
    params_sm3: Sm3Hex
    tenderer: Party
    host: Party
    """主持 (交易中心 or agency)."""
    deadline: datetime
    closed_at: datetime
    opened_at: datetime
    """When the second lid was frozen and the officers' key was used."""
    made_at: datetime
    time_source: str
    """Where the times come from, and how exact they are: printed, never used to decide."""
    bidders: Annotated[tuple[BidderFacts, ...], Meta(max_length=200)]
    faults: tuple[Fault, ...] = ()
    sandbox: bool = False


def make_opening_record(facts: OpeningFacts, *, random: Random) -> Paper:
    """Draw the record. `places` name each party by its credit code, the host first; MissingGlyphError."""
    layout = Layout(
        f"开标记录 {facts.section}",
        facts.made_at,
        header=f"{facts.project}　{facts.section}",
        numbered=True,
        sandbox=facts.sandbox,
    )
    blocks: list[Block] = [
        Title("开 标 记 录", after=5),
        Table(("项目", "内容"), _summary(facts), (2.2, 7)),
        Gap(2),
        Title("一、投标情况", size=13, before=2, after=2, keep=40),
        Table(
            ("序号", "投标人", "递交时间\n标书包 SM3 前缀", "解密", "印章核验"),
            _arrivals(facts.bidders),
            (0.8, 3.2, 3.3, 2, 2.7),
            size=9,
        ),
        Title("二、唱标内容", size=13, before=2, after=2, keep=30),
        *_readouts(facts.bidders),
        Title("三、开标过程中的情况", size=13, before=2, after=2, keep=30),
        *_course(facts.faults),
        Title("四、签章确认", size=13, before=2, after=2, keep=70),
        Paragraph(("各方对以上记录的确认以下列电子印章为准；未加盖者，记录为未确认。",), size=10.5),
        *_places(facts),
    ]
    return typeset(layout, blocks, random=random)


def with_seconds(at: datetime) -> str:
    """北京时间 with seconds, and milliseconds where they matter."""
    local = at.astimezone(BEIJING)
    milliseconds = f".{local.microsecond // 1000:03d}" if local.microsecond else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{milliseconds}"


def _summary(facts: OpeningFacts) -> tuple[tuple[str, str], ...]:
    return (
        ("项目名称", facts.project),
        ("标段", f"{facts.title}（{facts.section}）"),
        ("开标阶段", facts.stage),
        ("招标人", f"{facts.tenderer.name}（{facts.tenderer.uscc}）"),
        ("主持", f"{facts.host.name}（{facts.host.uscc}）"),
        ("投标截止时间", with_seconds(facts.deadline)),
        ("关闭接收（封签一）", with_seconds(facts.closed_at)),
        ("冻结名单（封签二）", with_seconds(facts.opened_at)),
        ("时间来源", facts.time_source),
        (
            "有效递交数",
            f"{len(facts.bidders)} 家，其中解密成功 {sum(bidder.decrypted is True for bidder in facts.bidders)} 家",
        ),
        ("标段参数 SM3", facts.params_sm3),
    )


def _arrivals(bidders: Sequence[BidderFacts]) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (
            str(number),
            f"{bidder.name}\n{bidder.uscc}",
            f"{with_seconds(bidder.received_at)}\n{bidder.bundle_sm3[:16]}…",
            _decryption(bidder),
            "\n".join(bidder.seals) or "未核验",
        )
        for number, bidder in enumerate(bidders, 1)
    )


def _decryption(bidder: BidderFacts) -> str:
    released = "已授权解密" if bidder.released else "未授权解密"
    outcome = _UNKNOWN if bidder.decrypted is None else "解密成功" if bidder.decrypted else "未解密"
    return "\n".join(filter(None, (released, outcome, bidder.cause)))


def _readouts(bidders: Sequence[BidderFacts]) -> list[Block]:
    """One row for each field of each bidder; a field that one bidder lacks is shown as —."""
    shown = [bidder for bidder in bidders if bidder.readout]
    if not shown:
        return [Paragraph(("本阶段无唱标内容。",), size=10.5)]
    titles = list(dict.fromkeys(title for bidder in shown for title, _ in bidder.readout))
    rows = tuple(
        (str(number), bidder.name, title, dict(bidder.readout).get(title, "—"))
        for number, bidder in enumerate(bidders, 1)
        if bidder.readout
        for title in titles
    )
    return [Table(("序号", "投标人", "唱标项", "内容"), rows, (0.8, 4, 2.8, 4), size=9.5)]


def _course(faults: Sequence[Fault]) -> list[Block]:
    if not faults:
        return [Paragraph(("本系统在开标过程中没有记录到异常。",), size=10.5)]
    return [
        Table(("时间", "情况"), tuple((with_seconds(fault.at), fault.what) for fault in faults), (2.6, 7), size=9.5)
    ]


def _places(facts: OpeningFacts) -> list[Block]:
    """Places of the host first, then every bidder in the order of the record."""
    parties = [("主持", facts.host.name, facts.host.uscc)]
    parties += [("投标人", bidder.name, bidder.uscc) for bidder in facts.bidders]
    return [
        SealRow((f"{role}：{name}", uscc), SealPlace(uscc, "", SEAL_MM, SEAL_MM, round=True))
        for role, name, uscc in parties
    ]
