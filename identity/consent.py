"""One act, one record: what a person agreed to on the wallet. The specification is docs/format/consent.md.

The record is signed by the *acting person's* own SM2 key (电子签名法 13); the wallet renders its text from these
fields and nothing else, and the key service signs exactly the listed digests, once each.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from identity.errors import MalformedConsentError
from identity.people import belongs_to, is_natural, is_person
from identity.texts import OptionalText, Text, beijing, grouped, is_plain
from identity.uscc import OptionalUscc, UnifiedSocialCreditCode
from signing import canonical, sm2
from signing.canonical import Code, Sm3Hex
from signing.certificates import Certificate, parse_certificate
from signing.checks import Check, SubIndication, Verdict, check
from signing.digests import sm3
from signing.errors import BadSignatureError, MalformedError
from signing.path import Purpose, RevocationEvidence, TrustAnchors, verify_path

LONGEST: Final = timedelta(minutes=10)
"""A consent is given for now: its period is at most this long."""
LEGAL_REPRESENTATIVE: Final = "legal-representative"
"""`authorisation` of a person who needs none."""
SELF: Final = "self"
"""`authorisation` of a natural person (自然人) who acts for themselves; then the record names no unit."""

Act = Literal["seal", "pack", "submit", "withdraw", "release", "publish", "record", "register-device", "apply-seal"]


class ConsentFile(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to be signed; `sm3` is its final hash (SES: dataHash; CMS: messageDigest; act: SM3 of its bytes)."""

    name: Text
    pages: Annotated[int, Meta(ge=0, le=100_000)]
    """0 for what has no pages."""
    size: Annotated[int, Meta(ge=0, le=1 << 40)]
    """Bytes."""
    sm3: Sm3Hex


class ConsentRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """What is agreed to: by whom, for whom, to what exactly, for whose system, and until when.

    Instants are UTC with milliseconds. MalformedConsentError when the fields contradict each other.
    """

    v: Literal[1]
    act: Act
    uscc: OptionalUscc
    """Empty, as the company, for a natural person acting for themselves."""
    company: OptionalText
    person: Code
    person_name: Text
    authorisation: Code
    """`legal-representative`, the id of the authorisation under which the person acts, or `self`."""
    audience: Text
    """Who asks, e.g. 投标人工作台."""
    files: Annotated[tuple[ConsentFile, ...], Meta(min_length=1, max_length=200)]
    seal: Annotated[str, Meta(pattern=r"^([0-9]{13})?\Z")]
    """The seal's number; empty where no seal is used."""
    section: Annotated[str, Meta(pattern=r"^([0-9A-Za-z][0-9A-Za-z._-]{0,63})?\Z")]
    params_sm3: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    nonce: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
    not_before: datetime
    not_after: datetime
    type: Literal["consent"] = "consent"
    """Parts this record from every other statement that a licence or person signs."""

    def __post_init__(self) -> None:
        """Check what one field alone cannot say."""
        # A str subclass is not encodable by msgspec; the bytes are the same.
        force_setattr(self, "uscc", str(UnifiedSocialCreditCode(self.uscc)) if self.uscc else "")
        digests = [file.sm3 for file in self.files]
        unit = {bool(self.uscc), bool(self.company), self.authorisation != SELF}
        problems = {
            "an instant is not UTC in whole milliseconds": not (is_plain(self.not_before) and is_plain(self.not_after)),
            "two files share a digest": len(set(digests)) != len(digests),
            "the act `seal` needs a seal": self.act == "seal" and not self.seal,
            "this act uses no seal": bool(self.seal) and self.act not in _SEALING,
            "a record names a unit, or a person who acts for themselves": len(unit) != 1,
            "this act is done for a unit": not self.uscc and self.act not in _OWN,
            "this act belongs to a section": self.act in _OF_SECTION and not (self.section and self.params_sm3),
        }
        for problem, present in problems.items():
            if present:
                raise MalformedConsentError(problem)
        if not timedelta(0) < self.not_after - self.not_before <= LONGEST:
            raise MalformedConsentError("the period is empty or longer than ten minutes")


_SEALING: Final = frozenset({"seal", "publish", "record"})
_OWN: Final = frozenset({"seal", "apply-seal"})
"""What a natural person does for themselves."""
_OF_SECTION: Final = frozenset({"pack", "submit", "withdraw", "release"})


class SignedConsent(Struct, frozen=True, forbid_unknown_fields=True):
    """The record's bytes, the person's SM2 signature over them (DER), and the person's certificate (DER)."""

    v: Literal[1]
    record: Annotated[bytes, Meta(max_length=1 << 20)]
    signature: Annotated[bytes, Meta(max_length=80)]
    certificate: Annotated[bytes, Meta(max_length=1 << 14)]


def encode_record(record: ConsentRecord) -> bytes:
    """Encode what the person signs; checks every field's form once more. MalformedConsentError."""
    data = canonical.encode(record)
    parse_record(data)
    return data


def parse_record(data: bytes) -> ConsentRecord:
    """Decode the one canonical form; MalformedConsentError."""
    try:
        return canonical.decode(data, ConsentRecord)
    except MalformedError as error:
        raise MalformedConsentError(str(error)) from error


