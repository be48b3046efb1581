"""One run of the three parties, the officer's desk and one browser for the whole journey."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from browser_world import Town, Watch
from playwright.sync_api import sync_playwright

from bidding.demo.parties import free_port
from bidding.demo.serving import Serving

CHROMIUM, KEPT = os.environ.get("YIZHAO_CHROMIUM", "/usr/bin/chromium"), os.environ.get("YIZHAO_SCREENSHOTS", "")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--lang=zh-CN",
)  # fmt: skip
SECONDS_TO_DEADLINE = 90


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    """All complaints of all browsers; pictures go to a temporary folder, or where YIZHAO_SCREENSHOTS says."""
    shots = Path(KEPT) if KEPT else tmp_path_factory.mktemp("shots")
    shots.mkdir(parents=True, exist_ok=True)
    return Watch(shots, keeps=bool(KEPT))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Start the parties with people in them and one section that closes soon."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name in ("YIZHAO_SCREENSHOTS", "YIZHAO_CHROMIUM"):  # a party takes no setting that it does not know
            patch.delenv(name, raising=False)
        serving = Serving(tmp_path_factory.mktemp("serving"), stack, (free_port(), free_port(), free_port()))
        serving.start(SECONDS_TO_DEADLINE / 60)
        yield serving


@pytest.fixture(scope="module")
def town(place: Serving, watch: Watch) -> Iterator[Town]:
    """Answer the same as browsers see it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        parties = place.parties
        officer = f"http://127.0.0.1:{place.officer_port}"
        yield Town(browser, watch, parties.sandbox.url, parties.workbench.url, parties.centre.url, officer)
        browser.close()
