"""`yizhao officer`: opening keys on the officer's own machine, outside any service."""

import os
from pathlib import Path

import click

from bidding.cli.exits import USAGE


def _passphrase(file: Path | None) -> str:
    if file is not None:
        return file.read_text("utf-8").strip()
    return str(click.prompt("开标密钥口令", hide_input=True))


@click.group()
def officer() -> None:
    """开标人：开标密钥由您在自己的电脑上生成和保管，从不进入任何服务。."""


@officer.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--stages", type=click.IntRange(1, 4), default=1, show_default=True, help="开标阶段数（信封数）。")
@click.option("--passphrase-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def keygen(folder: Path, stages: int, passphrase_file: Path | None) -> int:
    """为一个标段生成开标密钥，打印交给招标人的公钥。每个标段用新文件夹。."""
    from bidding.officer import generate_opening_keys
    from bidding.officer_desk import fingerprint

    passphrase = _passphrase(passphrase_file)
    if len(passphrase) < 8:  # noqa: PLR2004 - a floor, said in the message
        click.echo("口令至少 8 个字符。", err=True)
        return USAGE
    keys = generate_opening_keys(folder, range(1, stages + 1), passphrase, os.urandom)  # noqa: TID251 - the edge
    for key in keys.keys:
        click.echo(f"第 {key.stage} 阶段开标公钥 {key.public_key.hex()}")
        click.echo(f"  核对指纹 {fingerprint(key.public_key)}")
    click.echo(f"公钥文件：{folder / 'opening-keys.json'}（交给招标人）。请备份整个文件夹并记住口令：丢失则无法开标。")
    return 0


@officer.command("open")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--centre", required=True, help="交易中心地址。")
@click.option("--section", required=True, help="标段编号。")
@click.option("--stage", type=click.IntRange(1, 4), default=1, show_default=True)
@click.option(
    "--trust", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False), help="信任名单。"
)
@click.option("--passphrase-file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def open_command(folder: Path, centre: str, section: str, stage: int, trust: Path, passphrase_file: Path | None) -> int:
    """核验冻结的解密集合，只为其中的投标交出开标密钥的一半。."""
    from bidding.wiring.parties import build_officer_desk

    desk = build_officer_desk(folder, centre=centre, trust=trust)
    answer = desk.open(section, stage, _passphrase(passphrase_file))
    click.echo(f"已为 {len(answer.halves)} 份投标交出第 {stage} 阶段的半密钥；不能解开 {len(answer.faults)} 份。")
    return 0


@officer.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--centre", required=True)
@click.option("--trust", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--port", type=click.IntRange(1, 65535), default=8690, show_default=True)
def serve(folder: Path, centre: str, trust: Path, port: int) -> int:
    """在本机打开开标人页面（只监听 127.0.0.1）：看得见要为什么开标，再交出密钥。."""
    import uvicorn

    from bidding.settings import KEEP_ALIVE_SECONDS
    from bidding.wiring.parties import build_officer_app

    app = build_officer_app(folder, centre=centre, trust=trust)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_keep_alive=KEEP_ALIVE_SECONDS)
    return 0
