"""Opening PDF files and walking their objects, safely: typed errors, no loops, no unbounded work.

The objects that come back belong to the PDF library and are untyped; only the modules `signing.pdf*` and
`sealing` that read or write PDF touch them.
"""

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from signing.errors import SigningError

MAX_FIELDS: Final = 40_000
MAX_PAGES: Final = 50_000
MAX_SIZE: Final = 2 << 30
"""Bytes."""
_MAX_DEPTH: Final = 32
_HEADER: Final = 1024
_READERS: Final = ("pyhanko", "signing.pdf", "signing.pades_inspection", "signing.pades_dss")
"""Modules that handle foreign objects: what goes wrong in them is the file's fault."""
_END: Final = re.compile(rb"startxref[\s\0]{1,16}\d{1,12}[\s\0]{1,16}%%EOF")
_MAX_ENDS: Final = 4
_MAX_TAIL: Final = 4 << 20
_MAX_HEAD: Final = 64 << 20


class PdfError(SigningError):
    """Base of everything that keeps a PDF from being read."""


class NotAPdfError(PdfError):
    """The file is not a PDF."""


class EncryptedPdfError(PdfError):
    """The PDF is encrypted or asks for a password."""


class PasswordNeededError(EncryptedPdfError):
    """The PDF opens with a password only, and none was given."""


class WrongPasswordError(EncryptedPdfError):
    """The PDF does not open with this password."""


class UnreadablePdfError(PdfError):
    """The PDF's structure cannot be read."""


class TooLargePdfError(PdfError):
    """The PDF is larger than anything that is read here."""


