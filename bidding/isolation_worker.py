"""The child of `bidding.isolation`: one JSON request a line, one JSON answer a line, bounded by the system."""

import json
import resource
import sys
from pathlib import Path
from typing import Any

from bidding.isolation import OUT_OF_MEMORY
from bidding.isolation_bounds import allow_seconds, bound, close_network
from signing.errors import SigningError
from signing.path import TrustAnchors
from signing.trust import load_trust, make_trust, merge_trust

MEMORY = 640 << 20
"""Bytes of address space: a file may cost 512 MiB (validation.md 5), and the libraries take some eighty."""
CPU_SECONDS = 8
"""Of the ten that one file may cost (validation.md 5); the rest is for starting up."""
CPU_BYTES_PER_SECOND = 20_000_000
"""What a large file may take more: it is read and digested a few times."""
FILE_BYTES = 1 << 20
"""Nothing is written by a verifier; the limit only leaves room for the libraries' own small files."""


def _trust(folders: str | list[str]) -> TrustAnchors:
    """Read the lists anew for each request: a service refreshes the revocation lists in a folder while we live."""
    listed = [folders] if isinstance(folders, str) else folders
    if not any(listed):
        return make_trust("无信任名单", "0", sandbox=False, anchors=())
    return merge_trust(*(_load(Path(folder)) for folder in listed if folder))


def _load(folder: Path) -> TrustAnchors:
    try:
        return load_trust(folder)
    except SigningError:
        return load_trust(folder)  # a list may have been replaced while it was read


def _size(file: str) -> int:
    try:
        return Path(file).stat().st_size
    except OSError:
        return 0  # whoever opens it says why it cannot be read


def _verify(request: dict[str, Any]) -> dict[str, Any]:
    from bidding.verification import judge_file
    from bidding.verification_asking import read_question

    if request.get("evidence"):
        from bidding.evidence import load_evidence

        question = load_evidence(Path(request["evidence"])).question(request)
    else:
        question = read_question(request, _trust(request["trust"]))
    return judge_file(Path(request["file"]), question).as_json()


def _places(request: dict[str, Any]) -> dict[str, Any]:
    from bidding.verification_places import find_places

    return {"places": find_places(Path(request["file"]), request.get("password", ""))}


TASKS = {"verify": _verify, "places": _places}


def main() -> None:
    """Answer until standard input ends."""
    bound(resource.RLIMIT_AS, MEMORY)
    bound(resource.RLIMIT_FSIZE, FILE_BYTES)
    bound(resource.RLIMIT_CORE, 0)
    close_network()
    out = sys.stdout
    sys.stdout = sys.stderr  # a chatty library must not break the line protocol
    for line in sys.stdin:
        request = json.loads(line)
        content = request.get("content")
        size = _size(request["file"]) + (_size(content["file"]) if content else 0)
        allow_seconds(CPU_SECONDS + size // CPU_BYTES_PER_SECOND)
        try:
            answer = TASKS[request["task"]](request)
            told = json.dumps(answer)
        except MemoryError:
            sys.exit(OUT_OF_MEMORY)
        out.write(told + "\n")
        out.flush()


if __name__ == "__main__":
    main()
