"""USCC by the vectors (tests marked conformance), by hand, and by property."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.errors import InvalidCreditCodeError
from identity.uscc import UnifiedSocialCreditCode, generate_uscc, is_organisation_code, organisation_check

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
GOOD = "91350100M000100Y43"


@pytest.mark.conformance
def test_vectors() -> None:
    path = Path(__file__).parents[2].parent / "shared" / "vectors" / "ids" / "ids.json"
    vectors = json.loads(path.read_text("utf-8"))
    for text in vectors["uscc_valid_published"] + vectors["uscc_valid_synthetic"]:
        code = UnifiedSocialCreditCode(text)
        assert code == text
        assert is_organisation_code(code.organisation_code)
    assert [reason for text, reason in vectors["uscc_invalid"] if _accepted(text)] == []
    assert all(is_organisation_code(text) for text in vectors["org_code_valid"])
    assert not any(is_organisation_code(text) for text in vectors["org_code_invalid"])


def test_parts_of_a_published_code() -> None:
    code = UnifiedSocialCreditCode(GOOD)
    assert (code.region, code.organisation_code) == ("350100", "M000100Y4")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(GOOD[:-1], id="seventeen"),
        pytest.param(GOOD + "3", id="nineteen"),
        pytest.param(GOOD[:-1] + "4", id="wrong check"),
        pytest.param(GOOD.replace("M", "I"), id="letter I"),
        pytest.param(GOOD.lower(), id="lower case"),
        pytest.param("\uff19" + GOOD[1:], id="full-width digit"),
        pytest.param(GOOD + "\n", id="line end"),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidCreditCodeError):
        UnifiedSocialCreditCode(text)


@given(st.binary(min_size=8, max_size=8))
def test_generated_codes_pass_both_checks(noise: bytes) -> None:
    code = generate_uscc(lambda n: noise[:n])
    assert UnifiedSocialCreditCode(str(code)).organisation_code[:2] == "MA"
    assert organisation_check(code.organisation_code[:8]) == code.organisation_code[8]


@given(st.text(alphabet=ALPHABET, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(ALPHABET))
def test_every_single_changed_character_is_noticed(first: str, place: int, instead: str) -> None:
    code = next(first + c for c in ALPHABET if _accepted(first + c))
    changed = code[:place] + instead + code[place + 1 :]
    assert _accepted(changed) == (changed == code)


def _accepted(text: str) -> bool:
    try:
        UnifiedSocialCreditCode(text)
    except InvalidCreditCodeError:
        return False
    return True
