"""Reading an upload (multipart/form-data, RFC 7578) straight to a private folder: bounded, never whole in memory."""

import os
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from anyio import to_thread
from litestar import Request
from litestar.exceptions import ClientException
from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser, parse_options_header

from bidding.errors import TooMuchError

MAX_UPLOAD: Final = 512 << 20
"""Bytes of all files of one request; larger ones go to the command line."""
MAX_FILES: Final = 200
MAX_FIELD: Final = 64 << 10
_MAX_PARTS: Final = MAX_FILES + 40
_MARGIN: Final = 4 << 20
"""Bytes for what stands between the files."""
_MANY: Final = 200
"""Characters of a file's name that are kept."""


@dataclass
class Upload:
    """What came: files as (path, name), in order, those of field `content` apart; and the other fields."""

    folder: "tempfile.TemporaryDirectory[str]"
    files: list[tuple[Path, str]] = field(default_factory=list)
    others: dict[str, list[tuple[Path, str]]] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


async def read_upload(request: Request[Any, Any, Any]) -> Upload:
    """Read the request to its end; TooMuchError over a limit, 400 for what is no multipart form.

    The caller owns the folder; when this raises, nothing is left on disk.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise ClientException("multipart/form-data is expected")
    upload = Upload(await to_thread.run_sync(_make_folder))
    try:
        await _receive(request.stream(), options["boundary"], upload)
    except ParserLimitReached as error:
        await to_thread.run_sync(upload.folder.cleanup)
        raise TooMuchError(f"一次最多 {MAX_FILES} 个文件，共 {MAX_UPLOAD} 字节") from error
    except (MultipartError, UnicodeDecodeError) as error:
        await to_thread.run_sync(upload.folder.cleanup)
        raise ClientException("not a multipart form") from error
    except BaseException:
        upload.folder.cleanup()
        raise
    return upload


def _make_folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="yizhao-verify-")


async def _receive(chunks: AsyncIterator[bytes], boundary: str, upload: Upload) -> None:
    received = 0
    with PushMultipartParser(boundary, max_segment_count=_MAX_PARTS) as parser:
        part = _Part()
        async for chunk in chunks:
            received += len(chunk)
            if received > MAX_UPLOAD + _MARGIN:
                raise TooMuchError(f"一次最多 {MAX_UPLOAD} 字节")
            if not chunk or parser.closed:
                continue
            await to_thread.run_sync(_feed, parser, chunk, part, upload)


@dataclass
class _Part:
    """The part that is being read."""

    write: Callable[[bytes], object] = len
    close: Callable[[], None] = lambda: None


def _feed(parser: PushMultipartParser, chunk: bytes, part: _Part, upload: Upload) -> None:
    for event in parser.parse(chunk):
        if isinstance(event, MultipartSegment):
            _begin(event, part, upload)
        elif event:
            part.write(event)
        else:
            part.close()


def _begin(segment: MultipartSegment, part: _Part, upload: Upload) -> None:
    if segment.filename is None:
        text = bytearray()
        part.write, part.close = _limited(text), lambda: _keep_text(upload, segment.name, text)
        return
    if not segment.filename:  # a file input that was left empty
        part.write, part.close = len, lambda: None
        return
    count = len(upload.files) + sum(map(len, upload.others.values()))
    if count >= MAX_FILES:
        raise TooMuchError(f"一次最多 {MAX_FILES} 个文件")
    path = Path(upload.folder.name) / f"upload-{count}"
    stream = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    part.write, part.close = stream.write, stream.close
    kept = upload.files if segment.name == "files" else upload.others.setdefault(segment.name, [])
    kept.append((path, clean_name(segment.filename)))


def _limited(text: bytearray) -> Callable[[bytes], object]:
    def write(data: bytes) -> None:
        if len(text) + len(data) > MAX_FIELD:
            raise TooMuchError(f"一项内容超过 {MAX_FIELD} 字节")
        text.extend(data)

    return write


def _keep_text(upload: Upload, name: str, text: bytearray) -> None:
    upload.fields[name] = text.decode("utf-8")


def clean_name(name: str) -> str:
    """Answer the name of an upload: folders stay in it, as labels only; no name leads anywhere."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return "/".join(parts)[-_MANY:] or "未命名"
