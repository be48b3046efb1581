"""Which parts of an OFD package its pages show: everything that can be reached from a document's root part.

Names are followed wherever they stand, not only where the schema has them: what a signature leaves open must not
be shown through an element that was not thought of. Attachments, tags and extensions are no part of the pages.
"""

from collections.abc import Iterable

from sealing.ofd_xml import MAX_XML, Scan, scan_part
from sealing.ofd_zip import OfdPackage
from signing.errors import MalformedError

_BLANK = b"\xef\xbb\xbf \t\r\n"


def find_shown(package: OfdPackage, roots: Iterable[str]) -> frozenset[str]:
    """Answer the parts that change what pages show, the roots among them.

    Lists of annotations, and annotations that draw nothing, are left out: what they lead to is judged by itself.
    """
    files = frozenset(name.rpartition("/")[2].casefold() for name in package.parts)
    folders = [root for root in roots if root]
    shown, seen, queue = set[str](), set(folders), list(folders)
    while queue:
        name = queue.pop()
        scan = _scan(package, name, files)
        if not _is_harmless(scan):
            shown.add(name)
        for found in _follow(package, name, scan, folders):
            if found not in seen:
                seen.add(found)
                queue.append(found)
    return frozenset(shown)


def _scan(package: OfdPackage, name: str, files: frozenset[str]) -> Scan | None:
    """Scan an XML part; None for another kind, or one that cannot be read."""
    try:
        if not next(package.pieces(name), b"").lstrip(_BLANK).startswith(b"<"):
            return None
        return scan_part(package.read(name, limit=MAX_XML), files)
    except MalformedError:
        return None


def _is_harmless(scan: Scan | None) -> bool:
    return scan is not None and scan.root in ("Annotations", "PageAnnot") and not scan.draws


def _follow(package: OfdPackage, name: str, scan: Scan | None, roots: list[str]) -> Iterable[str]:
    if scan is None:
        return
    for location in scan.shown:
        inside = f"{scan.base}/{location}" if scan.base and not location.startswith("/") else location
        for base in (name, *roots):
            for place in (location, inside):
                found = package.find(base, place)
                if found:
                    yield found
