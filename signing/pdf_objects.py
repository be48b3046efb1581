"""Objects of a PDF by revision, without keeping any: where they stand, what they name, and which lead where.

The difference analysis (`signing.pdf_comparing`) asks which objects lead to something that a later revision wrote.
For that the names of other objects are read off the bytes: quickly, and rather too many than too few. An object is
parsed only when it must be compared, and streams are let go at once.
"""

import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, NamedTuple

from signing.pdf_reading import OpenPdf, UnreadablePdfError, is_dictionary, read_slice

MAX_OBJECTS: Final = 1_000_000
MAX_TREE: Final = 50_000
_KEPT: Final = 4_000
_FIRST: Final = 4096
_LONGEST: Final = 8 << 20
_CHAIN: Final = 16
_REFERENCE: Final = re.compile(rb"(\d{1,10})[\s\0]+\d{1,5}[\s\0]+R(?![A-Za-z0-9])")
_END: Final = re.compile(rb">>[\s\0]*stream[\r\n]|(?<=[\s\0>\])0-9a-zA-Z])endobj")
_STRING: Final = re.compile(rb"\((?:[^()\\]|\\.)*\)", re.DOTALL)


class Name(NamedTuple):
    """How an object is referred to: number and generation."""

    number: int
    generation: int


@dataclass(frozen=True)
class _State:
    """Where an object stands since a revision; `place` is an offset, (object stream, index) or None when freed."""

    revision: int
    generation: int
    place: int | tuple[int, int] | None


