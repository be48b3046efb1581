"""Which file a detached signature or a timestamp is about, by the names that are usual."""

from pathlib import PurePath
from typing import Final

SUFFIXES: Final = (".p7s", ".p7m", ".p7", ".sig", ".tst", ".tsr")
"""What is put behind the name of the signed file."""


def content_name(name: str) -> str:
    """Answer the name of the file that is signed, "" when this is not the name of a signature."""
    path = PurePath(name)
    return path.stem if path.suffix.lower() in SUFFIXES and path.stem else ""
