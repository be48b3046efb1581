"""Making a natural person's signature-seal (个人签名章): from the name, from a pen's strokes, or from a picture."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import structs

from sealing import artwork, drawing_ink, seal, seal_life, ses
from sealing.artwork import Artwork
from sealing.drawing_personal import signature_seal
from sealing.errors import EmptySignatureError, UnknownScanSizeError
from sealing.sandbox.book import Book, SealEntry
from sealing.sandbox.making import MARK, VENDOR, SealMaker, SealsExistError, TrustMissingError
from sealing.sandbox.orders import OrderError
from sealing.sandbox.scanning import CleanScan, ScanningMissingError
from sealing.seal import IssuedSeal, SealKind
from sealing.seal_application import check_person_order
from sealing.seal_life import Cause, LifeAct
from sealing.wire import Notice, PersonSealOrder
from signing.certificates import Certificate
from signing.digests import sm3

REGION: Final = "000000"
"""Persons' seals are registered under no place: the place of a resident id is personal information."""


@dataclass(frozen=True)
class PersonalDesk:
    """Makes persons' own seals; `clean` cleans pictures, None takes none."""

    maker: SealMaker
    clean: CleanScan | None

    def make(self, order: PersonSealOrder) -> IssuedSeal:
        """Make the seal, in the place of the one that `replaces` names.

        SealApplicationError, OrderError, SealsExistError, TrustMissingError, SealTextError, MissingGlyphError and
        what cleaning a picture raises.
        """
        maker, at = self.maker, self.maker.now()
        if maker.anchors is None:
            raise TrustMissingError("no trust list")
        certificate = check_person_order(order, anchors=maker.anchors(), at=maker.clock())
        term = _term(order, certificate, at)
        picture, drawn = self._look(order)
        used = sm3(order.consent).hex()

        def rule(book: Book) -> tuple[Book, IssuedSeal]:
            book.require_unused(used)
            book = self._without_old(book, order, at)
            serial = book.free_serial(REGION, seal.seal_number)
            number = seal.seal_number(REGION, serial)
            name = seal.seal_name(SealKind.PERSONAL, seal.Holder("", "", order.name))
            draft = seal.describe_seal(
                SealKind.PERSONAL,
                name,
                number,
                certificates=[order.certificate],
                picture=picture,
                drawn=drawn,
                term=term,
            )
            made = maker.finish(draft, order.version)
            opened = seal_life.change((), LifeAct.ISSUE, at=at, reason="本人申请制作", actor=order.name)
            entry = SealEntry(
                SealKind.PERSONAL,
                name,
                "",
                opened,
                term.at,
                term.not_after,
                applicant=order.name,
                authorisation="self",
                consent_sm3=used,
                person=order.person,
            )
            book = structs.replace(book, next_serial={**book.next_serial, REGION: serial + 1})
            return maker.enter(book, [(made, entry)], order.consent), made

        return maker.book.change(rule)

    def _without_old(self, book: Book, order: PersonSealOrder, at: datetime) -> Book:
        """Cancel the person's present seal if the order names it. SealsExistError otherwise."""
        latest = book.latest("", SealKind.PERSONAL, order.person)
        if latest is None or latest[1].closed:
            return book
        if latest[0] != order.replaces:
            raise SealsExistError(f"this person has seal {latest[0]} already")
        why = Notice("", Cause.REQUEST, "重新制作个人签名章", order.name, order.person)
        return self.maker.cancel(book, "", [SealKind.PERSONAL], why, at)

    def _look(self, order: PersonSealOrder) -> tuple[ses.Picture, bytes]:
        """Answer the picture and its vector artwork."""
        wanted = order.appearance
        if wanted.kind == "picture":
            return self._cleaned(order)
        if wanted.kind == "strokes":
            width = wanted.width_mm or drawing_ink.DEFAULT_WIDTH_MM
            return _drawn(drawing_ink.ink_signature(wanted.strokes, width_mm=width, mark=MARK))
        if wanted.width_mm:
            width_mm, height_mm = wanted.width_mm, max(round(wanted.width_mm * 0.375), 5)
            return _drawn(signature_seal(order.name, size_mm=(width_mm, height_mm), mark=MARK))
        return _drawn(signature_seal(order.name, mark=MARK))

    def _cleaned(self, order: PersonSealOrder) -> tuple[ses.Picture, bytes]:
        if self.clean is None:
            raise ScanningMissingError("本机构未开通扫描件制章")
        if not order.appearance.picture:
            raise EmptySignatureError("no picture")
        if not order.appearance.width_mm:
            raise UnknownScanSizeError("the real width of the signature is not told")
        made = self.clean(order.appearance.picture, width_mm=order.appearance.width_mm, kind=SealKind.PERSONAL)
        return ses.Picture("PNG", made.picture, round(made.width_mm), round(made.height_mm)), made.drawn


def _drawn(drawn: Artwork) -> tuple[ses.Picture, bytes]:
    width, height = drawn.size_mm
    return ses.Picture("PNG", artwork.png(drawn), round(width), round(height)), artwork.encode(drawn)


def _term(order: PersonSealOrder, certificate: Certificate, at: datetime) -> seal.Term:
    """Answer the ordered term, within the certificate's. OrderError."""
    if order.not_before.tzinfo is None or order.not_after.tzinfo is None:
        raise OrderError("an instant without its zone")
    start = max(at, order.not_before, certificate.not_before).replace(microsecond=0)
    end = min(order.not_after, certificate.not_after).replace(microsecond=0)
    if end <= start:
        raise OrderError("the certificate is over, or the period has no day")
    return seal.Term(VENDOR, start.astimezone(at.tzinfo), end.astimezone(at.tzinfo), order.version)
