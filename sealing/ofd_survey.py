"""What a new seal meets in an OFD package: pages, impressions that stand there, earlier signatures, what is closed.

Signatures.xml is the one part that a later seal must change, and OFD.xml when there is no such list yet. A signature
that refers to what must change has closed the package (GB/T 33190-2016 18.2); so has the signed list of files of
GM/T 0099-2020, which no new part may join. A signature that cannot be read may be one of these.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealing.errors import ClosedOfdError, PageRangeError, UnreadableOfdError, UnsealableOfdError
from sealing.ofd_editing import number_of
from sealing.ofd_evidence import MAX_SIGNATURES
from sealing.ofd_pages import OfdDocument, OfdPage, read_document, read_numbers
from sealing.ofd_structure import ENTRIES, ROOT, Body, Listed, SignatureFile, read_bodies, read_list, read_signature
from sealing.ofd_xml import MAX_XML, Node, parse_part
from sealing.ofd_zip import OfdPackage, open_package
from sealing.placement import Box, PageView
from signing.errors import MalformedError

_BOX: Final = 4


@dataclass(frozen=True)
class OfdSurvey:
    """A document before it is sealed: its pages, the boxes of impressions on them, how many have signed.

    `closed` is a Chinese sentence that says why nobody may seal any more, empty when one may.
    """

    views: tuple[PageView, ...]
    taken: tuple[Box, ...]
    signatures: int
    closed: str


@dataclass(frozen=True)
class Ground:
    """Where a new signature goes. `list_path` is the list's part, empty when there is none yet.

    `lists` are the lists of all documents, which stay open; `highest` is the largest number of a name so far.
    """

    package: OfdPackage
    body: int
    document: OfdDocument
    list_path: str
    lists: frozenset[str]
    highest: int
    survey: OfdSurvey

    @property
    def pages(self) -> tuple[OfdPage, ...]:
        """Answer the pages of the document."""
        return self.document.pages

    def require_open(self) -> None:
        """Raise ClosedOfdError when nobody may seal any more."""
        if self.survey.closed:
            raise ClosedOfdError(self.survey.closed)


def survey_ofd(path: Path, *, document: int = 1) -> OfdSurvey:
    """Survey one document of a package, the first by default.

    Raises UnreadableOfdError, EncryptedOfdError, NoOfdPagesError, UnsealableOfdError, PageRangeError for a document
    that is not there, LimitError, MalformedError, UnsupportedAlgorithmError; OSError.
    """
    with path.open("rb") as stream:
        return read_ground(open_package(stream, path.stat().st_size), document).survey


def read_ground(package: OfdPackage, document: int) -> Ground:
    """Read what a new signature of a document (from 1) meets. Raises as `survey_ofd`."""
    bodies = read_bodies(package)
    if not 1 <= document <= len(bodies):
        raise PageRangeError(f"there is no document {document} among {len(bodies)}")
    if package.strays:
        raise UnsealableOfdError(f"条目 {package.strays[0]!r} 指向包外，签章无法保护")
    body = bodies[document - 1]
    if not body.roots:
        raise UnreadableOfdError("OFD.xml：DocRoot")
    found = read_document(package, body.roots[0])
    lists = tuple(_list_of(package, one) for one in bodies)
    if len({one for one in lists if one}) != sum(map(bool, lists)):
        raise UnsealableOfdError("两个文档共用一个签名列表")
    list_path = lists[document - 1]
    listed = [(one, bodies[at]) for at, path in enumerate(lists) for one in _listed(package, path)]
    if len(listed) >= MAX_SIGNATURES:
        raise UnsealableOfdError(f"已有 {len(listed)} 个签名")
    signed = [_Signed.read(package, *one) for one in listed]
    own = [one for one in signed if one.list_path == list_path]
    numbers = [_highest_in_list(package, list_path), *(one.highest for one in own)]
    closed = _why_closed(package, found, signed, list_path or ROOT)
    taken = tuple(box for one in own for box in one.boxes(found.pages))
    survey = OfdSurvey(tuple(page.view for page in found.pages), taken, len(signed), closed)
    return Ground(package, document - 1, found, list_path, frozenset(lists) - {""}, max(numbers), survey)


def _why_closed(package: OfdPackage, document: OfdDocument, signed: list["_Signed"], changes: str) -> str:
    """Say why nothing may be added, empty when it may; `changes` is the part that must change for it."""
    if ENTRIES in package.parts:
        return "文件受完整性保护（GM/T 0099），不能再加部件。"
    if not document.may_sign:
        return "文档权限声明不允许签名。"
    closing = next((one for one in signed if changes in one.covered), None)
    if closing is None:
        return ""
    what = "签名列表" if changes != ROOT else "主入口 OFD.xml"
    return f"签名 {closing.listed.id} 已保护{what}，此后不能再加签章。"


@dataclass(frozen=True)
class _Signed:
    """One signature that is there."""

    listed: Listed
    list_path: str
    covered: frozenset[str]
    stamps: tuple[Node, ...]
    highest: int

    @classmethod
    def read(cls, package: OfdPackage, listed: Listed, body: Body) -> "_Signed":
        """Read it. Raises UnsealableOfdError for one that cannot be read: it may have closed the package."""
        try:
            data = package.read(listed.path, limit=MAX_XML)
            file = read_signature(data, body.pages)
            stamps = parse_part(data, "Signature").one("SignedInfo").all("StampAnnot")
        except MalformedError as error:
            raise UnsealableOfdError(f"已有的签名 {listed.id} 无法读取：{error}") from error
        numbers = [number_of(name) for name in (listed.id, *(one.attributes.get("ID", "") for one in stamps))]
        covered = frozenset(_covered(package, listed.path, file))
        return cls(listed, package.find(ROOT, body.signatures), covered, tuple(stamps), max(numbers))

    def boxes(self, pages: tuple[OfdPage, ...]) -> Iterator[Box]:
        """Answer where its impressions are seen."""
        numbers = {page.id: at for at, page in enumerate(pages, 1)}
        for stamp in self.stamps:
            page = numbers.get(stamp.attributes.get("PageRef", ""))
            box = read_numbers(stamp.attributes.get("Boundary", ""))
            clip = read_numbers(stamp.attributes.get("Clip", ""))
            if page is None or len(box) != _BOX:
                continue
            if len(clip) == _BOX:
                box = (box[0] + clip[0], box[1] + clip[1], clip[2], clip[3])
            yield Box(page, box[0], box[1], box[2], box[3], "签章")


def _covered(package: OfdPackage, base: str, file: SignatureFile) -> Iterator[str]:
    for location, _ in file.references:
        part = package.find(base, location)
        if part:
            yield part


def _list_of(package: OfdPackage, body: Body) -> str:
    """Answer the part of a document's list of signatures; empty when it has none."""
    if not body.signatures:
        return ""
    path = package.find(ROOT, body.signatures)
    if not path or path == ROOT or path in body.roots:
        raise UnsealableOfdError(f"签名列表 {body.signatures} 不在包内")
    return path


def _listed(package: OfdPackage, path: str) -> tuple[Listed, ...]:
    if not path:
        return ()
    try:
        return read_list(package, path)
    except MalformedError as error:
        raise UnsealableOfdError(f"签名列表 {path} 无法读取：{error}") from error


def _highest_in_list(package: OfdPackage, path: str) -> int:
    """Answer the largest number that a MaxSignId names (安全标识的最大值)."""
    if not path:
        return 0
    root = parse_part(package.read(path, limit=MAX_XML), "Signatures")
    return max((number_of(one.text) for one in root.all("MaxSignId")), default=0)
