"""Whether a token that has just been answered may be taken (时间戳验收): all of it is judged before anybody uses it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from signing.certificates import Certificate
from signing.checks import Result
from signing.errors import MalformedError, TimestampError, UnsupportedAlgorithmError
from signing.path import RevocationEvidence, TrustAnchors
from signing.timestamps import parse_token, verify_token

TOLERANCE: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class TokenAcceptance:
    """Trust and limits for fresh tokens. `trust` answers the anchors and the revocation evidence as they are now.

    genTime must lie within `tolerance` of our clock, before and after, widened by the token's own accuracy: an
    authority whose clock is off is as bad as none. `policies` are the policy OIDs taken, any when empty. With
    `revocation_may_be_unknown`, a missing revocation list alone does not stop the work. `certificates` are authorities'
    own, for tokens without. Take `strict` where tokens will be judged strictly later on.
    """

    trust: Callable[[], tuple[TrustAnchors, RevocationEvidence]]
    tolerance: timedelta = TOLERANCE
    policies: frozenset[str] = frozenset()
    strict: bool = False
    revocation_may_be_unknown: bool = False
    certificates: tuple[Certificate, ...] = ()

    def require(self, token_der: bytes, imprint: bytes, *, asked: datetime, answered: datetime) -> None:
        """Raise TimestampError unless the token passes; `asked` and `answered` are our clock's aware UTC instants."""
        anchors, evidence = self.trust()
        verdict = verify_token(
            token_der,
            imprint=imprint,
            anchors=anchors,
            evidence=evidence,
            strict=self.strict,
            policies=self.policies,
            certificates=self.certificates,
        )
        spared = {"timestamp-revocation"} if self.revocation_may_be_unknown else set[str]()
        bad = [one for one in verdict.checks if one.result is not Result.OK]
        bad = [one for one in bad if one.result is Result.FAILED or one.name not in spared or one.code != "REV_UNKNOWN"]
        if bad:
            reasons = "; ".join(f"{one.code}/{one.name}: {one.why or one.result}" for one in bad)
            raise TimestampError(f"the token does not hold: {reasons}")
        self._require_near(token_der, asked, answered)

    def _require_near(self, token_der: bytes, asked: datetime, answered: datetime) -> None:
        try:
            token = parse_token(token_der)
        except (MalformedError, UnsupportedAlgorithmError) as error:
            raise TimestampError(f"an answer that is no timestamp: {error}") from error
        slack = self.tolerance + min(token.accuracy or timedelta(), self.tolerance)
        if not asked - slack <= token.gen_time <= answered + slack:
            off = (token.gen_time - answered).total_seconds()
            raise TimestampError(f"the token's time is {off:+.3f} s off our clock")
