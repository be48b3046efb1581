"""One batch of seals: one person, one consent, one seal, n files with a field prepared for it in each (一次授权一枚章).

Every step answers a new value that can be kept as canonical JSON, so that a power cut loses at most one step, and
what was asked of the wallet, the key service or the authority is not asked for again. The workbench seals a tender
with it, the centre's host and the bidders seal the opening record (act `record`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from bidding.errors import SealPlanError
from bidding.workbench.acting import PendingConsent
from bidding.workbench.seal_standing import Answers, SealAct, SealPorts, ask_standing
from identity.actor import Actor, Role
from identity.consent import (
    LEGAL_REPRESENTATIVE,
    ConsentFile,
    ConsentRecord,
    SignedConsent,
    consent_sm3,
    verify_consent,
)
from identity.errors import ConsentNotConfirmedError, SealMismatchError
from identity.uscc import UnifiedSocialCreditCode
from sealing.errors import SealCertificateError
from sealing.pdf import PreparedSeal, complete_seal, prepare_seal, statement_of
from sealing.seal import SealKind
from signing.certificates import parse_certificate
from signing.digests import CHUNK, sm3, sm3_of
from signing.ports import MAX_STATEMENTS, Statement

BatchState = Literal["awaiting-consent", "confirmed", "signed", "stamped"]


@dataclass(frozen=True)
class FileToSeal:
    """A PDF with an empty signature field for this seal; the sealed one is written to `target`, which is new."""

    name: str
    pages: int
    source: Path
    target: Path
    field: str


@dataclass(frozen=True)
class SealOrder:
    """Who uses which seal on what. `section` and `params_sm3` may be empty outside a section."""

    actor: Actor
    kind: SealKind
    files: Sequence[FileToSeal]
    section: str = ""
    params_sm3: str = ""
    act: SealAct = "seal"


class BatchFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a batch: what it was before (size, SM3), the prepared seal, and what came back so far."""

    name: str
    pages: int
    size: int
    before_sm3: str
    prepared: PreparedSeal
    statement: bytes = b""
    signature: bytes = b""
    token: bytes = b""

    def at(self, path: Path) -> "BatchFile":
        """Answer the same, with the prepared PDF at another place."""
        return replace(self, prepared=replace(self.prepared, path=str(path)))


class Batch(Struct, frozen=True, forbid_unknown_fields=True):
    """A batch as far as it came. `answers` are those at the consent and, once signed, those just before."""

    v: Literal[1]
    kind: SealKind
    act: SealAct
    credential: str
    consent: PendingConsent
    answers: tuple[Answers, ...]
    files: tuple[BatchFile, ...]
    signed: SignedConsent | None = None

    @property
    def state(self) -> BatchState:
        """Answer what was done last."""
        if self.signed is None:
            return "awaiting-consent"
        if not all(file.signature for file in self.files):
            return "confirmed"
        return "stamped" if all(file.token for file in self.files) else "signed"

    @property
    def actor(self) -> Actor:
        """Answer who was asked for consent."""
        record = self.consent.record
        own = record.authorisation == LEGAL_REPRESENTATIVE
        return Actor(
            uscc=UnifiedSocialCreditCode(record.uscc),
            company=record.company,
            person=record.person,
            person_name=record.person_name,
            role=Role.LEGAL_REPRESENTATIVE if own else Role.AGENT,
            authorisation=record.authorisation,
        )

    @property
    def record(self) -> ConsentRecord:
        """Answer what the person is, or was, asked to agree to."""
        return self.consent.record


