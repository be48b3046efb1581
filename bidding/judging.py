"""What the centre asks of the verifier, through the bounded child: opened documents, new versions of the record."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bidding.centre.opening import Judgement
from bidding.centre.record import AddedSeal
from bidding.errors import BadRecordVersionError
from bidding.isolation import IsolatedWorker, WorkerDiedError
from bidding.params import SealDemand
from signing.checks import Check, Indication, Result, SubIndication, Verdict, check

_REFUSED: Final = {"indication": str(Indication.REFUSED), "signatures": [], "reason": "文件使验证程序无法完成。"}


@dataclass(frozen=True)
class DocumentJudging:
    """Satisfies `bidding.centre.opening.DocumentJudge`."""

    trust: Callable[[], Path]
    clock: Callable[[], datetime]
    worker: IsolatedWorker = field(default_factory=IsolatedWorker)

    def __call__(self, path: Path, uscc: str, seals: tuple[SealDemand, ...], /) -> Judgement:
        """Judge the seals of a document; a file that kills the child is REFUSED."""
        answer = self.ask(path, expect_uscc=uscc, require=list(seals))
        return Judgement(answer["indication"], json.dumps(answer, ensure_ascii=False).encode())

    def ask(self, path: Path, **more: Any) -> dict[str, Any]:
        """Answer the answer of the child about one file."""
        request = {"task": "verify", "file": str(path), "trust": str(self.trust()), "at": self.clock().isoformat()}
        try:
            return self.worker.ask({**request, **more})
        except WorkerDiedError:
            return dict(_REFUSED)


@dataclass(frozen=True)
class RecordJudging:
    """Satisfies `bidding.centre.record.RecordJudge`.

    The host seals first: from then on every later increment is judged as a change after the host's seal, which
    lets pass nothing but a prepared field being filled.
    """

    documents: DocumentJudging
    host: str
    scratch: Path
    random: Callable[[int], bytes]

    def __call__(self, previous: bytes, new: bytes, /) -> AddedSeal:
        """Answer the one seal that the new version adds; BadRecordVersionError for anything else."""
        before, after = self._signatures(previous), self._signatures(new)
        added = [one for key, one in after.items() if key not in before]
        if len(added) != 1 or len(after) != len(before) + 1 or not before.keys() <= after.keys():
            raise BadRecordVersionError("the new version must add exactly one seal")
        seal = added[0]
        uscc = (seal.get("signer") or {}).get("uscc", "")
        if not before and uscc != self.host:
            raise BadRecordVersionError("the host seals the record first")
        checks = [_check_of(item) for item in seal["checks"]]
        for key, one in after.items():
            intact = one["indication"] == Indication.TOTAL_PASSED and all(c["allowed"] for c in one["changes_after"])
            checks.append(check(f"still-good: {key}", intact, code="MODIFIED", sub=SubIndication.FORMAT_FAILURE))
        whole = seal["covers"] == "whole-document" and seal["seal"] is not None
        checks.append(check("covers", whole, code="UNCOVERED", sub=SubIndication.SIG_CONSTRAINTS_FAILURE))
        return AddedSeal(seal["id"], uscc, Verdict(*checks))

    def _signatures(self, data: bytes) -> dict[str, dict[str, Any]]:
        path = self.scratch / f"record-{self.random(8).hex()}.pdf"
        path.write_bytes(data)
        try:
            answer = self.documents.ask(path)
        finally:
            path.unlink()
        if answer["indication"] == Indication.REFUSED:
            raise BadRecordVersionError(answer["reason"])
        return {one["id"]: one for one in answer["signatures"]}


def _check_of(item: dict[str, Any]) -> Check:
    return Check(item["name"], item["code"], Result(item["result"]), item["why"])