class Objects:
    """The objects of an open PDF, by revision. Raises UnreadablePdfError for a file with too many of them."""

    def __init__(self, pdf: OpenPdf) -> None:
        self.pdf = pdf
        self._history = dict[int, list[_State]]()
        self._names = dict[tuple[int, object], tuple[int, ...] | None]()
        self._leaves = dict[tuple[int, object], bool]()
        self._parsed = OrderedDict[tuple[int, int, object], Any]()
        self._trees = dict[int, dict[int, bool]]()
        self._forms = dict[int, dict[int, int]]()
        self._pages = dict[int, dict[int, int]]()
        for revision in range(pdf.revisions):
            self._enter(revision)
        if len(self._history) > MAX_OBJECTS:
            raise UnreadablePdfError("too many objects")

    def _enter(self, revision: int) -> None:
        data = self.pdf.reader.xrefs.get_xref_data(revision)
        hybrid = data.hybrid.xref_data if data.hybrid is not None else None
        for section in (data, hybrid):
            if section is None:
                continue
            for number, (generation, offset) in section.standard_xrefs.items():
                self._add(number, _State(revision, generation, offset))
            for number, at in section.xrefs_in_objstm.items():
                self._add(number, _State(revision, 0, (at.obj_stream_id, at.ix_in_stream)))
        for number, generation in data.freed.items():
            self._add(number, _State(revision, generation, None))

    def _add(self, number: int, state: _State) -> None:
        states = self._history.setdefault(number, [])
        if not (states and states[-1].revision == state.revision):
            states.append(state)

    def state(self, number: int, revision: int) -> _State | None:
        """Answer where an object stands in a revision; None when it was never there."""
        states = self._history.get(number, ())
        index = bisect_right(states, revision, key=lambda one: one.revision)
        return states[index - 1] if index else None

    def is_alive(self, number: int, revision: int) -> bool:
        """Whether the object exists in a revision."""
        state = self.state(number, revision)
        return state is not None and state.place is not None

    def touched(self, revision: int) -> set[int]:
        """Numbers of the objects that a revision wrote or freed."""
        return {ref.idnum for ref in self.pdf.reader.xrefs.explicit_refs_in_revision(revision)}

    def containers(self, revision: int) -> set[int]:
        """Numbers of the object streams in which objects of a revision stand."""
        states = (self.state(number, revision) for number in self._history)
        return {one.place[0] for one in states if one is not None and isinstance(one.place, tuple)}

    def load(self, name: Name | int, revision: int) -> Any:
        """Parse an object as of a revision, references inside left as they are; None for null and for nothing."""
        for _ in range(_CHAIN):
            number, generation = name if isinstance(name, Name) else (name, None)
            state = self.state(number, revision)
            if state is None or state.place is None or generation not in {None, state.generation}:
                return None
            value = self._parse(number, state, revision)
            following = name_of(value)
            if following is None:
                return plain(value)
            name = following
        raise UnreadablePdfError("references that lead to references")

    def _parse(self, number: int, state: _State, revision: int) -> Any:
        reference = import_module("pyhanko.pdf_utils.generic").Reference  # costs a second; only who opens a PDF pays
        key = (number, state.generation, state.place)
        if key in self._parsed:
            self._parsed.move_to_end(key)
            return self._parsed[key]
        reader = self.pdf.reader
        value = reader.get_object(reference(number, state.generation, pdf=reader), revision=revision)
        if not is_stream(getattr(value, "raw_object", value)):
            self._parsed[key] = value
            if len(self._parsed) > _KEPT:
                self._parsed.popitem(last=False)
        return value

    def resolve(self, raw: Any, revision: int) -> Any:
        """Follow a reference within a revision; null is None."""
        name = name_of(raw)
        return plain(raw) if name is None else self.load(name, revision)

    def names(self, number: int, revision: int) -> tuple[int, ...] | None:
        """Numbers of the objects that an object names, and perhaps others; None when nobody can tell."""
        state = self.state(number, revision)
        if state is None or state.place is None:
            return ()
        key = (number, state.place)
        if key not in self._names:
            self._scan(number, state, revision)
        return self._names[key]

    def _scan(self, number: int, state: _State, revision: int) -> None:
        if isinstance(state.place, int):
            text = self._text(state.place)
            self._keep(number, state, revision, text)
            return
        if state.place is not None:
            self._scan_stream(state.place[0], revision)
        if (number, state.place) not in self._names:
            self._names[number, state.place] = None

    def _scan_stream(self, container: int, revision: int) -> None:
        stream = self.load(container, revision)
        data, first = bytes(stream.data), int(stream.raw_get("/First"))
        header = [int(one) for one in data[:first].split()[: 2 * int(stream.raw_get("/N"))]]
        starts = sorted(header[1::2])
        for index, (number, offset) in enumerate(zip(header[::2], header[1::2], strict=False)):
            following = bisect_right(starts, offset)
            stop = first + starts[following] if following < len(starts) else len(data)
            text = _without_strings(data[first + offset : stop])
            balanced = text is not None and all(text.count(a) == text.count(b) for a, b in _PAIRS)
            state = _State(revision, 0, (container, index))
            self._keep(number, state, revision, text if balanced else None)

    def _keep(self, number: int, state: _State, revision: int, text: bytes | None) -> None:
        key = (number, state.place)
        if text is None:
            found = self._names_by_parsing(number, revision)
            self._names[key], self._leaves[key] = found, False
            return
        self._names[key] = tuple({int(match[1]) for match in _REFERENCE.finditer(text)})
        self._leaves[key] = b"/Kids" not in text and b"#" not in text

    def _names_by_parsing(self, number: int, revision: int) -> tuple[int, ...] | None:
        try:
            return tuple(_names_in(self.load(number, revision)))
        except Exception:  # noqa: BLE001 - the library may raise anything at all; then nobody can tell
            return None

    def _text(self, offset: int) -> bytes | None:
        """Read an object without its strings and its stream; None when that needs a parser."""
        length = _FIRST
        while length <= _LONGEST:
            raw = read_slice(self.pdf.stream, offset, offset + length)
            text = _without_strings(raw)
            end = _END.search(text or b"")
            if end is not None:
                return text[: end.end()] if text else None
            whole = _END.search(raw)
            if len(raw) < length or (text is None and whole is not None):
                return None
            length *= 8
        return None

    def affected(
        self, targets: Collection[int], revision: int, stops: Collection[int]
    ) -> tuple[set[int], dict[int, list[int]]]:
        """Numbers of the objects of a revision that lead to one of these, and who names whom directly.

        Paths through `stops` do not count.
        """
        users = dict[int, list[int]]()
        found, waiting = set[int](), list[int]()
        for number in self._history:
            if not self.is_alive(number, revision):
                continue
            names = self.names(number, revision)
            if names is None:
                found.add(number)
                waiting.append(number)
            for named in names or ():
                users.setdefault(named, []).append(number)
        waiting += targets
        while waiting:
            number = waiting.pop()
            if number in stops:
                continue
            fresh = [user for user in users.get(number, ()) if user not in found]
            found.update(fresh)
            waiting += fresh
        return found, users

    def tree(self, revision: int) -> dict[int, bool]:
        """Answer the nodes of the page tree in order, and which are pages. Raises UnreadablePdfError for a loop."""
        if revision not in self._trees:
            earlier = self._trees.get(revision - 1)
            untouched = earlier is not None and not (self.touched(revision) & self._upper(earlier, revision))
            self._trees[revision] = earlier if earlier is not None and untouched else self._walk_tree(revision)
        return self._trees[revision]

    def pages(self, revision: int) -> dict[int, int]:
        """Answer which page, from 1, each page object is."""
        tree = self.tree(revision)
        if id(tree) not in self._pages:
            self._pages[id(tree)] = {n: page for page, n in enumerate((n for n, leaf in tree.items() if leaf), 1)}
        return self._pages[id(tree)]

    def form(self, revision: int) -> dict[int, int]:
        """Answer the nodes of the form, each with the node above it (0 for none). Raises UnreadablePdfError."""
        if revision not in self._forms:
            earlier, touched = self._forms.get(revision - 1), self.touched(revision)
            places = self._form_places(revision) if earlier is not None else set[int]()
            same = earlier is not None and not touched & {*earlier, *places}
            self._forms[revision] = earlier if same and earlier is not None else self._walk_form(revision)
        return self._forms[revision]

    def _form_places(self, revision: int) -> set[int]:
        """Numbers of the catalogue, the form and its list of fields."""
        raw, found = self.trailer(revision).get("/Root"), list[Any]()
        for key in ("/AcroForm", "/Fields", ""):
            found.append(name_of(raw))
            raw = raw_entry(self.resolve(raw, revision), key)
        return {one.number for one in found if one}

    def _walk_form(self, revision: int) -> dict[int, int]:
        root = self.resolve(self.trailer(revision).get("/Root"), revision)
        form = self.resolve(raw_entry(root, "/AcroForm"), revision)
        fields = array(self.resolve(raw_entry(form, "/Fields"), revision))
        nodes, waiting = dict[int, int](), [(raw, 0) for raw in fields]
        while waiting:
            raw, above = waiting.pop()
            name = name_of(raw)
            if name is None or name.number in nodes:
                continue
            if len(nodes) > MAX_TREE:
                raise UnreadablePdfError("too many form fields")
            node = self.load(name, revision)
            if not is_dictionary(node) or is_stream(node):
                continue
            nodes[name.number] = above
            kids = array(self.resolve(raw_entry(node, "/Kids"), revision))
            waiting += [(kid, name.number) for kid in kids]
        return nodes

    def _upper(self, tree: dict[int, bool], revision: int) -> set[int]:
        root = name_of(self.trailer(revision).get("/Root"))
        return {*tree, *((root.number,) if root else ())}

    def _walk_tree(self, revision: int) -> dict[int, bool]:
        root = self.resolve(self.trailer(revision).get("/Root"), revision)
        waiting, nodes = [raw_entry(root, "/Pages")], dict[int, bool]()
        while waiting:
            name = name_of(waiting.pop())
            if name is None or name.number in nodes or len(nodes) > MAX_TREE:
                raise UnreadablePdfError("a page tree with a loop, a direct node, or too many of them")
            leaf = self._is_leaf(name, revision)
            node = None if leaf else self.load(name, revision)
            kids = raw_entry(node, "/Kids")
            nodes[name.number] = kids is None
            waiting += reversed(array(self.resolve(kids, revision)))
        return nodes

    def _is_leaf(self, name: Name, revision: int) -> bool:
        state = self.state(name.number, revision)
        if state is None or self.names(name.number, revision) is None:
            return False
        return self._leaves.get((name.number, state.place), False)

    def trailer(self, revision: int) -> dict[str, Any]:
        """Answer the trailer's entries as of a revision."""
        trailer = self.pdf.reader.trailer.flatten(revision)
        return {str(key): trailer.raw_get(key) for key in trailer}


