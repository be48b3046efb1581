"""SM4-GCM: the published vector, GmSSL's opinion, and every changed bit refused."""

import gmssl_pyx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.errors import DecryptionError, InvalidKeyError
from signing.sm4 import Sm4Gcm

# RFC 8998 A.1
KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")
NONCE = bytes.fromhex("00001234567800000000abcd")
AAD = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
PLAINTEXT = b"".join(bytes([b]) * 8 for b in (0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF, 0xEE, 0xAA))
SEALED = bytes.fromhex(
    "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
    "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    "83de3541e4c2b58177e065a9bf7b62ec"
)


def test_published_vector() -> None:
    assert Sm4Gcm(KEY).seal(NONCE, PLAINTEXT, AAD) == SEALED
    assert Sm4Gcm(KEY).open(NONCE, SEALED, AAD) == PLAINTEXT


@given(key=st.binary(min_size=16, max_size=16), nonce=st.binary(min_size=12, max_size=12), data=st.data())
@settings(deadline=None, max_examples=40)
def test_agrees_with_gmssl(key: bytes, nonce: bytes, data: st.DataObject) -> None:
    aad, plaintext = data.draw(st.binary(max_size=50)), data.draw(st.binary(min_size=1, max_size=100))
    ciphertext, tag = gmssl_pyx.sm4_gcm_encrypt(key, nonce, aad, plaintext)
    assert Sm4Gcm(key).seal(nonce, plaintext, aad) == ciphertext + tag
    assert Sm4Gcm(key).open(nonce, ciphertext + tag, aad) == plaintext


@pytest.mark.parametrize("at", range(0, len(SEALED), 5))
def test_a_flipped_bit_is_refused(at: int) -> None:
    changed = bytearray(SEALED)
    changed[at] ^= 1
    with pytest.raises(DecryptionError):
        Sm4Gcm(KEY).open(NONCE, bytes(changed), AAD)


@pytest.mark.parametrize(
    ("key", "nonce", "sealed", "aad"),
    [
        pytest.param(KEY[::-1], NONCE, SEALED, AAD, id="another key"),
        pytest.param(KEY, NONCE[::-1], SEALED, AAD, id="another nonce"),
        pytest.param(KEY, NONCE, SEALED, AAD[:-1], id="other associated data"),
        pytest.param(KEY, NONCE, SEALED[:-1], AAD, id="a byte short"),
        pytest.param(KEY, NONCE, SEALED + b"\0", AAD, id="a byte more"),
        pytest.param(KEY, NONCE, SEALED[:15], AAD, id="shorter than a tag"),
        pytest.param(KEY, NONCE, b"", AAD, id="nothing"),
    ],
)
def test_what_was_not_sealed_does_not_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> None:
    with pytest.raises(DecryptionError):
        Sm4Gcm(key).open(nonce, sealed, aad)


def test_empty_plaintext() -> None:
    sealed = Sm4Gcm(KEY).seal(NONCE, b"", AAD)
    assert len(sealed) == 16
    assert Sm4Gcm(KEY).open(NONCE, sealed, AAD) == b""


@pytest.mark.parametrize("size", [0, 15, 17, 32])
def test_a_key_has_16_bytes(size: int) -> None:
    with pytest.raises(InvalidKeyError):
        Sm4Gcm(bytes(size))


@pytest.mark.parametrize("size", [0, 11, 13, 16])
def test_a_nonce_has_12_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="12"):
        Sm4Gcm(KEY).seal(bytes(size), b"", b"")
    with pytest.raises(ValueError, match="12"):
        Sm4Gcm(KEY).open(bytes(size), SEALED, b"")


def test_the_key_is_hidden() -> None:
    assert repr(Sm4Gcm(KEY)) == "Sm4Gcm(…)"
