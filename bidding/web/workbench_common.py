"""What both halves of the workbench's interface share: types of its services, bodies as files, downloads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from anyio import open_file, to_thread
from litestar import Request
from litestar.di import NamedDependency
from litestar.exceptions import ClientException
from litestar.params import SkipValidation

from bidding.sessions import Session
from bidding.workbench.service import Workbench

AnyRequest = Request[Any, Any, Any]
Wb = NamedDependency[SkipValidation[Workbench]]
Who = NamedDependency[Session]
T = TypeVar("T")
PRIVATE: Final = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def address_of(request: AnyRequest) -> str:
    """Answer the network address of whoever asks: it stands in the record of seal uses."""
    return request.client.host if request.client else ""


def download_headers(name: str) -> dict[str, str]:
    """Name a download."""
    return {"content-disposition": f"attachment; filename*=UTF-8''{quote(name)}", **PRIVATE}


async def with_body(request: AnyRequest, workbench: Workbench, work: Callable[[Path], T]) -> T:
    """Stream the body into a private file, and do the work on it in a thread; the file is gone afterwards."""
    folder = workbench.desk.shelf.folder()
    path = await to_thread.run_sync(folder.__enter__) / "body"
    try:
        async with await open_file(path, "wb") as file:
            async for chunk in request.stream():
                await file.write(chunk)
        if not path.stat().st_size:
            raise ClientException("the body is empty")
        return await to_thread.run_sync(lambda: work(path))
    finally:
        await to_thread.run_sync(lambda: folder.__exit__(None, None, None))
