"""Enveloped messages of any size in constant memory: written as BER with indefinite lengths, read piece by piece.

The tag of AuthEnvelopedData comes last, so a reader must hold the plaintext back until it has seen all of it:
`decrypt_stream` writes into a spool of the caller's (a temporary file), and empties it again if anything is wrong.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from signing import der
from signing.algorithms import read_algorithm
from signing.certificates import Certificate
from signing.cms_ciphers import ContentCipher, Decryption, Encryption, read_cipher
from signing.cms_names import AUTH_ENVELOPED_DATA, ENVELOPED_DATA, standard_type
from signing.cms_recipients import DecryptionKey, read_recipients, unwrap_key
from signing.digests import CHUNK, read_chunks
from signing.enveloped_data import NO_INTEGRITY
from signing.enveloped_writing import STANDARD_GCM, EncryptionProfile, Random, start_envelope
from signing.errors import LimitError, MalformedError, SigningError, UnsupportedAlgorithmError

MAX_HEAD: Final = 1 << 20
"""Bytes of any one part but the content."""
MAX_GCM: Final = (1 << 36) - 32
"""Bytes that GCM encrypts under one nonce."""
_INDEFINITE: Final = b"\x80"
_END: Final = b"\0\0"
_OUTER: Final = 3
"""Indefinite lengths around everything: ContentInfo, [0], the message."""


def encrypt_stream(
    source: BinaryIO,
    sink: BinaryIO,
    recipients: Sequence[Certificate],
    *,
    profile: EncryptionProfile = STANDARD_GCM,
    random: Random = os.urandom,  # noqa: TID251 - the crypto wrapper
) -> None:
    """Encrypt a stream, read to its end, to the holders of these certificates; 1 MiB at a time.

    Raises what `encrypt_enveloped` does, LimitError for more than GCM takes; what the sink has by then is no message.
    """
    head = start_envelope(recipients, profile=profile, random=random)
    sink.write(_open(der.SEQUENCE) + der.oid(profile.outer_type) + _open(der.context(0)) + _open(der.SEQUENCE))
    sink.write(der.integer(head.version) + head.recipients)
    sink.write(_open(der.SEQUENCE) + der.oid(profile.inner_type) + head.algorithm.encode() + _open(der.context(0)))
    encryption, size = Encryption(head.cipher, head.key), 0
    for chunk in read_chunks(source):
        size += len(chunk)
        if profile.authenticated and size > MAX_GCM:
            raise LimitError(f"GCM encrypts {MAX_GCM} bytes at most")
        sink.write(der.octet_string(encryption.update(chunk)))
    sink.write(_piece(encryption.finish()) + _END * 2)
    sink.write((der.octet_string(encryption.tag) if profile.authenticated else b"") + _END * _OUTER)


@dataclass(frozen=True)
class StreamOpened:
    """What stands in the spool: how much, of which type, and whether a tag has proven it."""

    size: int
    content_type: str
    authenticated: bool
    warnings: tuple[str, ...]


def decrypt_stream(
    source: BinaryIO, spool: BinaryIO, key: DecryptionKey, certificate: Certificate | None = None
) -> StreamOpened:
    """Decrypt an EnvelopedData or AuthEnvelopedData of any size into an empty spool that can be truncated.

    Nothing in the spool may be used before this returns; on any error it is emptied. Raises DecryptionError,
    UnsupportedAlgorithmError, LimitError, or MalformedError also for bytes after the message.
    """
    try:
        return _decrypt(_Source(source), spool, key, certificate)
    except SigningError:
        spool.seek(0)
        spool.truncate()
        raise


def _decrypt(source: "_Source", spool: BinaryIO, key: DecryptionKey, certificate: Certificate | None) -> StreamOpened:
    outer = source.enter(der.SEQUENCE)
    outer_type = standard_type(source.element().oid())
    if outer_type not in (ENVELOPED_DATA, AUTH_ENVELOPED_DATA):
        raise UnsupportedAlgorithmError(f"content type {outer_type} as a stream")
    holder, body = source.enter(der.context(0)), source.enter(der.SEQUENCE)
    source.element().integer()
    first = source.element()
    recipients = read_recipients(source.element() if first.tag == der.context(0) else first)
    content_key = unwrap_key(recipients, key, certificate)
    inner = source.enter(der.SEQUENCE)
    content_type = source.element().oid()
    cipher = read_cipher(read_algorithm(source.element()))
    if (cipher.mode == "GCM") != (outer_type == AUTH_ENVELOPED_DATA) or cipher.mode == "ECB":
        raise UnsupportedAlgorithmError(f"{cipher.name} as a stream")
    # Attributes under the tag come after the content, so they cannot be taken in before it: unsupported here.
    decryption, size = Decryption(cipher, content_key), 0
    for piece in source.pieces():
        size += spool.write(decryption.update(piece))
    source.leave(inner)
    tag = _read_tag(source, cipher)
    source.leave_after_attributes(body)
    source.leave(holder)
    source.leave(outer)
    source.end()
    size += spool.write(decryption.finish(tag))
    warnings = () if cipher.tag_size else (NO_INTEGRITY,)
    return StreamOpened(size, content_type, bool(cipher.tag_size), warnings)


def _read_tag(source: "_Source", cipher: ContentCipher) -> bytes:
    if not cipher.tag_size:
        return b""
    element = source.element()
    if element.tag == der.context(1):
        raise UnsupportedAlgorithmError("authenticated attributes in a stream")
    return element.octets()


def _open(tag: int) -> bytes:
    return bytes((tag,)) + _INDEFINITE


def _piece(data: bytes) -> bytes:
    return der.octet_string(data) if data else b""


class _Source:
    """A reader of elements over a stream that is never held whole. `enter` answers where the element ends (or None)."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._at = 0

    def enter(self, tag: int) -> int | None:
        """Step into an element of this tag; answer the offset of its end, None for an indefinite length."""
        found, size, _ = self._head()
        if found != tag:
            raise MalformedError(f"tag {found:#04x} where {tag:#04x} belongs")
        return None if size is None else self._at + size

    def leave(self, end: int | None) -> None:
        """Step out of an element, at whose end the stream must be."""
        if end is None:
            if self._take(2) != _END:
                raise MalformedError("an element that does not end here")
        elif self._at != end:
            raise MalformedError("an element of another length")

    def element(self) -> der.Element:
        """Read a whole element of at most MAX_HEAD bytes."""
        return self._whole(*self._head())

    def _whole(self, tag: int, size: int | None, head: bytes) -> der.Element:
        if size is None:
            raw = head + b"".join(self._until_end()) + _END
        elif size > MAX_HEAD:
            raise LimitError(f"an element of {size} bytes; at most {MAX_HEAD} are read")
        else:
            raw = head + self._take(size)
        element = der.read(raw, limit=MAX_HEAD + len(head) + 2)
        return element.expect(tag)

    def _until_end(self, depth: int = 0) -> Iterator[bytes]:
        """Yield the elements of an indefinite length up to its end, MAX_HEAD bytes at most."""
        if depth > 8:  # noqa: PLR2004 - deeper than any recipient is
            raise LimitError("nested too deep")
        start = self._at
        while True:
            tag, size, head = self._head()
            if head == _END:
                return
            if self._at - start > MAX_HEAD:
                raise LimitError(f"an element of more than {MAX_HEAD} bytes")
            if size is None:
                yield head + b"".join(self._until_end(depth + 1)) + _END
            else:
                yield self._whole(tag, size, head).raw

    def pieces(self) -> Iterator[bytes]:
        """Yield the ciphertext of [0]: primitive, or OCTET STRINGs one after the other."""
        tag, size, _ = self._head()
        if tag == der.context(0, primitive=True) and size is not None:
            yield from self._chunks(size)
            return
        if tag != der.context(0):
            raise MalformedError("no encrypted content")
        end = None if size is None else self._at + size
        while end is None or self._at < end:
            tag, size, head = self._head()
            if end is None and head == _END:
                return
            if tag != der.OCTET_STRING or size is None:
                raise MalformedError("an encrypted content that is not in octet strings")
            yield from self._chunks(size)
        self.leave(end)

    def leave_after_attributes(self, end: int | None) -> None:
        """Pass over unprotected attributes, if there are any, and step out."""
        if end is None:
            tag, size, head = self._head()
            if head == _END:
                return
            self._whole(tag, size, head).expect(der.context(1), der.context(2))
        elif self._at < end:
            self.element().expect(der.context(1), der.context(2))
        self.leave(end)

    def end(self) -> None:
        """Refuse anything after the message."""
        if self._stream.read(1):
            raise MalformedError("bytes after the message")

    def _chunks(self, size: int) -> Iterator[bytes]:
        while size:
            chunk = self._take(min(size, CHUNK))
            size -= len(chunk)
            yield chunk

    def _head(self) -> tuple[int, int | None, bytes]:
        head = self._take(2)
        tag, first = head
        if tag & 0x1F == 0x1F:  # noqa: PLR2004 - the mark of a multi-byte tag
            raise MalformedError("a tag of more than one octet")
        if first == 0x80:  # noqa: PLR2004 - the indefinite length
            return tag, None, head
        if first < 0x80:  # noqa: PLR2004 - the short form
            return tag, first, head
        count = first & 0x7F
        if count > 8:  # noqa: PLR2004 - more than any file
            raise MalformedError("an oversized length")
        more = self._take(count)
        return tag, int.from_bytes(more), head + more

    def _take(self, size: int) -> bytes:
        data = self._stream.read(size)
        while 0 < len(data) < size:  # raw streams answer what they have
            more = self._stream.read(size - len(data))
            if not more:
                break
            data += more
        if len(data) != size:
            raise MalformedError("a message that ends too early")
        self._at += size
        return data
