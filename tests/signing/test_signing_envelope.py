"""The envelope: its formulas, its wraps, and a chunk stream that releases nothing that was not sealed there."""

import io
import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator

import gmssl_pyx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import envelope, sm2, sm4
from signing.envelope_chunks import Cutter
from signing.errors import DecryptionError, InvalidKeyError
from signing.sm4 import Sm4Gcm

MIB = 1 << 20
SEALED = MIB + 16
K_T, K_B, SALT = (bytes([n]) * 32 for n in (0x11, 0x22, 0x33))
H0, H1, AAD = (bytes([n]) * 32 for n in (0xA0, 0xA1, 0xAA))
OFFICER = sm2.PrivateKey.from_scalar(b"\x07" * 32)
BIDDER = sm2.PrivateKey.from_scalar(b"\x08" * 32)
KEY = bytes(range(16))


def sm3(*parts: bytes) -> bytes:
    """Ask another implementation."""
    return bytes(gmssl_pyx.sm3_hash(b"".join(parts)))


def kdf(length: int, *parts: bytes) -> bytes:
    """Ask another implementation."""
    return bytes(gmssl_pyx.sm3_kdf(b"".join(parts), length))


# Halves, commitments, keys


def test_formulas_are_those_of_the_format() -> None:
    cek = kdf(16, b"cek", K_T, K_B, H0)
    assert envelope.commit_half(b"cKT", K_T) == sm3(b"cKT", K_T)
    assert envelope.commit_half(b"cKB", K_B) == sm3(b"cKB", K_B)
    assert envelope.commit_document(SALT, sm3(b"M")) == sm3(b"cM", SALT, sm3(b"M"))
    assert envelope.derive_cek(K_T, K_B, H0) == cek
    assert envelope.commit_cek(cek) == sm3(b"cCEK", cek)
    assert envelope.part_key(cek, "readout") == kdf(16, b"part", cek, b"readout")
    wide = int.from_bytes(kdf(40, b"wrapT-k", K_T, H1))
    assert envelope.wrap_nonce(K_T, H1) == 1 + wide % (sm2.N - 1)


def test_every_input_changes_the_content_key() -> None:
    other = bytes(32)
    keys = {
        envelope.derive_cek(*inputs)
        for inputs in ((K_T, K_B, H0), (other, K_B, H0), (K_T, other, H0), (K_T, K_B, other), (K_B, K_T, H0))
    }
    assert len(keys) == 5


def test_parts_have_keys_of_their_own() -> None:
    assert len({envelope.part_key(KEY, part) for part in ("readout", "part-1", "part-2", "part-11", "")}) == 5


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: envelope.commit_half(b"cKT", K_T[1:]), id="half"),
        pytest.param(lambda: envelope.commit_document(SALT + b"\0", H0), id="salt"),
        pytest.param(lambda: envelope.commit_document(SALT, b"M"), id="digest"),
        pytest.param(lambda: envelope.derive_cek(K_T + K_B[:1], K_B[1:], H0), id="bytes moved between halves"),
        pytest.param(lambda: envelope.commit_cek(K_T), id="content key"),
        pytest.param(lambda: envelope.part_key(b"", "readout"), id="no content key"),
        pytest.param(lambda: envelope.wrap_nonce(K_T, b""), id="no header"),
        pytest.param(lambda: envelope.wrap_half(BIDDER.public, b"", os.urandom), id="wrapping nothing"),
    ],
)
def test_lengths_are_fixed_so_that_no_two_inputs_read_alike(call: Callable[[], bytes]) -> None:
    with pytest.raises(InvalidKeyError):
        call()


# Wraps


def test_the_officers_open_their_wrap_and_anyone_can_make_it_again() -> None:
    wrap = envelope.wrap_officer_half(OFFICER.public, K_T, H1)
    assert envelope.unwrap_half(OFFICER, wrap) == K_T
    assert sm2.ENGINES[-1].decrypt(OFFICER.scalar(), wrap) == K_T
    assert envelope.check_officer_wrap(OFFICER.public, K_T, H1, wrap)


