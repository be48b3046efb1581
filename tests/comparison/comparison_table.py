"""Score the answers and lay them out: docs/verification.md holds the table between two marks."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import comparison_path  # noqa: F401 - first, so that the makers are found
from comparison_set import GROUPS, Sample

DOCUMENT = Path(__file__).parents[2] / "docs" / "verification.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
JUDGES = ("ours", "pyhanko", "pdfsig")
TITLES = {"ours": "一照", "pyhanko": "pyHanko", "pdfsig": "pdfsig"}
ACCEPTED = frozenset({"PASS", "PASS_WARN"})

Answers = Mapping[str, Mapping[str, str]]
"""By the sample's key, the word of each judge that was asked."""


def outcome(word: str, words: Sequence[str]) -> str:
    """Answer right, false-accept, false-reject or unclean: what matters is whether a file is accepted."""
    may, must = ACCEPTED & set(words), ACCEPTED.issuperset(words)
    if word == "DIED":
        return "unclean"
    if word in ACCEPTED and not may:
        return "false-accept"
    if word not in ACCEPTED and must:
        return "false-reject"
    return "right"


def render(samples: Sequence[Sample], answers: Answers) -> str:
    """Render the counts and, by group, a line for each file."""
    parts = [BEGIN, "", "### 计数", "", *_counts(samples, answers)]
    for group, title in GROUPS.items():
        chosen = [sample for sample in samples if sample.group == group]
        parts += ["", f"### {title}（{len(chosen)} 个）", "", *_rows(chosen, answers)]
    return "\n".join([*parts, "", END])


def _counts(samples: Sequence[Sample], answers: Answers) -> list[str]:
    lines = ["| 工具 | 文件 | 受与拒正确 | 误受 | 误拒 | 非正常结束 | 逐词相符 |", "|---|---|---|---|---|---|---|"]
    for judge in JUDGES:
        asked = [(answers[one.key][judge], one.words) for one in samples if judge in answers[one.key]]
        found = [outcome(*pair) for pair in asked]
        counts = [found.count(kind) for kind in ("right", "false-accept", "false-reject", "unclean")]
        exact = sum(word in words for word, words in asked)
        cells = [TITLES[judge], len(asked), *counts, exact]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def _rows(samples: Sequence[Sample], answers: Answers) -> list[str]:
    lines = [f"| 文件 | 应答 | {' | '.join(TITLES[judge] for judge in JUDGES)} |", "|---|---|---|---|---|"]
    for sample in samples:
        said = answers[sample.key]
        cells = [_cell(said[judge], sample.words) if judge in said else "" for judge in JUDGES]
        lines.append(f"| {sample.name} | {' / '.join(sample.words)} | {' | '.join(cells)} |")
    return lines


def _cell(word: str, words: Sequence[str]) -> str:
    marks = {"right": "", "false-accept": " ⚠误受", "false-reject": " ✗误拒", "unclean": " ☠"}
    return word + marks[outcome(word, words)]


def read_column(text: str, column: int) -> dict[str, str]:
    """Read back one judge's column: the cell by group and name."""
    found, group = dict[str, str](), ""
    names = {title: key for key, title in GROUPS.items()}
    for line in text.splitlines():
        if heading := re.fullmatch(r"### (.*)（\d+ 个）", line):
            group = names[heading[1]]
        elif group and line.startswith("| ") and not line.startswith("| 文件 "):
            cells = [cell.strip() for cell in line.strip("| ").split(" |")]
            found[f"{group}/{cells[0]}"] = cells[column] if column < len(cells) else ""
    return found


def replace_table(text: str, table: str) -> str:
    """Put a new table in the place of the old one."""
    before, _, rest = text.partition(BEGIN)
    return before + table + rest.partition(END)[2]
