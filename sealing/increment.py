"""Appending to a PDF: fields and places of impressions, and a seal with room for its signature. The library, narrowly.

Every function appends one revision in place. One seal is one form XObject with its picture; what shows only a part of
it, or stands on a turned page, is a small form that draws the picture through its own /BBox and is shared by all
impressions that look alike. Impressions are written as finished bytes: a book has thousands of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final

from sealing import artwork
from sealing.artwork import Artwork
from sealing.pages import Place
from sealing.pdf_places import Along, Spot
from sealing.placement import upright
from signing.pades_writing import Appended, Known, hash_document
from signing.pdf_impressions import PUSH_BUTTON, SHARE, SUFFIX
from signing.pdf_reading import items

_FLAGS: Final = 4 | 64 | 128 | 512
"""Of an annotation: printed, read-only, locked, contents locked (ISO 32000-2 table 167)."""
_WHOLE: Final = (0.0, 1.0)


@dataclass(frozen=True)
class Increment:
    """One seal to append.

    `field` is the object number of its signature field and `own` its place; `room` counts hex digits for the
    signature; `kind` is /Filter and /SubFilter; `name` and `at` are what the dictionary says.
    """

    field: int
    drawn: Artwork
    own: Spot
    room: int
    kind: tuple[str, str]
    name: str
    at: datetime
    spots: Sequence[Spot] = ()


def append_fields(
    path: Path, places: Sequence[Place], impressions: Mapping[str, Sequence[Spot]], own: Mapping[str, Spot]
) -> None:
    """Append one revision with these signature fields and the places of their further impressions.

    `own` says of some fields which part of the picture they show themselves.
    """
    fields: Any = _library("sign.fields")
    with path.open("r+b") as stream:
        writer = _writer(stream)
        for place in places:
            spec = fields.SigFieldSpec(place.name, on_page=place.page, box=place.rect)
            fields.append_signature_field(writer, spec)
            if place.name in own and own[place.name].share != _WHOLE:
                _name_share(writer, own[place.name])
        annotations = _Annotations(writer)
        for name, spots in impressions.items():
            if spots:
                _add_impressions(writer, annotations, name, spots)
        annotations.write()
        writer.write_in_place()
        stream.flush()


def append_seal(path: Path, increment: Increment, *, digest: str, known: Known | None = None) -> Appended:
    """Append one revision that fills a field with a seal not yet signed, its impressions included; hash it once.

    `known` is the digest of the bytes before, as far as it is known.
    """
    generic: Any = _library("pdf_utils.generic")
    with path.open("r+b") as stream:
        writer = _writer(stream)
        forms = _Forms(writer, increment.drawn)
        dictionary = _dictionary(increment)
        reference = generic.Reference(increment.field, 0, writer)
        node = writer.get_object(reference)
        node["/V"] = writer.add_object(dictionary)
        node["/AP"] = _shows(forms.of(increment.own))
        writer.mark_update(reference)
        _stamp(writer, forms, increment.spots)
        writer.write_in_place()
        end = stream.seek(0, 2)
        start, stop = dictionary.contents.offsets
        dictionary.byte_range.fill_offsets(stream, start, stop, end)
        stream.flush()
        byte_range = (0, start, stop, end - stop)
        value, now = hash_document(stream, byte_range, digest, known)
        return Appended(byte_range, value, now)


def _stamp(writer: Any, forms: "_Forms", spots: Sequence[Spot]) -> None:
    """Give prepared places their pictures, and add the other impressions as /Stamp annotations."""
    generic: Any = _library("pdf_utils.generic")
    annotations = _Annotations(writer)
    for spot in spots:
        form = forms.of(spot)
        if spot.widget:
            reference = generic.Reference(spot.widget, 0, writer)
            writer.get_object(reference)["/AP"] = _shows(form)
            writer.mark_update(reference)
        else:
            body = f"<</Type/Annot/Subtype/Stamp/AP<</N {form.idnum} 0 R>>{_at(spot)}>>"
            annotations.add(spot.page, _raw(writer, body))
    annotations.write()


def _add_impressions(writer: Any, annotations: "_Annotations", name: str, spots: Sequence[Spot]) -> None:
    generic: Any = _library("pdf_utils.generic")
    kids = generic.ArrayObject()
    entries = {
        "/FT": generic.pdf_name("/Btn"),
        "/Ff": generic.NumberObject(PUSH_BUTTON),
        "/T": generic.pdf_string(name + SUFFIX),
        "/Kids": kids,
    }
    parent = writer.add_object(generic.DictionaryObject({generic.pdf_name(k): v for k, v in entries.items()}))
    for number, spot in enumerate(spots, 1):
        part = "" if spot.share == _WHOLE else f"{SHARE}[{_numbers(*spot.share)} {int(spot.along == 'height')}]"
        body = f"<</Subtype/Widget/T({number})/Parent {parent.idnum} 0 R{part}{_at(spot)}>>"
        kid = _raw(writer, body)
        kids.append(kid)
        annotations.add(spot.page, kid)
    fields = writer.root["/AcroForm"]["/Fields"]
    fields.append(parent)
    writer.update_container(fields)


def _name_share(writer: Any, spot: Spot) -> None:
    """Write into the field that was made last which part of the picture it shows."""
    generic: Any = _library("pdf_utils.generic")
    node = writer.root["/AcroForm"]["/Fields"][-1]
    numbers = (*spot.share, int(spot.along == "height"))
    node[SHARE] = generic.ArrayObject([generic.FloatObject(f"{number:.5f}") for number in numbers])


def _at(spot: Spot) -> str:
    return f"/Rect[{_numbers(*spot.rect)}]/F {_FLAGS}/P {spot.page} 0 R"


def _numbers(*values: float) -> str:
    return " ".join(f"{value:.5f}".rstrip("0").rstrip(".") for value in values)


class _Annotations:
    """Annotations to add, page by page, so that every page is touched once."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self._new = dict[int, list[Any]]()

    def add(self, page: int, annotation: Any) -> None:
        self._new.setdefault(page, []).append(annotation)

    def write(self) -> None:
        """Extend the pages' arrays; one that several pages share is copied, or their neighbours would show ours."""
        generic: Any = _library("pdf_utils.generic")
        seen = set[int]()
        for number, added in self._new.items():
            reference = generic.Reference(number, 0, self._writer)
            page = self._writer.get_object(reference)
            raw: Any = page.raw_get("/Annots") if "/Annots" in page else generic.ArrayObject()
            shared = getattr(raw, "idnum", 0)
            present = raw.get_object() if shared else raw
            if shared and shared not in seen and isinstance(present, generic.ArrayObject):
                seen.add(shared)
                present.extend(added)
                self._writer.mark_update(raw.reference)
                continue
            page["/Annots"] = generic.ArrayObject([*items(present), *added])
            self._writer.mark_update(reference)


