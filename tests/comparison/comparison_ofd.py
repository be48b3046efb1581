"""Our own OFD packages: honest ones, changed ones, ones that deceive; nobody else at hand judges OFD."""

import base64
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import comparison_path  # noqa: F401 - first, so that the makers are found
from ofd_world import LIST, PAGE, Order, Parts, document, list_of, md5, pack, plain, protect, sha256, sign, xml
from pdf_forge_attacks import Case
from sealing_world import build_world
from test_sealing_ofd_hostile import REFUSED, TOLERATED

from signing.digests import sm3

PASS, SOUND, FAIL, OPEN = "PASS", "PASS PASS_WARN", "FAIL MODIFIED", "INDETERMINATE"
ZERO = "Doc_0/Signs/Sign_0"
SECOND = Order(id="2", folder="Doc_0/Signs/Sign_1")


@cache
def world() -> Any:
    return build_world()


@cache
def sealed() -> Parts:
    return sign(world(), plain())


def _sealed(order: Order | None = None, parts: Parts | None = None) -> Callable[[], bytes]:
    return lambda: pack(sign(world(), parts if parts is not None else plain(), order))


def _changed(change: Callable[[Parts], Parts]) -> Callable[[], bytes]:
    return lambda: pack(change(dict(sealed())))


def _put(name: str, data: bytes) -> Callable[[], bytes]:
    return _changed(lambda parts: {**parts, name: data})


def _edit(name: str, old: bytes, new: bytes) -> Callable[[], bytes]:
    return _changed(lambda parts: {**parts, name: parts[name].replace(old, new)})


def _drop(name: str) -> Callable[[], bytes]:
    return _changed(lambda parts: {key: value for key, value in parts.items() if key != name})


def honest() -> Iterator[Case]:
    """Answer packages that are as they were sealed."""
    yield Case("unsigned", lambda: pack({**plain(), LIST: list_of()}), "NOSIG", "nobody signed")
    yield Case("sealed", _sealed(), PASS, "one seal")
    yield Case("stored", lambda: pack(sealed(), stored=True), PASS, "not compressed")
    yield Case("sealed twice", lambda: pack(sign(world(), sealed(), SECOND)), SOUND, "one after the other")
    yield Case("closed", _sealed(Order(close=True)), PASS, "list of signatures protected")
    yield Case("SM3 by its number", _sealed(Order(method="1.2.156.10197.1.401")), PASS, "object identifier")
    yield Case("SHA-256 references", _sealed(Order(method="sha-256", digest=sha256)), PASS, "another digest")
    yield Case("no seal file", _sealed(Order(seal_file=False)), PASS, "the seal stands in the value only")
    yield Case("no picture", _sealed(Order(stamp="")), PASS, "seal without a place")
    yield Case("CMS", _sealed(Order(type="Sign", payload="cms", seal_file=False)), PASS, "digital signature")
    yield Case("GM message", _sealed(Order(type="Sign", payload="gm", seal_file=False)), PASS, "GB/T 35275")
    yield Case(
        "bare value", _sealed(Order(type="Sign", payload="bare", seal_file=False)), OPEN, "who signed is unknown"
    )
    yield Case("no timestamp", _sealed(Order(stamped=False)), SOUND, "time not proven")
    yield Case("OFD.xml open", _sealed(Order(skip=frozenset({"OFD.xml"}))), SOUND, "entry part not referenced")
    yield Case("list of files", lambda: pack(protect(world(), sealed())), SOUND, "GM/T 0099 over sealed pages")
    yield Case("other namespace", _sealed(parts=_renamed()), SOUND, "edition of another maker")
    yield Case("ten pages", _sealed(parts=plain(pages=10)), PASS, "more pages")


def _renamed() -> Parts:
    old, new = b"http://www.ofdspec.org/2016", b"http://www.ofdspec.org"
    return {name: data.replace(old, new) for name, data in plain().items()}


