"""Judging a seal and a seal signature: the steps of GB/T 38540-2020 7.3 and GM/T 0031 as named checks, pure.

Steps that depend on time are judged at the proven time (a valid timestamp), else at the claimed one; then a
certificate that is no longer good today leaves the answer open, because nothing proves the signature older.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sealing import ses
from sealing.errors import SealFormatError
from sealing.evidence import SignatureEvidence
from sealing.judging import (
    Policy,
    check_identity,
    check_still_good,
    check_still_trusted,
    judge_for,
    read_certificate,
    read_signer,
)
from sealing.judging_identity import check_owner
from sealing.judging_stamps import NO_STAMP, JudgedStamp, SignatureTime, find_time, judge_stamp
from sealing.report import Basis, SealFacts, SignatureKind, SignatureReport
from sealing.seal import kind_of
from sealing.ses import SesSeal, SesSignature, Statement
from signing.algorithm_uses import Use, check_uses, path_uses
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.digests import sm3
from signing.errors import BadSignatureError, MalformedError
from signing.path import PathJudgement, Purpose
from signing.poe import ProofKind
from signing.sm2 import PublicKey, compute_z, verify
from signing.sm2_encoding import encode_signature, read_signature

_DIGEST: Final = 32


def judge_ses(evidence: SignatureEvidence, policy: Policy) -> SignatureReport:
    """Judge the contents of a signature field that holds an SES_Signature."""
    name = evidence.signature.name
    try:
        signed = ses.parse_signature(evidence.message)
    except SealFormatError as error:
        broken = check("format", ok=False, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why=str(error))
        return SignatureReport(name, SignatureKind.SEAL, "SES", Verdict(broken))
    statement, certificate = signed.statement, read_certificate(signed.certificate)
    stamp = _judge_stamp(signed, policy, name)
    time = find_time(stamp, statement.time, policy)
    path = judge_for(certificate, policy, time.at, Purpose.LICENCE) if certificate and time.at else None
    uses, strength_at = _uses(path, certificate), time.proof.at if time.proof else policy.at
    algorithms, weak = check_uses(uses, policy.rules, at=strength_at, claimed=time.at)
    verdict = Verdict(
        check("format", ok=True, code="FMT_CMS"),
        _check_signature("signature", "SIG", _Signed(certificate, signed.algorithm, statement.raw, signed.signature)),
        *_judge_signer(certificate, path, policy, time),
        _check_digest(statement, evidence.digests.get("sm3", b"")),
        *judge_seal(statement.seal, policy, time.at, proven=time.proven),
        _listed(statement, signed.certificate, certificate),
        *check_owner(statement.seal, certificate),
        algorithms,
        *stamp.checks,
        warnings=(
            *_ses_warnings(signed, time),
            *stamp.warnings,
            *weak,
            *seal_notices(statement.seal, policy),
        ),
    )
    if policy.expect_uscc:
        verdict += Verdict(check_identity([certificate] if certificate else [], policy.expect_uscc))
    return SignatureReport(
        id=name,
        kind=SignatureKind.SEAL,
        profile=f"SES-v{statement.seal.layout}",
        verdict=verdict,
        signer=read_signer(certificate),
        seal=seal_facts(statement.seal),
        signed_at=time.told,
        time_source=time.source,
        authority=time.authority,
        consent_sm3=statement.consent_sm3.hex() if statement.consent_sm3 else "",
        basis=Basis(
            certificate=certificate,
            chain=(path.path if path else None) or (),
            maker=read_certificate(statement.seal.certificate),
            stamp=stamp.certificate,
            stamped=time.proven,
            status=path.status if path else None,
            proof=time.proof,
            claimed=statement.time,
            judged_at=time.at,
            algorithms=("SM2", "SM3"),
            uses=uses,
        ),
    )


def _uses(path: PathJudgement | None, certificate: Certificate | None) -> tuple[Use, ...]:
    above = (path.path if path else None) or ((certificate,) if certificate else ())
    return (Use("sm2", 256, "签章"), Use("sm3", 0, "签章"), *path_uses(above, "签章人"))


def _check_digest(statement: Statement, digest: bytes) -> Check:
    """Compare the digest of the original byte for byte; an original that could not be hashed is not the one."""
    same = len(digest) == _DIGEST and statement.document_sm3 == digest
    return check("digest", same, code="HASH", sub=SubIndication.HASH_FAILURE)


def judge_seal(seal: SesSeal, policy: Policy, when: datetime | None, *, proven: bool = False) -> list[Check]:
    """Judge the seal by itself (印章验证), its period as of the signing.

    GM/T 0031-2014 6.1.2 in its order: signature value, maker's certificate, period of the seal. GM/T 0031-2025 adds
    createDate, as of which it judges the maker, and the maker's timestamp. `proven` says that a timestamp, and not the
    signer, tells `when`: a maker that was revoked later may have dated its seals back.
    """
    maker, period = read_certificate(seal.certificate), seal.info.property
    stamp, stamped = _judge_seal_stamp(seal, policy)
    told = [when if proven else None, stamp.token.gen_time if stamp.token else None]
    told += [policy.proof.at if policy.proof else None]
    signature = _Signed(maker, seal.algorithm, seal.signed, seal.signature)
    checks = [_check_signature("seal-signature", "SEAL_SIG", signature)]
    if seal.layout == ses.V5:
        checks.append(_check_created(seal, policy))
    at = _maker_time(seal, when)
    if maker is not None and at is not None:
        path = _judge_maker(maker, policy, at).checks
        revoked = any(one.code == "REVOKED_AFTER" for one in path)
        before = revoked and any(_was_good(maker, policy, one) for one in told if one is not None)
        checks += [replace(one if before else _unproven(one), name=f"maker-{one.name}") for one in path]
        known = [one for one in told if one is not None]
        checks += _check_maker_trust(maker, policy, path, known)
        strength, _ = check_uses(_maker_uses(maker, policy, at), policy.rules, at=min([policy.at, *known]), claimed=at)
        checks += [replace(strength, name="maker-algorithms")] if strength.result is not Result.OK else []
    checks += stamped
    inside = None if when is None else period.not_before <= when <= period.not_after
    why = f"印章有效期 {period.not_before:%Y-%m-%d %H:%M:%S} 至 {period.not_after:%Y-%m-%d %H:%M:%S} UTC"
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    return [*checks, check("seal-period", inside, code="SEAL_PERIOD", sub=sub, why=why)]


def seal_notices(seal: SesSeal, policy: Policy) -> tuple[str, ...]:
    """Tell what GM/T 0031-2025 tells and lets pass: the maker's certificate was good at createDate and is not now."""
    maker, told = read_certificate(seal.certificate), list[str]()
    if not seal.info.picture.is_as_named:
        told.append(f"FMT_CMS：印章图片标为 {seal.info.picture.format[:16]}，实际不是。")
    if maker is not None:
        told += check_uses(_maker_uses(maker, policy, policy.reference), policy.rules, at=policy.reference)[1]
    if seal.layout != ses.V5 or maker is None:
        return tuple(told)
    then = _judge_maker(maker, policy, seal.info.property.created)
    if any(one.result is Result.FAILED for one in then.checks):
        return tuple(told)
    now = {one.code for one in _judge_maker(maker, policy, policy.at).checks if one.result is Result.FAILED}
    if "OUTSIDE" in now:
        told.append("MAKER_THEN：制章者证书在制章时有效，现已过期；按制章时间判断，不影响印章。")
    if "REVOKED_BEFORE" in now:
        told.append("MAKER_THEN：制章者证书在制章时有效，其后被撤销；制章时间须有可信时间戳证明。")
    return tuple(told)


