"""A seal maker for the sandbox (仿真制章单位): issues the set of five in one act, and keeps their states.

The 法定代表人章 lists the representative's own certificate, the other four the unit's. Every picture bears 仿真环境.
Nothing here is for production.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from litestar import Request, Response, Router, get, post
from litestar.params import FromPath, FromQuery, RawBody
from msgspec import Struct, structs

from sealing import artwork, seal
from sealing.errors import MissingGlyphError, SealingError, SealTextError, UnknownSealError
from sealing.sandbox.book import Book, SealBook, SealEntry, StateEntry
from sealing.seal import Holder, IssuedSeal, SealKind, SealState
from sealing.wire import MadeSeal, MadeSeals, SealFile, SealOrder, StateNote, StateOrder
from signing import canonical, sm2
from signing.certificates import Certificate, parse_certificate
from signing.errors import MalformedError
from signing.key_use import signs_data
from signing.sm2 import PrivateKey

T = TypeVar("T", bound=Struct)
MARK: Final = "仿真环境"
VENDOR: Final = "YIZHAO-SANDBOX"
_PLACE: Final = slice(2, 8)
"""Where a credit code holds the place (GB/T 2260)."""
_PROBLEM: Final = "application/problem+json"


class SealsExistError(SealingError):
    """The company already has its set of seals."""


class SealClosedError(SealingError):
    """A cancelled seal stays cancelled."""


class OrderError(SealingError):
    """An order that is not one: malformed, or its certificates are not the company's."""