def encode_consent(signed: SignedConsent) -> bytes:
    """Encode a signed consent canonically."""
    return canonical.encode(signed)


def parse_consent(data: bytes) -> tuple[ConsentRecord, SignedConsent]:
    """Decode a signed consent and the record inside; MalformedConsentError."""
    try:
        signed = canonical.decode(data, SignedConsent)
    except MalformedError as error:
        raise MalformedConsentError(str(error)) from error
    return parse_record(signed.record), signed


def consent_sm3(signed: SignedConsent) -> bytes:
    """SM3 of the canonical signed consent (32 bytes): what stands in TBS_Sign.extDatas and in ledgers."""
    return sm3(encode_consent(signed))


def verify_consent(
    signed: SignedConsent,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    expected: Iterable[str],
) -> Verdict:
    """Judge one consent as of `at`, the instant of the act that it allowed.

    `expected` are the lower-hex digests that the caller is about to rely on; each must be listed. Whether the person
    was entitled (authorisation, legal representative) is the register's answer at that time, not part of this.
    """
    try:
        record, certificate = parse_record(signed.record), parse_certificate(signed.certificate)
    except (MalformedConsentError, MalformedError) as error:
        return Verdict(check("consent-form", False, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why=str(error)))
    path = verify_path(certificate, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.LICENCE)
    own = Verdict(
        check("consent-form", True, code="FMT_CMS"),
        verify_raw("consent-signature", certificate, signed.record, signed.signature),
        *_bindings(record, certificate),
        _period(record, at),
        _listed(record, expected),
    )
    return own + path


def verify_raw(name: str, certificate: Certificate, message: bytes, signature: bytes) -> Check:
    """One check: this certificate's SM2 key made this signature over this message."""
    try:
        if not isinstance(certificate.public_key, sm2.PublicKey):
            return check(name, False, code="ALG", sub=SubIndication.CRYPTO_CONSTRAINTS_FAILURE)
        sm2.verify(certificate.public_key, message, signature)
    except BadSignatureError:
        return check(name, False, code="SIG", sub=SubIndication.SIG_CRYPTO_FAILURE)
    return check(name, True, code="SIG")


def _bindings(record: ConsentRecord, certificate: Certificate) -> tuple[Check, Check]:
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    unit = belongs_to(certificate, record.uscc) if record.uscc else is_natural(certificate)
    return (
        check("consent-person", is_person(certificate, record.person, record.person_name), code="ID_MISMATCH", sub=sub),
        check("consent-unit", unit, code="ID_MISMATCH", sub=sub),
    )


def _period(record: ConsentRecord, at: datetime) -> Check:
    inside = record.not_before <= at <= record.not_after
    why = "" if inside else f"授权有效期 {beijing(record.not_before)} 至 {beijing(record.not_after)}"
    return check("consent-period", inside, code="OUTSIDE", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)


def _listed(record: ConsentRecord, expected: Iterable[str]) -> Check:
    missing = sorted(set(expected) - {file.sm3 for file in record.files})
    why = f"未授权的摘要：{'、'.join(digest[:16] for digest in missing)}" if missing else ""
    return check("consent-digests", not missing, code="HASH", sub=SubIndication.HASH_FAILURE, why=why)


ACT_NAMES: Final[dict[str, str]] = {
    "seal": "加盖电子印章",
    "pack": "加密封装投标文件",
    "submit": "递交投标文件",
    "withdraw": "撤回投标文件",
    "release": "开标解密：交出本单位的解密密钥",
    "publish": "签署并发布",
    "record": "签署开标记录",
    "register-device": "登记设备密钥",
    "apply-seal": "申领电子印章",
}


def render_consent(record: ConsentRecord) -> tuple[str, ...]:
    """Answer the Chinese lines that the wallet shows, made of the signed fields only, in a fixed order."""
    optional = [
        (record.seal, f"使用印章：编号 {record.seal}"),
        (record.section, f"标段：{record.section}"),
        (record.params_sm3, f"标段参数 SM3：{grouped(record.params_sm3)}…"),
    ]
    return (
        f"办理事项：{ACT_NAMES[record.act]}",
        f"请求方：{record.audience}",
        *_who(record),
        *(line for present, line in optional if present),
        f"共 {len(record.files)} 项内容：",
        *(_file_line(number, file) for number, file in enumerate(record.files, 1)),
        f"有效期：{beijing(record.not_before)} 至 {beijing(record.not_after)}（北京时间）",
    )


def _who(record: ConsentRecord) -> tuple[str, ...]:
    if record.authorisation == SELF:
        return (f"本人：{record.person_name}（自然人，人员编号 {record.person}）",)
    own = record.authorisation == LEGAL_REPRESENTATIVE
    acting = "法定代表人本人" if own else f"经办人，授权编号 {record.authorisation}"
    return (f"单位：{record.company}（{record.uscc}）", f"办理人：{record.person_name}（{acting}）")


def _file_line(number: int, file: ConsentFile) -> str:
    pages = f"{file.pages} 页，" if file.pages else ""
    return f"{number}. {file.name}，{pages}{file.size:,} 字节，SM3：{grouped(file.sm3)}…"
