"""Every certificate inside the shared samples: loose, in messages, seals, packages, PDFs and key containers."""

import base64
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from signing import der
from signing.certificates import Certificate, parse_certificate
from signing.errors import SigningError

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
_LIMIT = 64 << 20
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END", re.DOTALL)
_HEX = re.compile(rb"/Contents\s*<([0-9A-Fa-f]+)>")


def certificates_in_file(path: Path) -> list[Certificate]:
    """Answer each certificate once, in the order of the file."""
    return list({one.der: one for one in _in_bytes(path.read_bytes())}.values())


def _in_bytes(data: bytes) -> Iterator[Certificate]:
    if data.startswith(b"PK"):
        with zipfile.ZipFile(BytesIO(data)) as package:
            for name in sorted(package.namelist()):
                yield from _in_bytes(package.read(name))
    elif data.startswith(b"%PDF"):
        for found in _HEX.findall(data):
            yield from _in_der(bytes.fromhex(found.decode()))
    elif b"-----BEGIN" in data:
        for _, body in _PEM.findall(data):
            yield from _in_der(base64.b64decode(body))
    else:
        yield from _in_der(data)


def _in_der(data: bytes) -> Iterator[Certificate]:
    try:
        element = der.read_prefix(data, limit=_LIMIT)
    except SigningError:
        return
    yield from _in_element(element, 0)


def _in_element(element: der.Element, depth: int) -> Iterator[Certificate]:
    if element.tag == der.SEQUENCE and _looks_like_one(element):
        yield parse_certificate(element.raw)
        return
    try:
        children = element.children() if element.tag & 0x20 else _wrapped(element)
    except SigningError:
        return
    for child in children if depth < 32 else ():
        yield from _in_element(child, depth + 1)


def _wrapped(element: der.Element) -> tuple[der.Element, ...]:
    if element.tag == der.OCTET_STRING:
        return (der.read(element.body, limit=_LIMIT),)
    return (der.read(element.bits(), limit=_LIMIT),) if element.tag == der.BIT_STRING else ()


def _looks_like_one(element: der.Element) -> bool:
    """Whether it has the shape of a certificate: TBS with version [0] and a key in seventh place, algorithm, bits."""
    try:
        tbs, algorithm, signature = element.children()
        fields = tbs.children()
        return (
            (tbs.tag, algorithm.tag, signature.tag) == (der.SEQUENCE, der.SEQUENCE, der.BIT_STRING)
            and [one.tag for one in fields[:7]] == [der.context(0), der.INTEGER, *[der.SEQUENCE] * 5]
            and fields[6].children()[1].tag == der.BIT_STRING
        )
    except (ValueError, IndexError, SigningError):
        return False