@dataclass(frozen=True)
class SealMaker:
    """Issues seals and answers for them. `clock` answers aware UTC instants."""

    book: SealBook
    key: PrivateKey
    certificate: Certificate
    clock: Callable[[], datetime]

    def issue(self, order: SealOrder) -> tuple[IssuedSeal, ...]:
        """Issue the set of five; all or nothing. SealsExistError, OrderError, MissingGlyphError, SealTextError."""
        _require_theirs(order)
        at = self.clock().astimezone(UTC).replace(microsecond=0)
        region = order.uscc[_PLACE] if order.uscc[_PLACE].isdecimal() else "000000"

        def rule(book: Book) -> tuple[Book, tuple[IssuedSeal, ...]]:
            if any(e.uscc == order.uscc and e.state is not SealState.CANCELLED for e in book.seals.values()):
                raise SealsExistError("this company has its seals already")
            serial = book.next_serial.get(region, 1)
            made = tuple(self._make(kind, order, region, serial + i, at) for i, kind in enumerate(SealKind))
            for one in made:
                self.book.keep(one.number, one.esl, one.artwork)
            opened = StateEntry(SealState.ACTIVE, at, "制作")
            added = {one.number: SealEntry(one.kind, one.name, order.uscc, (opened,)) for one in made}
            serials = {**book.next_serial, region: serial + len(made)}
            return Book(1, {**book.seals, **added}, serials), made

        return self.book.change(rule)

    def seals_of(self, uscc: str) -> tuple[IssuedSeal, ...]:
        """Answer all seals of a company."""
        found = self.book.read().seals.items()
        return tuple(self._load(number, entry) for number, entry in found if entry.uscc == uscc)

    def file_of(self, number: str) -> SealFile:
        """Answer everything about one seal. UnknownSealError."""
        entry = self._entry(self.book.read(), number)
        one = self._load(number, entry)
        notes = tuple(StateNote(e.state, e.since, e.reason) for e in entry.history)
        return SealFile(_made(one), entry.uscc, artwork.svg(artwork.decode(one.artwork)), notes)

    def change_state(self, number: str, order: StateOrder) -> SealFile:
        """Suspend, report lost, restore or cancel a seal. UnknownSealError, SealClosedError."""
        at = self.clock()

        def rule(book: Book) -> tuple[Book, None]:
            entry = self._entry(book, number)
            if entry.state is SealState.CANCELLED and order.state is not SealState.CANCELLED:
                raise SealClosedError("a cancelled seal stays cancelled")
            since = at.replace(microsecond=at.microsecond // 1000 * 1000)
            history = (*entry.history, StateEntry(order.state, since, order.reason))
            return structs.replace(book, seals={**book.seals, number: structs.replace(entry, history=history)}), None

        self.book.change(rule)
        return self.file_of(number)

    def _make(self, kind: SealKind, order: SealOrder, region: str, serial: int, at: datetime) -> IssuedSeal:
        own = kind is SealKind.LEGAL_REPRESENTATIVE
        draft = seal.prepare_seal_info(
            kind,
            Holder(order.company, order.uscc, order.legal_representative),
            seal.seal_number(region, serial),
            [order.representative_certificate if own else order.unit_certificate],
            vendor=VENDOR,
            at=max(at, order.not_before.astimezone(UTC).replace(microsecond=0)),
            not_after=order.not_after.astimezone(UTC).replace(microsecond=0),
            mark=MARK,
        )
        return seal.finish_seal(draft, self.certificate.der, sm2.sign(self.key, draft.info))

    def _entry(self, book: Book, number: str) -> SealEntry:
        entry = book.seals.get(number)
        if entry is None:
            raise UnknownSealError(f"no seal {number!r}")
        return entry

    def _load(self, number: str, entry: SealEntry) -> IssuedSeal:
        esl, drawn = self.book.load(number)
        return IssuedSeal(entry.kind, number, entry.name, esl, drawn, entry.state)


def create_router(folder: Path, *, key: PrivateKey, certificate: Certificate, clock: Callable[[], datetime]) -> Router:
    """Serve the seal maker under /maker; its state is the files in `folder`."""
    maker = SealMaker(SealBook(folder), key, certificate, clock)

    @post("/seals", status_code=201, sync_to_thread=True)
    def issue(body: RawBody) -> Response[Any]:
        """制作一套五枚印章."""
        return _json(MadeSeals(tuple(map(_made, maker.issue(_read(body, SealOrder))))), 201)

    @get("/seals", sync_to_thread=True)
    def find(uscc: FromQuery[str]) -> Response[Any]:
        """一家单位的全部印章."""
        return _json(MadeSeals(tuple(map(_made, maker.seals_of(uscc)))))

    @get("/seals/{number:str}", sync_to_thread=True)
    def show(number: FromPath[str]) -> Response[Any]:
        """一枚印章的全部信息."""
        return _json(maker.file_of(number))

    @post("/seals/{number:str}/state", status_code=200, sync_to_thread=True)
    def change(number: FromPath[str], body: RawBody) -> Response[Any]:
        """停用、挂失、恢复、注销."""
        return _json(maker.change_state(number, _read(body, StateOrder)))

    handlers = [issue, find, show, change]
    return Router(path="/maker", route_handlers=handlers, exception_handlers={SealingError: _problem})


_WORDS: Final[dict[type[SealingError], tuple[int, str, str]]] = {
    UnknownSealError: (404, "seal_unknown", "没有这枚印章，请核对印章编码。"),
    SealsExistError: (409, "seals_exist", "这家单位已有一套印章；请先注销原有印章再制作。"),
    SealClosedError: (409, "seal_cancelled", "印章已注销，不能恢复；请重新制作。"),
    OrderError: (400, "order_malformed", "制章请求有误，请核对单位、证书和有效期。"),
    SealTextError: (422, "seal_text", "单位名称或姓名太长或太短，排不进印章，请核对。"),
    MissingGlyphError: (422, "glyph_missing", "名称中有字库没有的字，请联系制章单位补字。"),
    SealingError: (500, "seal_maker_fault", "制章单位内部出错，请稍后再试。"),
}


def _problem(_request: Request[Any, Any, Any], error: SealingError) -> Response[Any]:
    status, code, detail = next(_WORDS[kind] for kind in type(error).__mro__ if kind in _WORDS)
    detail = f"{detail}（“{error.character}”）" if isinstance(error, MissingGlyphError) else detail
    body = {"type": f"urn:yizhao:sealing:{code}", "title": "制章请求被拒绝", "status": status}
    return Response(canonical.encode({**body, "code": code, "detail": detail}), status_code=status, media_type=_PROBLEM)


def _require_theirs(order: SealOrder) -> None:
    """See that both certificates bear the company's code, and that the period is one."""
    try:
        certificates = [parse_certificate(c) for c in (order.unit_certificate, order.representative_certificate)]
    except MalformedError as error:
        raise OrderError(f"a certificate that cannot be read: {error}") from error
    if any(order.uscc not in c.uscc_candidates or not signs_data(c) for c in certificates):
        raise OrderError("a certificate of somebody else, or not for signing")
    if certificates[0].organisation != order.company or certificates[1].common_name != order.legal_representative:
        raise OrderError("a certificate that names somebody else")
    if order.not_after <= order.not_before or order.not_after.tzinfo is None or order.not_before.tzinfo is None:
        raise OrderError("a period that ends before it starts")


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return canonical.decode_lenient(body, kind)
    except MalformedError as error:
        raise OrderError(str(error)) from error


def _made(one: IssuedSeal) -> MadeSeal:
    return MadeSeal(one.number, one.kind, one.name, one.state, one.esl, one.artwork)


def _json(value: Any, status: int = 200) -> Response[Any]:
    return Response(canonical.encode(value), status_code=status, media_type="application/json")
