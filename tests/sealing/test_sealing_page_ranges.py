"""Lists of pages: what people write, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealing.errors import PageRangeError
from sealing.page_ranges import format_pages, parse_pages


@pytest.mark.parametrize(
    ("text", "pages"),
    [
        pytest.param("1-3,5,8", [1, 2, 3, 5, 8], id="as in the issue"),
        pytest.param(" 1 - 3 , 5 ", [1, 2, 3, 5], id="blanks"),
        pytest.param("１－３，５、８", [1, 2, 3, 5, 8], id="full-width"),  # noqa: RUF001
        pytest.param("2～4", [2, 3, 4], id="a wave"),
        pytest.param("2至4；9", [2, 3, 4, 9], id="in words"),
        pytest.param("1—2", [1, 2], id="a long dash"),
        pytest.param("8-", [8, 9, 10], id="to the end"),
        pytest.param("9-last", [9, 10], id="to the last"),
        pytest.param("1,last", [1, 10], id="first and last"),
        pytest.param("末页", [10], id="last in Chinese"),
        pytest.param("3,1-3,2", [1, 2, 3], id="twice is once"),
        pytest.param("all", list(range(1, 11)), id="all"),
        pytest.param("每页", list(range(1, 11)), id="all in Chinese"),
    ],
)
def test_lists_of_pages(text: str, pages: list[int]) -> None:
    assert list(parse_pages(text, 10)) == pages


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "no page is named", id="nothing"),
        pytest.param("  ", "no page is named", id="blanks"),
        pytest.param("1,,2", "comma", id="two commas"),
        pytest.param("1,", "comma", id="a comma at the end"),
        pytest.param("0", "no page 0", id="page zero"),
        pytest.param("11", "no page 11 among 10", id="beyond the end"),
        pytest.param("5-12", "no page 12", id="a run beyond the end"),
        pytest.param("5-3", "backwards", id="backwards"),
        pytest.param("1-2-3", "not a page", id="two dashes"),
        pytest.param("-3", "not a page", id="no beginning"),
        pytest.param("two", "not a page", id="words"),
        pytest.param("1.5", "not a page", id="a fraction"),
        pytest.param("9999999999", "not a page", id="too many digits"),
        pytest.param("1," * 2_000, "characters", id="too long"),
    ],
)
def test_refused_lists(text: str, why: str) -> None:
    with pytest.raises(PageRangeError, match=why):
        parse_pages(text, 10)


@settings(deadline=None)
@given(st.sets(st.integers(1, 400), min_size=1))
def test_what_is_written_is_read(pages: set[int]) -> None:
    assert set(parse_pages(format_pages(pages), 400)) == pages


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(1, 50))
def test_any_text_is_pages_or_an_error(text: str, count: int) -> None:
    try:
        pages = parse_pages(text, count)
    except PageRangeError:
        return
    assert pages
    assert list(pages) == sorted(set(pages))
    assert set(pages) <= set(range(1, count + 1))
