"""`yizhao seal`: one seal on PDF or OFD files from one's own machine, in as many places as are asked for."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from bidding.cli.licence import SANDBOX
from bidding.cli.seal_plans import read_plans

if TYPE_CHECKING:
    from bidding.wiring.bidder import BidderPorts
    from identity.actor import AnyActor
    from sealing.planning import Parity

__all__ = ("AUDIENCE", "read_plans", "seal")

AUDIENCE = "本机签章程序"
_KINDS = ("unit", "finance", "contract", "invoice", "legal-representative", "personal")
_PROFILES = ("ses", "gm-cms", "pades", "pades-ses")
_AT: Final = "页,横,纵：印章中心，毫米，自页面左上角起；-1 为末页；自其他角起如 1,右下,40,30。可多次。"
_SIDES = ("right", "left", "top", "bottom")
_PAIR: Final = 2


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--out-dir", type=click.Path(path_type=Path, file_okay=False), help="多个文件盖章后放入此文件夹。")
@click.option("--seal", "kind", required=True, type=click.Choice(_KINDS), help="用哪一枚章。")
@click.option("--at", "at", multiple=True, help=_AT)
@click.option("--keyword", "keywords", multiple=True, help="盖在这些文字上。可多次。")
@click.option("--occurrence", default="1", show_default=True, help="关键词的第几处，或 last、all。")
@click.option("--straddle", is_flag=True, help="骑缝章，盖在页边。")
@click.option("--side", type=click.Choice(_SIDES), default="right", show_default=True, help="骑缝章的边。")
@click.option("--double-sided", is_flag=True, help="双面打印的骑缝章：偶数页盖在纸的同一边。")
@click.option("--pages", default="", help="页码范围，如 1-3,5,8：用于 --at 横,纵、--keyword 与 --straddle。")
@click.option("--all-pages", is_flag=True, help="每一页都盖，同 --pages all。")
@click.option("--odd", "parity", flag_value="odd", help="只盖奇数页。")
@click.option("--even", "parity", flag_value="even", help="只盖偶数页。")
@click.option("--profile", type=click.Choice(_PROFILES), default="ses", show_default=True, help="格式；OFD 用 ses。")
@click.option("--close", is_flag=True, help="盖章后封闭文件，不能再盖（仅 OFD）。")
@click.option("--uscc", default="", help="单位的统一社会信用代码。")
@click.option("--authorisation", default="", help="经办人的授权编号；默认法定代表人本人。")
@click.option("--person", default="", help="自然人的人员编号，与 --seal personal 同用。")
@click.option(
    "--trust", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False), help="信任名单。"
)
@click.option("--trace", type=click.Path(path_type=Path, dir_okay=False), help="把这次用章记入此文件（用章记录）。")
@click.option("--sandbox", default=SANDBOX, show_default=True)
def seal(*, files: tuple[Path, ...], out_dir: Path | None, trust: Path, sandbox: str, **options: Any) -> int:
    """给一份或多份 PDF、OFD 盖一枚章，可盖多处。

    yizhao seal 输入 输出，或 yizhao seal --out-dir 文件夹 输入…。

    先预演，再在执照钱包一次确认列出的全部文件；原文件不变。
    """
    from bidding.cli.sealing import LocalSealing
    from bidding.wiring.bidder import bidder_ports
    from bidding.workbench.seal_standing import SealPorts
    from bidding.workbench.trace_local import LocalTrace
    from identity.actor import owner_of
    from sealing.seal import SealKind

    pairs = pair_up(files, out_dir)
    parity: Parity = options["parity"] or "all"
    pages = "all" if options["all_pages"] else options["pages"] or ("all" if options["parity"] else "")
    plans = read_plans(
        options["at"],
        options["keywords"],
        pages,
        straddle=options["straddle"],
        occurrence=options["occurrence"],
        parity=parity,
        side=options["side"],
        double_sided=options["double_sided"],
    )
    require_somebody(options["kind"], options["uscc"], options["person"])
    require_trace(options["trace"], pairs)
    with bidder_ports(sandbox, trust, os.urandom) as ports:  # noqa: TID251 - the edge, where randomness comes in
        asked = SealPorts(ports.acting, ports.seals, lambda: ports.trust, _now, os.urandom, AUDIENCE)  # noqa: TID251
        actor = _find(ports, options["uscc"], options["authorisation"], options["person"])
        kind, profile, close = SealKind(options["kind"]), options["profile"], options["close"]
        trace = LocalTrace(options["trace"], owner_of(actor)) if options["trace"] else None
        sealing = LocalSealing(asked, actor, kind, profile=profile, close=close, parity=parity, trace=trace)
        sealing.apply_all(pairs, plans, sleep=time.sleep)
    for _, target in pairs:
        click.echo(f"已盖章：{target}")
    return 0


def pair_up(files: Sequence[Path], out_dir: Path | None) -> list[tuple[Path, Path]]:
    """Answer input and output of each file; click.UsageError for what cannot be read or would be overwritten."""
    if out_dir is None:
        if len(files) != _PAIR:
            raise click.UsageError("应为 yizhao seal 输入 输出；多个文件请用 --out-dir 文件夹。")
        pairs = [(files[0], files[1])]
    else:
        pairs = [(source, out_dir / source.name) for source in files]
    if len({target.name for _, target in pairs}) != len(pairs):
        raise click.UsageError("有两个输入文件同名，放不进同一个文件夹。")
    for source, target in pairs:
        if not source.is_file():
            raise click.UsageError(f"没有这个文件：{source}")
        if not _can_be_shown(source.name):
            raise click.UsageError(f"文件名过长，或含有换行、方向、不可见字符，钱包无法如实显示：{source!r}。请改名。")
        if target.exists():
            raise click.UsageError(f"{target} 已存在，不覆盖。")
        if out_dir is None and not target.parent.is_dir():
            raise click.UsageError(f"没有这个文件夹：{target.parent}")
    return pairs


def _can_be_shown(name: str) -> bool:
    """Whether a consent can list a file under this name."""
    import msgspec

    from identity.texts import Text

    try:
        name.encode()
        msgspec.convert(name, Text)
    except (UnicodeEncodeError, msgspec.ValidationError):
        return False
    return True


def require_somebody(kind: str, uscc: str, person: str) -> None:
    """Demand a unit or a natural person, and a seal that is theirs; click.UsageError."""
    if bool(uscc) == bool(person):
        raise click.UsageError("请用 --uscc 指明单位，或用 --person 指明自然人。")
    if (kind == "personal") != bool(person):
        raise click.UsageError("个人签名章（personal）由自然人使用，请与 --person 同用；其他印章与 --uscc 同用。")


def require_trace(trace: Path | None, pairs: Sequence[tuple[Path, Path]]) -> None:
    """Demand a trace that has a folder, and is none of the files; click.UsageError."""
    if trace is None:
        return
    if not trace.absolute().parent.is_dir():
        raise click.UsageError(f"没有这个文件夹：{trace.parent}")
    if trace.resolve() in {path.resolve() for pair in pairs for path in pair}:
        raise click.UsageError(f"{trace} 是要盖章的文件，不能用作用章记录。")


def _find(ports: "BidderPorts", uscc: str, authorisation: str, person: str) -> "AnyActor":
    from bidding.workbench.acting import find_actor
    from identity.actor import PersonActor

    register = ports.acting.register
    if person:
        return PersonActor(person, register.fetch_person(person).name)
    return find_actor(register, uscc, authorisation=authorisation)


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the edge, where the clock is read
