"""The one place that extends other libraries: SM2, SM3, SM4 for asn1crypto and pyHanko; long hex strings, quickly.

Nothing of ours parses certificates or messages through these tables; they are for PDF signatures by pyHanko.
All functions may be called any number of times and change nothing after the first.
"""

import re
from binascii import unhexlify
from threading import Lock
from typing import Any, Final

from asn1crypto import algos, cms, core, keys

_CURVE: Final = "sm2p256v1"
_CURVE_OID: Final = "1.2.156.10197.1.301"
_DIGESTS: Final = {"1.2.156.10197.1.401": "sm3"}
_SIGNATURES: Final = {"1.2.156.10197.1.501": "sm2_sm3", "1.2.156.10197.1.301.1": "sm2_sign"}
_CIPHERS: Final = {"1.2.156.10197.1.104.2": "sm4_cbc", "1.2.156.10197.1.104.8": "sm4_gcm"}
_CONTENT_TYPES: Final = {
    "1.2.156.10197.6.1.4.2.1": "data",
    "1.2.156.10197.6.1.4.2.2": "signed_data",
    "1.2.156.10197.6.1.4.2.3": "enveloped_data",
}
_lock = Lock()


def register() -> None:
    """Register the SM2 curve and the GM object identifiers; idempotent and thread-safe."""
    with _lock:
        if _CURVE_OID in keys.NamedCurve._map:  # noqa: SLF001 - asn1crypto has no public way to ask
            return
        keys.NamedCurve.register(_CURVE, _CURVE_OID, 32)
        _extend(algos.DigestAlgorithmId, _DIGESTS)
        _extend(algos.HmacAlgorithmId, {"1.2.156.10197.1.401.2": "hmac_sm3"})
        _extend(algos.SignedDigestAlgorithmId, _SIGNATURES)
        _extend(algos.EncryptionAlgorithmId, _CIPHERS)
        _alias(cms.ContentType, _CONTENT_TYPES)


def quicken_reading() -> None:
    """Have pyHanko read hex strings in one go: it takes a signature's /Contents character by character, for 50 ms.

    Whatever is not plain hex up to the next `>` is left to its own reader, errors included.
    """
    from pyhanko.pdf_utils import generic, misc  # noqa: PLC0415 - costs a second; only who opens a PDF pays

    own: Any = generic.read_hex_string_from_stream
    with _lock:
        if hasattr(own, "slow"):
            return

        def read(stream: Any) -> Any:
            start, text = stream.tell(), bytearray()
            while part := stream.read(_PIECE):
                end = part.find(b">")
                text += part if end < 0 else part[:end]
                if not _HEX.fullmatch(text, max(len(text) - len(part), 0) if len(text) > _PIECE else 0):
                    break
                if end >= 0:
                    stream.seek(start + len(text) + 1)
                    digits = text[1:].translate(None, _SPACE)
                    return generic.pdf_string(unhexlify(digits + b"0" * (len(digits) % 2)))
                if len(text) > _LONGEST:
                    raise misc.PdfStreamError(f"a hex string of more than {_LONGEST} characters")
            stream.seek(start)
            return own(stream)

        read.slow = own  # type: ignore[attr-defined]
        generic.read_hex_string_from_stream = read


_PIECE: Final = 16 << 10
_SPACE: Final = b" \n\r\t\f\0"
_HEX: Final = re.compile(rb"<?[0-9A-Fa-f \n\r\t\f\0]*+")
_LONGEST: Final = 32 << 20


def _extend(kind: Any, names: dict[str, str]) -> None:
    """Add OIDs both ways, so that the names can be written and read."""
    _freeze(kind)
    kind._map.update(names)  # noqa: SLF001
    kind._reverse_map.update({name: oid for oid, name in names.items()})  # noqa: SLF001


def _alias(kind: Any, names: dict[str, str]) -> None:
    """Add OIDs for reading only: writing keeps the standard ones."""
    _freeze(kind)
    kind._map.update(names)  # noqa: SLF001


def _freeze(kind: type[core.ObjectIdentifier]) -> None:
    """Have asn1crypto build its reverse table now; it does so lazily, and an alias would win."""
    if kind._reverse_map is None:  # noqa: SLF001
        kind.map(next(iter(kind._map)))  # noqa: SLF001
        kind.unmap(next(iter(kind._map.values())))  # noqa: SLF001
