"""A child process for everything that parses or draws a PDF that others made (不可信输入的隔离).

One process for one task: it has no environment, an address space and CPU time bounded by the operating system, and
answers one JSON value. What a hostile file can do is to lose that process; the caller gets a DamagedDocumentError.
"""

import json
import os
import resource
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, Literal, TypeVar

import msgspec

from bidding.errors import DamagedDocumentError, DocumentError

Task = Literal["inspect", "join", "flatten", "render", "survey", "show", "prepare", "place", "overlay"]
_TASKS: Final[dict[str, tuple[str, str]]] = {
    "inspect": ("bidding.documents.inspecting", "inspect"),
    "join": ("bidding.documents.joining", "join"),
    "flatten": ("bidding.documents.rendering", "flatten"),
    "render": ("bidding.documents.rendering", "render"),
    "survey": ("bidding.signings.looking", "survey"),
    "show": ("bidding.signings.looking", "show"),
    "prepare": ("bidding.signings.looking", "prepare_fields"),
    "place": ("bidding.workbench.placing_child", "place"),
    "overlay": ("bidding.workbench.placing_child", "overlay"),
}
T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True)
class Limits:
    """What one task may use."""

    seconds: int = 60
    """CPU seconds; twice as long may pass on the clock."""
    memory: int = 2 << 30
    """Bytes of address space."""


def ask(task: Task, request: msgspec.Struct, answer: type[T], limits: Limits | None = None) -> T:
    """Run one task in a fresh child; DocumentError if the document is at fault or broke the limits."""
    bounds = limits or Limits()
    command = [sys.executable, "-I", "-X", "utf8", "-m", "bidding.documents.child"]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, and no outside word in the command
            [*command, task, str(bounds.seconds), str(bounds.memory)],
            input=msgspec.json.encode(request),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            timeout=2 * bounds.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DamagedDocumentError(f"{task}: not done after {2 * bounds.seconds} s") from error
    try:
        told = json.loads(done.stdout)
        if "error" in told:
            raise _error(told)
        return msgspec.convert(told["answer"], answer)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedDocumentError(f"{task}: the parser ended without an answer ({done.returncode})") from error


def _error(told: dict[str, str]) -> DocumentError:
    kinds = {kind.__name__: kind for kind in DocumentError.__subclasses__()}
    return kinds.get(told["error"], DamagedDocumentError)(told["message"])


def main(arguments: list[str]) -> None:
    """Be the child: bound itself, read the request, answer; nothing that libraries print reaches the answer."""
    task, seconds, memory = arguments[0], int(arguments[1]), int(arguments[2])
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    module, name = _TASKS[task]
    function = getattr(import_module(module), name)
    for what, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 256),
    ):
        with suppress(ValueError, OSError):  # not every system bounds everything
            resource.setrlimit(what, (limit, limit))
    answer.write(msgspec.json.encode(_run(function, sys.stdin.buffer.read())))
    answer.close()


def _run(function: Any, request: bytes) -> dict[str, Any]:
    try:
        return {"answer": function(request)}
    except DocumentError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except (Exception, MemoryError, RecursionError) as error:  # noqa: BLE001 - a parser may raise anything at a bad file
        return {"error": "DamagedDocumentError", "message": f"{type(error).__name__}: {error}"[:300]}


if __name__ == "__main__":
    main(sys.argv[1:])
