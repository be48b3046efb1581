"""What is built on SM3, against published values and GmSSL's C code."""

import gmssl_pyx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.sm3 import hmac_sm3, kdf, pbkdf2_hmac_sm3, sm3


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        pytest.param(b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0", id="GB/T 32905 A.1"),
        pytest.param(
            b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732", id="GB/T 32905 A.2"
        ),
        pytest.param(b"", "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b", id="nothing"),
    ],
)
def test_sm3(data: bytes, digest: str) -> None:
    assert sm3(data).hex() == digest


@pytest.mark.parametrize(
    ("key", "data", "mac"),
    [
        pytest.param(
            bytes(range(1, 0x21)),
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2,
            "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
            id="GM/T 0042 D.3 first",
        ),
        pytest.param(
            b"Jefe",
            b"what do ya want for nothing?",
            "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882",
            id="GM/T 0042 D.3 last",
        ),
    ],
)
def test_hmac(key: bytes, data: bytes, mac: str) -> None:
    assert hmac_sm3(key, data).hex() == mac


@given(key=st.binary(min_size=1, max_size=200), data=st.binary(max_size=200))
@settings(deadline=None)
def test_hmac_agrees_with_gmssl(key: bytes, data: bytes) -> None:
    assert hmac_sm3(key, data) == gmssl_pyx.sm3_hmac(key, data)


def test_an_empty_key_is_a_block_of_zeros() -> None:
    assert hmac_sm3(b"", b"x") == hmac_sm3(bytes(64), b"x")


@given(z=st.binary(min_size=1, max_size=100), length=st.integers(1, 200))
@settings(deadline=None)
def test_kdf_agrees_with_gmssl(z: bytes, length: int) -> None:
    assert kdf(z, length) == gmssl_pyx.sm3_kdf(z, length)


def test_kdf_counts_from_one() -> None:
    assert kdf(b"z", 0) == b""
    assert kdf(b"z", 64) == sm3(b"z\0\0\0\1") + sm3(b"z\0\0\0\2")
    with pytest.raises(ValueError, match="cannot derive"):
        kdf(b"z", -1)


def test_pbkdf2() -> None:
    salt = bytes.fromhex("129e8a54d7d51e063fc1de50a00ce716")
    assert pbkdf2_hmac_sm3(b"P@ssw0rd", salt, 65_536, 16).hex() == "5eeb7bc40cfb918473f24830655645ad"
