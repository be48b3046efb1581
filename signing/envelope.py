"""The sealed envelope of one opening stage (双封签): two key halves, their commitments, and chunked SM4-GCM.

The content key comes from a half that the officers can open (K_T) and one that the bidder releases (K_B), so neither
side reads alone, and either half may become public first. SM4-GCM does not commit to its key; the commitments do.
The labels and orders of bytes here are those of docs/format/bundle.md.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import BinaryIO, Final, Literal

from signing import sm2
from signing.digests import sm3
from signing.envelope_chunks import Cutter, in_order
from signing.errors import DecryptionError, InvalidKeyError
from signing.libgcrypt import Data
from signing.sm3 import kdf
from signing.sm4 import KEY, TAG, Engine, Sm4Gcm

HALF: Final = 32
"""Bytes of a key half, of a salt and of every SM3 digest."""
CHUNK: Final = 1 << 20
"""Bytes of plaintext in every chunk but the last."""
_SEALED_CHUNK: Final = CHUNK + TAG
_COUNTER: Final = 11
_WIDE: Final = 40
"""Bytes reduced modulo n - 1: 64 bits more than n, so that the bias is negligible."""


# The halves and what is derived from them


def commit_half(label: Literal[b"cKT", b"cKB"], half: bytes) -> bytes:
    """Commit to a half: SM3(label | half), 32 bytes. InvalidKeyError unless the half has 32 bytes."""
    return sm3(label, _require_half(half))


def commit_document(salt: bytes, sm3_of_document: bytes) -> bytes:
    """Commit to a document M: SM3("cM" | salt | SM3(M)), hiding it as long as the 32-byte salt is secret."""
    return sm3(b"cM", _require_half(salt), _require_half(sm3_of_document))


def derive_cek(k_t: bytes, k_b: bytes, h0_sm3: bytes) -> bytes:
    """Derive the stage's content key: the first 16 bytes of KDF("cek" | K_T | K_B | SM3(h0))."""
    return kdf(b"cek" + _require_half(k_t) + _require_half(k_b) + _require_half(h0_sm3), KEY)


def commit_cek(cek: bytes) -> bytes:
    """Commit to the content key: SM3("cCEK" | CEK), 32 bytes."""
    return sm3(b"cCEK", _require_key(cek))


def recover_cek(k_t: bytes, k_b: bytes, h0_sm3: bytes, commitment: bytes) -> bytes:
    """Derive the content key from both halves; DecryptionError unless it is the one the header commits to."""
    cek = derive_cek(k_t, k_b, h0_sm3)
    if commit_cek(cek) != commitment:
        raise DecryptionError("the halves do not give the committed content key")
    return cek


def part_key(cek: bytes, part_id: str) -> bytes:
    """Derive the key of one part: the first 16 bytes of KDF("part" | CEK | part id in UTF-8)."""
    return kdf(b"part" + _require_key(cek) + part_id.encode(), KEY)


# The wraps


def wrap_nonce(k_t: bytes, h1_sm3: bytes) -> int:
    """Derive the nonce of the officers' wrap: 1 + KDF("wrapT-k" | K_T | SM3(h1), 40 bytes) mod (n - 1).

    From the wrapped half itself (Fujisaki-Okamoto): whoever has opened the wrap can make it again and compare, and
    nobody else can. Were it made from K_B, the bidder's release would open the officers' wrap.
    """
    return _reduce(kdf(b"wrapT-k" + _require_half(k_t) + _require_half(h1_sm3), _WIDE))


def wrap_officer_half(officer_key: sm2.PublicKey, k_t: bytes, h1_sm3: bytes) -> bytes:
    """Wrap K_T to the stage's opening key Y: SM2Cipher DER, the same bytes every time."""
    return sm2.encrypt_with_nonce(officer_key, k_t, wrap_nonce(k_t, h1_sm3))


