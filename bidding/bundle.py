"""The bid bundle (投标文件包): reading it in its one form, and judging it without any key. docs/format/bundle.md 2, 9.

`parse_bundle` refuses every other form; `verify_label` asks what needs no part, `verify_entries` reads every byte
once, and `verify_bundle` asks everything.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from bidding.bundle_header import (
    LOCAL_KINDS,
    MAX_HEADER,
    MAX_PARTS,
    Header,
    Label,
    Part,
    entry_names,
    fits,
    parse_header,
    part_name,
    signed_names,
)
from bidding.errors import MalformedBundleError, MalformedParamsError, WrongSectionError
from bidding.params import params_sm3, parse_params
from identity.people import belongs_to
from signing import cms, container
from signing.certificates import Certificate
from signing.checks import Check, SubIndication, Verdict, check
from signing.container import Entry
from signing.digests import sm3
from signing.errors import MalformedError, SigningError
from signing.path import Purpose, RevocationEvidence, TrustAnchors

MAX_MANIFEST: Final = 1 << 18
MAX_SIGNATURE: Final = 1 << 16
_MAX_ENTRIES: Final = 4 + 4 * MAX_PARTS
ESCROWED: Final = "解密密钥的一份加密给了执照加密证书，其私钥由密钥管理中心托管：不是严格模式。"


@dataclass(frozen=True)
class Bundle:
    """A bundle in the one form: its label, what the header says, and where each entry lies in the stream."""

    label: Label
    header: Header
    entries: tuple[Entry, ...]
    size: int

    @property
    def header_sm3(self) -> bytes:
        """SM3 of header.json (32 bytes): the AAD of every chunk, and the name of the header in the lids."""
        return sm3(self.label.header)

    def entry(self, stage: int, part: Part) -> Entry:
        """Answer the entry of a part."""
        return {entry.name: entry for entry in self.entries}[part_name(stage, part)]

    def signed_digest(self, name: str) -> bytes:
        """SM3 (32 bytes) that the bidder's signature gives for an entry."""
        return dict(container.parse_manifest(self.label.manifest))[name]


def parse_bundle(stream: BinaryIO, size: int) -> Bundle:
    """Read everything but the parts; MalformedBundleError for any other form than the one."""
    try:
        entries = container.read_container(stream, size, max_entries=_MAX_ENTRIES)
        if len(entries) < len(("mimetype", "header.json", "manifest", "signature")):
            raise MalformedBundleError("entries are missing")
        label = Label(
            container.read_entry(stream, entries[1], limit=MAX_HEADER),
            container.read_entry(stream, entries[-2], limit=MAX_MANIFEST),
            container.read_entry(stream, entries[-1], limit=MAX_SIGNATURE),
        )
        header = parse_label(label)
    except MalformedError as error:
        raise MalformedBundleError(str(error)) from error
    expected = [None, None, *(p.size for s in header.stages for p in s.base.parts), None, None]
    if [entry.name for entry in entries] != entry_names(header):
        raise MalformedBundleError("the entries are not those that the header names")
    if any(want not in (None, entry.size) for entry, want in zip(entries, expected, strict=True)):
        raise MalformedBundleError("a part has another size than the header says")
    return Bundle(label, header, entries, size)


def parse_label(label: Label) -> Header:
    """Read a label by itself: header, names in the manifest, form of the signature; MalformedBundleError."""
    header = parse_header(label.header)
    try:
        digests = container.parse_manifest(label.manifest)
        cms.parse_cms(label.signature)
    except SigningError as error:
        raise MalformedBundleError(str(error)) from error
    if [name for name, _ in digests] != signed_names(header):
        raise MalformedBundleError("the manifest does not list the entries that the header names")
    return header


def require_section(header: Header, params: bytes) -> None:
    """Raise WrongSectionError unless the bundle was made for exactly these section parameters."""
    verdict = _section(header, params)
    if verdict.why:
        raise WrongSectionError(verdict.why)


