"""Judging one signer of a CMS message (EN 319 102-1 5.2): form, content, digest, value, binding, time, path.

Nothing is accepted that does not verify by the standard; a value made by a known wrong rule is refused by its name.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from signing import sm2
from signing.algorithms import compute_digest
from signing.certificates import Certificate
from signing.checks import Check, Indication, Result, SubIndication, Verdict, check
from signing.cms_contents import Content, WholeContent, wrapped_form
from signing.cms_names import COUNTER_SIGNATURE, DATA, TIMESTAMP_TOKEN
from signing.cms_parsing import ParsedCms
from signing.digests import sm3
from signing.errors import (
    BadSignatureError,
    InvalidKeyError,
    MalformedError,
    SigningError,
    UnsupportedAlgorithmError,
)
from signing.path import Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.signed_data import (
    find_strangers,
    matches_content_type,
    matches_digest,
    names_certificate,
    require_signature,
    signed_forms,
)
from signing.sm2_diagnosis import PRIVATE_RULE, diagnose, diagnose_digests
from signing.timestamps import TimestampToken, is_genuine, parse_token, verify_token


@dataclass(frozen=True)
class Judge:
    """What is known when one signer is judged.

    `proven` is since when the whole message is known to have existed (by a timestamp over it), None when nothing but
    its own timestamps tells. `legacy` takes SHA-1: whether that is good enough is the asker's policy to say.
    """

    parsed: ParsedCms
    outside: Content | None
    """The content that the caller holds; None when it is the one inside."""
    anchors: TrustAnchors
    evidence: RevocationEvidence
    strict: bool
    known: Sequence[Certificate] = ()
    proven: datetime | None = None
    legacy: bool = False

    def verdict(self, purpose: Purpose, at: datetime | None, *, detached: bool) -> Verdict:
        """Judge; MalformedError when there is no content at all."""
        faults = self._faults(detached=detached)
        ok = not (faults and self.strict)
        form = check("format", ok, code="FMT_CMS", sub=SubIndication.FORMAT_FAILURE, why="；".join(faults))
        warnings = tuple(f"FMT_CMS：{fault}" for fault in faults) if ok else ()
        covered, inner = self._find_covered()
        digest = self._check_digest(covered)
        certificate = self.parsed.certificate
        if certificate is None:
            sub = SubIndication.NO_SIGNING_CERTIFICATE_FOUND
            missing = Check("certificate", "NO_CERT", Result.UNKNOWN, "", sub)
            return Verdict(form, *inner, digest, missing, warnings=warnings)
        core = Verdict(
            form,
            *inner,
            digest,
            self._check_signature(certificate, covered),
            self._check_binding(certificate),
            warnings=warnings,
        )
        return core + self._judge_time_and_path(certificate, purpose, at)

    def _find_covered(self) -> tuple[Content, tuple[Check, ...]]:
        """Answer what the signature covers, and how that hangs together with the content outside."""
        inside, outside = self.parsed.content, self.outside
        if inside is None:
            if outside is None:
                raise MalformedError("no content inside, and none given")
            return outside, ()
        if outside is None:
            return WholeContent(inside, self.legacy), ()
        return WholeContent(inside, self.legacy), (self._compare(inside, outside),)

    def _compare(self, inside: bytes, outside: Content) -> Check:
        try:
            named = dict.fromkeys((self.parsed.signer.digest, "sm3"))
            names = [name for name in named if self.legacy or name != "sha1"]
            digests = [(name, outside.digest(name)) for name in names]
        except UnsupportedAlgorithmError as error:
            return _unsupported("content", error)
        if any(compute_digest(name, inside) == digest for name, digest in digests):
            return check("content", True, code="HASH")
        form = next((found for _, digest in digests if (found := wrapped_form(inside, digest))), "")
        why = f"内含原文的摘要（{form}），原文在外" if form else "内含的既不是原文，也不是原文的摘要"
        return check("content", bool(form), code="HASH", sub=SubIndication.HASH_FAILURE, why=why)

    def _judge_time_and_path(self, certificate: Certificate, purpose: Purpose, at: datetime | None) -> Verdict:
        stamped, proven = self.judge_tokens()
        checks = stamped.checks if stamped is not None else ()
        warnings = stamped.warnings if stamped is not None else ()
        when = proven.gen_time if proven else at or self.parsed.signing_time
        if when is None:
            sub = SubIndication.NO_POE
            unknown = Check("time", "TIME_UNTRUSTED", Result.UNKNOWN, "没有任何签名时间", sub)
            return Verdict(*checks, unknown, warnings=warnings)
        path = verify_path(
            certificate,
            anchors=self.anchors,
            evidence=self.evidence,
            at=when,
            purpose=purpose,
            extra=(*self.parsed.signed.certificates, *self.known),
            legacy=self.legacy,
        )
        if proven is None and at is None:
            warnings = (*warnings, "TIME_UNTRUSTED：签名时间未经可信时间戳证明")
        told = at is not None if proven is None else _passed(stamped)
        if not told and any(one.code == "REVOKED_AFTER" for one in path.checks):
            told = self._was_before(certificate, purpose)
        checks += path.checks if told else tuple(_unproven(one) for one in path.checks)
        return Verdict(*checks, warnings=(*warnings, *path.warnings))

    def _was_before(self, certificate: Certificate, purpose: Purpose) -> bool:
        """Whether the message is proven to be older than the revocation of its signer."""
        if self.proven is None:
            return False
        then = verify_path(
            certificate,
            anchors=self.anchors,
            evidence=self.evidence,
            at=self.proven,
            purpose=purpose,
            extra=(*self.parsed.signed.certificates, *self.known),
            legacy=self.legacy,
        )
        return not any(one.code in ("REVOKED_BEFORE", "REVOKED_NOPOE") for one in then.checks)

    def judge_tokens(self) -> tuple[Verdict | None, TimestampToken | None]:
        """Judge the signature timestamps, and answer the earliest that passes, or else the first that holds, with it.

        Anybody can put tokens beside a signature. When none holds, the first judgement stands alone.
        """
        judged = [self._judge_token(token) for token in self.parsed.tokens]
        passed = [(verdict, token) for verdict, token in judged if token and _passed(verdict)]
        if passed:
            return min(passed, key=lambda pair: pair[1].gen_time)
        return next((pair for pair in judged if pair[1]), judged[0] if judged else (None, None))

    def _judge_token(self, data: bytes) -> tuple[Verdict, TimestampToken | None]:
        """Judge one token; its time counts only if nothing failed and its signature has really been verified."""
        try:
            token = parse_token(data)
            imprint = compute_digest(token.digest_algorithm, self.parsed.signature)
        except UnsupportedAlgorithmError as error:
            if not self.strict:
                return Verdict(_unsupported("timestamp-format", error)), None
            return Verdict(_bad_token(error)), None
        except (MalformedError, InvalidKeyError) as error:
            return Verdict(_bad_token(error)), None
        verdict = verify_token(
            token.der,
            imprint=imprint,
            anchors=self.anchors,
            evidence=self.evidence,
            strict=self.strict,
            certificates=self.known,
            proven=self.proven,
            legacy=self.legacy,
        )
        return verdict, token if is_genuine(verdict) else None

    def _faults(self, *, detached: bool) -> list[str]:
        parsed, signer = self.parsed, self.parsed.signer
        faults = list(parsed.signed.deviations)
        faults += ["内容应当在外，却也在内"] if detached and parsed.content is not None else []
        faults += ["内容类型不是 id-data"] if parsed.signed.content_type != DATA else []
        faults += ["有多个签名时间戳"] if len(parsed.tokens) > 1 else []
        for oid in signer.unsigned:
            if oid != TIMESTAMP_TOKEN:
                faults.append("副署签名未验证" if oid == COUNTER_SIGNATURE else f"未签名的属性 {oid}")
        trusted = [*self.anchors.issuers, *self.known, *(anchor.certificate for anchor in self.anchors.anchors)]
        return faults + find_strangers(parsed.signed, parsed.certificate, trusted)

    def _check_digest(self, covered: Content) -> Check:
        """Compare messageDigest and contentType; without attributes the signature itself covers the content."""
        signer, signed = self.parsed.signer, self.parsed.signed
        try:
            if not signer.signed_attributes:
                return check("digest", covered.covers_directly or None, code="HASH")
            if signer.digest == "sha1" and not self.legacy:
                return _unsupported("digest", "SHA-1")
            ok = matches_digest(signer, covered.digest(signer.digest))
            if ok and not matches_content_type(signer, signed.content_type, strict=self.strict):
                return _failed("digest", "FMT_CMS", SubIndication.FORMAT_FAILURE, "contentType 属性不符")
        except UnsupportedAlgorithmError as error:
            return _unsupported("digest", error)
        except MalformedError as error:
            return _failed("digest", "FMT_CMS", SubIndication.FORMAT_FAILURE, str(error))
        return check("digest", ok, code="HASH", sub=SubIndication.HASH_FAILURE)

    def _check_signature(self, certificate: Certificate, covered: Content) -> Check:
        signer = self.parsed.signer
        try:
            if signer.signed_attributes:
                self._require_signature(certificate)
            else:
                covered.require(signer, certificate)
        except BadSignatureError:
            return _failed("signature", "SIG", SubIndication.SIG_CRYPTO_FAILURE, self._diagnose(certificate, covered))
        except UnsupportedAlgorithmError as error:
            return _unsupported("signature", error)
        except MalformedError as error:
            return Check("signature", "SIG", Result.UNKNOWN, str(error), SubIndication.SIGNED_DATA_NOT_FOUND)
        return check("signature", True, code="SIG")

    def _require_signature(self, certificate: Certificate) -> None:
        """Raise BadSignatureError unless the value is over the attributes in one of their forms."""
        signer, *others = (
            replace(self.parsed.signer, signed_attributes=form)
            for form in signed_forms(self.parsed.signer, strict=self.strict)
        )
        for other in others:
            with contextlib.suppress(BadSignatureError):
                return require_signature(other, certificate, None, legacy=self.legacy)
        return require_signature(signer, certificate, None, legacy=self.legacy)

    def _diagnose(self, certificate: Certificate, covered: Content) -> str:
        """Name the wrong rule by which an SM2 value was made, if it is one of those known."""
        key, signer = certificate.public_key, self.parsed.signer
        if not isinstance(key, sm2.PublicKey):
            return ""
        private = ((PRIVATE_RULE, sm3(self.parsed.signed.content_info)),)
        if named := diagnose_digests(key, private, signer.signature):
            return named
        if signer.signed_attributes:
            return diagnose(key, signer.signed_attributes, signer.signature)
        return covered.diagnose(signer, key)

    def _check_binding(self, certificate: Certificate) -> Check:
        """Ask whether ESSCertIDv2 names the certificate; its absence is no fault of a CMS signature as such."""
        try:
            bound = names_certificate(self.parsed.signer, certificate)
        except (MalformedError, UnsupportedAlgorithmError) as error:
            return _failed("certificate-binding", "FMT_CMS", SubIndication.FORMAT_FAILURE, str(error))
        why = "签名未用 ESSCertID 指明证书" if bound is None else ""
        sub = SubIndication.SIG_CONSTRAINTS_FAILURE
        return check("certificate-binding", bound is not False, code="FMT_CMS", sub=sub, why=why)


def _failed(name: str, code: str, sub: SubIndication, why: str = "") -> Check:
    return check(name, False, code=code, sub=sub, why=why)


def _passed(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.indication is Indication.TOTAL_PASSED


def _unproven(one: Check) -> Check:
    """Leave open whether a signature was made before a revocation, if only the signer or a stranger says when."""
    if one.code != "REVOKED_AFTER":
        return one
    return Check(one.name, "REVOKED_NOPOE", Result.UNKNOWN, one.why, SubIndication.REVOKED_NO_POE)


def _bad_token(error: SigningError) -> Check:
    return _failed("timestamp-format", "TST_BAD", SubIndication.SIG_CRYPTO_FAILURE, str(error))


def _unsupported(name: str, error: object) -> Check:
    return Check(name, "ALG", Result.UNKNOWN, str(error), SubIndication.CRYPTO_CONSTRAINTS_FAILURE)
