"""Judging one signature of an OFD package (GB/T 33190-2016 18, GB/T 38540-2020 7.3, GM/T 0099-2020 7), pure.

What is particular to a package: whether each referred part is the same, and whether what the pages show is referred to
at all. The signature value itself is judged in `sealing.ofd_values`.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from sealing import ses
from sealing.errors import SealFormatError
from sealing.judging import Policy, check_not_later, soften_untrusted
from sealing.ofd_evidence import OfdEvidence, OfdPayload, OfdSignature, PackageProtection, PartState
from sealing.ofd_structure import ENTRIES
from sealing.ofd_values import judge_gm_message, judge_value
from sealing.report import SignatureKind, SignatureReport
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.pdf import Coverage
from signing.pdf_changes import Change

_WEAK: Final = frozenset({"md5", "sha1"})
_STRONG: Final = frozenset({"sm3", "sha256", "sha384", "sha512"})
_LISTED: Final = 20
_STATES: Final = {
    PartState.CHANGED: "内容已被改动",
    PartState.MISSING: "不在包内",
    PartState.OUTSIDE: "指向包外",
    PartState.UNREADABLE: "无法解压",
}


def judge_ofd_signature(one: OfdSignature, evidence: OfdEvidence, policy: Policy) -> SignatureReport:
    """Judge one signature of a package."""
    if one.defects:
        return _broken(one)
    judged = judge_value(one, policy)
    uncovered = _uncovered(one, evidence)
    verdict = _soften_period(soften_untrusted(judged.verdict))
    checks = [
        check("structure", ok=True, code="FMT_OFD"),
        *_judge_references(one),
        _judge_coverage(one, evidence),
        *verdict.checks,
        *_judge_seal_file(one),
        *_judge_stamps(one),
        *_judge_closing(one),
        *check_not_later(judged.signed_at, policy.at),
    ]
    warnings = [*verdict.warnings, *_uncovered_words(uncovered), *_oddities(one)]
    pages = [stamp.page for stamp in one.stamps if stamp.page]
    return replace(
        judged,
        verdict=Verdict(*checks, warnings=tuple(dict.fromkeys(warnings))),
        covers=str(Coverage.PARTIAL if uncovered else Coverage.WHOLE),
        page=min(pages, default=None),
        changes_after=tuple(
            Change(None, f"部件 {name} 不在签章保护范围内", allowed=True, revision=0) for name in uncovered[:_LISTED]
        ),
    )


def _broken(one: OfdSignature) -> SignatureReport:
    failed = check("structure", False, code="FMT_OFD", sub=SubIndication.FORMAT_FAILURE, why="".join(one.defects))
    kind = SignatureKind.SIGNATURE if one.kind == "Sign" else SignatureKind.SEAL
    return SignatureReport(one.id, kind, "OFD", Verdict(failed))


# What is signed


def _judge_references(one: OfdSignature) -> list[Check]:
    wrong = [f"{ref.part or ref.location}（{_STATES[ref.state]}）" for ref in one.references if ref.state in _STATES]
    method = one.file.method if one.file else ""
    known = method in _STRONG or method in _WEAK
    same = not wrong if known or wrong else None
    checks = [check("references", same, code="HASH", sub=SubIndication.HASH_FAILURE, why=_join(wrong))]
    if method not in _STRONG:
        what = f"部件摘要用 {method.upper() if known else method}"
        checks.append(Check("reference-digest", "ALG", Result.UNKNOWN, what, SubIndication.CRYPTO_CONSTRAINTS_FAILURE))
    return checks


def _judge_coverage(one: OfdSignature, evidence: OfdEvidence) -> Check:
    """Ask whether everything that the pages show is under this signature, other documents at least under some.

    The list of files, the list of annotations and what is not shown may stay open (warnings): makers leave them out.
    """
    anywhere = frozenset[str]().union(*(other.covered for other in evidence.signatures))
    naked = set[str]()
    for index, shown in enumerate(evidence.shown):
        naked |= shown - (one.covered if index == one.body else anywhere)
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    return check("coverage", None if naked else True, code="UNCOVERED", sub=sub, why=_join(sorted(naked)))


def _uncovered(one: OfdSignature, evidence: OfdEvidence) -> list[str]:
    return [*sorted(evidence.parts - one.covered - evidence.machinery), *evidence.strays]


def _uncovered_words(uncovered: list[str]) -> list[str]:
    return [f"UNCOVERED：未受签章保护的部件：{_join(uncovered)}。"] if uncovered else []


def _judge_closing(one: OfdSignature) -> list[Check]:
    if not one.closes:
        return []
    return [check("closing", ok=True, code="MODIFIED", why="签名列表已受保护，此后不能再加签章")]


# The picture and the seal beside the signature


def _judge_seal_file(one: OfdSignature) -> list[Check]:
    if one.seal_file is None:
        return []
    same = one.payload is OfdPayload.SEAL and bool(one.seal_file) and one.seal_file == _seal_inside(one.message)
    why = "" if one.seal_file else "印章文件缺失或无法读取"
    return [check("seal-file", same, code="SEAL_MISMATCH", sub=SubIndication.FORMAT_FAILURE, why=why)]


def _seal_inside(message: bytes) -> bytes:
    try:
        return ses.parse_signature(message).statement.seal.raw
    except SealFormatError:
        return b""


def _judge_stamps(one: OfdSignature) -> list[Check]:
    """Say where the pictures stand; a place that no page has is shown by no reader, which is odd but no forgery."""
    places = [
        f"第 {stamp.page} 页左 {stamp.box[0]:g}、上 {stamp.box[1]:g}，{stamp.box[2]:g}×{stamp.box[3]:g} 毫米"
        for stamp in one.stamps
        if stamp.page and stamp.box
    ]
    return [check("stamp", ok=True, code="STAMP", why=_join(places))] if places else []


def _oddities(one: OfdSignature) -> Iterable[str]:
    if any(stamp.page is None or stamp.box is None for stamp in one.stamps):
        yield "STAMP：签章外观所指的页或位置不存在。"
    if one.kind not in ("Seal", "Sign") or (one.kind == "Seal") != (one.payload is OfdPayload.SEAL):
        yield f"FMT_OFD：签名类型写作 {one.kind}，与签名值的结构不符。"
    locations = [ref.part for ref in one.references if ref.part]
    if len(set(locations)) != len(locations):
        yield "FMT_OFD：同一部件被引用多次。"
    if one.payload is OfdPayload.SEAL:
        yield from _property_note(one)


def _property_note(one: OfdSignature) -> Iterable[str]:
    """Name a propertyInfo that says another protected file than this Signature.xml."""
    try:
        text = ses.parse_signature(one.message).statement.property_info.strip()
    except SealFormatError:
        return
    if text.lower().endswith(".xml") and text.lstrip("/") != one.path:
        yield f"FMT_OFD：签章属性所记的原文为 {text}，实为 /{one.path}。"


def _soften_period(verdict: Verdict) -> Verdict:
    """Leave the seal's period open when nobody known vouches for its maker: then its dates prove nothing."""
    if not any(c.name == "maker-chain" and c.code == "CHAIN_NONE" for c in verdict.checks):
        return verdict
    loose = (
        replace(c, result=Result.UNKNOWN, sub=SubIndication.OUT_OF_BOUNDS_NO_POE)
        if c.name == "seal-period" and c.result is Result.FAILED
        else c
        for c in verdict.checks
    )
    return Verdict(*loose, warnings=verdict.warnings)


