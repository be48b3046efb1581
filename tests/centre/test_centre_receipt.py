"""Receipts and refusals: the one byte form, and no changed byte ever passes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from bidding_world import DEADLINE, NOON, make_random
from centre_world import BIDDERS, CENTRE, CentreWorld
from hypothesis import given
from hypothesis import strategies as st

from bidding.centre.house import ServiceKey
from bidding.errors import MalformedReceiptError
from bidding.receipt import (
    BATCH,
    DEPTH,
    Batch,
    Leaf,
    RefusalStatement,
    RootStatement,
    encode_receipt,
    encode_refusal,
    fold_path,
    leaf_hash,
    parse_receipt,
    parse_refusal,
    refusal_imprint,
    root_imprint,
    verify_receipt,
    verify_refusal,
)
from signing import canonical
from signing.checks import Indication
from signing.digests import sm3
from signing.timestamps import Stamp, make_token

LEAF = Leaf(1, CENTRE, "S-1", "0" * 64, BIDDERS[0], 1, "1" * 64, 99, "AB12", NOON, "test", 50, "")


def service_key(world: CentreWorld) -> ServiceKey:
    return ServiceKey(world.centre.certificate.der, world.centre.key)


def token(world: CentreWorld, imprint: bytes) -> bytes:
    return make_token(Stamp(imprint, 77, NOON, "1.2.3.4"), world.tsa.certificate, world.tsa.sign)


@pytest.fixture(scope="module")
def receipt(world: CentreWorld) -> bytes:
    key = service_key(world)
    batch = Batch.of([LEAF], make_random("1"))
    root = RootStatement(1, "receipt-root", batch.root, CENTRE, key.sm3, NOON)
    return encode_receipt(batch.receipts(key.sign(root))[0], token(world, root_imprint(root)))


def refusal_statement(world: CentreWorld, **changes: object) -> RefusalStatement:
    facts: dict[str, object] = {
        "v": 1,
        "kind": "refused",
        "centre": CENTRE,
        "section": "S-1",
        "params_sm3": "0" * 64,
        "bidder": BIDDERS[0],
        "act": "submit",
        "act_sm3": "2" * 64,
        "bundle_sm3": "1" * 64,
        "reason": "late",
        "received_at": NOON,
        "deadline": NOON,
        "time_source": "test",
        "epsilon_ms": 50,
        "certificate_sm3": service_key(world).sm3,
        "at": NOON,
    }
    return RefusalStatement(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def refusal(world: CentreWorld) -> bytes:
    statement = service_key(world).sign(refusal_statement(world))
    return encode_refusal(statement, token(world, refusal_imprint(statement)))


def judge(world: CentreWorld, data: bytes, *, refused: bool = False) -> Indication:
    verify = verify_refusal if refused else verify_receipt
    return verify(data, anchors=world.anchors, evidence=world.evidence, at=NOON).indication


def test_both_pass_as_they_are(world: CentreWorld, receipt: bytes, refusal: bytes) -> None:
    assert judge(world, receipt) is Indication.TOTAL_PASSED
    assert judge(world, refusal, refused=True) is Indication.TOTAL_PASSED


MUTATIONS = [
    pytest.param(0x01, 23, id="sample"),
    pytest.param(0x01, 1, id="every byte, lowest bit", marks=pytest.mark.slow),
    pytest.param(0x20, 1, id="every byte, letter case", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("bit", "step"), MUTATIONS)
def test_no_changed_byte_of_a_receipt_passes(world: CentreWorld, receipt: bytes, bit: int, step: int) -> None:
    for place in range(0, len(receipt), step):
        changed = bytearray(receipt)
        changed[place] ^= bit
        assert judge(world, bytes(changed)) is not Indication.TOTAL_PASSED, place


@pytest.mark.parametrize(("bit", "step"), MUTATIONS)
def test_no_changed_byte_of_a_refusal_passes(world: CentreWorld, refusal: bytes, bit: int, step: int) -> None:
    for place in range(0, len(refusal), step):
        changed = bytearray(refusal)
        changed[place] ^= bit
        assert judge(world, bytes(changed), refused=True) is not Indication.TOTAL_PASSED, place


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data[:-1], id="cut"),
        pytest.param(lambda data: data + b" ", id="a blank after it"),
        pytest.param(lambda data: data.replace(b'"v":1}', b'"v":1,"x":1}'), id="an unknown field"),
        pytest.param(lambda data: b" " + data, id="a blank before it"),
        pytest.param(lambda _: b"{}", id="empty object"),
        pytest.param(lambda _: b"", id="nothing"),
    ],
)
def test_another_form_is_malformed(world: CentreWorld, receipt: bytes, change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedReceiptError):
        parse_receipt(change(receipt))
    assert judge(world, change(receipt)) is Indication.TOTAL_FAILED


def test_a_receipt_is_no_refusal(receipt: bytes, refusal: bytes) -> None:
    with pytest.raises(MalformedReceiptError):
        parse_receipt(refusal)
    with pytest.raises(MalformedReceiptError):
        parse_refusal(receipt)


def test_without_a_token_it_passes_with_a_warning(world: CentreWorld, receipt: bytes) -> None:
    data = encode_receipt(parse_receipt(receipt).file.r1, None)
    verdict = verify_receipt(data, anchors=world.anchors, evidence=world.evidence, at=NOON)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert len(verdict.warnings) == 1


def test_a_token_over_something_else_fails(world: CentreWorld, receipt: bytes) -> None:
    data = encode_receipt(parse_receipt(receipt).file.r1, token(world, sm3(b"something else")))
    assert judge(world, data) is Indication.TOTAL_FAILED


def test_another_signer_than_the_centre_fails(world: CentreWorld) -> None:
    other = ServiceKey(world.tenderer.certificate.der, world.tenderer.key)
    batch = Batch.of([LEAF], make_random("1"))
    root = RootStatement(1, "receipt-root", batch.root, CENTRE, other.sm3, NOON)
    assert judge(world, encode_receipt(batch.receipts(other.sign(root))[0], None)) is not Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    ("reason", "received_at", "good"),
    [
        pytest.param("late", NOON, True, id="late at T"),
        pytest.param("late", DEADLINE, True, id="late after T"),
        pytest.param("not-committed-in-time", DEADLINE, False, id="in time, it says, but was not"),
        pytest.param("faulty", NOON, False, id="faulty, but late"),
    ],
)
def test_a_refusals_reason_must_fit_its_times(world: CentreWorld, reason: str, received_at: object, good: bool) -> None:
    facts = refusal_statement(world, reason=reason, received_at=received_at, at=DEADLINE)
    data = encode_refusal(service_key(world).sign(facts), None)
    assert (judge(world, data, refused=True) is Indication.TOTAL_PASSED) == good


@pytest.mark.parametrize("count", [1, 2, 63, 64])
def test_every_leaf_of_a_batch_leads_to_the_root(count: int) -> None:
    leaves = [
        Leaf(1, CENTRE, "S-1", "0" * 64, BIDDERS[0], n + 1, "1" * 64, 9, "A", NOON, "t", 0, "") for n in range(count)
    ]
    batch = Batch.of(leaves, make_random(str(count)))
    assert len({place for _, _, place in batch.leaves}) == count
    for leaf, salt, place in batch.leaves:
        path = batch.path(place)
        assert len(path) == DEPTH
        assert fold_path(leaf_hash(leaf, salt), place, path) == batch.root


@pytest.mark.parametrize("count", [0, BATCH + 1])
def test_a_batch_has_its_bounds(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        Batch.of([LEAF] * count, make_random("1"))


def test_the_root_is_that_of_an_independent_reckoning() -> None:
    """RFC 6962 2.1 by its recursive definition, with SM3 in place of SHA-256."""

    def tree(hashes: list[bytes]) -> bytes:
        if len(hashes) == 1:
            return hashes[0]
        half = len(hashes) // 2
        return sm3(b"\x01" + tree(hashes[:half]) + tree(hashes[half:]))

    batch = Batch.of([LEAF], make_random("9"))
    assert tree(list(batch.levels[0])) == batch.root


@given(st.binary(max_size=300))
def test_parsing_never_raises_anything_else(data: bytes) -> None:
    for parse in (parse_receipt, parse_refusal):
        with pytest.raises(MalformedReceiptError):
            parse(data)


def test_the_example_of_the_specification_holds() -> None:
    page = (Path(__file__).parents[2] / "docs" / "format" / "receipt.md").read_text("utf-8")
    line = next(line.strip() for line in page.splitlines() if line.startswith('    {"bidder"'))
    leaf = canonical.decode(line.encode(), Leaf)
    start = leaf_hash(leaf, bytes(range(32)))
    assert f"`{start.hex()}`" in page
    assert f"`{fold_path(start, 37, [bytes([n]) * 32 for n in range(DEPTH)]).hex()}`" in page