def _maker_time(seal: SesSeal, when: datetime | None) -> datetime | None:
    """As of when the maker's certificate is judged: v5 at createDate, the older standards at the signing."""
    return seal.info.property.created if seal.layout == ses.V5 else when


def _judge_maker(maker: Certificate, policy: Policy, at: datetime) -> Verdict:
    return judge_for(maker, policy, at, Purpose.SEAL_MAKER).verdict


def _check_created(seal: SesSeal, policy: Policy) -> Check:
    """Whether createDate can be true: not in the future, and not after the period's end."""
    made, end = seal.info.property.created, seal.info.property.not_after
    why = f"制作日期 {made:%Y-%m-%d %H:%M:%S} UTC"
    ok = made - policy.at <= policy.rules.slack and made <= end
    return check("seal-created", ok, code="SEAL_CREATED", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)


def _was_good(maker: Certificate, policy: Policy, at: datetime) -> bool:
    return not any(one.code == "REVOKED_BEFORE" for one in _judge_maker(maker, policy, at).checks)


def _maker_uses(maker: Certificate, policy: Policy, at: datetime) -> Sequence[Use]:
    """Name what the maker's signature rests on above SM2 and SM3, which nothing else can be: its path."""
    return path_uses(judge_for(maker, policy, at, Purpose.SEAL_MAKER).path or (maker,), "制章者")


def _check_maker_trust(
    maker: Certificate, policy: Policy, path: Iterable[Check], told: Iterable[datetime]
) -> list[Check]:
    """Leave open a seal whose maker the trust list vouches for no longer, unless a timestamp is from before."""
    if any(one.code == "CHAIN_NONE" for one in path) or any(
        one.name == "chain" and one.result is Result.OK for at in told for one in _judge_maker(maker, policy, at).checks
    ):
        return []
    now = _judge_maker(maker, policy, policy.reference)
    ended = check_still_trusted(maker, now, policy, Purpose.SEAL_MAKER)
    return [replace(one, name="maker-proof") for one in ended]


def _unproven(one: Check) -> Check:
    if one.code != "REVOKED_AFTER":
        return one
    return Check(one.name, "REVOKED_NOPOE", Result.UNKNOWN, one.why, SubIndication.REVOKED_NO_POE)