# The signed list of files


def judge_protection(protection: PackageProtection, evidence: OfdEvidence, policy: Policy) -> SignatureReport:
    """Judge the integrity protection of GM/T 0099-2020 7.4: the list is signed, complete, and names every part.

    It keeps parts from being smuggled in; contents are left to the signatures, and open where these do not cover them.
    """
    if protection.defects:
        why = "".join(protection.defects)
        failed = check("structure", False, code="FMT_OFD", sub=SubIndication.FORMAT_FAILURE, why=why)
        return SignatureReport(ENTRIES, SignatureKind.SIGNATURE, "GM/T 0099", Verdict(failed))
    judged = judge_gm_message(ENTRIES, protection.document, protection.message, policy, profile="GM/T 0099")
    verdict = soften_untrusted(judged.verdict)
    covered = frozenset[str]().union(*(one.covered for one in evidence.signatures))
    naked = sorted(frozenset[str]().union(*evidence.shown) - covered)
    what = f"清单只列名称，不含内容摘要，以下部件的内容未受保护：{_join(naked)}" if naked else ""
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    return replace(
        judged,
        verdict=Verdict(
            check("structure", ok=True, code="FMT_OFD"),
            _judge_list(protection),
            check("coverage", None if naked else True, code="UNCOVERED", sub=sub, why=what),
            *verdict.checks,
            *check_not_later(judged.signed_at, policy.at),
            warnings=verdict.warnings,
        ),
        covers=str(Coverage.PARTIAL),
        changes_after=tuple(
            Change(None, f"夹带部件 {name}", allowed=False, revision=0) for name in protection.unlisted[:_LISTED]
        ),
    )


def _judge_list(protection: PackageProtection) -> Check:
    wrong = [f"{name}（不在清单内）" for name in protection.unlisted]
    wrong += [f"{name}（不在包内）" for name in protection.missing]
    return check("file-list", not wrong, code="FILE_LIST", sub=SubIndication.FORMAT_FAILURE, why=_join(wrong))


def _join(names: list[str]) -> str:
    more = f"等 {len(names)} 个" if len(names) > _LISTED else ""
    return "、".join(names[:_LISTED]) + more
