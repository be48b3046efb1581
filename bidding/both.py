"""Role `all`: a centre and a workbench in one process, each with its own folders, keys and port, joined by HTTP."""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvicorn
from litestar import Litestar

from bidding.settings import KEEP_ALIVE_SECONDS, Settings


def split(settings: Settings) -> tuple[Settings, Settings]:
    """Answer the settings of the two parts: they share nothing but the machine."""
    data, keys = Path(settings.data), settings.key_folder
    centre = msgspec.structs.replace(
        settings, role="centre", data=str(data / "centre"), keys=str(keys / "centre"), database_url="", trust=""
    )
    workbench = msgspec.structs.replace(
        centre,
        role="workbench",
        data=str(data / "workbench"),
        keys=str(keys / "workbench"),
        port=settings.workbench_port,
        public_url="",
        centres=centre.url,
    )
    return centre, workbench


def serve_both(settings: Settings, build: Callable[[Settings], Litestar]) -> None:
    """Serve the centre in the main thread and the workbench beside it, until told to stop."""
    centre, workbench = split(settings)
    beside = _server(workbench, build(workbench))
    thread = threading.Thread(target=beside.run, name="workbench", daemon=True)
    thread.start()
    _server(centre, build(centre)).run()
    beside.should_exit = True
    thread.join(10)


def _server(settings: Settings, app: Litestar) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return uvicorn.Server(config)
