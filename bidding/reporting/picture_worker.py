"""The child that draws pictures for reports: whatever parses the judged file, or a picture inside it, happens here.

One process for one request on standard input; the pictures come back base64 in one JSON answer. The caller bounds
the process in memory, CPU time and wall time, so a hostile file can only lose its pictures.
"""

import io
import os
import resource
import sys
from contextlib import suppress
from typing import Any, Final

import msgspec

from bidding.reporting.picture_types import PictureAnswer, PictureRequest

MEMORY: Final = 1536 << 20
"""Bytes of address space."""


def answer(request: PictureRequest) -> PictureAnswer:
    """Draw what can be drawn; what cannot is left out, and its reason told."""
    from bidding.reporting.impression_drawing import compare_all  # noqa: PLC0415 - only in the child
    from bidding.reporting.page_drawing import draw_pairs  # noqa: PLC0415 - only in the child
    from bidding.reporting.seal_drawing import draw_seals  # noqa: PLC0415 - only in the child

    seals = draw_seals(request.seals)
    pairs, pages, note = draw_pairs(request) if request.document else ((), 0, "")
    compared = compare_all(request) if request.compare else ()
    return PictureAnswer(seals, pairs, pages, note, compared)


def main() -> None:
    """Bound this process, read the request, answer; nothing that libraries print reaches the answer."""
    seconds = int(sys.argv[1])
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    bounds = (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 128),
    )
    for what, limit in bounds:
        with suppress(ValueError, OSError):  # not every system bounds everything
            resource.setrlimit(what, (limit, limit))
    request = msgspec.json.decode(io.BytesIO(sys.stdin.buffer.read()).getvalue(), type=PictureRequest)
    out.write(msgspec.json.encode(_guarded(request)))
    out.close()


def _guarded(request: PictureRequest) -> Any:
    try:
        return answer(request)
    except (Exception, MemoryError, RecursionError) as error:  # noqa: BLE001 - a parser may raise anything at a bad file
        return PictureAnswer(note=f"{type(error).__name__}")


if __name__ == "__main__":
    main()
