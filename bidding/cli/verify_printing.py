"""How `yizhao verify` tells its answers: lines for people, JSON for programs, progress beside them."""

import json
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

import click

_COLOUR = {"TOTAL-PASSED": "green", "TOTAL-FAILED": "red", "INDETERMINATE": "yellow"}


def tell(answer: dict[str, Any], *, as_json: bool) -> None:
    """Print one answer."""
    if as_json:  # a file name need not be text: what cannot be encoded is escaped as JSON does
        click.echo(json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace"))
    else:
        _print(printable(answer))


def printable(value: Any) -> Any:
    """Escape what would steer the terminal: names come from files that anybody may have made."""
    if isinstance(value, str):
        return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in value)
    if isinstance(value, dict):
        return {key: printable(item) for key, item in value.items()}
    return [printable(item) for item in value] if isinstance(value, list) else value


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
        for since in signature.get("since") or ():
            click.echo(f"      其后（不影响本次签章）：{since['text']}")
        if covered := signature.get("covered"):
            click.echo(f"      覆盖：{'、'.join(covered)}")
    for warning in answer["warnings"]:
        click.echo(f"      ! {warning}")
    if replay := answer.get("replay"):
        click.echo(f"      重新核验：与保存证据时的结论{'相同' if replay['same'] else '不同'}")


@dataclass
class Progress:
    """A line on standard error for each file of a batch as it is done; silent for one file."""

    total: int
    done: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, answer: dict[str, Any]) -> None:
        """Say that another file is done."""
        if self.total <= 1:
            return
        with self._lock:
            self.done += 1
            name = printable(str(answer["file"]))
            line = f"[{self.done}/{self.total}] {answer['indication']} {name}\n"
            sys.stderr.write(line.encode("utf-8", "backslashreplace").decode("utf-8"))
            sys.stderr.flush()
