"""`yizhao serve`, `sandbox`, `migrate`, `doctor`: running and looking after one party."""

import os
from pathlib import Path

import click


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="TOML 设置文件。")
def serve(config: Path | None) -> int:
    """运行一方：YIZHAO_ROLE 为 workbench、centre、verify 或 all。."""
    from bidding.settings import read_settings
    from bidding.wiring.parties import serve_parties

    serve_parties(read_settings(os.environ, config))
    return 0


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path, file_okay=False))
@click.option("--port", type=click.IntRange(1, 65535), default=8600, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
def sandbox(data: Path, port: int, host: str) -> int:
    """运行仿真环境：登记机关、执照钱包、签名服务、制章、证书与时间戳。."""
    import uvicorn

    from bidding.passphrase import own_passphrase
    from bidding.settings import KEEP_ALIVE_SECONDS
    from bidding.wiring.sandbox import build_sandbox

    passphrase = own_passphrase(data.with_name(f"{data.name}-keys"))
    app = build_sandbox(data, passphrase, f"http://{host}:{port}")
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    return 0


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def migrate(config: Path | None) -> int:
    """把数据库升级到当前版本。."""
    from bidding.settings import read_settings
    from bidding.wiring.parties import migrate_parties

    for role, url in migrate_parties(read_settings(os.environ, config)):
        click.echo(f"{role}: {url} 已是当前版本")
    return 0


@click.command()
@click.option("--config", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def doctor(config: Path | None) -> int:
    """检查设置、密码引擎、数据库、信任名单与外部服务，逐项说明。."""
    from bidding.settings import read_settings
    from bidding.wiring.parties import examine

    findings = examine(read_settings(os.environ, config))
    for name, ok, detail in findings:
        click.secho(f"{'✓' if ok else '✗'} {name}", fg=None if ok else "red", nl=False)
        click.echo(f"：{detail}")
    return 0 if all(ok for _, ok, _ in findings) else 1