def changed() -> Iterator[Case]:
    """Answer packages in which something was touched after sealing."""
    yield Case("page changed", _edit(PAGE, b"page 0", b"page 9"), FAIL, "content")
    yield Case("pages swapped", _edit("Doc_0/Document.xml", b"Page_1", b"Page_0"), FAIL, "document")
    yield Case("picture changed", _put("Doc_0/Res/a.png", b"\x89PNG other"), FAIL, "resource")
    yield Case("entry changed", _edit("OFD.xml", b"<ofd:DocID>1", b"<ofd:DocID>2"), FAIL, "OFD.xml")
    yield Case("page gone", _drop(PAGE), FAIL, "a referenced part is missing")
    yield Case("stamp moved", _edit(f"{ZERO}/Signature.xml", b"100 200", b"100 100"), FAIL, "place of the picture")
    yield Case("stamp on another page", _edit(f"{ZERO}/Signature.xml", b'PageRef="2"', b'PageRef="1"'), FAIL, "place")
    yield Case(
        "reference removed", _edit(f"{ZERO}/Signature.xml", b'FileRef="/OFD.xml"', b'FileRef="/OFD.xmL"'), FAIL, "list"
    )
    yield Case("seal file exchanged", _put(f"{ZERO}/Seal.esl", b"0\0"), FAIL, "seal")
    yield Case("seal file gone", _drop(f"{ZERO}/Seal.esl"), FAIL, "seal")
    yield Case("value gone", _drop(f"{ZERO}/SignedValue.dat"), FAIL, "no signature value")
    yield Case("value empty", _put(f"{ZERO}/SignedValue.dat", b""), "FAIL INDETERMINATE", "0 bytes")
    yield Case("description gone", _drop(f"{ZERO}/Signature.xml"), FAIL, "no Signature.xml")
    yield Case("description exchanged", _put(f"{ZERO}/Signature.xml", b"<x/>"), FAIL, "another XML")
    yield Case("list gone", _drop(LIST), FAIL, "no Signatures.xml")
    yield Case("list with a document type", _put(LIST, b"<!DOCTYPE x><x/>"), "FAIL REFUSE", "forbidden in XML of OFD")
    yield Case("list emptied", _put(LIST, list_of()), "FAIL INDETERMINATE NOSIG", "the signature hidden")
    yield Case("value of another package", _foreign, FAIL, "sound, about something else")
    yield Case(
        "second breaks the first",
        lambda: pack(sign(world(), sign(world(), plain(), Order(close=True)), SECOND)),
        FAIL,
        "closed before",
    )
    yield Case("extra part", _put("Doc_0/extra.txt", b"x"), "PASS_WARN", "listed as not covered")
    yield Case("second document", _second_document, "INDETERMINATE FAIL PASS_WARN", "an unsealed one beside")
    yield Case("other root", _other_root, "INDETERMINATE FAIL", "entry part leads elsewhere")
    yield Case("other version", _version, "INDETERMINATE FAIL", "a version nobody sealed is current")
    drawn = xml("PageAnnot", '<ofd:Annot ID="9"><ofd:Appearance><ofd:PathObject/></ofd:Appearance></ofd:Annot>')
    index = xml("Annotations", '<ofd:Page PageID="1"><ofd:FileLoc>Page_0/Annotation.xml</ofd:FileLoc></ofd:Page>')
    listed = "<ofd:Annotations>Annots/Annotations.xml</ofd:Annotations>"
    notes = {"Doc_0/Annots/Annotations.xml": index, "Doc_0/Annots/Page_0/Annotation.xml": drawn}
    skip = frozenset({"Doc_0/Annots/Page_0/Annotation.xml"})
    yield Case(
        "open drawing",
        _sealed(Order(skip=skip), {**plain(listed), **notes}),
        OPEN,
        "an annotation nobody covered draws",
    )
    yield Case("open page", _sealed(Order(skip=frozenset({PAGE}))), OPEN, "a page nobody covered")
    yield Case(
        "open resources", _sealed(Order(skip=frozenset({"Doc_0/PublicRes.xml"}))), OPEN, "resources nobody covered"
    )