def verify_label(
    label: Label,
    *,
    params: bytes | None,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
) -> Verdict:
    """Judge all that needs no part: section, recipients, header digest, signature, its time, and who signed.

    `params` are the canonical section parameters; None leaves the question open whether they fit, and asks nothing.
    MalformedBundleError for a label that is not in the one form.
    """
    header = parse_label(label)
    digests, parsed = dict(container.parse_manifest(label.manifest)), cms.parse_cms(label.signature)
    section = () if params is None else (_section(header, params),)
    own = Verdict(
        *section,
        _recipients(header),
        check("header", digests["header.json"] == sm3(label.header), code="HASH", sub=SubIndication.HASH_FAILURE),
        _bidder(header, parsed.certificate),
        _stamped(parsed),
        warnings=() if header.strict else (ESCROWED,),
    )
    return own + cms.verify_detached(
        label.signature,
        content_digest=lambda algorithm: _digest_of(algorithm, label.manifest),
        anchors=anchors,
        evidence=evidence,
        purpose=Purpose.LICENCE,
        at=at,
    )


def verify_entries(bundle: Bundle, stream: BinaryIO) -> Verdict:
    """Read every signed entry once, in constant memory: its SM3 is the signed one, its CRC-32 the directory's."""
    signed = container.parse_manifest(bundle.label.manifest)
    pairs = zip(bundle.entries[:-2], signed, strict=True)
    bad = [entry.name for entry, (_, digest) in pairs if not _matches(stream, entry, digest)]
    why = f"签名之后被改动的部分：{'、'.join(bad[:5])}" if bad else ""
    return Verdict(check("entries", not bad, code="HASH", sub=SubIndication.HASH_FAILURE, why=why))


def verify_bundle(
    bundle: Bundle,
    stream: BinaryIO,
    *,
    params: bytes | None,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
) -> Verdict:
    """Judge a whole bundle as of `at`: the label, and every byte of every entry."""
    own = Verdict(check("container", True, code="FMT_BUNDLE")) + verify_entries(bundle, stream)
    return own + verify_label(bundle.label, params=params, anchors=anchors, evidence=evidence, at=at)


def _section(header: Header, data: bytes) -> Check:
    """Whether these are the parameters for which the bundle was made; `why` is empty only if they are."""
    try:
        params = parse_params(data)
    except MalformedParamsError as error:
        return check(
            "section", False, code="SECTION", sub=SubIndication.FORMAT_FAILURE, why=f"标段参数无法读取：{error}"
        )
    problems = {
        f"投标文件包是为标段 {header.section} 制作的，不是 {params.section}": header.section != params.section,
        "投标文件包是为本标段的另一版参数制作的": header.params_sm3 != params_sm3(data),
        "开标阶段或开标公钥与标段参数不一致": not fits(header, params),
    }
    why = next((problem for problem, present in problems.items() if present), "")
    return check("section", not why, code="SECTION", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)


def _recipients(header: Header) -> Check:
    local = min(sum(wrap.kind in LOCAL_KINDS for wrap in stage.wraps) for stage in header.stages)
    ok = local >= 2  # noqa: PLR2004 - one lost phone must not lose the bid
    why = "" if ok else "每个开标阶段至少要有两份投标人自己掌握的解密钥（手机钱包、恢复码）"
    return check("recipients", ok, code="RECIPIENTS", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)


def _bidder(header: Header, certificate: Certificate | None) -> Check:
    """Ask for the unit's own certificate, not one of its persons'."""
    if certificate is None:
        return check("bidder", False, code="NO_CERT", sub=SubIndication.NO_SIGNING_CERTIFICATE_FOUND)
    own = belongs_to(certificate, header.bidder) and certificate.person_id in ("", header.bidder)
    why = "" if own else f"签名证书为 {certificate.common_name}，不是投标人 {header.bidder} 的单位证书"
    return check("bidder", own, code="ID_MISMATCH", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)


def _stamped(parsed: cms.ParsedCms) -> Check:
    """Ask for a timestamp; whether it is good, the signature's own checks say."""
    why = "" if parsed.token else "投标文件包的签名没有时间戳"
    return check("timestamp", not why, code="TST_BAD", sub=SubIndication.NO_POE, why=why)


def _matches(stream: BinaryIO, entry: Entry, signed: bytes) -> bool:
    try:
        return container.digest_entry(stream, entry) == (signed, True)
    except MalformedError:
        return False


def _digest_of(algorithm: str, content: bytes) -> bytes:
    """Version 1 knows SM3 only; another algorithm gives no digest, so that it never matches."""
    return sm3(content) if algorithm == "sm3" else b""
