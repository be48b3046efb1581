"""RC2 (RFC 2268), decryption only: old PKCS#12 files hide their certificates, which are public, under it.

A private key that is protected by it is not taken, and nothing is ever written with it.
"""

from typing import Final

from signing.errors import MalformedError

BLOCK: Final = 8
_PI: Final = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32"
    "bd8f40eb86b77b0bf09521225c6b4e8254d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed708e8eade8052eef784aa72ac354d6a2a"
    "961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2e"
    "c5f3db47e5a59c770aa62068fe7fc1ad"
)
"""PITABLE of RFC 2268 2."""
_WORD: Final = 0xFFFF
_TURNS: Final = (1, 2, 3, 5)
_ROUNDS: Final = "xxxxxmxxxxxxmxxxxx"
"""Five mixing rounds, a mashing one, six, one, five (RFC 2268 3.3); the same backwards."""


def decrypt_cbc(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Decrypt whole blocks in CBC with all bits of the key effective; the padding stays. MalformedError for a part."""
    if len(data) % BLOCK or len(iv) != BLOCK:
        raise MalformedError("not whole blocks")
    words, before, plain = _expand(key), iv, bytearray()
    for at in range(0, len(data), BLOCK):
        block = data[at : at + BLOCK]
        plain += bytes(a ^ b for a, b in zip(_decrypt(words, block), before, strict=True))
        before = block
    return bytes(plain)


def _expand(key: bytes) -> list[int]:
    size = len(key)
    buffer = bytearray(key) + bytes(128 - size)
    for i in range(size, 128):
        buffer[i] = _PI[(buffer[i - 1] + buffer[i - size]) & 0xFF]
    buffer[128 - size] = _PI[buffer[128 - size]]
    for i in range(127 - size, -1, -1):
        buffer[i] = _PI[buffer[i + 1] ^ buffer[i + size]]
    return [int.from_bytes(buffer[i : i + 2], "little") for i in range(0, 128, 2)]


def _decrypt(words: list[int], block: bytes) -> bytes:
    r = [int.from_bytes(block[i : i + 2], "little") for i in range(0, BLOCK, 2)]
    at = len(words)
    for kind in _ROUNDS:
        for i in (3, 2, 1, 0):
            one, two, three = r[i - 1], r[i - 2], r[i - 3]
            if kind == "m":
                r[i] = (r[i] - words[one & 63]) & _WORD
                continue
            at -= 1
            r[i] = ((r[i] >> _TURNS[i]) | (r[i] << (16 - _TURNS[i]))) & _WORD
            r[i] = (r[i] - words[at] - (one & two) - (~one & three)) & _WORD
    return b"".join(word.to_bytes(2, "little") for word in r)
