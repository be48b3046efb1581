"""The building blocks (验证构件) of EN 319 102-1 clause 5.2 to 5.6, as the checks of a judgement answer them.

Our checks are finer than the blocks and go beside the steps of the Chinese standards; here each is put to the block
that it belongs to. Basic validation asks as of now; past validation asks again where a proof of existence helps.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from signing.checks import Check, Result, SubIndication


class Block(StrEnum):
    """The blocks, in the order in which the standard runs them."""

    FORMAT = "format-checking"
    IDENTIFICATION = "identification-of-the-signing-certificate"
    CONTEXT = "validation-context-initialization"
    X509 = "x509-certificate-validation"
    FRESHNESS = "revocation-freshness"
    CRYPTO = "cryptographic-verification"
    ACCEPTANCE = "signature-acceptance-validation"
    TIMESTAMP = "time-stamp-validation"
    BASIC = "basic-signature-validation"
    PAST = "past-signature-validation"


class BlockAnswer(StrEnum):
    """What a block answers (EN 319 102-1 5.1.3)."""

    PASSED = "PASSED"
    FAILED = "FAILED"
    INDETERMINATE = "INDETERMINATE"


@dataclass(frozen=True)
class BlockResult:
    """One block's answer, and why it is not PASSED."""

    block: Block
    result: BlockAnswer
    sub_indication: SubIndication | None = None


_ANSWERS: Final = {
    Result.OK: BlockAnswer.PASSED,
    Result.UNKNOWN: BlockAnswer.INDETERMINATE,
    Result.FAILED: BlockAnswer.FAILED,
}
_RANK: Final = {BlockAnswer.PASSED: 0, BlockAnswer.INDETERMINATE: 1, BlockAnswer.FAILED: 2}
_OF: Final = {
    "byte-range": Block.FORMAT,
    "format": Block.FORMAT,
    "structure": Block.FORMAT,
    "kind": Block.FORMAT,
    "certificate": Block.IDENTIFICATION,
    "certificate-binding": Block.IDENTIFICATION,
    "anchors": Block.CONTEXT,
    "chain": Block.X509,
    "validity": Block.X509,
    "key-usage": Block.X509,
    "revocation": Block.X509,
    "proof": Block.X509,
    "revocation-freshness": Block.FRESHNESS,
    "digest": Block.CRYPTO,
    "content": Block.CRYPTO,
    "signature": Block.CRYPTO,
    "references": Block.CRYPTO,
}
_NO_POE: Final = frozenset(
    {
        SubIndication.REVOKED_NO_POE,
        SubIndication.REVOKED_CA_NO_POE,
        SubIndication.OUT_OF_BOUNDS_NO_POE,
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
        SubIndication.NO_POE,
    }
)
_BASIC: Final = (
    Block.FORMAT,
    Block.IDENTIFICATION,
    Block.CONTEXT,
    Block.X509,
    Block.FRESHNESS,
    Block.CRYPTO,
    Block.ACCEPTANCE,
)


def block_of(check: Check) -> Block:
    """Answer to which block a check belongs; what is of the seal or the document is a matter of acceptance."""
    if check.name.startswith("timestamp-"):
        return Block.TIMESTAMP
    return _OF.get(check.name, Block.ACCEPTANCE)


def summarise(checks: Iterable[Check], *, now: SubIndication | None = None) -> tuple[BlockResult, ...]:
    """Answer every block that was run, of a signature or of a timestamp.

    `now` is why the signer's certificate or an algorithm would no longer pass without a proof of existence, None when
    nothing ended since. Then basic validation is INDETERMINATE by that, and past validation says what the proof made of
    it; without need of one, past validation is not run.
    """
    by_block = dict[Block, BlockResult]()
    for one in checks:
        block = block_of(one)
        found = BlockResult(block, _ANSWERS[one.result], None if one.result is Result.OK else one.sub)
        if block not in by_block or _RANK[found.result] > _RANK[by_block[block].result]:
            by_block[block] = found
    by_block.setdefault(Block.CONTEXT, BlockResult(Block.CONTEXT, BlockAnswer.PASSED))
    whole = max((by_block[b] for b in _BASIC if b in by_block), key=lambda one: _RANK[one.result])
    basic = BlockResult(Block.BASIC, whole.result, whole.sub_indication)
    if now is not None and whole.result is BlockAnswer.PASSED:
        basic = BlockResult(Block.BASIC, BlockAnswer.INDETERMINATE, now)
    by_block[Block.BASIC] = basic
    if basic.sub_indication in _NO_POE:
        by_block[Block.PAST] = BlockResult(Block.PAST, whole.result, whole.sub_indication)
    return tuple(by_block[block] for block in Block if block in by_block)
