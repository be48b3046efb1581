"""Gathering what a judgement of a PDF needs: everything that must be read from the file, and nothing judged yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from sealing.ses import CONSENT
from signing import der
from signing.cms import parse_cms
from signing.errors import MalformedError, SigningError
from signing.pades_evidence import EmbeddedEvidence, read_evidence
from signing.path import RevocationEvidence
from signing.pdf import ByteRange, Coverage, FilledSignature, find_signatures, find_traces, hasher
from signing.pdf_changes import Change, find_changes
from signing.pdf_reading import OpenPdf, UnreadablePdfError, open_pdf, page_references, read_slice
from signing.timestamps import parse_token

MAX_SIGNATURES: Final = 200
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


def gather_pdf(path: Path) -> DocumentEvidence:
    """Read the evidence from a PDF. Raises the errors of `signing.pdf_reading`.

    A file that bears signatures and cannot be read any more is not refused: its signatures are reported as broken.
    """
    try:
        with open_pdf(path) as pdf:
            found = _limited(find_signatures(pdf))
            gathered = tuple(_gather(pdf, one, found) for one in found)
            return DocumentEvidence(pdf.mode, len(page_references(pdf)), gathered, read_evidence(pdf))
    except UnreadablePdfError:
        traces = find_traces(path)
        if not traces:
            raise
        return DocumentEvidence("lenient", 0, tuple(_lost(trace) for trace in traces))


def _limited(found: tuple[FilledSignature, ...]) -> tuple[FilledSignature, ...]:
    """Refuse to leave some out: what is not judged could be what fails."""
    if len(found) > MAX_SIGNATURES:
        raise UnreadablePdfError(f"more than {MAX_SIGNATURES} signatures")
    return found


def _lost(trace: FilledSignature) -> SignatureEvidence:
    return SignatureEvidence(trace, Payload.UNKNOWN, b"", {}, None, (), ())


def _gather(pdf: OpenPdf, signature: FilledSignature, found: tuple[FilledSignature, ...]) -> SignatureEvidence:
    payload = PAYLOADS.get(signature.sub_filter, Payload.UNKNOWN)
    message, padding = _cut(signature.contents)
    remarks = list(signature.remarks)
    if padding.strip(b"\0"):
        remarks.append("签名值之后的填充不全为零。")
    if signature.capitals and payload is Payload.SEAL and der.oid(CONSENT) in message:
        remarks.append("签名值的十六进制串不是本系统写出的小写形式。")
    digests, content = dict[str, bytes](), None
    if signature.byte_range is not None:
        compute = hasher(pdf, signature.byte_range)
        names, whole = _needs(payload, message)
        digests = {name: compute(name) for name in names}
        content = _read_content(pdf, signature.byte_range) if whole else None
    changes: tuple[Change, ...] = ()
    if signature.covers is Coverage.REVISION and not signature.defects:
        changes = find_changes(pdf, signature, found, strict=payload is Payload.SEAL)
    return SignatureEvidence(signature, payload, message, digests, content, changes, tuple(remarks))


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
                return (*own, *(() if "sm3" in own else ("sm3",))), not signer.signed_attributes
    except SigningError:
        pass
    return (), False


def _known(name: str) -> tuple[str, ...]:
    return (name,) if name in {"sm3", "sha1", "sha256", "sha384", "sha512"} else ()


def _read_content(pdf: OpenPdf, byte_range: ByteRange) -> bytes | None:
    start, length, second, rest = byte_range
    if length + rest > _MAX_CONTENT:
        return None
    return read_slice(pdf.stream, start, length) + read_slice(pdf.stream, second, second + rest)
