"""The ledger: where an acceptance, a refusal or a withdrawal becomes true, each in one transaction (trust.md D.3).

The receipt is signed inside the transaction and leaves only after the commit, which is the only acceptance point.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from bidding import receipt as receipts
from bidding.acts import Finalise, SignedAct, Withdraw
from bidding.centre.acts import Act, Answer, Standing, keep_act, statement_sm3
from bidding.centre.house import Arrival, House, Identity, Outcome
from bidding.centre.sections import Section, load_section
from bidding.errors import (
    CopiedEnvelopeError,
    DeadlinePassedError,
    IdempotencyConflictError,
    NoSuchReceiptError,
    ReplacedBidError,
    SectionClosedError,
    UploadMissingError,
)
from bidding.receipt import Acknowledgement, Batch, Leaf, Reason, RefusalStatement, RootStatement
from signing import canonical
from signing.statement import SignedStatement
from storage.database import reading, writing
from storage.models import centre as tables


@dataclass(frozen=True)
class Accepted:
    """The bid is committed; `data` is the receipt file."""

    data: bytes


@dataclass(frozen=True)
class Refused:
    """The bid was not taken; `data` is the refusal file."""

    data: bytes
    reason: Reason


@dataclass(frozen=True)
class Acknowledged:
    """A withdrawal is committed; `data` is the centre's signed statement."""

    data: bytes


@dataclass(frozen=True)
class Waiting:
    """The finalise request was read and counts; bytes of the bundle are still missing."""

    upload: str
    offset: int
    length: int


Known = Accepted | Refused | Acknowledged


@dataclass(frozen=True)
class Offer:
    """A bid whose content and label were checked, durable under its final name."""

    act: Finalise
    signed: SignedAct
    standing: Standing
    upload: str
    received_at: datetime
    header_sm3: str
    points: tuple[str, ...]
    """SM3 of the C1 of every wrap, hex."""


