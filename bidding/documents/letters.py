"""The letters of a tender (投标文件格式), filled with the licence's own data: nothing is typed that the register knows.

Wording after the common forms of the 标准施工招标文件 (2007) and its successors, in our own words: 投标函, 开标一览表,
法定代表人身份证明, 授权委托书, and the cover (封面) of a part made of other documents.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal

from msgspec import Struct

from bidding.documents.blocks import PERSON_PLACE, UNIT_PLACE, Gap, Paragraph, Seals, Table, Title, filled
from bidding.documents.lines import Run
from bidding.documents.paper import BEIJING, Block, Layout, Paper, typeset
from bidding.money import amount_in_words, format_amount
from identity.licence import BusinessLicence
from signing.canonical import Name

Random = Callable[[int], bytes]
LetterKind = Literal["letter", "readout", "legal-representative", "authorisation"]
TITLES: Final[dict[LetterKind, str]] = {
    "letter": "投标函",
    "readout": "开标一览表",
    "legal-representative": "法定代表人身份证明",
    "authorisation": "授权委托书",
}


class Offer(Struct, frozen=True, forbid_unknown_fields=True):
    """What the bidder fills in (报价与承诺)."""

    price_fen: int
    """投标总价, in fen."""
    days: int
    """工期/交货期, calendar days."""
    validity_days: int = 90
    """投标有效期, calendar days from the deadline."""
    quality: Name = "合格"
    manager: str = ""
    """项目负责人; left out where empty."""


class Agent(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom the legal representative authorises (被授权人): the name and period of the register's authorisation."""

    name: Name
    authorisation: Name
    matters: Name
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True)
class Tender:
    """What the letters quote of the section (标段)."""

    project: str
    section: str
    title: str
    tenderer: str


