"""Proofs of existence in chains, and the building blocks that they are told in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_pki import DAY, NOON

from signing.building_blocks import Block, BlockAnswer, summarise
from signing.checks import Check, Result, SubIndication
from signing.poe import Proof, ProofKind, earliest, prove_chain

DAYS = st.integers(min_value=0, max_value=100)


def proof(days: float) -> Proof:
    return Proof(NOON + days * DAY, ProofKind.ARCHIVE_TIMESTAMP)


def test_the_earliest_of_none_is_none() -> None:
    assert earliest([]) is None
    assert earliest([None, proof(2), proof(1), None]) == proof(1)


def chain(stamps: list[tuple[int, int]]) -> list[tuple[int | None, bool]]:
    """Judge (made, ends), newest first, by the rule of PAdES: each covers all older ones. Now is day 100."""

    def judge(stamp: tuple[int, int], known: Proof | None) -> Proof | None:
        reached = known.at if known else NOON + 100 * DAY
        return proof(stamp[0]) if reached <= NOON + stamp[1] * DAY else None

    found = prove_chain(stamps, covers=lambda newer, older: newer[0] >= older[0], judge=judge)
    days = [(round((known.at - NOON) / DAY) if known else None, own is not None) for known, own in found.values()]
    assert list(found) == list(range(len(stamps)))
    return days


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(10, 200)], [(None, True)], id="one that holds now"),
        pytest.param([(10, 50)], [(None, False)], id="one that has ended"),
        pytest.param([(40, 200), (10, 50)], [(None, True), (40, True)], id="renewed in time"),
        pytest.param([(60, 200), (10, 50)], [(None, True), (60, False)], id="renewed too late"),
        pytest.param([(40, 90), (10, 50)], [(None, False), (None, False)], id="the newest has ended"),
        pytest.param([(80, 200), (40, 90), (10, 50)], [(None, True), (80, True), (40, True)], id="three links"),
        pytest.param([(95, 200), (40, 90), (10, 50)], [(None, True), (95, False), (95, False)], id="a gap above"),
    ],
)
def test_chains(stamps: list[tuple[int, int]], expected: list[tuple[int | None, bool]]) -> None:
    assert chain(stamps) == expected


@given(st.lists(st.tuples(DAYS, DAYS), max_size=6), DAYS)
def test_a_further_timestamp_takes_nothing_away(stamps: list[tuple[int, int]], made: int) -> None:
    ordered = sorted(stamps, reverse=True)
    before = chain(ordered)
    more = sorted([*ordered, (made, 1000)], reverse=True)
    place = more.index((made, 1000))
    after = [one for number, one in enumerate(chain(more)) if number != place]
    assert all(held_after or not held for (_, held), (_, held_after) in zip(before, after, strict=True))


# Building blocks


def ask(name: str, result: Result = Result.OK, sub: SubIndication | None = None) -> Check:
    return Check(name, "X", result, "", sub)


GOOD = [
    ask(name) for name in ("byte-range", "format", "certificate-binding", "digest", "signature", "chain", "validity")
]


def test_every_block_in_the_order_of_the_standard() -> None:
    blocks = summarise([*GOOD, ask("timestamp-imprint"), ask("changes"), ask("revocation-freshness")])
    assert [one.block for one in blocks] == [one for one in Block if one is not Block.PAST]
    assert {one.result for one in blocks} == {BlockAnswer.PASSED}


@pytest.mark.parametrize(
    ("bad", "block"),
    [
        pytest.param(ask("byte-range", Result.FAILED, SubIndication.FORMAT_FAILURE), Block.FORMAT, id="format"),
        pytest.param(
            ask("certificate", Result.UNKNOWN, SubIndication.NO_SIGNING_CERTIFICATE_FOUND),
            Block.IDENTIFICATION,
            id="certificate",
        ),
        pytest.param(ask("chain", Result.UNKNOWN, SubIndication.NO_CERTIFICATE_CHAIN_FOUND), Block.X509, id="chain"),
        pytest.param(ask("digest", Result.FAILED, SubIndication.HASH_FAILURE), Block.CRYPTO, id="digest"),
        pytest.param(ask("signature", Result.FAILED, SubIndication.SIG_CRYPTO_FAILURE), Block.CRYPTO, id="value"),
        pytest.param(
            ask("algorithms", Result.UNKNOWN, SubIndication.CRYPTO_CONSTRAINTS_FAILURE), Block.ACCEPTANCE, id="policy"
        ),
        pytest.param(
            ask("revocation-freshness", Result.UNKNOWN, SubIndication.TRY_LATER), Block.FRESHNESS, id="freshness"
        ),
    ],
)
def test_a_fault_stands_in_its_block_and_in_the_whole(bad: Check, block: Block) -> None:
    blocks = {one.block: one for one in summarise([*GOOD, bad])}
    assert blocks[block].sub_indication is bad.sub
    assert (blocks[Block.BASIC].result, blocks[Block.BASIC].sub_indication) == (blocks[block].result, bad.sub)


def test_what_ended_since_is_asked_again() -> None:
    blocks = {one.block: one for one in summarise(GOOD, now=SubIndication.OUT_OF_BOUNDS_NO_POE)}
    assert blocks[Block.BASIC].sub_indication is SubIndication.OUT_OF_BOUNDS_NO_POE
    assert (blocks[Block.PAST].result, blocks[Block.PAST].sub_indication) == (BlockAnswer.PASSED, None)


def test_without_a_proof_the_past_stays_open() -> None:
    unproven = ask("proof", Result.UNKNOWN, SubIndication.REVOKED_NO_POE)
    blocks = {one.block: one for one in summarise([*GOOD, unproven], now=SubIndication.REVOKED_NO_POE)}
    for block in (Block.BASIC, Block.PAST):
        assert blocks[block].sub_indication is SubIndication.REVOKED_NO_POE


def test_a_doubtful_timestamp_is_no_fault_of_the_signature_itself() -> None:
    late = ask("timestamp-validity", Result.UNKNOWN, SubIndication.OUT_OF_BOUNDS_NO_POE)
    blocks = {one.block: one for one in summarise([*GOOD, late])}
    assert blocks[Block.TIMESTAMP].result is BlockAnswer.INDETERMINATE
    assert blocks[Block.BASIC].result is BlockAnswer.PASSED
