"""The two lids (双封签) and what the officer gives out after the second one. Specification: docs/format/bundle.md 8.

Lid 1 fixes which bids there are; lid 2 (the release set, 解密集合) fixes whose halves came in time. Both are
statements signed by the centre's certificate and timestamped; the officer's client opens for exactly lid 2.
"""

from datetime import datetime
from typing import Annotated, Literal, Self

from msgspec import Meta, Struct, structs

from signing import canonical, sm2
from signing.canonical import Code, Sm3Hex
from signing.errors import SigningError
from signing.statement import SignedStatement

Half = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""A key half: 32 bytes, base64 in JSON."""
StageId = Annotated[int, Meta(ge=1, le=4)]
OptionalSm3Hex = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
"""A lower-case SM3, or the empty string for "there is none"."""
MAX_BIDS: int = 1000
"""Live bids of one section."""


class StampedStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed statement and an RFC 3161 token (DER) over SM3 of its signature value: signed by then."""

    v: Literal[1]
    signed: SignedStatement
    token: Annotated[bytes, Meta(max_length=1 << 16)]


class ClosedSet(Struct, frozen=True, forbid_unknown_fields=True):
    """Lid 1: the digests of all live bids (有效投标) at closing, sorted, each once."""

    v: Literal[1]
    lid: Literal[1]
    section: Code
    params_sm3: Sm3Hex
    closed_at: datetime
    bundles: Annotated[tuple[Sm3Hex, ...], Meta(max_length=MAX_BIDS)]
    """SM3 of the whole bundle files."""

    def __post_init__(self) -> None:
        """Refuse another order than the one."""
        _require_instant(self.closed_at)
        if list(self.bundles) != sorted(set(self.bundles)):
            raise ValueError("bundles are not sorted, or one is there twice")


class FrozenBid(Struct, frozen=True, forbid_unknown_fields=True):
    """What lid 2 says of one bid in one stage: its bidder's half came in time, or it did not."""

    bundle_sm3: Sm3Hex
    header_sm3: Sm3Hex
    """SM3 of the bundle's header.json: where the officer's client finds the wrap it opens."""
    stage: StageId
    released: bool
    kb_sm3: OptionalSm3Hex
    """SM3(K_B) of the half that was released and met its commitment; empty if none."""
    act_sm3: OptionalSm3Hex
    """SM3 of the licence-signed release act as stored: the evidence; empty if none."""

    def __post_init__(self) -> None:
        """Refuse a released half without both digests, and another with one."""
        if {bool(self.kb_sm3), bool(self.act_sm3)} != {self.released}:
            raise ValueError("kb_sm3 and act_sm3 are given if and only if the half was released")


class FrozenSet(Struct, frozen=True, forbid_unknown_fields=True):
    """Lid 2 of one or more stages: one row for each bid of lid 1 and stage, sorted by (stage, bundle_sm3)."""

    v: Literal[1]
    lid: Literal[2]
    section: Code
    params_sm3: Sm3Hex
    closed_sm3: Sm3Hex
    """SM3 of the canonical bytes of the ClosedSet on which this one stands."""
    closed_at: datetime
    frozen_at: datetime
    bids: Annotated[tuple[FrozenBid, ...], Meta(max_length=4 * MAX_BIDS)]

    def __post_init__(self) -> None:
        """Refuse another order than the one, or a freeze before the closing."""
        _require_instant(self.closed_at)
        _require_instant(self.frozen_at)
        rows = [(bid.stage, bid.bundle_sm3) for bid in self.bids]
        if rows != sorted(set(rows)):
            raise ValueError("bids are not sorted, or one is there twice")
        if self.frozen_at < self.closed_at:
            raise ValueError("frozen before it was closed")

    @property
    def stages(self) -> frozenset[int]:
        """The stages that this set covers; a stage without any bid is not named."""
        return frozenset(bid.stage for bid in self.bids)

    def released(self, stage: int) -> tuple[FrozenBid, ...]:
        """Answer the rows of a stage that may be opened."""
        return tuple(bid for bid in self.bids if bid.stage == stage and bid.released)

    def covers(self, closed: ClosedSet) -> bool:
        """Whether every stage here has exactly the bids of lid 1."""
        same = (closed.section, closed.params_sm3, closed.closed_at) == (self.section, self.params_sm3, self.closed_at)
        rows = {stage: [bid.bundle_sm3 for bid in self.bids if bid.stage == stage] for stage in self.stages}
        return same and (bool(rows) or not closed.bundles) and all(r == list(closed.bundles) for r in rows.values())


class OfficerHalf(Struct, frozen=True, forbid_unknown_fields=True):
    """K_T of one bid in one stage."""

    bundle_sm3: Sm3Hex
    k_t: Half


class OfficerFault(Struct, frozen=True, forbid_unknown_fields=True):
    """A released bid whose wrap did not open under the opening key: no half, and no blame before a proof."""

    bundle_sm3: Sm3Hex
    code: Literal["WRAP"]


class OfficerRelease(Struct, frozen=True, forbid_unknown_fields=True):
    """What the officer hands out for one stage: a half, or a fault, for each released bid of lid 2, sorted."""

    v: Literal[1]
    section: Code
    stage: StageId
    frozen_sm3: Sm3Hex
    """SM3 of the canonical bytes of the FrozenSet."""
    halves: Annotated[tuple[OfficerHalf, ...], Meta(max_length=MAX_BIDS)]
    faults: Annotated[tuple[OfficerFault, ...], Meta(max_length=MAX_BIDS)] = ()
    signature: Annotated[bytes, Meta(max_length=80)] = b""
    """DER SM2 by the stage's opening key: else anybody could answer in the officer's place, and spoil the opening."""

    def __post_init__(self) -> None:
        """Refuse another order than the one, or two answers for one bid."""
        halves = [half.bundle_sm3 for half in self.halves]
        faults = [fault.bundle_sm3 for fault in self.faults]
        if halves != sorted(set(halves)) or faults != sorted(set(faults)) or set(halves) & set(faults):
            raise ValueError("not sorted, or two answers for one bid")

    def answers(self, frozen: FrozenSet) -> bool:
        """Whether this says something of every released bid of the stage, and of no other."""
        mine = {half.bundle_sm3 for half in self.halves} | {fault.bundle_sm3 for fault in self.faults}
        return self.section == frozen.section and mine == {bid.bundle_sm3 for bid in frozen.released(self.stage)}

    def without_halves(self) -> Self:
        """Answer the same with nothing secret in it, for logs and screens."""
        return type(self)(self.v, self.section, self.stage, self.frozen_sm3, (), self.faults)

    def signed_by(self, key: sm2.PrivateKey) -> Self:
        """Answer the same, signed by the opening key."""
        return structs.replace(self, signature=sm2.sign(key, self.to_be_signed()))

    def says_the_same(self, other: "OfficerRelease") -> bool:
        """Whether both say the same; every signing makes another signature."""
        return self.to_be_signed() == other.to_be_signed()

    def is_of(self, opening_key: bytes) -> bool:
        """Whether whoever holds the opening key (public point 04||x||y) signed this."""
        try:
            sm2.verify(sm2.PublicKey(opening_key), self.to_be_signed(), self.signature)
        except SigningError:
            return False
        return True

    def to_be_signed(self) -> bytes:
        """Answer what the opening key signs: all but the signature."""
        return b"officer-release\0" + canonical.encode(structs.replace(self, signature=b""))


def _require_instant(at: datetime) -> None:
    """Aware, and in UTC by its spelling, or the bytes would not be the one form."""
    if at.tzinfo is None or at.utcoffset():
        raise ValueError("an instant without a zone, or not in UTC")
