"""Raw forms of SM2 values: read next to DER, the order of a ciphertext named by the caller, DER written."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_pki import VECTORS

from signing import sm2
from signing.errors import InvalidKeyError, LimitError, MalformedError, SigningError
from signing.sm2_encoding import (
    N,
    P,
    RawOrder,
    parse_ciphertext,
    parse_signature,
    read_ciphertext,
    read_signature,
    signature_to_raw,
)

KEY = sm2.PrivateKey.from_scalar(bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"))
SIGNATURE = sm2.sign(KEY, b"message")
CIPHER = parse_ciphertext(sm2.encrypt(KEY.public, b"a key of thirty-two bytes, or so"))


@pytest.mark.conformance
def test_the_published_example_in_all_its_forms() -> None:
    example = json.loads((VECTORS / "kat" / "gbt32918_5_sm2.json").read_text())
    signature, encryption = example["sign"], example["encrypt"]
    raw = bytes.fromhex(signature["r"] + signature["s"])
    assert read_signature(raw) == read_signature(bytes.fromhex(signature["der"]))
    assert signature_to_raw(bytes.fromhex(signature["der"])) == raw
    encoded = bytes.fromhex(encryption["der"])
    for order, name in (("C1C3C2", "c1c3c2"), ("C1C2C3", "c1c2c3")):
        raw = bytes.fromhex(encryption[name])
        for form in (raw, raw[1:]):
            assert read_ciphertext(form, order).encode() == encoded
        assert parse_ciphertext(encoded).to_raw(order) == raw
        assert parse_ciphertext(encoded).to_raw(order, prefix=False) == raw[1:]
    assert sm2.decrypt(KEY, encoded) == encryption["message"].encode()


def test_a_signature_is_read_in_both_forms() -> None:
    assert read_signature(SIGNATURE) == read_signature(signature_to_raw(SIGNATURE)) == parse_signature(SIGNATURE)
    with pytest.raises(MalformedError):
        parse_signature(signature_to_raw(SIGNATURE))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(bytes(64), id="zeros"),
        pytest.param(b"\xff" * 64, id="ones"),
        pytest.param(N.to_bytes(32) + b"\0" * 31 + b"\1", id="r = n"),
        pytest.param((1).to_bytes(32) + (N - 1).to_bytes(32), id="r + s = n"),
        pytest.param(signature_to_raw(SIGNATURE)[:63], id="63 bytes"),
        pytest.param(signature_to_raw(SIGNATURE) + b"\0", id="65 bytes"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_other_raw_signatures_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        read_signature(data)


@pytest.mark.parametrize("order", ["C1C3C2", "C1C2C3"])
@pytest.mark.parametrize("prefix", [True, False])
def test_a_raw_ciphertext_is_read_in_the_order_that_the_caller_names(order: RawOrder, prefix: bool) -> None:
    raw = CIPHER.to_raw(order, prefix=prefix)
    assert read_ciphertext(raw, order) == CIPHER
    assert read_ciphertext(CIPHER.encode(), order) == CIPHER
    with pytest.raises(MalformedError):
        parse_ciphertext(raw)


def test_the_wrong_order_does_not_open() -> None:
    wrong = read_ciphertext(CIPHER.to_raw("C1C2C3"), "C1C3C2")
    assert wrong != CIPHER
    with pytest.raises(SigningError):
        sm2.decrypt(KEY, wrong.encode())


RAW = CIPHER.to_raw()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", MalformedError, id="nothing"),
        pytest.param(RAW[:97], MalformedError, id="no C2"),
        pytest.param(RAW[:96], MalformedError, id="no C2, no 04"),
        pytest.param(RAW + bytes(600), LimitError, id="too long"),
        pytest.param(RAW + bytes(255), MalformedError, id="C2 too long"),
        pytest.param(RAW[:64] + bytes([RAW[64] ^ 1]) + RAW[65:], InvalidKeyError, id="off the curve"),
        pytest.param(b"\4" + bytes(64) + RAW[65:], InvalidKeyError, id="infinity"),
        pytest.param(b"\4" + P.to_bytes(32) * 2 + RAW[65:], InvalidKeyError, id="x = y = p"),
        pytest.param(bytes([2 + RAW[64] % 2]) + RAW[1:33] + RAW[65:], SigningError, id="compressed"),
    ],
)
def test_other_raw_ciphertexts_are_refused(data: bytes, error: type[SigningError]) -> None:
    with pytest.raises(error):
        read_ciphertext(data)


def test_an_x_that_starts_with_04_needs_no_prefix() -> None:
    """Without the 04 in front, the first octet of x may be 04 itself: the curve tells."""
    for k in range(1, 2000):
        cipher = parse_ciphertext(sm2.encrypt_with_nonce(KEY.public, b"plaintext", k))
        if cipher.c1[1] == 4:
            assert read_ciphertext(cipher.to_raw(prefix=False)) == cipher
            assert read_ciphertext(cipher.to_raw()) == cipher
            return
    pytest.fail("no such x")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_with_a_typed_error(data: bytes) -> None:
    for read in (read_signature, read_ciphertext):
        try:
            read(data)
        except SigningError:
            continue


@given(st.binary(min_size=1, max_size=255), st.sampled_from(["C1C3C2", "C1C2C3"]), st.booleans())
def test_what_is_written_raw_is_read_raw(plaintext: bytes, order: RawOrder, prefix: bool) -> None:
    cipher = parse_ciphertext(sm2.encrypt(KEY.public, plaintext))
    assert read_ciphertext(cipher.to_raw(order, prefix=prefix), order) == cipher
    signature = sm2.sign(KEY, os.urandom(4))
    assert sm2.encode_signature(*read_signature(signature_to_raw(signature))) == signature
