"""The demo's attacker must be able to find what it says is not there: a test of the test."""

import base64
from pathlib import Path

import pytest

from bidding.demo.attack import SHORTEST, find_words, spellings

NAME, CODE = "仿真滨海建设工程有限公司", "91370200MA2KW4QXX5"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(NAME.encode(), id="UTF-8"),
        pytest.param(NAME.encode("gb18030"), id="GB 18030"),
        pytest.param(NAME.encode("utf-16-le"), id="UTF-16"),
        pytest.param(NAME.encode().hex().encode(), id="hex"),
        pytest.param(base64.b64encode(b'{"name":"' + NAME.encode() + b'"}'), id="base64 of JSON"),
        pytest.param(base64.b64encode(b"x" + NAME.encode() + b"yz"), id="base64 at another phase"),
        pytest.param(base64.b64encode(b"xy" + NAME.encode() + b"z"), id="base64 at the third phase"),
    ],
)
def test_a_name_is_found_in_every_form(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "centre.sqlite").write_bytes(b"\0" * 100 + content + b"\xff" * 100)
    assert find_words(tmp_path, (NAME, CODE)) == (1, (NAME,))


def test_a_code_in_a_file_name_is_found(tmp_path: Path) -> None:
    (tmp_path / f"{CODE}.bin").write_bytes(b"")
    assert find_words(tmp_path, (NAME, CODE)) == (1, (CODE,))


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "centre.sqlite").write_bytes(bytes(range(256)) * 100)
    assert find_words(tmp_path, (NAME, CODE)) == (1, ())


def test_no_form_is_so_short_that_chance_makes_it() -> None:
    assert min(len(form) for form in spellings("赵一")) >= SHORTEST
