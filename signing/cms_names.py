"""Object identifiers and limits of cryptographic messages (RFC 5652, GM/T 0010, GB/T 35275), both families."""

from typing import Final

MAX_SIGNED_DATA: Final = 16 << 20
"""Bytes, of which most may be content or revocation lists."""
MAX_CERTIFICATES: Final = 64
MAX_SIGNERS: Final = 16
MAX_ATTRIBUTES: Final = 64

DATA: Final = "1.2.840.113549.1.7.1"
SIGNED_DATA: Final = "1.2.840.113549.1.7.2"
ENVELOPED_DATA: Final = "1.2.840.113549.1.7.3"
SIGNED_AND_ENVELOPED_DATA: Final = "1.2.840.113549.1.7.4"
AUTH_ENVELOPED_DATA: Final = "1.2.840.113549.1.9.16.1.23"
GM_DATA: Final = "1.2.156.10197.6.1.4.2.1"
GM_SIGNED_DATA: Final = "1.2.156.10197.6.1.4.2.2"
GM_ENVELOPED_DATA: Final = "1.2.156.10197.6.1.4.2.3"
GM_SIGNED_AND_ENVELOPED_DATA: Final = "1.2.156.10197.6.1.4.2.4"
TST_INFO: Final = "1.2.840.113549.1.9.16.1.4"

STANDARD: Final = {
    GM_DATA: DATA,
    GM_SIGNED_DATA: SIGNED_DATA,
    GM_ENVELOPED_DATA: ENVELOPED_DATA,
    GM_SIGNED_AND_ENVELOPED_DATA: SIGNED_AND_ENVELOPED_DATA,
}
"""The GM content types, and what they are called in PKCS#7."""

CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
COUNTER_SIGNATURE: Final = "1.2.840.113549.1.9.6"
SIGNING_CERTIFICATE: Final = "1.2.840.113549.1.9.16.2.12"
SIGNING_CERTIFICATE_V2: Final = "1.2.840.113549.1.9.16.2.47"
TIMESTAMP_TOKEN: Final = "1.2.840.113549.1.9.16.2.14"  # noqa: S105 - an object identifier


def standard_type(content_type: str) -> str:
    """Answer the PKCS#7 name of a content type; others are answered as they are."""
    return STANDARD.get(content_type, content_type)
