"""SM2 engine 2: GmSSL (C) through gmssl_pyx, always by digest.

It prints its source lines to stderr when it refuses something, and its multiplication branches on secret digits:
the gate in front keeps malformed data from it, and it signs only where libcrypto cannot be loaded.
"""

from typing import Final

import gmssl_pyx

from signing.errors import DecryptionError


class GmsslPyxEngine:
    """SM2 by GmSSL. Keys here are 64 bytes without the 04, which this class adds and takes away."""

    name: Final = "gmssl_pyx"

    def sign(self, scalar: bytes, e: bytes) -> bytes:
        """Sign the 32-byte digest e, answering DER; the nonce is GmSSL's own."""
        return bytes(gmssl_pyx.sm2_sign_sm3_digest(scalar, e))

    def verify(self, point: bytes, e: bytes, signature: bytes) -> bool:
        """Say whether the signature holds; both it and the point have passed the gate."""
        try:
            return bool(gmssl_pyx.sm2_verify_sm3_digest(point[1:], e, signature))
        except gmssl_pyx.GmsslInnerError:
            return False

    def encrypt(self, point: bytes, plaintext: bytes) -> bytes:
        """Encrypt to a public key, answering SM2Cipher DER."""
        return bytes(gmssl_pyx.sm2_encrypt(point[1:], plaintext))

    def decrypt(self, scalar: bytes, ciphertext: bytes) -> bytes:
        """Decrypt SM2Cipher DER that has passed the gate; DecryptionError if C3 does not match."""
        try:
            return bytes(gmssl_pyx.sm2_decrypt(scalar, ciphertext))
        except gmssl_pyx.GmsslInnerError:
            raise DecryptionError("the ciphertext does not open") from None
