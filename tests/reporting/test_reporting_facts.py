"""An answer is read as it was published, with whatever was added to it; what is none is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reporting_world import answer, details, signature

from bidding.errors import ReportAnswerError
from bidding.reporting.composing import compose
from bidding.reporting.details import answer_bytes, recheck_reference
from bidding.reporting.facts import read_answer
from signing.digests import sm3


def test_added_fields_and_nulls_are_no_fault() -> None:
    given = answer(signature(new={"deep": [1]}, sub_indication=None, page=None), later="x", warnings=None)
    read = read_answer(given)
    assert (read.file, read.signatures[0].id, read.signatures[0].sub_indication, read.warnings) == (
        "标书.pdf", "Sig1", "", (),
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({}, id="nothing"),
        pytest.param(answer(indication="VALID"), id="an indication that there is not"),
        pytest.param(answer(signatures="Sig1"), id="signatures that are no list"),
        pytest.param(answer(signature(checks=[1])), id="a check that is a number"),
        pytest.param(answer(signature(changes_after=[{"page": "one"}])), id="a page that is no number"),
        pytest.param(answer(*[signature()] * 401), id="more signatures than a report holds"),
        pytest.param(answer(signature(changes_after=[{"boxes": [[1, 2, 3]]}])), id="a box of three edges"),
    ],
)
def test_what_is_no_answer_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ReportAnswerError):
        read_answer(wrong)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(sorted(answer(signature()))), inner),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(answer(signature()) | signature())), JSON, max_size=8))
def test_any_json_is_an_answer_or_refused(changes: dict[str, Any]) -> None:
    given = answer(signature()) | changes
    try:
        sheet = compose(given, details())
    except ReportAnswerError:
        return
    assert sheet.headline


def test_the_reference_names_report_file_and_answer() -> None:
    kept = answer_bytes(answer())
    text = recheck_reference(details(), "02" * 32, kept)
    assert text == f"https://verify.test/r/1#R=HY-2026-0001&F={'02' * 32}&J={sm3(kept).hex()}"
    plain = recheck_reference(details(check_url=""), "02" * 32, kept)
    assert plain.split("\n") == ["R:HY-2026-0001", f"F:{'02' * 32}", f"J:{sm3(kept).hex()}"]


def test_the_same_answer_has_the_same_bytes_whatever_its_order() -> None:
    given = answer(signature())
    assert answer_bytes(given) == answer_bytes(dict(reversed(given.items())))


def test_a_file_name_that_is_no_text_has_bytes() -> None:
    assert b"\\udcff" in answer_bytes(answer(file="a\udcff.pdf"))