@pytest.mark.parametrize(
    ("officer", "half", "header"),
    [
        pytest.param(BIDDER, K_T, H1, id="another key"),
        pytest.param(OFFICER, K_B, H1, id="another half"),
        pytest.param(OFFICER, K_T, H0, id="another header"),
    ],
)
def test_another_wrap_is_told_apart(officer: sm2.PrivateKey, half: bytes, header: bytes) -> None:
    wrap = envelope.wrap_officer_half(OFFICER.public, K_T, H1)
    assert not envelope.check_officer_wrap(officer.public, half, header, wrap)


def test_a_random_wrap_of_the_same_half_opens_but_is_told_apart() -> None:
    wrap = sm2.encrypt(OFFICER.public, K_T)
    assert envelope.unwrap_half(OFFICER, wrap) == K_T
    assert not envelope.check_officer_wrap(OFFICER.public, K_T, H1, wrap)


def open_with_nonce(wrap: bytes, k: int, recipient: sm2.PublicKey) -> bytes:
    """Do what someone can do who knows or guesses a wrap's nonce: open it without the private key."""
    stream = kdf(32, sm2.multiply(k, recipient.point)[1:])
    return bytes(a ^ b for a, b in zip(sm2.parse_ciphertext(wrap).c2, stream, strict=True))


def test_the_released_half_does_not_open_the_officers_wrap() -> None:
    """Were the nonce made from K_B, the trading side could read a bid as soon as its bidder releases K_B."""
    wrap = envelope.wrap_officer_half(OFFICER.public, K_T, H1)
    released = (envelope.wrap_nonce(K_B, H1), envelope.wrap_nonce(K_B, H0))
    assert all(open_with_nonce(wrap, k, OFFICER.public) != K_T for k in released)
    assert all(sm2.multiply(k) != sm2.parse_ciphertext(wrap).c1 for k in released)
    assert open_with_nonce(wrap, envelope.wrap_nonce(K_T, H1), OFFICER.public) == K_T  # the attack itself works


def test_a_bidders_wraps_differ_and_open() -> None:
    wraps = {envelope.wrap_half(BIDDER.public, K_B, os.urandom) for _ in range(3)}
    assert len(wraps) == 3
    assert {envelope.unwrap_half(BIDDER, wrap) for wrap in wraps} == {K_B}
    with pytest.raises(DecryptionError):
        envelope.unwrap_half(OFFICER, wraps.pop())


