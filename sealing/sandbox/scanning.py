"""Making a seal from the scanned picture of a physical one (同章同模): clean, show, and make after the confirmation."""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

from msgspec import structs

from sealing import artwork, seal, seal_life, ses
from sealing.errors import SealApplicationError, SealNumberTakenError, UnknownSealError
from sealing.sandbox.book import Book
from sealing.sandbox.making import SealMaker, SealsExistError, entry_of
from sealing.sandbox.orders import OrderError, certificate_for, consent_of, region_of, require_applicant
from sealing.seal import Holder, IssuedSeal, SealKind
from sealing.seal_life import Cause, LifeAct
from sealing.tracing import trace_picture
from sealing.wire import Notice, ScanDecision, ScanDraft, ScanOrder
from signing import canonical
from signing.digests import sm3

_SHAPES: Final[dict[SealKind, Literal["oval", "square", "signature"]]] = {
    SealKind.PERSONAL: "signature",
    SealKind.INVOICE: "oval",
    SealKind.LEGAL_REPRESENTATIVE: "square",
}
_TOLERANCE_MM: Final = 2
MAX_WAITING: Final = 20
"""Pictures of one unit that wait for a confirmation."""


@dataclass(frozen=True)
class CleanedScan:
    """A cleaned picture (PNG) with its real size, its vector artwork (`artwork.encode`) and what to tell of it."""

    picture: bytes
    width_mm: float
    height_mm: float
    drawn: bytes
    warnings: tuple[str, ...] = ()


class CleanScan(Protocol):
    """Takes a picture and the real width of its impression in mm. Raises SealingError, also for a picture bomb."""

    def __call__(self, data: bytes, *, width_mm: int, kind: SealKind) -> CleanedScan:
        """Clean one picture."""


def clean_scan(data: bytes, *, width_mm: int, kind: SealKind) -> CleanedScan:
    """Clean a picture with `sealing.scanned`, and trace it so that it can be drawn like every other seal."""
    from sealing.scanned import import_scan  # noqa: PLC0415 - the imaging library is for those who scan

    scan = import_scan(data, width_mm=width_mm, shape=_SHAPES.get(kind, "round"))
    drawn = artwork.encode(trace_picture(scan.png, width_mm=scan.width_mm, height_mm=scan.height_mm))
    words = tuple(one.text for one in scan.warnings)
    return CleanedScan(scan.png, scan.width_mm, scan.height_mm, drawn, words)


class ScanningMissingError(SealApplicationError):
    """The maker was started without the means to clean a picture."""


@dataclass(frozen=True)
class ScanDesk:
    """Takes pictures in, and makes the seal when the applicant has confirmed what came out."""

    maker: SealMaker
    clean: CleanScan | None

    def propose(self, order: ScanOrder) -> ScanDraft:
        """Clean a picture and keep it until the applicant decides. OrderError, SealApplicationError, SealingError."""
        if self.clean is None:
            raise ScanningMissingError("本机构未开通扫描件制章")
        if order.kind is SealKind.PERSONAL:
            raise OrderError("a person's own seal is made by another order")
        self.maker.require_good(order.order, order)
        if order.order.application is None:
            raise SealApplicationError("扫描件制章须由持照人提出申请")
        cleaned = self.clean(order.picture, width_mm=order.width_mm, kind=order.kind)
        width, height = round(cleaned.width_mm), round(cleaned.height_mm)
        warnings = cleaned.warnings
        if abs(height - order.height_mm) > _TOLERANCE_MM:
            warnings += (f"所填高度 {order.height_mm} mm 与印模比例不符，按印模取 {height} mm，请核对。",)
        name = sm3(canonical.encode(order), self.maker.now().isoformat().encode())[:8].hex()

        def rule(book: Book) -> tuple[Book, None]:
            if sum(one.order.uscc == order.order.uscc for one in book.scans.values()) >= MAX_WAITING:
                raise OrderError("too many pictures wait for a confirmation")
            self.maker.book.keep_scan(name, cleaned.picture, cleaned.drawn)
            kept = structs.replace(order, picture=b"", width_mm=width, height_mm=height)
            return structs.replace(book, scans={**book.scans, name: kept}), None

        self.maker.book.change(rule)
        return ScanDraft(name, cleaned.picture, width, height, warnings)

    def decide(self, scan: str, decision: ScanDecision) -> IssuedSeal | None:
        """Make the seal, or throw the picture away (None) when the applicant does not confirm it.

        UnknownSealError, SealApplicationError, SealsExistError unless `replaces` names the present seal.
        """

        def rule(book: Book) -> tuple[Book, IssuedSeal | None]:
            if scan not in book.scans:
                raise UnknownSealError(f"no picture {scan!r}")
            order = book.scans[scan]
            require_applicant(order.order, decision.applicant)
            waiting = {name: one for name, one in book.scans.items() if name != scan}
            book = structs.replace(book, scans=waiting)
            return self._made(book, scan, order, decision) if decision.confirmed else (book, None)

        return self.maker.book.change(rule)

    def _made(self, book: Book, scan: str, order: ScanOrder, decision: ScanDecision) -> tuple[Book, IssuedSeal | None]:
        maker, at, asked = self.maker, self.maker.now(), order.order
        book.require_unused(consent_of(asked.application))
        latest = book.latest(asked.uscc, order.kind)
        if latest is not None and not latest[1].closed:
            if latest[0] != decision.replaces:
                raise SealsExistError(f"this company has seal {latest[0]} already")
            why = Notice(asked.uscc, Cause.REQUEST, "按实物印章重新制作", decision.applicant)
            book = maker.cancel(book, asked.uscc, [order.kind], why, at)
        region = region_of(asked)
        serial = book.free_serial(region, seal.seal_number)
        number = seal.seal_number(region, serial)
        if number in book.seals:
            raise SealNumberTakenError(number)
        made = maker.finish(self._draft(scan, order, number), asked.version)
        opened = seal_life.change((), LifeAct.ISSUE, at=at, reason="按实物印章制作", actor=decision.applicant)
        entry = entry_of(made, asked.uscc, opened, asked.application)
        book = structs.replace(book, next_serial={**book.next_serial, region: serial + 1})
        return maker.enter(book, [(made, entry)], asked.application.consent if asked.application else b""), made

    def _draft(self, scan: str, order: ScanOrder, number: str) -> seal.DraftSeal:
        asked = order.order
        picture, drawn = self.maker.book.load_scan(scan)
        holder = Holder(asked.company, asked.uscc, asked.legal_representative)
        return seal.describe_seal(
            order.kind,
            seal.seal_name(order.kind, holder),
            number,
            certificates=[certificate_for(order.kind, asked)],
            picture=ses.Picture("PNG", picture, order.width_mm, order.height_mm),
            drawn=drawn,
            term=self.maker.term(order.kind, asked, self.maker.now()),
        )
