"""Pictures for a report: what to draw is decided here, drawing happens in a bounded child (页面图像、印章图像)."""

import subprocess
import sys
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from bidding.errors import PictureError
from bidding.reporting.composing import NO_PICTURES, Pictures
from bidding.reporting.facts import ChangeFacts, FileFacts, SignatureFacts, read_answer
from bidding.reporting.picture_types import (
    MAX_PAIRS,
    DrawnPair,
    PictureAnswer,
    PictureRequest,
    Scan,
    StoredPicture,
    WantedPage,
)
from bidding.reporting.sheets import PagePair
from sealing import texts

SECONDS: Final = 40
"""CPU seconds of one report's pictures; half as much again may pass on the clock for each second."""
_MAX_SEALS: Final = 60


def gather_pictures(answer: Mapping[str, Any], source: Path | None) -> Pictures:
    """Draw what belongs into a report; a file that cannot be drawn costs its pictures, never the report."""
    facts = read_answer(answer)
    paged = source is not None and facts.format == "pdf" and facts.indication != "REFUSED"
    request = PictureRequest(
        document=str(source.resolve()) if source is not None and paged else "",
        seals=tuple(stored_seals(facts)),
        pages=tuple(_wanted(facts)) if paged else (),
        scans=tuple(_scans(facts)) if paged else (),
    )
    if not request.seals and not request.document:
        return NO_PICTURES
    try:
        drawn = ask(request)
    except PictureError:
        return Pictures({}, note=texts.report_words()["pictures_missing"] if facts.changed else "")
    return Pictures(
        {one.signature: one.png for one in drawn.seals},
        tuple(_pair(one) for one in drawn.pairs),
        drawn.pages,
        _note(facts, drawn, paged),
    )


def ask(request: PictureRequest, *, seconds: int = SECONDS) -> PictureAnswer:
    """Run one request in a fresh child; PictureError when it ended without an answer."""
    command = [sys.executable, "-I", "-X", "utf8", "-m", "bidding.reporting.picture_worker", str(seconds)]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, and no outside word in the command
            command,
            input=msgspec.json.encode(request),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            timeout=seconds * 1.5,
            check=False,
        )
        return msgspec.json.decode(done.stdout, type=PictureAnswer)
    except subprocess.TimeoutExpired as error:
        raise PictureError("the pictures were not drawn in time") from error
    except msgspec.MsgspecError as error:
        raise PictureError("the drawing process ended without an answer") from error


def stored_seals(facts: FileFacts) -> Iterator[StoredPicture]:
    """Answer the pictures inside the seals, as far as the answer carries them."""
    for one in facts.signatures[:_MAX_SEALS]:
        picture = one.seal.picture if one.seal else None
        if picture and picture.data:
            try:
                yield StoredPicture(one.id, picture.format, b64decode(picture.data, validate=True))
            except (Base64Error, ValueError):
                continue


def _wanted(facts: FileFacts) -> Iterator[WantedPage]:
    """Ask for each changed page once, as of the first signature after which it changed; what is denied comes first."""
    found = dict[int, tuple[SignatureFacts, list[ChangeFacts]]]()
    for one in facts.signatures:
        for change in one.changes_after:
            if change.page:
                found.setdefault(change.page, (one, []))[1].append(change)
    ordered = sorted(found.items(), key=lambda item: (all(c.allowed for c in item[1][1]), item[0]))
    for page, (one, changes) in ordered[:MAX_PAIRS]:
        boxes = tuple((*box, change.allowed) for change in changes for box in change.boxes)
        yield WantedPage(page, one.id, "；".join(dict.fromkeys(c.what for c in changes)), one.signed_bytes, boxes)


def _scans(facts: FileFacts) -> Iterator[Scan]:
    """Ask for a look at all pages where something denied names none."""
    for one in facts.signatures:
        told = [change.what for change in one.changes_after if not change.allowed and not change.page]
        if told:
            yield Scan(one.id, "；".join(dict.fromkeys(told)), one.signed_bytes)
            return


def _pair(drawn: DrawnPair) -> PagePair:
    words = texts.report_words()
    notes = [words["undrawn"]] if drawn.same else []
    notes += [words["seen"]] if drawn.found else []
    return PagePair(
        caption=f"第 {drawn.page} 页：{drawn.title}",
        note="".join(notes),
        before=drawn.before or None,
        after=drawn.after or None,
        before_caption=f"{words['as_signed']}（{drawn.signature}）",
        after_caption=words["now"],
    )


def _note(facts: FileFacts, drawn: PictureAnswer, paged: bool) -> str:
    words = texts.report_words()
    pages = {change.page for one in facts.signatures for change in one.changes_after if change.page}
    if not facts.changed or not paged:
        return ""
    if drawn.note or (pages and not drawn.pairs):
        return words["pictures_missing"]
    return words["pictures_limit"] if len(pages) > MAX_PAIRS else ""
