"""Named checks and the verdict made of them, in the words of EN 319 102-1.

A verdict never is a bool: who wants a gate calls `require`, who wants a report reads the checks.
"""

from dataclasses import dataclass
from enum import StrEnum

from signing.errors import VerdictError


class Indication(StrEnum):
    """Main status (EN 319 102-1 §5.1.3), and two of our own for files with nothing to judge."""

    TOTAL_PASSED = "TOTAL-PASSED"
    TOTAL_FAILED = "TOTAL-FAILED"
    INDETERMINATE = "INDETERMINATE"
    NO_SIGNATURE = "NO-SIGNATURE"
    REFUSED = "REFUSED"


class SubIndication(StrEnum):
    """Why an indication is what it is (EN 319 102-1 table 5)."""

    FORMAT_FAILURE = "FORMAT_FAILURE"
    HASH_FAILURE = "HASH_FAILURE"
    SIG_CRYPTO_FAILURE = "SIG_CRYPTO_FAILURE"
    SIG_CONSTRAINTS_FAILURE = "SIG_CONSTRAINTS_FAILURE"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    NOT_YET_VALID = "NOT_YET_VALID"
    CHAIN_CONSTRAINTS_FAILURE = "CHAIN_CONSTRAINTS_FAILURE"
    CERTIFICATE_CHAIN_GENERAL_FAILURE = "CERTIFICATE_CHAIN_GENERAL_FAILURE"
    NO_CERTIFICATE_CHAIN_FOUND = "NO_CERTIFICATE_CHAIN_FOUND"
    NO_SIGNING_CERTIFICATE_FOUND = "NO_SIGNING_CERTIFICATE_FOUND"
    CRYPTO_CONSTRAINTS_FAILURE = "CRYPTO_CONSTRAINTS_FAILURE"
    CRYPTO_CONSTRAINTS_FAILURE_NO_POE = "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"
    REVOKED_NO_POE = "REVOKED_NO_POE"
    REVOKED_CA_NO_POE = "REVOKED_CA_NO_POE"
    OUT_OF_BOUNDS_NO_POE = "OUT_OF_BOUNDS_NO_POE"
    OUT_OF_BOUNDS_NOT_REVOKED = "OUT_OF_BOUNDS_NOT_REVOKED"
    TIMESTAMP_ORDER_FAILURE = "TIMESTAMP_ORDER_FAILURE"
    SIGNED_DATA_NOT_FOUND = "SIGNED_DATA_NOT_FOUND"
    POLICY_PROCESSING_ERROR = "POLICY_PROCESSING_ERROR"
    TRY_LATER = "TRY_LATER"
    NO_POE = "NO_POE"


class Result(StrEnum):
    """What one check found."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One question that was asked, and its answer.

    `code` is the stable reason code (validation.md 4.4 words: HASH, SIG, CHAIN_NONE, …); `why` is the
    particular of this case, in Chinese, empty when there is nothing to add.
    """

    name: str
    code: str
    result: Result
    why: str = ""
    sub: SubIndication | None = None


def check(name: str, ok: bool | None, *, code: str, sub: SubIndication | None = None, why: str = "") -> Check:
    """Make one check; `None` means that the question could not be answered."""
    result = Result.UNKNOWN if ok is None else Result.OK if ok else Result.FAILED
    return Check(name, code, result, why, None if ok else sub)


_RANK = {Result.OK: 0, Result.UNKNOWN: 1, Result.FAILED: 2}
_INDICATION = {
    Result.OK: Indication.TOTAL_PASSED,
    Result.UNKNOWN: Indication.INDETERMINATE,
    Result.FAILED: Indication.TOTAL_FAILED,
}


@dataclass(frozen=True, init=False)
class Verdict:
    """All checks of one judgement, in the order in which they were asked."""

    checks: tuple[Check, ...]
    warnings: tuple[str, ...]

    def __init__(self, *checks: Check, warnings: tuple[str, ...] = ()) -> None:
        """Take the checks; a verdict of no checks is a programming error."""
        if not checks:
            raise ValueError("a verdict needs at least one check")
        object.__setattr__(self, "checks", checks)
        object.__setattr__(self, "warnings", warnings)

    def __bool__(self) -> bool:
        """Refuse: a verdict has three answers, not two."""
        raise TypeError("a Verdict is not a bool: call require() or read indication")

    def __add__(self, other: "Verdict") -> "Verdict":
        """Join two judgements of one object."""
        return Verdict(*self.checks, *other.checks, warnings=self.warnings + other.warnings)

    @property
    def worst(self) -> Check:
        """The first of the worst checks."""
        return max(self.checks, key=lambda c: _RANK[c.result])

    @property
    def indication(self) -> Indication:
        """The worst result, as a main status."""
        return _INDICATION[self.worst.result]

    @property
    def sub_indication(self) -> SubIndication | None:
        """Why, or None when all passed."""
        return self.worst.sub

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed."""
        return [c.name for c in self.checks if c.result is Result.FAILED]

    @property
    def unknown(self) -> list[str]:
        """Names of the checks that could not be answered."""
        return [c.name for c in self.checks if c.result is Result.UNKNOWN]

    def require(self) -> None:
        """Raise VerdictError unless every check is ok."""
        if self.worst.result is not Result.OK:
            bad = (c for c in self.checks if c.result is not Result.OK)
            raise VerdictError("; ".join(f"{c.code}/{c.name}: {c.why or c.result}" for c in bad))
