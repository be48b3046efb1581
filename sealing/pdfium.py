"""One thread at a time in pdfium: the library keeps state for the whole process and crashes when two threads call it.

Whoever uses it here holds `LOCK`, from opening a document until everything made of it is gone.
"""

from threading import RLock
from typing import Final

LOCK: Final = RLock()
"""A lock, not state: nothing is remembered in it. It may be taken again by the thread that has it."""