@dataclass(frozen=True)
class Ledger:
    """One call is one transaction."""

    house: House

    def find(self, key: str, request_sm3: str = "") -> Known | None:
        """Answer what came of an intention; IdempotencyConflictError if the key served another request."""
        with reading(self.house.engine) as tx:
            return self._find(tx, key, request_sm3)

    def get(self, key: str) -> Known:
        """Answer what came of an intention, by its secret key alone. NoSuchReceiptError."""
        found = self.find(key)
        if found is None:
            raise NoSuchReceiptError("no receipt under this key")
        return found

    def accept(self, offer: Offer, arrival: Arrival) -> Known:
        """Commit one bid; its receipt exists if and only if the bid does.

        Raises SectionClosedError, DeadlinePassedError, ReplacedBidError, CopiedEnvelopeError, IdempotencyConflictError.
        """
        act, house = offer.act, self.house
        with writing(house.engine) as tx:
            section = load_section(tx, act.section, lock=True)
            if (known := self._find(tx, act.key, statement_sm3(offer.signed))) is not None:
                return known
            _require_open(section, offer.received_at)
            tag = house.vault.bidder(act.section, act.bidder)
            live = _live_bid(tx, act.section, tag)
            if live is not None and live.bundle_sm3 == act.bundle_sm3:
                return self._again(tx, live.id, offer, arrival)
            if (live.bundle_sm3 if live is not None else "") != act.replaces:
                raise ReplacedBidError("the bid that this one replaces is not the one that counts now")
            self._register_points(tx, offer, tag)
            bid = self._insert_bid(tx, offer, tag, live, arrival)
            self._remember(tx, offer, bid, arrival)
            self._insert_receipt(tx, bid, offer)
        return self.get(act.key)

    def refuse(
        self,
        act: Finalise | Withdraw,
        signed: SignedAct,
        answer: Answer,
        *,
        reason: Reason,
        received_at: datetime,
        arrival: Arrival,
    ) -> Known:
        """Sign and keep a refusal; the same intention gets the same one again."""
        house = self.house
        with writing(house.engine) as tx:
            section = load_section(tx, act.section, lock=True)
            digest = statement_sm3(signed)
            if (known := self._find(tx, act.key, digest)) is not None:
                return known
            statement = house.signer.sign(self._refusal(act, digest, section, reason, received_at))
            refusal = house.new_id()
            standing = Standing(Identity(act.bidder, "-"), "", house.signer.parsed, answer)
            kept = keep_act(tx, house, act, signed, standing=standing, at=arrival.at)
            imprint = receipts.refusal_imprint(statement)
            row = {"id": refusal, "section": act.section, "imprint": imprint.hex(), "act": kept, "at": arrival.at}
            tx.execute(insert(tables.refusals).values(**row, sealed=house.vault.seal(f"refusals/{refusal}", statement)))
            self._insert_key(tx, act.key, digest, outcome="refusal", subject=refusal, at=arrival.at)
            house.write_journal(
                tx,
                "refused",
                section=act.section,
                subject=refusal,
                who=act.bidder,
                arrival=arrival,
                reason=reason,
                act=act.act,
            )
            house.ask_for_token(tx, imprint, arrival.at)
        return self.get(act.key)

    def withdraw(self, act: Withdraw, signed: SignedAct, standing: Standing, arrival: Arrival) -> Known:
        """Take the bidder's live bid out (撤回). DeadlinePassedError, ReplacedBidError, IdempotencyConflictError."""
        house = self.house
        with writing(house.engine) as tx:
            section = load_section(tx, act.section, lock=True)
            digest = statement_sm3(signed)
            if (known := self._find(tx, act.key, digest)) is not None:
                return known
            _require_open(section, arrival.at)
            live = _live_bid(tx, act.section, house.vault.bidder(act.section, act.bidder))
            if live is None or live.bundle_sm3 != act.bundle_sm3:
                raise ReplacedBidError("the bid to be withdrawn is not the one that counts now")
            _end_bid(tx, live.id, "withdrawn", arrival.at)
            kept = keep_act(tx, house, act, signed, standing=standing, at=arrival.at)
            withdrawal = house.new_id()
            told = house.signer.sign(
                acknowledgement(house, act, digest, bundle_sm3=act.bundle_sm3, stage=0, received_at=arrival.at)
            )
            sealed = house.vault.seal(f"withdrawals/{withdrawal}", told)
            row = {"id": withdrawal, "bid": live.id, "sealed": sealed, "act": kept, "at": arrival.at}
            tx.execute(insert(tables.withdrawals).values(**row))
            self._insert_key(tx, act.key, digest, outcome="withdrawal", subject=withdrawal, at=arrival.at)
            house.write_journal(
                tx, "withdrawn", section=act.section, subject=live.id, who=standing.person, arrival=arrival
            )
        return self.get(act.key)

    def _find(self, tx: Connection, key: str, request_sm3: str) -> Known | None:
        table = tables.idempotency
        row = tx.execute(select(table).where(table.c.key_tag == self.house.vault.key(key))).first()
        if row is None:
            return None
        if request_sm3 and row.request_sm3 != request_sm3:
            raise IdempotencyConflictError("this key served another request")
        read = {"receipt": self._read_receipt, "refusal": self._read_refusal, "withdrawal": self._read_withdrawal}
        return read[row.outcome](tx, row.subject)

    def _read_receipt(self, tx: Connection, bid: str) -> Known:
        row = tx.execute(select(tables.receipts).where(tables.receipts.c.bid == bid)).one()
        r1 = self.house.vault.cipher.open(f"receipts/{bid}", row.sealed_r1)
        return Accepted(receipts.encode_receipt(r1, self.house.find_token(tx, bytes.fromhex(row.root))))

    def _read_refusal(self, tx: Connection, refusal: str) -> Known:
        row = tx.execute(select(tables.refusals).where(tables.refusals.c.id == refusal)).one()
        statement = self.house.vault.open(f"refusals/{refusal}", row.sealed, SignedStatement)
        facts = canonical.decode(statement.statement, RefusalStatement)
        token = self.house.find_token(tx, bytes.fromhex(row.imprint))
        return Refused(receipts.encode_refusal(statement, token), facts.reason)

    def _read_withdrawal(self, tx: Connection, withdrawal: str) -> Known:
        row = tx.execute(select(tables.withdrawals).where(tables.withdrawals.c.id == withdrawal)).one()
        return Acknowledged(self.house.vault.cipher.open(f"withdrawals/{withdrawal}", row.sealed))

    def _again(self, tx: Connection, bid: str, offer: Offer, arrival: Arrival) -> Known:
        """Answer the same receipt for the very bundle that counts already, under a new key: no second bid."""
        self._remember(tx, offer, bid, arrival)
        return self._read_receipt(tx, bid)

    def _remember(self, tx: Connection, offer: Offer, bid: str, arrival: Arrival) -> None:
        digest = statement_sm3(offer.signed)
        self._insert_key(tx, offer.act.key, digest, outcome="receipt", subject=bid, at=arrival.at)
        table = tables.uploads
        done = update(table).where(table.c.id == offer.upload, table.c.state == "complete").values(state="accepted")
        if tx.execute(done).rowcount != 1:
            raise UploadMissingError("the upload was given up meanwhile")

    def _insert_key(
        self, tx: Connection, key: str, request_sm3: str, *, outcome: Outcome, subject: str, at: datetime
    ) -> None:
        row: dict[str, Any] = {"request_sm3": request_sm3, "outcome": outcome, "subject": subject, "at": at}
        tx.execute(insert(tables.idempotency).values(key_tag=self.house.vault.key(key), **row))

    def _register_points(self, tx: Connection, offer: Offer, tag: str) -> None:
        """No envelope may have been seen in another bundle or from another bidder (trust.md amendment 8)."""
        table, act = tables.envelopes, offer.act
        seen = {row.c1_sm3: row for row in tx.execute(select(table).where(table.c.c1_sm3.in_(offer.points)))}
        if any((row.bundle_sm3, row.bidder_tag) != (act.bundle_sm3, tag) for row in seen.values()):
            raise CopiedEnvelopeError("an envelope of this bundle was seen in another")
        new = [point for point in offer.points if point not in seen]
        row = {"section": act.section, "bidder_tag": tag, "bundle_sm3": act.bundle_sm3}
        if new:
            tx.execute(insert(table), [{"c1_sm3": point, **row} for point in new])

    def _insert_bid(self, tx: Connection, offer: Offer, tag: str, live: Row[Any] | None, arrival: Arrival) -> str:
        house, act, bid = self.house, offer.act, self.house.new_id()
        if live is not None:
            _end_bid(tx, live.id, "replaced", offer.received_at)
        row: dict[str, Any] = {
            "id": bid,
            "section": act.section,
            "bidder_tag": tag,
            "version": 1 + _versions(tx, act.section, tag),
            "state": "live",
            "sealed_identity": house.vault.seal(f"bids/{bid}", offer.standing.identity),
            "bundle_sm3": act.bundle_sm3,
            "header_sm3": offer.header_sm3,
            "size": act.size,
            "object": offer.upload,
            "act": keep_act(tx, house, act, offer.signed, standing=offer.standing, at=arrival.at),
            "received_at": offer.received_at,
            "accepted_at": house.clock(),
            "replaces": live.id if live is not None else None,
        }
        tx.execute(insert(tables.bids).values(**row))
        house.write_journal(
            tx,
            "bid-replaced" if live is not None else "bid-accepted",
            section=act.section,
            subject=bid,
            who=offer.standing.person,
            arrival=arrival,
            bundle_sm3=act.bundle_sm3,
        )
        return bid

    def _insert_receipt(self, tx: Connection, bid: str, offer: Offer) -> None:
        house = self.house
        row = tx.execute(select(tables.bids).where(tables.bids.c.id == bid)).one()
        batch = Batch.of([self._leaf(offer, row.version)], house.random)
        root = RootStatement(1, "receipt-root", batch.root, house.uscc, house.signer.sm3, row.accepted_at)
        (r1,) = batch.receipts(house.signer.sign(root))
        sealed = house.vault.cipher.seal(f"receipts/{bid}", r1)
        imprint = receipts.root_imprint(root)
        tx.execute(insert(tables.receipts).values(bid=bid, sealed_r1=sealed, root=imprint.hex(), at=row.accepted_at))
        house.ask_for_token(tx, imprint, row.accepted_at)

    def _leaf(self, offer: Offer, version: int) -> Leaf:
        act, source = offer.act, self.house.time_source
        return Leaf(
            v=1,
            centre=self.house.uscc,
            section=act.section,
            params_sm3=act.params_sm3,
            bidder=act.bidder,
            version=version,
            bundle_sm3=act.bundle_sm3,
            size=act.size,
            certificate=offer.standing.certificate.serial,
            received_at=offer.received_at,
            time_source=source.name,
            epsilon_ms=source.epsilon_ms,
            replaces=act.replaces,
        )

    def _refusal(
        self, act: Finalise | Withdraw, digest: str, section: Section, reason: Reason, received_at: datetime
    ) -> RefusalStatement:
        house = self.house
        return RefusalStatement(
            v=1,
            kind="refused",
            centre=house.uscc,
            section=act.section,
            params_sm3=act.params_sm3,
            bidder=act.bidder,
            act=act.act,
            act_sm3=digest,
            bundle_sm3=act.bundle_sm3,
            reason=reason,
            received_at=received_at,
            deadline=section.params.deadline,
            time_source=house.time_source.name,
            epsilon_ms=house.time_source.epsilon_ms,
            certificate_sm3=house.signer.sm3,
            at=house.clock(),
        )


