"""SM2: the standard's examples, the strict gate, both engines against each other, and the attacks of the past."""

import copy
import os
import pickle
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gmssl_pyx
import pytest
from gmssl import sm2 as peer
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import der, keystore, sm2
from signing.errors import (
    BadSignatureError,
    DecryptionError,
    InvalidKeyError,
    LimitError,
    MalformedError,
    NotCanonicalError,
    SigningError,
)
from signing.sm2_encoding import A, B, G, N, P
from signing.sm2_keys import require_signature

# GB/T 32918.5, recommended curve
KEY = sm2.PrivateKey.from_scalar(bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"))
POINT = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
MESSAGE = b"message digest"
Z = bytes.fromhex("b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3")
E = bytes.fromhex("f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640")
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
SIGNATURE = bytes.fromhex(
    "3046022100f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "022100b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
PLAINTEXT = b"encryption standard"
CIPHERTEXT = bytes.fromhex(
    "307c022004ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"
    "022100e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"
    "042059983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766"
    "041321886ca989ca9c7d58087307ca93092d651efa"
)
CIPHER = sm2.parse_ciphertext(CIPHERTEXT)
X1, Y1 = int.from_bytes(CIPHER.c1[1:33]), int.from_bytes(CIPHER.c1[33:])

engines = pytest.mark.parametrize("engine", sm2.ENGINES, ids=lambda engine: engine.name)


def test_both_engines_load_here_and_libcrypto_is_first() -> None:
    assert [engine.name for engine in sm2.ENGINES] == ["libcrypto", "gmssl_pyx"]


# Known answers


def test_public_key_z_and_digest_are_the_published_ones() -> None:
    assert KEY.public.point == POINT
    assert sm2.compute_z(KEY.public) == Z
    assert sm2.digest(KEY.public, MESSAGE) == E


@engines
def test_published_signature_verifies(engine: sm2.Engine) -> None:
    assert sm2.parse_signature(SIGNATURE) == (R, S)
    require_signature(engine, KEY.public, E, SIGNATURE)


@engines
def test_published_ciphertext_opens(engine: sm2.Engine) -> None:
    assert engine.decrypt(KEY.scalar(), CIPHERTEXT) == PLAINTEXT


def test_published_nonce_gives_the_published_ciphertext() -> None:
    assert sm2.encrypt_with_nonce(KEY.public, PLAINTEXT, K) == CIPHERTEXT
    assert sm2.multiply(K) == CIPHER.c1
    assert sm2.multiply(K, POINT) == sm2.multiply(int.from_bytes(KEY.scalar()), CIPHER.c1)


# Signatures


@pytest.mark.parametrize("verifier", sm2.ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("signer", sm2.ENGINES, ids=lambda engine: engine.name)
def test_every_engine_accepts_the_signatures_of_every_other(signer: sm2.Engine, verifier: sm2.Engine) -> None:
    key = sm2.generate()
    signature = signer.sign(key.scalar(), E)
    require_signature(verifier, key.public, E, signature)
    with pytest.raises(BadSignatureError):
        require_signature(verifier, KEY.public, E, signature)


@pytest.mark.parametrize(
    ("public", "message", "signature"),
    [
        pytest.param(KEY.public, b"message digesT", SIGNATURE, id="another message"),
        pytest.param(sm2.PublicKey(sm2.multiply(2)), MESSAGE, SIGNATURE, id="another key"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(S, R), id="r and s exchanged"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(0, S), id="r = 0"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(R, 0), id="s = 0"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(N, S), id="r = n"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(R, N), id="s = n"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(R + N, S), id="r + n"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(R, S + N), id="s + n"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(R, S + (N << 256)), id="s + n * 2^256"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(R, N - R), id="t = 0"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(R, N - S), id="n - s"),
        pytest.param(KEY.public, MESSAGE, sm2.encode_signature(R, -S), id="negative s"),
        pytest.param(KEY.public, MESSAGE, b"", id="nothing"),
        pytest.param(KEY.public, MESSAGE, SIGNATURE + b"\0", id="a byte after it"),
        pytest.param(KEY.public, MESSAGE, SIGNATURE[:-1], id="a byte short"),
        pytest.param(KEY.public, MESSAGE, b"\x30\x81\x46" + SIGNATURE[2:], id="long form of a short length"),
        pytest.param(KEY.public, MESSAGE, b"\x30\x80" + SIGNATURE[2:] + b"\0\0", id="indefinite length"),
        pytest.param(
            KEY.public,
            MESSAGE,
            der.sequence(b"\x02\x22\0\0" + R.to_bytes(32), der.integer(S)),
            id="a needless zero before r",
        ),
        pytest.param(
            KEY.public,
            MESSAGE,
            der.sequence(b"\x02\x20" + R.to_bytes(32), der.integer(S)),
            id="r without its sign byte",
        ),
        pytest.param(KEY.public, MESSAGE, der.sequence(der.integer(R), der.integer(S), der.integer(1)), id="a third"),
        pytest.param(KEY.public, MESSAGE, R.to_bytes(32) + S.to_bytes(32), id="raw r and s"),
        pytest.param(KEY.public, MESSAGE, b"\x31" + SIGNATURE[1:], id="a SET"),
        pytest.param(KEY.public, MESSAGE, bytes(100_000), id="far too long"),
    ],
)
def test_a_wrong_signature_is_refused(
    public: sm2.PublicKey, message: bytes, signature: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadSignatureError):
        sm2.verify(public, message, signature)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("user_id", [b"", b"ALICE123@YAHOO.COM", b"1234567812345679"])
def test_a_signature_under_another_user_id_is_refused(user_id: bytes) -> None:
    signature = gmssl_pyx.sm2_sign(KEY.scalar(), POINT[1:], MESSAGE, signer_id=user_id or None)
    with pytest.raises(BadSignatureError):
        sm2.verify(KEY.public, MESSAGE, signature)
    sm2.verify(KEY.public, MESSAGE, gmssl_pyx.sm2_sign(KEY.scalar(), POINT[1:], MESSAGE))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_digest_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        sm2.sign_digest(KEY, bytes(size))
    with pytest.raises(BadSignatureError):
        sm2.verify_digest(KEY.public, bytes(size), SIGNATURE)


@given(message=st.binary(max_size=200))
@settings(deadline=None, max_examples=40)
def test_what_is_signed_verifies_and_differs_each_time(message: bytes) -> None:
    first, second = sm2.sign(KEY, message), sm2.sign(KEY, message)
    assert first != second
    sm2.verify(KEY.public, message, first)
    sm2.verify(KEY.public, message, second)


@given(r=st.integers(1, N - 1), s=st.integers(1, N - 1))
@settings(deadline=None)
def test_a_signature_has_one_encoding(r: int, s: int) -> None:
    if (r + s) % N:
        assert sm2.parse_signature(sm2.encode_signature(r, s)) == (r, s)


@given(at=st.integers(0, len(SIGNATURE) - 1), bit=st.integers(0, 7))
@settings(deadline=None)
def test_no_flipped_bit_of_a_signature_passes(at: int, bit: int) -> None:
    changed = bytearray(SIGNATURE)
    changed[at] ^= 1 << bit
    with pytest.raises(BadSignatureError):
        sm2.verify(KEY.public, MESSAGE, bytes(changed))


@given(data=st.binary(max_size=600))
@settings(deadline=None)
def test_arbitrary_bytes_are_refused_with_a_typed_error(data: bytes) -> None:
    with pytest.raises(SigningError):
        sm2.parse_signature(data)
    with pytest.raises(SigningError):
        sm2.parse_ciphertext(data)


def test_nonces_do_not_come_from_the_random_module() -> None:
    signatures = set()
    for engine in sm2.ENGINES:
        for _ in range(2):
            random.seed(1)
            signatures.add(engine.sign(KEY.scalar(), E))
    assert len(signatures) == 2 * len(sm2.ENGINES)


# Encryption


@pytest.mark.parametrize("reader", sm2.ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("writer", sm2.ENGINES, ids=lambda engine: engine.name)
@pytest.mark.parametrize("size", [1, 16, 32, 255])
def test_every_engine_opens_the_ciphertexts_of_every_other(writer: sm2.Engine, reader: sm2.Engine, size: int) -> None:
    # An engine may answer an all-zero key stream for one byte; sm2.encrypt asks again then.
    plaintext = os.urandom(size)
    ciphertext = writer.encrypt(POINT, plaintext)
    while sm2.parse_ciphertext(ciphertext).c2 == plaintext:
        ciphertext = writer.encrypt(POINT, plaintext)
    assert reader.decrypt(KEY.scalar(), ciphertext) == plaintext


@given(plaintext=st.binary(min_size=1, max_size=255), k=st.integers(1, N - 1))
@settings(deadline=None, max_examples=40)
def test_a_chosen_nonce_gives_the_same_bytes_that_every_engine_opens(plaintext: bytes, k: int) -> None:
    try:
        ciphertext = sm2.encrypt_with_nonce(KEY.public, plaintext, k)
    except InvalidKeyError:
        return  # the all-zero key stream of a short plaintext
    assert ciphertext == sm2.encrypt_with_nonce(KEY.public, plaintext, k)
    assert sm2.decrypt(KEY, ciphertext) == plaintext
    assert sm2.ENGINES[-1].decrypt(KEY.scalar(), ciphertext) == plaintext


@given(plaintext=st.binary(min_size=1, max_size=255))
@settings(deadline=None, max_examples=40)
def test_what_is_encrypted_opens(plaintext: bytes) -> None:
    assert sm2.decrypt(KEY, sm2.encrypt(KEY.public, plaintext)) == plaintext


@pytest.mark.parametrize("size", [0, 256])
def test_only_1_to_255_bytes_are_encrypted(size: int) -> None:
    with pytest.raises(ValueError, match="255"):
        sm2.encrypt(KEY.public, bytes(size))
    with pytest.raises(ValueError, match="255"):
        sm2.encrypt_with_nonce(KEY.public, bytes(size), 1)


def cipher_der(x: int = X1, y: int = Y1, c3: bytes = CIPHER.c3, c2: bytes = CIPHER.c2) -> bytes:
    return der.sequence(der.integer(x), der.integer(y), der.octet_string(c3), der.octet_string(c2))


def invalid_curve_point() -> tuple[int, int]:
    """Answer a point on y² = x³ + ax + b' with another b': what an invalid-curve oracle is fed with."""
    x, y = 5, 7
    assert (y * y - (x**3 + A * x + B)) % P
    return x, y


@pytest.mark.parametrize(
    ("ciphertext", "error"),
    [
        pytest.param(cipher_der(x=X1 ^ 1), InvalidKeyError, id="C1 off the curve"),
        pytest.param(cipher_der(*invalid_curve_point()), InvalidKeyError, id="C1 on another curve"),
        pytest.param(cipher_der(x=0, y=0), InvalidKeyError, id="C1 written as 0, 0 for infinity"),
        pytest.param(cipher_der(x=X1 + P), MalformedError, id="x + p"),
        pytest.param(cipher_der(y=-Y1), MalformedError, id="negative y"),
        pytest.param(cipher_der(c3=CIPHER.c3[:-1]), MalformedError, id="short C3"),
        pytest.param(cipher_der(c2=b""), MalformedError, id="empty C2"),
        pytest.param(cipher_der(c2=bytes(256)), MalformedError, id="C2 of 256 bytes"),
        pytest.param(cipher_der(c2=bytes(2000)), LimitError, id="far too long"),
        pytest.param(CIPHERTEXT + b"\0", MalformedError, id="a byte after it"),
        pytest.param(CIPHERTEXT[:-1], MalformedError, id="a byte short"),
        pytest.param(b"\x30\x81\x7c" + CIPHERTEXT[2:], NotCanonicalError, id="long form of a short length"),
        pytest.param(b"\x30\x80" + CIPHERTEXT[2:] + b"\0\0", NotCanonicalError, id="indefinite length"),
        pytest.param(
            der.sequence(b"\x02\x21\0" + CIPHER.c1[1:33], CIPHERTEXT[36:]), NotCanonicalError, id="a needless zero"
        ),
        pytest.param(CIPHER.c1 + CIPHER.c3 + CIPHER.c2, MalformedError, id="raw C1 C3 C2"),
    ],
)
def test_a_malformed_ciphertext_is_refused_before_the_engines(
    ciphertext: bytes, error: type[SigningError], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(error):
        sm2.parse_ciphertext(ciphertext)
    with pytest.raises(DecryptionError, match=r"^the ciphertext does not open$"):
        sm2.decrypt(KEY, ciphertext)
    assert capfd.readouterr().err == ""


@engines
@pytest.mark.parametrize(
    "ciphertext",
    [
        pytest.param(cipher_der(c3=bytes([CIPHER.c3[0] ^ 1]) + CIPHER.c3[1:]), id="flipped C3"),
        pytest.param(cipher_der(c3=bytes(32)), id="zero C3"),
        pytest.param(cipher_der(c2=CIPHER.c2[:-1] + bytes([CIPHER.c2[-1] ^ 1])), id="flipped C2"),
        pytest.param(cipher_der(c2=CIPHER.c2[:-1]), id="shortened C2"),
        pytest.param(cipher_der(y=P - Y1), id="the opposite C1"),
    ],
)
def test_a_well_formed_but_changed_ciphertext_does_not_open(engine: sm2.Engine, ciphertext: bytes) -> None:
    sm2.parse_ciphertext(ciphertext)
    with pytest.raises(DecryptionError):
        engine.decrypt(KEY.scalar(), ciphertext)
    with pytest.raises(DecryptionError):
        sm2.decrypt(KEY, ciphertext)


ZERO_STREAM_NONCE = 470
"""With the standard's key, this k derives a first key stream byte of zero (found by trying)."""


def test_an_all_zero_key_stream_is_refused_both_ways() -> None:
    with pytest.raises(InvalidKeyError):
        sm2.encrypt_with_nonce(KEY.public, b"1", ZERO_STREAM_NONCE)
    shared = sm2.multiply(ZERO_STREAM_NONCE, POINT)
    c3 = gmssl_pyx.sm3_hash(shared[1:33] + b"1" + shared[33:])
    bare = sm2.Sm2Cipher(sm2.multiply(ZERO_STREAM_NONCE), c3, b"1").encode()
    with pytest.raises(DecryptionError):
        sm2.decrypt(KEY, bare)


def test_one_byte_never_leaves_in_the_clear() -> None:
    assert all(sm2.parse_ciphertext(sm2.encrypt(KEY.public, b"1")).c2 != b"1" for _ in range(300))


def test_the_old_python_package_is_still_the_oracle_that_we_must_not_be() -> None:
    """Its flaw (C3 never compared) is why it is not an engine; ours refuse the same bytes."""
    old = peer.CryptSM2(private_key=KEY.scalar().hex(), public_key=POINT[1:].hex(), mode=1)
    forged = CIPHER.c1[1:] + CIPHER.c3 + bytes([CIPHER.c2[0] ^ 1]) + CIPHER.c2[1:]
    assert old.decrypt(forged) == b"dncryption standard"
    with pytest.raises(DecryptionError):
        sm2.decrypt(KEY, cipher_der(c2=bytes([CIPHER.c2[0] ^ 1]) + CIPHER.c2[1:]))


# Points and keys


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0", id="infinity"),
        pytest.param(bytes(65), id="zeros"),
        pytest.param(b"\x04" + bytes(64), id="0, 0"),
        pytest.param(POINT[1:], id="without 04"),
        pytest.param(b"\x02" + POINT[1:33], id="compressed"),
        pytest.param(b"\x06" + POINT[1:], id="hybrid"),
        pytest.param(POINT[:-1] + bytes([POINT[-1] ^ 1]), id="off the curve"),
        pytest.param(b"\x04" + (5 + P).to_bytes(33)[1:] + (7).to_bytes(32), id="coordinate not reduced"),
        pytest.param(POINT + b"\0", id="too long"),
    ],
)
def test_a_public_key_is_a_point_on_the_curve(point: bytes) -> None:
    with pytest.raises(InvalidKeyError):
        sm2.PublicKey(point)
    with pytest.raises(InvalidKeyError):
        sm2.multiply(1, point)


@pytest.mark.parametrize("scalar", [0, N - 1, N, N + 1, 2**256 - 1])
def test_a_scalar_out_of_range_is_no_key(scalar: int) -> None:
    with pytest.raises(InvalidKeyError):
        sm2.PrivateKey.from_scalar(scalar.to_bytes(32))


@pytest.mark.parametrize("scalar", [b"", b"\x01", bytes(31) + b"\x01\x01"], ids=["none", "one byte", "33 bytes"])
def test_a_scalar_has_32_bytes(scalar: bytes) -> None:
    with pytest.raises(InvalidKeyError):
        sm2.PrivateKey.from_scalar(scalar)


def test_the_smallest_and_the_largest_key_work() -> None:
    for scalar in (1, N - 2):
        key = sm2.PrivateKey.from_scalar(scalar.to_bytes(32))
        sm2.verify(key.public, MESSAGE, sm2.sign(key, MESSAGE))
        assert sm2.decrypt(key, sm2.encrypt(key.public, PLAINTEXT)) == PLAINTEXT
    assert sm2.PrivateKey.from_scalar((1).to_bytes(32)).public.point == G


def test_a_pair_that_does_not_belong_together_is_no_key() -> None:
    assert sm2.PrivateKey.from_scalar(KEY.scalar(), KEY.public) == KEY
    with pytest.raises(InvalidKeyError):
        sm2.PrivateKey.from_scalar(KEY.scalar(), sm2.PublicKey(G))


@pytest.mark.parametrize("scalar", [11, 138, 327], ids=["x starts with 04", "x starts with 44", "x starts with 00"])
def test_leading_digits_of_x_are_not_eaten(scalar: int) -> None:
    key = sm2.PrivateKey.from_scalar(scalar.to_bytes(32))
    for engine in sm2.ENGINES:
        require_signature(engine, key.public, E, engine.sign(key.scalar(), E))
        assert engine.decrypt(key.scalar(), engine.encrypt(key.public.point, PLAINTEXT)) == PLAINTEXT


@pytest.mark.parametrize("k", [0, -1, N])
def test_multiply_takes_scalars_in_range_only(k: int) -> None:
    with pytest.raises(InvalidKeyError):
        sm2.multiply(k)
    with pytest.raises(InvalidKeyError):
        sm2.encrypt_with_nonce(KEY.public, PLAINTEXT, k)


def test_multiply_agrees_with_addition() -> None:
    assert sm2.multiply(1) == G
    assert sm2.multiply(3, sm2.multiply(5)) == sm2.multiply(15)
    negative = sm2.multiply(N - 1)
    assert (negative[1:33], int.from_bytes(negative[33:])) == (G[1:33], P - int.from_bytes(G[33:]))


def test_generate_uses_the_given_randomness() -> None:
    assert sm2.generate(bytes).scalar() == (1).to_bytes(32)
    assert 1 <= int.from_bytes(sm2.generate(lambda n: b"\xff" * n).scalar()) <= N - 2
    assert sm2.generate() != sm2.generate()


def test_a_private_key_hides_its_scalar_and_does_not_change() -> None:
    for text in (repr(KEY), str(KEY), f"{KEY}"):
        assert KEY.scalar().hex() not in text
        assert repr(KEY.scalar()) not in text
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
    with pytest.raises(TypeError):
        copy.copy(KEY)
    with pytest.raises(AttributeError):
        KEY.public = sm2.PublicKey(G)
    with pytest.raises(AttributeError):
        KEY.public.point = G


def test_keys_are_equal_by_value() -> None:
    again = sm2.PrivateKey.from_scalar(KEY.scalar())
    assert again == KEY
    assert {again: 1}[KEY] == 1
    assert pickle.loads(pickle.dumps(KEY.public)) == KEY.public  # noqa: S301 - our own bytes
    assert KEY.public != POINT


# The machinery


def test_threads_may_share_engines_while_handles_are_evicted() -> None:
    keys = [sm2.PrivateKey.from_scalar((d + 1).to_bytes(32)) for d in range(280)]

    def work(key: sm2.PrivateKey) -> None:
        sm2.verify(key.public, MESSAGE, sm2.sign(key, MESSAGE))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, keys))


@pytest.mark.slow
def test_without_libcrypto_gmssl_signs_and_points_say_what_is_missing() -> None:
    script = (
        "import ctypes\n"
        "def missing(*_): raise OSError('missing')\n"
        "ctypes.CDLL = missing\n"
        "from signing import sm2, errors\n"
        "assert [e.name for e in sm2.ENGINES] == ['gmssl_pyx']\n"
        f"public = sm2.PublicKey(bytes.fromhex('{POINT.hex()}'))\n"
        f"key = sm2.PrivateKey.from_scalar(bytes.fromhex('{KEY.scalar().hex()}'), public)\n"
        "sm2.verify(public, b'm', sm2.sign(key, b'm'))\n"
        "assert sm2.decrypt(key, sm2.encrypt(public, b'm' * 32)) == b'm' * 32\n"
        f"wrong = sm2.PublicKey(bytes.fromhex('{G.hex()}'))\n"
        "for broken in (lambda: sm2.encrypt_with_nonce(public, b'm', 1), lambda: sm2.multiply(1), sm2.generate):\n"
        "    try: broken()\n"
        "    except errors.UnsupportedAlgorithmError as e: assert 'libcrypto' in str(e)\n"
        "    else: raise SystemExit('no error')\n"
        "try: sm2.PrivateKey.from_scalar(key.scalar(), wrong)\n"
        "except errors.InvalidKeyError: print('refused')\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


# Another implementation


@pytest.fixture
def openssl_key(tmp_path: Path) -> Path:
    path = tmp_path / "key.der"
    path.write_bytes(keystore.encode_key(KEY))
    return path


def openssl(*arguments: str | Path) -> bytes:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout


@pytest.mark.interop
def test_openssl_verifies_ours_and_we_verify_its(tmp_path: Path, openssl_key: Path) -> None:
    message, ours, theirs, empty = (tmp_path / name for name in ("message", "ours", "theirs", "empty"))
    message.write_bytes(MESSAGE)
    ours.write_bytes(sm2.sign(KEY, MESSAGE))
    common: list[str | Path] = [
        "pkeyutl",
        "-inkey",
        openssl_key,
        "-keyform",
        "DER",
        "-in",
        message,
        "-rawin",
        "-digest",
        "sm3",
    ]
    distid = ["-pkeyopt", "distid:1234567812345678"]
    assert b"Success" in openssl(*common, *distid, "-verify", "-sigfile", ours)
    openssl(*common, *distid, "-sign", "-out", theirs)
    sm2.verify(KEY.public, MESSAGE, theirs.read_bytes())
    openssl(*common, "-sign", "-out", empty)
    with pytest.raises(BadSignatureError):  # its default id is the empty one
        sm2.verify(KEY.public, MESSAGE, empty.read_bytes())


@pytest.mark.interop
def test_openssl_opens_ours_and_we_open_its(tmp_path: Path, openssl_key: Path) -> None:
    plain, ours, theirs = (tmp_path / name for name in ("plain", "ours", "theirs"))
    plain.write_bytes(PLAINTEXT)
    ours.write_bytes(sm2.encrypt_with_nonce(KEY.public, PLAINTEXT, K + 1))
    common: list[str | Path] = ["pkeyutl", "-inkey", openssl_key, "-keyform", "DER"]
    assert openssl(*common, "-decrypt", "-in", ours) == PLAINTEXT
    openssl(*common, "-encrypt", "-in", plain, "-out", theirs)
    assert sm2.decrypt(KEY, theirs.read_bytes()) == PLAINTEXT
