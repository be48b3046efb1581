"""The signing service put together beside a workbench: documents of its own, the same outside, two tickers."""

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from pathlib import Path

from bidding.isolation import IsolatedWorker
from bidding.judging import DocumentJudging
from bidding.settings import Settings
from bidding.signings.posting import HttpPoster, resolve_host
from bidding.signings.service import AUDIENCE, SigningService
from bidding.wiring.centre import OwnSecrets, Ticker
from bidding.wiring.ports import Outside
from bidding.workbench.desk import Desk, Shelf
from storage.intake import Intake

_TURNS = 4
"""Wallet and outbox are looked at once in so many ticks."""


def build_signings(
    settings: Settings, own: OwnSecrets, ports: Outside, desk: Desk
) -> tuple[SigningService, Callable[[], None]]:
    """Open the service over the workbench's database; what was uploaded lies in a folder of its own, encrypted.

    Answers it with what ends its verifier.
    """
    data = Path(settings.data)
    shelf = Shelf(Intake(data / "signings", own.secret("signings"), own.random), data / "signings-work")
    worker = IsolatedWorker()
    judging = DocumentJudging(ports.trust.refreshed_folder, desk.clock, worker)

    def judge(path: Path) -> str:
        return str(judging.ask(path)["indication"])

    service = SigningService.assemble(
        replace(desk, shelf=shelf, audience=AUDIENCE),
        seals=ports.seals,
        judge=judge,
        post=HttpPoster(loopback=desk.sandbox),
        resolve=resolve_host,
    )
    service.flow.sweep()
    return service, worker.close


def start_tickers(service: SigningService) -> list[Callable[[], None]]:
    """Let the service go on by itself, and send what is due; answers what stops it."""
    tickers = [Ticker(_paced(work), threading.Event()) for work in (service.flow.tick, service.webhooks.tick)]
    for ticker in tickers:
        ticker.start()
    return [ticker.stop for ticker in tickers]


def _paced(work: Callable[[], None]) -> Callable[[], None]:
    turns = cycle([True, *[False] * (_TURNS - 1)])

    def tick() -> None:
        if next(turns):
            work()

    return tick
