"""A report as one HTML file: self-contained, without scripts, readable on a phone and printed in black and white."""

from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

import segno
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup

from bidding.reporting.characters import show_hidden
from bidding.reporting.sheets import SIGNS, ReportSheet
from sealing import texts

_WATERMARK: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="460" height="330"><text x="230" y="180" text-anchor="middle" '
    'transform="rotate(-32 230 165)" font-family="sans-serif" font-size="54" fill="#000" fill-opacity=".07">{}</text>'
    "</svg>"
)


def render_html(sheets: Sequence[ReportSheet], *, matrix: Markup | None = None) -> str:
    """Answer one page with all reports; `matrix` stands above them."""
    css = _style()
    return (
        _environment()
        .get_template("report.html")
        .render(
            sheets=sheets,
            matrix=matrix,
            sandbox=any(sheet.sandbox for sheet in sheets),
            css=css,
            style_hash=f"sha256-{b64encode(sha256(css.encode()).digest()).decode()}",
            words=texts.report_words(),
            SIGNS=SIGNS,
            qr=draw_qr,
            data=embed_picture,
            file_name=_file_name,
        )
    )


def draw_qr(text: str) -> Markup:
    """Draw a QR code as SVG."""
    picture = segno.make_qr(text, error="m").svg_inline(omitsize=True, border=2)
    return Markup(picture)  # noqa: S704 - made of numbers by segno


def embed_picture(picture: bytes) -> str:
    """Answer a picture as a data address: PNG or JPEG, which our own child has written."""
    kind = "png" if picture.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(picture).decode()}"


def _file_name(sheet: ReportSheet) -> str:
    return next((row.value for row in sheet.file), "")


@cache
def _environment() -> Environment:
    folder = Path(str(files("bidding.reporting"))) / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True, finalize=_shown)


def _shown(value: object) -> object:
    """Let nothing that was read from a file hide itself; markup is ours, and parts of it are shown already."""
    return show_hidden(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _style() -> str:
    text = (Path(str(files("bidding.reporting"))) / "templates" / "report.css").read_text("utf-8")
    drawn = _WATERMARK.format(texts.report_words()["sandbox"])
    return text.replace("WATERMARK", b64encode(drawn.encode()).decode())
