"""The child that unpacks a ZIP of files to be judged (批量核验的压缩包): names and sizes are bounded, nothing nests.

Reads one JSON line {"archive", "folder", "total"}, writes each file as a number into the folder, answers one JSON
line. Ordinary archives of any tool are taken, Chinese names in GBK as well; what is odd is refused as a whole.
"""

import json
import resource
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final

from bidding.isolation_bounds import allow_seconds, bound, close_network

MAX_FILES: Final = 2000
MAX_FILE: Final = 512 << 20
"""Bytes of one file."""
MAX_TOTAL: Final = 4 << 30
"""Bytes of all files, unless the asker allows less."""
_RATIO: Final = 200
_FREE: Final = 4 << 20
"""Bytes up to which nobody asks how well a file was packed."""
_CHUNK: Final = 1 << 20
_UTF8: Final = 1 << 11
_ENCRYPTED: Final = 1
_MEMORY: Final = 512 << 20
_SECONDS: Final = 120
_MAX_DIRECTORY: Final = 16 << 20
_NESTED: Final = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
)
_SYSTEM: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")


class _RefusedError(Exception):
    """Why an archive is not unpacked, in Chinese."""


def unpack(archive: Path, folder: Path, total: int) -> list[tuple[str, str]]:
    """Unpack into the folder; answers (name in the archive, name in the folder) for each file."""
    _require_directory(archive)
    try:
        with zipfile.ZipFile(archive) as packed:
            return _unpack(packed, folder, total)
    except (_RefusedError, OSError, MemoryError):
        raise
    except Exception as error:  # a decompressor may raise anything at a bad file
        raise _RefusedError(f"压缩包已损坏或格式不受支持（{type(error).__name__}）") from error


def _unpack(packed: zipfile.ZipFile, folder: Path, total: int) -> list[tuple[str, str]]:
    entries = list(_wanted(packed))
    if not entries:
        raise _RefusedError("压缩包里没有文件")
    if len(entries) > MAX_FILES:
        raise _RefusedError(f"压缩包里有 {len(entries)} 个文件，一次最多 {MAX_FILES} 个")
    if sum(entry.file_size for entry in entries) > total:
        raise _RefusedError(f"压缩包展开后超过 {total} 字节")
    left, made = total, list[tuple[str, str]]()
    for number, entry in enumerate(entries):
        left -= _write(packed, entry, folder / str(number), left)
        made.append((_name(entry), str(number)))
    return made


def _require_directory(archive: Path) -> None:
    """Refuse a directory larger than anybody needs before the library reads it whole."""
    with archive.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - (1 << 16) - 22))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:  # noqa: PLR2004 - the end record
        raise _RefusedError("压缩包已损坏或格式不受支持")
    length = int.from_bytes(tail[at + 12 : at + 16], "little")
    if length > _MAX_DIRECTORY and length != 0xFFFFFFFF:  # noqa: PLR2004 - said elsewhere
        raise _RefusedError("压缩包的目录过大")


def _wanted(packed: zipfile.ZipFile) -> Iterator[zipfile.ZipInfo]:
    seen = set[str]()
    for entry in packed.infolist():
        name = _name(entry)
        if entry.is_dir() or name.startswith(_SYSTEM[0]) or PurePosixPath(name).name in _SYSTEM[1:]:
            continue
        if entry.flag_bits & _ENCRYPTED:
            raise _RefusedError("压缩包设有密码，请解压后再核验")
        if entry.file_size > MAX_FILE:
            raise _RefusedError(f"{name} 展开后超过 {MAX_FILE} 字节")
        if entry.file_size > _FREE and entry.file_size > _RATIO * max(entry.compress_size, 1):
            raise _RefusedError(f"{name} 的压缩比异常，可能是压缩炸弹")
        if name in seen:
            raise _RefusedError(f"压缩包里有两个 {name}")
        seen.add(name)
        yield entry


def _name(entry: zipfile.ZipInfo) -> str:
    """Answer the name: as UTF-8 when the archive says so, else as GBK, which Chinese tools write without saying so."""
    name = entry.orig_filename
    if not entry.flag_bits & _UTF8:
        raw = name.encode("cp437", "replace")
        for encoding in ("utf-8", "gb18030"):
            try:
                name = raw.decode(encoding)
                break
            except UnicodeDecodeError:
                continue
    return name.split("\0")[0].replace("\\", "/")[:500]


def _write(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, left: int) -> int:
    written = 0
    with packed.open(entry) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK):
            if not written and chunk.startswith(_NESTED) and _is_archive(chunk, entry):
                raise _RefusedError(f"压缩包里还有压缩包（{_name(entry)}），请展开后再核验")
            written += len(chunk)
            if written > min(entry.file_size, left):
                raise _RefusedError(f"{_name(entry)} 比它所说的大")
            target.write(chunk)
    return written


def _is_archive(head: bytes, entry: zipfile.ZipInfo) -> bool:
    """Say whether a file is an archive of files, and none of the formats that are ZIP files themselves (OFD, ASiC)."""
    from bidding.verification_sniffing import is_plain_zip  # noqa: PLC0415 - only for what looks like one

    known = (".ofd", ".ytb", ".asice", ".asics", ".sce", ".scs")
    zipped = head.startswith(_NESTED[:2])
    return not zipped or (is_plain_zip(head, head) and not _name(entry).lower().endswith(known))


def main() -> None:
    """Unpack one archive, bounded; answers its files or why it was refused."""
    request = json.loads(sys.stdin.readline())
    bound(resource.RLIMIT_AS, _MEMORY)
    bound(resource.RLIMIT_FSIZE, MAX_FILE)
    bound(resource.RLIMIT_CORE, 0)
    allow_seconds(_SECONDS)
    close_network()
    try:
        made = unpack(Path(request["archive"]), Path(request["folder"]), min(request["total"], MAX_TOTAL))
        answer: dict[str, Any] = {"files": made}
    except _RefusedError as error:
        answer = {"refused": f"{error}。"}
    except OSError as error:
        answer = {"refused": f"压缩包无法展开：{error.strerror}。"}
    except MemoryError:
        answer = {"refused": "压缩包耗尽了允许的内存。"}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
