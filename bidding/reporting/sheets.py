"""What a report says, before it has a shape: one value that the HTML page and the PDF both draw (validation.md 4.3)."""

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["ok", "failed", "unknown", "not-asked"]
Tone = Literal["good", "noted", "warn", "bad", "none"]
SIGNS: Final[dict[Tone, str]] = {"good": "✓", "noted": "✓", "warn": "？", "bad": "✗", "none": "—"}
"""Every state has a sign and a word of its own; colour only repeats them."""


@dataclass(frozen=True)
class Row:
    """One fact; `mono` for digests and numbers, which are compared character by character."""

    label: str
    value: str
    mono: bool = False


@dataclass(frozen=True)
class Mark:
    """One check mark on the first page."""

    label: str
    state: State
    word: str


@dataclass(frozen=True)
class SignatureBlock:
    """One seal or signature. `picture` is a PNG of the seal that our own child drew, or None."""

    title: str
    tone: Tone
    headline: str
    picture: bytes | None
    rows: tuple[Row, ...]
    marks: tuple[Mark, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class ChangeRow:
    """One change; `place` is a page or the whole file, `after` names the signature that it came after."""

    place: str
    kind: str
    what: str
    after: str
    allowed: bool
    word: str


@dataclass(frozen=True)
class PagePair:
    """A page as it was signed and as it is now (JPEG), changed boxes drawn; None where there is no such page."""

    caption: str
    note: str
    before: bytes | None
    after: bytes | None
    before_caption: str = ""
    after_caption: str = ""


@dataclass(frozen=True)
class CheckRow:
    """One line of the table of checks."""

    step: str
    question: str
    state: State
    word: str
    evidence: str
    code: str = ""


@dataclass(frozen=True)
class CheckTable:
    """All checks of one signature."""

    title: str
    rows: tuple[CheckRow, ...]


@dataclass(frozen=True)
class EvidenceTable:
    """Certificates and times of one signature."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Comparison:
    """Impressions side by side (印模比对): pictures are PNG with their captions."""

    title: str
    state: State
    word: str
    why: str
    pictures: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class ReportSheet:
    """One file's report."""

    title: str
    details: tuple[Row, ...]
    file: tuple[Row, ...]
    tone: Tone
    headline: str
    reason: str
    blocks: tuple[SignatureBlock, ...]
    warnings: tuple[str, ...]
    changes_note: str
    changes: tuple[ChangeRow, ...]
    pairs: tuple[PagePair, ...]
    comparisons: tuple[Comparison, ...]
    checks: tuple[CheckTable, ...]
    evidence: tuple[EvidenceTable, ...]
    limits: tuple[str, ...]
    sandbox: bool
    reference: str
    """What the QR code holds."""
    agency: str
    issued: str
