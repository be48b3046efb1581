"""Bundles come in here until the deadline (递交). The order is that of trust.md D.3 and must not be changed.

t_a is when the last byte of whichever came later was read, the finalise request or the bundle; it is compared with T,
and nothing else is.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from bidding.acts import Finalise, SignedAct, Withdraw
from bidding.bundle import Bundle, parse_bundle, require_section, verify_entries, verify_label
from bidding.bundle_header import ephemeral_points
from bidding.centre.acts import TOLERATED, Answer, Standing, examine, parse_act, require_params, statement_sm3
from bidding.centre.house import Arrival, House
from bidding.centre.ledger import Accepted, Known, Ledger, Offer, Waiting
from bidding.centre.sections import Section, load_section
from bidding.centre.uploads import Upload, Uploads
from bidding.errors import (
    BiddingError,
    DeadlinePassedError,
    MalformedBundleError,
    PlainBundleError,
    SectionClosedError,
    UntrustedBundleError,
    UploadConflictError,
    WrongBidderError,
    WrongDigestError,
)
from bidding.receipt import Reason
from identity.errors import IdentityError
from signing.checks import Result
from signing.digests import sm3, sm3_of
from signing.errors import SigningError
from storage.database import reading, writing
from storage.errors import StorageError
from storage.intake import read_all

_log = logging.getLogger("yizhao.centre")
_ZIP = b"PK\x03\x04"
_MIMETYPE = slice(30, 38)


@dataclass(frozen=True)
class Reception:
    """The gate."""

    house: House
    uploads: Uploads
    ledger: Ledger

    def begin(self, data: bytes, length: int, arrival: Arrival) -> Upload | Known:
        """Begin an upload for a signed act; after the deadline the answer is a refusal, which costs no upload."""
        opened = self.uploads.examine(data, length, arrival)
        known = self.ledger.find(opened.act.key, statement_sm3(opened.signed))
        if known is not None:
            return known
        if arrival.at >= opened.section.params.deadline:
            return self._refuse(
                opened.act,
                opened.signed,
                opened.standing.answer,
                reason="late",
                received_at=arrival.at,
                arrival=arrival,
            )
        return self.uploads.begin(opened, arrival)

    def finalise(self, data: bytes, upload: str, arrival: Arrival) -> Known | Waiting:
        """Take the finalise request for an upload; it counts from `arrival.at` even if bytes are still missing.

        Raises what says that this can never become a bid, with nothing changed; a late one is a signed refusal.
        """
        act, signed = parse_act(data, Finalise)
        if (known := self.ledger.find(act.key, statement_sm3(signed))) is not None:
            return known
        found = self.uploads.get(upload)
        if found.act_sm3 != statement_sm3(signed):
            raise UploadConflictError("the upload was begun for another act")
        self.uploads.note_finalise(upload, arrival.at)
        try:
            return self.settle(upload, arrival)
        except (BiddingError, IdentityError):
            self.uploads.forget_finalise(upload)
            raise

    def received(self, upload: str, last_byte_at: datetime, address: str) -> None:
        """Note that the last byte of an upload is durable; a finalise request that came before is settled now.

        What is wrong with the content is told to whoever repeats the finalise request.
        """
        found = self.uploads.complete(upload, last_byte_at)
        if found.finalise_at is not None and found.state == "complete":
            try:
                self.settle(upload, Arrival(last_byte_at, address))
            except (BiddingError, IdentityError) as error:
                self._note(found, error, Arrival(last_byte_at, address))

    def settle(self, upload: str, arrival: Arrival) -> Known | Waiting:
        """Decide about a submission as soon as both its halves are here."""
        found = self.uploads.get(upload)
        if found.last_byte_at is None or found.finalise_at is None:
            return Waiting(found.id, found.offset, found.length)
        received_at = max(found.last_byte_at, found.finalise_at)
        act, signed = parse_act(self.uploads.act(upload), Finalise)
        with reading(self.house.engine) as tx:
            section = load_section(tx, act.section)
        standing = self._examine(act, signed, section, received_at, found.created_at)
        if received_at >= section.params.deadline:
            return self._refuse(
                act, signed, standing.answer, reason="late", received_at=received_at, arrival=arrival, found=found
            )
        bundle = self._check_content(found, act, section, received_at)
        self.uploads.intake.accept(upload)
        points = tuple(sm3(point).hex() for point in ephemeral_points(bundle.header))
        offer = Offer(act, signed, standing, upload, received_at, bundle.header_sm3.hex(), points)
        try:
            return self.ledger.accept(offer, arrival)
        except SectionClosedError:
            return self._refuse(
                act,
                signed,
                standing.answer,
                reason="not-committed-in-time",
                received_at=received_at,
                arrival=arrival,
                found=found,
            )

    def withdraw(self, data: bytes, arrival: Arrival) -> Known:
        """撤回: a signed act takes the live bid out before the deadline; a late one is a signed refusal."""
        act, signed = parse_act(data, Withdraw)
        if (known := self.ledger.find(act.key, statement_sm3(signed))) is not None:
            return known
        with reading(self.house.engine) as tx:
            section = load_section(tx, act.section)
        require_params(act, section=section.code, params_sm3=section.params_sm3)
        standing = self._examine(act, signed, section, arrival.at, arrival.at)
        try:
            return self.ledger.withdraw(act, signed, standing, arrival)
        except SectionClosedError:
            return self._refuse(
                act, signed, standing.answer, reason="not-committed-in-time", received_at=arrival.at, arrival=arrival
            )
        except DeadlinePassedError:
            return self._refuse(act, signed, standing.answer, reason="late", received_at=arrival.at, arrival=arrival)

    def receipt(self, key: str) -> Known | Waiting:
        """Answer what came of the intention with this key. NoSuchReceiptError."""
        known = self.ledger.find(key)
        if known is None and (found := self.uploads.find_by_key(key)) is not None and found.finalise_at is not None:
            return Waiting(found.id, found.offset, found.length)
        return known if known is not None else self.ledger.get(key)

    def recover(self, arrival: Arrival) -> None:
        """Settle submissions whose last byte nobody noted, because a crash came between. Call it often."""
        for found, written_at in self.uploads.unnoted(arrival):
            self.uploads.complete(found.id, written_at)
            self._settle_or_note(found, arrival, closed=False)

    def drain(self, section: Section, arrival: Arrival, *, closed: bool) -> None:
        """Settle what was asked for; once the section is closed, everything gets its answer, a refusal if need be."""
        for found in self.uploads.pending(section.code):
            if found.complete:
                self._settle_or_note(found, arrival, closed=closed)
            elif closed:
                self._give_up(found, "incomplete", arrival.at, arrival)

    def _settle_or_note(self, found: Upload, arrival: Arrival, *, closed: bool) -> None:
        try:
            self.settle(found.id, arrival)
        except (BiddingError, IdentityError) as error:
            self._note(found, error, arrival)
            if closed and found.last_byte_at is not None and found.finalise_at is not None:
                received_at = max(found.last_byte_at, found.finalise_at)
                late = received_at >= self._deadline(found.section)
                self._give_up(found, "late" if late else "faulty", received_at, arrival)
        except (SigningError, StorageError):
            _log.exception("a submission stays undecided until its disk or its trust list answers")

    def _deadline(self, section: str) -> datetime:
        with reading(self.house.engine) as tx:
            return load_section(tx, section).params.deadline

    def _give_up(self, found: Upload, reason: Reason, received_at: datetime, arrival: Arrival) -> None:
        act, signed = parse_act(self.uploads.act(found.id), Finalise)
        answer = Answer(arrival.at, answered=False)
        self._refuse(act, signed, answer, reason=reason, received_at=received_at, arrival=arrival, found=found)

    def _examine(
        self, act: Finalise | Withdraw, signed: SignedAct, section: Section, at: datetime, consent_at: datetime
    ) -> Standing:
        require_params(act, section=section.code, params_sm3=section.params_sm3)
        house = self.house
        return examine(act, signed, trust=house.trust, register=house.register, at=at, consent_at=consent_at)

    def _check_content(self, found: Upload, act: Finalise, section: Section, at: datetime) -> Bundle:
        """Read the durable bytes: their digest, their form, their label. Nothing is changed by this."""
        params = section.signed.statement
        with self.uploads.intake.open(found.id) as stream:
            head = stream.read(64)
            stream.seek(0)
            if sm3_of(read_all(stream)).hex() != act.bundle_sm3:
                raise WrongDigestError("the uploaded bytes have another SM3 than the signed one")
            stream.seek(0)
            try:
                bundle = parse_bundle(stream, found.length)
            except MalformedBundleError as error:
                if head.startswith(_ZIP) and head[_MIMETYPE] != b"mimetype":
                    raise PlainBundleError("a plain ZIP archive") from error
                raise
            require_section(bundle.header, params)
            if bundle.header.bidder != act.bidder:
                raise WrongBidderError(f"the bundle was made by {bundle.header.bidder}")
            # A bundle that was damaged before it was signed for would only show at the opening, too late to mend.
            self._require_whole(bundle, stream, params, at)
        return bundle

    def _require_whole(self, bundle: Bundle, stream: BinaryIO, params: bytes, at: datetime) -> None:
        trust = self.house.trust
        verdict = verify_label(bundle.label, params=params, anchors=trust.anchors, evidence=trust.evidence(), at=at)
        verdict += verify_entries(bundle, stream)
        bad = [c for c in verdict.checks if c.result is not Result.OK and c.code not in TOLERATED]
        if bad:
            raise UntrustedBundleError("; ".join(f"{c.code}/{c.name}: {c.why or c.result}" for c in bad))

    def _refuse(
        self,
        act: Finalise | Withdraw,
        signed: SignedAct,
        answer: Answer,
        *,
        reason: Reason,
        received_at: datetime,
        arrival: Arrival,
        found: Upload | None = None,
    ) -> Known:
        known = self.ledger.refuse(act, signed, answer, reason=reason, received_at=received_at, arrival=arrival)
        if found is not None and not isinstance(known, Accepted):
            with writing(self.house.engine) as tx:
                self.uploads.end(tx, found, "upload-ended", arrival)
        return known

    def _note(self, found: Upload, error: Exception, arrival: Arrival) -> None:
        with writing(self.house.engine) as tx:
            self.house.write_journal(
                tx,
                "submission-faulty",
                section=found.section,
                subject=found.id,
                who="",
                arrival=arrival,
                error=type(error).__name__,
            )
