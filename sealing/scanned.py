"""The scanned picture of a physical seal, made into a seal picture of the same form and size (同章同模).

The impression is found by its colour, the paper is taken away (shadows, yellowing and noise with it), the ink keeps
its colour, and the real size in millimetres is kept. The bytes are untrusted: the header is judged before they are
decoded, and whoever takes them from outside calls this in a bounded child process.
"""

from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any, Final, Literal
from warnings import catch_warnings, simplefilter

from sealing import artwork
from sealing.errors import NoImpressionError, SealFormatError, SealLimitError, UnknownScanSizeError
from sealing.scanned_header import Header, read_header
from sealing.scanned_ink import Ink, Rgb, around, find_blobs, ink_map, off_round, paper_colour

__all__ = ["ScanProblem", "ScanWarning", "ScannedSeal", "import_scan", "read_header"]

Shape = Literal["round", "oval", "square", "any", "signature"]
"""A signature is of many strokes, so all the ink that is found belongs to it."""

OUTPUT_DPI: Final = 300
MM_RANGE: Final = (8.0, 100.0)
"""Sides of an impression that are believed."""
_LEAST_SIGNATURE: Final = 4.0
"""A written name may be low."""
_MM_PER_INCH: Final = 25.4
_SURVEY: Final = 640
"""Pixels of the longer side in which impressions are looked for."""
_SECOND: Final = 0.2
_MAX_OFF_ROUND: Final = 0.035
_MAX_TINT: Final = 45
_LEAST_CONTRAST: Final = 70
_MAX_DISAGREEMENT: Final = 0.06


class ScanProblem(StrEnum):
    """What is wrong with a scan; the seal is made all the same, and the applicant decides."""

    COARSE = "coarse"
    CLIPPED = "clipped"
    SEVERAL = "several"
    NOT_ROUND = "not-round"
    COLOUR_CAST = "colour-cast"
    FAINT = "faint"
    SIZE_DISAGREES = "size-disagrees"


_WORDS: Final = {
    ScanProblem.COARSE: "印模分辨率不足 300 dpi，盖出的章会发虚，请以 300 dpi 以上重新扫描。",
    ScanProblem.CLIPPED: "印模紧贴图像边缘，可能不完整，请在四周留出空白重新扫描。",
    ScanProblem.SEVERAL: "图中有不止一枚印模，已取最大的一枚，请核对。",
    ScanProblem.NOT_ROUND: "印模不是正圆，可能拍摄倾斜、盖印变形或与其他印章重叠，请核对。",
    ScanProblem.COLOUR_CAST: "纸面或印色偏色较重，颜色可能与实物不符，请核对。",
    ScanProblem.FAINT: "印色过淡，笔画可能缺损，请重新盖印后扫描。",
    ScanProblem.SIZE_DISAGREES: "所填尺寸与图像分辨率推算的尺寸不一致，已按所填尺寸，请核对。",
}


@dataclass(frozen=True)
class ScanWarning:
    """One problem, in words for the applicant."""

    problem: ScanProblem
    text: str


@dataclass(frozen=True)
class ScannedSeal:
    """A transparent palette PNG cropped to the impression, its real size, its ink, and what is wrong with the scan."""

    png: bytes
    width_mm: float
    height_mm: float
    dpi: float
    ink: Rgb
    kind: Ink
    warnings: tuple[ScanWarning, ...]


