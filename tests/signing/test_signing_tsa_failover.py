"""Two timestamp authorities: the second takes over, and when none is good there is no time at all."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from litestar import Litestar
from signing_pki import CA, EVIDENCE, NOON, TRUST, TSA, Holder, make_root, trust
from timestamp_pki import serve

from signing import sm2
from signing.adapters.tsa_failover import FailoverTimestampAuthority, NamedAuthority
from signing.adapters.tsa_http import HttpTimestampAuthority
from signing.certificates import TIME_STAMPING
from signing.digests import sm3
from signing.errors import MalformedError, NoTimestampError, SigningError, TimestampError, UnavailableError
from signing.path import RevocationEvidence
from signing.ports import TimestampAuthority
from signing.sandbox import tsa
from signing.sandbox.tsa import POLICY, Fault, TimestampService
from signing.schemes import Sm2Key
from signing.timestamp_acceptance import TokenAcceptance
from signing.timestamps import Stamp, make_token, parse_token

IMPRINT = sm3(b"tender")
SECOND = timedelta(seconds=1)
TRUSTED = TokenAcceptance(lambda: (TRUST, EVIDENCE), policies=frozenset({POLICY}))


@dataclass
class Clock:
    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Scripted:
    """An authority that answers or raises what it is told, and counts how often it is asked."""

    outcome: bytes | Exception
    asked: int = 0

    def stamp(self, imprint_sm3: bytes) -> bytes:
        self.asked += 1
        assert imprint_sm3 == IMPRINT
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def _token(
    *, at: datetime = NOON, policy: str = POLICY, imprint: bytes = IMPRINT, by: Holder = TSA, **options: int
) -> bytes:
    return make_token(Stamp(imprint, 1, at, policy, **options), by.certificate, by.sign)


GOOD = _token()


def _failover(
    *authorities: TimestampAuthority,
    clock: Callable[[], datetime] = lambda: NOON,
    acceptance: TokenAcceptance | None = TRUSTED,
) -> FailoverTimestampAuthority:
    named = tuple(NamedAuthority(f"TSA {number}", one) for number, one in enumerate(authorities, 1))
    return FailoverTimestampAuthority(named, clock, acceptance)


def _no_z(message: bytes) -> bytes:
    return sm2.sign_digest(TSA.key, sm3(message))


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        pytest.param(UnavailableError("no answer: ConnectError"), "ConnectError", id="unreachable"),
        pytest.param(TimestampError("the authority refused"), "refused", id="refusal"),
        pytest.param(MalformedError("bytes"), "bytes", id="malformed"),
        pytest.param(_token(imprint=sm3(b"other")), "timestamp-imprint", id="another imprint"),
        pytest.param(_token(policy="1.2.3"), "timestamp-policy", id="another policy"),
        pytest.param(_token(at=NOON - timedelta(minutes=5)), "off our clock", id="a slow clock"),
        pytest.param(_token(at=NOON + timedelta(minutes=5)), "off our clock", id="a fast clock"),
        pytest.param(b"<html>", "timestamp-format", id="no token"),
        pytest.param(make_token(Stamp(IMPRINT, 1, NOON, POLICY), TSA.certificate, _no_z), "未含 Z 值", id="without Z"),
        pytest.param(
            make_token(Stamp(IMPRINT, 1, NOON, POLICY), TSA.certificate, TSA.sign, embed=False),
            "NO_CERT",
            id="no certificate",
        ),
        pytest.param(
            _token(by=make_root("陌生").issue("别的", purposes=(TIME_STAMPING,), critical=True)),
            "CHAIN_NONE",
            id="a stranger",
        ),
        pytest.param(_token(by=CA.issue("别的", serial=5)), "CHAIN_BAD", id="no timestamp certificate"),
    ],
)
def test_the_second_takes_over(outcome: bytes | Exception, words: str) -> None:
    first, second = Scripted(outcome), Scripted(GOOD)
    assert _failover(first, second).stamp(IMPRINT) == GOOD
    assert (first.asked, second.asked) == (1, 1)
    with pytest.raises(NoTimestampError, match=r"TSA 1.*TSA 2") as caught:
        _failover(Scripted(outcome), Scripted(UnavailableError("no answer: ReadTimeout"))).stamp(IMPRINT)
    assert [name for name, _ in caught.value.causes] == ["TSA 1", "TSA 2"]
    assert all(isinstance(error, SigningError) for _, error in caught.value.causes)
    assert words in str(caught.value)
    assert "ReadTimeout" in str(caught.value)
    assert isinstance(caught.value, UnavailableError)


def test_the_first_is_enough() -> None:
    first, second = Scripted(GOOD), Scripted(GOOD)
    assert _failover(first, second).stamp(IMPRINT) == GOOD
    assert second.asked == 0


def test_without_trust_the_answer_is_taken_as_the_client_gives_it() -> None:
    assert _failover(Scripted(b"anything"), acceptance=None).stamp(IMPRINT) == b"anything"


def test_a_dead_authority_rests() -> None:
    clock, first, second = Clock(), Scripted(UnavailableError("dead")), Scripted(GOOD)
    both = _failover(first, second, clock=clock)
    for _ in range(3):
        both.stamp(IMPRINT)
    assert (first.asked, second.asked) == (1, 3)
    clock.at += 31 * SECOND
    both.stamp(IMPRINT)
    assert first.asked == 2
    clock.at += 31 * SECOND
    first.outcome = _token(at=clock.at)
    both.stamp(IMPRINT)
    both.stamp(IMPRINT)
    assert (first.asked, second.asked) == (4, 4)


def test_while_all_rest_nobody_is_asked() -> None:
    clock, dead = Clock(), (Scripted(UnavailableError("dead")), Scripted(UnavailableError("dead too")))
    both = _failover(*dead, clock=clock)
    for words in ("dead too", "not asked again before 12:00:30"):
        with pytest.raises(NoTimestampError, match=words):
            both.stamp(IMPRINT)
    assert [one.asked for one in dead] == [1, 1]


def test_a_refusal_is_no_death() -> None:
    first = Scripted(TimestampError("refused"))
    both = _failover(first, Scripted(GOOD))
    both.stamp(IMPRINT)
    both.stamp(IMPRINT)
    assert first.asked == 2


def test_a_clock_set_back_prolongs_no_rest() -> None:
    clock, first = Clock(), Scripted(UnavailableError("dead"))
    both = _failover(first, Scripted(GOOD), clock=clock, acceptance=None)
    both.stamp(IMPRINT)
    clock.at -= timedelta(days=1)
    both.stamp(IMPRINT)
    assert first.asked == 2


def test_only_one_caller_tries_a_rested_authority() -> None:
    @dataclass
    class Hanging(Scripted):
        entered: threading.Event = field(default_factory=threading.Event)
        release: threading.Event = field(default_factory=threading.Event)

        def stamp(self, imprint_sm3: bytes) -> bytes:
            if self.asked:
                self.entered.set()
                assert self.release.wait(5)
            return super().stamp(imprint_sm3)

    clock, first = Clock(), Hanging(UnavailableError("dead"))
    both = _failover(first, Scripted(GOOD), clock=clock, acceptance=None)
    both.stamp(IMPRINT)
    clock.at += 31 * SECOND
    trying = threading.Thread(target=both.stamp, args=(IMPRINT,))
    trying.start()
    assert first.entered.wait(5)
    assert both.stamp(IMPRINT) == GOOD
    first.release.set()
    trying.join()
    assert first.asked == 2


@pytest.mark.parametrize(
    ("shift", "good"),
    [
        (timedelta(0), True),
        (60 * SECOND, True),
        (61 * SECOND, True),
        (62 * SECOND, False),
        (-61 * SECOND, True),
        (-62 * SECOND, False),
    ],
    ids=str,
)
def test_our_clock_and_theirs(shift: timedelta, good: bool) -> None:
    """A minute of tolerance, and the second of accuracy that the token itself claims."""
    one = _failover(Scripted(_token(at=NOON + shift)))
    if good:
        one.stamp(IMPRINT)
    else:
        with pytest.raises(NoTimestampError, match=r"[+-]62\.000 s off"):
            one.stamp(IMPRINT)


def test_a_claimed_inaccuracy_does_not_widen_the_window_at_will() -> None:
    with pytest.raises(NoTimestampError, match="off our clock"):
        _failover(Scripted(_token(at=NOON - timedelta(hours=1), accuracy_ms=10**9))).stamp(IMPRINT)


def test_a_missing_list_may_be_excused_and_a_revocation_may_not() -> None:
    nothing = replace(TRUSTED, trust=lambda: (TRUST, RevocationEvidence()))
    with pytest.raises(NoTimestampError, match="REV_UNKNOWN"):
        _failover(Scripted(GOOD), acceptance=nothing).stamp(IMPRINT)
    lenient = replace(nothing, revocation_may_be_unknown=True)
    assert _failover(Scripted(GOOD), acceptance=lenient).stamp(IMPRINT) == GOOD
    stranger = replace(lenient, trust=lambda: (trust(make_root("别的").certificate), RevocationEvidence()))
    with pytest.raises(NoTimestampError, match="CHAIN_NONE"):
        _failover(Scripted(GOOD), acceptance=stranger).stamp(IMPRINT)


def test_a_known_authority_need_not_send_its_certificate() -> None:
    bare = make_token(Stamp(IMPRINT, 1, NOON, POLICY), TSA.certificate, TSA.sign, embed=False)
    known = replace(TRUSTED, certificates=(TSA.certificate,), strict=True)
    assert _failover(Scripted(bare), acceptance=known).stamp(IMPRINT) == bare


def test_trust_that_cannot_be_had_is_no_trust() -> None:
    def fail() -> tuple[object, object]:
        raise UnavailableError("no trust list")

    with pytest.raises(NoTimestampError, match="no trust list"):
        _failover(Scripted(GOOD), acceptance=replace(TRUSTED, trust=fail)).stamp(IMPRINT)


@pytest.mark.parametrize("names", [(), ("a", "a"), tuple("abcdefghi")], ids=["none", "twice", "too many"])
def test_names_are_needed(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="names"):
        FailoverTimestampAuthority(tuple(NamedAuthority(name, Scripted(GOOD)) for name in names), lambda: NOON)


# Over real HTTP


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(Fault(delay=0.6), "ReadTimeout", id="too slow"),
        pytest.param(Fault(refusal=14), "timeNotAvailable", id="refusal"),
        pytest.param(Fault(wrong_nonce=True), "nonce", id="another nonce"),
        pytest.param(Fault(shift=timedelta(hours=-1)), "off our clock", id="a stale clock"),
        pytest.param(Fault(broken=True), "no timestamp", id="no DER"),
    ],
)
def test_over_http(fault: Fault, words: str) -> None:
    at = datetime.now(UTC)
    holder = CA.issue(
        "时间戳",
        serial=88,
        purposes=(TIME_STAMPING,),
        critical=True,
        not_before=NOON - timedelta(days=30),
        not_after=at + timedelta(days=30),
    )
    crls = CA.crl(this_update=at - timedelta(days=1), next_update=at + timedelta(days=1))
    accepted = replace(
        TRUSTED, trust=lambda: (TRUST, EVIDENCE + RevocationEvidence.of(crls)), revocation_may_be_unknown=True
    )
    service = TimestampService(holder.certificate, Sm2Key(holder.key), lambda: datetime.now(UTC), os.urandom)
    bad, good = (
        Litestar([tsa.create_router(one)], openapi_config=None)
        for one in (replace(service, faults=lambda: fault), service)
    )
    with serve(bad) as first, serve(good) as second, httpx.Client(timeout=0.3) as client:
        clients = [HttpTimestampAuthority(client, f"{url}/tsa", os.urandom) for url in (first, second)]
        token = _failover(*clients, clock=lambda: datetime.now(UTC), acceptance=accepted).stamp(IMPRINT)
        assert abs(parse_token(token).gen_time - at) < timedelta(seconds=30)
        with pytest.raises(NoTimestampError, match=words):
            _failover(clients[0], clock=lambda: datetime.now(UTC), acceptance=accepted).stamp(IMPRINT)


def test_nobody_listens() -> None:
    with httpx.Client(timeout=0.3) as client:
        dead = HttpTimestampAuthority(client, "http://127.0.0.1:9/tsa", os.urandom)
        with pytest.raises(NoTimestampError, match="ConnectError"):
            _failover(dead).stamp(IMPRINT)
