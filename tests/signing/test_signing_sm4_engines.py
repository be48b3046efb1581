"""SM4-GCM engines: byte for byte the same, whatever carries the bytes; safe in threads; absent where they should be."""

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signing import libgcrypt, sm4, sm4_gcrypt
from signing.errors import DecryptionError, SigningError, UnsupportedAlgorithmError
from signing.sm4 import Sm4Gcm

KEY, NONCE = bytes(range(16)), bytes(range(12))
PLAINTEXT = bytes(range(256)) * 20 + b"end"
REFERENCE = Sm4Gcm(KEY, sm4.CryptographyEngine())
SEALED = REFERENCE.seal(NONCE, PLAINTEXT, b"aad")

engines = pytest.mark.parametrize("engine", sm4.ENGINES, ids=lambda engine: engine.name)


def test_libgcrypt_is_first_where_it_loads() -> None:
    names = [engine.name for engine in sm4.ENGINES]
    try:
        libgcrypt.load()
    except UnsupportedAlgorithmError:
        assert names == ["cryptography"]
    else:
        assert names == ["libgcrypt", "cryptography"]


@given(
    key=st.binary(min_size=16, max_size=16),
    nonce=st.binary(min_size=12, max_size=12),
    aad=st.binary(max_size=100),
    size=st.integers(0, 3000),
    seed=st.binary(min_size=1, max_size=40),
    flip=st.integers(0, 1 << 20),
)
@example(key=KEY, nonce=NONCE, aad=b"", size=0, seed=b"x", flip=0)
@example(key=KEY, nonce=b"\xff" * 12, aad=b"a" * 16, size=16 * 64, seed=b"x", flip=7)
@example(key=KEY, nonce=NONCE, aad=b"a" * 33, size=16 * 65 + 1, seed=b"x", flip=1 << 20)
@settings(deadline=None, max_examples=80)
def test_engines_agree(*, key: bytes, nonce: bytes, aad: bytes, size: int, seed: bytes, flip: int) -> None:
    plaintext = (seed * (size // len(seed) + 1))[:size]
    sealed = {Sm4Gcm(key, engine).seal(nonce, plaintext, aad) for engine in sm4.ENGINES}
    assert len(sealed) == 1
    whole = sealed.pop()
    changed = bytearray(whole)
    changed[flip % len(whole)] ^= 1 << flip % 8
    for engine in sm4.ENGINES:
        cipher = Sm4Gcm(key, engine)
        assert cipher.open(nonce, whole, aad) == plaintext
        for wrong, other in ((bytes(changed), aad), (whole[:-1], aad), (whole, aad + b"\0")):
            with pytest.raises(DecryptionError):
                cipher.open(nonce, wrong, other)


@engines
@pytest.mark.parametrize(
    "carry",
    [
        pytest.param(bytearray, id="bytearray"),
        pytest.param(memoryview, id="view of bytes"),
        pytest.param(lambda data: memoryview(bytearray(b"before" + data + b"after"))[6:-5], id="part of a view"),
        pytest.param(lambda data: memoryview(b"x" + data)[1:], id="unaligned view"),
    ],
)
def test_bytes_may_be_carried_by_anything(engine: sm4.Engine, carry: type[bytearray]) -> None:
    cipher = Sm4Gcm(KEY, engine)
    assert cipher.seal(NONCE, carry(PLAINTEXT), b"aad") == SEALED
    assert cipher.open(NONCE, carry(SEALED), b"aad") == PLAINTEXT
    assert cipher.seal(NONCE, carry(b""), b"aad") == REFERENCE.seal(NONCE, b"", b"aad")
    assert cipher.open(NONCE, carry(REFERENCE.seal(NONCE, b"", b"aad")), b"aad") == b""
    assert type(cipher.open(NONCE, carry(SEALED), b"aad")) is bytes


@engines
def test_buffers_are_used_again(engine: sm4.Engine) -> None:
    cipher, sealed, plaintext = Sm4Gcm(KEY, engine), bytearray(len(SEALED)), bytearray(len(PLAINTEXT))
    for _ in range(3):
        cipher.seal_into(NONCE, PLAINTEXT, sealed, b"aad")
        cipher.open_into(NONCE, sealed, plaintext, b"aad")
        assert (sealed, plaintext) == (SEALED, PLAINTEXT)
    plaintext[:] = bytes(len(plaintext))
    with pytest.raises(DecryptionError):
        cipher.open_into(NONCE, sealed, plaintext, b"another")
    assert not any(plaintext)


@engines
@pytest.mark.parametrize("extra", [-17, -1, 1, 100])
def test_a_buffer_of_another_size_is_refused(engine: sm4.Engine, extra: int) -> None:
    cipher = Sm4Gcm(KEY, engine)
    with pytest.raises(ValueError, match="16 bytes"):
        cipher.seal_into(NONCE, PLAINTEXT, bytearray(len(SEALED) + extra), b"aad")
    with pytest.raises(ValueError, match="16 bytes"):
        cipher.open_into(NONCE, SEALED, bytearray(len(PLAINTEXT) + extra), b"aad")


@engines
def test_what_cannot_be_written_is_not_written(engine: sm4.Engine) -> None:
    cipher = Sm4Gcm(KEY, engine)
    zeros = bytes(len(SEALED))
    with pytest.raises(ValueError, match="writable"):
        cipher.seal_into(NONCE, PLAINTEXT, memoryview(zeros), b"aad")
    with pytest.raises(ValueError, match="writable"):
        cipher.open_into(NONCE, SEALED, memoryview(zeros)[16:], b"aad")
    wide = memoryview(bytearray(len(PLAINTEXT) // 4 * 4)).cast("I")
    with pytest.raises(ValueError, match="16 bytes"):
        cipher.seal_into(NONCE, wide, bytearray(len(wide) + 16), b"aad")
    assert not any(zeros)


def test_libgcrypt_itself_writes_nothing_past_the_end() -> None:
    for engine in sm4.ENGINES:
        if isinstance(engine, sm4_gcrypt.GcryptEngine):
            with pytest.raises(SigningError):
                engine.seal_into(KEY, NONCE, PLAINTEXT, bytearray(100), b"")
            with pytest.raises(SigningError):
                engine.open_into(KEY, NONCE, SEALED, bytearray(100), b"")


@engines
def test_a_view_of_wider_items_counts_in_bytes(engine: sm4.Engine) -> None:
    wide = memoryview(PLAINTEXT[:4000]).cast("I")
    assert Sm4Gcm(KEY, engine).seal(NONCE, wide, b"") == REFERENCE.seal(NONCE, PLAINTEXT[:4000], b"")


@engines
def test_what_was_sealed_is_left_as_it_was(engine: sm4.Engine) -> None:
    plaintext, sealed = bytearray(PLAINTEXT), bytearray(SEALED)
    Sm4Gcm(KEY, engine).seal(NONCE, plaintext, b"aad")
    Sm4Gcm(KEY, engine).open(NONCE, sealed, b"aad")
    assert (plaintext, sealed) == (PLAINTEXT, SEALED)


@engines
def test_a_hundred_calls_in_a_row_know_nothing_of_each_other(engine: sm4.Engine) -> None:
    cipher = Sm4Gcm(KEY, engine)
    for number in range(100):
        nonce, plaintext = number.to_bytes(12), PLAINTEXT[: number * 7]
        assert cipher.seal(nonce, plaintext, b"a" * number) == REFERENCE.seal(nonce, plaintext, b"a" * number)
        with pytest.raises(DecryptionError):
            cipher.open(nonce, SEALED, b"aad")


@engines
def test_threads_share_a_cipher(engine: sm4.Engine) -> None:
    cipher = Sm4Gcm(KEY, engine)

    def work(number: int) -> bool:
        nonce = number.to_bytes(12)
        sealed = cipher.seal(nonce, PLAINTEXT * 3, b"")
        return cipher.open(nonce, sealed, b"") == PLAINTEXT * 3 and sealed == REFERENCE.seal(nonce, PLAINTEXT * 3, b"")

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(120)))


@engines
def test_other_threads_run_meanwhile(engine: sm4.Engine) -> None:
    """Python would switch threads by itself only after a thousand seconds: others run because the call lets them."""
    ticks, done = [0], threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks[0] += 1
            time.sleep(0)

    cipher, data, interval = Sm4Gcm(KEY, engine), bytes(4 << 20), sys.getswitchinterval()
    thread = threading.Thread(target=tick)
    sys.setswitchinterval(1000)
    try:
        thread.start()
        before = ticks[0]
        for _ in range(1000):  # a busy machine may not get round to the other thread within one call
            cipher.seal(NONCE, data, b"")
            if ticks[0] > before:
                break
        assert ticks[0] > before
    finally:
        sys.setswitchinterval(interval)
        done.set()
        thread.join()


def test_no_plaintext_is_left_behind_when_the_tag_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = list[bytes]()

    def allocate(size: int) -> bytes:
        kept.append(libgcrypt.allocate(size))
        return kept[-1]

    monkeypatch.setattr(sm4_gcrypt, "allocate", allocate)
    for engine in sm4.ENGINES:
        if isinstance(engine, sm4_gcrypt.GcryptEngine):
            with pytest.raises(DecryptionError):
                Sm4Gcm(KEY, engine).open(NONCE, SEALED[:-1] + bytes([SEALED[-1] ^ 1]), b"aad")
            assert kept == [bytes(len(PLAINTEXT))]


# Where it must not be used

_NAMES = "from signing import sm4, sm3_engines; print([e.name for e in (*sm4.ENGINES, *sm3_engines.ENGINES)])"


def test_fips_mode_falls_back() -> None:
    environment = {**os.environ, "LIBGCRYPT_FORCE_FIPS_MODE": "1"}
    done = subprocess.run([sys.executable, "-c", _NAMES], env=environment, capture_output=True, text=True, check=True)
    assert "libgcrypt" not in done.stdout
    assert "cryptography" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("name", ["libgcrypt-of-nowhere.so.20", "libc.so.6"], ids=["missing", "another library"])
def test_a_missing_library_is_said_to_be_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libgcrypt, "_NAMES", {sys.platform: (name,), "linux": (name,)})
    with pytest.raises(UnsupportedAlgorithmError, match="found"):
        libgcrypt.load.__wrapped__()


class OldLibrary:
    """Answers as a libgcrypt that is older than asked."""

    def gcry_check_version(self, _: bytes) -> None:
        return None


def test_an_old_library_is_refused() -> None:
    with pytest.raises(UnsupportedAlgorithmError, match="older"):
        libgcrypt._initialise(OldLibrary())  # type: ignore[arg-type]


def test_errors_of_the_library_are_raised() -> None:
    libgcrypt.require(0, "work")
    with pytest.raises(SigningError, match="work"):
        libgcrypt.require((1 << 24) | 58, "work")
