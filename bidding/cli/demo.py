"""`yizhao demo`: a whole tender on the sandbox, printed step by step."""

from pathlib import Path

import click

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples" / "tender"
"""Real documents, when they lie beside the project; otherwise the demo makes its own."""


@click.command()
@click.option("--bidders", type=click.IntRange(1, 9), default=3, show_default=True, help="投标人数。")
@click.option("--deadline", type=click.IntRange(20, 3600), default=90, show_default=True, help="多少秒后截止。")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out"), show_default=True)
@click.option("--serve", is_flag=True, help="不演示，只启动三方并保持运行，供浏览器使用。")
@click.option(
    "--samples", type=click.Path(path_type=Path, file_okay=False), default=SAMPLES, help="真实 PDF 所在文件夹。"
)
def demo(bidders: int, deadline: int, out: Path, serve: bool, samples: Path) -> int:
    """一张执照走完整个投标：三家投标人、一个标段，从发照到开标记录。."""
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    if serve:
        from bidding.demo.serving import serve_demo

        return serve_demo(out)
    from bidding.demo.play import Play

    play = Play(out, bidders, deadline, samples)
    try:
        play.run()
    except BaseException:
        play.reporter.write(out / "summary.json", verdict="failed")
        click.secho(f"演示未通过，详见 {out / 'summary.json'}", fg="red", err=True)
        raise
    play.reporter.write(out / "summary.json", verdict="passed", bidders=bidders)
    seconds = play.reporter.elapsed()
    click.secho(
        f"全部检查通过，共 {len(play.reporter.steps)} 步，用时 {seconds:.1f} 秒。成果在 {out}", fg="green", bold=True
    )
    return 0
