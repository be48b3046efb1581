"""What is built on SM3 (GB/T 32905): the key derivation function, HMAC and PBKDF2."""

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from signing.digests import Sm3, sm3


def kdf(z: bytes, length: int) -> bytes:
    """Key derivation of GB/T 32918.4 §5.4.3: `length` bytes of SM3(z | counter), the counter 32 bits from 1."""
    if not 0 <= length < 32 * 0xFFFFFFFF:
        raise ValueError(f"cannot derive {length} bytes")
    state = Sm3(z)
    blocks = bytearray()
    for counter in range(1, (length + 31) // 32 + 1):
        block = state.copy()
        block.update(counter.to_bytes(4))
        blocks += block.digest()
    return bytes(blocks[:length])


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """HMAC with SM3 (GB/T 15852.2), 32 bytes; a key of any length."""
    # libcrypto's HMAC refuses nothing here, but an empty key is spelt as the equal block of zeros.
    mac = hmac.HMAC(key or bytes(64), hashes.SM3())
    mac.update(data)
    return mac.finalize()


def pbkdf2_hmac_sm3(password: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    """PBKDF2 (RFC 8018 §5.2) with HMAC-SM3, `length` bytes."""
    return PBKDF2HMAC(hashes.SM3(), length, salt, iterations).derive(password)


__all__ = ["Sm3", "hmac_sm3", "kdf", "pbkdf2_hmac_sm3", "sm3"]