@dataclass(frozen=True)
class SealBatch:
    """Makes and carries on batches; holds nothing of them."""

    ports: SealPorts

    def ask(self, order: SealOrder) -> Batch:
        """Prepare the seal in every target and ask the person on the wallet. After an error no target is left.

        Raises what `ask_standing`, `sealing.pdf.prepare_seal` and `ActingParty.ask` raise.
        """
        if not 1 <= len(order.files) <= MAX_STATEMENTS:
            raise SealPlanError(f"one batch seals 1 to {MAX_STATEMENTS} files")
        ports = self.ports
        standing = ask_standing(ports, order.actor, order.act, order.kind)
        made: list[Path] = []
        try:
            files = []
            for file in order.files:
                made.append(file.target)
                prepared = prepare_seal(
                    file.source,
                    file.target,
                    field=file.field,
                    seal=standing.seal,
                    signer=standing.certificate,
                    at=ports.now(),
                )
                size, before = file.source.stat().st_size, file_sm3(file.source)
                files.append(BatchFile(file.name, file.pages, size, before, prepared))
            consent = ports.party(order.actor).ask(
                order.act,
                [ConsentFile(f.name, f.pages, Path(f.prepared.path).stat().st_size, _final(f)) for f in files],
                section=order.section,
                params_sm3=order.params_sm3,
                seal=standing.seal.number,
            )
        except BaseException:
            for path in made:
                path.unlink(missing_ok=True)
            raise
        return Batch(1, order.kind, order.act, standing.credential, consent, (standing.answers,), tuple(files))

    def poll(self, batch: Batch) -> Batch:
        """Ask whether the person has agreed; answers the batch `confirmed`, or as it was.

        ConsentRefusedError, ConsentExpiredError, ConsentDiffersError, VerdictError.
        """
        if batch.signed is not None:
            return batch
        signed = self.ports.party(batch.actor).outcome(batch.consent)
        if signed is None:
            return batch
        anchors = self.ports.trust()
        listed = [_final(file) for file in batch.files]
        verify_consent(
            signed, anchors=anchors, evidence=anchors.evidence, at=self.ports.now(), expected=listed
        ).require()
        return replace(batch, signed=signed)

    def sign(self, batch: Batch) -> Batch:
        """Have the key service sign all statements at once. Everybody is asked again just before.

        KeyServiceRefusedError with the wallet's code (`digest_not_listed`, `consent_used`, …), UnavailableError,
        SealMismatchError or SealCertificateError if seal or certificate became another since the consent.
        """
        signed = _confirmed(batch)
        standing = ask_standing(self.ports, batch.actor, batch.act, batch.kind)
        first = batch.files[0].prepared
        if standing.seal.number != batch.record.seal or standing.seal.esl != first.seal:
            raise SealMismatchError(batch.record.seal)
        if standing.certificate.der != first.signer:
            raise SealCertificateError(f"certificate {standing.certificate.serial} came after the consent")
        digest, at = consent_sm3(signed), self.ports.now()
        statements = [statement_of(file.prepared, digest, at) for file in batch.files]
        signatures = self.ports.party(batch.actor).sign(
            batch.consent, batch.credential, [Statement("ses", one) for one in statements]
        )
        files = tuple(
            replace(file, statement=one, signature=signature)
            for file, one, signature in zip(batch.files, statements, signatures, strict=True)
        )
        return replace(batch, files=files, answers=(*batch.answers, standing.answers))

    def stamp(self, batch: Batch) -> Batch:
        """Have SM3 of every signature value stamped. UnavailableError, TimestampError: try again, nothing is lost."""
        authority = self.ports.acting.tsa
        files = [f if f.token else replace(f, token=authority.stamp(sm3(f.signature))) for f in batch.files]
        return replace(batch, files=tuple(files))

    def complete(self, batch: Batch) -> tuple[Path, ...]:
        """Fill in all signatures; again is no fault. Answers the sealed PDFs in the order of the files.

        ConsentWindowError if a timestamp is later than the consent allows, SignatureRejectedError,
        StatementMismatchError: then a file may be unsealed, and none of them may be used.
        """
        _confirmed(batch)
        record, anchors = batch.record, self.ports.trust()
        for file in batch.files:
            complete_seal(
                file.prepared,
                file.statement,
                file.signature,
                file.token,
                not_before=record.not_before,
                not_after=record.not_after,
                anchors=anchors,
                evidence=anchors.evidence,
            )
        return tuple(Path(file.prepared.path) for file in batch.files)

    def finish(self, batch: Batch) -> Batch | None:
        """Do all that is left, for whoever keeps no steps: None while the person has not decided.

        Answers the batch when every `prepared.path` is sealed. Errors of `poll`, `sign`, `stamp` and `complete`.
        """
        found = self.poll(batch)
        if found.signed is None:
            return None
        if found.state == "confirmed":
            found = self.sign(found)
        found = self.stamp(found)
        self.complete(found)
        return found


def signer_serial(batch: Batch) -> str:
    """Answer the serial number (hex) of the certificate that signs the batch."""
    return parse_certificate(batch.files[0].prepared.signer).serial


def file_sm3(path: Path) -> str:
    """Answer SM3 of a file, hex."""
    with path.open("rb") as stream:
        return sm3_of(iter(lambda: stream.read(CHUNK), b"")).hex()


def _final(file: BatchFile) -> str:
    return file.prepared.document_sm3


def _confirmed(batch: Batch) -> SignedConsent:
    if batch.signed is None:
        raise ConsentNotConfirmedError(batch.record.nonce)
    return batch.signed
