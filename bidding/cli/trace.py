"""`yizhao trace verify`: the offline verifier of exported traces of seal uses (用章记录)."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bidding.cli.exits import CODES
from bidding.errors import MalformedTraceError, TraceTooLargeError
from bidding.workbench.trace_format import MAX_TRACE, SealTrace, parse_trace
from bidding.workbench.trace_judging import judge_trace, verify_extension
from bidding.workbench.trace_local import parse_lines
from bidding.workbench.trace_local_judging import judge_growth, judge_lines
from bidding.workbench.trace_texts import text_of
from signing.checks import Check, Indication, Result, Verdict
from signing.digests import sha256, sm3
from signing.errors import SigningError
from signing.path import TrustAnchors
from signing.trust import load_trust

_COLOUR = {Indication.TOTAL_PASSED: "green", Indication.TOTAL_FAILED: "red", Indication.INDETERMINATE: "yellow"}
_SAYS = {
    Indication.TOTAL_PASSED: "用章记录完整，签名、时间戳和每次用章的本人确认都有效。",
    Indication.TOTAL_FAILED: "用章记录没有通过核验：它被改动、截断，或其中的签名无效。",
    Indication.INDETERMINATE: "用章记录没有发现改动，但有的问题不能确定。",
    Indication.REFUSED: "这不是用章记录的导出文件，或已损坏。",
}
_LINE = b'{"chain":'
"""How a file of one's own machine begins (docs/format/trace.md 8)."""
_MARKS = {Result.FAILED: "✗", Result.UNKNOWN: "?"}


@click.group()
def trace() -> None:
    """用章记录。."""


