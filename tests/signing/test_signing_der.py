"""BER of indefinite length is read within limits: how deep, and how many pieces."""

import pytest

from signing import der
from signing.errors import LimitError, MalformedError


def _indefinite(body: bytes, levels: int) -> bytes:
    return b"\x30\x80" * levels + body + b"\0\0" * levels


def test_pieces_within_the_limits_are_read() -> None:
    element = der.read(_indefinite(der.integer(7) * 100, 16), limit=1 << 20)
    for _ in range(15):
        (element,) = element.children()
    assert [child.integer() for child in element.children()] == [7] * 100


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(_indefinite(b"", 18), MalformedError, id="too deep"),
        pytest.param(_indefinite(b"\x05\0" * (1 << 16), 1), LimitError, id="too many pieces"),
        pytest.param(
            _indefinite(_indefinite(b"\x05\0" * (1 << 14), 1) * 3, 2), LimitError, id="too many in all levels"
        ),
        pytest.param(b"\x30\x80" * (1 << 15), MalformedError, id="never closed"),
        pytest.param(b"\x04\x80\0\0", MalformedError, id="primitive"),
    ],
)
def test_what_only_costs_time_is_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        der.read(data, limit=16 << 20)
