"""CMS signatures (数字信封签名消息, RFC 5652, GB/T 35275) over one content, attached or detached.

We write the standard object identifiers with SM2-with-SM3 (1.2.156.10197.1.501) and signed attributes. We read both
families. `strict` judging takes only the form that we write, so that no byte of a message can change unnoticed;
otherwise departures become warnings.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from signing import der
from signing.algorithms import compute_digest
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.errors import BadSignatureError, MalformedError, UnsupportedAlgorithmError
from signing.path import Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.signed_data import (
    CONTENT_TYPE,
    DATA,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    TIMESTAMP_TOKEN,
    SignedData,
    SignerInfo,
    encode_attributes,
    encode_signed_data,
    find_strangers,
    matches_content_type,
    matches_digest,
    names_certificate,
    parse_signed_data,
    require_signature,
    signing_certificate_v2,
)
from signing.statement import require_signature as require_sm2
from signing.timestamps import TimestampToken, parse_token, verify_token

_DIGEST_OCTETS: Final = 32

ContentDigest = Callable[[str], bytes]
"""Answers the digest of the content by an algorithm's name (sm3, sha256, …)."""


def prepare_detached(content_sm3: bytes, certificate: Certificate, at: datetime) -> bytes:
    """Answer what is to be signed: the DER SET OF attributes over a content known by its SM3.

    contentType, messageDigest, signingTime (`at`, to the second) and ESSCertIDv2 with SM3 of the certificate. The
    signature is SM2 over SM3(Z || these bytes).
    """
    if len(content_sm3) != _DIGEST_OCTETS:
        raise ValueError(f"an SM3 digest has {_DIGEST_OCTETS} bytes")
    return encode_attributes(
        {
            CONTENT_TYPE: der.oid(DATA),
            MESSAGE_DIGEST: der.octet_string(content_sm3),
            SIGNING_TIME: der.time(at, utc_until_2050=True),
            SIGNING_CERTIFICATE_V2: signing_certificate_v2(certificate),
        }
    )


def complete_detached(
    attributes: bytes, certificate: Certificate, chain: Sequence[Certificate], signature: bytes, token: bytes | None
) -> bytes:
    """Put the message together: `attributes` as prepared, the DER signature over them, and issuers.

    The token (RFC 3161, imprint = SM3 of the signature octets) becomes the unsigned attribute
    1.2.840.113549.1.9.16.2.14. Raises BadSignatureError for a signature that is not of this certificate.
    """
    require_sm2(certificate, attributes, signature)
    unsigned = {TIMESTAMP_TOKEN: token} if token else None
    return encode_signed_data(attributes, certificate, signature, chain=chain, unsigned=unsigned)


def read_message_digest(attributes: bytes) -> bytes:
    """Answer the messageDigest in a DER SET OF signed attributes (`prepare_detached`): what a consent lists.

    Raises MalformedError unless it is the strict form with exactly one such attribute.
    """
    der.require_der(attributes, limit=1 << 20)
    found = list[bytes]()
    for attribute in der.read(attributes, limit=1 << 20).expect(der.SET).children():
        fields = attribute.fields()
        oid, values = fields.take(der.OID).oid(), fields.take(der.SET).children()
        if oid == MESSAGE_DIGEST:
            found += [value.octets() for value in values]
    if len(found) != 1:
        raise MalformedError(f"{len(found)} messageDigest values in the attributes")
    return found[0]


@dataclass(frozen=True)
class ParsedCms:
    """A CMS message of one signer. `signing_time` is what the signer claims; `token` is not yet judged."""

    signed: SignedData
    signer: SignerInfo
    certificate: Certificate | None
    signing_time: datetime | None
    token: bytes | None

    @property
    def content(self) -> bytes | None:
        """Answer the content inside, or None when detached."""
        return self.signed.content

    @property
    def signature(self) -> bytes:
        """Answer the signature value, over which the token stands."""
        return self.signer.signature


