"""Made-up answers, and a file that somebody changed after it was sealed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from bidding.reporting.details import ReportDetails
from bidding.verification import Question, judge_file
from signing.trust import make_trust


@dataclass(frozen=True)
class Judged:
    """A file with its answer."""

    path: Path
    answer: dict[str, Any]


ISSUED = datetime(2026, 11, 21, 8, 30, 5, tzinfo=UTC)
AGENCY = "测试核验中心"


def judge_shared(path: Path) -> dict[str, Any]:
    """Judge a sample without any trust list."""
    trust = make_trust("无信任名单", "0", sandbox=False, anchors=())
    return judge_file(path, Question(trust=trust, at=ISSUED)).as_json()


def details(**more: Any) -> ReportDetails:
    """Answer the details of a report with all fields filled."""
    known: dict[str, Any] = {
        "issued_at": ISSUED,
        "number": "HY-2026-0001",
        "commission": "核验投标文件的电子签章",
        "applicant": "测试招标人",
        "agency": AGENCY,
        "agency_uscc": "91350100M000100Y43",
        "examiner": "甲某",
        "reviewer": "乙某",
        "policy": "yizhao-2026.1",
        "policy_fingerprint": "ab" * 32,
        "check_url": "https://verify.test/r/1",
    }
    return ReportDetails(**(known | more))


def add_note(data: bytes, *, page: int) -> bytes:
    """Put a white box with a thick border over a page, as a free text annotation in a later revision."""
    writer = IncrementalPdfFileWriter(BytesIO(data), strict=False)
    target = writer.root["/Pages"]["/Kids"][page - 1]
    content = generic.StreamObject(
        dict_data={
            generic.pdf_name("/Type"): generic.pdf_name("/XObject"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/Form"),
            generic.pdf_name("/BBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, 200, 60))),
        },
        stream_data=b"0 0 0.6 rg 0 0 200 60 re f",
    )
    note = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (200, 400, 400, 460))),
            generic.pdf_name("/F"): generic.NumberObject(4),
            generic.pdf_name("/AP"): generic.DictionaryObject({generic.pdf_name("/N"): writer.add_object(content)}),
        }
    )
    kept = list(target["/Annots"]) if "/Annots" in target else []
    raw = target.raw_get("/Annots") if kept else None
    references = [raw.get_object().raw_get(i) if isinstance(raw, generic.IndirectObject) else raw.raw_get(i)
                  for i in range(len(kept))] if raw is not None else []  # fmt: skip
    target[generic.pdf_name("/Annots")] = generic.ArrayObject([*references, writer.add_object(note)])
    writer.update_container(target)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def check(name: str, code: str, result: str, why: str = "") -> dict[str, str]:
    """Answer one check of an answer."""
    return {"name": name, "code": code, "result": result, "why": why}


def signature(**more: Any) -> dict[str, Any]:
    """Answer a signature entry."""
    known: dict[str, Any] = {
        "id": "Sig1",
        "kind": "signature",
        "kind_name": "签名",
        "profile": "PAdES-B-B",
        "indication": "TOTAL-PASSED",
        "sub_indication": "",
        "signer": {"name": "测试建设工程有限公司", "uscc": "91350100M000100Y43", "serial": "0A"},
        "seal": None,
        "signed_at": "2026-11-20T12:00:00+00:00",
        "time_source": "claimed",
        "authority": "",
        "covers": "whole-document",
        "changes_after": [],
        "checks": [check("signature", "SIG", "ok"), check("chain", "CHAIN_NONE", "unknown", "没有信任名单")],
    }
    return known | more


def answer(*signatures: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Answer an answer."""
    known: dict[str, Any] = {
        "file": "标书.pdf",
        "sha256": "01" * 32,
        "sm3": "02" * 32,
        "format": "pdf",
        "indication": "TOTAL-PASSED",
        "sub_indication": "",
        "policy": "yizhao-2026.1",
        "trust": {"name": "测试", "version": "1", "sandbox": False, "fingerprint": "03" * 32},
        "read_mode": "strict",
        "signatures": list(signatures),
        "warnings": [],
        "reason": "全部签名与印章均通过验证，内容在签章后未被改动。",
        "size": 1234,
        "at": "2026-11-20T12:00:00+00:00",
    }
    return known | more