@dataclass(frozen=True)
class LetterWriter:
    """Writes one bidder's letters for one section, all with the same date."""

    tender: Tender
    licence: BusinessLicence
    dated: datetime
    random: Random
    sandbox: bool = False

    def letter(self, offer: Offer) -> Paper:
        """投标函: the offer itself, price in digits and in capital words."""
        tender = self.tender
        promises = (
            f"我方承诺在招标文件规定的投标有效期（自投标截止之日起 {offer.validity_days} 日）内不撤销投标文件。",
            "如我方中标：在收到中标通知书后，按招标文件规定的期限与贵方签订合同；随本函递交的投标文件属于合同文件的组成部分。",
            "按招标文件要求提交履约担保，并在合同约定的期限内完成全部合同内容。",
            "我方在此声明：所递交的投标文件及有关资料内容完整、真实和准确，且不存在招标文件禁止的情形。",
        )
        blocks: list[Block] = [
            Title("投 标 函"),
            Paragraph(("致：", filled(tender.tenderer)), indent=0),
            Paragraph(
                (
                    "我方已仔细研究了 ",
                    filled(tender.project),
                    *(
                        "（标段：",
                        filled(tender.title),
                        "，标段编号：",
                        filled(tender.section),
                        "）招标文件的全部内容，愿意以",
                    ),
                    *("人民币（大写）", filled(amount_in_words(offer.price_fen).removeprefix("人民币"))),
                    *("（小写：￥", filled(format_amount(offer.price_fen)), "元）的投标总报价，工期 "),
                    *(filled(str(offer.days)), " 日历天，按合同约定实施和完成招标范围内的全部工作，质量达到 "),
                    *(filled(offer.quality), "。"),
                )
            ),
            *(Paragraph((f"{number}. {text}",)) for number, text in zip(range(1, 9), promises, strict=False)),
            Gap(4),
            self._signature(),
        ]
        return self._typeset("letter", blocks)

    def readout(self, offer: Offer, rows: Sequence[tuple[str, str]] = ()) -> Paper:
        """开标一览表: what is read out at the opening; `rows` are the section's own fields, title and value."""
        tender, licence = self.tender, self.licence
        fixed = [
            ("投标人名称", licence.name),
            ("统一社会信用代码", str(licence.uscc)),
            ("投标总报价（小写）", f"￥{format_amount(offer.price_fen)} 元"),
            ("投标总报价（大写）", amount_in_words(offer.price_fen)),
            ("工期（日历天）", str(offer.days)),
            ("质量标准", offer.quality),
            ("投标有效期（日历天）", str(offer.validity_days)),
            *([("项目负责人", offer.manager)] if offer.manager else []),
        ]
        titles = {title for title, _ in fixed}
        rows_all = [*fixed, *(row for row in rows if row[0] not in titles)]
        table = tuple((str(number), title, value) for number, (title, value) in enumerate(rows_all, 1))
        blocks: list[Block] = [
            Title("开 标 一 览 表"),
            Paragraph(("项目名称：", filled(tender.project)), indent=0),
            Paragraph(("标段：", filled(tender.title), "　标段编号：", filled(tender.section)), indent=0, after=4),
            Table(("序号", "项目", "内容"), table, (1, 3.6, 6), size=11, pad=2),
            Paragraph(("注：大写金额与小写金额不一致时，以大写金额为准。",), size=10.5, indent=0, after=4),
            self._signature(),
        ]
        return self._typeset("readout", blocks)

    def legal_representative(self) -> Paper:
        """法定代表人身份证明, with the face data of the licence (照面信息)."""
        licence = self.licence
        face = tuple((label, value) for label, value in licence.texts().items() if label != "登记状态")
        blocks: list[Block] = [
            Title("法定代表人身份证明"),
            Table(("照面信息", "内容"), face, (3, 8), size=10.5, pad=1.4),
            Paragraph(
                ("兹证明 ", filled(licence.legal_representative), " 系 ", filled(licence.name), " 的法定代表人。")
            ),
            Paragraph(("特此证明。",)),
            Paragraph(("注：以上照面信息取自电子营业执照，未经手工录入。",), size=10.5, indent=0),
            self._signature(date_only=True),
        ]
        return self._typeset("legal-representative", blocks)

    def authorisation(self, agent: Agent) -> Paper:
        """授权委托书: the same authorisation that stands in the register."""
        tender, licence = self.tender, self.licence
        period = f"{_chinese_day(agent.not_before)}至{_chinese_day(agent.not_after)}"
        blocks: list[Block] = [
            Title("授 权 委 托 书"),
            Paragraph(
                (
                    *(
                        "本人 ",
                        filled(licence.legal_representative),
                        " 系 ",
                        filled(licence.name),
                        " 的法定代表人，现委托 ",
                    ),
                    *(filled(agent.name), " 为我方代理人。代理人根据授权，以我方名义办理 ", filled(tender.project)),
                    *(
                        "（标段编号：",
                        filled(tender.section),
                        "）的",
                        filled(agent.matters),
                        "事宜，其法律后果由我方承担。",
                    ),
                )
            ),
            Paragraph(("委托期限：", filled(period), "。")),
            Paragraph(("电子营业执照授权编号：", filled(agent.authorisation), "。")),
            Paragraph(("代理人无转委托权。",), after=6),
            self._signature(),
        ]
        return self._typeset("authorisation", blocks)

    def cover(self, part: str, contents: Sequence[tuple[str, int, int]], seals: Sequence[str]) -> Paper:
        """封面与目录 of a part: its pieces as (title, first page, pages), and places for the seals it must carry."""
        tender, licence = self.tender, self.licence
        rows = tuple(
            (str(number), title, str(first), str(pages)) for number, (title, first, pages) in enumerate(contents, 1)
        )
        places = tuple(place for place in (PERSON_PLACE, UNIT_PLACE) if place.party in seals)
        lines: tuple[tuple[str | Run, ...], ...] = (("投标人：", filled(licence.name), "（盖单位公章）"),)
        blocks: list[Block] = [
            Gap(14),
            Title(tender.project, size=20, after=2),
            Title(f"{tender.title}　{tender.section}", size=13, before=0, after=10),
            Title("投 标 文 件", size=30, after=4),
            Title(part, size=18, before=0, after=12),
            Table(("序号", "内容", "起始页", "页数"), rows, (1, 6, 1.4, 1.2)),
            Gap(4),
            Seals(lines if places else (("投标人：", filled(licence.name)),), places, _chinese_day(self.dated)),
        ]
        layout = Layout(f"{part} {tender.section}", self.dated, sandbox=self.sandbox)
        return typeset(layout, blocks, random=self.random)

    def _signature(self, *, date_only: bool = False) -> Seals:
        licence = self.licence
        lines: tuple[tuple[str | Run, ...], ...] = (
            ("投标人：", filled(licence.name), "（盖单位公章）"),
            ("法定代表人：", filled(licence.legal_representative), "（盖章）"),
            ("住所：", filled(licence.address)),
        )
        return Seals(lines[:1] if date_only else lines, (PERSON_PLACE, UNIT_PLACE), _chinese_day(self.dated))

    def _typeset(self, kind: LetterKind, blocks: Sequence[Block]) -> Paper:
        header = f"{self.tender.project}　{self.tender.section}"
        layout = Layout(f"{TITLES[kind]} {self.tender.section}", self.dated, header=header, sandbox=self.sandbox)
        return typeset(layout, blocks, random=self.random)


def _chinese_day(at: datetime) -> str:
    day: date = at.astimezone(BEIJING).date()
    return f"{day.year} 年 {day.month} 月 {day.day} 日"
