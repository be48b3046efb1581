"""The quick reader of hex strings answers what the library's own answers, and stops where it stops."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfReadError
from pypdf import PdfWriter

from signing import registrations

registrations.quicken_reading()
QUICK: Callable[[BytesIO], Any] = generic.read_hex_string_from_stream
SLOW: Callable[[BytesIO], Any] = QUICK.slow  # type: ignore[attr-defined]


def read(how: Callable[[BytesIO], Any], data: bytes) -> tuple[object, int]:
    """Answer what was read, its type included, or the error's kind, and where the stream stands after a success."""
    stream = BytesIO(b"xy" + data)
    stream.seek(2)
    try:
        value = how(stream)
    except PdfReadError as error:
        return type(error), 0
    return (type(value), bytes(getattr(value, "original_bytes", b"") or value.encode("latin-1"))), stream.tell()


CASES = {
    "empty": b"<>",
    "even": b"<0aFF10> /Next",
    "odd": b"<0aF>",
    "with white space": b"<0a \r\n\t\f\0 F F>rest",
    "with a comment": b"<0a%no hex >\nff>",
    "no end": b"<0aff",
    "no hex": b"<0axf>",
    "another bracket": b"<0a<ff>",
    "longer than a piece": b"<" + b"5a" * 40_000 + b">x",
    "ends with a piece": b"<" + b"5" * ((16 << 10) - 1) + b">x",
    "begins the next piece": b"<" + b"5" * (16 << 10) + b">x",
    "wrong far away": b"<" + b"5a" * 40_000 + b"!>x",
    "a text": b"<FEFF4E2D6587>",
}


@pytest.mark.parametrize("data", CASES.values(), ids=CASES.keys())
def test_both_read_the_same(data: bytes) -> None:
    assert read(QUICK, data) == read(SLOW, data)


@given(st.lists(st.sampled_from([*b"0123456789abcdefABCDEF<>% \r\n\t\f\0xg"]), max_size=60))
def test_both_read_anything_the_same(body: list[int]) -> None:
    data = b"<" + bytes(body)
    assert read(QUICK, data) == read(SLOW, data)


def test_a_string_without_end_is_not_collected_for_ever() -> None:
    with pytest.raises(PdfReadError, match="hex string of more than"):
        QUICK(BytesIO(b"<" + b"0" * (33 << 20)))


def test_registering_again_changes_nothing() -> None:
    registrations.quicken_reading()
    assert generic.read_hex_string_from_stream is QUICK


def test_every_pdf_is_read_with_it() -> None:
    """In a process of its own: here it is registered already."""
    script = (
        "import sys; from pathlib import Path; from signing.pdf_reading import open_pdf\n"
        "with open_pdf(Path(sys.argv[1])): pass\n"
        "from pyhanko.pdf_utils import generic; print(hasattr(generic.read_hex_string_from_stream, 'slow'))"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one.pdf"
        path.write_bytes(one_page())
        done = subprocess.run([sys.executable, "-c", script, path], check=True, stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == "True"


def one_page() -> bytes:
    out = BytesIO()
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.write(out)
    return out.getvalue()