def acknowledgement(
    house: House, act: Act, act_sm3: str, *, bundle_sm3: str, stage: int, received_at: datetime
) -> Acknowledgement:
    """Answer what the centre says about a withdrawal or a released half."""
    return Acknowledgement(
        v=1,
        kind="acknowledged",
        centre=house.uscc,
        section=act.section,
        params_sm3=act.params_sm3,
        bidder=act.bidder,
        act=act.act,  # type: ignore[arg-type]
        act_sm3=act_sm3,
        bundle_sm3=bundle_sm3,
        stage=stage,
        received_at=received_at,
        certificate_sm3=house.signer.sm3,
    )


def _require_open(section: Section, received_at: datetime) -> None:
    if received_at >= section.params.deadline:
        raise DeadlinePassedError("received at or after the deadline")
    if section.closed_at is not None:
        raise SectionClosedError("received in time, and not committed before the section was closed")


def _live_bid(tx: Connection, section: str, tag: str) -> Row[Any] | None:
    table = tables.bids
    live = (table.c.section == section) & (table.c.bidder_tag == tag) & (table.c.state == "live")
    return tx.execute(select(table).where(live)).first()


def _versions(tx: Connection, section: str, tag: str) -> int:
    table = tables.bids
    query = select(func.max(table.c.version)).where(table.c.section == section, table.c.bidder_tag == tag)
    return tx.execute(query).scalar() or 0


def _end_bid(tx: Connection, bid: str, state: str, at: datetime) -> None:
    tx.execute(update(tables.bids).where(tables.bids.c.id == bid).values(state=state, ended_at=at))