def objects_of(pdf: OpenPdf) -> Objects:
    """Answer the objects of an open file, entered once."""
    if "objects" not in pdf.memo:
        pdf.memo["objects"] = Objects(pdf)
    found: Objects = pdf.memo["objects"]
    return found


_PAIRS: Final = ((b"<<", b">>"), (b"[", b"]"))


def _without_strings(raw: bytes) -> bytes | None:
    """Take literal strings out; None where that cannot be done without a parser (comments, unbalanced strings)."""
    end = _END.search(raw)
    head = raw[: end.end()] if end else raw
    if b"(" not in head:
        return None if b"%" in head else head
    text, count = raw, 1
    while count:
        text, count = _STRING.subn(b" ", text)
    end = _END.search(text)
    head = text[: end.end()] if end else text
    return None if b"(" in head or b")" in head or b"%" in head else head


def uses(value: Any, number: int) -> Iterable[str]:
    """Answer under which keys a value names an object; a list stands for the key under which it is."""
    waiting, count = [("", value)], 0
    while waiting and (count := count + 1) < MAX_OBJECTS:
        key, raw = waiting.pop()
        name = name_of(raw)
        if name is not None:
            if name.number == number:
                yield key
            continue
        one = plain(raw)
        if is_dictionary(one):
            waiting += [(str(below), one.raw_get(below)) for below in one]
        else:
            waiting += [(key, item) for item in array(one)]


def _names_in(value: Any) -> Iterable[int]:
    waiting, count = [value], 0
    while waiting and (count := count + 1) < MAX_OBJECTS:
        raw = waiting.pop()
        name = name_of(raw)
        if name is not None:
            yield name.number
            continue
        one = plain(raw)
        if is_dictionary(one):
            waiting += [one.raw_get(key) for key in one]
        else:
            waiting += array(one)


def name_of(raw: Any) -> Name | None:
    """Answer how a reference names its object; None for anything else."""
    return Name(raw.idnum, raw.generation) if hasattr(raw, "idnum") else None


def plain(value: Any) -> Any:
    """Answer the value behind a proxy of the library; null is None."""
    while hasattr(value, "raw_object"):
        value = value.decrypted
    return None if type(value).__name__ == "NullObject" else value


def raw_entry(node: Any, key: str) -> Any:
    """Answer what stands behind a key as it stands; None for nothing, null included."""
    return plain(node.raw_get(key)) if is_dictionary(node) and key in node else None


def array(value: Any) -> list[Any]:
    """Answer the items of an array as they stand, or nothing for anything else."""
    return [plain(item) for item in list(value)] if isinstance(value, list) else []


def is_stream(value: Any) -> bool:
    """Whether this is a stream."""
    return hasattr(value, "encoded_data")
