"""What is asked of the drawing child, and what it answers."""

from typing import Final

from msgspec import Struct

MAX_PAIRS: Final = 6
"""Pages shown side by side in one report."""
MAX_SCANNED: Final = 12
"""Pages looked at for visible differences when a change names none."""
PAGE_WIDTH: Final = 760
"""Pixels across a page picture."""
SEAL_EDGE: Final = 360
"""Pixels of the longer edge of a seal's picture."""


class StoredPicture(Struct, frozen=True):
    """The picture inside the seal of one signature, as stored."""

    signature: str
    format: str
    data: bytes


class WantedPage(Struct, frozen=True):
    """A page (from 1) to be shown as of a signature and as it is now; boxes in mm, with whether each is allowed."""

    page: int
    signature: str
    title: str
    signed_bytes: int
    boxes: tuple[tuple[float, float, float, float, bool], ...] = ()


class Scan(Struct, frozen=True):
    """Changes without a page: look whether any page became visibly another since this signature."""

    signature: str
    title: str
    signed_bytes: int


class ToCompare(Struct, frozen=True):
    """A drawn stamp to be compared with the picture inside its seal: the field's name, and its page if known."""

    signature: str
    page: int = 0


class PictureRequest(Struct, frozen=True):
    """Everything one report needs drawn. `document` is a PDF's path or empty; `filed` a picture or `.esl`."""

    document: str = ""
    seals: tuple[StoredPicture, ...] = ()
    pages: tuple[WantedPage, ...] = ()
    scans: tuple[Scan, ...] = ()
    compare: tuple[ToCompare, ...] = ()
    filed: bytes = b""


class DrawnSeal(Struct, frozen=True):
    """The seal of one signature as a small PNG."""

    signature: str
    png: bytes


class DrawnPair(Struct, frozen=True):
    """One page twice (JPEG); empty bytes where that version has no such page. `found` boxes were seen, not told."""

    page: int
    signature: str
    title: str
    before: bytes
    after: bytes
    found: int
    same: bool


class Compared(Struct, frozen=True):
    """One comparison: `filed` or `drawn` against the seal's picture, with the pictures (PNG) that were compared."""

    signature: str
    what: str
    result: str
    overlap: float
    why: str
    pictures: tuple[tuple[str, bytes], ...] = ()


class PictureAnswer(Struct, frozen=True):
    """What was drawn. `note` says why something could not be."""

    seals: tuple[DrawnSeal, ...] = ()
    pairs: tuple[DrawnPair, ...] = ()
    pages: int = 0
    note: str = ""
    compared: tuple[Compared, ...] = ()