def parse_cms(data: bytes) -> ParsedCms:
    """Read a CMS SignedData of exactly one signer; LimitError or MalformedError."""
    signed = parse_signed_data(data)
    signer = signed.signer
    time, token = signer.attribute(SIGNING_TIME), signer.unsigned.get(TIMESTAMP_TOKEN, ())
    if len(token) > 1:
        raise MalformedError(f"{len(token)} signature timestamps")
    return ParsedCms(
        signed=signed,
        signer=signer,
        certificate=signed.certificate_of(signer),
        signing_time=time.time() if time else None,
        token=token[0].raw if token else None,
    )


def verify_detached(
    cms_der: bytes,
    *,
    content_digest: ContentDigest,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    purpose: Purpose,
    at: datetime | None = None,
    strict: bool = True,
) -> Verdict:
    """Judge a detached signature over the content that `content_digest` knows.

    Checks "format" (FMT_CMS), "digest" (HASH), "signature" (SIG), "certificate-binding", those of the token and of the
    path. The path is judged at the token's time if it holds, else at `at`, else at the claimed time with the warning
    TIME_UNTRUSTED. Messages without signed attributes need `verify_attached` with the content itself. Raises
    MalformedError or LimitError for bytes that are no CMS message of one signer.
    """
    parsed = parse_cms(cms_der)
    judge = _Judge(parsed, content_digest, parsed.content, anchors, evidence, strict)
    return judge.verdict(purpose, at, detached=True)


def verify_attached(
    cms_der: bytes,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    purpose: Purpose,
    content: bytes | None = None,
    at: datetime | None = None,
    strict: bool = True,
) -> Verdict:
    """Judge a signature over the content inside, or over `content` given whole; checks as in `verify_detached`.

    Raises MalformedError if there is no content either way, or if both are there and differ.
    """
    parsed = parse_cms(cms_der)
    covered = parsed.content if content is None else content
    if covered is None or parsed.content not in (None, covered):
        raise MalformedError("no content, or another one inside")
    judge = _Judge(parsed, lambda name: compute_digest(name, covered), covered, anchors, evidence, strict)
    return judge.verdict(purpose, at, detached=False)