@dataclass
class _Forms:
    """The picture of a seal, and the forms that show it turned or in part."""

    writer: Any
    drawn: Artwork
    _made: dict[tuple[int, tuple[float, float], Along], Any] = field(default_factory=dict)
    _resources: Any = None

    def of(self, spot: Spot) -> Any:
        """Answer the form for one impression, made when its look is first asked for."""
        return self._of(spot.rotate % 360, spot.share, "width" if spot.share == _WHOLE else spot.along)

    def _of(self, rotate: int, share: tuple[float, float], along: Along) -> Any:
        look = (rotate, share, along)
        if look not in self._made:
            self._made[look] = self._picture() if look == (0, _WHOLE, "width") else self._part(*look)
        return self._made[look]

    def _part(self, rotate: int, share: tuple[float, float], along: Along) -> Any:
        generic: Any = _library("pdf_utils.generic")
        picture = self._of(0, _WHOLE, "width")
        if self._resources is None:
            named = generic.DictionaryObject({generic.pdf_name("/S"): picture})
            self._resources = self.writer.add_object(generic.DictionaryObject({generic.pdf_name("/XObject"): named}))
        width, height = self.drawn.size_points
        low, high = share
        box = (low * width, 0.0, high * width, height)
        if along == "height":  # a share counts from the top, user space from the bottom
            box = (0.0, (1 - high) * height, width, (1 - low) * height)
        matrix = "" if rotate == 0 else f"/Matrix[{_numbers(*upright(rotate))}]"
        head = f"/Type/XObject/Subtype/Form/BBox[{_numbers(*box)}]{matrix}/Resources {self._resources.idnum} 0 R"
        return _raw(self.writer, f"<<{head}/Length 5>>stream\n/S Do\nendstream")

    def _picture(self) -> Any:
        generic: Any = _library("pdf_utils.generic")
        width, height = self.drawn.size_points
        box = [generic.FloatObject(round(n, 3)) for n in (0, 0, width, height)]
        entries = {
            "/Type": generic.pdf_name("/XObject"),
            "/Subtype": generic.pdf_name("/Form"),
            "/BBox": generic.ArrayObject(box),
            "/Resources": generic.DictionaryObject(),
        }
        named = {generic.pdf_name(key): value for key, value in entries.items()}
        stream = generic.StreamObject(named, stream_data=artwork.pdf_content(self.drawn))
        stream.compress()
        return self.writer.add_object(stream)


def _shows(form: Any) -> Any:
    generic: Any = _library("pdf_utils.generic")
    return generic.DictionaryObject({generic.pdf_name("/N"): form})


def _raw(writer: Any, body: str) -> Any:
    return writer.add_object(_raw_class()(body.encode("ascii")))


@cache
def _raw_class() -> Any:
    """Make the class of objects that are written as they are; it needs the library, which is imported late."""
    base: Any = _library("pdf_utils.generic").PdfObject

    class Raw(base):  # type: ignore[misc]
        """An object whose bytes are finished."""

        def __init__(self, body: bytes) -> None:
            self.body = body

        def write_to_stream(self, stream: Any, _handler: Any = None, _container: Any = None) -> None:
            stream.write(self.body)

    return Raw


def _writer(stream: BinaryIO) -> Any:
    """Open for appending, without the library's habit of dating /Info by the machine's clock."""
    writer = _library("pdf_utils.incremental_writer").IncrementalPdfFileWriter(stream, strict=False)
    writer._update_meta = lambda: None  # noqa: SLF001 - there is no public switch; a test sees that it works
    return writer


def _dictionary(increment: Increment) -> Any:
    generic: Any = _library("pdf_utils.generic")
    dictionary = _library("sign.signers.pdf_byterange").PdfByteRangeDigest(bytes_reserved=increment.room)
    dictionary["/Type"] = generic.pdf_name("/Sig")
    dictionary["/Filter"] = generic.pdf_name(increment.kind[0])
    dictionary["/SubFilter"] = generic.pdf_name(increment.kind[1])
    dictionary["/M"] = generic.pdf_date(increment.at)
    dictionary["/Name"] = generic.pdf_string(increment.name)
    return dictionary


def _library(module: str) -> Any:
    """Import a module of the library when it is first needed: it costs a second, and is untyped in part."""
    return import_module(f"pyhanko.{module}")