def import_scan(
    data: bytes, *, width_mm: float | None = None, dpi: float | None = None, shape: Shape = "any"
) -> ScannedSeal:
    """Make a seal picture of a scan; `width_mm` is the real width of the impression, `dpi` overrides the file's own.

    Raises SealLimitError (too big, before decoding), SealFormatError (no picture), NoImpressionError, and
    UnknownScanSizeError when neither width nor resolution is known or the size is no seal's.
    """
    header = read_header(data)
    image = _decode(data, header)
    survey = _reduced(image)
    kind, blobs = find_blobs(survey)
    if not blobs:
        raise NoImpressionError("no impression in red, blue or black")
    if shape == "signature":
        blobs = [around(blobs)]
    scale = image.width / survey.width
    crop = _around(image, blobs[0].box, scale)
    found = ink_map(crop, kind)
    if found is None:
        raise NoImpressionError("no impression in red, blue or black")
    alpha, ink, contrast = found
    stated = dpi or header.dpi
    width, height = _size(alpha.size, width_mm, stated, _LEAST_SIGNATURE if shape == "signature" else MM_RANGE[0])
    real = alpha.width / width * _MM_PER_INCH
    problems = {
        ScanProblem.COARSE: real < OUTPUT_DPI * 0.98,
        ScanProblem.CLIPPED: any(blob.clipped for blob in blobs[:1]),
        ScanProblem.SEVERAL: any(blob.area >= _SECOND * blobs[0].area for blob in blobs[1:]),
        ScanProblem.NOT_ROUND: shape == "round" and off_round(alpha) > _MAX_OFF_ROUND,
        ScanProblem.COLOUR_CAST: _tinted(paper_colour(survey), ink, kind),
        ScanProblem.FAINT: contrast < _LEAST_CONTRAST,
        ScanProblem.SIZE_DISAGREES: bool(width_mm and stated and abs(real / stated - 1) > _MAX_DISAGREEMENT),
    }
    warnings = tuple(ScanWarning(problem, _WORDS[problem]) for problem, there in problems.items() if there)
    return ScannedSeal(_picture(alpha, ink, real), width, height, real, ink, kind, warnings)


def _decode(data: bytes, header: Header) -> Any:
    """Decode the first frame on white, after seeing that the decoder believes the same size."""
    from PIL import Image  # noqa: PLC0415 - drawing is asked for rarely, importing Pillow costs each start

    try:
        with catch_warnings():
            simplefilter("ignore")  # what the decoder mutters about damaged tags; the size is checked here
            with Image.open(BytesIO(data), formats=(header.format,)) as image:
                if image.size != (header.width, header.height):
                    raise SealLimitError("a picture of another size than its header says")
                return _on_white(image)
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, OverflowError, KeyError, TypeError) as error:
        raise SealFormatError(f"a picture that cannot be decoded: {error}") from error


def _on_white(image: Any) -> Any:
    from PIL import Image  # noqa: PLC0415 - see _decode

    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("RGB")


def _reduced(image: Any) -> Any:
    """Answer it with its longer side at most _SURVEY pixels, without another copy of its full size."""
    from PIL import Image  # noqa: PLC0415 - see _decode

    ratio = min(_SURVEY / max(image.size), 1.0)
    size = (max(round(image.width * ratio), 1), max(round(image.height * ratio), 1))
    return image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _around(image: Any, box: tuple[int, int, int, int], scale: float) -> Any:
    """Cut an impression out of the full picture with a little paper around it."""
    left, top, right, bottom = (side * scale for side in box)
    margin = 0.04 * max(right - left, bottom - top) + 2 * scale
    corner = (max(int(left - margin), 0), max(int(top - margin), 0))
    return image.crop((*corner, min(int(right + margin), image.width), min(int(bottom + margin), image.height)))


def _size(pixels: tuple[int, int], width_mm: float | None, dpi: float | None, least: float) -> tuple[float, float]:
    if width_mm is None and dpi is None:
        raise UnknownScanSizeError("neither a width in mm nor a resolution")
    width = width_mm if width_mm is not None else pixels[0] / (dpi or OUTPUT_DPI) * _MM_PER_INCH
    height = width * pixels[1] / pixels[0]
    if not all(least <= side <= MM_RANGE[1] for side in (width, height)):
        raise UnknownScanSizeError(f"an impression of {width:.0f} by {height:.0f} mm")
    return round(width, 2), round(height, 2)


def _tinted(paper: Rgb, ink: Rgb, kind: Ink) -> bool:
    red, green, blue = ink
    if max(paper) - min(paper) > _MAX_TINT:
        return True
    if kind == "red":
        return abs(green - blue) > 0.45 * max(red, 1)
    return kind == "blue" and red > 0.75 * max(blue, 1)


def _picture(alpha: Any, ink: Rgb, dpi: float) -> bytes:
    """Write it at 300 dpi, or at its own resolution when that is lower."""
    from PIL import Image  # noqa: PLC0415 - see _decode

    if dpi > OUTPUT_DPI:
        ratio = OUTPUT_DPI / dpi
        size = (max(round(alpha.width * ratio), 1), max(round(alpha.height * ratio), 1))
        alpha, dpi = alpha.resize(size, Image.Resampling.BOX), OUTPUT_DPI
    return artwork.ink_png(alpha.size, alpha.tobytes(), ink, round(dpi, 1))
