"""The unfolded 骑缝章 as SVG: the picture, and the strip of it that each page shows."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import quoteattr

from markupsafe import Markup

from sealing.placement import Stamp

_MOST: Final = 12
"""Pictures that are drawn of one act."""
_MOST_LABELS: Final = 16


def unfolded(stamps: Sequence[Stamp], size_mm: tuple[float, float], picture: str) -> list[tuple[str, Markup]]:
    """Answer what each group of slices is called, and its drawing; `picture` is the address of the seal as SVG."""
    return [
        (f"第 {group[0].page} 至 {group[-1].page} 页，共 {len(group)} 份", _draw(group, size_mm, picture))
        for group in list(_groups(stamps))[:_MOST]
    ]


def _groups(stamps: Sequence[Stamp]) -> Iterator[list[Stamp]]:
    """Answer slices that are the whole picture together, in order."""
    open_groups = defaultdict[tuple[str, float, float], list[Stamp]](list)
    for stamp in sorted((one for one in stamps if one.share != (0.0, 1.0)), key=lambda one: one.page):
        low, high = stamp.share
        along, across = (stamp.h_mm, stamp.y_mm) if stamp.along == "width" else (stamp.w_mm, stamp.x_mm)
        key = stamp.along, round(along, 3), round(across + (high - low), 3)
        if low == 0.0 and open_groups[key]:
            open_groups[key] = []
        open_groups[key].append(stamp)
        if high > 1 - 1e-9:
            yield open_groups.pop(key)


def _draw(group: Sequence[Stamp], size_mm: tuple[float, float], picture: str) -> Markup:
    width, height = size_mm
    wide = group[0].along == "width"
    lines = "".join(_cut(stamp.share[1], size_mm, wide=wide) for stamp in group[:-1])
    step = -(-len(group) // _MOST_LABELS)
    labels = "".join(_label(stamp, size_mm, wide=wide) for stamp in group[::step])
    box = f"-2 -2 {width + 4:g} {height + 9:g}" if wide else f"-2 -2 {width + 14:g} {height + 4:g}"
    told = f"骑缝章展开图：第 {group[0].page} 至 {group[-1].page} 页各一份，拼起来是完整的印章"
    return Markup(  # noqa: S704 - numbers and a quoted address
        f'<svg class="unfolded" viewBox="{box}" role="img" aria-label={quoteattr(told)}>'
        f'<rect class="leaf" x="0" y="0" width="{width:g}" height="{height:g}"/>'
        f'<image href={quoteattr(picture)} width="{width:g}" height="{height:g}"/>{lines}{labels}</svg>'
    )


def _cut(share: float, size_mm: tuple[float, float], *, wide: bool) -> str:
    width, height = size_mm
    if wide:
        return f'<line x1="{share * width:.3f}" x2="{share * width:.3f}" y1="-1" y2="{height + 1:g}"/>'
    return f'<line y1="{share * height:.3f}" y2="{share * height:.3f}" x1="-1" x2="{width + 1:g}"/>'


def _label(stamp: Stamp, size_mm: tuple[float, float], *, wide: bool) -> str:
    width, height = size_mm
    middle = (stamp.share[0] + stamp.share[1]) / 2
    x, y = (middle * width, height + 5) if wide else (width + 5, middle * height + 1)
    return f'<text x="{x:.3f}" y="{y:.3f}">{stamp.page}</text>'
