"""What the sandbox's seal maker does (仿真制章单位): issue, import, change, answer; each act one change of its book.

The 法定代表人章 lists the representative's own certificate, the other four the unit's. Every drawn picture bears
仿真环境. Nothing here is for production.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from msgspec import structs

from sealing import seal, seal_life, ses
from sealing.artwork_sizes import UnitKind
from sealing.errors import (
    SealingError,
    SealNumberTakenError,
    UnknownSealError,
)
from sealing.sandbox.book import Book, SealBook, SealEntry
from sealing.sandbox.orders import OrderError, certificate_for, consent_of, holder_of, region_of, require_theirs
from sealing.seal import FIVE, IssuedSeal, SealKind
from sealing.seal_application import check_application, check_consent, check_import, read_holder, unit_type
from sealing.seal_life import Cause, LifeAct, StateChange
from sealing.seal_status import SealStatus
from sealing.wire import Application, ImportOrder, Notice, ReissueOrder, ScanOrder, SealOrder, StateOrder
from signing import sm2
from signing.certificates import Certificate, parse_certificate
from signing.path import TrustAnchors
from signing.sm2 import PrivateKey
from signing.statement import SignedStatement, complete_statement, prepare_statement

MARK: Final = "仿真环境"
VENDOR: Final = "YIZHAO-SANDBOX"
_REGISTRAR: Final = "登记机关"

Made = tuple[IssuedSeal, SealEntry]


class SealsExistError(SealingError):
    """The company already has its set of seals, or a seal of this kind."""


class TrustMissingError(SealingError):
    """The maker was started without a trust list, so it cannot judge what others made."""


@dataclass(frozen=True)
class SealMaker:
    """Issues seals and answers for them. `clock` answers aware UTC instants.

    `anchors` answers the trust list that foreign seals and applications are judged by; `stamp` stamps the signature
    value of a v5 seal.
    """

    book: SealBook
    key: PrivateKey
    certificate: Certificate
    clock: Callable[[], datetime]
    anchors: Callable[[], TrustAnchors] | None = None
    stamp: Callable[[bytes], bytes] | None = None

    def issue(self, order: SealOrder) -> tuple[IssuedSeal, ...]:
        """Issue the set of five; all or nothing. SealsExistError, OrderError, MissingGlyphError, SealTextError."""
        self.require_good(order)
        at = self.now()

        def rule(book: Book) -> tuple[Book, tuple[IssuedSeal, ...]]:
            book.require_unused(consent_of(order.application))
            if any(e.uscc == order.uscc and not e.closed for e in book.seals.values()):
                raise SealsExistError("this company has its seals already")
            first = self._history(order, at, Cause.FOUNDING if order.application is None else Cause.REQUEST, "制作")
            return self.add(book, order, FIVE, first)

        return self.book.change(rule)

    def reissue(self, order: ReissueOrder) -> tuple[IssuedSeal, ...]:
        """Cancel seals and make new ones that name them, in one act (注销后重新申领).

        A register's cause heard twice changes nothing the second time.
        """
        self.require_good(order.order, order)
        kinds = order.kinds or tuple(k for k in FIVE if k in seal_life.cancelled_by(order.cause))
        if not kinds or len(set(kinds)) != len(kinds) or not set(kinds) <= set(FIVE):
            raise OrderError("which seals are to be made anew?")
        at = self.now()

        def rule(book: Book) -> tuple[Book, tuple[IssuedSeal, ...]]:
            book.require_unused(consent_of(order.order.application))
            stale = [k for k in kinds if order.cause is Cause.REQUEST or not self._is_current(book, order.order, k)]
            book = self.cancel(book, order.order.uscc, stale, order, at)
            first = self._history(order.order, at, order.cause, order.reason, order.actor)
            return self.add(book, order.order, stale, first)

        self.book.change(rule)
        book = self.book.read()
        return tuple(self.load(*found) for k in kinds if (found := book.latest(order.order.uscc, k)))

    def hear(self, notice: Notice) -> tuple[IssuedSeal, ...]:
        """Cancel what an event in the register cancels; answer all seals of the unit, or of the person."""
        if bool(notice.uscc) == bool(notice.person):
            raise OrderError("a notice is about a unit, or about a person")
        kinds = seal_life.cancelled_by(notice.cause)
        if notice.person:
            kinds = frozenset({SealKind.PERSONAL}) if notice.cause is Cause.CERTIFICATE_CHANGED else frozenset()
        self.book.change(lambda book: (self.cancel(book, notice.uscc, kinds, notice, self.now()), None))
        return self.seals_of(notice.uscc, notice.person)

    def import_seal(self, order: ImportOrder) -> IssuedSeal:
        """Keep an existing seal after judging it fully. SealImportError, SealNumberTakenError, SealsExistError."""
        if self.anchors is None:
            raise TrustMissingError("no trust list")
        at, anchors, application = self.now(), self.anchors(), order.application
        holder = read_holder(application)
        check_application(application, holder, representative="", anchors=anchors, at=at)
        check_consent(order, application, holder, anchors=anchors, at=at)
        found = check_import(order.esl, holder, anchors=anchors, at=at, certificates=order.certificates)
        info = found.seal.info
        made = IssuedSeal(found.kind, info.number, info.property.name, order.esl, b"")
        opened = seal_life.change((), LifeAct.IMPORT, at=at, reason="导入已有印章", actor=application.applicant)

        def rule(book: Book) -> tuple[Book, IssuedSeal]:
            book.require_unused(consent_of(application))
            if made.number in book.seals:
                raise SealNumberTakenError(made.number)
            self._require_none(book, holder.uscc, found.kind)
            entry = entry_of(made, holder.uscc, opened, application)
            return self.enter(book, [(made, entry)], application.consent), made

        return self.book.change(rule)

    def change_state(self, number: str, order: StateOrder) -> None:
        """Suspend, resume, report lost or cancel a seal; a state that it has already stays as it is.

        UnknownSealError, SealTransitionError, SealClosedError.
        """
        act, at = seal_life.act_towards(order.state), _milliseconds(self.clock())

        def rule(book: Book) -> tuple[Book, None]:
            entry = self.entry(book, number)
            if entry.history[-1].state is order.state:
                return book, None
            since = max(at, entry.history[-1].since)  # a clock that went back must not keep a seal from being stopped
            history = seal_life.change(entry.history, act, at=since, reason=order.reason, actor=order.actor)
            return book.with_seals((number, structs.replace(entry, history=history))), None

        self.book.change(rule)

    def status(self, number: str, at: datetime | None) -> SignedStatement:
        """Answer the state at an instant (now if None), signed by the maker. UnknownSealError."""
        now = _milliseconds(self.clock())
        at = now if at is None else _milliseconds(at)
        entry = self.entry(self.book.read(), number)
        in_force = seal_life.entry_at(entry.history, at)
        period = ses.parse_seal(self.book.load(number)[0]).info.property
        status = SealStatus(
            v=1,
            type="seal-status",
            number=number,
            name=entry.name,
            uscc=entry.uscc,
            at=at,
            answered_at=now,
            state=seal_life.state_at(entry.history, at, not_after=period.not_after),
            since=in_force.since if in_force else None,
            reason=in_force.reason if in_force else "",
            not_before=period.not_before,
            not_after=period.not_after,
            replaced_by=entry.replaced_by,
        )
        statement = prepare_statement(status)
        return complete_statement(statement, sm2.sign(self.key, statement), self.certificate.der)

    def seals_of(self, uscc: str, person: str = "") -> tuple[IssuedSeal, ...]:
        """Answer all seals of a company, or of a natural person, the cancelled ones too."""
        found = self.book.read().seals.items()
        return tuple(
            self.load(number, entry) for number, entry in found if (entry.uscc, entry.person) == (uscc, person)
        )

    # Parts of an act, inside a change of the book

    def add(
        self, book: Book, order: SealOrder, kinds: Collection[SealKind], opened: tuple[StateChange, ...]
    ) -> tuple[Book, tuple[IssuedSeal, ...]]:
        """Make seals of these kinds, each linked to the one that it replaces."""
        region, made = region_of(order), list[Made]()
        at, serials = opened[0].since, dict(book.next_serial)
        for kind in kinds:
            serial = book.free_serial(region, seal.seal_number)
            one = self._make(kind, order, seal.seal_number(region, serial), at)
            made.append((one, entry_of(one, order.uscc, opened, order.application)))
            serials[region] = serial + 1
            book = structs.replace(book, next_serial=dict(serials))
        consent = order.application.consent if order.application else b""
        return self.enter(book, made, consent), tuple(one for one, _ in made)

    def enter(self, book: Book, made: Iterable[Made], consent: bytes) -> Book:
        """Write the files of finished seals, then enter them and link each with the one that it replaces."""
        for one, entry in made:
            self.book.keep(one.number, one.esl, one.artwork)
            if consent:
                self.book.keep_consent(one.number, consent)
            old = book.latest(entry.uscc, one.kind, entry.person)
            if old is not None:
                book = book.with_seals((old[0], structs.replace(old[1], replaced_by=one.number)))
            replaces = old[0] if old else ""
            book = book.with_seals((one.number, structs.replace(entry, replaces=replaces)))
        return book

    def finish(self, draft: seal.DraftSeal, version: int) -> IssuedSeal:
        """Sign a described seal; a v5 one is stamped if the maker has a timestamp authority."""
        signature = sm2.sign(self.key, draft.info)
        token = self.stamp(signature) if self.stamp and version == ses.V5 else None
        return seal.finish_seal(draft, self.certificate.der, signature, token)

    def now(self) -> datetime:
        """Answer the instant in whole seconds, as seals carry it."""
        return self.clock().astimezone(UTC).replace(microsecond=0)

    def entry(self, book: Book, number: str) -> SealEntry:
        """Answer one entry. UnknownSealError."""
        if number not in book.seals:
            raise UnknownSealError(f"no seal {number!r}")
        return book.seals[number]

    def load(self, number: str, entry: SealEntry) -> IssuedSeal:
        """Answer one seal as it is now."""
        esl, drawn = self.book.load(number)
        state = entry.state_at(self.clock()) or entry.history[-1].state
        return IssuedSeal(entry.kind, number, entry.name, esl, drawn, state)

    def require_good(self, order: SealOrder, whole: SealOrder | ReissueOrder | ScanOrder | None = None) -> None:
        """See that certificates, period and application are the company's. OrderError, SealApplicationError.

        `whole` is the message that the order came in, to which the applicant's consent was given.
        """
        _, head = require_theirs(order)
        if order.application is not None:
            anchors = self.anchors() if self.anchors else None
            holder, person = holder_of(order), head.person_id
            at = self.clock()
            check_application(order.application, holder, representative=person, anchors=anchors, at=at)
            check_consent(whole or order, order.application, holder, anchors=anchors, at=at)

    def term(self, kind: SealKind, order: SealOrder, at: datetime) -> seal.Term:
        """Answer a seal's term: the ordered one, within its certificate's (印章有效期不超过证书有效期)."""
        certificate = parse_certificate(certificate_for(kind, order))
        start = max(at, *(_seconds(t) for t in (order.not_before, certificate.not_before)))
        end = min(_seconds(order.not_after), _seconds(certificate.not_after))
        if end <= start:
            raise OrderError("the certificate is over, or the period has no day")
        return seal.Term(VENDOR, start, end, order.version)

    def _require_none(self, book: Book, uscc: str, kind: SealKind) -> None:
        latest = book.latest(uscc, kind)
        if latest is not None and not latest[1].closed:
            raise SealsExistError(f"this company has seal {latest[0]} already")

    def _make(self, kind: SealKind, order: SealOrder, number: str, at: datetime) -> IssuedSeal:
        term = self.term(kind, order, at)
        draft = seal.prepare_seal_info(
            kind,
            holder_of(order),
            number,
            [certificate_for(kind, order)],
            vendor=term.vendor,
            at=term.at,
            not_after=term.not_after,
            mark=MARK,
            version=term.version,
            unit=UnitKind.of(order.unit_type or unit_type(order.application), order.company),
        )
        return self.finish(draft, order.version)

    def _history(
        self, order: SealOrder, at: datetime, cause: Cause, reason: str, actor: str = ""
    ) -> tuple[StateChange, ...]:
        applicant = order.application.applicant if order.application else _REGISTRAR
        return seal_life.change((), LifeAct.ISSUE, at=at, reason=reason, actor=actor or applicant, cause=cause)

    def cancel(
        self, book: Book, uscc: str, kinds: Collection[SealKind], why: Notice | ReissueOrder, at: datetime
    ) -> Book:
        """Cancel a unit's live seals of these kinds, each with reason, actor, cause and time."""
        for number, entry in book.seals.items():
            theirs = (entry.uscc, entry.person) == (uscc, why.person if isinstance(why, Notice) else "")
            if theirs and entry.kind in kinds and not entry.closed:
                since = max(at, entry.history[-1].since)
                history = seal_life.change(
                    entry.history, LifeAct.CANCEL, at=since, reason=why.reason, actor=why.actor, cause=why.cause
                )
                book = book.with_seals((number, structs.replace(entry, history=history)))
        return book

    def _is_current(self, book: Book, order: SealOrder, kind: SealKind) -> bool:
        """Whether the present seal of a kind is already the one that this order asks for."""
        latest = book.latest(order.uscc, kind)
        if latest is None or latest[1].closed or latest[1].name != seal.seal_name(kind, holder_of(order)):
            return False
        listed = ses.parse_seal(self.book.load(latest[0])[0]).info.property.certificates
        return listed == (certificate_for(kind, order),)


def entry_of(
    made: IssuedSeal, uscc: str, opened: tuple[StateChange, ...], application: Application | None
) -> SealEntry:
    """Compose the entry of a finished seal, with who applied for it."""
    period = ses.parse_seal(made.esl).info.property
    plain = SealEntry(made.kind, made.name, uscc, opened, period.not_before, period.not_after)
    if application is None:
        return plain
    consent = consent_of(application)
    return structs.replace(
        plain, applicant=application.applicant, authorisation=application.authorisation, consent_sm3=consent
    )


def _seconds(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _milliseconds(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
