"""Naming SM2 signatures made by a wrong rule (不合规的 SM2 签名): so that a refusal says what the signer did.

Nothing here accepts anything. A value that does not verify by GB/T 32918.2 is tried under the mistakes seen in the
field: libcrypto without `distid` (empty user id), tools that leave Z out, tools that sign a digest as if it were e or
as if it were the message. The answers are phrases for the `why` of a failed check.
"""

from collections.abc import Iterable
from typing import Final

from signing import sm2
from signing.digests import sm3
from signing.errors import BadSignatureError
from signing.sm2_encoding import DIGEST, A, B, G

EMPTY_ID: Final = "按空用户标识签名（应为 1234567812345678），不合 GB/T 32918.2"
WITHOUT_Z: Final = "签名未含 Z 值，不合 GB/T 32918.2"
ZERO_ID: Final = "按全零用户标识签名（应为 1234567812345678），不合 GB/T 32918.2"
OVER_RAW_DIGEST: Final = "把摘要直接作为 e 签名，未含 Z 值"
OVER_DIGEST: Final = "签名的对象是内容的 SM3 摘要而不是内容本身"
PRIVATE_RULE: Final = "按 GmSSL 私有规则签名（ContentInfo 的 SM3，未含 Z 值）"

_WRONG_IDS: Final = ((EMPTY_ID, b""), (ZERO_ID, b"0" * 16), (ZERO_ID, bytes(16)))


def wrong_seeds(public: sm2.PublicKey) -> tuple[tuple[str, bytes], ...]:
    """Answer the wrong rules as (phrase, what SM3 takes before the message), for content that streams by."""
    return ((WITHOUT_Z, b""), *((phrase, _z(public, identifier)) for phrase, identifier in _WRONG_IDS))


def diagnose(public: sm2.PublicKey, message: bytes, signature: bytes) -> str:
    """Answer in Chinese by which wrong rule a DER signature over the message was made; "" when by none known.

    For values that have already failed: a signature that is right is answered "" too.
    """
    running = ((phrase, sm3(seed, message)) for phrase, seed in wrong_seeds(public))
    direct = ((OVER_RAW_DIGEST, message),) if len(message) == DIGEST else ()
    twice = ((OVER_DIGEST, sm2.digest(public, sm3(message))),)
    return diagnose_digests(public, (*running, *direct, *twice), signature)


def diagnose_digests(public: sm2.PublicKey, candidates: Iterable[tuple[str, bytes]], signature: bytes) -> str:
    """Answer the phrase of the first candidate (phrase, 32-byte e) under which the signature verifies, or ""."""
    return next((phrase for phrase, e in candidates if _verifies(public, e, signature)), "")


def _verifies(public: sm2.PublicKey, e: bytes, signature: bytes) -> bool:
    try:
        sm2.verify_digest(public, e, signature)
    except BadSignatureError:
        return False
    return True


def _z(public: sm2.PublicKey, identifier: bytes) -> bytes:
    bits = (8 * len(identifier)).to_bytes(2)
    return sm3(bits, identifier, A.to_bytes(32), B.to_bytes(32), G[1:], public.point[1:])
