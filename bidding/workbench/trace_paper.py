"""The trace of seal uses on paper (用章记录, PDF): an A4 landscape table with the signed head and how to check it."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from bidding.documents.fonts import Face, embedded_fonts, require_glyphs
from bidding.documents.lines import Run, Word, break_lines
from bidding.documents.paper import MM, SANDBOX
from bidding.errors import MissingGlyphError
from bidding.workbench.trace_format import SealTrace
from bidding.workbench.trace_rows import SealUse
from bidding.workbench.trace_tables import (
    CLOCK,
    KIND_NAMES,
    OUTCOMES,
    PROFILES,
    name_authority,
    token_issuer,
    token_time,
)
from identity.texts import beijing, grouped
from signing.errors import SigningError
from signing.timestamps import parse_token

WIDTH, HEIGHT = 297.0, 210.0
LEFT, RIGHT, TOP, BOTTOM = 12.0, 12.0, 14.0, 15.0
"""A4 landscape and its margins, millimetres."""
SIZE, PAD, LEADING = 7.2, 1.1, 1.38
HEADER: Final = (
    "编号",
    "时间与来源",
    "标段与文件",
    "印章",
    "结果",
    "办理人与办理依据",
    "文件摘要 SM3（前 16 位）",
    "证书与网络地址",
)
WIDTHS: Final = (9.0, 41.0, 45.0, 33.0, 24.0, 38.0, 44.0, 39.0)
_BLACK, _GREY, _FAINT, _BAND = (0.0, 0.0, 0.0), (0.4, 0.4, 0.4), (0.93, 0.93, 0.93), (0.94, 0.95, 0.96)

Cells = Sequence[str]
Lines = list[list[list[Word]]]


@dataclass(frozen=True)
class _Paper:
    """The pages being drawn, in fonts that hold all their characters; `total` pages are announced, 0 for none."""

    canvas: Any
    fonts: Mapping[Face, str]
    foot: str
    total: int
    sandbox: bool

    def measure(self, size: float, face: Face = Face.SERIF) -> Callable[[str], float]:
        return lambda text: float(stringWidth(text, self.fonts[face], size))

    def put(self, text: str, x: float, y: float, *, size: float, face: Face = Face.SERIF, colour: Any = _BLACK) -> None:
        """Draw one line of text, its base line at y millimetres from the top."""
        self.canvas.setFont(self.fonts[face], size)
        self.canvas.setFillColorRGB(*colour)
        self.canvas.drawString(x * MM, (HEIGHT - y) * MM, text)

    def put_words(self, words: Sequence[Word], x: float, y: float, *, size: float, face: Face = Face.SERIF) -> None:
        """Draw a broken line."""
        for word in words:
            if word.text.strip():
                self.put(word.text, x + word.x / MM, y, size=size, face=face)

    def begin_page(self, number: int) -> None:
        """Draw what all pages share."""
        if self.sandbox:
            self.canvas.saveState()
            self.canvas.translate(WIDTH / 2 * MM, HEIGHT / 2 * MM)
            self.canvas.rotate(30)
            self.canvas.setFillColorRGB(*_FAINT)
            self.canvas.setFont(self.fonts[Face.SANS], 72)
            for row in (-1, 0, 1):
                self.canvas.drawCentredString(0, row * 62 * MM, SANDBOX)
            self.canvas.restoreState()
        self.put(self.foot, LEFT, HEIGHT - 8, size=7, colour=_GREY)
        page = f"第 {number} 页　共 {self.total} 页"
        self.put(page, WIDTH - RIGHT - self.measure(7)(page) / MM, HEIGHT - 8, size=7, colour=_GREY)


def draw_trace(
    trace: SealTrace, uses: Sequence[SealUse], *, company: str, json_sm3: str = "", random: Callable[[int], bytes]
) -> bytes:
    """Draw an export; `uses` are its entries, `json_sm3` the digest of the JSON file that goes with it, if one does.

    A character without a glyph is written as its code point: a file's name must not keep its use from being shown.
    """
    facts = [tuple(map(_drawable, pair)) for pair in _facts(trace, company, json_sm3)]
    rows = [tuple(map(_drawable, cells)) for cells in map(_cells, uses)]
    rows = rows or [("—", "没有用章记录", *[""] * (len(HEADER) - 2))]
    foot = _drawable(f"用章记录　{company}　链值 {grouped(trace.statement.chain)}…")
    texts = [*(text for pair in facts for text in pair), *(cell for row in rows for cell in row), foot, *HEADER, _TITLE]
    characters = frozenset("".join([*texts, SANDBOX, _HOW, "第页共　"])) - {"\n"}
    content = _Content(trace, facts, rows, foot)
    with embedded_fonts({Face.SERIF: characters, Face.SANS: characters}) as fonts:
        total = _draw(content, fonts, 0, bytes(16))[1]
        return _draw(content, fonts, total, random(16))[0]


@dataclass(frozen=True)
class _Content:
    """What is drawn, in words that the fonts can draw."""

    trace: SealTrace
    facts: Sequence[Cells]
    rows: Sequence[Cells]
    foot: str


_TITLE: Final = "用 章 记 录"
_HOW: Final = (
    "核对方法：本表供阅读；以同一工作台导出的 JSON 文件为凭证，它含每次的本人确认、时间戳和逐次核验的答复。"
    "离线运行 yizhao trace verify 文件 --trust 信任名单，可查签名、时间戳和逐条链值；"
    "任何一条被改动、删除、插入或调换，其后的链值都不同。与先前导出的文件比对：加 --previous 先前的文件。"
)


def _draw(content: _Content, fonts: Mapping[Face, str], total: int, identifier: bytes) -> tuple[bytes, int]:
    """Draw once; answers the PDF and how many pages it has."""
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer, pagesize=(WIDTH * MM, HEIGHT * MM), invariant=1, pageCompression=1, initialFontName=fonts[Face.SERIF]
    )
    stamp = f"D:{content.trace.statement.at:%Y%m%d%H%M%S}+00'00'"
    canvas.setTitle("用章记录")
    canvas.setCreator("一照通投")
    canvas.setProducer("yizhao")
    canvas.setDateFormatter(lambda *_: stamp)
    canvas._doc._ID = f"[<{identifier.hex()}><{identifier.hex()}>]".encode()  # noqa: SLF001 - the one way to set it
    paper = _Paper(canvas, fonts, content.foot, total, content.trace.statement.sandbox)
    paper.begin_page(1)
    page, y = 1, _draw_head(paper, content.facts)
    y = _draw_row(paper, HEADER, y, head=True)
    for row in content.rows:
        if y + _height(_break(paper, row)) > HEIGHT - BOTTOM:
            canvas.showPage()
            page += 1
            paper.begin_page(page)
            y = _draw_row(paper, HEADER, TOP, head=True)
        y = _draw_row(paper, row, y)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue(), page


def _facts(trace: SealTrace, company: str, json_sm3: str) -> Iterator[tuple[str, str]]:
    statement = trace.statement
    try:
        token = parse_token(trace.file.token)
        issuer = token.certificate.common_name if token.certificate else "未知"
        stamped = f"{beijing(token.gen_time)}（{issuer}）"
    except SigningError:
        stamped = "无法读取"
    yield "单位", f"{company}（{statement.uscc}）"
    yield (
        "范围",
        f"第 {statement.first} 至 {statement.last} 条，导出时共 {statement.total} 条" if trace.rows else "没有记录",
    )
    yield "导出", f"{beijing(statement.at)} 北京时间（工作台时钟）；可信时间戳 {stamped}"
    yield "签署", f"{statement.workbench}，证书 {trace.certificate.serial}"
    yield "链值", _by_fours(statement.chain)
    if json_sm3:
        yield "凭证", f"同一次导出的 JSON 文件，SM3 {_by_fours(json_sm3)}"


def _cells(use: SealUse) -> Cells:
    stamped = token_time(use)
    times = [f"{beijing(use.at)}", f"　登记：{CLOCK}"]
    times += [f"{beijing(stamped)}", f"　时间戳：{token_issuer(use) or '未知'}"] if stamped else ["没有时间戳"]
    digests = (("前", use.before_sm3), ("签", use.document_sm3), ("后", use.after_sm3))
    return (
        str(use.number),
        "\n".join(times),
        f"{use.section or '（不属标段）'}\n{_clip(use.file)}",
        f"{KIND_NAMES.get(use.kind, use.kind)}\n{use.seal or '未取得印章'}\n{PROFILES.get(use.profile, use.profile)}",
        OUTCOMES.get(use.outcome, use.outcome) + (f"\n{use.code}" if use.code else ""),
        f"{_clip(use.person_name)}\n{name_authority(use.authorisation)}",
        "\n".join(f"{name} {grouped(digest) if digest else '—'}" for name, digest in digests),
        f"{use.certificate or '没有证书'}\n{_clip(use.address) or '没有地址'}",
    )


def _clip(text: str) -> str:
    """Keep a row shorter than a page; the whole name is in the JSON."""
    flat = " ".join(text.split("\n"))
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}…（全文见 JSON）"


_LONGEST: Final = 160


def _by_fours(digest: str) -> str:
    return " ".join(digest[i : i + 4] for i in range(0, len(digest), 4))


def _draw_head(paper: _Paper, facts: Iterable[Cells]) -> float:
    """Draw the title, what was signed, and how to check it; answers where the table begins."""
    width = (WIDTH - LEFT - RIGHT) * MM
    title = paper.measure(17, Face.SANS)(_TITLE) / MM
    paper.put(_TITLE, (WIDTH - title) / 2, TOP + 4, size=17, face=Face.SANS)
    y = TOP + 12
    for name, value in facts:
        paper.put(name, LEFT, y, size=8.5, face=Face.SANS, colour=_GREY)
        for line in break_lines((Run(value),), width - 12 * MM, paper.measure(8.5)):
            paper.put_words(line, LEFT + 12, y, size=8.5)
            y += 4.4
    for line in break_lines((Run(_HOW),), width, paper.measure(7.5)):
        paper.put_words(line, LEFT, y + 0.4, size=7.5)
        y += 3.9
    return y + 0.5


def _break(paper: _Paper, row: Cells, face: Face = Face.SERIF) -> Lines:
    measure = paper.measure(SIZE, face)
    return [
        [line for text in cell.split("\n") for line in break_lines((Run(text),), (wide - 2 * PAD) * MM, measure)]
        for cell, wide in zip(row, WIDTHS, strict=True)
    ]


def _height(broken: Lines) -> float:
    return max(len(cell) for cell in broken) * SIZE * LEADING / MM + 2 * PAD


def _draw_row(paper: _Paper, row: Cells, top: float, *, head: bool = False) -> float:
    """Draw one row; answers where the next begins."""
    face = Face.SANS if head else Face.SERIF
    broken, canvas, step = _break(paper, row, face), paper.canvas, SIZE * LEADING / MM
    bottom = top + _height(broken)
    if head:
        canvas.setFillColorRGB(*_BAND)
        canvas.rect(LEFT * MM, (HEIGHT - bottom) * MM, sum(WIDTHS) * MM, (bottom - top) * MM, stroke=0, fill=1)
    x = LEFT
    canvas.setLineWidth(0.4)
    canvas.setStrokeColorRGB(0.55, 0.55, 0.55)
    for cell, wide in zip(broken, WIDTHS, strict=True):
        for number, words in enumerate(cell, 1):
            paper.put_words(words, x + PAD, top + PAD + (number - 0.26) * step, size=SIZE, face=face)
        canvas.rect(x * MM, (HEIGHT - bottom) * MM, wide * MM, (bottom - top) * MM, stroke=1, fill=0)
        x += wide
    return bottom


def _drawable(text: str) -> str:
    return "".join(_drawn(character) for character in text)


def _drawn(character: str) -> str:
    """Answer the character, or its code point when neither face can draw it."""
    if character == "\n" or " " <= character <= "~":
        return character
    try:
        for face in Face:
            require_glyphs(character, face)
    except MissingGlyphError:
        return f"[U+{ord(character):04X}]"
    return character
