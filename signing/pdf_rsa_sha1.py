"""The oldest kind of PDF signature (adbe.x509.rsa_sha1, ISO 32000-1 12.8.3.2), put into the form of a message.

Its /Contents is an OCTET STRING with an RSA signature (PKCS#1 v1.5) over SHA-1 of the covered bytes, and its
certificates stand in /Cert. That is what a CMS message without signed attributes holds, and so it is judged as one.
"""

from collections.abc import Sequence
from typing import Final

from signing import der
from signing.certificates import parse_certificate
from signing.cms_names import DATA, SIGNED_DATA
from signing.errors import MalformedError

SUB_FILTER: Final = "/adbe.x509.rsa_sha1"
_MAX: Final = 64 << 10
_SHA1: Final = "1.3.14.3.2.26"
_RSA: Final = "1.2.840.113549.1.1.1"
_NULL: Final = b"\x05\x00"
_OCTET_STRING: Final = 0x04


def wrap_signature(contents: bytes, certificates: Sequence[bytes]) -> bytes:
    """Answer the message that says the same; `contents` may be padded. Raises MalformedError and the like."""
    if not certificates:
        raise MalformedError("no certificate beside the signature")
    signer = parse_certificate(certificates[0])
    value = der.read_prefix(contents, limit=_MAX).expect(_OCTET_STRING)
    digest, method = (der.sequence(der.oid(one), _NULL) for one in (_SHA1, _RSA))
    issuer = der.sequence(signer.issuer_der, der.integer(signer.serial_number))
    info = der.sequence(der.integer(1), issuer, digest, method, der.octet_string(value.body))
    inside = sorted({*certificates})
    body = der.sequence(
        der.integer(1), der.set_of(digest), der.sequence(der.oid(DATA)), der.explicit(0, *inside), der.set_of(info)
    )
    return der.sequence(der.oid(SIGNED_DATA), der.explicit(0, body))
