"""Verifications for programs (核验接口): files in, answers out; reports, table and evidence of each verification."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from anyio import to_thread
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Reference,
    RequestBody,
    Schema,
)
from litestar.params import FromPath, FromQuery, QueryParameter, SkipValidation

from bidding.reporting.comparing import tell_comparisons
from bidding.reporting.composing import compose
from bidding.reporting.details import ReportDetails, answer_bytes
from bidding.reporting.etsi import render_xml
from bidding.reporting.html import render_html
from bidding.reporting.matrix import matrix_of_files
from bidding.reporting.matrix_files import as_table
from bidding.reporting.pdf import render_pdf
from bidding.reporting.reports import write_matrix
from bidding.web.verify_asks import VerificationView, begin, evidence_of, tell_contents, view_job
from bidding.web.verify_jobs import Job, Verifier
from bidding.web.verify_uploads import MAX_UPLOAD

LIMIT: Final = MAX_UPLOAD + (8 << 20)
_MEDIA: Final = {
    "pdf": "application/pdf",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "xml": "application/xml",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_TEXT, _FILE = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
_FIELDS: Final = ("uscc", "partners", "person", "password", "policy", "require_seals", "compare_stamps")


@dataclass
class UploadOperation(Operation):
    """The description of a request whose body is read piece by piece."""

    def __post_init__(self) -> None:
        """Describe the form: files, and what is asked of them."""
        files = Schema(type=OpenAPIType.ARRAY, items=_FILE)
        parts: dict[str, Reference | Schema] = {
            "files": files,
            "content": _FILE,
            "impression": _FILE,
            **dict.fromkeys(_FIELDS, _TEXT),
        }
        schema = Schema(type=OpenAPIType.OBJECT, properties=parts, required=["files"])
        self.request_body = RequestBody({"multipart/form-data": OpenAPIMediaType(schema=schema)}, required=True)


@post("/api/v1/verifications", status_code=200, request_max_body_size=LIMIT, operation_class=UploadOperation)
async def verify_api(
    request: Request[Any, Any, Any],
    verifier: NamedDependency[SkipValidation[Verifier]],
    *,
    wait: FromQuery[bool] = True,
) -> Response[Any]:
    """核验文件；答复与 `yizhao verify --json` 相同，依次列出。`wait=false` 时立即返回编号（202），其后查询进度."""
    job = await begin(request, verifier, pictured=not wait)
    headers = {"location": f"/api/v1/verifications/{job.id}", "cache-control": "no-store"}
    if not wait:
        return Response(view_job(job), status_code=202, headers=headers)
    await to_thread.run_sync(job.finished.wait)
    tell_contents(job)
    return Response(job.answers, headers=headers)


Number = Annotated[str, QueryParameter(pattern="^[0-9a-f]{32}$")]


@get("/api/v1/verifications/{number:str}", sync_to_thread=False)
def verification_status(
    number: FromPath[str], verifier: NamedDependency[SkipValidation[Verifier]]
) -> Response[VerificationView]:
    """一次核验的进度与各文件的答复；半小时后不再提供."""
    return Response(view_job(verifier.find(number)), headers={"cache-control": "no-store"})


@get("/api/v1/verifications/{number:str}/reports/{kind:str}", sync_to_thread=True)
def verification_report(
    number: FromPath[str],
    kind: FromPath[Literal["pdf", "html", "json", "xml"]],
    verifier: NamedDependency[SkipValidation[Verifier]],
    row: Annotated[int | None, QueryParameter(ge=0, le=20_000)] = None,
) -> Response[bytes]:
    """核验报告；`row` 指定其中一个文件（从 0 起），不给出时为全部文件."""
    return _answer(make_report(_finished(verifier, number), verifier, kind, row), kind, "核验报告")


@get("/api/v1/verifications/{number:str}/matrices/{kind:str}", sync_to_thread=True)
def verification_matrix(
    number: FromPath[str],
    kind: FromPath[Literal["csv", "xlsx", "html"]],
    verifier: NamedDependency[SkipValidation[Verifier]],
) -> Response[bytes]:
    """核验矩阵：文件 × 检查项，问题最重的在前."""
    job = _finished(verifier, number)
    with TemporaryDirectory(prefix="yizhao-matrix-") as folder:
        path = Path(folder) / f"matrix.{kind}"
        write_matrix(job.answers, path)
        return _answer(path.read_bytes(), kind, "核验矩阵")


@get("/api/v1/verifications/{number:str}/evidence", sync_to_thread=True)
def verification_evidence(
    number: FromPath[str], verifier: NamedDependency[SkipValidation[Verifier]]
) -> Response[bytes]:
    """作出结论所依据的证据（docs/format/evidence.md），可用 `yizhao verify --replay` 离线重新核验."""
    return _answer(evidence_of(_finished(verifier, number)), "json", "核验证据")


def _finished(verifier: Verifier, number: str) -> Job:
    job = verifier.find(number)
    if not job.finished.is_set():
        raise ClientException("核验尚未完成", status_code=409)
    return job


def make_report(job: Job, verifier: Verifier, kind: str, row: int | None) -> bytes:
    """Compose the report from answers and pictures that were made when the files were there."""
    rows = [one for one in job.rows if one.judged]
    if row is not None:
        if row >= len(rows):
            raise ClientException("没有这个文件", status_code=404)
        rows = [rows[row]]
    answers = [one.judged.answer for one in rows if one.judged]
    details = ReportDetails(issued_at=verifier.clock(), check_url=f"{verifier.url}/verify" if verifier.url else "")
    if kind == "json":
        return (json.dumps(answers, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace")
    if kind == "xml":
        return render_xml(answers, details)
    sheets = [
        compose(
            one.judged.answer,
            details,
            one.pictures,
            tell_comparisons(one.judged.compared, one.judged.answer) if len(rows) == 1 else (),
        )
        for one in rows
        if one.judged
    ]
    if kind == "html":
        overview = as_table(matrix_of_files(answers)) if len(sheets) > 1 else None
        return render_html(sheets, matrix=overview).encode("utf-8", "backslashreplace")
    kept = {f"answer-{n:03}.json": answer_bytes(one) for n, one in enumerate(answers, 1)}
    table = matrix_of_files(answers)
    summary = (table.heads[:3], [[cell.text for cell in one[:3]] for one in table.rows]) if len(sheets) > 1 else None
    paper = render_pdf(sheets, dated=details.issued_at, random=verifier.random, attachments=kept, summary=summary)
    return paper.pdf


def _answer(data: bytes, kind: str, name: str) -> Response[bytes]:
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name)}.{kind}",
        "cache-control": "no-store",
    }
    return Response(data, media_type=_MEDIA[kind], headers=headers)


VERIFY_API: list[Any] = [
    verify_api, verification_status, verification_report, verification_matrix, verification_evidence,
]  # fmt: skip
