"""`--serve`: the three parties and the officer's desk kept up, with people and a section ready for a browser."""

import json
import signal
import threading
from contextlib import ExitStack
from pathlib import Path

import click
import httpx

from bidding.demo.cast import Platform, Unit
from bidding.demo.parties import free_port, running, three_parties
from bidding.demo.play import HEADS, NAMES, PIN
from bidding.demo.tendering import in_seconds, make_section, now, publish, sign_params, yizhao
from bidding.officer import OpeningKeys
from bidding.wiring.bidder import bidder_ports
from bidding.wiring.machine import system_random
from bidding.workbench.acting import ActingParty
from signing import canonical
from signing.adapters.revocation_http import fetch_trust
from signing.trust import save_trust

PORTS = (8600, 8610, 8620)
OFFICER_PORT = 8690
SECTION = "A3702000000261121002001"
PASSPHRASE = "officer-demo-passphrase"  # noqa: S105 - printed for the person who tries the sandbox
MINUTES = 20


def serve_demo(out: Path, *, ports: tuple[int, int, int] | None = None, minutes: float = MINUTES) -> int:
    """Start everything, say where it is, and stay until interrupted."""
    with ExitStack() as stack:
        place = Serving(out, stack, ports or _free(PORTS))
        place.start(minutes)
        place.tell()
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        stop.wait()
        click.echo("正在停止……")
    return 0


def _free(wanted: tuple[int, int, int]) -> tuple[int, int, int]:
    """Answer the usual ports where they are free, others where they are not."""
    import socket

    def usable(port: int) -> int:
        with socket.socket() as probe:
            return port if probe.connect_ex(("127.0.0.1", port)) else free_port()

    first, second, third = (usable(port) for port in wanted)
    return first, second, third


class Serving:
    """The parties with people in them."""

    def __init__(self, out: Path, stack: ExitStack, ports: tuple[int, int, int]) -> None:
        """Keep where everything lies."""
        self.out, self.stack, self.ports = out, stack, ports
        self.state = out / "serve.json"

    def start(self, minutes: float) -> None:
        """Start the parties; register people and publish a section the first time."""
        known = json.loads(self.state.read_text("utf-8")) if self.state.exists() else {}
        self.people: dict[str, dict[str, str]] = known.get("people", {})
        self.section = known.get("section", "")
        parties = self.stack.enter_context(three_parties(self.out / "parties", self._centre, ports=self.ports))
        self.parties = parties
        with httpx.Client(timeout=30) as http:
            save_trust(self.out / "trust", fetch_trust(http, f"{parties.sandbox.url}/ca/trust"))
        if not self.section:
            self._people_and_section(minutes)
            self.state.write_text(
                json.dumps({"people": self.people, "section": self.section}, ensure_ascii=False), "utf-8"
            )
        self._officer()

    def _centre(self, sandbox_url: str) -> str:
        if "centre" not in self.people:
            with httpx.Client(base_url=sandbox_url, timeout=30) as http:
                unit = Platform(http).register("仿真市公共资源交易中心", "周敏", PIN)
            self._note("centre", unit)
        return self.people["centre"]["uscc"]

    def _note(self, role: str, unit: Unit) -> None:
        self.people[role] = {"name": unit.name, "uscc": unit.uscc, "head": unit.head.name}

    def _people_and_section(self, minutes: float) -> None:
        """Three bidders, a tenderer, and one section that the tenderer has signed."""
        sandbox = self.parties.sandbox.url
        with httpx.Client(base_url=sandbox, timeout=60) as http:
            platform = Platform(http)
            for number, (name, head) in enumerate(zip(NAMES, HEADS, strict=True), 1):
                unit = platform.register(name, head, PIN)
                if number == 1:
                    unit = platform.authorise(unit, "王小明", PIN)
                self._note(f"bidder-{number}", unit)
            tenderer = platform.register("仿真市住房和城乡建设局", "吴海波", PIN)
            self._note("tenderer", tenderer)
            folder = self.out / "officer"
            passphrase = self.out / "officer.passphrase"
            passphrase.write_text(PASSPHRASE + "\n", "ascii")
            yizhao("officer", "keygen", folder, "--passphrase-file", passphrase)
            keys = canonical.decode((folder / "opening-keys.json").read_bytes(), OpeningKeys)
            centre = Unit(self.people["centre"]["name"], self.people["centre"]["uscc"], tenderer.head)
            params = make_section(tenderer, centre, keys, in_seconds(minutes * 60), section=SECTION, window=300)
            with bidder_ports(sandbox, self.out / "trust", system_random) as ports:
                party = ActingParty(ports.acting, now, system_random, "招标人", tenderer.actor(tenderer.head))
                signed = sign_params(params, party, platform, tenderer.head)
            with httpx.Client(base_url=self.parties.centre.url, timeout=60) as client:
                publish(client, signed)
        self.section = SECTION

    def _officer(self) -> None:
        """Start the officer's own desk: a fourth process, on nobody's server."""
        self.officer_port = OFFICER_PORT if _free((OFFICER_PORT, 1, 1))[0] == OFFICER_PORT else free_port()
        command = ["officer", "serve", str(self.out / "officer"), "--centre", self.parties.centre.url]
        command += ["--trust", str(self.out / "trust"), "--port", str(self.officer_port)]
        root = self.out / "parties"
        self.stack.enter_context(running("officer", command, root=root, port=self.officer_port, environment={}))

    def tell(self) -> None:
        """Say where everything is."""
        click.secho("三方已启动（仿真环境），按 Ctrl-C 结束：", bold=True)
        click.echo(f"  投标人工作台    {self.parties.workbench.url}/")
        click.echo(f"  交易中心        {self.parties.centre.url}/")
        click.echo(f"  核验            {self.parties.centre.url}/verify")
        click.echo(f"  执照钱包（手机）{self.parties.sandbox.url}/wallet/")
        click.echo(f"  开标人工作台    http://127.0.0.1:{self.officer_port}/   口令 {PASSPHRASE}")
        click.echo(f"  标段 {self.section}；所有人的执照密码 {PIN}")
        for person in self.people.values():
            click.echo(f"    {person['name']}（{person['uscc']}）法定代表人 {person['head']}")
        click.echo("    仿真滨海建设工程有限公司 另有经办人 王小明")