def check_officer_wrap(officer_key: sm2.PublicKey, k_t: bytes, h1_sm3: bytes, wrap: bytes) -> bool:
    """Say whether this is the wrap that our sealer makes. Another vendor's random wrap is not a fault by itself."""
    return wrap_officer_half(officer_key, k_t, h1_sm3) == wrap


def wrap_half(recipient: sm2.PublicKey, half: bytes, random: Callable[[int], bytes]) -> bytes:
    """Wrap a half (K_B for one of the bidder's recipients) under a random nonce: SM2Cipher DER."""
    return sm2.encrypt_with_nonce(recipient, _require_half(half), _reduce(random(_WIDE)))


def unwrap_half(key: sm2.PrivateKey, wrap: bytes) -> bytes:
    """Open a wrap, answering the 32-byte half; DecryptionError for whatever is wrong with it."""
    half = sm2.decrypt(key, wrap)
    if len(half) != HALF:
        raise DecryptionError("the ciphertext does not open")
    return half


# Lengths


def padded_length(n: int) -> int:
    """Round n bytes up to their Padmé length: at most 12 % more, and only O(log log n) bits of n remain visible."""
    if n < 2:  # noqa: PLR2004 - nothing to round
        return n
    exponent = n.bit_length() - 1
    unit = 1 << (exponent - exponent.bit_length())
    return -(-n // unit) * unit


def sealed_length(n: int) -> int:
    """Answer how many bytes a plaintext of n bytes has as sealed chunks; no bytes are one empty chunk."""
    return n + TAG * max(1, -(-n // CHUNK))


def opened_length(length: int) -> int:
    """Answer how many bytes of plaintext `length` sealed bytes hold; DecryptionError if no plaintext gives that."""
    n = length - TAG * max(1, -(-length // _SEALED_CHUNK))
    if n < 0 or sealed_length(n) != length:
        raise DecryptionError("the sealed length is impossible: something is cut off or added")
    return n


# The chunks: nonce = counter from 0 (88 bits) | 1 for the last chunk, else 0; every chunk has the same AAD


class ChunkSealer:
    """Seals a stream piece by piece; it keeps at most one chunk and the piece in hand."""

    def __init__(self, key: bytes, aad: bytes, *, engine: Engine | None = None) -> None:
        """Take a part key that seals nothing else, and SM3(header.json)."""
        self._seal, self._cutter = _Sealing(key, aad, engine), Cutter(CHUNK)
        self._finished = False

    def update(self, data: bytes) -> bytes:
        """Take more plaintext; answer the chunks that are now known not to be the last."""
        if self._finished:
            raise ValueError("this stream is finished")
        return b"".join([self._seal(*chunk) for chunk in self._cutter.cut(data)])

    def finish(self) -> bytes:
        """Answer the last chunk."""
        if self._finished:
            raise ValueError("this stream is finished")
        self._finished = True
        return self._seal(*self._cutter.last(), last=True)


class _Sealing:
    """What every chunk of one stream has in common; threads may share it."""

    def __init__(self, key: bytes, aad: bytes, engine: Engine | None) -> None:
        self._cipher, self._aad = Sm4Gcm(key, engine), aad

    def __call__(self, number: int, plaintext: Data, *, last: bool = False) -> bytes:
        return self._cipher.seal(chunk_nonce(number, last=last), plaintext, self._aad)


class ChunkOpener:
    """Opens the chunks of one stream by their number; nothing of a chunk leaves before its tag has matched.

    Threads may share it.
    """

    def __init__(self, key: bytes, aad: bytes, length: int, *, engine: Engine | None = None) -> None:
        """Take what sealed the stream and its sealed length; DecryptionError if that length is impossible."""
        self._cipher, self._aad, self._length = Sm4Gcm(key, engine), aad, length
        self.plain_length = opened_length(length)
        """Bytes of plaintext in the whole stream."""
        self.count = max(1, -(-length // _SEALED_CHUNK))
        """Chunks in the stream."""

    def size(self, number: int) -> int:
        """Answer the sealed bytes of chunk `number` (from 0)."""
        return min(_SEALED_CHUNK, self._length - number * _SEALED_CHUNK)

    def open(self, number: int, sealed: Data) -> bytes:
        """Open chunk `number`; DecryptionError for other bytes, another place, or a last chunk that is not the last."""
        if not 0 <= number < self.count or len(sealed) != self.size(number):
            raise DecryptionError("the sealed stream is cut short")
        return self._cipher.open(chunk_nonce(number, last=number == self.count - 1), sealed, self._aad)


def seal_stream(
    chunks: Iterable[bytes], key: bytes, aad: bytes, *, threads: int = 1, engine: Engine | None = None
) -> Iterator[bytes]:
    """Seal pieces of any size under a part key that seals nothing else; AAD is SM3(header.json).

    `threads` seal at the same time; what comes out is the same, in the same order, and about three chunks a thread
    are in memory.
    """
    sealing, cutter = _Sealing(key, aad, engine), Cutter(CHUNK)
    yield from in_order(sealing, (cut for piece in chunks for cut in cutter.cut(piece)), threads)
    yield sealing(*cutter.last(), last=True)


def open_stream(
    stream: BinaryIO, length: int, key: bytes, aad: bytes, *, threads: int = 1, engine: Engine | None = None
) -> Generator[bytes, None, None]:
    """Open the `length` sealed bytes that come next in the stream, one chunk at a time.

    Raises DecryptionError at the first chunk that differs from what was sealed; what was yielded before it is
    genuine, but whether the stream is whole is known only at the end. `threads` as with `seal_stream`.
    """
    opener = ChunkOpener(key, aad, length, engine=engine)
    chunks = ((number, _read(stream, opener.size(number))) for number in range(opener.count))
    yield from in_order(opener.open, chunks, threads)


def open_range(stream: BinaryIO, length: int, key: bytes, aad: bytes, *, offset: int, size: int) -> Iterator[bytes]:
    """Open `size` bytes of plaintext from `offset`, reading only the chunks they lie in.

    The stream is seekable and stands where the `length` sealed bytes begin. A range is genuine and in its place, but
    says nothing about chunks outside it. Raises ValueError for a range outside the plaintext, DecryptionError as above.
    """
    opener = ChunkOpener(key, aad, length)
    if offset < 0 or size < 0 or offset + size > opener.plain_length:
        raise ValueError(f"no {size} bytes at {offset} in {opener.plain_length}")
    return _open_range(stream, opener, stream.tell(), range(offset, offset + size))


def _open_range(stream: BinaryIO, opener: ChunkOpener, start: int, wanted: range) -> Iterator[bytes]:
    for number in range(wanted.start // CHUNK, -(-wanted.stop // CHUNK) if wanted else 0):
        stream.seek(start + number * _SEALED_CHUNK)
        base = number * CHUNK
        chunk = opener.open(number, _read(stream, opener.size(number)))
        yield chunk[max(0, wanted.start - base) : wanted.stop - base]


def chunk_nonce(number: int, *, last: bool) -> bytes:
    """Answer the nonce of chunk `number`: 11 bytes of number, and 1 for the last chunk, else 0."""
    return number.to_bytes(_COUNTER) + (b"\x01" if last else b"\x00")


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end of the stream; raw streams may answer in pieces."""
    data = stream.read(size)
    while 0 < len(data) < size and (more := stream.read(size - len(data))):
        data += more
    return data


def _reduce(wide: bytes) -> int:
    return 1 + int.from_bytes(wide) % (sm2.N - 1)


def _require_half(half: bytes) -> bytes:
    if len(half) != HALF:
        raise InvalidKeyError(f"a key half, a salt and a digest have {HALF} bytes")
    return half


def _require_key(key: bytes) -> bytes:
    if len(key) != KEY:
        raise InvalidKeyError(f"a content key has {KEY} bytes")
    return key
