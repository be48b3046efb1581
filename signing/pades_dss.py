"""The document security store (DSS, ISO 32000-2 12.8.4.3): certificates, CRLs and OCSP responses inside a PDF.

What is there stays as it is; only what is new is added. The VRI key of a signature is the SHA-1 of its decoded
/Contents with the padding, as most products write it; the format knows no other digest there.
"""

import hashlib
from importlib import import_module
from typing import Any, Final

from signing.errors import LimitError
from signing.pades import ValidationData
from signing.pdf_reading import OpenPdf, entry, is_dictionary, items, resolve, walk_form

MAX_OBJECTS: Final = 1000
"""Certificates, lists or responses that one store may hold."""
_KINDS: Final = (("/Certs", "/Cert"), ("/CRLs", "/CRL"), ("/OCSPs", "/OCSP"))


def read_validation(pdf: OpenPdf) -> ValidationData:
    """Read the validation data in the newest revision, whatever signature they were for. Raises LimitError."""
    store = entry(pdf.reader.root, "/DSS")
    certificates, crls, ocsps = (tuple(der for der, _ in _read(store, key)) for key, _ in _KINDS)
    return ValidationData(certificates, crls, ocsps)


def read_dated(pdf: OpenPdf) -> tuple[ValidationData, dict[bytes, int]]:
    """Read as `read_validation`, and answer for each object by its DER the revision in which it was last written."""
    store = entry(pdf.reader.root, "/DSS")
    found, revisions = [_read(store, key) for key, _ in _KINDS], dict[bytes, int]()
    for der, raw in (pair for pairs in found for pair in pairs):
        revision = _revision_of(pdf, raw)
        revisions[der] = min(revision, revisions.get(der, revision))
    certificates, crls, ocsps = (tuple(der for der, _ in pairs) for pairs in found)
    return ValidationData(certificates, crls, ocsps), revisions


def _revision_of(pdf: OpenPdf, raw: Any) -> int:
    """Answer the revision of an indirect object; the newest for one that no table tells of."""
    try:
        return int(pdf.reader.xrefs.get_last_change(raw.reference))
    except (AttributeError, KeyError):
        return pdf.revisions - 1


def add_validation(writer: Any, data: ValidationData) -> None:
    """Add to the store, made if need be, and a VRI entry for every signature that has none yet."""
    generic: Any = import_module("pyhanko.pdf_utils.generic")
    store = entry(writer.root, "/DSS")
    if not is_dictionary(store):
        store = generic.DictionaryObject({generic.pdf_name("/Type"): generic.pdf_name("/DSS")})
        writer.root[generic.pdf_name("/DSS")] = writer.add_object(store)
        writer.update_root()
    else:
        writer.update_container(store)
    used = dict[str, Any]()
    for (key, short), wanted in zip(_KINDS, (data.certificates, data.crls, data.ocsps), strict=True):
        references = _merge(writer, generic, store, key, wanted)
        if references:
            used[short] = generic.ArrayObject(references)
    _add_entries(writer, generic, store, used)


def _merge(writer: Any, generic: Any, store: Any, key: str, wanted: tuple[bytes, ...]) -> list[Any]:
    """Add streams that are not there; answer the references of all wanted ones."""
    known = dict(_read(store, key))
    kept = list(items(entry(store, key)))
    for der in dict.fromkeys(wanted):
        if der not in known:
            stream = generic.StreamObject(stream_data=der)
            stream.compress()
            known[der] = writer.add_object(stream)
            kept.append(known[der])
    if len(kept) > MAX_OBJECTS:
        raise LimitError(f"{len(kept)} objects in {key}; at most {MAX_OBJECTS} are kept")
    if kept:
        store[generic.pdf_name(key)] = generic.ArrayObject(kept)
    return [known[der] for der in dict.fromkeys(wanted)]


def _add_entries(writer: Any, generic: Any, store: Any, used: dict[str, Any]) -> None:
    entries = entry(store, "/VRI")
    if not is_dictionary(entries):
        entries = store[generic.pdf_name("/VRI")] = generic.DictionaryObject()
    else:
        writer.update_container(entries)
    for key in _keys(writer):
        if key not in entries:
            pairs = {
                generic.pdf_name(name): value for name, value in {"/Type": generic.pdf_name("/VRI"), **used}.items()
            }
            entries[generic.pdf_name(key)] = writer.add_object(generic.DictionaryObject(pairs))


def _keys(writer: Any) -> list[str]:
    contents = (entry(resolve(raw), "/Contents") for _, _, raw in walk_form(writer.root))
    found = (getattr(one, "original_bytes", one) for one in contents)
    digests = (hashlib.sha1(one, usedforsecurity=False) for one in found if isinstance(one, bytes))
    return [f"/{digest.hexdigest().upper()}" for digest in digests]


def _read(store: Any, key: str) -> list[tuple[bytes, Any]]:
    """Answer what the streams of an array hold, with their references; anything else in it is passed over."""
    found = items(entry(store, key))
    if len(found) > MAX_OBJECTS:
        raise LimitError(f"{len(found)} objects in {key}; at most {MAX_OBJECTS} are read")
    streams = ((resolve(raw), raw) for raw in found)
    return [(bytes(stream.data), raw) for stream, raw in streams if is_dictionary(stream) and hasattr(stream, "data")]