def _foreign() -> bytes:
    other = sign(world(), {**plain(), PAGE: plain()[PAGE].replace(b"page 0", b"page 7")})
    return pack({**sealed(), f"{ZERO}/SignedValue.dat": other[f"{ZERO}/SignedValue.dat"]})


def _second_document() -> bytes:
    parts = {**sealed(), **document("Doc_1", pages=1)}
    more = b"<ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>"
    return pack({**parts, "OFD.xml": parts["OFD.xml"].replace(b"</ofd:OFD>", more)})


def _other_root() -> bytes:
    parts = sign(world(), plain(), Order(skip=frozenset({"OFD.xml"}))) | document("Doc_1", pages=1)
    return pack({**parts, "OFD.xml": parts["OFD.xml"].replace(b"Doc_0/Document.xml", b"Doc_1/Document.xml")})


def _version() -> bytes:
    parts = sign(world(), plain(), Order(skip=frozenset({"OFD.xml"}))) | document("Doc_1", pages=1)
    version = b'<ofd:Versions><ofd:Version ID="1" Index="1" BaseLoc="Doc_1/V.xml" Current="true"/></ofd:Versions>'
    parts["OFD.xml"] = parts["OFD.xml"].replace(b"</ofd:DocBody>", version + b"</ofd:DocBody>")
    return pack({**parts, "Doc_1/V.xml": xml("DocVersion", "<ofd:DocRoot>Document.xml</ofd:DocRoot>")})


def wrong() -> Iterator[Case]:
    """Answer signatures that were made wrongly."""
    yield Case("MD5", _sealed(Order(method="MD5", digest=md5)), OPEN, "digest forbidden")
    yield Case("no digest named", _sealed(Order(method="", digest=md5)), OPEN, "MD5 by default")
    yield Case("unknown digest", _sealed(Order(method="CRC32")), "INDETERMINATE FAIL", "CRC32")
    yield Case("another digest", _sealed(Order(method="SHA256")), FAIL, "named otherwise")
    yield Case("reference to nothing", _sealed(Order(more=(("/Doc_0/none.xml", bytes(32)),))), FAIL, "missing part")
    yield Case("reference outside", _sealed(Order(more=(("../../../../etc/passwd", bytes(32)),))), FAIL, "path")
    yield Case("two references", _sealed(Order(edit=_twice)), FAIL, "reference wrapping")
    double = lambda d: d.replace(b"<ofd:References", b'<ofd:References CheckMethod="SM3"/><ofd:References')  # noqa: E731
    yield Case("two lists of references", _sealed(Order(edit=double)), FAIL, "reference wrapping")
    yield Case("no base64", _sealed(Order(edit=lambda d: d.replace(b"CheckValue>", b"CheckValue>!", 1))), FAIL, "value")
    yield Case("digest of nothing", _sealed(Order(statement=lambda _: sm3(b""))), FAIL, "dataHash")
    gm = Order(type="Sign", payload="gm", seal_file=False, statement=lambda _: sm3(b""))
    yield Case("GM message about nothing", _sealed(gm), FAIL, "content")


def _twice(data: bytes) -> bytes:
    value = base64.b64encode(bytes(32))
    line = b'<ofd:Reference FileRef="/%b"><ofd:CheckValue>%b</ofd:CheckValue></ofd:Reference>' % (PAGE.encode(), value)
    return data.replace(b"</ofd:References>", line + b"</ofd:References>")


def hostile() -> Iterator[Case]:
    """Answer ZIP files that mean two things, or climb out of their folder."""
    for words, listed in (("REFUSE", REFUSED), ("PASS_WARN", TOLERATED)):
        for one in listed:
            yield Case(str(one.id), lambda change=one.values[0]: _quietly(change), words, "zip")  # type: ignore[attr-defined]


def _quietly(change: Callable[[bytes], bytes]) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library that makes the file warns of two entries of one name
        return change(pack(sign(world(), plain(pages=1))))


OFD = {"honest": [*honest()], "attack": [*changed(), *wrong()], "hostile": [*hostile()]}
