"""From an upload to the question that it asks, and to what is told of it: shared by the pages and the API."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from anyio import to_thread
from litestar import Request
from msgspec import Struct

from bidding.errors import VerificationInputError
from bidding.evidence import encode_evidence, make_evidence
from bidding.verification_asking import Asked
from bidding.verification_batch import MAX_ITEMS, Item, is_archive, unpack
from bidding.verification_naming import content_name
from bidding.web.verify_jobs import Job, Verifier
from bidding.web.verify_uploads import MAX_UPLOAD, Upload, read_upload
from identity.errors import IdentityError
from identity.uscc import UnifiedSocialCreditCode
from sealing.seal import SealKind
from signing.policy import PRODUCTION_POLICY, encode_policy

_POLICIES: Final = {"": b"", "default": b"", "production": encode_policy(PRODUCTION_POLICY)}
_KINDS: Final = frozenset(str(kind) for kind in SealKind)
_MAX_IMPRESSION: Final = 8 << 20


class FileView(Struct):
    """One file of a verification: its name and, once it is judged, its answer."""

    file: str
    state: str
    answer: dict[str, Any] | None


class VerificationView(Struct):
    """A verification: running or done, how far it is, what each file's answer is, and where reports are."""

    id: str
    state: str
    done: int
    total: int
    files: list[FileView]
    links: dict[str, str]


async def begin(request: Request[Any, Any, Any], verifier: Verifier, *, pictured: bool) -> Job:
    """Take an upload and begin to judge what is in it; VerificationInputError, TooMuchError, BusyVerifierError."""
    upload = await read_upload(request)
    try:
        return await to_thread.run_sync(lambda: _start(upload, verifier, pictured=pictured))
    except BaseException:
        upload.folder.cleanup()
        raise


def _start(upload: Upload, verifier: Verifier, *, pictured: bool) -> Job:
    items = _items(upload)
    if not items:
        raise VerificationInputError("没有要核验的文件")
    asked = _asked(upload, verifier)
    password = upload.fields.get("password", "")
    return verifier.start(items, asked, upload.folder, password=password, pictured=pictured)


def _asked(upload: Upload, verifier: Verifier) -> Asked:
    fields = {name: text.strip() for name, text in upload.fields.items()}
    policy = fields.get("policy", "")
    if policy not in _POLICIES:
        raise VerificationInputError(f"没有这种策略：{policy[:40]}")
    require = tuple(kind for kind in fields.get("require_seals", "").replace(",", " ").split() if kind)
    if not set(require) <= _KINDS:
        raise VerificationInputError("没有这种印章")
    filed = upload.others.get("impression", [])
    if filed and filed[0][0].stat().st_size > _MAX_IMPRESSION:
        raise VerificationInputError("印模文件过大")
    more: dict[str, Any] = {"policy": _POLICIES[policy]} if _POLICIES[policy] else {}
    return verifier.asked(
        expect_uscc=_code(fields.get("uscc", "")),
        partners=tuple(_code(code) for code in fields.get("partners", "").replace(",", " ").split()[:20]),
        person_name=fields.get("person", "")[:100],
        require=require,
        impression=filed[0][0].read_bytes() if filed else b"",
        compare=fields.get("compare_stamps", "") in {"1", "true", "on"},
        **more,
    )


def _code(text: str) -> str:
    try:
        return str(UnifiedSocialCreditCode(text)) if text else ""
    except IdentityError as error:
        raise VerificationInputError("统一社会信用代码不正确（十八位，末位为校验位）") from error


def _items(upload: Upload) -> list[Item]:
    """Answer what is to be judged: archives unpacked, signatures with the files that they are about."""
    given = next((_content(path, name, given=True) for path, name in upload.others.get("content", [])), None)
    scratch, items = Path(upload.folder.name), list[Item]()
    for path, name in upload.files:
        if is_archive(path):
            items += unpack(path, name, scratch, 2 * MAX_UPLOAD)
        else:
            items.append(Item(path, name, given or _find_beside(name, upload.files)))
    if len(items) > MAX_ITEMS:
        raise VerificationInputError(f"一次最多核验 {MAX_ITEMS} 个文件")
    return items


def _content(path: Path, name: str, *, given: bool) -> dict[str, Any]:
    return {"file": str(path), "name": name, "given": given}


def _find_beside(name: str, kept: list[tuple[Path, str]]) -> dict[str, Any] | None:
    """Answer the upload that a signature is about by its name, when both came together."""
    wanted = content_name(name)
    folder = name.rpartition("/")[0]
    found = [path for path, other in kept if wanted and other == (f"{folder}/{wanted}" if folder else wanted)]
    return _content(found[0], wanted, given=False) if len(found) == 1 else None


def tell_contents(job: Job) -> None:
    """Say of a file that only came along with its signature what it was used for."""
    used = {row.item.content["file"] for row in job.rows if row.item.content}
    for row in job.rows:
        if row.judged and str(row.item.path) in used and row.judged.answer["format"] == "unknown":
            why = "这是随签名一起给出的原文，结论见签名文件；它自身不是可以核验的文件。"
            row.judged = replace(row.judged, answer={**row.judged.answer, "reason": why, "code": "content"})


def view_job(job: Job) -> VerificationView:
    """Answer how far a job is."""
    base = f"/api/v1/verifications/{job.id}"
    rows = [
        FileView(row.item.name, "done" if row.judged else "waiting", row.judged.answer if row.judged else None)
        for row in job.rows
    ]
    links = {"self": base, "page": f"/verify/{job.id}"}
    finished = job.finished.is_set()
    if finished:
        links |= {f"report.{kind}": f"{base}/reports/{kind}" for kind in ("pdf", "html", "json", "xml")}
        links |= {f"matrix.{kind}": f"{base}/matrices/{kind}" for kind in ("csv", "xlsx", "html")}
        links |= {"evidence": f"{base}/evidence"}
    return VerificationView(job.id, "done" if finished else "running", job.done, len(job.rows), rows, links)


def evidence_of(job: Job) -> bytes:
    """Answer the evidence file of a finished job: the very bytes that its files were judged by, and the verdicts."""
    parts = [row.judged.part for row in job.rows if row.judged and row.judged.answer["indication"] != "REFUSED"]
    return encode_evidence(make_evidence(job.asked, [job.trust], parts))


def summarise(answers: list[Mapping[str, Any]]) -> dict[str, int]:
    """Count the indications."""
    found: dict[str, int] = {}
    for answer in answers:
        found[answer["indication"]] = found.get(answer["indication"], 0) + 1
    return found
