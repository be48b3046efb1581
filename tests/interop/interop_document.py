"""docs/interop.md, written from the cells: run this file to write it anew, and the test compares."""

from collections.abc import Sequence
from pathlib import Path

from interop_cells import COLUMNS, Cell

DOCUMENT = Path(__file__).parents[2] / "docs" / "interop.md"
_INTRODUCTION = """# 互操作矩阵

每一格都在测试里真实运行（`tests/interop`，`make conformance`），本页由同一份清单生成，并在测试中逐字比较。

- **出**：我们制作，由对方验证或解开。**入**：对方制作，由我们验证或解开。“Yizhao”一列是我们自己制作、自己验证。
- ✓ 表示通过；✗ 表示对方（或我们）必然拒绝，原因见表后；空白表示对方没有这项功能。
- 对方是 Debian 的 OpenSSL 3.0 命令行、Debian 的 BouncyCastle 1.72（`tests/interop/java/Peer.java`）、\
pyHanko 0.38（国密部分经我们的挂钩）、npm sm-crypto 0.5.8、rfc3161-client 1.0.9。
- SM2 一律使用标识 `1234567812345678`，签名为 DER，签名算法 1.2.156.10197.1.501（另有注明的除外）。
"""


def render(cells: Sequence[Cell]) -> str:
    """Render the matrix as Markdown."""
    rows = list(dict.fromkeys(cell.row for cell in cells))
    reasons = list(dict.fromkeys(cell.refusal for cell in cells if cell.refusal))
    lines = [f"| 对象 | {' | '.join(COLUMNS)} |", f"|---|{'---|' * len(COLUMNS)}"]
    for row in rows:
        entries = [_entry([c for c in cells if (c.row, c.column) == (row, column)], reasons) for column in COLUMNS]
        lines.append(f"| {row} | {' | '.join(entries)} |")
    notes = [f"{number}. {reason}。" for number, reason in enumerate(reasons, 1)]
    counts = f"共 {len(rows)} 种对象、{len(cells)} 项检验，其中 {sum(bool(c.refusal) for c in cells)} 项是已知的拒绝。"
    return "\n".join([_INTRODUCTION, *lines, "", counts, "", "## 已知的拒绝", "", *notes, ""])


def _entry(cells: Sequence[Cell], reasons: Sequence[str]) -> str:
    words = {"ours": "出", "theirs": "入"}
    own = ""
    if cells and cells[0].column == "Yizhao":
        own = f"✗[{reasons.index(cells[0].refusal) + 1}]" if cells[0].refusal else "✓"
    marks = [
        f"{words[c.direction]} {f'✗[{reasons.index(c.refusal) + 1}]' if c.refusal else '✓'}" for c in cells if not own
    ]
    return own or " ".join(marks)


if __name__ == "__main__":
    from test_interop_matrix import CELLS

    DOCUMENT.write_text(render(CELLS), encoding="utf-8")
