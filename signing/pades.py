"""PAdES signatures (PDF 高级电子签名, EN 319 142-1): the values that pass between preparing and completing.

Two steps everywhere, because the key holder may answer minutes later: `pades_writing.prepare_signature` appends the
signature dictionary and answers a `PreparedSignature`, a plain value that can be kept as JSON; the holder signs its
`to_be_signed`; `pades_completing.complete_signature` checks what came back and fills the room. `pades_signing` does
both at once for keys at hand, `pades_longterm` adds validation data and document timestamps.

All functions are synchronous and hash whole files: callers on an event loop use `asyncio.to_thread`. The digests
release the interpreter lock, so other threads go on.
"""

from dataclasses import dataclass, field
from os import stat_result
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from signing.algorithms import compute_digest
from signing.errors import LimitError, MalformedError, UnsupportedAlgorithmError
from signing.pdf import ByteRange

SUB_FILTER: Final = "/ETSI.CAdES.detached"
TIMESTAMP_SUB_FILTER: Final = "/ETSI.RFC3161"
DIGESTS: Final = frozenset({"sm3", "sha256", "sha384", "sha512"})
"""Digests over the document, and of timestamp imprints."""
TOKEN_ROOM: Final = 8192
"""Bytes kept free for a signature timestamp."""
MAX_ROOM: Final = 1 << 20
"""Bytes that may be reserved for one signature."""
MAX_PICTURE: Final = 8 << 20
_MAX_STATE: Final = 4 << 20
_HEX: Final = r"^(?:[0-9a-f]{2}){32,64}\Z"


@dataclass(frozen=True)
class Appearance:
    """What a visible signature shows: `page` counts from 1, `box` is (left, bottom, right, top) in points of the page.

    `draw` is a PNG, a PDF of which the first page is taken, or a bare content stream drawn in a box from (0, 0); it
    is stretched to the box. Empty draws nothing.
    """

    page: int
    box: tuple[float, float, float, float]
    draw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class SignatureRequest:
    """What to append. A field of that name is filled if it is there and empty, made otherwise.

    `digest` is the scheme's own when empty. `room` is bytes for the CMS message, estimated when 0, with `token_room`
    of them for a timestamp (0 for level B-B). Reason, location and name are what the dictionary says, unproven.
    """

    field: str
    appearance: Appearance | None = None
    reason: str = ""
    location: str = ""
    name: str = ""
    digest: str = ""
    room: int = 0
    token_room: int = TOKEN_ROOM


class FileState(Struct, frozen=True, forbid_unknown_fields=True):
    """How a file looked when it was prepared; while that is so, nobody wrote into it and it need not be hashed again.

    `changed_ns` is the change time of the inode, which a writer cannot set. A copy or a moved file has another state
    and is hashed before it is completed.
    """

    size: Annotated[int, Meta(ge=0)]
    inode: int
    changed_ns: int

    @classmethod
    def of(cls, stat: stat_result) -> "FileState":
        """Take it from what fstat answered."""
        return cls(stat.st_size, stat.st_ino, stat.st_ctime_ns)


class PreparedSignature(Struct, frozen=True, forbid_unknown_fields=True):
    """A signature that waits for its value: no path in it, so the file may be moved meanwhile.

    `document_digest` is hex, by `digest`, of what `byte_range` covers; `to_be_signed` the DER SET OF signed
    attributes (RFC 5652 5.4): the holder signs these bytes (SM2: SM3(Z | bytes)). `certificate` and `chain` are DER.
    """

    v: Literal[1]
    field: Annotated[str, Meta(max_length=200)]
    byte_range: Annotated[tuple[int, ...], Meta(min_length=4, max_length=4)]
    digest: Annotated[str, Meta(pattern=r"^(?:sm3|sha256|sha384|sha512)\Z")]
    document_digest: Annotated[str, Meta(pattern=_HEX)]
    to_be_signed: bytes
    certificate: bytes
    chain: Annotated[tuple[bytes, ...], Meta(max_length=16)]
    state: FileState

    @property
    def range(self) -> ByteRange:
        """Answer the byte range as four numbers."""
        start, length, second, rest = self.byte_range
        return start, length, second, rest

    @property
    def room(self) -> int:
        """Answer how many bytes the message may have."""
        return room_of(self.range)


class PreparedTimestamp(Struct, frozen=True, forbid_unknown_fields=True):
    """A document timestamp (文档时间戳) that waits for its token over `document_digest`."""

    v: Literal[1]
    field: Annotated[str, Meta(max_length=200)]
    byte_range: Annotated[tuple[int, ...], Meta(min_length=4, max_length=4)]
    digest: Annotated[str, Meta(pattern=r"^(?:sm3|sha256|sha384|sha512)\Z")]
    document_digest: Annotated[str, Meta(pattern=_HEX)]
    state: FileState

    @property
    def range(self) -> ByteRange:
        """Answer the byte range as four numbers."""
        start, length, second, rest = self.byte_range
        return start, length, second, rest

    @property
    def imprint(self) -> bytes:
        """Answer what is to be stamped, a digest by `digest`."""
        return bytes.fromhex(self.document_digest)

    @property
    def room(self) -> int:
        """Answer how many bytes the token may have."""
        return room_of(self.range)


@dataclass(frozen=True)
class ValidationData:
    """What a later verifier will need (验证数据, DSS of ISO 32000-2 12.8.4.3): DER certificates, CRLs, OCSP responses.

    Certificates include those of the authorities of timestamps and, where wanted, roots.
    """

    certificates: tuple[bytes, ...] = ()
    crls: tuple[bytes, ...] = ()
    ocsps: tuple[bytes, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.certificates or self.crls or self.ocsps)


_Prepared = TypeVar("_Prepared", PreparedSignature, PreparedTimestamp)


def write_prepared(prepared: PreparedSignature | PreparedTimestamp) -> bytes:
    """Write a prepared state as JSON; byte strings in base64."""
    return msgspec.json.encode(prepared)


def read_prepared(data: bytes, kind: type[_Prepared]) -> _Prepared:
    """Read a prepared state from JSON. Raises LimitError or MalformedError."""
    if len(data) > _MAX_STATE:
        raise LimitError(f"{len(data)} bytes; at most {_MAX_STATE} are read")
    try:
        prepared = msgspec.json.decode(data, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedError(f"no prepared state: {error}") from error
    start, length, second, rest = prepared.byte_range
    if start != 0 or length <= 0 or rest <= 0 or second - length < 2 or second + rest != prepared.state.size:  # noqa: PLR2004
        raise MalformedError("a prepared state with an impossible byte range")
    if prepared.room > MAX_ROOM:
        raise LimitError(f"room of {prepared.room} bytes; at most {MAX_ROOM} are reserved")
    return prepared


def imprint_of(signature: bytes, digest: str) -> bytes:
    """Answer the imprint that a signature timestamp stands over: the digest of the signature's octets.

    `digest` is sm3, sha256, sha384 or sha512; UnsupportedAlgorithmError otherwise.
    """
    require_digest(digest)
    return compute_digest(digest, signature)


def require_digest(name: str) -> None:
    """Raise UnsupportedAlgorithmError unless this digest is used over documents."""
    if name not in DIGESTS:
        raise UnsupportedAlgorithmError(f"digest {name!r}")


def room_of(byte_range: ByteRange) -> int:
    """Answer the bytes that fit into the gap of a byte range, hex and its brackets being taken off."""
    return (byte_range[2] - byte_range[1] - 2) // 2
