"""Resumable uploads by tus 1.0 at `/files`: creation, checksum (sm3, sha1), termination, expiration.

Creation carries the signed act that the upload serves in the header `Yizhao-Act` (base64url of its canonical bytes).
An offset is told only when its bytes are durable. Here, and only here, bytes stream through async code.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final, TypeVar

import anyio.to_thread
from litestar import Request, Response, Router, delete, head, patch, post, route
from litestar.di import NamedDependency
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException, InternalServerException
from litestar.params import FromPath, SkipValidation

from bidding.centre.house import Arrival
from bidding.centre.service import Centre
from bidding.centre.uploads import Upload
from bidding.web.outcomes import answer
from signing.digests import Hasher, Sm3
from storage.intake import Appender

VERSION: Final = "1.0.0"
FLUSH: Final = 4 << 20
"""Bytes after which a growing upload is made durable."""
CHECKSUM_MISMATCH: Final = 460
_EXTENSIONS: Final = "creation,expiration,checksum,termination"
_MEDIA_TYPE: Final = "application/offset+octet-stream"
_HASHERS: Final[dict[str, Callable[[], Hasher]]] = {"sm3": Sm3, "sha1": lambda: hashlib.sha1(usedforsecurity=False)}

T = TypeVar("T")
AnyRequest = Request[Any, Any, Any]


class TusError(HTTPException):
    """A request that the protocol does not allow; `status_code` is the protocol's own."""


