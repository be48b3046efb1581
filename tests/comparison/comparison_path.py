"""Lets this folder use the makers of files that other tests keep."""

import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
for folder in ("sealing", "comparison"):
    place = str(TESTS / folder)
    if place not in sys.path:
        sys.path.append(place)
