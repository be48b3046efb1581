"""`yizhao seal`: one seal on one PDF from one's own machine, in as many places as are asked for."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bidding.cli.licence import SANDBOX

if TYPE_CHECKING:
    from sealing.planning import SealPlan

AUDIENCE = "本机签章程序"
_KINDS = ("unit", "finance", "contract", "invoice", "legal-representative")
_AT = "应为 页,横,纵，如 1,150,220（毫米，印章中心，自左上角起；-1 为末页）；与 --pages 或 --all-pages 同用时为 横,纵。"


def read_plans(at: tuple[str, ...], keywords: tuple[str, ...], pages: str, *, straddle: bool) -> "tuple[SealPlan, ...]":
    """Turn what stands on the command line into plans; click.BadParameter says what is wrong with it.

    `pages` is a range such as 1-3,5,8 for points without a page and for the 骑缝章, empty for none.
    """
    from sealing.planning import Keyword, Pages, Point, Straddle

    plans: list[SealPlan] = []
    for text in at:
        numbers = _numbers(text)
        if len(numbers) == 3 and numbers[0] == int(numbers[0]):  # noqa: PLR2004 - page, across, down
            plans.append(Point(int(numbers[0]), numbers[1], numbers[2]))
        elif len(numbers) == 2 and pages:  # noqa: PLR2004 - across, down
            plans.append(Pages(numbers[0], numbers[1], pages=pages))
        else:
            raise click.BadParameter(_AT, param_hint="--at")
    plans += [Keyword(text, pages=pages or "all") for text in keywords]
    if straddle:
        plans.append(Straddle(pages=pages or "all"))
    if not plans:
        raise click.UsageError("请说明盖在何处：--at、--keyword 或 --straddle。")
    return tuple(plans)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.BadParameter(_AT, param_hint="--at") from error


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--seal", "kind", required=True, type=click.Choice(_KINDS), help="用哪一枚章。")
@click.option("--at", "at", multiple=True, help="页,横,纵：印章中心，毫米，自页面左上角起；-1 为末页。可多次。")
@click.option("--keyword", "keywords", multiple=True, help="盖在这些文字上（第一次出现处）。可多次。")
@click.option("--straddle", is_flag=True, help="骑缝章，盖在右侧页边。")
@click.option("--pages", default="", help="页码范围，如 1-3,5,8：用于 --at 横,纵、--keyword 与 --straddle。")
@click.option("--all-pages", is_flag=True, help="每一页都盖，同 --pages all。")
@click.option("--profile", type=click.Choice(["ses"]), default="ses", show_default=True, help="签章格式。")
@click.option("--uscc", required=True)
@click.option("--authorisation", default="", help="经办人的授权编号；默认法定代表人本人。")
@click.option(
    "--trust", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False), help="信任名单。"
)
@click.option("--sandbox", default=SANDBOX, show_default=True)
def seal(
    *,
    source: Path,
    target: Path,
    kind: str,
    at: tuple[str, ...],
    keywords: tuple[str, ...],
    straddle: bool,
    pages: str,
    all_pages: bool,
    profile: str,
    uscc: str,
    authorisation: str,
    trust: Path,
    sandbox: str,
) -> int:
    """给一份 PDF 盖一枚章，可盖多处：预演并在执照钱包确认后生成 TARGET，原文件不变。."""
    from bidding.cli.sealing import LocalSealing
    from bidding.wiring.bidder import bidder_ports
    from bidding.workbench.acting import find_actor
    from bidding.workbench.seal_standing import SealPorts
    from sealing.seal import SealKind

    del profile  # the key service signs no other under a consent to seal
    if target.exists():
        raise click.BadParameter(f"{target} 已存在，不覆盖。")
    plans = read_plans(at, keywords, "all" if all_pages else pages, straddle=straddle)
    with bidder_ports(sandbox, trust, os.urandom) as ports:  # noqa: TID251 - the edge, where randomness comes in
        actor = find_actor(ports.acting.register, uscc, authorisation=authorisation)
        asked = SealPorts(ports.acting, ports.seals, lambda: ports.trust, _now, os.urandom, AUDIENCE)  # noqa: TID251
        LocalSealing(asked, actor, SealKind(kind)).apply(source, target, plans, sleep=time.sleep)
    click.echo(f"已盖章：{target}")
    return 0


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the edge, where the clock is read
