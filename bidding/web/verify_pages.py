"""核验: drop files, see the verdict and its reasons. The same engine as the command line, in a bounded child."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, SkipValidation
from litestar.response import Template
from msgspec import Struct

from bidding.errors import BiddingError
from bidding.isolation import IsolatedWorker, WorkerDiedError
from bidding.isolation_pool import WorkerPool
from bidding.verification_naming import content_name
from bidding.web.render import report_context
from bidding.web.site import Site, file_size

MAX_UPLOAD = 64 << 20
"""Bytes of all files of one request; larger ones go to the command line."""
MAX_FILES = 20


class TooMuchError(BiddingError):
    """More or larger files than one request may bring."""


@dataclass(frozen=True)
class Verifier:
    """The engine with its trust list: asks the child about one file at a time."""

    worker: IsolatedWorker | WorkerPool
    trust: Callable[[], Path]
    """A trust folder with current revocation lists."""
    clock: Callable[[], datetime]

    def judge(self, path: Path, *, expect_uscc: str = "", content: dict[str, Any] | None = None) -> dict[str, Any]:
        """Answer the answer for one file, whatever it does to its parser; `content` is what it may be about."""
        request = {
            "task": "verify",
            "file": str(path),
            "trust": str(self.trust()),
            "at": self.clock().isoformat(),
            "expect_uscc": expect_uscc,
            "content": content,
        }
        try:
            return self.worker.ask(request)
        except WorkerDiedError as error:
            return {
                "file": path.name, "sha256": "", "sm3": "", "format": "unknown", "indication": "REFUSED",
                "sub_indication": "", "policy": "", "trust": {}, "read_mode": "strict", "signatures": [],
                "warnings": [], "reason": f"文件耗尽了允许的内存或时间，或使解析程序崩溃，未予验证。（{error}）",
            }  # fmt: skip


class VerifyForm(Struct):
    """Files to judge, whom they should be from, and what detached signatures and timestamps are about."""

    files: list[UploadFile]
    uscc: str = ""
    content: UploadFile | None = None


Form = Annotated[VerifyForm, Body(media_type=RequestEncodingType.MULTI_PART)]


@get(["/verify"], sync_to_thread=False, include_in_schema=False)
def verify_page(request: Request[Any, Any, Any], site: NamedDependency[SkipValidation[Site]]) -> Template:
    """Answer the empty form."""
    return site.page(request, "verify.html", limit=file_size(MAX_UPLOAD))


@post("/verify", include_in_schema=False, status_code=200, request_max_body_size=MAX_UPLOAD + (1 << 20))
async def verify_files(
    request: Request[Any, Any, Any],
    data: Form,
    verifier: NamedDependency[SkipValidation[Verifier]],
    site: NamedDependency[SkipValidation[Site]],
) -> Template:
    """Judge what was dropped and show why."""
    answers = await judge_uploads(data, verifier)
    return site.page(request, "verify.html", limit=file_size(MAX_UPLOAD), **report_context(answers))


@post("/api/v1/verifications", status_code=200, request_max_body_size=MAX_UPLOAD + (1 << 20))
async def verify_api(data: Form, verifier: NamedDependency[SkipValidation[Verifier]]) -> Response[list[dict[str, Any]]]:
    """Judge files; the answers are those of `yizhao verify --json`, in order."""
    return Response(await judge_uploads(data, verifier))


async def judge_uploads(data: VerifyForm, verifier: Verifier) -> list[dict[str, Any]]:
    """Write each upload to a private folder, ask the child, and forget it."""
    if len(data.files) > MAX_FILES:
        raise TooMuchError(f"一次最多 {MAX_FILES} 个文件")
    with tempfile.TemporaryDirectory(prefix="yizhao-verify-") as folder:
        kept = [(await _keep(one, Path(folder) / str(number)), _name(one)) for number, one in enumerate(data.files)]
        given = None
        if data.content is not None and data.content.filename:
            given = _content(await _keep(data.content, Path(folder) / "content"), _name(data.content), given=True)
        answers, used = [], set[str]()
        for path, name in kept:
            content = given or _find_beside(name, kept)
            used |= {content["name"]} if content else set()
            answer = await asyncio.to_thread(verifier.judge, path, expect_uscc=data.uscc.strip(), content=content)
            answers.append({**answer, "file": name})
    return [_as_content(answer) if answer["file"] in used else answer for answer in answers]


def _as_content(answer: dict[str, Any]) -> dict[str, Any]:
    """Say of a file that only came along with its signature what it was used for."""
    if answer["format"] != "unknown":
        return answer
    return {**answer, "reason": "这是随签名一起给出的原文，结论见签名文件；它自身不是可以核验的文件。"}


async def _keep(upload: UploadFile, path: Path) -> Path:
    await asyncio.to_thread(path.write_bytes, await upload.read())
    return path


def _name(upload: UploadFile) -> str:
    return Path(upload.filename).name[:200]


def _content(path: Path, name: str, *, given: bool) -> dict[str, Any]:
    return {"file": str(path), "name": name, "given": given}


def _find_beside(name: str, kept: list[tuple[Path, str]]) -> dict[str, Any] | None:
    """Answer the upload that a signature is about by its name, when both came together."""
    wanted = content_name(name)
    found = [path for path, other in kept if wanted and other == wanted]
    return _content(found[0], wanted, given=False) if len(found) == 1 else None


VERIFY_ROUTES: list[Any] = [verify_page, verify_files, verify_api]
