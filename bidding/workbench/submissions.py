"""Handing bundles in (递交): consent, licence signature, resumable upload, receipt; each step survives a restart.

A bundle counts as submitted if and only if the centre's receipt is here and was verified.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert, select, update

from bidding.acts import SignedAct
from bidding.bundle import Bundle, parse_bundle
from bidding.bundle_header import Header, parse_header
from bidding.errors import (
    CentreRefusedError,
    CentreUnavailableError,
    NoSuchConsentError,
    SubmissionPendingError,
    SubmissionRefusedError,
    UntrustedAnswerError,
    UploadInterruptedError,
    WrongSectionError,
)
from bidding.params import SectionParams
from bidding.workbench.acting import PendingAct
from bidding.workbench.desk import Desk
from bidding.workbench.packing import BundleFile
from bidding.workbench.sections import Section, Sections
from bidding.workbench.submitting import finalise_line, prepare_finalise
from identity.actor import Actor
from identity.consent import ConsentRecord
from identity.errors import ConsentExpiredError, ConsentRefusedError
from signing import canonical
from signing.digests import read_chunks, sm3_of
from signing.errors import KeyServiceRefusedError
from storage.database import reading, writing
from storage.models import workbench as tables

_SENDING: Final = 3600
"""Seconds after which a sender is believed dead."""
_LATER: Final = (CentreUnavailableError, UploadInterruptedError, SubmissionPendingError)
"""What is tried again: nothing is lost by it."""


@dataclass(frozen=True)
class Submission:
    """How a submission stands."""

    id: str
    uscc: str
    centre: str
    section: str
    params_sm3: str
    bundle_sm3: str
    size: int
    sent: int
    state: str
    code: str
    url: str
    """Of the consent, while it waits."""
    expires_at: datetime
    record: ConsentRecord
    """What the wallet shows and the person agrees to."""
    receipt: bytes | None
    refusal: bytes | None
    started_at: datetime
    ended_at: datetime | None
    header: Header


@dataclass(frozen=True)
class Submissions:
    """The submissions of a workbench. `run` gives long work to a job in the background, or does it at once."""

    desk: Desk
    sections: Sections
    run: Callable[[Callable[[], None]], None]

    def begin(self, actor: Actor, centre: str, bundle: Path) -> Submission:
        """Take over a bundle file and ask for the consent to hand it in; the live bid, if any, will be replaced.

        MalformedBundleError, WrongSectionError, and errors of `ActingParty.ask`; the file then stays where it is.
        """
        size = bundle.stat().st_size
        with bundle.open("rb") as stream:
            parsed = parse_bundle(stream, size)
            stream.seek(0)
            digest = sm3_of(read_chunks(stream)).hex()
        section = self._section(actor, centre, parsed)
        live = self.live(actor, centre, section.params.section)
        act = prepare_finalise(
            section.signed.statement,
            str(actor.uscc),
            BundleFile(bundle, size, digest),
            random=self.desk.random,
            replaces=live.bundle_sm3 if live else "",
        )
        pending = self.desk.party(actor).request_act(act, finalise_line(act))
        name = self.desk.new_id()
        bundle.replace(self.path(name))
        self._insert(actor, name, section, (digest, size, parsed.label.header), pending)
        return self.get(actor, name)

    def get(self, actor: Actor, submission: str) -> Submission:
        """Answer how a submission stands; NoSuchConsentError."""
        return self._of(self._row(actor, submission))

    def all(self, actor: Actor) -> tuple[Submission, ...]:
        """Answer the company's submissions, newest first."""
        table = tables.submissions
        query = select(table).where(table.c.uscc == str(actor.uscc)).order_by(table.c.started_at.desc())
        with reading(self.desk.engine) as tx:
            return tuple(self._of(dict(row)) for row in tx.execute(query).mappings())

    def live(self, actor: Actor, centre: str, section: str) -> Submission | None:
        """Answer the bid that counts now, by its receipt; None if there is none."""
        wanted = ("accepted", centre, section)
        return next((one for one in self.all(actor) if (one.state, one.centre, one.section) == wanted), None)

    def advance(self, actor: Actor, submission: str) -> Submission:
        """Go on from wherever the submission stands: sign once the person has confirmed, then have it sent."""
        with self.desk.lease(tables.submissions, submission) as mine:
            row = self._row(actor, submission)
            if mine and row["state"] == "awaiting-consent":
                self._sign(actor, row)
        if self._row(actor, submission)["state"] == "uploading":
            self.run(lambda: self._send(actor, submission))
        return self.get(actor, submission)

    def refresh_receipt(self, actor: Actor, submission: str) -> Submission:
        """Fetch the receipt again: its timestamp comes after it. Verified before it is kept."""
        row = self._row(actor, submission)
        if row["receipt"] is not None:
            act = canonical.decode(row["act"], SignedAct)
            receipt = self.sections.centre(row["centre"]).fetch_receipt(act)
            if receipt is not None:
                self._update(submission, receipt=receipt)
        return self.get(actor, submission)

    def act(self, actor: Actor, submission: str) -> SignedAct:
        """Answer the licence-signed act of a submission; NoSuchConsentError while there is none."""
        row = self._row(actor, submission)
        if row["act"] is None:
            raise NoSuchConsentError("nothing was signed yet")
        return canonical.decode(row["act"], SignedAct)

    def path(self, submission: str) -> Path:
        """Where the bundle lies; it is ciphertext."""
        self.desk.bundles.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.desk.bundles / f"{submission}.submitted.ytb"

    def _section(self, actor: Actor, centre: str, bundle: Bundle) -> Section:
        section = self.sections.follow(centre, bundle.header.section)
        if bundle.header.params_sm3 != section.params_sm3:
            raise WrongSectionError("the bundle was made for another version of the section's parameters")
        if bundle.header.bidder != str(actor.uscc):
            raise WrongSectionError("the bundle is another unit's")
        return section

    def _insert(
        self, actor: Actor, name: str, section: Section, bundle: tuple[str, int, bytes], pending: PendingAct
    ) -> None:
        digest, size, header = bundle
        params: SectionParams = section.params
        with writing(self.desk.engine) as tx:
            tx.execute(
                insert(tables.submissions).values(
                    id=name,
                    uscc=str(actor.uscc),
                    centre=section.centre,
                    section=params.section,
                    params_sm3=section.params_sm3,
                    bundle_sm3=digest,
                    size=size,
                    header=header,
                    pending=self.desk.seal(f"submissions/{name}", pending),
                    upload="",
                    sent=0,
                    state="awaiting-consent",
                    code="",
                    started_at=self.desk.now(),
                )
            )

    def _sign(self, actor: Actor, row: dict[str, Any]) -> None:
        name = row["id"]
        pending = self.desk.open(f"submissions/{name}", row["pending"], PendingAct)
        try:
            act = self.desk.party(actor).complete_act(pending)
        except (ConsentRefusedError, ConsentExpiredError) as error:
            self._end(name, "refused" if isinstance(error, ConsentRefusedError) else "expired", "consent")
        except KeyServiceRefusedError as error:
            self._end(name, "failed", error.code)
        else:
            if act is not None:
                self._update(name, act=canonical.encode(act), state="uploading")

    def _send(self, actor: Actor, submission: str) -> None:
        """Upload what is missing and finalise; every outcome is kept, and what may come right is tried again later."""
        with self.desk.lease(tables.submissions, submission, _SENDING) as mine:
            row = self._row(actor, submission)
            if not mine or row["state"] != "uploading":
                return
            try:
                receipt = self._submit(row)
            except SubmissionRefusedError as error:
                self._end(submission, "refused", error.reason, refusal=error.refusal)
            except UntrustedAnswerError:
                self._end(submission, "failed", "untrusted_receipt")
            except CentreRefusedError as error:
                self._end(submission, "failed", error.code)
            except _LATER as error:
                self._update(submission, code=type(error).__name__)
            else:
                self._accept(row, receipt)

    def _submit(self, row: dict[str, Any]) -> bytes:
        name = row["id"]

        def progress(done: int, length: int) -> None:
            self._update(name, sent=min(done, length), code="")

        return self.sections.centre(row["centre"]).submit(
            canonical.decode(row["act"], SignedAct),
            self.path(name),
            progress,
            upload=row["upload"],
            begun=lambda url: self._update(name, upload=url),
        )

    def _accept(self, row: dict[str, Any], receipt: bytes) -> None:
        """Keep the receipt; the bid that counted before does so no more, in the same transaction."""
        table, now = tables.submissions, self.desk.now()
        same = (table.c.uscc == row["uscc"]) & (table.c.centre == row["centre"]) & (table.c.section == row["section"])
        with writing(self.desk.engine) as tx:
            tx.execute(update(table).where(same, table.c.state == "accepted").values(state="replaced"))
            change = update(table).where(table.c.id == row["id"])
            tx.execute(change.values(state="accepted", code="", receipt=receipt, sent=row["size"], ended_at=now))

    def _end(self, submission: str, state: str, code: str, refusal: bytes | None = None) -> None:
        self._update(submission, state=state, code=code[:64], refusal=refusal, ended_at=self.desk.now())

    def _update(self, submission: str, **values: Any) -> None:
        table = tables.submissions
        with writing(self.desk.engine) as tx:
            tx.execute(update(table).where(table.c.id == submission).values(**values))

    def _row(self, actor: Actor, submission: str) -> dict[str, Any]:
        table = tables.submissions
        query = select(table).where(table.c.id == submission, table.c.uscc == str(actor.uscc))
        with reading(self.desk.engine) as tx:
            row = tx.execute(query).mappings().one_or_none()
        if row is None:
            raise NoSuchConsentError(submission)
        return dict(row)

    def _of(self, row: dict[str, Any]) -> Submission:
        pending = self.desk.open(f"submissions/{row['id']}", row["pending"], PendingAct)
        plain = ("id", "uscc", "centre", "section", "params_sm3", "bundle_sm3", "size", "sent", "state", "code")
        return Submission(
            **{name: row[name] for name in plain},
            url=pending.consent.url,
            expires_at=pending.consent.expires_at,
            record=pending.consent.record,
            receipt=row["receipt"],
            refusal=row["refusal"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            header=parse_header(row["header"]),
        )
