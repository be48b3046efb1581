"""Appending to a PDF in place: signature dictionaries with room, validation data. The PDF library, narrowly.

What is on disk is never rewritten: every function appends one revision, and the only bytes written later are those
in the room of a /Contents.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from signing.digests import CHUNK, Hasher
from signing.errors import SigningError
from signing.pades import SignatureRequest, ValidationData
from signing.pades_appearance import make_appearance
from signing.pades_dss import add_validation
from signing.pades_inspection import Place
from signing.pdf import ByteRange, new_hasher
from signing.pdf_reading import UnreadablePdfError, entry, is_library_error, walk_form

Randomness = Callable[[int], bytes]


@dataclass(frozen=True)
class Known:
    """The digest of a file up to an offset, to go on from when more was appended."""

    digest: str
    offset: int
    state: Hasher


@dataclass(frozen=True)
class Appended:
    """A revision that waits for its signature: what it covers, its digest, and where hashing may go on from."""

    byte_range: ByteRange
    document_digest: bytes
    known: Known


def append_signature(
    draft: Path, place: Place, request: SignatureRequest, *, room: int, digest: str, at: datetime, random: Randomness
) -> Appended:
    """Append a signature dictionary with `room` bytes for its message; `at` goes into /M. One pass of hashing."""
    objects: Any = _library("sign.signers.pdf_byterange")
    subfilter = _library("sign.fields").SigSeedSubFilter.PADES
    dictionary = objects.SignatureObject(
        timestamp=at,
        subfilter=subfilter,
        name=request.name or None,
        location=request.location or None,
        reason=request.reason or None,
        bytes_reserved=2 * room,
    )
    with _open_writer(draft, random) as (writer, stream):
        _declare(writer, place)
        field = _embed(writer, place, dictionary)
        if request.appearance is not None and place.box is not None:
            widget = _library("pdf_utils.form_tools").get_single_field_annot(field)
            make_appearance(writer, widget, place, request.appearance.draw)
        return _finish(writer, stream, dictionary, digest, None)


def append_timestamp(
    draft: Path,
    place: Place,
    *,
    room: int,
    digest: str,
    data: ValidationData | None,
    random: Randomness,
    known: Known | None = None,
) -> Appended:
    """Append a document timestamp with room for its token, and validation data in the same revision if given.

    `known` saves hashing again what did not change since.
    """
    dictionary = _library("sign.signers.pdf_byterange").DocumentTimestamp(bytes_reserved=2 * room)
    with _open_writer(draft, random) as (writer, stream):
        _declare(writer, place)
        if data is not None:
            add_validation(writer, data)
        _embed(writer, place, dictionary)
        return _finish(writer, stream, dictionary, digest, known)


def append_validation(draft: Path, data: ValidationData, random: Randomness) -> None:
    """Append one revision that adds what of this validation data is not there yet."""
    with _open_writer(draft, random) as (writer, stream):
        add_validation(writer, data)
        writer.write_in_place()
        stream.flush()


def hash_document(
    stream: BinaryIO, byte_range: ByteRange, digest: str, known: Known | None = None
) -> tuple[bytes, Known]:
    """Digest what a range covers, in pieces of 1 MiB; answer also where to go on from after the next revision."""
    resumed = known is not None and known.digest == digest and known.offset <= byte_range[1]
    offset, state = (known.offset, known.state.copy()) if known and resumed else (0, new_hasher(digest))
    _feed(stream, state, offset, byte_range[1])
    before = state.copy()
    _feed(stream, state, byte_range[2], byte_range[2] + byte_range[3])
    return state.digest(), Known(digest, byte_range[1], before)


def _feed(stream: BinaryIO, state: Hasher, start: int, stop: int) -> None:
    stream.seek(start)
    left = stop - start
    while left > 0 and (chunk := stream.read(min(CHUNK, left))):
        state.update(chunk)
        left -= len(chunk)


@contextmanager
def _open_writer(draft: Path, random: Randomness) -> Iterator[tuple[Any, BinaryIO]]:
    """Open for appending, without the library's habit of dating /Info by the machine's clock."""
    with draft.open("r+b") as stream, _typed_errors():
        writer = _library("pdf_utils.incremental_writer").IncrementalPdfFileWriter(stream, strict=False)
        writer._update_meta = lambda: None  # noqa: SLF001 - there is no public switch; a test sees that it works
        generic = _library("pdf_utils.generic")
        writer._document_id[1] = generic.ByteStringObject(random(16))  # noqa: SLF001 - randomness is the caller's
        yield writer, stream


def _declare(writer: Any, place: Place) -> None:
    """Say in the catalogue that PAdES is used; who fills a prepared field touches nothing but the field."""
    if not place.exists and writer.output_version < (2, 0):
        writer.register_extension(_library("sign.signers.constants").ESIC_EXTENSION_1)


def _embed(writer: Any, place: Place, dictionary: Any) -> Any:
    """Put the dictionary into its field, made first if need be; answer the field.

    The form's flags are set before the first signature only: for the earlier ones any change of them is a change.
    """
    fields, generic = _library("sign.fields"), _library("pdf_utils.generic")
    signed = next(walk_form(writer.root), None) is not None
    page = {} if place.exists else {"include_on_page": writer.find_page_for_modification(place.page)[0]}
    box = {} if place.exists else {"box": place.box}
    _, reference = fields.prepare_sig_field(
        place.field, writer.root, update_writer=writer, existing_fields_only=place.exists, **page, **box
    )
    if not signed:
        fields.ensure_sig_flags(writer, lock_sig_flags=True)
    field, value = reference.get_object(), writer.add_object(dictionary)
    field[generic.pdf_name("/V")] = value
    if place.exists:
        writer.mark_update(reference)
    lock = _lock(field)
    if lock is not None:
        lock.apply(value, writer)
    return field


def _lock(field: Any) -> Any:
    """Do what the field's /Lock demands (ISO 32000-2 12.7.5.5): the signature names the fields that it locks."""
    lock = entry(field, "/Lock")
    if lock is None:
        return None
    fields, setup = _library("sign.fields"), _library("sign.signers.cms_embedder").SigMDPSetup
    level = entry(lock, "/P")
    permission = fields.MDPPerm(int(level)) if level is not None else None
    return setup(md_algorithm="", field_lock=fields.FieldMDPSpec.from_pdf_object(lock), docmdp_perms=permission)


def _finish(writer: Any, stream: BinaryIO, dictionary: Any, digest: str, known: Known | None) -> Appended:
    """Write the revision, then its /ByteRange, and hash once."""
    writer.write_in_place()
    end = stream.seek(0, 2)
    start, stop = dictionary.contents.offsets
    dictionary.byte_range.fill_offsets(stream, start, stop, end)
    stream.flush()
    byte_range = (0, start, stop, end - stop)
    value, now = hash_document(stream, byte_range, digest, known)
    return Appended(byte_range, value, now)


@contextmanager
def _typed_errors() -> Iterator[None]:
    try:
        yield
    except (SigningError, OSError):
        raise
    except Exception as error:  # a library that reads hostile files may raise anything at all
        if not is_library_error(error):
            raise
        raise UnreadablePdfError(f"{type(error).__name__}: {str(error)[:200]}") from error


def _library(module: str) -> Any:
    """Import a module of the library when it is first needed: it costs a second, and is untyped in part."""
    return import_module(f"pyhanko.{module}")
