"""Attacks on the engines: threads, forks, odd buffers, and systems without their libraries."""

import array
import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from signing import sm2, sm3_engines, sm4
from signing.digests import Sm3, sm3
from signing.errors import DecryptionError

KEY = sm2.generate()
WIDE = memoryview(array.array("I", range(3000)))
FORMS = [pytest.param(bytes, id="bytes"), pytest.param(bytearray, id="bytearray"), pytest.param(memoryview, id="view")]


@pytest.mark.parametrize("form", FORMS)
def test_sm2_takes_any_bytes(form: type) -> None:
    message, e = form(b"message"), form(sm2.digest(KEY.public, b"message"))
    sm2.verify(KEY.public, message, form(sm2.sign(KEY, message)))
    sm2.verify_digest(KEY.public, e, form(sm2.sign_digest(KEY, e)))
    assert sm2.decrypt(KEY, form(sm2.encrypt(KEY.public, message))) == b"message"


@pytest.mark.parametrize("engine", sm4.ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("form", FORMS)
def test_sm4_takes_any_bytes(engine: sm4.Engine, form: type) -> None:
    cipher = sm4.Sm4Gcm(bytes(16), engine)
    for plain in (b"", b"x", bytes(5000)):
        sealed = cipher.seal(form(bytes(12)), form(plain), form(b"aad"))
        assert cipher.open(form(bytes(12)), form(sealed), form(b"aad")) == plain
        assert sealed == sm4.Sm4Gcm(bytes(16), sm4.ENGINES[-1]).seal(bytes(12), plain, b"aad")


@pytest.mark.parametrize("engine", sm4.ENGINES, ids=lambda engine: engine.name)
def test_sm4_works_on_views_of_wider_items(engine: sm4.Engine) -> None:
    cipher, sealed = sm4.Sm4Gcm(bytes(16), engine), bytearray(WIDE.nbytes + sm4.TAG)
    cipher.seal_into(bytes(12), WIDE, sealed, b"")
    assert sealed == cipher.seal(bytes(12), WIDE.tobytes(), b"")
    opened = memoryview(array.array("I", bytes(WIDE.nbytes)))
    cipher.open_into(bytes(12), sealed, opened, b"")
    assert opened.tobytes() == WIDE.tobytes()


@pytest.mark.parametrize("engine", sm4.ENGINES, ids=lambda engine: engine.name)
def test_a_wrong_tag_releases_nothing(engine: sm4.Engine) -> None:
    cipher, text = sm4.Sm4Gcm(bytes(16), engine), b"secret" * 1000
    sealed = bytearray(cipher.seal(bytes(12), text, b""))
    sealed[-1] ^= 1
    room = bytearray(b"\xee" * len(text))
    with pytest.raises(DecryptionError):
        cipher.open_into(bytes(12), sealed, room, b"")
    assert set(room) in ({0}, {0xEE})


@pytest.mark.parametrize("engine", sm3_engines.ENGINES, ids=lambda engine: engine.name)
def test_sm3_reads_views_of_wider_items_by_their_bytes(engine: sm3_engines.Engine) -> None:
    state = engine.start()
    state.update(WIDE)
    assert state.digest() == sm3(WIDE.tobytes()) == Sm3(WIDE).digest()


def _round(number: int, text: bytes, expected: tuple[bytes, bytes], keys: list[sm2.PrivateKey]) -> bool:
    key = keys[number % len(keys)]
    digest, sealed = expected
    right = sm3(text) == digest
    for engine in sm4.ENGINES:
        cipher = sm4.Sm4Gcm(bytes(16), engine)
        right &= cipher.seal(bytes(12), text, b"") == sealed and cipher.open(bytes(12), sealed, b"") == text
    sm2.verify(key.public, b"m", sm2.sign(key, b"m"))
    if number % 10 == 0:
        gc.collect()
    return right and sm2.decrypt(key, sm2.encrypt(key.public, b"abc")) == b"abc"


def test_threads_collections_and_forks_disturb_nothing() -> None:
    text = os.urandom(50_000)
    expected = (sm3(text), sm4.Sm4Gcm(bytes(16), sm4.ENGINES[-1]).seal(bytes(12), text, b""))
    keys = [sm2.generate() for _ in range(300)]  # more than stay loaded
    with ThreadPoolExecutor(6) as pool:
        rounds = [pool.submit(_round, number, text, expected, keys) for number in range(240)]
        child = os.fork()
        if not child:  # while the others are in the libraries
            os._exit(0 if _round(1, text, expected, keys) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert all(one.result() for one in rounds)


def test_one_running_digest_may_be_fed_and_read_by_several_threads() -> None:
    state = sm3_engines.LONG.start()

    def feed(_: int) -> None:
        state.update(bytes(10_000))
        state.copy().update(b"elsewhere")
        state.digest()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(feed, range(200)))
    assert state.digest() == sm3(bytes(2_000_000))


_WITHOUT = """
import ctypes, sys
class Absent(ctypes.CDLL):
    def __init__(self, name, *rest, **options):
        if name and sys.argv[1] in str(name):
            raise OSError(f"{name}: no such file")
        super().__init__(name, *rest, **options)
ctypes.CDLL = Absent
"""
_WITHOUT_GCRYPT = """
from io import BytesIO
from signing import envelope, envelope_files, libgcrypt, sm3_engines, sm4
from signing.digests import sm3
from signing.errors import UnsupportedAlgorithmError
assert [e.name for e in sm4.ENGINES] == ["cryptography"], sm4.ENGINES
assert "libgcrypt" not in [e.name for e in sm3_engines.ENGINES]
text = bytes(range(256)) * 9000
assert sm3(text) == sm3(text[:100], text[100:])
sealed, opened = BytesIO(), BytesIO()
size = envelope_files.seal_file(BytesIO(text), len(text), sealed, bytes(16), b"", threads=2)
sealed.seek(0)
envelope_files.open_file(sealed, size, opened, bytes(16), b"")
assert opened.getvalue() == text
try:
    libgcrypt.load()
except UnsupportedAlgorithmError:
    print("right")
"""
_WITHOUT_LIBCRYPTO = """
from signing import sm2
from signing.errors import BadSignatureError, InvalidKeyError, UnsupportedAlgorithmError
assert [e.name for e in sm2.ENGINES] == ["gmssl_pyx"]
scalar, point, other = (bytes.fromhex(one) for one in sys.argv[2:])
key = sm2.PrivateKey.from_scalar(scalar, sm2.PublicKey(point))
signature = sm2.sign(key, b"message")
sm2.verify(key.public, b"message", signature)
assert sm2.decrypt(key, sm2.encrypt(key.public, b"abc")) == b"abc"
for act, expected in (
    (lambda: sm2.verify(key.public, b"another", signature), BadSignatureError),
    (lambda: sm2.PrivateKey.from_scalar(scalar, sm2.PublicKey(other)), InvalidKeyError),
    (lambda: sm2.PrivateKey.from_scalar(scalar), UnsupportedAlgorithmError),
    (sm2.generate, UnsupportedAlgorithmError),
    (lambda: sm2.multiply(2), UnsupportedAlgorithmError),
    (lambda: sm2.encrypt_with_nonce(key.public, b"abc", 7), UnsupportedAlgorithmError),
):
    try:
        act()
    except expected:
        continue
    raise AssertionError(act)
print("right")
"""


def _run_without(library: str, program: str, *arguments: str) -> str:
    command = [sys.executable, "-c", _WITHOUT + program, library, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()


def test_everything_works_without_libgcrypt() -> None:
    assert _run_without("gcrypt", _WITHOUT_GCRYPT) == "right"


def test_without_libcrypto_keys_at_hand_work_and_the_rest_says_so() -> None:
    values = (KEY.scalar().hex(), KEY.public.point.hex(), sm2.generate().public.point.hex())
    assert _run_without("libcrypto", _WITHOUT_LIBCRYPTO, *values) == "right"
