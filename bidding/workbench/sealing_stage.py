"""Making one stage's keys, commitments and encrypted parts. docs/format/bundle.md 4 and 5."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from bidding.bundle_header import FRAME, Part, StageBase, StageHeader, h0_sm3, h1_sm3, padded_size
from bidding.workbench.contents import PlainPart, Survey
from bidding.workbench.recipients import Recipients
from signing.digests import CHUNK
from signing.envelope import (
    HALF,
    commit_cek,
    commit_document,
    commit_half,
    derive_cek,
    part_key,
    seal_stream,
    wrap_officer_half,
)
from signing.sm2 import PublicKey

Random = Callable[[int], bytes]
_THREADS: Final = 2
"""One core seals while the other reads, digests and writes; more would wait for the digest."""


@dataclass(frozen=True)
class Named:
    """What every stage of one bundle repeats."""

    section: str
    params_sm3: str
    bidder: str


@dataclass(frozen=True)
class SealedStage:
    """A stage ready to be written. It holds secrets, and is forgotten when the draft is written."""

    header: StageHeader
    parts: tuple[PlainPart, ...] = field(repr=False)
    salts: tuple[bytes, ...] = field(repr=False)
    cek: bytes = field(repr=False)
    k_b: bytes = field(repr=False)


def seal_stage(
    survey: Survey, opening_key: bytes, recipients: Recipients, *, named: Named, random: Random
) -> SealedStage:
    """Draw both halves and all salts, commit to everything, and wrap both halves."""
    k_t, k_b = random(HALF), random(HALF)
    salts = tuple(random(HALF) for _ in survey.parts)
    base = StageBase(
        v=1,
        section=named.section,
        params_sm3=named.params_sm3,
        stage=survey.stage,
        bidder=named.bidder,
        opening_key=opening_key,
        ckt=commit_half(b"cKT", k_t).hex(),
        ckb=commit_half(b"cKB", k_b).hex(),
        parts=tuple(_part(i, part, salt) for i, (part, salt) in enumerate(zip(survey.parts, salts, strict=True))),
    )
    cek = derive_cek(k_t, k_b, h0_sm3(base))
    ccek = commit_cek(cek).hex()
    officer_wrap = wrap_officer_half(PublicKey(opening_key), k_t, h1_sm3(base, ccek))
    header = StageHeader(base, ccek, officer_wrap, recipients.wrap(k_b, random))
    return SealedStage(header, survey.parts, salts, cek, k_b)


def part_chunks(stage: SealedStage, number: int, *, aad: bytes) -> Iterator[bytes]:
    """Yield the encrypted chunks of one part (from 0); AAD is SM3(header.json). ChangedDocumentError."""
    part = stage.header.base.parts[number]
    plain = frame(stage.parts[number], stage.salts[number], part.padded)
    return seal_stream(plain, part_key(stage.cek, part.id), aad, threads=_THREADS)


def frame(part: PlainPart, salt: bytes, padded: int) -> Iterator[bytes]:
    """Yield salt, length, content and zeros: the plaintext of one part."""
    yield salt + part.size.to_bytes(8)
    yield from part.chunks()
    left = padded - FRAME - part.size
    while left:
        yield bytes(min(left, CHUNK))
        left -= min(left, CHUNK)


def _part(index: int, part: PlainPart, salt: bytes) -> Part:
    cm = commit_document(salt, part.sm3).hex()
    return Part(f"part-{index + 1}", part.kind, padded_size(part.kind, part.size), cm)