def test_a_wrap_uses_the_given_randomness() -> None:
    first, second = (envelope.wrap_half(BIDDER.public, K_B, lambda n: b"\x05" * n) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("size", [1, 31, 33, 255])
def test_a_wrap_of_another_length_is_no_half(size: int) -> None:
    with pytest.raises(DecryptionError):
        envelope.unwrap_half(BIDDER, sm2.encrypt(BIDDER.public, bytes(size)))


# Key commitment


def multiply_blocks(x: int, y: int) -> int:
    """Multiply in GF(2^128) as GHASH does (the first bit of a block is the coefficient of x^0)."""
    product = 0
    for bit in range(128):
        if y >> (127 - bit) & 1:
            product ^= x
        x = (x >> 1) ^ (0xE1 << 120 if x & 1 else 0)
    return product


def invert_block(x: int) -> int:
    """Invert in GF(2^128): x to the power 2^128 - 2."""
    result, square = 1 << 127, x
    for _ in range(127):
        square = multiply_blocks(square, square)
        result = multiply_blocks(result, square)
    return result


def sm4_block(key: bytes, block: bytes) -> bytes:
    return bytes(gmssl_pyx.sm4_ctr_encrypt(key, block, bytes(16)))


def two_key_ciphertext(keys: tuple[bytes, bytes], nonce: bytes, aad: bytes) -> bytes:
    """Make one block and a tag that SM4-GCM accepts under both keys (AAD of 32 bytes)."""
    a0, a1 = int.from_bytes(aad[:16]), int.from_bytes(aad[16:])
    lengths = (8 * len(aad) << 64) | 128
    fixed = difference = 0
    for key in keys:
        h = int.from_bytes(sm4_block(key, bytes(16)))
        h2 = multiply_blocks(h, h)
        h3 = multiply_blocks(h2, h)
        h4 = multiply_blocks(h2, h2)
        mask = int.from_bytes(sm4_block(key, nonce + b"\0\0\0\1"))
        fixed ^= multiply_blocks(a0, h4) ^ multiply_blocks(a1, h3) ^ multiply_blocks(lengths, h) ^ mask
        difference ^= h2
    block = multiply_blocks(fixed, invert_block(difference))
    tag = multiply_blocks(a0, h4) ^ multiply_blocks(a1, h3) ^ multiply_blocks(block, h2)
    tag ^= multiply_blocks(lengths, h) ^ mask
    return block.to_bytes(16) + tag.to_bytes(16)


def test_a_ciphertext_of_two_prices_is_caught_by_the_commitment() -> None:
    """SM4-GCM opens it under both keys: only the committed content key decides which one the bid is."""
    halves = (K_B, b"\x44" * 32)
    ceks = tuple(envelope.derive_cek(K_T, half, H0) for half in halves)
    keys = (envelope.part_key(ceks[0], "readout"), envelope.part_key(ceks[1], "readout"))
    sealed = two_key_ciphertext(keys, bytes(11) + b"\x01", AAD)
    prices = [b"".join(envelope.open_stream(io.BytesIO(sealed), len(sealed), key, AAD)) for key in keys]
    assert prices[0] != prices[1]

    commitment = envelope.commit_cek(ceks[0])
    assert envelope.recover_cek(K_T, halves[0], H0, commitment) == ceks[0]
    with pytest.raises(DecryptionError):
        envelope.recover_cek(K_T, halves[1], H0, commitment)


# Lengths


@pytest.mark.parametrize(
    ("n", "padded"),
    [(0, 0), (1, 1), (2, 2), (9, 10), (100, 104), (1000, 1024), (1 << 20, 1 << 20), ((1 << 20) + 1, (1 << 20) + 32768)],
)
def test_padded_length(n: int, padded: int) -> None:
    assert envelope.padded_length(n) == padded


@given(n=st.integers(2, 1 << 45))
@settings(deadline=None)
def test_padding_is_small_settled_and_hides_the_low_bits(n: int) -> None:
    padded = envelope.padded_length(n)
    assert n <= padded <= n * 1.12
    assert envelope.padded_length(padded) == padded
    exponent = n.bit_length() - 1
    assert padded % (1 << (exponent - exponent.bit_length())) == 0


@pytest.mark.parametrize(
    ("n", "sealed"),
    [(0, 16), (1, 17), (MIB - 1, MIB + 15), (MIB, SEALED), (MIB + 1, SEALED + 17), (3 * MIB, 3 * SEALED)],
)
def test_sealed_length(n: int, sealed: int) -> None:
    assert envelope.sealed_length(n) == sealed
    assert envelope.opened_length(sealed) == n


@pytest.mark.parametrize("length", [-1, 0, 15, SEALED + 1, SEALED + 16, 2 * SEALED + 3])
def test_no_plaintext_has_these_sealed_lengths(length: int) -> None:
    with pytest.raises(DecryptionError):
        envelope.opened_length(length)


@given(n=st.integers(0, 1 << 45))
@settings(deadline=None)
def test_lengths_go_back_and_forth(n: int) -> None:
    assert envelope.opened_length(envelope.sealed_length(n)) == n


# Chunks


def seal(plaintext: bytes, piece: int = 1 << 30) -> bytes:
    pieces = (plaintext[at : at + piece] for at in range(0, len(plaintext), piece))
    return b"".join(envelope.seal_stream(pieces, KEY, AAD))


def open_all(sealed: bytes, key: bytes = KEY, aad: bytes = AAD) -> list[bytes]:
    """Open until the end or the refusal; answer what was released, or raise if nothing was."""
    return list(envelope.open_stream(io.BytesIO(sealed), len(sealed), key, aad))


def released(opened: Iterator[bytes]) -> list[bytes]:
    """Collect what comes out before the refusal, which must come."""
    chunks: list[bytes] = []
    with pytest.raises(DecryptionError):
        chunks.extend(opened)
    return chunks


PLAINTEXT = b"".join(bytes([n]) * MIB for n in (1, 2, 3)) + b"end"
SEALED_PLAINTEXT = seal(PLAINTEXT)


@pytest.mark.parametrize(
    ("size", "chunks"),
    [(0, 1), (1, 1), (MIB - 1, 1), (MIB, 1), (MIB + 1, 2), (2 * MIB, 2), (2 * MIB + 5, 3)],
    ids=str,
)
@pytest.mark.parametrize("piece", [MIB, 300_007], ids=["by chunks", "in odd pieces"])
def test_what_is_sealed_opens(size: int, chunks: int, piece: int) -> None:
    plaintext = PLAINTEXT[-size:] if size else b""
    sealed = seal(plaintext, piece)
    assert len(sealed) == envelope.sealed_length(size)
    opened = open_all(sealed)
    assert b"".join(opened) == plaintext
    assert len(opened) == chunks


def test_the_bytes_are_those_of_the_format() -> None:
    cipher = Sm4Gcm(KEY)
    expected = [
        cipher.seal(bytes(10) + bytes([n]) + bytes([n == 3]), PLAINTEXT[n * MIB : (n + 1) * MIB], AAD) for n in range(4)
    ]
    assert b"".join(expected) == SEALED_PLAINTEXT


def chunks_of(sealed: bytes) -> list[bytes]:
    return [sealed[at : at + SEALED] for at in range(0, len(sealed), SEALED)]


A, B, C, END = chunks_of(SEALED_PLAINTEXT)


@pytest.mark.parametrize(
    ("sealed", "genuine"),
    [
        pytest.param(A + B[:500] + bytes([B[500] ^ 1]) + B[501:] + C + END, 1, id="flipped in the second"),
        pytest.param(A + B[:-1] + bytes([B[-1] ^ 1]) + C + END, 1, id="flipped tag"),
        pytest.param(A + B + C + END[:-1] + bytes([END[-1] ^ 0x80]), 3, id="flipped in the last"),
        pytest.param(B + A + C + END, 0, id="first two exchanged"),
        pytest.param(A + C + B + END, 1, id="second and third exchanged"),
        pytest.param(A + A + C + END, 1, id="first one again"),
        pytest.param(B + C + END, 0, id="first one missing"),
        pytest.param(A + B + C, 2, id="last one missing"),
        pytest.param(A + B, 1, id="cut at a chunk"),
        pytest.param(A, 0, id="only the first"),
        pytest.param(A + B + C + END[:-1], 3, id="a byte short"),
        pytest.param(A + B + C + END + b"\0", 3, id="a byte more"),
        pytest.param(A + B + C + END + bytes(SEALED - len(END)) + END, 3, id="a chunk more"),
        pytest.param(A + B + C + C, 3, id="last one replaced by a full one"),
        pytest.param(A + B + C + bytes(16), 0, id="an empty last one, which no sealer makes"),
        pytest.param(A + B + END, 2, id="third one missing"),
    ],
)
def test_a_changed_stream_is_refused_before_any_byte_of_the_changed_chunk(sealed: bytes, genuine: int) -> None:
    opened = envelope.open_stream(io.BytesIO(sealed), len(sealed), KEY, AAD)
    assert released(opened) == [PLAINTEXT[n * MIB : (n + 1) * MIB] for n in range(genuine)]


def test_a_full_last_chunk_does_not_pass_for_a_middle_one_nor_the_reverse() -> None:
    whole = seal(PLAINTEXT[:MIB])
    assert released(envelope.open_stream(io.BytesIO(whole + END), len(whole + END), KEY, AAD)) == []
    assert released(envelope.open_stream(io.BytesIO(A), len(A), KEY, AAD)) == []
    emptied = whole + Sm4Gcm(KEY).seal(bytes(10) + b"\x01\x01", b"", AAD)
    with pytest.raises(DecryptionError):  # an empty last chunk after others is not the one form
        open_all(emptied)


@pytest.mark.parametrize(
    ("key", "aad"),
    [(bytes(16), AAD), (KEY, AAD[:-1] + b"\0"), (KEY, b"")],
    ids=["another key", "another header", "no header"],
)
def test_key_and_header_must_be_those_of_the_sealing(key: bytes, aad: bytes) -> None:
    with pytest.raises(DecryptionError):
        open_all(SEALED_PLAINTEXT, key, aad)


def test_a_stream_shorter_than_said_is_refused() -> None:
    stream = io.BytesIO(SEALED_PLAINTEXT[: 2 * SEALED + 7])
    assert len(released(envelope.open_stream(stream, len(SEALED_PLAINTEXT), KEY, AAD))) == 2


class Dribble(io.RawIOBase):
    """A raw stream that answers at most 400,000 bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(min(size, 400_000))


def test_a_stream_may_answer_in_pieces() -> None:
    opened = envelope.open_stream(Dribble(SEALED_PLAINTEXT), len(SEALED_PLAINTEXT), KEY, AAD)  # type: ignore[arg-type]
    assert b"".join(opened) == PLAINTEXT


def test_a_finished_sealer_takes_nothing_more() -> None:
    sealer = envelope.ChunkSealer(KEY, AAD)
    assert sealer.update(b"x") == b""
    assert sealer.finish() == Sm4Gcm(KEY).seal(bytes(11) + b"\x01", b"x", AAD)
    with pytest.raises(ValueError, match="finished"):
        sealer.update(b"y")
    with pytest.raises(ValueError, match="finished"):
        sealer.finish()


@pytest.mark.parametrize("number", [-1, 4])
def test_an_opener_knows_its_chunks(number: int) -> None:
    opener = envelope.ChunkOpener(KEY, AAD, len(SEALED_PLAINTEXT))
    assert opener.count == 4
    assert opener.open(3, END) == b"end"
    with pytest.raises(DecryptionError):
        opener.open(number, END)


# Threads, engines, memory

threads = pytest.mark.parametrize("threads", [1, 2, 3])
engines = pytest.mark.parametrize("engine", sm4.ENGINES, ids=lambda engine: engine.name)


@threads
@engines
@pytest.mark.parametrize("size", [0, 1, MIB, MIB + 1, len(PLAINTEXT)])
@pytest.mark.parametrize("piece", [100_003, MIB, 1 << 30])
def test_threads_and_engines_change_no_byte(threads: int, engine: sm4.Engine, size: int, piece: int) -> None:
    plaintext = PLAINTEXT[:size]
    pieces = [plaintext[at : at + piece] for at in range(0, size, piece)]
    sealed = b"".join(envelope.seal_stream(pieces, KEY, AAD, threads=threads, engine=engine))
    assert sealed == seal(plaintext)
    stream = io.BytesIO(sealed)
    opened = envelope.open_stream(stream, len(sealed), KEY, AAD, threads=threads, engine=engine)
    assert b"".join(opened) == plaintext


@threads
@pytest.mark.parametrize("bad", range(4))
def test_with_threads_too_nothing_comes_after_a_changed_chunk(threads: int, bad: int) -> None:
    sealed = bytearray(SEALED_PLAINTEXT)
    sealed[bad * SEALED] ^= 1
    opened = envelope.open_stream(io.BytesIO(bytes(sealed)), len(sealed), KEY, AAD, threads=threads)
    assert released(opened) == [PLAINTEXT[n * MIB : (n + 1) * MIB] for n in range(bad)]
    assert list(opened) == []


@threads
def test_only_a_few_chunks_are_under_way(threads: int) -> None:
    taken = 0

    def pieces() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(20):
            taken += 1
            yield bytes(MIB)

    sealed = envelope.seal_stream(pieces(), KEY, AAD, threads=threads)
    for got, _ in enumerate(sealed, 1):
        assert taken <= got + 2 * threads + 1


@threads
def test_who_stops_early_leaves_no_thread_behind(threads: int) -> None:
    sealed = envelope.seal_stream([bytes(MIB)] * 8, KEY, AAD, threads=threads)
    next(sealed)
    sealed.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("chunks")]


@pytest.mark.parametrize(("threads", "limit"), [(1, 9 * MIB), (2, 20 * MIB)])
def test_memory_does_not_grow_with_the_stream(threads: int, limit: int) -> None:
    def pieces() -> Iterator[bytes]:
        return (bytes(MIB) for _ in range(48))

    tracemalloc.start()
    try:
        sealed = envelope.seal_stream(pieces(), KEY, AAD, threads=threads)
        stream = io.BufferedReader(Joined(sealed), MIB)
        length = envelope.sealed_length(48 * MIB)
        assert sum(map(len, envelope.open_stream(stream, length, KEY, AAD, threads=threads))) == 48 * MIB
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


class Joined(io.RawIOBase):
    """A stream of the pieces of an iterator."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._left = pieces, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._left = self._left or next(self._pieces, b"")
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


class Counting(io.BytesIO):
    """Counts the bytes that were read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def test_a_range_reads_no_more_in_a_longer_stream() -> None:
    longer = b"".join(envelope.seal_stream([PLAINTEXT] * 4, KEY, AAD))
    counts = set[int]()
    for sealed in (SEALED_PLAINTEXT, longer):
        stream = Counting(sealed)
        list(envelope.open_range(stream, len(sealed), KEY, AAD, offset=MIB + 5, size=MIB))
        counts.add(stream.count)
    assert counts == {2 * SEALED}


@given(pieces=st.lists(st.one_of(st.integers(0, 300), st.integers(65_000, 66_000), st.just(100)), max_size=30))
@settings(deadline=None)
def test_the_cutter_cuts_where_the_bytes_say(pieces: list[int]) -> None:
    plaintext = bytes(n % 251 for n in range(1000)) * (sum(pieces) // 1000 + 1)
    cutter, at, cut = Cutter(100), 0, list[tuple[int, bytes]]()
    for size in pieces:
        piece = bytearray(plaintext[at : at + size])
        cut += [(number, bytes(chunk)) for number, chunk in cutter.cut(piece)]
        piece[:] = bytes(size)  # its owner uses it again
        at += size
    number, last = cutter.last()
    whole = [bytes(chunk) for _, chunk in cut] + [bytes(last)]
    assert [n for n, _ in cut] == list(range(number))
    assert whole == ([plaintext[:at][n : n + 100] for n in range(0, at, 100)] or [b""])


# Ranges


@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (0, 0),
        (0, 1),
        (0, len(PLAINTEXT)),
        (MIB - 1, 2),
        (MIB, MIB),
        (MIB + 5, 2 * MIB - 2),
        (3 * MIB, 3),
        (3 * MIB - 1, 1),
        (len(PLAINTEXT), 0),
        (len(PLAINTEXT) - 1, 1),
    ],
)
def test_a_range_opens_from_where_the_stream_stands(offset: int, size: int) -> None:
    stream = io.BytesIO(b"header" + SEALED_PLAINTEXT + b"trailer")
    stream.seek(6)
    opened = envelope.open_range(stream, len(SEALED_PLAINTEXT), KEY, AAD, offset=offset, size=size)
    assert b"".join(opened) == PLAINTEXT[offset : offset + size]


def test_a_range_needs_only_its_own_chunks() -> None:
    damaged = bytes(SEALED) + B + bytes(SEALED) + END
    for size, opens in ((MIB, True), (MIB + 1, False)):
        opened = envelope.open_range(io.BytesIO(damaged), len(damaged), KEY, AAD, offset=MIB, size=size)
        assert (list(opened) if opens else released(opened)) == [PLAINTEXT[MIB : 2 * MIB]]


@pytest.mark.parametrize(("offset", "size"), [(-1, 1), (0, -1), (0, len(PLAINTEXT) + 1), (len(PLAINTEXT), 1)])
def test_a_range_lies_inside(offset: int, size: int) -> None:
    with pytest.raises(ValueError, match="no "):
        envelope.open_range(io.BytesIO(SEALED_PLAINTEXT), len(SEALED_PLAINTEXT), KEY, AAD, offset=offset, size=size)


def test_an_empty_range_of_nothing() -> None:
    sealed = seal(b"")
    assert list(envelope.open_range(io.BytesIO(sealed), len(sealed), KEY, AAD, offset=0, size=0)) == []
