"""Puts the sandbox of the workbench's tests and the papers of sealing's within reach; imported before them."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path += [str(_TESTS / "workbench"), str(_TESTS / "sealing")]
