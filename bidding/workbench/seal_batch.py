"""One batch of seals: one person, one consent, one seal, n files with a field prepared for it in each (一次授权一枚章).

Every step answers a new value that can be kept as canonical JSON, so that a power cut loses at most one step, and
what was asked of the wallet, the key service or the authority is not asked for again. The workbench seals a tender
with it, the centre's host and the bidders seal the opening record (act `record`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from bidding.errors import SameFileTwiceError, SealChoiceError, SealPlanError, TooManyToSealError
from bidding.workbench.acting import PendingConsent
from bidding.workbench.seal_files import (
    MOST_FILES,
    BatchFile,
    FileToSeal,
    SealFormat,
    SealProfile,
    complete_file,
    file_sm3,
    next_wanted,
    prepare_file,
    with_signatures,
)
from bidding.workbench.seal_standing import Answers, SealAct, SealPorts, ask_standing
from identity.actor import AnyActor, actor_of
from identity.consent import (
    ConsentRecord,
    SignedConsent,
    consent_sm3,
    verify_consent,
)
from identity.errors import ConsentNotConfirmedError, SealMismatchError
from sealing.errors import SealCertificateError
from sealing.seal import SealKind
from signing.certificates import parse_certificate
from signing.digests import sm3

__all__ = (
    "MOST_FILES",
    "Batch",
    "BatchFile",
    "BatchState",
    "FileToSeal",
    "SealBatch",
    "SealFormat",
    "SealOrder",
    "SealProfile",
    "file_sm3",
    "signer_serial",
)

BatchState = Literal["awaiting-consent", "confirmed", "signed", "stamped"]


@dataclass(frozen=True)
class SealOrder:
    """Who uses which seal on what. `section` and `params_sm3` may be empty outside a section.

    A natural person (`PersonActor`) uses the kind `personal`, for the act `seal`.
    """

    actor: AnyActor
    kind: SealKind
    files: Sequence[FileToSeal]
    section: str = ""
    params_sm3: str = ""
    act: SealAct = "seal"
    profile: SealProfile = "ses"


class Batch(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A batch as far as it came. `answers` are those at the consent and, once signed, those just before."""

    v: Literal[1]
    kind: SealKind
    act: SealAct
    credential: str
    consent: PendingConsent
    answers: tuple[Answers, ...]
    files: tuple[BatchFile, ...]
    signed: SignedConsent | None = field(default_factory=lambda: None)
    """Always written, as in the first version: its bytes must stay the canonical ones."""

    @property
    def state(self) -> BatchState:
        """Answer what was done last."""
        if self.signed is None:
            return "awaiting-consent"
        if not all(file.signature for file in self.files):
            return "confirmed"
        return "stamped" if all(file.token for file in self.files) else "signed"

    @property
    def actor(self) -> AnyActor:
        """Answer who was asked for consent."""
        return actor_of(self.consent.record)

    @property
    def record(self) -> ConsentRecord:
        """Answer what the person is, or was, asked to agree to."""
        return self.consent.record


@dataclass(frozen=True)
class SealBatch:
    """Makes and carries on batches; holds nothing of them."""

    ports: SealPorts

    def ask(self, order: SealOrder) -> Batch:
        """Rehearse and prepare the seal for every target, and ask the person on the wallet once for all of them.

        After an error no target is left, and nobody was asked. TooManyToSealError, SealPlanError,
        SealChoiceError, SameFileTwiceError; what `ask_standing`, `seal_files.prepare_file` and `ActingParty.ask` raise.
        """
        ports = self.ports
        if len(order.files) > MOST_FILES:
            raise TooManyToSealError(f"one confirmation takes {MOST_FILES} files, not {len(order.files)}")
        if not order.files or len({file.target for file in order.files}) != len(order.files):
            raise SealPlanError("no file, or two files with one target")
        if order.act != "seal" and order.profile != "ses":
            raise SealChoiceError(f"under the act {order.act} a seal has the profile ses")
        standing = ask_standing(ports, order.actor, order.act, order.kind)
        with _all_or_nothing() as made:
            for file in order.files:
                with _naming(file):
                    made.append(prepare_file(file, standing, order.profile, at=ports.now(), random=ports.random))
            _require_different(made)
            consent = ports.party(order.actor).ask(
                order.act,
                [file.line for file in made],
                section=order.section,
                params_sm3=order.params_sm3,
                seal=standing.seal.number,
            )
        return Batch(1, order.kind, order.act, standing.credential, consent, (standing.answers,), tuple(made))

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
        listed = [file.final_sm3 for file in batch.files]
        verify_consent(
            signed, anchors=anchors, evidence=anchors.evidence, at=self.ports.now(), expected=listed
        ).require()
        return replace(batch, signed=signed)

    def sign(self, batch: Batch) -> Batch:
        """Have the key service sign; everybody is asked again just before. Call it until the batch is `signed`.

        What does not fit one request is left for the next, so that many files with a large seal take several.
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
        wanted = next_wanted(batch.files, consent_sm3(signed), self.ports.now())
        statements = [statement for one in wanted for statement in one.statements]
        signatures = self.ports.party(batch.actor).sign(batch.consent, batch.credential, statements)
        files = with_signatures(batch.files, wanted, signatures)
        return replace(batch, files=tuple(files), answers=(*batch.answers, standing.answers))

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
        digest, record, anchors = consent_sm3(_confirmed(batch)), batch.record, self.ports.trust()
        for file in batch.files:
            complete_file(file, digest, (record.not_before, record.not_after), anchors)
        return tuple(Path(file.prepared.path) for file in batch.files)

    def finish(self, batch: Batch) -> Batch | None:
        """Do all that is left, for whoever keeps no steps: None while the person has not decided.

        Answers the batch when every `prepared.path` is sealed. Errors of `poll`, `sign`, `stamp` and `complete`.
        """
        found = self.poll(batch)
        if found.signed is None:
            return None
        while found.state == "confirmed":
            found = self.sign(found)
        found = self.stamp(found)
        self.complete(found)
        return found


def signer_serial(batch: Batch) -> str:
    """Answer the serial number (hex) of the certificate that signs the batch."""
    return parse_certificate(batch.files[0].prepared.signer).serial


@contextmanager
def _all_or_nothing() -> Iterator[list[BatchFile]]:
    """Take back every target that was prepared, if anything goes wrong."""
    made = list[BatchFile]()
    try:
        yield made
    except BaseException:
        for file in made:
            Path(file.prepared.path).unlink(missing_ok=True)
        raise


@contextmanager
def _naming(file: FileToSeal) -> Iterator[None]:
    """Note on an error which of the files it is about."""
    try:
        yield
    except Exception as error:
        error.add_note(file.name)
        raise


def _require_different(files: Sequence[BatchFile]) -> None:
    """Raise SameFileTwiceError when one file is there twice: a consent lists each final hash once."""
    if len({file.final_sm3 for file in files}) != len(files):
        raise SameFileTwiceError("two of the files are the same file")


def _confirmed(batch: Batch) -> SignedConsent:
    if batch.signed is None:
        raise ConsentNotConfirmedError(batch.record.nonce)
    return batch.signed