@dataclass(frozen=True)
class Checksum:
    """What the sender says about the bytes of one PATCH."""

    hasher: Hasher
    expected: bytes

    def holds(self) -> bool:
        """Whether the bytes that came are those."""
        return self.hasher.digest() == self.expected


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking work off the event loop."""
    return await anyio.to_thread.run_sync(work)


def address_of(request: AnyRequest) -> str:
    """Answer the network address of whoever is at the other end of the connection."""
    return request.client.host if request.client else ""


@route("/", http_method=[HttpMethod.OPTIONS], sync_to_thread=False, include_in_schema=False, status_code=204)
def options() -> Response[None]:
    """Answer what this server can."""
    headers = {
        "tus-version": VERSION,
        "tus-extension": _EXTENSIONS,
        "tus-checksum-algorithm": ",".join(_HASHERS),
    }
    return Response(None, status_code=204, headers={**_RESUMABLE, **headers})


@post("/", status_code=201)
async def create(request: AnyRequest, centre: NamedDependency[SkipValidation[Centre]]) -> Response[Any]:
    """开始上传：随请求头 Yizhao-Act 提交签署的递交行为."""
    _require_version(request)
    arrival = centre.arrival(address_of(request))
    act, length = _read_act(request), _number(request, "upload-length")
    begun = await in_thread(lambda: centre.reception.begin(act, length, arrival))
    if isinstance(begun, Upload):
        headers = {**_RESUMABLE, "location": f"/files/{begun.id}", **_expires(begun)}
        return Response(None, status_code=201, headers=headers)
    response = answer(begun)
    response.headers.update(_RESUMABLE)
    return response


@head("/{upload:str}", status_code=200)
async def inspect(
    request: AnyRequest, upload: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]
) -> Response[None]:
    """已接收到哪里."""
    _require_version(request)
    found = await in_thread(lambda: centre.uploads.get(upload))
    headers = {"upload-offset": str(found.offset), "upload-length": str(found.length), "cache-control": "no-store"}
    return Response(None, headers={**_RESUMABLE, **headers, **_expires(found)})


@patch("/{upload:str}", status_code=204, request_max_body_size=None)
async def append(
    request: AnyRequest, upload: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]
) -> Response[None]:
    """续传：从 Upload-Offset 起追加内容."""
    _require_version(request)
    if request.headers.get("content-type", "") != _MEDIA_TYPE:
        raise TusError(status_code=415, detail=f"content type must be {_MEDIA_TYPE}")
    checksum, offset = _read_checksum(request), _number(request, "upload-offset")
    found = await in_thread(lambda: centre.uploads.get(upload))
    with ExitStack() as stack:
        appender = await in_thread(lambda: stack.enter_context(centre.uploads.writing(upload, offset)))
        last_byte_at = await _receive(request, appender, found.length, checksum, centre.house.clock)
    if last_byte_at is not None:
        at = last_byte_at
        await in_thread(lambda: centre.reception.received(upload, at, address_of(request)))
    return Response(
        None, status_code=204, headers={**_RESUMABLE, "upload-offset": str(appender.offset), **_expires(found)}
    )


@delete("/{upload:str}", status_code=204)
async def terminate(
    request: AnyRequest, upload: FromPath[str], centre: NamedDependency[SkipValidation[Centre]]
) -> Response[None]:
    """放弃上传."""
    _require_version(request)
    arrival: Arrival = centre.arrival(address_of(request))
    await in_thread(lambda: centre.uploads.terminate(upload, arrival))
    return Response(None, status_code=204, headers=_RESUMABLE)


async def _receive(
    request: AnyRequest, appender: Appender, length: int, checksum: Checksum | None, clock: Callable[[], datetime]
) -> datetime | None:
    """Write what comes; the instant at which the upload's last byte was read, or None while bytes are missing.

    A connection that breaks keeps what came, unless a checksum was promised for it.
    """
    mark, last_byte_at = appender.mark(), None
    buffer, received = bytearray(), appender.offset
    try:
        async for chunk in request.stream():
            received += len(chunk)
            _require_within(received, length)
            if received == length and last_byte_at is None:
                last_byte_at = clock()
            buffer += chunk
            if len(buffer) >= FLUSH:
                await _flush(buffer, appender, checksum)
    except TusError:
        await in_thread(lambda: appender.rewind(mark))
        raise
    except InternalServerException:
        await in_thread(lambda: appender.rewind(mark)) if checksum else await _flush(buffer, appender, None)
        if checksum or last_byte_at is None:
            raise
        return last_byte_at  # the connection broke after the very last byte, which counts
    await _flush(buffer, appender, checksum)
    if checksum is not None and not checksum.holds():
        await in_thread(lambda: appender.rewind(mark))
        raise TusError(status_code=CHECKSUM_MISMATCH, detail="checksum mismatch")
    return last_byte_at


def _require_within(received: int, length: int) -> None:
    if received > length:
        raise TusError(status_code=413, detail="more bytes than Upload-Length")


async def _flush(buffer: bytearray, appender: Appender, checksum: Checksum | None) -> None:
    data = bytes(buffer)
    buffer.clear()

    def write() -> None:
        if checksum is not None:
            checksum.hasher.update(data)
        appender.write(data)

    if data:
        await in_thread(write)


def _require_version(request: AnyRequest) -> None:
    if request.headers.get("tus-resumable") != VERSION:
        raise TusError(status_code=412, detail="unknown tus version", headers={"tus-version": VERSION, **_RESUMABLE})


def _read_act(request: AnyRequest) -> bytes:
    text = request.headers.get("yizhao-act", "")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise TusError(status_code=400, detail="Yizhao-Act is not base64url") from error


def _number(request: AnyRequest, name: str) -> int:
    text = request.headers.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):  # noqa: PLR2004 - far over any bundle
        raise TusError(status_code=400, detail=f"{name} is missing or no number")
    return int(text)


def _read_checksum(request: AnyRequest) -> Checksum | None:
    header = request.headers.get("upload-checksum")
    if header is None:
        return None
    name, _, text = header.partition(" ")
    try:
        return Checksum(_HASHERS[name](), base64.b64decode(text, validate=True))
    except (KeyError, ValueError) as error:
        raise TusError(status_code=400, detail="unknown checksum algorithm, or not base64") from error


def _expires(upload: Upload) -> dict[str, str]:
    return {"upload-expires": format_datetime(upload.expires_at, usegmt=True)}


_RESUMABLE: Final = {"tus-resumable": VERSION}

UPLOAD_ROUTER: Final = Router("/files", route_handlers=[options, create, inspect, append, terminate])
