"""Decoding the picture inside a seal; only ever called in the drawing child."""

import io
import warnings
from collections.abc import Iterable
from typing import Any, Final

from bidding.reporting.picture_types import SEAL_EDGE, DrawnSeal, StoredPicture

_FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
_MAX_PIXELS: Final = 24_000_000


def draw_seals(stored: Iterable[StoredPicture]) -> tuple[DrawnSeal, ...]:
    """Answer the seals that could be decoded, each once, as small PNGs on white."""
    drawn = list[DrawnSeal]()
    for one in stored:
        image = open_picture(one.data)
        if image is not None:
            drawn.append(DrawnSeal(one.signature, as_png(image)))
    return tuple(drawn)


def open_picture(data: bytes) -> Any:
    """Decode a raster picture on white; None when it is none that we read, or is too large."""
    from PIL import Image  # noqa: PLC0415 - only in the child

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Any = Image.open(io.BytesIO(data), formats=_FORMATS)
            if image.width * image.height > _MAX_PIXELS or not image.width or not image.height:
                return None
            image = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
        return None
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def as_png(image: Any, edge: int = SEAL_EDGE) -> bytes:
    """Encode a picture as PNG, its longer edge at most so many pixels."""
    small = image.copy()
    small.thumbnail((edge, edge))
    out = io.BytesIO()
    small.quantize(96).save(out, "PNG", optimize=True)
    return out.getvalue()
