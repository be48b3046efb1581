"""Sealed fields open only where they stand; tags tell equal from different and nothing else."""

from collections.abc import Callable

import pytest

from signing.sm3 import hmac_sm3, kdf
from storage.errors import DamagedObjectError
from storage.secrets import FieldCipher, Tagger, derive


@pytest.fixture
def cipher(randomness: Callable[[int], bytes]) -> FieldCipher:
    return FieldCipher(b"c" * 32, randomness)


def test_a_field_opens_where_it_was_sealed(cipher: FieldCipher) -> None:
    sealed = cipher.seal("bids/1", b"name")
    assert cipher.open("bids/1", sealed) == b"name"
    assert b"name" not in sealed
    assert cipher.seal("bids/1", b"name") != sealed


@pytest.mark.parametrize("place", ["bids/2", "bids/", "receipts/1"])
def test_a_field_opens_nowhere_else(cipher: FieldCipher, place: str) -> None:
    with pytest.raises(DamagedObjectError):
        cipher.open(place, cipher.seal("bids/1", b"name"))


def test_every_changed_byte_and_another_secret_are_noticed(
    cipher: FieldCipher, randomness: Callable[[int], bytes]
) -> None:
    sealed = cipher.seal("x", b"name")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(DamagedObjectError):
            cipher.open("x", bytes(changed))
    with pytest.raises(DamagedObjectError):
        FieldCipher(b"d" * 32, randomness).open("x", sealed)


@pytest.mark.parametrize("sealed", [b"", b"short", bytes(27)])
def test_what_is_too_short_is_noticed(cipher: FieldCipher, sealed: bytes) -> None:
    with pytest.raises((DamagedObjectError, ValueError)):
        cipher.open("x", sealed)


def test_a_tag_is_hmac_sm3_under_a_derived_key() -> None:
    key = kdf(b"t" * 32 + b"tag\0", 32)
    assert Tagger(b"t" * 32).tag("bidder", "S", "U") == hmac_sm3(key, b"bidder|S|U").hex()


def test_tags_differ_with_every_part_and_no_part_can_run_into_the_next() -> None:
    tagger = Tagger(b"t" * 32)
    tags = {tagger.tag("bidder", "S", "U"), tagger.tag("bidder", "S", "V"), tagger.tag("key", "S", "U")}
    assert len(tags) == 3
    assert Tagger(b"u" * 32).tag("bidder", "S", "U") not in tags
    with pytest.raises(ValueError, match="bar"):
        tagger.tag("bidder", "S|U", "")


def test_secrets_show_neither_in_repr_nor_short(cipher: FieldCipher) -> None:
    assert "ccc" not in repr(cipher)
    with pytest.raises(ValueError, match="32 bytes"):
        derive(b"short", "x")
