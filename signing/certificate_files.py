"""Certificate files as people keep them: DER, or PEM with one certificate."""

import base64
import binascii
import re
from typing import Final

from signing.certificates import MAX_CERTIFICATE, Certificate, parse_certificate
from signing.errors import LimitError, MalformedError

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]{1,100000})-----END CERTIFICATE-----")


def read_certificate_file(data: bytes) -> Certificate:
    """Read the one certificate in a file; LimitError, or MalformedError for none, several, or one that is broken."""
    if len(data) > 2 * MAX_CERTIFICATE:
        raise LimitError(f"{len(data)} bytes; a certificate file has at most {2 * MAX_CERTIFICATE}")
    if b"-----BEGIN" not in data:
        return parse_certificate(data)
    found = _PEM.findall(data)
    if len(found) != 1:
        raise MalformedError(f"{len(found)} certificates in the file; there must be one")
    try:
        return parse_certificate(base64.b64decode(b"".join(found[0].split()), validate=True))
    except binascii.Error as error:
        raise MalformedError(f"not base64: {error}") from error
