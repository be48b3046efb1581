"""ASiCManifest (EN 319 162-1 A.4) and the small, safe XML reading under it.

No document type, no entities, no processing instructions, UTF-8 only; size, depth and counts are bounded. What is
not in the schema is refused, so that nobody else reads another meaning out of the same bytes.
"""

import base64
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

from signing.errors import LimitError, MalformedError

MAX_MANIFEST: Final = 4 << 20
"""Bytes."""
_MAX_DEPTH: Final = 12
_MAX_ELEMENTS: Final = 20_000
_ASIC, _DSIG = "http://uri.etsi.org/02918/v1.2.1#", "http://www.w3.org/2000/09/xmldsig#"
_XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
_URI = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-Fa-f]{2}|[^\x00-\x7f])+\Z")

DIGEST_URIS: Final = {
    "urn:oid:1.2.156.10197.1.401": "sm3",
    "http://www.w3.org/2001/04/xmlenc#sha256": "sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384": "sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512": "sha512",
}
"""Digest methods (RFC 6931; SM3 has no URI there, so its OID stands as a URN). SHA-1 is not among them."""


@dataclass(frozen=True)
class Reference:
    """One data object: its name in the container, the digest's name (its URI if unknown) and value."""

    name: str
    method: str
    digest: bytes


@dataclass(frozen=True)
class Manifest:
    """What one signature or timestamp covers; `critical` names extensions that must be understood and are not."""

    signature: str
    references: tuple[Reference, ...]
    critical: tuple[str, ...] = ()


@dataclass
class Node:
    """An element: "namespace name", attributes, text and children."""

    name: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)


def parse_asic_manifest(data: bytes) -> Manifest:
    """Read an ASiCManifest or ASiCArchiveManifest; LimitError or MalformedError."""
    root = parse_xml(data, limit=MAX_MANIFEST)
    _expect(root, f"{_ASIC} ASiCManifest", ())
    kinds = [child.name for child in root.children]
    if kinds[:1] != [f"{_ASIC} SigReference"]:
        raise MalformedError("a manifest without SigReference")
    tail = kinds[1:]
    extensions = root.children[-1].children if tail[-1:] == [f"{_ASIC} ASiCManifestExtensions"] else []
    body = root.children[1:-1] if tail[-1:] == [f"{_ASIC} ASiCManifestExtensions"] else root.children[1:]
    if not body or {child.name for child in body} != {f"{_ASIC} DataObjectReference"}:
        raise MalformedError("a manifest holds references to data objects only")
    signature = root.children[0]
    _expect(signature, signature.name, ("URI", "MimeType"))
    if signature.children:
        raise MalformedError("a SigReference with children")
    critical = list(_critical(extensions))
    references = tuple(_read_reference(child, critical) for child in body)
    if len({reference.name for reference in references}) != len(references):
        raise MalformedError("a manifest names a data object twice")
    return Manifest(_read_uri(signature), references, tuple(critical))


def _read_reference(node: Node, critical: list[str]) -> Reference:
    _expect(node, node.name, ("URI", "MimeType", "Rootfile"))
    kinds = [child.name for child in node.children]
    wanted = [f"{_DSIG} DigestMethod", f"{_DSIG} DigestValue"]
    if kinds not in (wanted, [*wanted, f"{_ASIC} DataObjectReferenceExtensions"]):
        raise MalformedError("a reference without digest")
    method, value = node.children[:2]
    _expect(method, method.name, ("Algorithm",))
    _expect(value, value.name, (), text=True)
    if method.children or value.children:
        raise MalformedError("a digest with parameters")
    critical += [name for child in node.children[2:] for name in _critical(child.children)]
    uri = method.attributes.get("Algorithm", "")
    return Reference(_read_uri(node), DIGEST_URIS.get(uri, uri), _read_base64("".join(value.text)))


def _critical(extensions: list[Node]) -> list[str]:
    """Name the extensions marked critical, or not marked at all: `Critical` is mandatory."""
    return [
        one.name.split(" ")[-1] for one in extensions if one.attributes.get("Critical", "true") not in ("false", "0")
    ]


def _read_uri(node: Node) -> str:
    """Answer the name of an entry from a relative URI without query, fragment and dots."""
    uri = node.attributes.get("URI", "")
    if not _URI.match(uri):
        raise MalformedError(f"{uri!r} does not name an entry of this file")
    try:
        name = unquote_to_bytes(uri).decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("a URI that is not UTF-8") from error
    if any(part in ("", ".", "..") for part in name.split("/")):
        raise MalformedError(f"{uri!r} leads outside")
    return name


def _read_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise MalformedError("a digest that is not base64") from error


def _expect(node: Node, name: str, attributes: tuple[str, ...], *, text: bool = False) -> None:
    if node.name != name:
        raise MalformedError(f"element {node.name!r} where {name!r} belongs")
    strange = [one for one in node.attributes if one not in attributes and not one.startswith(_XSI + " ")]
    if strange or (not text and "".join(node.text).strip()):
        raise MalformedError(f"{name!r} with other attributes or text")


# XML


def parse_xml(data: bytes, *, limit: int) -> Node:
    """Read a whole XML document into nodes; LimitError over `limit` bytes, MalformedError."""
    if len(data) > limit:
        raise LimitError(f"{len(data)} bytes of XML; at most {limit} are read")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("XML that is not UTF-8") from error
    if b"\0" in data:  # expat would find out UTF-16 by itself
        raise MalformedError("XML that is not UTF-8")
    return _Reader().read(data)


class _Reader:
    """Builds the tree, and refuses at the first thing that is not plain."""

    def __init__(self) -> None:
        self._path = list[Node]()
        self._root: Node | None = None
        self._count = 0

    def read(self, data: bytes) -> Node:
        parser = expat.ParserCreate("UTF-8", namespace_separator=" ")
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        parser.ExternalEntityRefHandler = _refuse
        parser.SkippedEntityHandler = _refuse
        parser.ProcessingInstructionHandler = _refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise MalformedError(f"not well-formed XML: {error}") from error
        if self._root is None:
            raise MalformedError("XML without an element")
        return self._root

    @staticmethod
    def _declaration(version: str, encoding: str | None, _standalone: int) -> None:
        if version != "1.0" or (encoding or "UTF-8").upper() != "UTF-8":
            raise MalformedError(f"XML {version} in {encoding}")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MAX_ELEMENTS or len(self._path) >= _MAX_DEPTH:
            raise LimitError("too many or too deep XML elements")
        node = Node(name, attributes)
        if self._path:
            self._path[-1].children.append(node)
        else:
            self._root = node
        self._path.append(node)

    def _end(self, _name: str) -> None:
        self._path.pop()

    def _characters(self, text: str) -> None:
        self._path[-1].text.append(text)


def _refuse(*_arguments: object) -> int:
    raise MalformedError("XML with a document type, entities or processing instructions")
