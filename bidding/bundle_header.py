"""The header of a bundle: what everybody may read, and what the keys hang on. docs/format/bundle.md 3 and 4."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from bidding.errors import MalformedBundleError
from bidding.params import SectionParams
from bidding.readout import MAX_READOUT
from signing import canonical, sm2
from signing.canonical import Code, Sm3Hex
from signing.container import MANIFEST_NAME, MAX_SIZE, SIGNATURE_NAME
from signing.digests import sm3
from signing.envelope import HALF, padded_length, sealed_length
from signing.errors import InvalidKeyError, MalformedError

MAX_HEADER: Final = 1 << 18
MAX_PARTS: Final = 200
"""Parts of one stage."""
FRAME: Final = HALF + 8
"""Bytes of salt and length before a part's content."""
FLOORS: Final = {"readout": 1 << 13, "manifest": 1 << 16, "document": FRAME}
"""Least padded lengths by kind: the steps of padmé are so fine for small parts that a price's digits would show."""
RECOVERY_SALT: Final = 16
LOCAL_KINDS: Final = ("device", "recovery")
"""Recipients whose key nobody else holds in escrow."""

Uscc = Annotated[str, Meta(pattern=r"^[0-9A-Z]{18}\Z")]
Point = Annotated[bytes, Meta(min_length=65, max_length=65)]
Cipher = Annotated[bytes, Meta(max_length=160)]
PartKind = Literal["readout", "manifest", "document"]
RecipientKind = Literal["device", "recovery", "licence-encryption"]


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """One encrypted part: how long it is with its padding, and a commitment to its content that hides it."""

    id: Annotated[str, Meta(pattern=r"^part-[1-9][0-9]{0,2}\Z")]
    kind: PartKind
    padded: Annotated[int, Meta(ge=FRAME, le=MAX_SIZE)]
    cm: Sm3Hex

    @property
    def size(self) -> int:
        """Bytes of the entry in the container."""
        return sealed_length(self.padded)


class StageBase(Struct, frozen=True, forbid_unknown_fields=True):
    """h0: everything the content key is bound to."""

    v: Literal[1]
    section: Code
    params_sm3: Sm3Hex
    stage: Annotated[int, Meta(ge=1, le=4)]
    bidder: Uscc
    opening_key: Point
    ckt: Sm3Hex
    ckb: Sm3Hex
    parts: Annotated[tuple[Part, ...], Meta(min_length=2, max_length=MAX_PARTS)]


class Wrap(Struct, frozen=True, forbid_unknown_fields=True):
    """K_B for one recipient of the bidder."""

    kind: RecipientKind
    id: Code
    public_key: Point
    salt: Annotated[bytes, Meta(max_length=RECOVERY_SALT)]
    wrap: Cipher


class StageHeader(Struct, frozen=True, forbid_unknown_fields=True):
    """One stage: its base, the commitment to the content key, and both halves wrapped."""

    base: StageBase
    ccek: Sm3Hex
    officer_wrap: Cipher
    wraps: Annotated[tuple[Wrap, ...], Meta(min_length=2, max_length=8)]

    def part(self, part_id: str) -> Part:
        """Answer the part with this id; KeyError if there is none."""
        return {part.id: part for part in self.base.parts}[part_id]


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    """`header.json`."""

    v: Literal[1]
    suite: Literal["GM"]
    section: Code
    params_sm3: Sm3Hex
    bidder: Uscc
    stages: Annotated[tuple[StageHeader, ...], Meta(min_length=1, max_length=4)]

    def stage(self, number: int) -> StageHeader:
        """Answer the stage with this number; KeyError if there is none."""
        return {stage.base.stage: stage for stage in self.stages}[number]

    @property
    def strict(self) -> bool:
        """Whether nobody holds an escrowed key to any K_B (严格模式)."""
        return all(wrap.kind in LOCAL_KINDS for stage in self.stages for wrap in stage.wraps)


class Label(Struct, frozen=True, forbid_unknown_fields=True):
    """The cheap end of a bundle: the exact bytes of header, manifest and signature, without the parts."""

    header: Annotated[bytes, Meta(max_length=MAX_HEADER)]
    manifest: Annotated[bytes, Meta(max_length=1 << 18)]
    signature: Annotated[bytes, Meta(max_length=1 << 16)]


def padded_size(kind: PartKind, size: int) -> int:
    """Answer the padded length of a part whose content has `size` bytes."""
    return padded_length(max(FLOORS[kind], FRAME + size))


def h0_sm3(base: StageBase) -> bytes:
    """SM3(h0), 32 bytes: what the content key is derived over."""
    return sm3(canonical.encode(base))


