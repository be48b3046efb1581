"""Which files a batch is made of (批量核验): files, folders, patterns and ZIP archives become one list, bounded."""

import glob
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bidding.errors import VerificationInputError
from bidding.verification_naming import content_name
from bidding.verification_sniffing import is_plain_zip
from bidding.verification_unpacking import MAX_TOTAL

MAX_ITEMS: Final = 10_000
_SECONDS: Final = 300
_EDGE: Final = 1 << 20
_PATTERN: Final = frozenset("*?[")


@dataclass(frozen=True)
class Item:
    """One file to judge: where it lies, what it is called in the answer, and what it may be about.

    With `refusal` (code and sentence) there is nothing to judge.
    """

    path: Path
    name: str
    content: dict[str, Any] | None = None
    refusal: tuple[str, str] | None = None


def expand(inputs: Iterable[Path], scratch: Path, *, total: int = MAX_TOTAL) -> list[Item]:
    """Answer the files behind what was given, in order; archives are unpacked below `scratch`.

    Raises VerificationInputError for more than MAX_ITEMS files.
    """
    items = list[Item]()
    for path in inputs:
        for item in _expand_one(path, scratch, total):
            items.append(item)
            if len(items) > MAX_ITEMS:
                raise VerificationInputError(f"一次最多核验 {MAX_ITEMS} 个文件")
    return items


def _expand_one(path: Path, scratch: Path, total: int) -> Iterator[Item]:
    try:
        if path.is_dir():
            yield from _expand_folder(path)
        elif path.is_file():
            yield from _expand_file(path, path.name, scratch, total)
        elif path.exists():
            yield _refuse(path, path.name, "not_a_file", "这不是普通文件（可能是管道或设备），不予读取。")
        elif _PATTERN & set(str(path)):
            yield from _expand_pattern(path, scratch, total)
        else:
            yield _refuse(path, path.name, "not_found", "找不到这个文件，或它不是普通文件。")
    except OSError as error:
        yield _refuse(path, path.name, "unreadable", f"文件无法读取：{error.strerror}。")


def _expand_folder(folder: Path) -> Iterator[Item]:
    """Take all regular files below a folder but hidden ones; links are not followed, archives inside not opened."""
    found = 0
    for parent, folders, names in _walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(names):
            path = parent / name
            if name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            found += 1
            yield Item(path, path.relative_to(folder.parent).as_posix(), beside(path))
    if not found:
        yield _refuse(folder, folder.name, "empty_folder", "文件夹里没有文件。")


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    for parent, folders, names in os.walk(folder):
        yield Path(parent), folders, names


def _expand_pattern(path: Path, scratch: Path, total: int) -> Iterator[Item]:
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - the pattern may be absolute
    if not matches:
        yield _refuse(path, path.name, "not_found", "没有与此名称匹配的文件。")
    for match in matches:
        one = Path(match)
        if one.is_file():
            yield from _expand_file(one, one.name, scratch, total)


def _expand_file(path: Path, name: str, scratch: Path, total: int) -> Iterator[Item]:
    if is_archive(path):
        yield from unpack(path, name, scratch, total)
    else:
        yield Item(path, name, beside(path))


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP archive and none of the formats that are judged themselves."""
    with path.open("rb") as stream:
        head = stream.read(_EDGE)
        stream.seek(max(0, stream.seek(0, 2) - _EDGE))
        return is_plain_zip(head, stream.read(_EDGE))


def unpack(path: Path, name: str, scratch: Path, total: int = MAX_TOTAL) -> Iterator[Item]:
    """Unpack an archive in a bounded child and answer its files; refused as a whole, or not at all."""
    folder = scratch / f"zip-{len(list(scratch.iterdir()))}"
    folder.mkdir(mode=0o700)
    request = {"archive": str(path.resolve()), "folder": str(folder), "total": total}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bidding.verification_unpacking"],
            input=json.dumps(request).encode() + b"\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
        answer = json.loads(done.stdout or b"{}")
    except subprocess.TimeoutExpired:
        answer = {}
    if "files" not in answer:
        why = answer.get("refused", "压缩包使解包程序崩溃或耗尽了允许的时间。")
        yield _refuse(path, name, "archive", why)
        return
    inside = {inner: folder / made for inner, made in answer["files"]}
    for inner, made in inside.items():
        about = content_name(inner)
        content = _content(inside[about], about) if about in inside else None
        yield Item(made, f"{name}/{inner}", content)


def beside(path: Path) -> dict[str, Any] | None:
    """Answer the file beside a signature that it is about by its name; the judge says when it was used."""
    name = content_name(path.name)
    if not name or not path.with_name(name).is_file():
        return None
    return _content(path.with_name(name), name)


def _content(path: Path, name: str) -> dict[str, Any]:
    return {"file": str(path), "name": name, "given": False}


def _refuse(path: Path, name: str, code: str, why: str) -> Item:
    return Item(path, name, refusal=(code, why))
