"""Several people seal in one process: what is not made for threads is used by one at a time."""

import subprocess
import sys

SCRIPT = """
from concurrent.futures import ThreadPoolExecutor
from sealing import artwork, drawing

def draw(number):
    return artwork.png(drawing.unit_seal(f"仿真第{'一二三四五六七八九十'[number % 10]}建设有限公司", "3502000000017"))

with ThreadPoolExecutor(6) as pool:
    pictures = list(pool.map(draw, range(48)))
assert [len(one) for one in pictures[:10]] == [len(one) for one in pictures[10:20]]
assert pictures[0] == pictures[10] == pictures[20]
"""


def test_seals_are_drawn_by_many_threads() -> None:
    """In a process of its own: pdfium, called by two threads, ends the process that it runs in."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