def _judge_seal_stamp(seal: SesSeal, policy: Policy) -> tuple[JudgedStamp, list[Check]]:
    """Judge the maker's own timestamp of a v5 seal: over its signature value, and not before createDate."""
    if seal.timestamp is None:
        return NO_STAMP, []
    stamp = judge_stamp(seal.timestamp, seal.signature, policy, ProofKind.SIGNATURE_TIMESTAMP, seal.info.number)
    late = stamp.token is not None and seal.info.property.created > stamp.token.gen_time
    order = check("order", not late, code="TST_BAD", sub=SubIndication.TIMESTAMP_ORDER_FAILURE)
    return stamp, [replace(one, name=f"seal-{one.name}") for one in (*stamp.checks, order)]


def _listed(statement: Statement, raw: bytes, certificate: Certificate | None) -> Check:
    """Whether the signer's certificate is on the seal's list, byte for byte or by digest."""
    listed = statement.seal.info.property
    why, ok = "", None
    if listed.digests:
        digests = {entry.value for entry in listed.digests}
        ok = sm3(raw) in digests
        if not ok and certificate is not None and isinstance(certificate.public_key, PublicKey):
            prefixed = sm3(compute_z(certificate.public_key), raw) in digests
            why = "名单中的摘要带有 Z 前缀，不符合标准" if prefixed else ""
    elif listed.certificates or not listed.identifiers:
        ok = raw in listed.certificates
    else:
        why = "印章名单只有证书标识，无法核对"
    return check("certificate-list", ok, code="SEAL_CERTLIST", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)


def _judge_signer(
    certificate: Certificate | None, path: PathJudgement | None, policy: Policy, time: SignatureTime
) -> list[Check]:
    """Judge the signer's certificate: path, validity, key usage and revocation at the signing time."""
    if certificate is None or path is None:
        what = ("NO_CERT", SubIndication.NO_SIGNING_CERTIFICATE_FOUND) if certificate is None else _UNTIMED
        return [Check("certificate", what[0], Result.UNKNOWN, "", what[1])]
    if time.proven or path.verdict.failed:
        return list(path.verdict.checks)
    return [*path.verdict.checks, *check_still_good(certificate, policy)]


def _judge_stamp(signed: SesSignature, policy: Policy, name: str) -> JudgedStamp:
    """Judge the timestamp over the signature value."""
    if signed.timestamp is None:
        return NO_STAMP
    return judge_stamp(signed.timestamp, signed.signature, policy, ProofKind.SIGNATURE_TIMESTAMP, name)


def _ses_warnings(signed: SesSignature, time: SignatureTime) -> Iterable[str]:
    if not time.proven and time.proof is None:
        yield "TIME_UNTRUSTED：签章时间取自签章者本机，未经可信时间戳证明。"
    yield from time.notices
    if not signed.canonical and signed.statement.seal.layout != 1:
        yield "FMT_CMS：签章数据的编码不是 DER。"
    if signed.statement.version != signed.statement.seal.info.version:
        yield "FMT_CMS：签章数据的版本号与印章的版本号不同。"
    if signed.algorithm in ses.OTHER_SM2_NAMES:
        yield "ALG：签名算法用了非标准的标识。"


@dataclass(frozen=True)
class _Signed:
    """A signature value with what it is over, and the certificate that came along."""

    certificate: Certificate | None
    algorithm: str
    message: bytes
    value: bytes


def _check_signature(name: str, code: str, signed: _Signed) -> Check:
    """Verify SM2 with SM3 over the original bytes."""
    if signed.certificate is None:
        return check(name, ok=False, code=code, sub=SubIndication.SIG_CRYPTO_FAILURE, why="证书无法读取")
    public = signed.certificate.public_key
    known = signed.algorithm == ses.SM2_WITH_SM3 or signed.algorithm in ses.OTHER_SM2_NAMES
    if not known or not isinstance(public, PublicKey):
        why = f"算法 {signed.algorithm}"
        return Check(name, "ALG", Result.UNKNOWN, why, SubIndication.CRYPTO_CONSTRAINTS_FAILURE)
    try:
        value = encode_signature(*read_signature(signed.value))
        verify(public, signed.message, value)
    except (BadSignatureError, MalformedError):
        return check(name, ok=False, code=code, sub=SubIndication.SIG_CRYPTO_FAILURE)
    return check(name, ok=True, code=code, why="" if value == signed.value else "签名值是 64 字节的 r‖s，不是 DER。")


def seal_facts(seal: SesSeal) -> SealFacts:
    """Say what a seal says of itself."""
    info, maker = seal.info, read_certificate(seal.certificate)
    return SealFacts(
        name=info.property.name,
        kind=kind_of(info.property.name),
        number=info.number,
        maker=maker.common_name if maker else "",
        not_before=info.property.not_before,
        not_after=info.property.not_after,
        picture_format=info.picture.format,
        picture=info.picture.data,
    )


_UNTIMED: Final = ("TIME_UNTRUSTED", SubIndication.NO_POE)