@trace.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--previous", type=click.Path(path_type=Path), help="先前的导出：核对它的记录原样在 FILE 之中。")
@click.option("--trust", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--at", "at", type=str, help="以哪一时刻判断，如 2026-11-21T08:00:00Z；默认现在。时间戳有效时以它为准。")
@click.option("--json", "as_json", is_flag=True, help="一行 JSON。")
def verify(file: Path, previous: Path | None, trust: Path, at: str | None, as_json: bool) -> int:
    """核验用章记录的导出文件，或 yizhao seal --trace 的本机记录，不需要任何服务。

    退出码 0 通过，1 不通过，2 无法确定，4 无法读取。.
    """
    anchors, instant = _load_trust(trust), _instant(at)
    answer = _judge(file, previous, anchors, instant)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace"))
    else:
        _print(_printable(answer))
    return CODES[Indication(answer["indication"])]


def _judge(path: Path, previous: Path | None, anchors: TrustAnchors, at: datetime) -> dict[str, Any]:
    evidence = anchors.evidence
    fields: dict[str, Any] = {"file": path.name, "format": "trace", "trust": _name_trust(anchors)}
    try:
        data = _read(path)
        fields |= {"sha256": sha256(data).hex(), "sm3": sm3(data).hex()}
        if data.startswith(_LINE):
            return {**fields, **_judge_lines(data, previous, anchors, at)}
        found = parse_trace(data)
        verdict = judge_trace(found, anchors=anchors, evidence=evidence, at=at)
        if previous is not None:
            old = _read(previous)
            before = judge_trace(parse_trace(old), anchors=anchors, evidence=evidence, at=at)
            verdict = verdict + _as_previous(before) + verify_extension(old, data)
    except (MalformedTraceError, TraceTooLargeError) as error:
        return _refuse(fields, str(error))
    except OSError as error:
        return _refuse(fields, f"文件无法读取：{error.strerror}")
    return {**fields, **_describe(found), **_tell(verdict)}


def _judge_lines(data: bytes, previous: Path | None, anchors: TrustAnchors, at: datetime) -> dict[str, Any]:
    """Judge a file of one's own machine. MalformedTraceError, TraceTooLargeError, OSError."""
    lines = parse_lines(data)
    now = at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
    verdict = judge_lines(lines, anchors=anchors, evidence=anchors.evidence, at=now)
    if previous is not None:
        verdict += judge_growth(parse_lines(_read(previous)), lines)
    said = {"uscc": lines[0].owner, "first": 1, "last": len(lines), "total": len(lines), "chain": lines[-1].chain}
    return {**said, "local": True, **_tell(verdict)}


def _refuse(fields: dict[str, Any], why: str) -> dict[str, Any]:
    refused = Indication.REFUSED
    return {**fields, "indication": refused.value, "reason": _SAYS[refused], "checks": [], "warnings": [why]}


def _as_previous(verdict: Verdict) -> Verdict:
    """Mark the checks of the older export, which must be as good as the newer one."""
    return Verdict(*(Check(f"previous-{c.name}", c.code, c.result, c.why, c.sub) for c in verdict.checks))


def _describe(found: SealTrace) -> dict[str, Any]:
    said = found.statement
    return {
        "uscc": said.uscc,
        "workbench": said.workbench,
        "first": said.first,
        "last": said.last,
        "total": said.total,
        "chain": said.chain,
        "exported_at": said.at.isoformat().replace("+00:00", "Z"),
        "sandbox": said.sandbox,
    }


def _tell(verdict: Verdict) -> dict[str, Any]:
    checks = [
        {"name": c.name, "code": c.code, "result": c.result.value, "text": _text(c.name), "why": c.why}
        for c in verdict.checks
    ]
    sub = verdict.sub_indication
    return {
        "indication": verdict.indication.value,
        "sub_indication": sub.value if sub else "",
        "reason": _SAYS[verdict.indication],
        "checks": checks,
        "warnings": list(verdict.warnings),
    }


def _text(name: str) -> str:
    plain = name.removeprefix("previous-")
    return f"先前的导出：{text_of(plain)}" if plain != name else text_of(name)


def _print(answer: dict[str, Any]) -> None:
    indication = Indication(answer["indication"])
    click.secho(f"{indication.value:<14}", fg=_COLOUR.get(indication), bold=True, nl=False)
    click.echo(f" {answer['file']}  {answer['reason']}")
    if "uscc" in answer:
        click.echo(f"    单位 {answer['uscc']}，第 {answer['first']} 至 {answer['last']} 条，共 {answer['total']} 条")
        made = f"{answer['workbench']} 于 {answer['exported_at']} 导出" if "workbench" in answer else "本机记录"
        click.echo(f"    {made}，链值 {answer['chain']}")
    for one in answer["checks"]:
        if one["result"] != Result.OK.value:
            click.echo(f"      {_MARKS[Result(one['result'])]} {one['code']} {one['text']} {one['why']}")
    for warning in answer["warnings"]:
        click.echo(f"      ! {warning}")
    if answer.get("sandbox"):
        click.echo("      ! 仿真环境")


def _printable(value: Any) -> Any:
    """Escape what would steer the terminal: the file may be anybody's."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in value)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def _name_trust(anchors: TrustAnchors) -> dict[str, Any]:
    return {"name": anchors.name, "version": anchors.version, "sandbox": anchors.sandbox}


def _load_trust(folder: Path) -> TrustAnchors:
    try:
        return load_trust(folder)
    except SigningError as error:
        raise click.BadParameter(f"信任名单无法读取（{error}）。", param_hint="--trust") from error


def _read(path: Path) -> bytes:
    """Read at most what an export may have, and one byte more, by which it is known as too long. OSError."""
    with path.open("rb") as stream:
        return stream.read(MAX_TRACE + 1)


def _instant(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)  # noqa: TID251 - the edge of the program, where the clock is read
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("不是 ISO 8601 时间。", param_hint="--at") from error
    if instant.tzinfo is None:
        raise click.BadParameter("时间要带时区，如 2026-11-21T08:00:00Z。", param_hint="--at")
    return instant
