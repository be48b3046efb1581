"""What follows a submitted bid: withdrawing it (撤回), and releasing its half at the opening (解密授权)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update

from bidding.acts import SignedAct
from bidding.errors import (
    CentreRefusedError,
    CentreUnavailableError,
    NoLiveBidError,
    NoSuchConsentError,
    SubmissionPendingError,
    SubmissionRefusedError,
    UntrustedAnswerError,
)
from bidding.workbench.acting import PendingAct
from bidding.workbench.desk import Desk
from bidding.workbench.releasing import (
    BidderRelease,
    PendingRelease,
    complete_release,
    device_wraps,
    half_from_code,
    request_release,
    require_half,
)
from bidding.workbench.sections import Sections
from bidding.workbench.submissions import Submission, Submissions
from bidding.workbench.submitting import prepare_withdraw, withdraw_line
from identity.actor import Actor
from identity.consent import ConsentRecord
from identity.errors import ConsentExpiredError, ConsentRefusedError
from signing import canonical
from signing.errors import KeyServiceRefusedError
from storage.database import reading, writing
from storage.models import workbench as tables


@dataclass(frozen=True)
class BidAct:
    """How a withdrawal or a release stands; `url` is the consent's, `answer` the centre's acknowledgement."""

    id: str
    submission: str
    kind: str
    stage: int
    state: str
    code: str
    url: str
    expires_at: datetime
    record: ConsentRecord
    """What the wallet shows and the person agrees to."""
    needs_code: bool
    """The half comes from the recovery code: give it with `advance`."""
    answer: bytes | None


@dataclass(frozen=True)
class Afterwards:
    """Withdrawals and releases; each asks for consent first, and keeps what was signed until the centre has it."""

    desk: Desk
    sections: Sections
    submissions: Submissions

    def begin_withdrawal(self, actor: Actor, submission: str) -> BidAct:
        """Ask for the consent to take a bid back. NoLiveBidError, and errors of `ActingParty.ask`."""
        bid = self._live(actor, submission)
        params = self.sections.get(bid.params_sm3).signed.statement
        act = prepare_withdraw(params, bid.uscc, bid.bundle_sm3, random=self.desk.random)
        pending = self.desk.party(actor).request_act(act, withdraw_line(act))
        name = self.desk.new_id()
        self._insert(name, bid.id, "withdraw", 0, self.desk.seal(f"acts/{name}", pending))
        return self.get(actor, name)

    def begin_release(self, actor: Actor, submission: str, stage: int, *, by_code: bool = False) -> BidAct:
        """Ask for the consent to release a stage's half: by the first wallet device, or by the recovery code.

        NoLiveBidError, RecipientError, and errors of `ActingParty.ask`.
        """
        bid = self._live(actor, submission)
        if stage not in {one.base.stage for one in bid.header.stages}:
            raise NoSuchConsentError(f"no stage {stage}")
        wraps = device_wraps(bid.header, stage)
        device = "" if by_code or not wraps else wraps[0].id
        pending = request_release(self.desk.party(actor), bid.header, stage, bid.bundle_sm3, device=device)
        name = self.desk.new_id()
        self._insert(name, bid.id, "release", stage, self.desk.seal(f"acts/{name}", pending))
        return self.get(actor, name)

    def get(self, actor: Actor, act: str) -> BidAct:
        """Answer how an act stands; NoSuchConsentError."""
        row = self._row(actor, act)
        pending, device = self._pending(row)
        return BidAct(
            act,
            row["submission"],
            row["kind"],
            row["stage"],
            row["state"],
            row["code"],
            pending.consent.url,
            pending.consent.expires_at,
            pending.consent.record,
            row["kind"] == "release" and not device,
            row["answer"],
        )

    def of_submission(self, actor: Actor, submission: str) -> tuple[BidAct, ...]:
        """Answer the acts about a bid, newest first."""
        self.submissions.get(actor, submission)
        table = tables.acts
        query = select(table.c.id).where(table.c.submission == submission).order_by(table.c.started_at.desc())
        with reading(self.desk.engine) as tx:
            names = list(tx.execute(query).scalars())
        return tuple(self.get(actor, name) for name in names)

    def advance(self, actor: Actor, act: str, *, code: str = "") -> BidAct:
        """Look whether the person has confirmed; then sign and hand the act in. `code` is the recovery code, if asked.

        RecoveryCodeError, RehearsalError, WrongHalfError: nothing has happened. CentreUnavailableError: try again.
        """
        with self.desk.lease(tables.acts, act) as mine:
            row = self._row(actor, act)
            if mine and row["state"] in ("awaiting-consent", "signed"):
                self._advance(actor, row, code)
        return self.get(actor, act)

    def _advance(self, actor: Actor, row: dict[str, Any], code: str) -> None:
        try:
            if row["kind"] == "withdraw":
                self._withdraw(actor, row)
            else:
                self._release(actor, row, code)
        except (ConsentRefusedError, ConsentExpiredError) as error:
            self._end(row["id"], "refused" if isinstance(error, ConsentRefusedError) else "expired", "consent")
        except SubmissionRefusedError as error:
            self._end(row["id"], "failed", error.reason)
        except (KeyServiceRefusedError, CentreRefusedError) as error:
            self._end(row["id"], "failed", error.code)
        except UntrustedAnswerError:
            self._end(row["id"], "failed", "untrusted_answer")
        except (CentreUnavailableError, SubmissionPendingError) as error:
            self._update(row["id"], code=type(error).__name__)

    def _withdraw(self, actor: Actor, row: dict[str, Any]) -> None:
        if row["act"] is not None:
            act = canonical.decode(row["act"], SignedAct)
        else:
            pending, _ = self._pending(row)
            signed = self.desk.party(actor).complete_act(pending)
            if signed is None:
                return
            act = signed
            self._update(row["id"], act=canonical.encode(act), state="signed")
        bid = self.submissions.get(actor, row["submission"])
        answer = self.sections.centre(bid.centre).withdraw(act)
        table = tables.submissions
        with writing(self.desk.engine) as tx:
            tx.execute(update(table).where(table.c.id == bid.id).values(state="withdrawn"))
            tx.execute(self._done(row["id"], answer))

    def _release(self, actor: Actor, row: dict[str, Any], code: str) -> None:
        bid = self.submissions.get(actor, row["submission"])
        pending = self.desk.open(f"acts/{row['id']}", row["pending"], PendingRelease)
        half = half_from_code(bid.header, row["stage"], code) if code else None
        if row["act"] is not None:
            release: BidderRelease | None = self._again(row, pending, half)
        elif pending.device or half is not None:
            release = complete_release(self.desk.party(actor), pending, half)
        else:
            release = None
        if release is None:
            return
        if row["act"] is None:
            self._update(row["id"], act=canonical.encode(release.act), state="signed")
        answer = self.sections.centre(bid.centre).release(release)
        with writing(self.desk.engine) as tx:
            tx.execute(self._done(row["id"], answer))

    def _again(self, row: dict[str, Any], pending: PendingRelease, half: bytes | None) -> BidderRelease | None:
        """Open the half once more for an act that was signed already; the centre did not answer the first time."""
        if half is None and pending.device:
            half = self.desk.ports.wallet.release(pending.device, pending.wrap, pending.act.consent.id)
        if half is None:
            return None
        return BidderRelease(canonical.decode(row["act"], SignedAct), require_half(half, pending.ckb))

    def _live(self, actor: Actor, submission: str) -> Submission:
        bid = self.submissions.get(actor, submission)
        if bid.state != "accepted":
            raise NoLiveBidError(f"the submission is {bid.state}")
        return bid

    def _pending(self, row: dict[str, Any]) -> tuple[PendingAct, str]:
        place = f"acts/{row['id']}"
        if row["kind"] == "withdraw":
            return self.desk.open(place, row["pending"], PendingAct), ""
        pending = self.desk.open(place, row["pending"], PendingRelease)
        return pending.act, pending.device

    def _insert(self, name: str, submission: str, kind: str, stage: int, pending: bytes) -> None:
        row = {"id": name, "submission": submission, "kind": kind, "stage": stage, "pending": pending}
        with writing(self.desk.engine) as tx:
            tx.execute(insert(tables.acts).values(**row, state="awaiting-consent", code="", started_at=self.desk.now()))

    def _done(self, act: str, answer: bytes) -> Any:
        change = update(tables.acts).where(tables.acts.c.id == act)
        return change.values(state="done", code="", answer=answer, ended_at=self.desk.now())

    def _end(self, act: str, state: str, code: str) -> None:
        self._update(act, state=state, code=code[:64], ended_at=self.desk.now())

    def _update(self, name: str, **values: Any) -> None:
        with writing(self.desk.engine) as tx:
            tx.execute(update(tables.acts).where(tables.acts.c.id == name).values(**values))

    def _row(self, actor: Actor, act: str) -> dict[str, Any]:
        table, bids = tables.acts, tables.submissions
        query = (
            select(table)
            .join(bids, bids.c.id == table.c.submission)
            .where(table.c.id == act, bids.c.uscc == str(actor.uscc))
        )
        with reading(self.desk.engine) as tx:
            row = tx.execute(query).mappings().one_or_none()
        if row is None:
            raise NoSuchConsentError(act)
        return dict(row)
