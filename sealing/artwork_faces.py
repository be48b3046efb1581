"""Calligraphic faces (楷体、仿宋) that a system may have, found by file name; none is ever required.

They serve drawings that imitate a hand; where there is none, the song face of the font package stands in.
"""

import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

NAMES: Final = (
    "lxgwwenkai-regular.ttf",
    "lxgwwenkai-light.ttf",
    "gkai00mp.ttf",
    "ukai.ttc",
    "simkai.ttf",
    "stkaiti.ttf",
    "kaiti.ttf",
    "kaiti.ttc",
    "kaiu.ttf",
    "fandolkai-regular.otf",
    "simfang.ttf",
    "stfangso.ttf",
    "fangsong.ttf",
    "fandolfang-regular.otf",
)
"""Kai first, imitation song after it; the order is the preference."""
_MOST: Final = 20_000
"""Font files that are looked at."""


def system_folders() -> tuple[Path, ...]:
    """Answer where this kind of system keeps its fonts."""
    home = Path.home()
    if sys.platform == "win32":
        return (Path("C:/Windows/Fonts"), home / "AppData/Local/Microsoft/Windows/Fonts")
    if sys.platform == "darwin":
        return (Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library/Fonts")
    return (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts")


def find_face(folders: Sequence[Path]) -> Path | None:
    """Answer the file of the most wanted calligraphic face below these folders; None where there is none."""
    found = dict[str, Path]()
    for folder in folders:
        for number, path in enumerate(folder.rglob("*") if folder.is_dir() else ()):
            if number >= _MOST:
                break
            if path.name.lower() in NAMES and path.is_file():
                found.setdefault(path.name.lower(), path)
    return next((found[name] for name in NAMES if name in found), None)


@cache
def system_face() -> Path | None:
    """Answer this system's calligraphic face, looked for once."""
    try:
        return find_face(system_folders())
    except (OSError, RuntimeError):  # a folder that may not be read, or no home: then there is none
        return None