@dataclass(frozen=True)
class _Judge:
    parsed: ParsedCms
    content_digest: ContentDigest
    content: bytes | None
    anchors: TrustAnchors
    evidence: RevocationEvidence
    strict: bool

    def verdict(self, purpose: Purpose, at: datetime | None, *, detached: bool) -> Verdict:
        faults = self._faults(detached=detached)
        ok = not (faults and self.strict)
        form = check("format", ok, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why="；".join(faults))
        warnings = tuple(f"FMT_CMS：{fault}" for fault in faults) if ok else ()
        certificate = self.parsed.certificate
        if certificate is None:
            sub = SubIndication.NO_SIGNING_CERTIFICATE_FOUND
            missing = Check("certificate", "NO_CERT", Result.UNKNOWN, "", sub)
            return Verdict(form, self._check_digest(), missing, warnings=warnings)
        core = Verdict(
            form,
            self._check_digest(),
            self._check_signature(certificate),
            self._check_binding(certificate),
            warnings=warnings,
        )
        return core + self._judge_time_and_path(certificate, purpose, at)

    def _judge_time_and_path(self, certificate: Certificate, purpose: Purpose, at: datetime | None) -> Verdict:
        stamped, proven = self._judge_token()
        claimed = self.parsed.signing_time
        when = proven or at or claimed
        if when is None:
            sub = SubIndication.NO_POE
            return Verdict(*stamped, Check("time", "TIME_UNTRUSTED", Result.UNKNOWN, "没有任何签名时间", sub))
        path = verify_path(
            certificate,
            anchors=self.anchors,
            evidence=self.evidence,
            at=when,
            purpose=purpose,
            extra=self.parsed.signed.certificates,
        )
        unproven = proven is None and at is None
        warnings = ("TIME_UNTRUSTED：签名时间未经可信时间戳证明",) if unproven else ()
        return Verdict(*stamped, *path.checks, warnings=warnings)

    def _judge_token(self) -> tuple[tuple[Check, ...], datetime | None]:
        """Judge the token if there is one, and answer its time if nothing about it failed."""
        if self.parsed.token is None:
            return (), None
        token = self._token()
        if isinstance(token, Check):
            return (token,), None
        imprint = compute_digest(token.digest_algorithm, self.parsed.signature)
        verdict = verify_token(token.der, imprint=imprint, anchors=self.anchors, evidence=self.evidence)
        return verdict.checks, None if verdict.failed else token.gen_time

    def _token(self) -> TimestampToken | Check:
        try:
            return parse_token(self.parsed.token or b"")
        except (MalformedError, UnsupportedAlgorithmError) as error:
            sub = SubIndication.SIG_CRYPTO_FAILURE
            return check("timestamp-format", False, code="TST_BAD", sub=sub, why=str(error))

    def _faults(self, *, detached: bool) -> list[str]:
        parsed, signer = self.parsed, self.parsed.signer
        faults = list(parsed.signed.deviations)
        faults += ["内容应当在外，却也在内"] if detached and parsed.content is not None else []
        faults += ["内容类型不是 id-data"] if parsed.signed.content_type != DATA else []
        faults += [f"未签名的属性 {oid}" for oid in signer.unsigned if oid != TIMESTAMP_TOKEN]
        known = [*self.anchors.issuers, *(anchor.certificate for anchor in self.anchors.anchors)]
        return faults + find_strangers(parsed.signed, parsed.certificate, known)

    def _check_digest(self) -> Check:
        """Compare messageDigest and contentType; without attributes the signature itself covers the content."""
        signer, signed = self.parsed.signer, self.parsed.signed
        try:
            if not signer.signed_attributes:
                return check("digest", True if self.content is not None else None, code="HASH")
            digest = self.content_digest(signer.digest)
            ok = matches_digest(signer, digest) and self._inner_digest_matches(digest)
            if ok and not matches_content_type(signer, signed.content_type, strict=self.strict):
                return self._failed("digest", "FMT_CMS", SubIndication.FORMAT_FAILURE, "contentType 属性不符")
        except UnsupportedAlgorithmError as error:
            return Check("digest", "ALG", Result.UNKNOWN, str(error), SubIndication.CRYPTO_CONSTRAINTS_FAILURE)
        except MalformedError as error:
            return self._failed("digest", "FMT_CMS", SubIndication.FORMAT_FAILURE, str(error))
        return check("digest", ok, code="HASH", sub=SubIndication.HASH_FAILURE)

    def _inner_digest_matches(self, digest: bytes) -> bool:
        inner = self.parsed.content
        return inner is None or compute_digest(self.parsed.signer.digest, inner) == digest

    def _check_signature(self, certificate: Certificate) -> Check:
        try:
            require_signature(self.parsed.signer, certificate, self.content)
        except BadSignatureError:
            return self._failed("signature", "SIG", SubIndication.SIG_CRYPTO_FAILURE)
        except UnsupportedAlgorithmError as error:
            return Check("signature", "ALG", Result.UNKNOWN, str(error), SubIndication.CRYPTO_CONSTRAINTS_FAILURE)
        except MalformedError as error:
            return Check("signature", "SIG", Result.UNKNOWN, str(error), SubIndication.SIGNED_DATA_NOT_FOUND)
        return check("signature", True, code="SIG")

    def _check_binding(self, certificate: Certificate) -> Check:
        """Ask whether ESSCertIDv2 names the certificate; its absence is no fault of a CMS signature as such."""
        try:
            bound = names_certificate(self.parsed.signer, certificate)
        except (MalformedError, UnsupportedAlgorithmError) as error:
            return self._failed("certificate-binding", "FMT_CMS", SubIndication.FORMAT_FAILURE, str(error))
        why = "签名未用 ESSCertID 指明证书" if bound is None else ""
        sub = SubIndication.SIG_CONSTRAINTS_FAILURE
        return check("certificate-binding", bound is not False, code="FMT_CMS", sub=sub, why=why)

    @staticmethod
    def _failed(name: str, code: str, sub: SubIndication, why: str = "") -> Check:
        return check(name, False, code=code, sub=sub, why=why)
