"""The picture of a visible signature: a PNG, a PDF page or bare operators, as one form XObject that fills its box."""

from importlib import import_module
from io import BytesIO
from typing import Any, Final

from signing.errors import SignatureFieldError
from signing.pades import MAX_PICTURE
from signing.pades_inspection import Place
from signing.pdf_reading import entry, resolve

_UPRIGHT: Final = {0: (1, 0, 0, 1, 0, 0), 90: (0, 1, -1, 0, 0, 0), 180: (-1, 0, 0, -1, 0, 0), 270: (0, -1, 1, 0, 0, 0)}
"""Form matrices that make a picture stand upright on a page turned clockwise."""
_MAX_PIXELS: Final = 20_000_000


def make_appearance(writer: Any, widget: Any, place: Place, draw: bytes) -> None:
    """Give a widget its picture. Raises SignatureFieldError for a picture that cannot be used."""
    if len(draw) > MAX_PICTURE:
        raise SignatureFieldError(f"a picture of {len(draw)} bytes; at most {MAX_PICTURE} are taken")
    generic: Any = import_module("pyhanko.pdf_utils.generic")
    left, bottom, right, top = place.box or (0.0, 0.0, 0.0, 0.0)
    size = (right - left, top - bottom) if place.rotate % 180 == 0 else (top - bottom, right - left)
    resources, content = _content(writer, generic, draw, size)
    entries = {
        "/Type": generic.pdf_name("/XObject"),
        "/Subtype": generic.pdf_name("/Form"),
        "/BBox": _numbers(generic, 0, 0, *size),
        "/Matrix": _numbers(generic, *_UPRIGHT[place.rotate]),
        "/Resources": resources,
    }
    form = generic.StreamObject({generic.pdf_name(key): value for key, value in entries.items()}, stream_data=content)
    form.compress()
    widget["/AP"] = generic.DictionaryObject({generic.pdf_name("/N"): writer.add_object(form)})
    writer.update_container(widget)


def _content(writer: Any, generic: Any, draw: bytes, size: tuple[float, float]) -> tuple[Any, bytes]:
    width, height = size
    if draw.startswith(b"\x89PNG\r\n"):
        scale = (width, 0.0, 0.0, height, 0.0, 0.0)
        reference = _image(writer, draw)
    elif draw.startswith(b"%PDF-"):
        reference = _page(writer, draw)
        left, bottom, right, top = (float(resolve(number)) for number in entry(resolve(reference), "/BBox"))
        if right <= left or top <= bottom:
            raise SignatureFieldError("a picture without an area")
        across, up = width / (right - left), height / (top - bottom)
        scale = (across, 0.0, 0.0, up, -left * across, -bottom * up)
    else:
        return generic.DictionaryObject(), draw
    named = generic.DictionaryObject({generic.pdf_name("/P"): reference})
    matrix = " ".join(f"{number:.4f}" for number in scale)
    return generic.DictionaryObject({generic.pdf_name("/XObject"): named}), f"q {matrix} cm /P Do Q".encode()


def _image(writer: Any, draw: bytes) -> Any:
    pillow: Any = import_module("PIL.Image")
    try:
        with pillow.open(BytesIO(draw), formats=("PNG",)) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise SignatureFieldError(f"a picture of {image.width} × {image.height} pixels")
            image.load()
            return import_module("pyhanko.pdf_utils.images").pil_image(image, writer)
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise SignatureFieldError("a picture that is no readable PNG") from error


def _page(writer: Any, draw: bytes) -> Any:
    reading: Any = import_module("pyhanko.pdf_utils.reader")
    try:
        return writer.import_page_as_xobject(reading.PdfFileReader(BytesIO(draw), strict=False))
    except Exception as error:  # the library may raise anything at all on a broken picture
        raise SignatureFieldError("a picture that is no readable PDF page") from error


def _numbers(generic: Any, *values: float) -> Any:
    return generic.ArrayObject([generic.FloatObject(round(float(value), 4)) for value in values])
