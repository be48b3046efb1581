"""Resumable upload (断点续传): a small client of tus 1.0 with creation and checksum.

An offset is what the server says is durable; after every interruption it is asked again and the upload goes on there.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

import httpx

from bidding.errors import CentreRefusedError, UploadInterruptedError
from signing.digests import sm3

VERSION: Final = "1.0.0"
CHUNK: Final = 4 << 20
"""Bytes of one PATCH."""
_AGAIN: Final = frozenset({409, 423, 425, 429, 460, 500, 502, 503, 504})
"""The server may say otherwise in a moment; 460 is a chunk that arrived damaged and was thrown away."""
_LONGEST_PAUSE: Final = 8.0
Progress = Callable[[int, int], None]
"""Called with durable bytes and all bytes."""


def silent(done: int, length: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class TusClient:
    """Uploads to one tus server; `http` has base address and timeouts."""

    http: httpx.Client
    sleep: Callable[[float], None]
    path: str = "/files/"
    algorithm: Literal["sm3", "sha1"] = "sm3"
    chunk: int = CHUNK
    attempts: int = 8
    """How often in a row it is tried again without a byte getting through."""

    def create(self, length: int, headers: Mapping[str, str]) -> httpx.Response:
        """Ask for a new upload; answers what the server says, whatever it is. UploadInterruptedError for silence."""
        own = {"tus-resumable": VERSION, "upload-length": str(length)}
        try:
            return self.http.post(self.path, headers={**headers, **own})
        except httpx.HTTPError as error:
            raise UploadInterruptedError(f"开始上传时没有应答：{error}") from error

    def location(self, created: httpx.Response) -> str:
        """Where the new upload is, on the same server; UploadInterruptedError for a place elsewhere."""
        url = created.url.join(created.headers.get("location", ""))
        if created.status_code != httpx.codes.CREATED or url.host != created.url.host or url.port != created.url.port:
            raise UploadInterruptedError("服务器没有给出上传地址")
        return str(url)

    def send(self, url: str, source: Path, progress: Progress = silent) -> None:
        """Send what is missing, from wherever the upload stands.

        UploadInterruptedError when nothing gets through any more: call again to go on. CentreRefusedError when the
        server refuses for good (no such upload, expired).
        """
        length, failures, reached = source.stat().st_size, 0, -1
        offset: int | None = None
        with source.open("rb") as stream:
            while offset != length:
                try:
                    offset = self.offset(url, length) if offset is None else self._patch(url, offset, stream)
                except (httpx.TransportError, _TryAgainError) as error:
                    failures, offset = failures + 1, None
                    if failures >= self.attempts:
                        raise UploadInterruptedError(f"已送达 {max(reached, 0)} / {length} 字节：{error}") from error
                    self.sleep(min(2.0 ** (failures - 2), _LONGEST_PAUSE))
                    continue
                if offset > reached:
                    reached, failures = offset, 0
                    progress(reached, length)

    def offset(self, url: str, length: int) -> int:
        """Ask how many bytes are durable; CentreRefusedError when there is no such upload."""
        response = self._expect(self.http.head(url, headers={"tus-resumable": VERSION}), {200, 204})
        offset, whole = _number(response, "upload-offset"), _number(response, "upload-length")
        if whole != length or not 0 <= offset <= length:
            raise CentreRefusedError("upload_differs", f"服务器上的这次上传有 {whole} 字节，本地文件有 {length} 字节")
        return offset

    def _patch(self, url: str, offset: int, stream: BinaryIO) -> int:
        stream.seek(offset)
        chunk = stream.read(self.chunk)
        headers = {
            "tus-resumable": VERSION,
            "upload-offset": str(offset),
            "upload-checksum": f"{self.algorithm} {base64.b64encode(self._digest(chunk)).decode()}",
            "content-type": "application/offset+octet-stream",
        }
        response = self._expect(self.http.patch(url, content=chunk, headers=headers), {200, 204})
        reached = _number(response, "upload-offset")
        if not offset <= reached <= offset + len(chunk):
            raise _TryAgainError("服务器答复的位置不对")
        if reached == offset:
            raise _TryAgainError("没有收下任何字节")
        return reached

    def _digest(self, chunk: bytes) -> bytes:
        if self.algorithm == "sm3":
            return sm3(chunk)
        return hashlib.sha1(chunk, usedforsecurity=False).digest()

    def _expect(self, response: httpx.Response, good: set[int]) -> httpx.Response:
        if response.status_code in good:
            return response
        if response.status_code in _AGAIN:
            raise _TryAgainError(f"HTTP {response.status_code}")
        raise refusal_of(response)


class _TryAgainError(Exception):
    """An answer after which the offset is asked again."""


def refusal_of(response: httpx.Response) -> CentreRefusedError:
    """Answer the typed refusal in a problem+json answer; an answer of another form keeps its status as code."""
    code, detail = f"http_{response.status_code}", ""
    if "json" in response.headers.get("content-type", ""):
        try:
            problem = response.json()
        except ValueError:
            problem = {}
        if isinstance(problem, dict):
            code = str(problem.get("code") or code)
            detail = "：".join(str(problem[k]) for k in ("title", "detail") if problem.get(k))
    return CentreRefusedError(code, detail or f"HTTP {response.status_code}")


def _number(response: httpx.Response, header: str) -> int:
    text = response.headers.get(header, "")
    if not (text.isascii() and text.isdigit()):
        raise _TryAgainError(f"没有 {header}")
    return int(text)
