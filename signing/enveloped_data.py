"""Reading enveloped messages (数字信封, RFC 5652 6, RFC 5083, GB/T 35275 9 and 10), of both OID families.

EnvelopedData, SignedAndEnvelopedData and AuthEnvelopedData open through one interface.
Whatever keeps a message from opening is one DecryptionError that says no more: who sends a changed one learns nothing
from the answer. Plaintext leaves only when all of it has been checked that can be.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from signing import der
from signing.algorithms import read_algorithm
from signing.certificates import Certificate
from signing.cms import SignerVerdict
from signing.cms_ciphers import ContentCipher, decrypt, read_cipher, strip_padding
from signing.cms_contents import WholeContent
from signing.cms_judging import Judge
from signing.cms_names import (
    AUTH_ENVELOPED_DATA,
    ENVELOPED_DATA,
    SIGNED_AND_ENVELOPED_DATA,
    standard_type,
)
from signing.cms_parsing import ParsedCms, view_signer
from signing.cms_recipients import DecryptionKey, Recipient, read_recipients, unwrap_key
from signing.cms_types import SignedData
from signing.errors import DecryptionError, MalformedError, SigningError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.signed_data import read_certificates, read_signers

MAX_ENVELOPED: Final = 32 << 20
"""Bytes; larger messages go through `signing.enveloped_streaming`."""

Kind = Literal["enveloped", "signed-and-enveloped", "auth-enveloped"]
_KINDS: Final[dict[str, Kind]] = {
    ENVELOPED_DATA: "enveloped",
    SIGNED_AND_ENVELOPED_DATA: "signed-and-enveloped",
    AUTH_ENVELOPED_DATA: "auth-enveloped",
}
NO_INTEGRITY: Final = "NO_INTEGRITY：密文没有完整性保护，须以外层签名或其他方式核对内容"


@dataclass(frozen=True)
class EnvelopedData:
    """A parsed message. `tag` and `aad` are empty unless the cipher is authenticated."""

    der: bytes = field(repr=False)
    kind: Kind
    content_type: str
    recipients: tuple[Recipient, ...]
    cipher: ContentCipher
    ciphertext: bytes = field(repr=False)
    tag: bytes = field(repr=False, default=b"")
    aad: bytes = field(repr=False, default=b"")
    signed: SignedData | None = None
    """Signers and certificates of a SignedAndEnvelopedData."""


@dataclass(frozen=True)
class Opened:
    """A decrypted content. `authenticated` says whether a tag has proven that it is the one that was encrypted."""

    content: bytes = field(repr=False)
    content_type: str
    authenticated: bool
    warnings: tuple[str, ...]


def parse_enveloped(data: bytes) -> EnvelopedData:
    """Read a ContentInfo with one of the three.

    Raises LimitError, MalformedError, or UnsupportedAlgorithmError for a cipher not known here.
    """
    outer = der.read(data, limit=MAX_ENVELOPED).fields()
    outer_type = outer.take(der.OID).oid()
    kind = _KINDS.get(standard_type(outer_type))
    if kind is None:
        raise MalformedError(f"content type {outer_type} is no enveloped data")
    body = outer.take(der.context(0))
    outer.end()
    fields = body.inner(body.tag).fields()
    fields.take(der.INTEGER)
    fields.optional(der.context(0))
    recipients = read_recipients(fields.take(der.SET))
    if kind == "signed-and-enveloped":
        fields.take(der.SET)
    content_type, cipher, ciphertext = _read_content(fields.take(der.SEQUENCE))
    if kind == "auth-enveloped":
        tag, aad = _read_tag(fields)
        return EnvelopedData(data, kind, content_type, recipients, cipher, ciphertext, tag, aad)
    signed = _read_signed(fields, data, content_type) if kind == "signed-and-enveloped" else None
    fields.optional(der.context(1))
    fields.end()
    # Some senders put GCM into EnvelopedData, with the tag after the ciphertext.
    at = len(ciphertext) - cipher.tag_size
    if at < 0:
        raise MalformedError("a ciphertext shorter than its tag")
    return EnvelopedData(data, kind, content_type, recipients, cipher, ciphertext[:at], ciphertext[at:], signed=signed)


def open_enveloped(message: EnvelopedData, key: DecryptionKey, certificate: Certificate | None = None) -> Opened:
    """Decrypt a message for the holder of the certificate, or by the first recipient that opens if none is given.

    Raises DecryptionError, or UnsupportedAlgorithmError for a key encryption not known here. A signature inside is
    judged by `open_signed` only.
    """
    plain = _decrypt(message, key, certificate)
    return _opened(message, _candidates(message, plain)[0])


def open_signed(
    message: EnvelopedData,
    key: DecryptionKey,
    certificate: Certificate | None = None,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    purpose: Purpose,
    at: datetime | None = None,
    known: Sequence[Certificate] = (),
) -> tuple[Opened, tuple[SignerVerdict, ...]]:
    """Decrypt a SignedAndEnvelopedData and judge every signer over the plaintext; checks as in `cms.verify_attached`.

    Departures from our own form are warnings: we write no such messages. Raises DecryptionError, MalformedError.
    """
    signed = message.signed
    if signed is None or not signed.signers:
        raise MalformedError("a message that nobody signed")
    candidates = _candidates(message, _decrypt(message, key, certificate))
    parsed = [view_signer(signed, signer, known) for signer in signed.signers]
    plain = next((one for one in candidates if all(_covers(view, one) for view in parsed)), None)
    plain = candidates[0] if plain is None else plain
    content = WholeContent(plain)
    judges = [Judge(view, content, anchors, evidence, strict=False, known=known) for view in parsed]
    verdicts = tuple(SignerVerdict(one.parsed, one.verdict(purpose, at, detached=False)) for one in judges)
    return _opened(message, plain), verdicts


def _decrypt(message: EnvelopedData, key: DecryptionKey, certificate: Certificate | None) -> bytes:
    content_key = unwrap_key(message.recipients, key, certificate)
    if message.kind == "auth-enveloped" and message.cipher.mode != "GCM":
        raise DecryptionError("the message does not open")
    return decrypt(message.cipher, content_key, message.ciphertext, aad=message.aad, tag=message.tag)


def _candidates(message: EnvelopedData, plain: bytes) -> tuple[bytes, ...]:
    """Answer how the plaintext may be meant: ECB is found with padding and without."""
    stripped = strip_padding(plain) if message.cipher.mode == "ECB" else None
    return (plain,) if stripped is None else (stripped, plain)


def _covers(view: ParsedCms, plain: bytes) -> bool:
    if view.certificate is None or view.signer.signed_attributes:
        return False
    try:
        WholeContent(plain).require(view.signer, view.certificate)
    except SigningError:
        return False
    return True


def _opened(message: EnvelopedData, plain: bytes) -> Opened:
    authenticated = message.cipher.mode == "GCM"
    warnings = () if authenticated or message.signed is not None else (NO_INTEGRITY,)
    return Opened(plain, message.content_type, authenticated, warnings)


def _read_content(element: der.Element) -> tuple[str, ContentCipher, bytes]:
    fields = element.fields()
    kind, cipher = fields.take(der.OID).oid(), read_cipher(read_algorithm(fields.take(der.SEQUENCE)))
    content = fields.take(der.context(0), der.context(0, primitive=True))
    fields.end()
    if content.tag == der.context(0, primitive=True):
        return kind, cipher, content.body
    return kind, cipher, b"".join(piece.octets() for piece in content.children())


def _read_tag(fields: der.Fields) -> tuple[bytes, bytes]:
    attributes, tag = fields.optional(der.context(1)), fields.take(der.OCTET_STRING).octets()
    fields.optional(der.context(2))
    fields.end()
    return tag, bytes((der.SET,)) + attributes.raw[1:] if attributes else b""


def _read_signed(fields: der.Fields, data: bytes, content_type: str) -> SignedData:
    certificates, crls = fields.optional(der.context(0)), fields.optional(der.context(1))
    read, notes = read_certificates(certificates)
    signers, more = read_signers(fields.take(der.SET))
    lists = tuple(one.raw for one in crls.children()) if crls else ()
    return SignedData(data, content_type, None, read, signers, (*notes, *more), b"", lists)
