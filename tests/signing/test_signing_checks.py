"""A verdict shows its work and refuses to be a bool."""

import pytest

from signing.checks import Check, Indication, Result, SubIndication, Verdict, check
from signing.errors import VerdictError

OK = check("digest", ok=True, code="HASH", sub=SubIndication.HASH_FAILURE)
BAD = check("digest", ok=False, code="HASH", sub=SubIndication.HASH_FAILURE)
UNKNOWN = check("revocation", ok=None, code="REV_UNKNOWN", sub=SubIndication.TRY_LATER)


@pytest.mark.parametrize(
    ("checks", "indication", "sub", "failed"),
    [
        pytest.param([OK], Indication.TOTAL_PASSED, None, [], id="all ok"),
        pytest.param([OK, UNKNOWN], Indication.INDETERMINATE, SubIndication.TRY_LATER, [], id="one unanswered"),
        pytest.param([UNKNOWN, BAD], Indication.TOTAL_FAILED, SubIndication.HASH_FAILURE, ["digest"], id="failed wins"),
    ],
)
def test_the_worst_check_decides(
    checks: list[Check], indication: Indication, sub: SubIndication | None, failed: list[str]
) -> None:
    verdict = Verdict(*checks)
    assert (verdict.indication, verdict.sub_indication, verdict.failed) == (indication, sub, failed)


def test_a_verdict_is_not_a_bool() -> None:
    with pytest.raises(TypeError):
        bool(Verdict(OK))


def test_a_gate_passes_only_when_everything_is_ok() -> None:
    Verdict(OK).require()
    for bad in (BAD, UNKNOWN):
        with pytest.raises(VerdictError, match=bad.code):
            Verdict(OK, bad).require()


def test_an_ok_check_carries_no_sub_indication() -> None:
    assert OK.result is Result.OK
    assert OK.sub is None
