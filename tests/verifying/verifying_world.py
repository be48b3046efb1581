"""A verification service with a trust list, and files for it: sealed, changed afterwards, locked, not signed."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import uvicorn
from litestar import Litestar

sys.path.insert(0, str(Path(__file__).parents[1] / "sealing"))
sys.path.insert(0, str(Path(__file__).parents[1] / "reporting"))

from pypdf import PdfReader, PdfWriter
from reporting_world import add_note
from sealing_world import NOON, World, build_world, draft_pdf

from bidding.isolation_pool import WorkerPool
from bidding.web.app import create_app
from bidding.web.home_pages import VERIFY_HOME
from bidding.web.site import Site
from bidding.web.verify_pages import VERIFY_ROUTES, Verifier
from sealing.seal import SealKind
from signing.trust import save_trust

PASSWORD = "open-sesame-七"


@dataclass(frozen=True)
class Files:
    """What there is to judge, and the trust folder to judge by."""

    folder: Path
    trust: Path
    sealed: Path
    changed: Path
    locked: Path
    plain: Path
    world: World


def make_files(folder: Path) -> Files:
    """Make all of them."""
    world = build_world()
    draft, one, sealed = draft_pdf(folder / "草稿.pdf"), folder / "one.pdf", folder / "投标函.pdf"
    world.apply(draft, one, SealKind.LEGAL_REPRESENTATIVE, "legal")
    world.apply(one, sealed, SealKind.UNIT, "unit")
    changed, locked = folder / "改过的投标函.pdf", folder / "带密码.pdf"
    changed.write_bytes(add_note(sealed.read_bytes(), page=1))
    writer, out = PdfWriter(clone_from=PdfReader(BytesIO(draft_pdf(folder / "plain.pdf").read_bytes()))), BytesIO()
    writer.encrypt(PASSWORD, algorithm="AES-256")
    writer.write(out)
    locked.write_bytes(out.getvalue())
    save_trust(folder / "trust", world.trust)
    return Files(folder, folder / "trust", sealed, changed, locked, folder / "plain.pdf", world)


def make_app(files: Files, *, policy: bytes = b"") -> tuple[Litestar, Verifier]:
    """Put the service together as the role `verify` does."""
    verifier = Verifier(WorkerPool(2), lambda: files.trust, lambda: NOON, policy=policy, url="https://verify.test")
    site = Site("核验", (("/verify", "核验"),), sandbox=files.world.trust.sandbox, clock=lambda: NOON)
    app = create_app(
        [*VERIFY_ROUTES, *VERIFY_HOME],
        {"site": site, "verifier": verifier},
        title="test verify",
        on_shutdown=[verifier.close],
    )
    return app, verifier


@contextmanager
def serve(app: Litestar, port: int) -> Iterator[str]:
    """Serve in a thread until the end."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(30)
