"""The three parties as separate processes, each with its own folder, keys and port."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bidding.errors import BiddingError

START_SECONDS = 60.0


class PartyDidNotStartError(BiddingError):
    """One of the demo's processes ended or did not answer in time; its log says why."""


@dataclass(frozen=True)
class Party:
    """One running process."""

    name: str
    url: str
    data: Path
    keys: Path
    log: Path
    pid: int


def free_port() -> int:
    """Answer a port that is free on loopback at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(name: str, command: list[str], *, root: Path, port: int, environment: Mapping[str, str]) -> Iterator[Party]:
    """Run one party until the block ends; its output goes to a log file beside its data."""
    log = root / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-m", "bidding.cli", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
    party = Party(name, f"http://127.0.0.1:{port}", root / name, root / f"{name}-keys", log, process.pid)
    try:
        _wait_until_ready(party, process)
        yield party
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(party: Party, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{party.url}/healthz", timeout=2).status_code == httpx.codes.OK:
                time.sleep(0.2)
                if process.poll() is None:  # it is ours that answered, not somebody else on the same port
                    return
                break
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    tail = party.log.read_text("utf-8", "replace")[-2000:]
    raise PartyDidNotStartError(f"{party.name} did not start; end of its log:\n{tail}")


@dataclass(frozen=True)
class Parties:
    """The sandbox, the bidders' workbench and the trading centre."""

    sandbox: Party
    workbench: Party
    centre: Party


@contextmanager
def three_parties(
    root: Path, found_centre: Callable[[str], str], *, ports: tuple[int, int, int] | None = None
) -> Iterator[Parties]:
    """Start all three, in the order in which they need each other.

    `found_centre` gets the sandbox's address and answers the credit code of the centre's licence, registering it
    when there is none yet.
    """
    root.mkdir(parents=True, exist_ok=True)
    sandbox_port, workbench_port, centre_port = ports or (free_port(), free_port(), free_port())
    sandbox_url, centre_url = f"http://127.0.0.1:{sandbox_port}", f"http://127.0.0.1:{centre_port}"
    common = {"YIZHAO_SANDBOX_URL": sandbox_url, "YIZHAO_RULES": "demo"}
    with ExitStack() as stack:
        sandbox = stack.enter_context(
            running(
                "sandbox",
                ["sandbox", "--data", str(root / "sandbox"), "--port", str(sandbox_port)],
                root=root,
                port=sandbox_port,
                environment={},
            )
        )
        unit = {"YIZHAO_UNIT": found_centre(sandbox_url)}
        centre = stack.enter_context(_serve("centre", root, centre_port, {**common, **unit}))
        workbench = stack.enter_context(
            _serve("workbench", root, workbench_port, {**common, "YIZHAO_CENTRES": centre_url})
        )
        yield Parties(sandbox, workbench, centre)


@contextmanager
def _serve(role: str, root: Path, port: int, environment: Mapping[str, str]) -> Iterator[Party]:
    own = {
        "YIZHAO_ROLE": role,
        "YIZHAO_DATA": str(root / role),
        "YIZHAO_KEYS": str(root / f"{role}-keys"),
        "YIZHAO_PORT": str(port),
    }
    with running(role, ["serve"], root=root, port=port, environment={**environment, **own}) as party:
        yield party
