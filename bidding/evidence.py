"""Evidence of a verification (核验证据): everything that a verdict was made from besides the document, in one file.

Whoever has the document and this file judges again at any time, offline, to the same verdict; under another policy
if that is wanted. The format is docs/format/evidence.md.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace as with_values

from bidding.errors import EvidenceError
from bidding.verification_asking import MAX_STATUSES, Asked, StatusPart, read_question
from bidding.verification_report import Question
from signing import canonical
from signing.canonical import Sm3Hex
from signing.digests import sm3
from signing.errors import SigningError
from signing.path import TrustAnchors
from signing.policy import DEFAULT_POLICY, encode_policy, load_policy
from signing.revocation import parse_crl
from signing.trust import decode_trust, encode_trust, make_trust, merge_trust

MAX_EVIDENCE: Final = 96 << 20
"""Bytes of an evidence file; lists of revoked certificates make most of them."""
Text = Annotated[str, Meta(max_length=4000)]
Some = Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=100)]


class TrustPart(Struct, frozen=True, forbid_unknown_fields=True):
    """One trust list as it was: the canonical TrustFile without revocation lists, and these beside it (DER)."""

    file: bytes
    crls: Annotated[tuple[bytes, ...], Meta(max_length=1000)]


class CheckPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What one check found."""

    name: Text
    code: Text
    result: Literal["ok", "failed", "unknown"]


class SignaturePart(Struct, frozen=True, forbid_unknown_fields=True):
    """How one signature was judged."""

    id: Text
    indication: Text
    sub_indication: Text
    checks: Annotated[tuple[CheckPart, ...], Meta(max_length=4000)]


class DocumentPart(Struct, frozen=True, forbid_unknown_fields=True):
    """One file by its digest (empty for one that was not even read), and its verdict.

    `content_sm3` is of the file that a detached signature is about, empty when there was none.
    """

    file: Text
    size: Annotated[int, Meta(ge=0)]
    sm3: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    content_sm3: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    indication: Text
    sub_indication: Text
    signatures: Annotated[tuple[SignaturePart, ...], Meta(max_length=1000)]


