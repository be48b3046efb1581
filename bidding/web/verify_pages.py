"""核验: drop files, see the verdict and its reasons. The same engine as the command line, in bounded children."""

from typing import Annotated, Any

from anyio import to_thread
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, SkipValidation
from litestar.response import Redirect, Template
from msgspec import Struct

from bidding.reporting.html import embed_picture
from bidding.web.render import report_context
from bidding.web.site import Site, file_size
from bidding.web.verify_api import LIMIT, VERIFY_API
from bidding.web.verify_asks import begin, tell_contents
from bidding.web.verify_jobs import Job, Verifier
from bidding.web.verify_uploads import MAX_FILES, MAX_UPLOAD
from bidding.web.verify_views import cards, live_rows

__all__ = ["MAX_UPLOAD", "VERIFY_ROUTES", "Verifier"]

Verify = NamedDependency[SkipValidation[Verifier]]
Here = NamedDependency[SkipValidation[Site]]
_AnyRequest = Request[Any, Any, Any]


@get("/verify", sync_to_thread=False, include_in_schema=False)
def verify_page(request: _AnyRequest, site: Here) -> Template:
    """Answer the empty form; a QR code of a report leads here, with what it says behind the number sign."""
    return site.page(request, "verify.html", limit=file_size(MAX_UPLOAD), most=MAX_FILES)


@post("/verify", include_in_schema=False, status_code=200, request_max_body_size=LIMIT)
async def verify_files(request: _AnyRequest, verifier: Verify, site: Here) -> Template:
    """Judge what was dropped and show why; without scripts, the answer waits for all files."""
    job = await begin(request, verifier, pictured=True)
    await to_thread.run_sync(job.finished.wait)
    return _result(request, site, job)


@get("/verify/{number:str}", sync_to_thread=False, include_in_schema=False)
def verification_page(request: _AnyRequest, number: FromPath[str], verifier: Verify, site: Here) -> Template:
    """Show how far a verification is, or what it found."""
    job = verifier.find(number)
    if job.finished.is_set():
        return _result(request, site, job)
    return site.page(request, "verify_running.html", job=job, **live_rows(job))


@get("/verify/{number:str}/live", sync_to_thread=False, include_in_schema=False)
def verification_live(number: FromPath[str], verifier: Verify) -> Template | Redirect:
    """Answer the rows of a running verification, and lead to its end."""
    job = verifier.find(number)
    if job.finished.is_set():
        return Redirect(f"/verify/{job.id}", status_code=303)
    return Template("verify_live.html", context=live_rows(job))


class PasswordForm(Struct):
    """The password of one file."""

    row: int
    password: str


@post("/verify/{number:str}/password", include_in_schema=False, status_code=200)
async def give_password(
    request: _AnyRequest,
    number: FromPath[str],
    data: Annotated[PasswordForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
    verifier: Verify,
    site: Here,
) -> Response[Any] | Template:
    """Judge one file again with its password."""
    job = verifier.find(number)
    future = verifier.give_password(job, data.row, data.password[:1000])
    await to_thread.run_sync(future.result)
    return _result(request, site, job)


@get("/verify/{number:str}/page/{row:int}/{index:int}", sync_to_thread=False, include_in_schema=False)
def verification_picture(
    number: FromPath[str], row: FromPath[int], index: FromPath[int], verifier: Verify
) -> Response[bytes]:
    """Answer a picture of a page with boxes around its seals."""
    pages = verifier.find(number).rows[row].pages if row < len(verifier.find(number).rows) else ()
    picture = pages[index].picture if index < len(pages) else b""
    status = 200 if picture else 404
    return Response(picture, media_type="image/jpeg", status_code=status, headers={"cache-control": "private"})


def _result(request: _AnyRequest, site: Site, job: Job) -> Template:
    tell_contents(job)
    context = {**report_context(job.answers), **cards(job), "data": embed_picture}
    return site.page(request, "verify_result.html", job=job, **context)


VERIFY_ROUTES: list[Any] = [
    verify_page, verify_files, verification_page, verification_live, give_password, verification_picture, *VERIFY_API,
]  # fmt: skip