@dataclass(frozen=True)
class OpenPdf:
    """A PDF that is open for reading. `reader` belongs to the library; `mode` says how strictly it was read."""

    reader: Any
    stream: BinaryIO
    size: int
    mode: str
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What is costly to find and is asked for again (`signing.pdf_objects`, `signing.pdf_steps`)."""

    @property
    def revisions(self) -> int:
        """Answer how many revisions the file holds."""
        return int(self.reader.xrefs.total_revisions)


@contextmanager
def open_pdf(path: Path, password: str | None = None, *, strict: bool = True) -> Iterator[OpenPdf]:
    """Open a PDF strictly, or leniently when that fails or is asked for; the mode is told.

    Raises NotAPdfError, UnreadablePdfError and, for an encrypted file, EncryptedPdfError. With a `password` (for
    reading only; empty for none) an encrypted file opens too, or raises PasswordNeededError or WrongPasswordError.
    Every raw error of the library, also inside the `with` block, becomes UnreadablePdfError. Endless loops are the
    caller's to bound (child process, limits).
    """
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # its log repeats what we report ourselves
    with path.open("rb") as stream:
        if b"%PDF-" not in stream.read(_HEADER):
            raise NotAPdfError("no %PDF- in the first kilobyte")
        size = stream.seek(0, 2)
        if size > MAX_SIZE:
            raise TooLargePdfError(f"{size} bytes; at most {MAX_SIZE} are read")
        with _typed_errors():
            reader, mode = _read(stream, size, strict=strict)
            if reader.encrypt_dict is not None:
                _unlock(reader, password)
            yield OpenPdf(reader, stream, size, mode)


def _unlock(reader: Any, password: str | None) -> None:
    """Open an encrypted file. Encryption that came with a later revision only is none that a reader could use."""
    from pyhanko.pdf_utils.crypt import AuthStatus, StandardSecurityHandler  # noqa: PLC0415 - see _read

    if "/Encrypt" not in reader.trailer.flatten(0) and reader.xrefs.total_revisions > 1:
        raise UnreadablePdfError("a later revision claims that the file is encrypted")
    if password is None or not isinstance(reader.security_handler, StandardSecurityHandler):
        raise EncryptedPdfError("the file is encrypted")
    result = reader.decrypt(password)
    if result.status == AuthStatus.FAILED:
        if result.mac_failure_reason:
            raise UnreadablePdfError("the authentication code of the encrypted file is wrong")
        raise WrongPasswordError("not the password") if password else PasswordNeededError("a password is needed")


def walk_fields(pdf: OpenPdf) -> Iterator[tuple[str, Any, Any]]:
    """Walk (qualified name, field dictionary, raw /V) of all filled signature fields of the form, without loops."""
    yield from walk_form(pdf.reader.root)


def walk_form(root: Any) -> Iterator[tuple[str, Any, Any]]:
    """Walk the filled signature fields below a catalogue, as `walk_fields` does."""
    fields = entry(entry(root, "/AcroForm"), "/Fields")
    seen, waiting = set[int](), [("", item, "", 0) for item in reversed(items(fields))]
    count = 0
    while waiting:
        prefix, raw, kind, depth = waiting.pop()
        count += 1
        if count > MAX_FIELDS or depth > _MAX_DEPTH:
            raise UnreadablePdfError("too many form fields, or nested too deeply")
        number = getattr(raw, "idnum", None)
        node = resolve(raw)
        if not is_dictionary(node) or (number is not None and number in seen):
            continue
        if number is not None:
            seen.add(number)
        own = text_of(entry(node, "/T"))
        name = ".".join(part for part in (prefix, own) if part)
        kind = str(entry(node, "/FT") or kind)
        if kind == "/Sig" and "/V" in node:
            yield name, node, node.raw_get("/V")
        waiting += [(name, kid, kind, depth + 1) for kid in reversed(items(entry(node, "/Kids")))]


def page_references(pdf: OpenPdf) -> tuple[int, ...]:
    """Answer the object numbers of the pages, in order. Raises UnreadablePdfError for a page tree with loops."""
    root = pdf.reader.root
    waiting, seen, pages = [root.raw_get("/Pages")], set[int](), list[int]()
    while waiting:
        raw = waiting.pop()
        number = getattr(raw, "idnum", None)
        if number is None or number in seen or len(seen) > MAX_PAGES:
            raise UnreadablePdfError("a page tree with a loop, a direct node, or too many of them")
        seen.add(number)
        node = resolve(raw)
        if "/Kids" in node:
            waiting += reversed(items(node["/Kids"]))
        else:
            pages.append(number)
    return tuple(pages)


def entry(node: Any, key: str) -> Any:
    """Answer what stands behind a key of a dictionary, references followed; None when there is nothing."""
    return resolve(node.raw_get(key)) if is_dictionary(node) and key in node else None


def items(value: Any) -> list[Any]:
    """Answer the items of an array as they stand, or nothing for anything else."""
    resolved = resolve(value)
    return list(resolved) if isinstance(resolved, list) else []


def load_object(pdf: OpenPdf, number: int) -> Any:
    """Answer an object of generation 0 by its number, as it is in the newest revision."""
    from pyhanko.pdf_utils.generic import Reference  # noqa: PLC0415 - see _read

    return pdf.reader.get_object(Reference(number, 0, pdf=pdf.reader))


def decode_object_streams(pdf: OpenPdf, revision: int) -> Iterator[bytes]:
    """Decode all object streams of the revisions up to this one: where objects hide from a search of the bytes."""
    resolver = pdf.reader.get_historical_resolver(revision)
    for earlier in range(revision + 1):
        for ref in pdf.reader.xrefs.object_streams_used_in(earlier):
            yield resolver(ref).data


def read_slice(stream: BinaryIO, start: int, stop: int) -> bytes:
    """Read the bytes from `start` up to `stop`."""
    stream.seek(start)
    return stream.read(max(0, stop - start))


def resolve(raw: Any) -> Any:
    """Follow a reference; anything else is its own value."""
    return raw.get_object() if hasattr(raw, "get_object") else raw


def is_dictionary(value: Any) -> bool:
    """Whether this is a PDF dictionary (or a stream, which has one)."""
    return isinstance(value, dict) and hasattr(value, "raw_get")


def text_of(value: Any) -> str:
    """Answer a text string, or nothing for anything else."""
    return value if isinstance(value, str) else ""


def _read(stream: BinaryIO, size: int, *, strict: bool) -> tuple[Any, str]:
    from pyhanko.pdf_utils.misc import PdfReadError  # noqa: PLC0415 - costs a second; only who opens a PDF pays

    from signing.pdf_reader import open_reader  # noqa: PLC0415

    try:
        reader = open_reader(stream, strict=True) if strict else None
        if reader is not None and not reader.xrefs.hybrid_xrefs_present:
            return reader, "strict"
    except PdfReadError:
        pass
    try:
        return open_reader(stream, strict=False), "lenient"
    except Exception:
        for head in _without_tail(stream, size):
            with suppress(Exception):  # whatever the library raises, an older end of the file may be readable
                return open_reader(head, strict=False), "lenient"
        raise


def _without_tail(stream: BinaryIO, size: int) -> Iterator[BinaryIO]:
    """Answer the file up to each of its last ends, newest first: what follows is then reported, not read.

    No signature may be left out that way.
    """
    base = max(0, size - _MAX_TAIL)
    tail = read_slice(stream, base, size)
    ends = [match.end() for match in _END.finditer(tail)] if size <= _MAX_HEAD else []
    for end in ends[: -_MAX_ENDS - 1 : -1]:
        if b"/ByteRange" in tail[end:]:
            return
        yield BytesIO(read_slice(stream, 0, base + end))


@contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except (SigningError, GeneratorExit):
        raise
    except Exception as error:  # a parser of hostile files may raise anything at all
        if not is_library_error(error):
            raise
        raise UnreadablePdfError(f"{type(error).__name__}: {str(error)[:200]}") from error


def is_library_error(error: BaseException) -> bool:
    """Whether the error came out of the PDF library, and not out of the code that uses an open file."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(
        str(frame.f_globals.get("__name__", "")).startswith(_READERS)
        and frame.f_code.co_name not in {"open_pdf", "_typed_errors"}
        for frame in frames
    )
