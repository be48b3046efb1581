"""`yizhao licence`: a licence of the sandbox."""

from datetime import timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click
import httpx

if TYPE_CHECKING:
    from sealing.seal import IssuedSeal
    from sealing.seal_life import History

_BEIJING = timezone(timedelta(hours=8))
SANDBOX = "http://127.0.0.1:8600"


@click.group()
def licence() -> None:
    """电子营业执照（仿真）。."""


@licence.command()
@click.argument("name")
@click.option("--legal-representative", "head", required=True, help="法定代表人姓名。")
@click.option("--pin-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="执照密码所在文件。")
@click.option("--sandbox", default=SANDBOX, show_default=True)
def issue(name: str, head: str, pin_file: Path | None, sandbox: str) -> int:
    """在仿真登记机关设立单位：执照、双证书、法定代表人证书、一套五枚印章。."""
    from identity.adapters.http import Platform
    from identity.wire import RegistrationAnswer, RegistrationRequest

    pin = pin_file.read_text("utf-8").strip() if pin_file else click.prompt("执照密码", hide_input=True)
    with httpx.Client(timeout=60) as http:
        request = RegistrationRequest(name, head, pin)
        made = Platform(http, sandbox.rstrip("/")).post("/registrar/companies", request, RegistrationAnswer)
    click.echo(f"统一社会信用代码 {made.uscc}，法定代表人编号 {made.person}")
    for seal in made.seals:
        click.echo(f"  印章 {seal.number}  {seal.name}")
    return 0


@licence.command()
@click.argument("uscc")
@click.option("--sandbox", default=SANDBOX, show_default=True)
def show(uscc: str, sandbox: str) -> int:
    """查看照面信息、登记状态，以及每枚印章的状态历史。."""
    from identity.adapters.http import Platform
    from identity.adapters.registry_http import HttpRegister
    from identity.licence import parse_licence
    from sealing.adapters.maker_http import HttpSealRegistry

    with httpx.Client(timeout=30) as http:
        answer = HttpRegister(Platform(http, sandbox.rstrip("/"))).fetch_licence(uscc)
        registry = HttpSealRegistry(http, sandbox)
        seals = [(seal, registry.fetch_history(seal.number)) for seal in registry.fetch_seals(uscc)]
    for title, text in parse_licence(answer.licence).texts().items():
        click.echo(f"{title}：{text}")
    click.echo(f"登记状态（刚刚查询）：{answer.state.label}")
    for seal, history in seals:
        _show_seal(seal, history)
    return 0


def _show_seal(seal: "IssuedSeal", history: "History") -> None:
    from sealing.seal_life import state_word

    click.echo(f"印章 {seal.number}  {seal.name}：{state_word(seal.state)}")
    for entry in history:
        by = f"，{entry.actor}" if entry.actor else ""
        since = f"{entry.since.astimezone(_BEIJING):%Y-%m-%d %H:%M:%S}"
        click.echo(f"  {since}（北京时间）起 {state_word(entry.state)}：{entry.reason}{by}")
