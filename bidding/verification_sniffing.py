"""What is this file? Told by content alone: names are not looked at, and nothing is parsed beyond its first headers."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from signing import der
from signing.cms_names import SIGNED_DATA, STANDARD
from signing.errors import MalformedError

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 #]{1,64})-----\s*(.*?)(?:-----END|\Z)", re.DOTALL)
_SPACE = re.compile(rb"\s+")
_BASE64 = re.compile(rb"\AM[A-Za-z0-9+/=\s]{30,}\Z")
_BOM: Final = b"\xef\xbb\xbf"
_TEXT: Final = 4096
"""Bytes in which a PEM file must begin, and of which the first headers are read."""
_MESSAGE_LABELS: Final = frozenset({b"CMS", b"PKCS7", b"PKCS #7 SIGNED DATA"})
_ENUMERATED: Final = 0x0A
_MARK: Final = 0x80
_MAX_OCTETS: Final = 8
_TYPES: Final = {
    SIGNED_DATA: "",
    "1.2.840.113549.1.7.3": "这是加密的消息（数字信封 EnvelopedData），没有签名可以核验。请解密后核验其中的内容。",
    "1.2.840.113549.1.7.4": "这是签名并加密的消息（SignedAndEnvelopedData），不解密就不能核验其签名。",
    "1.2.840.113549.1.7.5": "这是摘要消息（DigestedData），没有签名可以核验。",
    "1.2.840.113549.1.7.6": "这是加密的消息（EncryptedData），没有签名可以核验。请解密后核验其中的内容。",
    "1.2.840.113549.1.9.16.1.23": "这是加密的消息（AuthEnvelopedData），没有签名可以核验。请解密后核验其中的内容。",
}
_GM_TYPES: Final = {
    **STANDARD,
    "1.2.156.10197.6.1.4.2.5": "1.2.840.113549.1.7.6",
}


@dataclass(frozen=True)
class Found:
    """What a file is; with `refusal`, why it is not judged, in one sentence."""

    kind: str
    refusal: str = ""


def sniff(head: bytes, tail: bytes = b"") -> str:
    """Answer the format by content: pdf, ytb, ofd, asice, receipt, cms, esl or unknown.

    `head` are the first bytes and `tail` the last ones, where a ZIP file keeps its directory. A timestamp is told from
    other messages when it is read: here it is `tst` as a response, and `cms` as a token.
    """
    return identify(head, tail).kind


def identify(head: bytes, tail: bytes = b"") -> Found:
    """Answer the format as `sniff`, and for what is known but not judged the sentence that says what it is."""
    if b"%PDF-" in head[:1024]:
        return Found("pdf")
    if head.startswith(b"PK\x03\x04"):
        return Found(_zip_kind(head, tail))
    if head.startswith(b"{"):
        return Found("receipt")
    if head.startswith(b"\x30"):
        return _identify_der(head)
    return _identify_text(head)


def is_plain_zip(head: bytes, tail: bytes) -> bool:
    """Whether this is a ZIP archive of files, and none of the formats that are ZIP files themselves.

    A PDF that lies uncompressed at its beginning does not make it a PDF.
    """
    return head.startswith((b"PK\x03\x04", b"PK\x05\x06")) and _zip_kind(head, tail) == "unknown"


def read_der(data: bytes) -> bytes:
    """Answer the DER (or BER) of a message file that may be PEM or bare base64; MalformedError."""
    if data.startswith(b"\x30"):
        return data
    label, body = _body(data)
    try:
        return base64.b64decode(_SPACE.sub(b"", body), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"no base64 in {label.decode() or 'the text'}") from error


def _zip_kind(head: bytes, tail: bytes) -> str:
    if head[30:38] == b"mimetype":
        if b"vnd.yizhao" in head[38:120]:
            return "ytb"
        if b"vnd.etsi.asic-" in head[38:120]:
            return "asice"
    if b"OFD.xml" in head + tail:
        return "ofd"
    if b"mimetype=application/vnd.etsi.asic-" in tail[-512:] or b"META-INF/ASiCManifest" in tail:
        return "asice"
    return "unknown"


def _identify_text(head: bytes) -> Found:
    if b"-----BEGIN " not in head[:_TEXT] and not _BASE64.match(head[:_TEXT].removeprefix(_BOM)):
        return Found("unknown")
    label, body = _body(head)
    if label.endswith(b"PRIVATE KEY"):
        return Found("unknown", "这是私钥文件，不是签名文件。请妥善保管，不要交给他人。")
    text = _SPACE.sub(b"", body)[:_TEXT]
    try:
        data = base64.b64decode(text[: len(text) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return Found("unknown")
    found = _identify_der(data) if data.startswith(b"\x30") else Found("unknown")
    return Found("unknown") if found.kind == "esl" else found


def _body(data: bytes) -> tuple[bytes, bytes]:
    """Answer label and base64 of the block that is a message, or else of the first; bare base64 has no label."""
    blocks = [(block[1], block[2]) for block in _PEM.finditer(data)]
    if not blocks:
        return b"", data.removeprefix(_BOM)
    return next((block for block in blocks if block[0] in _MESSAGE_LABELS), blocks[0])


@dataclass(frozen=True)
class _Header:
    """A tag, and where its value begins and ends; None for an indefinite length."""

    tag: int
    start: int
    end: int | None


def _header(data: bytes, at: int) -> _Header | None:
    if at + 2 > len(data):
        return None
    size, start = data[at + 1], at + 2
    if size == _MARK:
        return _Header(data[at], start, None)
    if size & _MARK:
        count = size & ~_MARK
        if count > _MAX_OCTETS or start + count > len(data):
            return None
        size, start = int.from_bytes(data[start : start + count], "big"), start + count
    return _Header(data[at], start, start + size)


def _children(data: bytes, outer: _Header, most: int = 5) -> list[_Header]:
    """Answer the first headers inside, as far as they can be told."""
    at, found = outer.start, list[_Header]()
    while len(found) < most and (outer.end is None or at < outer.end):
        one = _header(data, at)
        if one is None or one.tag == 0:
            break
        found.append(one)
        if one.end is None:
            break
        at = one.end
    return found


def _oid(data: bytes, header: _Header) -> str:
    body = data[header.start : header.end]
    try:
        return der.read(der.tlv(der.OID, body), limit=128).oid() if header.tag == der.OID else ""
    except MalformedError:
        return ""


def _identify_der(data: bytes) -> Found:
    """Tell the structures apart by the tags of their first fields; what is nothing else is left to the seal parser."""
    outer = _header(data, 0)
    inside = _children(data, outer) if outer else []
    if not inside:
        return Found("esl")
    if inside[0].tag == der.OID:
        return _identify_content(_oid(data, inside[0]))
    tags = tuple(one.tag for one in inside)
    within = [_children(data, one) for one in inside[:2]]
    firsts = tuple(children[0].tag if children else 0 for children in within)
    if tags[:1] == (der.SEQUENCE,) and firsts[0] == der.INTEGER:
        refusal = len(tags) == 1 and _one_byte(within[0][0])
        if refusal or (tags == (der.SEQUENCE, der.SEQUENCE) and firsts[1] == der.OID):
            return Found("tst")
    what = _lone(tags, within)
    return Found("unknown", what) if what else Found("esl")


def _one_byte(header: _Header) -> bool:
    return header.end is not None and header.end - header.start == 1


def _identify_content(oid: str) -> Found:
    refusal = _TYPES.get(_GM_TYPES.get(oid, oid))
    if refusal is None:
        return Found("unknown", f"无法识别的文件：内容类型 {oid or '不明'} 不是签名消息。")
    return Found("cms", refusal)


def _lone(tags: tuple[int, ...], within: list[list[_Header]]) -> str:
    """Say what a key, certificate or the like is; empty for what is none of them."""
    inside = [tuple(one.tag for one in children) for children in within]
    if tags == (der.SEQUENCE, der.SEQUENCE, der.BIT_STRING):
        return _lone_signed(inside[0])
    if tags[:2] == (der.INTEGER, der.SEQUENCE) and inside[1][:2] == (der.SEQUENCE, der.OCTET_STRING):
        return "这是时间戳请求，其中还没有时间戳。"
    if tags in _WHOLE:
        return _WHOLE[tags]
    return next((words for begin, words in _BEGINNINGS if tags[: len(begin)] == begin), "")


_PRIVATE_KEY: Final = "这是私钥文件，不是签名文件。请妥善保管，不要交给他人。"
_WHOLE: Final[dict[tuple[int, ...], str]] = {
    (der.SEQUENCE, der.BIT_STRING): "这是公钥，没有签名可以核验。",
    (der.SEQUENCE, der.OCTET_STRING): "这是加密的私钥文件（PKCS#8），不是签名文件。请妥善保管。",
    (der.INTEGER, der.INTEGER): "这是单独的签名值，缺少签名人证书，不能核验。",
    (der.INTEGER, der.INTEGER, der.OCTET_STRING, der.OCTET_STRING): "这是 SM2 密文，没有签名可以核验。",
}
_BEGINNINGS: Final[tuple[tuple[tuple[int, ...], str], ...]] = (
    ((der.INTEGER, der.SEQUENCE, der.OCTET_STRING), _PRIVATE_KEY),
    ((der.INTEGER, der.SEQUENCE), "这是密钥容器（如 PKCS#12、.pfx、.sm2），不是签名文件。请妥善保管，不要交给他人。"),
    ((der.INTEGER, der.OCTET_STRING), _PRIVATE_KEY),
    ((der.INTEGER,) * 4, _PRIVATE_KEY),
    ((_ENUMERATED,), "这是证书状态应答（OCSP），不是签名文件。"),
)


def _lone_signed(inside: tuple[int, ...]) -> str:
    """Tell certificate, revocation list and request apart: each is a SEQUENCE, an algorithm and a value."""
    number, times = der.INTEGER, (der.UTC_TIME, der.GENERALIZED_TIME)
    fields = inside[1:] if inside[:1] in ((number,), (der.context(0),)) else inside
    if any(tag in times for tag in fields[:3]):
        return "这是证书吊销列表（CRL），不是签名文件。"
    if inside[:1] == (number,) and der.context(0) in inside[2:4]:
        return "这是证书申请（CSR），不是签名文件。"
    return "这是数字证书，没有签名内容可以核验。"
