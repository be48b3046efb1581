"""Two other judges of PDF signatures: pyHanko alone (strictly, then leniently), and Poppler's pdfsig.

pyHanko is loaded once; every file is then judged by a fork of that process with limits on time and memory.
"""

import asyncio
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SECONDS = 10
MEMORY = 1 << 30
WORDS = ("PASS", "PASS_WARN", "MODIFIED", "FAIL", "INDETERMINATE", "NOSIG", "REFUSE")
NOW = datetime(2026, 11, 22, tzinfo=UTC)


def limit() -> None:
    """Bound this process as one file may cost."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def worst(words: Iterable[str]) -> str:
    """Answer the worst of the words of one file's signatures."""
    found = set(words)
    return next((word for word in ("FAIL", "MODIFIED", "INDETERMINATE", "PASS_WARN", "PASS") if word in found), "NOSIG")


def ask_pdfsig(path: Path) -> str:
    """Ask Poppler, which looks at no later change."""
    program = shutil.which("pdfsig") or "pdfsig"
    command = [program, "-nocert", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=3 * SECONDS, preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return "DIED"
    said = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
    if done.returncode < 0:
        return "DIED"
    if "does not contain any signatures" in said:
        return "NOSIG"
    lines = [line for line in said.splitlines() if "Signature Validation:" in line]
    words = ["PASS" if "is Valid" in line else "INDETERMINATE" if "not yet" in line else "FAIL" for line in lines]
    return worst(words) if lines else "REFUSE"


def ask_pyhanko(path: Path) -> str:
    """Ask pyHanko strictly, then leniently; trust in the issuer apart. Raises what it raises."""
    from pyhanko.pdf_utils.misc import PdfError  # noqa: PLC0415 - only the child loads it
    from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415

    with path.open("rb") as stream:
        for strict in (True, False):
            try:
                return _judge_by_pyhanko(PdfFileReader(stream, strict=strict))
            except PdfError:
                continue
    return "REFUSE"


def _judge_by_pyhanko(reader: Any) -> str:
    from pyhanko.sign.diff_analysis import ModificationLevel  # noqa: PLC0415
    from pyhanko.sign.general import SigningError  # noqa: PLC0415
    from pyhanko.sign.validation import (  # noqa: PLC0415
        async_validate_pdf_signature,
        async_validate_pdf_timestamp,
        errors,
    )
    from pyhanko_certvalidator import ValidationContext  # noqa: PLC0415

    words = []
    for embedded in reader.embedded_signatures:
        context = ValidationContext(trust_roots=[], allow_fetching=False, moment=NOW)
        stamp = embedded.sig_object_type == "/DocTimeStamp"
        judge = async_validate_pdf_timestamp if stamp else async_validate_pdf_signature
        try:
            status = asyncio.run(judge(embedded, context))
        except (errors.SignatureValidationError, SigningError):
            words.append("FAIL")
            continue
        level = getattr(status, "modification_level", None)
        if not (status.intact and status.valid):
            words.append("FAIL")
        elif level == ModificationLevel.OTHER or getattr(status, "docmdp_ok", True) is False:
            words.append("MODIFIED")
        else:
            words.append("PASS" if level in {None, ModificationLevel.NONE} else "PASS_WARN")
    return worst(words)


def ask_all_pyhanko(paths: Iterable[Path]) -> list[str]:
    """Ask about many files: one process that has loaded the library, and a fork of it for each file."""
    command = [sys.executable, __file__]
    lines = "".join(f"{path}\n" for path in paths)
    done = subprocess.run(command, input=lines.encode(), capture_output=True, check=True)
    return done.stdout.decode("ascii").split()


def _serve() -> None:
    import pyhanko.sign.diff_analysis  # noqa: PLC0415
    import pyhanko.sign.validation  # noqa: F401, PLC0415

    for line in sys.stdin.read().splitlines():
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            _answer(Path(line), write)
        os.close(write)
        _, state = os.waitpid(child, 0)
        word = os.read(read, 20).decode("ascii") if state == 0 else ""
        os.close(read)
        sys.stdout.write(f"{word if word in WORDS else 'DIED'}\n")
        sys.stdout.flush()


def _answer(path: Path, write: int) -> None:
    limit()
    state = 1
    try:
        os.write(write, ask_pyhanko(path).encode("ascii"))
        state = 0
    finally:
        os._exit(state)


if __name__ == "__main__":
    _serve()
