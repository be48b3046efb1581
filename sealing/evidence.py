"""Gathering what a judgement of a PDF needs: everything that must be read from the file, and nothing judged yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from sealing.errors import SealingError
from sealing.pdf_profiles import read_inner
from sealing.ses import CONSENT
from signing import der
from signing.cms import parse_cms
from signing.errors import MalformedError, SigningError
from signing.pades_evidence import EmbeddedEvidence, read_evidence
from signing.path import RevocationEvidence
from signing.pdf import ByteRange, Coverage, FilledSignature, find_signatures, find_traces, hasher
from signing.pdf_changes import Change, find_changes
from signing.pdf_objects import objects_of
from signing.pdf_reading import OpenPdf, UnreadablePdfError, open_pdf, read_slice
from signing.pdf_rsa_sha1 import SUB_FILTER, wrap_signature
from signing.timestamps import parse_token

_MAX_CONTENT: Final = 256 << 20
"""Bytes; a message without signed attributes needs the covered bytes themselves."""
_MAX_MESSAGE: Final = 4 << 20


_NO_EVIDENCE: Final = EmbeddedEvidence((), RevocationEvidence())


class Payload(StrEnum):
    """What stands in /Contents, as the /SubFilter says."""

    SEAL = "ses"
    CMS = "cms"
    GM_CMS = "gm-cms"
    TIMESTAMP = "timestamp"
    UNKNOWN = "unknown"


PAYLOADS: Final = {
    "/GM.sm2seal": Payload.SEAL,
    "/GM.eSeal": Payload.SEAL,
    "/fxit.sm.detached": Payload.SEAL,
    "/GM.sm2cms.detached": Payload.GM_CMS,
    "/adbe.pkcs7.detached": Payload.CMS,
    "/adbe.pkcs7.sha1": Payload.CMS,
    "/adbe.x509.rsa_sha1": Payload.CMS,
    "/ETSI.CAdES.detached": Payload.CMS,
    "/ETSI.RFC3161": Payload.TIMESTAMP,
}


@dataclass(frozen=True)
class SignatureEvidence:
    """The facts about one filled signature field. `message` is /Contents cut at its DER length, empty if it has none.

    `digests` are those of the covered bytes that the message asks for, by name; `content` the covered bytes
    themselves, where the message needs them.
    """

    signature: FilledSignature
    payload: Payload
    message: bytes = field(repr=False)
    digests: Mapping[str, bytes]
    content: bytes | None = field(repr=False)
    changes: tuple[Change, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class DocumentEvidence:
    """The facts about one PDF; `mode` says how strictly it could be read.

    `embedded` is the validation data inside (DSS), which proves nothing by being there.
    """

    mode: str
    pages: int
    signatures: tuple[SignatureEvidence, ...]
    embedded: EmbeddedEvidence = _NO_EVIDENCE


def gather_pdf(path: Path, password: str | None = None) -> DocumentEvidence:
    """Read the evidence from a PDF. Raises the errors of `signing.pdf_reading`.

    An encrypted file that opens for everybody is read; one that asks for a password raises PasswordNeededError
    without one, WrongPasswordError with a wrong one, and EncryptedPdfError where a password does not help.

    A file that bears signatures and cannot be read any more is not refused: its signatures are reported as broken.
    """
    for strict in (True, False):  # what a strict reader cannot read, a lenient one often can
        try:
            return _gather_all(path, password or "", strict=strict)
        except UnreadablePdfError as error:
            unread = error
    traces = find_traces(path)
    if not traces:
        raise unread
    return DocumentEvidence("lenient", 0, tuple(_lost(trace) for trace in traces))


def _gather_all(path: Path, password: str, *, strict: bool) -> DocumentEvidence:
    with open_pdf(path, password, strict=strict) as pdf:
        found = find_signatures(pdf)
        gathered = tuple(_gather(pdf, one, found) for one in found)
        pages = len(objects_of(pdf).pages(pdf.revisions - 1))
        return DocumentEvidence(pdf.mode, pages, gathered, read_evidence(pdf))


def _lost(trace: FilledSignature) -> SignatureEvidence:
    return SignatureEvidence(trace, Payload.UNKNOWN, b"", {}, None, (), ())


def _gather(pdf: OpenPdf, signature: FilledSignature, found: tuple[FilledSignature, ...]) -> SignatureEvidence:
    payload = PAYLOADS.get(signature.sub_filter, Payload.UNKNOWN)
    message, padding = _cut(signature.contents)
    if signature.sub_filter == SUB_FILTER:
        message = _wrapped(signature)
    remarks = list(signature.remarks)
    if padding.strip(b"\0"):
        remarks.append("签名值之后的填充不全为零。")
    if signature.capitals and payload is Payload.SEAL and der.oid(CONSENT) in message:
        remarks.append("签名值的十六进制串不是本系统写出的小写形式。")
    digests, content = dict[str, bytes](), None
    if signature.byte_range is not None:
        compute = hasher(pdf, signature.byte_range)
        names, whole = _needs(payload, message)
        if signature.sub_filter == "/adbe.pkcs7.sha1":
            names, whole = tuple(dict.fromkeys(("sha1", *names))), False
        digests = {name: compute(name) for name in names}
        content = _read_content(pdf, signature.byte_range) if whole else None
    changes: tuple[Change, ...] = ()
    if signature.covers is Coverage.REVISION and not signature.defects:
        changes = find_changes(pdf, signature, found, strict=payload is Payload.SEAL)
    return SignatureEvidence(signature, payload, message, digests, content, changes, tuple(remarks))


def _wrapped(signature: FilledSignature) -> bytes:
    try:
        return wrap_signature(signature.contents, signature.certificates)
    except (MalformedError, SigningError):
        return b""


def _cut(contents: bytes) -> tuple[bytes, bytes]:
    """Cut zero-padded contents at the DER length; without a readable one there is no message."""
    try:
        message = der.read_prefix(contents, limit=_MAX_MESSAGE).raw
    except MalformedError:
        return b"", b""
    return message, contents[len(message) :]


def _needs(payload: Payload, message: bytes) -> tuple[tuple[str, ...], bool]:
    """Which digests of the covered bytes a message asks for, and whether it asks for the bytes themselves."""
    try:
        match payload:
            case Payload.SEAL:
                return ("sm3",), False
            case Payload.TIMESTAMP:
                return _known(parse_token(message).digest_algorithm), False
            case Payload.CMS | Payload.GM_CMS:
                signer = parse_cms(message).signer
                own = _known(signer.digest)
                also = payload is Payload.GM_CMS or _names_seal(message)
                return tuple(dict.fromkeys((*own, *(("sm3",) if also else ())))), not signer.signed_attributes
    except SigningError:
        pass
    return (), False


def _names_seal(message: bytes) -> bool:
    """Whether a message holds or names a seal, whose digest is SM3 whatever the message's is."""
    try:
        return any(read_inner(message))
    except (SigningError, SealingError):
        return True


def _known(name: str) -> tuple[str, ...]:
    return (name,) if name in {"sm3", "sha1", "sha256", "sha384", "sha512"} else ()


def _read_content(pdf: OpenPdf, byte_range: ByteRange) -> bytes | None:
    start, length, second, rest = byte_range
    if length + rest > _MAX_CONTENT:
        return None
    return read_slice(pdf.stream, start, length) + read_slice(pdf.stream, second, second + rest)
