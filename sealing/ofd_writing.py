"""Writing a Signature.xml (签名文件, GB/T 33190-2016 18.2): what is protected, where impressions stand, which seal."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sealing.ofd_editing import name_of
from sealing.placement import Stamp

NAMESPACE: Final = "http://www.ofdspec.org/2016"
SM3: Final = "1.2.156.10197.1.401"
_SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_PROVIDER: Final = "Yizhao"


def write_empty_list() -> bytes:
    """Write a Signatures.xml without signatures."""
    return f'{_HEAD}<ofd:Signatures xmlns:ofd="{NAMESPACE}"></ofd:Signatures>'.encode()


def write_signature_file(
    folder: str, at: datetime, references: Iterable[tuple[str, bytes]], annotations: Iterable[str]
) -> bytes:
    """Write a Signature.xml for a seal in the same folder; `references` are parts with their SM3, `at` is aware."""
    listed = "".join(
        f"<ofd:Reference FileRef={quoteattr('/' + part)}>"
        f"<ofd:CheckValue>{base64.b64encode(digest).decode()}</ofd:CheckValue></ofd:Reference>"
        for part, digest in references
    )
    place = escape(f"/{folder}")
    return (
        f'{_HEAD}<ofd:Signature xmlns:ofd="{NAMESPACE}"><ofd:SignedInfo>'
        f'<ofd:Provider ProviderName="{_PROVIDER}"/>'
        f"<ofd:SignatureMethod>{_SM2_WITH_SM3}</ofd:SignatureMethod>"
        f"<ofd:SignatureDateTime>{at.astimezone(UTC):%Y%m%d%H%M%SZ}</ofd:SignatureDateTime>"
        f'<ofd:References CheckMethod="{SM3}">{listed}</ofd:References>{"".join(annotations)}'
        f"<ofd:Seal><ofd:BaseLoc>{place}/Seal.esl</ofd:BaseLoc></ofd:Seal></ofd:SignedInfo>"
        f"<ofd:SignedValue>{place}/SignedValue.dat</ofd:SignedValue></ofd:Signature>"
    ).encode()


def write_annotations(stamps: Sequence[Stamp], pages: Sequence[str], first: int) -> Iterator[str]:
    """Write one StampAnnot for each impression, numbered from `first`; `pages` are the IDs of all pages.

    Boundary is where the whole picture would lie; Clip the part of it that is shown, from the picture's own corner.
    """
    for number, stamp in enumerate(stamps, first):
        boundary, clip = boundary_of(stamp)
        shown = f' Clip="{_numbers(clip)}"' if clip else ""
        page = quoteattr(pages[stamp.page - 1])
        yield f'<ofd:StampAnnot ID="{name_of(number)}" PageRef={page} Boundary="{_numbers(boundary)}"{shown}/>'


def boundary_of(stamp: Stamp) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Answer Boundary and Clip of an impression in mm; no Clip when all of the picture is shown."""
    start, stop = stamp.share
    if (start, stop) == (0.0, 1.0):
        return (stamp.x_mm, stamp.y_mm, stamp.w_mm, stamp.h_mm), ()
    if stamp.along == "width":
        whole = stamp.w_mm / (stop - start)
        return (stamp.x_mm - start * whole, stamp.y_mm, whole, stamp.h_mm), (start * whole, 0, stamp.w_mm, stamp.h_mm)
    whole = stamp.h_mm / (stop - start)
    return (stamp.x_mm, stamp.y_mm - start * whole, stamp.w_mm, whole), (0, start * whole, stamp.w_mm, stamp.h_mm)


def _numbers(values: Iterable[float]) -> str:
    """Write lengths to the micrometre."""
    return " ".join(f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".") for value in values)
