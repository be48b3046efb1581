"""The passphrase of a party's key folder: a file of its own, readable by its owner only."""

import base64
import os
import stat
from pathlib import Path

from signing.errors import KeystoreError

FILE = "passphrase"


def own_passphrase(folder: Path, file: str = "") -> str:
    """Read the passphrase file, or make one in the key folder at the first start.

    Raises KeystoreError when the named file is missing or readable by others.
    """
    path = Path(file) if file else folder / FILE
    if not path.exists():
        if file:
            raise KeystoreError(f"no passphrase file {path.name}")
        _make(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise KeystoreError(f"{path.name} can be read by others; its mode must be 0600")
    return path.read_text("ascii").strip()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    text = base64.b32encode(os.urandom(25)).decode()  # noqa: TID251 - made once, at the edge
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
