"""`yizhao licence` and `yizhao seal`: a licence of the sandbox, and one seal on one PDF from one's own machine."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import click
import httpx

SANDBOX = "http://127.0.0.1:8600"
AUDIENCE = "本机签章程序"
_KINDS = ("unit", "finance", "contract", "invoice", "legal-representative")


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
    """查看照面信息与登记状态。."""
    from identity.adapters.http import Platform
    from identity.adapters.registry_http import HttpRegister
    from identity.licence import parse_licence

    with httpx.Client(timeout=30) as http:
        answer = HttpRegister(Platform(http, sandbox.rstrip("/"))).fetch_licence(uscc)
    for title, text in parse_licence(answer.licence).texts().items():
        click.echo(f"{title}：{text}")
    click.echo(f"登记状态（刚刚查询）：{answer.state.label}")
    return 0


def _place(text: str) -> tuple[int, float, float]:
    try:
        page, x, y = text.split(",")
        return int(page), float(x), float(y)
    except ValueError as error:
        raise click.BadParameter(
            "应为 页,横,纵，如 1,150,220（毫米，印章中心，自左上角起；-1 为末页）。", param_hint="--at"
        ) from error


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--seal", "kind", required=True, type=click.Choice(_KINDS), help="用哪一枚章。")
@click.option("--at", "at", required=True, help="页,横,纵：印章中心，毫米，自页面左上角起；-1 为末页。")
@click.option("--uscc", required=True)
@click.option("--authorisation", default="", help="经办人的授权编号；默认法定代表人本人。")
@click.option(
    "--trust", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False), help="信任名单。"
)
@click.option("--sandbox", default=SANDBOX, show_default=True)
def seal(
    source: Path, target: Path, kind: str, at: str, uscc: str, authorisation: str, trust: Path, sandbox: str
) -> int:
    """给一份 PDF 盖一枚章：在执照钱包确认后生成 TARGET，原文件不变。."""
    from bidding.cli.sealing import LocalSealing
    from bidding.wiring.bidder import bidder_ports
    from bidding.workbench.acting import find_actor
    from bidding.workbench.seal_standing import SealPorts
    from sealing.seal import SealKind

    if target.exists():
        raise click.BadParameter(f"{target} 已存在，不覆盖。")
    page, x, y = _place(at)
    with bidder_ports(sandbox, trust, os.urandom) as ports:  # noqa: TID251 - the edge, where randomness comes in
        actor = find_actor(ports.acting.register, uscc, authorisation=authorisation)
        asked = SealPorts(ports.acting, ports.seals, lambda: ports.trust, _now, os.urandom, AUDIENCE)  # noqa: TID251
        LocalSealing(asked, actor, SealKind(kind)).run(source, target, page=page, x_mm=x, y_mm=y, sleep=time.sleep)
    click.echo(f"已盖章：{target}")
    return 0


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the edge, where the clock is read
