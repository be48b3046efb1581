"""Receipts (确认回执 R1) and refusals (拒收凭证). The specification is docs/format/receipt.md.

R1 is final when the bid is committed: a salted leaf, a path of exactly six SM3 hashes, and the centre's signature
over the root. The RFC 3161 token over SM3(root) follows and stands beside R1 in the receipt file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, Self

from msgspec import Meta, Struct
from msgspec.structs import replace

from bidding.acts import Uscc
from bidding.errors import MalformedReceiptError
from bidding.lids import OptionalSm3Hex
from identity.people import belongs_to
from signing import canonical
from signing.canonical import Code, Name, Sm3Hex
from signing.certificates import Certificate, parse_certificate
from signing.checks import Check, Indication, Result, SubIndication, Verdict, check
from signing.digests import sm3
from signing.errors import MalformedError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.statement import SignedStatement, verify_statement
from signing.timestamps import parse_token, verify_token

DEPTH: Final = 6
"""Hashes of every path."""
BATCH: Final = 1 << DEPTH
"""Leaves of every batch, used or not."""
CLOCKS_APART: Final = timedelta(seconds=60)
"""How far the authority's clock may be behind the centre's before we speak of a wrong order."""

Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]
Serial = Annotated[str, Meta(pattern=r"^[0-9A-F]{1,64}\Z")]
Milliseconds = Annotated[int, Meta(ge=0, le=86_400_000)]
Reason = Literal["late", "incomplete", "not-committed-in-time", "faulty"]
"""迟到; 截止时未传完; 按时收到但未能在封盘前入库 (the platform's cause); 按时收到但内容不合格."""
IN_TIME: Final = ("not-committed-in-time", "faulty")


class Leaf(Struct, frozen=True, forbid_unknown_fields=True):
    """What the centre says about one accepted bid."""

    v: Literal[1]
    centre: Uscc
    section: Code
    params_sm3: Sm3Hex
    bidder: Uscc
    version: Annotated[int, Meta(ge=1)]
    """1 for the bidder's first bid in this section, and one more for each that was accepted later."""
    bundle_sm3: Sm3Hex
    size: Annotated[int, Meta(ge=1)]
    """Bytes of the bundle."""
    certificate: Serial
    """Serial number of the licence certificate that signed the act."""
    received_at: datetime
    """t_a, UTC, milliseconds: when the last byte of whichever came later, finalise or bundle, was read."""
    time_source: Name
    epsilon_ms: Milliseconds
    """Bound of the clock's error: printed, never used to decide."""
    replaces: OptionalSm3Hex
    """The bid that this one superseded."""

    def __post_init__(self) -> None:
        """Refuse instants that have no one spelling."""
        _require_plain(self.received_at)


class RootStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """What the centre signs for a whole batch."""

    v: Literal[1]
    kind: Literal["receipt-root"]
    root: Hash
    centre: Uscc
    certificate_sm3: Sm3Hex
    """SM3 of the certificate (DER) that signs this: no other spelling of it passes."""
    at: datetime

    def __post_init__(self) -> None:
        """Refuse instants that have no one spelling."""
        _require_plain(self.at)


class R1(Struct, frozen=True, forbid_unknown_fields=True):
    """The receipt itself; its canonical bytes never change after the commit."""

    v: Literal[1]
    kind: Literal["R1"]
    leaf: Leaf
    salt: Hash
    index: Annotated[int, Meta(ge=0, lt=BATCH)]
    path: Annotated[tuple[Hash, ...], Meta(min_length=DEPTH, max_length=DEPTH)]
    """Sibling hashes, the deepest first."""
    root: SignedStatement


class ReceiptFile(Struct, frozen=True, forbid_unknown_fields=True):
    """What the bidder keeps: R1's bytes, and the token over SM3(root) as soon as there is one."""

    v: Literal[1]
    kind: Literal["receipt"]
    r1: Annotated[bytes, Meta(max_length=1 << 16)]
    token: Annotated[bytes, Meta(max_length=1 << 16)] | None


class RefusalStatement(Struct, frozen=True, forbid_unknown_fields=True):
    """What the centre says about a bid that it did not take (招标投标法 28, 条例 36)."""

    v: Literal[1]
    kind: Literal["refused"]
    centre: Uscc
    section: Code
    params_sm3: Sm3Hex
    bidder: Uscc
    act: Literal["submit", "withdraw"]
    act_sm3: Sm3Hex
    """SM3 of the statement that the bidder's licence signed."""
    bundle_sm3: OptionalSm3Hex
    reason: Reason
    received_at: datetime
    deadline: datetime
    time_source: Name
    epsilon_ms: Milliseconds
    certificate_sm3: Sm3Hex
    at: datetime

    def __post_init__(self) -> None:
        """Refuse instants that have no one spelling."""
        for at in (self.received_at, self.deadline, self.at):
            _require_plain(at)


class RefusalFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A signed refusal, and the token over SM3 of the statement's canonical bytes when there is one."""

    v: Literal[1]
    kind: Literal["refusal"]
    statement: SignedStatement
    token: Annotated[bytes, Meta(max_length=1 << 16)] | None


class Acknowledgement(Struct, frozen=True, forbid_unknown_fields=True):
    """What the centre signs about a withdrawal (撤回) or a released half (解密授权) that it took."""

    v: Literal[1]
    kind: Literal["acknowledged"]
    centre: Uscc
    section: Code
    params_sm3: Sm3Hex
    bidder: Uscc
    act: Literal["withdraw", "release"]
    act_sm3: Sm3Hex
    bundle_sm3: Sm3Hex
    stage: Annotated[int, Meta(ge=0, le=4)]
    """0 for a withdrawal."""
    received_at: datetime
    certificate_sm3: Sm3Hex

    def __post_init__(self) -> None:
        """Refuse instants that have no one spelling."""
        _require_plain(self.received_at)


@dataclass(frozen=True)
class Receipt:
    """A receipt file, taken apart."""

    file: ReceiptFile
    r1: R1
    root: RootStatement
    certificate: Certificate
    """The centre's."""

    @property
    def leaf(self) -> Leaf:
        """What is said about the bid."""
        return self.r1.leaf


@dataclass(frozen=True)
class Refusal:
    """A refusal file, taken apart."""

    file: RefusalFile
    facts: RefusalStatement
    certificate: Certificate
    """The centre's."""


# Making


def leaf_hash(leaf: Leaf, salt: bytes) -> bytes:
    """SM3(0x00 | salt | canonical leaf): without the salt nobody can try out bidders."""
    return sm3(b"\0", salt, canonical.encode(leaf))


def node_hash(left: bytes, right: bytes) -> bytes:
    """SM3(0x01 | left | right)."""
    return sm3(b"\1", left, right)


@dataclass(frozen=True)
class Batch:
    """Up to 64 leaves at random places among random hashes: the tree tells nobody how many there are."""

    leaves: tuple[tuple[Leaf, bytes, int], ...]
    """Leaf, salt, index."""
    levels: tuple[tuple[bytes, ...], ...]
    """64, 32, … 2, 1 hashes."""

    @classmethod
    def of(cls, leaves: Sequence[Leaf], random: Callable[[int], bytes]) -> Self:
        """Place the leaves; ValueError unless there are 1 to 64."""
        if not 1 <= len(leaves) <= BATCH:
            raise ValueError(f"a batch has 1 to {BATCH} leaves")
        places = _places(len(leaves), random)
        placed = tuple((leaf, random(32), place) for leaf, place in zip(leaves, places, strict=True))
        row = [random(32) for _ in range(BATCH)]
        for leaf, salt, place in placed:
            row[place] = leaf_hash(leaf, salt)
        levels = [tuple(row)]
        while len(levels[-1]) > 1:
            below = levels[-1]
            levels.append(tuple(node_hash(below[i], below[i + 1]) for i in range(0, len(below), 2)))
        return cls(placed, tuple(levels))

    @property
    def root(self) -> bytes:
        """What is signed."""
        return self.levels[-1][0]

    def receipts(self, root: SignedStatement) -> list[bytes]:
        """Answer the canonical R1 of every leaf, in the order given."""
        return [
            canonical.encode(R1(1, "R1", leaf, salt, place, self.path(place), root))
            for leaf, salt, place in self.leaves
        ]

    def path(self, place: int) -> tuple[bytes, ...]:
        """Answer the siblings from the leaf up to below the root."""
        return tuple(self.levels[level][(place >> level) ^ 1] for level in range(DEPTH))


def fold_path(start: bytes, index: int, path: Sequence[bytes]) -> bytes:
    """Answer the root to which a leaf's hash leads."""
    node = start
    for level, sibling in enumerate(path):
        node = node_hash(sibling, node) if index >> level & 1 else node_hash(node, sibling)
    return node


def _places(count: int, random: Callable[[int], bytes]) -> list[int]:
    """Different random places; a byte gives six bits without bias."""
    places: dict[int, None] = {}
    while len(places) < count:
        places[random(1)[0] % BATCH] = None
    return list(places)


def root_imprint(root: RootStatement) -> bytes:
    """Answer what the timestamp authority stamps for a batch: SM3(root)."""
    return sm3(root.root)


def refusal_imprint(statement: SignedStatement) -> bytes:
    """Answer what the timestamp authority stamps for a refusal: SM3 of the signed statement's canonical bytes."""
    return sm3(canonical.encode(statement))


def encode_receipt(r1: bytes, token: bytes | None) -> bytes:
    """Answer the receipt file."""
    return canonical.encode(ReceiptFile(1, "receipt", r1, token))


def encode_refusal(statement: SignedStatement, token: bytes | None) -> bytes:
    """Answer the refusal file."""
    return canonical.encode(RefusalFile(1, "refusal", statement, token))


def with_token(file: RefusalFile, token: bytes) -> RefusalFile:
    """Answer the same refusal with its timestamp."""
    return replace(file, token=token)


# Reading and judging


def parse_receipt(data: bytes) -> Receipt:
    """Take a receipt file apart; MalformedReceiptError for anything but the one byte form."""
    try:
        file = canonical.decode(data, ReceiptFile)
        r1 = canonical.decode(file.r1, R1)
        root = canonical.decode(r1.root.statement, RootStatement)
        return Receipt(file, r1, root, parse_certificate(r1.root.certificate))
    except (MalformedError, ValueError) as error:
        raise MalformedReceiptError(str(error)) from error


def parse_refusal(data: bytes) -> Refusal:
    """Take a refusal file apart; MalformedReceiptError for anything but the one byte form."""
    try:
        file = canonical.decode(data, RefusalFile)
        facts = canonical.decode(file.statement.statement, RefusalStatement)
        return Refusal(file, facts, parse_certificate(file.statement.certificate))
    except (MalformedError, ValueError) as error:
        raise MalformedReceiptError(str(error)) from error


def verify_receipt(data: bytes, *, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime) -> Verdict:
    """Judge a receipt file without any service.

    The centre's certificate is judged as of the timestamp, or as of `at` while there is none. Callers compare the
    leaf with their bundle: this says what the centre promised, not that it is about the file in hand.
    """
    try:
        receipt = parse_receipt(data)
    except MalformedReceiptError as error:
        return _malformed(str(error))
    root, leaf = receipt.root, receipt.leaf
    found = fold_path(leaf_hash(leaf, receipt.r1.salt), receipt.r1.index, receipt.r1.path)
    own = Verdict(
        check("receipt-format", True, code="FMT_RECEIPT"),
        check("receipt-inclusion", found == root.root, code="HASH", sub=SubIndication.HASH_FAILURE),
        check("receipt-order", leaf.received_at <= root.at, code="TST_BAD", sub=_ORDER),
        _is_centre(receipt.certificate, root.certificate_sm3, root.centre, leaf.centre),
    )
    return own + _judge_signed(
        receipt.r1.root, receipt.file.token, root_imprint(root), root.at, anchors=anchors, evidence=evidence, at=at
    )


def verify_refusal(data: bytes, *, anchors: TrustAnchors, evidence: RevocationEvidence, at: datetime) -> Verdict:
    """Judge a refusal file without any service; as of the timestamp, or as of `at` while there is none."""
    try:
        refusal = parse_refusal(data)
    except MalformedReceiptError as error:
        return _malformed(str(error))
    facts, signed = refusal.facts, refusal.file.statement
    in_time = facts.received_at < facts.deadline
    own = Verdict(
        check("receipt-format", True, code="FMT_RECEIPT"),
        check("refusal-reason", in_time == (facts.reason in IN_TIME), code="TST_BAD", sub=_ORDER),
        check("receipt-order", facts.received_at <= facts.at, code="TST_BAD", sub=_ORDER),
        _is_centre(refusal.certificate, facts.certificate_sm3, facts.centre),
    )
    return own + _judge_signed(
        signed, refusal.file.token, refusal_imprint(signed), facts.at, anchors=anchors, evidence=evidence, at=at
    )


_ORDER: Final = SubIndication.TIMESTAMP_ORDER_FAILURE


def _malformed(why: str) -> Verdict:
    return Verdict(check("receipt-format", False, code="FMT_RECEIPT", sub=SubIndication.FORMAT_FAILURE, why=why))


def _is_centre(certificate: Certificate, certificate_sm3: str, *centres: str) -> Check:
    """Check that the certificate is the one that the statement names, and of the one centre that is named."""
    own = certificate.sm3 == certificate_sm3 and len(set(centres)) == 1 and belongs_to(certificate, centres[0])
    return check("receipt-centre", own, code="ID_MISMATCH", sub=SubIndication.SIG_CONSTRAINTS_FAILURE)


def _judge_signed(
    signed: SignedStatement,
    token: bytes | None,
    imprint: bytes,
    said_at: datetime,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
) -> Verdict:
    if token is None:
        verdict = verify_statement(signed, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.CENTRE)
        return Verdict(*(_unproven(one) for one in verdict.checks), warnings=(*verdict.warnings, UNSTAMPED))
    stamped = verify_token(token, imprint=imprint, anchors=anchors, evidence=evidence)
    proven = at
    if stamped.indication is Indication.TOTAL_PASSED:
        proven = parse_token(token).gen_time
        stamped += Verdict(check("timestamp-order", said_at - proven <= CLOCKS_APART, code="TST_BAD", sub=_ORDER))
    return verify_statement(signed, anchors=anchors, evidence=evidence, at=proven, purpose=Purpose.CENTRE) + stamped


def _unproven(one: Check) -> Check:
    """Leave open what a timestamp would decide: a certificate that ended since may have been good at the signing."""
    if one.sub is SubIndication.EXPIRED:
        return Check(one.name, "EXPIRED_NOPOE", Result.UNKNOWN, one.why, SubIndication.OUT_OF_BOUNDS_NO_POE)
    if one.code == "REVOKED_BEFORE":
        return Check(one.name, "REVOKED_NOPOE", Result.UNKNOWN, one.why, SubIndication.REVOKED_NO_POE)
    return one


UNSTAMPED: Final = "回执尚未附时间戳：接收时间由交易中心签名声明，稍后可向交易中心取得带时间戳的回执。"


def _require_plain(at: datetime) -> None:
    """UTC by its spelling, and whole milliseconds."""
    if at.tzinfo is None or at.utcoffset() or at.microsecond % 1000:
        raise ValueError("an instant that is not UTC in whole milliseconds")