class Evidence(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file. `sm3` is the digest of the canonical form in which it is 64 zeros itself."""

    v: Literal[1]
    type: Literal["verification-evidence"]
    at: datetime
    trust: Annotated[tuple[TrustPart, ...], Meta(max_length=16)]
    policy: bytes
    expect_uscc: Text
    partners: Some
    person_name: Text
    require: Some
    bundle_sm3: Text
    statuses: Annotated[tuple[StatusPart, ...], Meta(max_length=MAX_STATUSES)]
    impression: bytes
    compare: bool
    documents: Annotated[tuple[DocumentPart, ...], Meta(max_length=20_000)]
    sm3: Sm3Hex = "0" * 64

    def trust_anchors(self) -> TrustAnchors:
        """Answer the trust lists of then, side by side as they were; the errors of `signing.trust`."""
        if not self.trust:
            return make_trust("无信任名单", "0", sandbox=False, anchors=())
        return merge_trust(*(_read_trust(part) for part in self.trust))

    def question(self, request: Mapping[str, Any]) -> Question:
        """Answer the question of then for a child that is asked again; another policy may be in the request."""
        kept = {
            "at": self.at.isoformat(),
            "expect_uscc": self.expect_uscc,
            "partners": self.partners,
            "person_name": self.person_name,
            "require": self.require,
            "bundle_sm3": self.bundle_sm3,
            "statuses": [
                {"number": one.number, "finding": one.finding, "signed": b64encode(one.signed).decode("ascii")}
                for one in self.statuses
            ],
            "policy": request.get("policy") or b64encode(self.policy).decode("ascii"),
        }
        return read_question({**request, **kept}, self.trust_anchors())

    def find(self, document_sm3: str) -> DocumentPart | None:
        """Answer what is kept about a document of this digest."""
        return next((one for one in self.documents if one.sm3 and one.sm3 == document_sm3), None)


def make_evidence(asked: Asked, trust: Sequence[TrustAnchors], documents: Iterable[DocumentPart] = ()) -> Evidence:
    """Put together what is asked with the lists that it is asked of; the policy is kept in full."""
    policy = load_policy(asked.policy) if asked.policy else DEFAULT_POLICY
    return Evidence(
        v=1,
        type="verification-evidence",
        at=asked.at,
        trust=tuple(TrustPart(encode_trust(replace(one, crls=())), one.crls) for one in trust),
        policy=encode_policy(policy),
        expect_uscc=asked.expect_uscc,
        partners=asked.partners,
        person_name=asked.person_name,
        require=asked.require,
        bundle_sm3=asked.bundle_sm3,
        statuses=asked.statuses,
        impression=asked.impression,
        compare=asked.compare,
        documents=tuple(documents),
    )


def document_part(answer: Mapping[str, Any], content_sm3: str = "") -> DocumentPart:
    """Keep what identifies a document and how it was judged."""
    return DocumentPart(
        file=str(answer["file"]).encode("utf-8", "backslashreplace").decode("utf-8")[:4000],
        size=answer.get("size", 0),
        sm3=answer["sm3"],
        content_sm3=content_sm3,
        indication=answer["indication"],
        sub_indication=answer.get("sub_indication") or "",
        signatures=tuple(
            SignaturePart(
                str(one["id"])[:4000],
                one["indication"],
                one["sub_indication"] or "",
                tuple(CheckPart(c["name"], c["code"], c["result"]) for c in one["checks"]),
            )
            for one in answer["signatures"]
        ),
    )


def encode_evidence(evidence: Evidence) -> bytes:
    """Answer the one byte form, with its own digest in it."""
    blank = with_values(evidence, sm3="0" * 64)
    return canonical.encode(with_values(blank, sm3=sm3(canonical.encode(blank)).hex()))


def decode_evidence(data: bytes) -> Evidence:
    """Read an evidence file; EvidenceError for anything that is not exactly as it was written."""
    if len(data) > MAX_EVIDENCE:
        raise EvidenceError(f"证据文件有 {len(data)} 字节，超过 {MAX_EVIDENCE} 字节的上限")
    try:
        found = msgspec.json.decode(data, type=Evidence)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise EvidenceError(f"不是证据文件：{error}") from error
    if found.at.tzinfo is None:
        raise EvidenceError("证据文件中的时间没有时区")
    if encode_evidence(found) != data:
        raise EvidenceError("证据文件的内容与它自身的摘要不符，可能被改动或损坏")
    return found


def load_evidence(path: Path) -> Evidence:
    """Read an evidence file from disk, see that its trust lists and policy can be read; EvidenceError."""
    try:
        with path.open("rb") as stream:
            found = decode_evidence(stream.read(MAX_EVIDENCE + 1))
        found.trust_anchors()
        load_policy(found.policy)
    except OSError as error:
        raise EvidenceError(f"证据文件无法读取：{error.strerror}") from error
    except SigningError as error:
        raise EvidenceError(f"证据文件中的信任名单或策略不能使用：{error}") from error
    return found


def differences(kept: DocumentPart, again: DocumentPart) -> tuple[str, ...]:
    """Name what is another verdict than then; empty when indication, sub-indication and every check are the same."""
    found = list[str]()
    if (kept.indication, kept.sub_indication) != (again.indication, again.sub_indication):
        found.append(f"结论：当时 {_tell(kept)}，现在 {_tell(again)}")
    before, now = ({one.id: one for one in part.signatures} for part in (kept, again))
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if old is None or new is None:
            found.append(f"签名 {name}：{'当时没有' if old is None else '现在没有'}")
        elif old != new:
            changed = [c.name for c in {*old.checks} ^ {*new.checks}]
            found.append(f"签名 {name}：{'、'.join(sorted(set(changed))) or '检查的次序'}")
    return tuple(found)


def _tell(part: DocumentPart) -> str:
    return f"{part.indication}{f'/{part.sub_indication}' if part.sub_indication else ''}"


def _read_trust(part: TrustPart) -> TrustAnchors:
    for crl in part.crls:
        parse_crl(crl)
    return replace(decode_trust(part.file), crls=part.crls)