def h1_sm3(base: StageBase, ccek: str) -> bytes:
    """SM3(h1), 32 bytes: what the nonce of the officers' wrap is derived over."""
    return sm3(canonical.encode({"base": base, "ccek": ccek}))


def part_name(stage: int, part: Part) -> str:
    """Answer the name of a part's entry."""
    return f"stage-{stage}/{part.id}.bin"


def signed_names(header: Header) -> list[str]:
    """Answer the names that the manifest lists, in order."""
    parts = (part_name(stage.base.stage, part) for stage in header.stages for part in stage.base.parts)
    return ["mimetype", "header.json", *parts]


def entry_names(header: Header) -> list[str]:
    """Answer the names of all entries, in order."""
    return [*signed_names(header), MANIFEST_NAME, SIGNATURE_NAME]


def parse_header(data: bytes) -> Header:
    """Decode and check all that the header can say by itself; MalformedBundleError."""
    if len(data) > MAX_HEADER:
        raise MalformedBundleError(f"the header has {len(data)} bytes; at most {MAX_HEADER} are read")
    try:
        header = canonical.decode(data, Header)
        _check_points(header)
    except (MalformedError, InvalidKeyError) as error:
        raise MalformedBundleError(f"header: {error}") from error
    _refuse(_header_problems(header))
    for stage in header.stages:
        _refuse(_parts_problems(stage.base))
        _refuse(_wraps_problems(stage))
    return header


def fits(header: Header, params: SectionParams) -> bool:
    """Whether the header has exactly the stages of the parameters, each under its opening key."""
    mine = [(stage.base.stage, stage.base.opening_key) for stage in header.stages]
    return mine == [(stage.id, stage.opening_key) for stage in params.stages]


def ephemeral_points(header: Header) -> Iterator[bytes]:
    """Yield C1 of every wrap; MalformedError or InvalidKeyError for one that is not strict DER or not on the curve."""
    for stage in header.stages:
        for wrap in (stage.officer_wrap, *(each.wrap for each in stage.wraps)):
            cipher = sm2.parse_ciphertext(wrap)
            if len(cipher.c2) != HALF:
                raise MalformedError(f"a wrap encloses {len(cipher.c2)} bytes, not {HALF}")
            yield cipher.c1


def _check_points(header: Header) -> None:
    points = list(ephemeral_points(header))
    if len(set(points)) != len(points):
        raise MalformedError("two wraps share a point C1")
    for stage in header.stages:
        for point in (stage.base.opening_key, *(wrap.public_key for wrap in stage.wraps)):
            sm2.PublicKey(point)


def _header_problems(header: Header) -> dict[str, bool]:
    bases = [stage.base for stage in header.stages]
    same = {(base.section, base.params_sm3, base.bidder) for base in bases}
    return {
        "stages are not numbered 1, 2, …": [base.stage for base in bases] != list(range(1, len(bases) + 1)),
        "a stage repeats other words than the header's": same != {(header.section, header.params_sm3, header.bidder)},
        "two stages share an opening key": len({base.opening_key for base in bases}) != len(bases),
        "two stages share a commitment": len({c for base in bases for c in (base.ckt, base.ckb)}) != 2 * len(bases),
    }


def _parts_problems(base: StageBase) -> dict[str, bool]:
    parts = base.parts
    kinds = [part.kind for part in parts]
    longest = padded_length(FRAME + MAX_READOUT), padded_length(FRAME + canonical.MAX_DOCUMENT)
    return {
        "parts are not numbered 1, 2, …": [part.id for part in parts] != [f"part-{i + 1}" for i in range(len(parts))],
        "parts are not a readout, a manifest, documents": kinds
        != ["readout", "manifest", *["document"] * (len(parts) - 2)],
        "a part is not padded to its length class": any(
            padded_length(part.padded) != part.padded or part.padded < FLOORS[part.kind] for part in parts
        ),
        "the readout or the manifest is too long": parts[0].padded > longest[0] or parts[1].padded > longest[1],
    }


def _wraps_problems(stage: StageHeader) -> dict[str, bool]:
    wraps = stage.wraps
    order = [(wrap.kind, wrap.id) for wrap in wraps]
    return {
        "recipients are not sorted, or one is there twice": order != sorted(set(order)),
        "two recipients share a key": len({wrap.public_key for wrap in wraps}) != len(wraps),
        "more than one recovery code": sum(wrap.kind == "recovery" for wrap in wraps) > 1,
        "a salt where none belongs, or none where one does": any(
            len(wrap.salt) != (RECOVERY_SALT if wrap.kind == "recovery" else 0) for wrap in wraps
        ),
    }


def _refuse(problems: dict[str, bool]) -> None:
    for problem, present in problems.items():
        if present:
            raise MalformedBundleError(problem)
