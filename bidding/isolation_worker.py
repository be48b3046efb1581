"""The child of `bidding.isolation`: one JSON request a line, one JSON answer a line, bounded by the system."""

import json
import resource
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from signing.errors import SigningError
from signing.path import TrustAnchors
from signing.trust import load_trust, make_trust

MEMORY = 640 << 20
"""Bytes of address space: a file may cost 512 MiB (validation.md 5), and the libraries take some eighty."""
CPU_SECONDS = 8
"""Of the ten that one file may cost (validation.md 5); the rest is for starting up."""
CPU_BYTES_PER_SECOND = 20_000_000
"""What a large file may take more: it is read and digested a few times."""
FILE_BYTES = 1 << 20
"""Nothing is written by a verifier; the limit only leaves room for the libraries' own small files."""


def _trust(folder: str) -> TrustAnchors:
    """Read the list anew for each request: a service refreshes the revocation lists in the folder while we live."""
    if not folder:
        return make_trust("无信任名单", "0", sandbox=False, anchors=())
    try:
        return load_trust(Path(folder))
    except SigningError:
        return load_trust(Path(folder))  # a list may have been replaced while it was read


def _allow(seconds: int) -> None:
    """Give this request its own share of processor time on top of what was used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, resource.RLIM_INFINITY))


def _size(file: str) -> int:
    try:
        return Path(file).stat().st_size
    except OSError:
        return 0  # whoever opens it says why it cannot be read


def _verify(request: dict[str, Any]) -> dict[str, Any]:
    from bidding.verification import ContentFile, Question, judge_file

    path, content = Path(request["file"]), request.get("content")
    question = Question(
        trust=_trust(request["trust"]),
        at=datetime.fromisoformat(request["at"]),
        expect_uscc=request.get("expect_uscc", ""),
        require_seals=tuple(request.get("require", ())),
        password=request.get("password", ""),
        bundle_sm3=request.get("bundle_sm3", ""),
        content=ContentFile(Path(content["file"]), content["name"], content["given"]) if content else None,
    )
    return judge_file(path, question).as_json()


TASKS = {"verify": _verify}


def main() -> None:
    """Answer until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    out = sys.stdout
    sys.stdout = sys.stderr  # a chatty library must not break the line protocol
    for line in sys.stdin:
        request = json.loads(line)
        content = request.get("content")
        size = _size(request["file"]) + (_size(content["file"]) if content else 0)
        _allow(CPU_SECONDS + size // CPU_BYTES_PER_SECOND)
        answer = TASKS[request["task"]](request)
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
