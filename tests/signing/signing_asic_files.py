"""ZIP files written byte by byte, so that each can be wrong in one place; and manifests over contents."""

import base64
import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from signing.digests import sm3

ASIC_E = b"application/vnd.etsi.asic-e+zip"
ASIC_S = b"application/vnd.etsi.asic-s+zip"
NAMESPACES = 'xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
DIGESTS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "sm3": ("urn:oid:1.2.156.10197.1.401", sm3),
    "sha256": ("http://www.w3.org/2001/04/xmlenc#sha256", lambda data: hashlib.sha256(data).digest()),
    "sha512": ("http://www.w3.org/2001/04/xmlenc#sha512", lambda data: hashlib.sha512(data).digest()),
    "sha1": ("http://www.w3.org/2000/09/xmldsig#sha1", lambda data: hashlib.sha1(data).digest()),  # noqa: S324
}


@dataclass(frozen=True)
class Member:
    """One entry; whatever is None follows from the content."""

    name: bytes
    content: bytes = b""
    method: int = 0
    flags: int = 0
    needed: int = 20
    attributes: int = 0
    extra: bytes = b""
    central_extra: bytes = b""
    packed: bytes | None = None
    crc: int | None = None
    size: int | None = None
    central_name: bytes | None = None
    central_method: int | None = None
    central_flags: int | None = None
    local_size: int | None = None
    central_size: int | None = None
    place: int | None = None
    disk: int = 0
    descriptor: bytes | None = None

    @property
    def data(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflate(self.content) if self.method == 8 else self.content


def deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def local(member: Member) -> bytes:
    streamed = member.flags & 8
    crc = 0 if streamed else _crc(member)
    packed = 0 if streamed else len(member.data) if member.local_size is None else member.local_size
    size = 0 if streamed else _size(member) if member.local_size is None else member.local_size
    lengths = len(member.name), len(member.extra)
    head = (member.needed, member.flags, member.method, 0, 0x21, crc, packed, size, *lengths)
    tail = member.descriptor
    if tail is None:
        tail = b"PK\x07\x08" + struct.pack("<3L", _crc(member), len(member.data), _size(member)) if streamed else b""
    return struct.pack("<4s5H3L2H", b"PK\x03\x04", *head) + member.name + member.extra + member.data + tail


def central(member: Member, place: int) -> bytes:
    name = member.name if member.central_name is None else member.central_name
    method = member.method if member.central_method is None else member.central_method
    flags = member.flags if member.central_flags is None else member.central_flags
    packed = len(member.data) if member.central_size is None else member.central_size
    size = _size(member) if member.central_size is None else member.central_size
    place = place if member.place is None else member.place
    head = (0x031E, member.needed, flags, method, 0, 0x21, _crc(member), packed, size, len(name))
    tail = (len(member.central_extra), 0, member.disk, 0, member.attributes, place)
    return struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *head, *tail) + name + member.central_extra


def end(count: int, length: int, start: int, comment: bytes = b"", here: int | None = None) -> bytes:
    fields = (0, 0, count if here is None else here, count, length, start, len(comment))
    return struct.pack("<4s4H2LH", b"PK\x05\x06", *fields) + comment


def make(
    members: Sequence[Member], *, before: bytes = b"", gap: bytes = b"", after: bytes = b"", comment: bytes = b""
) -> bytes:
    """Write the members; `gap` stands between the last content and the directory."""
    out, places = before, list[int]()
    for member in members:
        places.append(len(out))
        out += local(member)
    out += gap
    directory = b"".join(central(member, place) for member, place in zip(members, places, strict=True))
    return out + directory + end(len(members), len(directory), len(out), comment) + after


def container(contents: Mapping[str, bytes], *, method: int = 0) -> bytes:
    """Write an ordinary container; the mimetype is never packed."""
    flags = {name: 0 if name.isascii() else 1 << 11 for name in contents}
    return make(
        [
            Member(name.encode(), content, method=0 if name == "mimetype" else method, flags=flags[name])
            for name, content in contents.items()
        ]
    )


def manifest(
    contents: Mapping[str, bytes],
    *,
    signature: str = "META-INF/signature.p7s",
    digest: str = "sha256",
    tail: str = "",
) -> bytes:
    """Write an ASiCManifest over contents."""
    uri, compute = DIGESTS[digest]
    references = "".join(
        f'<asic:DataObjectReference URI="{quote(name)}" MimeType="text/plain"><ds:DigestMethod Algorithm="{uri}"/>'
        f"<ds:DigestValue>{base64.b64encode(compute(content)).decode()}</ds:DigestValue></asic:DataObjectReference>"
        for name, content in contents.items()
    )
    head = f'<asic:SigReference URI="{signature}" MimeType="application/pkcs7-signature"/>'
    body = f"<asic:ASiCManifest {NAMESPACES}>{head}{references}{tail}</asic:ASiCManifest>"
    return f'<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n{body}'.encode()


def _crc(member: Member) -> int:
    return zlib.crc32(member.content) if member.crc is None else member.crc


def _size(member: Member) -> int:
    return len(member.content) if member.size is None else member.size
