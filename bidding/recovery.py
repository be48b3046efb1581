"""The recovery code (恢复码): a key to the bidder's half that lives on paper. docs/format/bundle.md 8.1."""

import re
from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from bidding.faults import RecoveryCodeError
from signing.sm2 import N, PrivateKey

CODE: Final = 20
"""Bytes of a code: 160 bits."""
ROUNDS: Final = 65_536

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS: Final = str.maketrans("ILO", "110", " -")
_LENGTH: Final = CODE * 8 // 5
_BLANKS = re.compile(r"\s")


def make_code(random: Callable[[int], bytes]) -> str:
    """Make a new code as it is shown: eight groups of four, and the check character."""
    return format_code(random(CODE))


def format_code(code: bytes) -> str:
    """Write 20 bytes as XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-C."""
    number = int.from_bytes(code)
    values = [number >> 5 * (_LENGTH - 1 - i) & 31 for i in range(_LENGTH)]
    text = "".join(_ALPHABET[value] for value in values)
    return "-".join([*(text[i : i + 4] for i in range(0, _LENGTH, 4)), _ALPHABET[_fold([*values, 0])]])


def parse_code(text: str) -> bytes:
    """Read a code as people type it; RecoveryCodeError when a character is wrong, missing or swapped."""
    plain = _BLANKS.sub("", text).upper().translate(_READ_AS)
    if len(plain) != _LENGTH + 1 or not set(plain) <= set(_ALPHABET):
        raise RecoveryCodeError("恢复码应为 33 个字符（8 组 4 个字符，加 1 个校验字符）")
    *values, check = (_ALPHABET.index(char) for char in plain)
    if _fold([*values, check]):
        raise RecoveryCodeError("恢复码的校验字符不符，请逐组核对")
    return sum(value << 5 * i for i, value in enumerate(reversed(values))).to_bytes(CODE)


def recovery_key(code: str, salt: bytes) -> PrivateKey:
    """Derive the SM2 key of a code under the salt in the header; slow on purpose. RecoveryCodeError."""
    wide = PBKDF2HMAC(hashes.SM3(), 40, salt, ROUNDS).derive(parse_code(code))
    return PrivateKey.from_scalar((1 + int.from_bytes(wide) % (N - 2)).to_bytes(32))


def _fold(values: list[int]) -> int:
    """Evaluate a polynomial over GF(2^5) at its generator.

    It is zero for a code with its check character; one wrong character, or two swapped neighbours, never give zero.
    """
    total = 0
    for value in values:
        total <<= 1
        total = (total ^ 0x25 if total & 0x20 else total) ^ value
    return total
