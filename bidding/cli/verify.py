"""`yizhao verify` and `yizhao receipt verify`: the offline verifier."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from bidding.cli.exits import CODES, USAGE, worst
from bidding.isolation import WorkerDiedError, patience
from bidding.isolation_pool import WorkerPool, cores
from bidding.verification_naming import content_name
from sealing.seal import SealKind
from signing.checks import Indication
from signing.digests import Sm3, read_chunks
from signing.errors import SigningError
from signing.path import TrustAnchors
from signing.trust import load_trust, make_trust

_COLOUR = {"TOTAL-PASSED": "green", "TOTAL-FAILED": "red", "INDETERMINATE": "yellow"}


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--trust", type=click.Path(path_type=Path, exists=True, file_okay=False), help="信任名单文件夹。")
@click.option("--at", "at", type=str, help="以哪一时刻判断，如 2026-11-21T08:00:00Z；默认现在。")
@click.option("--json", "as_json", is_flag=True, help="每个文件一行 JSON。")
@click.option("--report", type=click.Path(path_type=Path), help="把报告写到 .html 或 .json 文件。")
@click.option("--expect-uscc", default="", help="签章单位应为此统一社会信用代码。")
@click.option(
    "--require-seal",
    "require",
    multiple=True,
    type=click.Choice([str(kind) for kind in SealKind]),
    help="必须有此种印章。",
)
@click.option(
    "--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="PDF 密码所在文件。"
)
@click.option(
    "--content",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="签名或时间戳的原文；不给出时取同名而无 .p7s、.sig、.tst 等后缀的文件。",
)
def verify(
    files: tuple[Path, ...],
    trust: Path | None,
    at: str | None,
    as_json: bool,
    report: Path | None,
    expect_uscc: str,
    require: tuple[str, ...],
    password_file: Path | None,
    content: Path | None,
) -> int:
    """验证 PDF、OFD、投标文件包、回执、拒收凭证、印章、签名消息、时间戳与 ASiC 容器。

    退出码 0 全部通过，1 有不通过，2 无法确定，3 无签名，4 无法读取。.
    """
    question: dict[str, Any] = {
        "trust": str(trust) if trust else "",
        "at": _instant(at).isoformat(),
        "expect_uscc": expect_uscc,
        "require": list(require),
        "password": _read_password(password_file),
    }
    if content:
        if len(files) != 1:
            raise click.BadParameter("给出原文时只能验证一个签名文件。", param_hint="--content")
        question["content"] = {"file": str(content), "name": content.name, "given": True}
    if report:
        _require_writable(report, (*files, content) if content else files)
    answers = judge_all(list(files), question)
    for answer in answers:
        _tell(answer, as_json=as_json)
    if report:
        _write_report(report, answers)
    return worst([CODES[Indication(answer["indication"])] for answer in answers])


def judge_all(files: list[Path], question: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask warm, bounded children about the files, in order; a trust folder that cannot be read is an error of usage."""
    trust, pool = _load_trust(question["trust"]), WorkerPool(max(1, min(cores(), len(files))))
    try:
        return list(pool.map(lambda path: _judge(pool, path, question, trust), files))
    finally:
        pool.close()


def _load_trust(folder: str) -> TrustAnchors:
    if not folder:
        return make_trust("无信任名单", "0", sandbox=False, anchors=())
    try:
        return load_trust(Path(folder))
    except SigningError as error:
        raise click.BadParameter(f"信任名单无法读取（{error}）。", param_hint="--trust") from error


def _judge(worker: WorkerPool, path: Path, question: dict[str, Any], trust: TrustAnchors) -> dict[str, Any]:
    try:
        if not path.is_file():
            return _refused(path, "找不到这个文件，或它不是普通文件。", trust)
        request = {"task": "verify", "file": str(path), **_beside(path), **question}
        size = path.stat().st_size
        if "content" in request:
            size += Path(request["content"]["file"]).stat().st_size
        return worker.ask(request, seconds=patience(size))
    except WorkerDiedError:
        return _refused(path, "文件耗尽了允许的内存或时间，或使解析程序崩溃，未予验证。", trust)
    except OSError as error:
        return _refused(path, f"文件无法读取：{error.strerror}。", trust)


