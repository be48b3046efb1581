"""The tour in docs/signing.md is run as it stands."""

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "signing.md"


def test_every_example_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) > 6
    exec(compile("\n".join(examples), str(GUIDE), "exec"), {"__name__": "guide"})  # noqa: S102 - our own document
