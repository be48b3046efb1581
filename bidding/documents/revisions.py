"""Earlier revisions of a PDF: seals only ever append, so that what a file was before is still inside it."""

import re
from typing import Final

from signing.digests import sm3

_END: Final = re.compile(rb"startxref\s+\d+\s+%%EOF(\r\n|\n|\r)?")


def find_revision(data: bytes, digest: str) -> bytes | None:
    """Answer the revision with this SM3 (hex), the file itself included; None if there is none.

    Nothing is parsed: a beginning of the file either has the digest or has not.
    """
    for match in _END.finditer(data):
        if sm3(data[: match.end()]).hex() == digest:
            return data[: match.end()]
    return None