def _beside(path: Path) -> dict[str, Any]:
    """Answer the file beside a signature that it is about by its name; the judge says when it was used."""
    name = content_name(path.name)
    if not name or not path.with_name(name).is_file():
        return {}
    return {"content": {"file": str(path.with_name(name)), "name": name, "given": False}}


def _refused(path: Path, why: str, trust: TrustAnchors) -> dict[str, Any]:
    from bidding.verification import refused

    return refused(path.name, trust, why).as_json()


def _read_password(path: Path | None) -> str:
    try:
        return path.read_text("utf-8").strip() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter("密码文件无法读取。", param_hint="--password-file") from error


def _require_writable(report: Path, files: tuple[Path, ...]) -> None:
    """Refuse a report that cannot be written, or that would take the place of a file to be judged."""
    if report.suffix not in {".html", ".json"}:
        raise click.BadParameter("报告只能写成 .html 或 .json。", param_hint="--report")
    if report.is_dir() or not report.absolute().parent.is_dir():
        raise click.BadParameter("报告不能写到这里。", param_hint="--report")
    if report.exists() and any(path.exists() and path.samefile(report) for path in files):
        raise click.BadParameter("报告不能覆盖要验证的文件。", param_hint="--report")


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


def _tell(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:  # a file name need not be text: what cannot be encoded is escaped as JSON does
        click.echo(json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace"))
    else:
        _print(_printable(answer))


def _printable(value: Any) -> Any:
    """Escape what would steer the terminal: names come from files that anybody may have made."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in value)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def _print(answer: dict[str, Any]) -> None:
    click.secho(f"{answer['indication']:<14}", fg=_COLOUR.get(answer["indication"]), bold=True, nl=False)
    click.echo(f" {answer['file']}  {answer['reason']}")
    for signature in answer["signatures"]:
        seal, signer = signature.get("seal") or {}, signature.get("signer") or {}
        who = " ".join(x for x in (seal.get("name", ""), signer.get("name", ""), signer.get("uscc", "")) if x)
        click.echo(f"    {signature['indication']}  {signature['profile']}  {who}  {signature.get('signed_at') or ''}")
        for item in signature["checks"]:
            if item["result"] != "ok":
                click.echo(
                    f"      {'✗' if item['result'] == 'failed' else '?'} {item['code']} {item['text']} {item['why']}"
                )
        for change in signature.get("changes_after", []):
            where = f"第 {change['page']} 页" if change["page"] else "整份文件"
            click.echo(f"      {where}：{change['what']}（{'允许' if change['allowed'] else '不允许'}）")
        if covered := signature.get("covered"):
            click.echo(f"      覆盖：{'、'.join(covered)}")
    for warning in answer["warnings"]:
        click.echo(f"      ! {warning}")


def _write_report(path: Path, answers: list[dict[str, Any]]) -> None:
    from bidding.web.render import render_report

    plain = path.suffix == ".json"
    text = json.dumps(answers, ensure_ascii=False, indent=1) + "\n" if plain else render_report(answers)
    try:
        path.write_text(text, "utf-8", errors="backslashreplace")
    except OSError as error:
        raise click.BadParameter(f"报告写不下：{error.strerror}。", param_hint="--report") from error


@click.group()
def receipt() -> None:
    """回执。."""


@receipt.command("verify")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--trust", required=True, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--bundle",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="同时核对这个投标文件包就是回执所记的那个。",
)
@click.option("--json", "as_json", is_flag=True)
def receipt_verify(files: tuple[Path, ...], trust: Path, bundle: Path | None, as_json: bool) -> int:
    """验证回执或拒收凭证，不需要任何服务。."""
    at = _instant(None).isoformat()
    answers = judge_all(list(files), {"trust": str(trust), "at": at, "bundle_sm3": _digest(bundle) if bundle else ""})
    for answer in answers:
        if answer["format"] != "receipt" and answer["indication"] != "REFUSED":
            answer |= {"indication": "REFUSED", "reason": "这不是回执。"}
        _tell(answer, as_json=as_json)
    return worst([CODES[Indication(answer["indication"])] for answer in answers] or [USAGE])


def _digest(path: Path) -> str:
    state = Sm3()
    try:
        with path.open("rb") as stream:
            for chunk in read_chunks(stream):
                state.update(chunk)
    except OSError as error:
        raise click.BadParameter("投标文件包无法读取。", param_hint="--bundle") from error
    return state.hexdigest()
