"""A file under several acts of sealing, in one process: rehearsed, sealed in place, hashed once.

The caller's file is copied once and never written to. The running digest of the copy is kept, so that a rehearsal, and
each further seal, hash only what they append. `publish` puts the finished file in place of the target at once.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sealing.pdf import Act, PreparedSeal, append_act, complete_seal, place_prepared
from sealing.pdf_places import Ground, survey
from sealing.pdf_rehearsal import rehearse_in_place
from signing.pades import FileState
from signing.pades_files import copy_file, publish
from signing.pades_writing import Known, hash_document
from signing.path import RevocationEvidence, TrustAnchors

Randomness = Callable[[int], bytes]


class SealingJob:
    """One working copy; for one thread at a time."""

    def __init__(self, source: Path, work: Path) -> None:
        """Copy `source` to `work`, which is new. FileExistsError, OSError."""
        copy_file(source, work)
        self.path = work
        self._state = FileState.of(work.stat())
        self._known: Known | None = None
        self._checked, self._pages = False, tuple[int, ...]()

    def rehearse(self, act: Act, random: Randomness) -> None:
        """Do a whole act with a throw-away key, verify the outcome, and take it back. See `pdf_rehearsal`."""
        act.require_usable()
        known = self._digest()
        try:
            ground = self._survey(act)
            rehearse_in_place(self.path, act, random, known=known, checked=self._checked, ground=ground)
            self._checked = True
        finally:
            self._keep(known)

    def prepare(self, act: Act) -> PreparedSeal:
        """Append an act, hashing what is new; after an error of `sealing.pdf.prepare_seal` nothing is appended."""
        act.require_usable()
        before, known = self.path.stat().st_size, self._digest()
        try:
            prepared, now = append_act(self.path, act, known, self._survey(act))
        except BaseException:
            self._truncate(before)
            self._keep(known)
            raise
        self._keep(now)
        return place_prepared(prepared, self.path)

    def complete(
        self,
        prepared: PreparedSeal,
        tbs: bytes,
        signature: bytes,
        token: bytes,
        *,
        window: tuple[datetime, datetime],
        anchors: TrustAnchors | None = None,
        evidence: RevocationEvidence | None = None,
        seal_signature: bytes = b"",
    ) -> None:
        """Fill in what came back, as `sealing.pdf.complete_seal` does."""
        complete_seal(
            prepared,
            tbs,
            signature,
            token,
            not_before=window[0],
            not_after=window[1],
            anchors=anchors,
            evidence=evidence,
            seal_signature=seal_signature,
        )
        self._keep(self._known)

    def publish(self, target: Path) -> None:
        """Sync the file and put it in place of `target`; the job has ended then."""
        publish(self.path, target)

    def _digest(self) -> Known:
        """Answer the digest of the file up to somewhere, going on from what is known if nobody else wrote."""
        now = FileState.of(self.path.stat())
        if self._known is None or now != self._state:
            with self.path.open("rb") as stream:
                _, self._known = hash_document(stream, (0, now.size, now.size, 0), "sm3")
            self._state, self._checked, self._pages = now, False, ()
        return replace(self._known, state=self._known.state.copy())

    def _survey(self, act: Act) -> Ground:
        ground = survey(self.path, act.field, act.stamps, self._pages)
        self._pages = ground.pages
        return ground

    def _keep(self, known: Known | None) -> None:
        self._known, self._state = known, FileState.of(self.path.stat())

    def _truncate(self, size: int) -> None:
        with self.path.open("r+b") as stream:
            stream.truncate(size)
