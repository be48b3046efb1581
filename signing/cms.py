"""CMS signatures (数字签名消息, RFC 5652, GB/T 35275) over one content, attached or detached.

We write the standard object identifiers with SM2-with-SM3 (1.2.156.10197.1.501) and signed attributes; other forms
and the two-step signing of several signers are in `signing.cms_signing`. We read both families. `strict` judging takes
only the form that we write, so that no byte of a message can change unnoticed; otherwise departures become warnings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signing import der
from signing.algorithms import compute_digest, verify_signature
from signing.certificates import Certificate
from signing.checks import Verdict
from signing.cms_contents import Content, ContentDigest, DigestedContent, WholeContent, wrapped_form
from signing.cms_judging import Judge
from signing.cms_names import (
    CONTENT_TYPE,
    DATA,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    TIMESTAMP_TOKEN,
)
from signing.cms_parsing import ParsedCms, parse_cms, parse_signers, read_message_digest
from signing.cms_writing import encode_attributes, encode_signed_data, signing_certificate_v2
from signing.errors import MalformedError
from signing.key_use import require_signing_certificate
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.schemes import scheme_for

__all__ = [
    "ContentDigest",
    "ParsedCms",
    "SignerVerdict",
    "complete_detached",
    "parse_cms",
    "parse_signers",
    "prepare_detached",
    "read_message_digest",
    "verify_attached",
    "verify_detached",
    "verify_signers",
]


def prepare_detached(content_digest: bytes, certificate: Certificate, at: datetime) -> bytes:
    """Answer what is to be signed: the DER SET OF attributes over a content known by its digest.

    contentType, messageDigest, signingTime (`at`, to the second) and ESSCertIDv2 of the certificate. The digest is that
    of the certificate's scheme: SM3 for SM2, whose signature is then over SM3(Z || these bytes). Raises InvalidKeyError
    for an encryption certificate.
    """
    require_signing_certificate(certificate)
    digest = scheme_for(certificate.public_key).digest
    if len(content_digest) != len(compute_digest(digest, b"")):
        raise ValueError(f"{len(content_digest)} bytes are no {digest} digest")
    return encode_attributes(
        {
            CONTENT_TYPE: der.oid(DATA),
            MESSAGE_DIGEST: der.octet_string(content_digest),
            SIGNING_TIME: der.time(at, utc_until_2050=True),
            SIGNING_CERTIFICATE_V2: signing_certificate_v2(certificate, digest),
        }
    )


def complete_detached(
    attributes: bytes, certificate: Certificate, chain: Sequence[Certificate], signature: bytes, token: bytes | None
) -> bytes:
    """Put the message together: `attributes` as prepared, the signature over them, and issuers.

    The token (RFC 3161, imprint = SM3 of the signature octets) becomes the unsigned attribute
    1.2.840.113549.1.9.16.2.14. Raises BadSignatureError for a signature that is not of this certificate.
    """
    scheme = scheme_for(certificate.public_key)
    verify_signature(certificate.public_key, scheme.algorithm, attributes, signature)
    unsigned = {TIMESTAMP_TOKEN: token} if token else None
    return encode_signed_data(attributes, certificate, signature, chain=chain, unsigned=unsigned)


def verify_detached(
    cms_der: bytes,
    *,
    content_digest: ContentDigest,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    purpose: Purpose,
    at: datetime | None = None,
    strict: bool = True,
    known: Sequence[Certificate] = (),
    proven: datetime | None = None,
    legacy: bool = False,
) -> Verdict:
    """Judge a detached signature over the content that `content_digest` knows.

    Checks "format" (FMT_CMS), "digest" (HASH), "signature" (SIG), "certificate-binding", those of the token and of the
    path. The path is judged at the token's time if it holds, else at `at`, else at the claimed time with the warning
    TIME_UNTRUSTED; a later revocation then stays open (REVOKED_NOPOE), as with a token that does not pass. If not
    `strict`, a content inside may be the outer one again or spell its digest (GM/T 0099): check "content" (HASH) says
    which. `known` certificates help to find the signer and the path. `proven` is since when the message is known to
    have existed; `legacy` takes SHA-1. Messages without signed attributes need `verify_attached` with the content
    itself, or `signing.cms_streaming`. Raises MalformedError or LimitError for bytes
    that are no CMS message of one signer.
    """
    parsed = parse_cms(cms_der, known)
    judge = Judge(parsed, DigestedContent(content_digest), anchors, evidence, strict, known, proven, legacy)
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
    known: Sequence[Certificate] = (),
    proven: datetime | None = None,
    legacy: bool = False,
) -> Verdict:
    """Judge a signature over the content inside, or over `content` given whole; checks as in `verify_detached`.

    Raises MalformedError if there is no content either way, or if both are there and the inner one neither is the other
    nor spells its SM3.
    """
    parsed = parse_cms(cms_der, known)
    outside = _outside(parsed.content, content, legacy=legacy)
    judge = Judge(parsed, outside, anchors, evidence, strict, known, proven, legacy)
    return judge.verdict(purpose, at, detached=False)


def _outside(inside: bytes | None, content: bytes | None, *, legacy: bool) -> Content | None:
    """Answer the content that is judged beside the one inside, if it is another thing."""
    if inside is None and content is None:
        raise MalformedError("no content")
    if content is None or inside == content:
        return None
    if inside is not None and not wrapped_form(inside, compute_digest("sm3", content)):
        raise MalformedError("another content inside")
    return WholeContent(content, legacy)


@dataclass(frozen=True)
class SignerVerdict:
    """One of several signers, and what was found about that one."""

    message: ParsedCms
    verdict: Verdict

    @property
    def certificate(self) -> Certificate | None:
        """Answer the signer's certificate."""
        return self.message.certificate


def verify_signers(
    cms_der: bytes,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    purpose: Purpose,
    content: bytes | None = None,
    content_digest: ContentDigest | None = None,
    at: datetime | None = None,
    strict: bool = True,
    known: Sequence[Certificate] = (),
    proven: datetime | None = None,
    legacy: bool = False,
) -> tuple[SignerVerdict, ...]:
    """Judge every signer of a message by itself, in the order of the message; checks as in `verify_detached`.

    The content is inside, or given whole, or known by its digests. Raises LimitError, or MalformedError for bytes that
    are no CMS message, that nobody signed, or that come without any content.
    """
    detached = content_digest is not None
    parsed = parse_signers(cms_der, known)
    outside = DigestedContent(content_digest) if content_digest else _outside(parsed[0].content, content, legacy=legacy)
    judges = (Judge(one, outside, anchors, evidence, strict, known, proven, legacy) for one in parsed)
    return tuple(SignerVerdict(one.parsed, one.verdict(purpose, at, detached=detached)) for one in judges)
