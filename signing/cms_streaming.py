"""Judging detached CMS messages over content of any size, in constant memory.

`DetachedVerifier` is opened with the message, fed the content once, and finished with the evidence. Signers without
signed attributes are judged too: the content is hashed with Z of each signer's SM2 key before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Final

from signing import sm2
from signing.algorithms import DIGESTS
from signing.certificates import Certificate
from signing.checks import Verdict
from signing.cms import SignerVerdict
from signing.cms_contents import prehash_name, require_prehashed
from signing.cms_hashing import Running, start_digest
from signing.cms_judging import Judge
from signing.cms_parsing import ParsedCms, parse_signers
from signing.digests import read_chunks
from signing.errors import BadSignatureError, MalformedError, SigningError, UnsupportedAlgorithmError
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.signed_data import SignerInfo, is_attributes
from signing.sm2_diagnosis import WITHOUT_Z, diagnose_digests, wrong_seeds

_SET: Final = 0x31
_KEPT: Final = 1 << 20
"""Bytes of content kept while it could still be the attributes of another message."""


@dataclass
class _Content:
    """What has streamed by, as the judge asks for it."""

    digests: dict[str, Running]
    by_key: dict[tuple[bytes, str], Running]
    """By certificate and digest name: what the signatures without attributes are over."""
    wrong: dict[bytes, tuple[tuple[str, Running], ...]]
    size: int = 0
    head: bytearray = field(default_factory=bytearray)

    @property
    def covers_directly(self) -> bool:
        """Whether a signature without attributes can be judged over this."""
        return True

    def update(self, chunk: bytes | memoryview) -> None:
        """Take more of the content."""
        if self.size <= len(self.head) <= _KEPT and (self.head or chunk[:1] == bytes((_SET,))):
            self.head += chunk[: _KEPT + 1 - len(self.head)]
        self.size += len(chunk)
        for running in (*self.digests.values(), *self.by_key.values()):
            running.update(chunk)
        for named in self.wrong.values():
            for _, running in named:
                running.update(chunk)

    def digest(self, name: str) -> bytes:
        """Answer the digest by an algorithm's name."""
        if name not in self.digests:
            raise UnsupportedAlgorithmError(f"digest {name!r}")
        return self.digests[name].digest()

    def require(self, signer: SignerInfo, certificate: Certificate) -> None:
        """Raise BadSignatureError unless the signature is over what streamed by."""
        # Larger contents that start like attributes are refused unread: nobody signs a mebibyte of attributes.
        if self.head and (self.size > _KEPT or is_attributes(bytes(self.head))):
            raise BadSignatureError("the content is the signed attributes of another message")
        running = self.by_key[certificate.der, prehash_name(signer, certificate)]
        require_prehashed(signer, certificate, running.digest())

    def diagnose(self, signer: SignerInfo, public: sm2.PublicKey) -> str:
        """Answer by which wrong rule the signature was made."""
        plain = ((WITHOUT_Z, self.digests["sm3"].digest()),) if "sm3" in self.digests else ()
        wrong = [named for pairs in self.wrong.values() for named in pairs]
        return diagnose_digests(public, (*plain, *((why, one.digest()) for why, one in wrong)), signer.signature)


class DetachedVerifier:
    """A judgement under way: `update` with the content, in pieces of any size, then `finish` or `finish_all`.

    `diagnosing` costs four more hash passes over messages without attributes, and names signatures made under a wrong
    user id. One thread at a time.
    """

    def __init__(
        self,
        cms_der: bytes,
        *,
        known: Sequence[Certificate] = (),
        diagnosing: bool = False,
        legacy: bool = False,
    ) -> None:
        """Read the message; LimitError, MalformedError. `known` certificates may be the signers' or issuers'.

        `legacy` takes SHA-1 under signed attributes.
        """
        self._known, self._legacy = tuple(known), legacy
        self._parsed = parse_signers(cms_der, self._known)
        direct = [one for one in self._parsed if not one.signer.signed_attributes and one.content is None]
        self._content = _Content(
            digests={name: start_digest(name, legacy=legacy) for name in _names(self._parsed, legacy=legacy)},
            by_key=dict(pair for one in direct for pair in _keyed(one)),
            wrong={key: pairs for one in direct for key, pairs in _wrong(one)} if diagnosing else {},
        )

    @property
    def signers(self) -> tuple[ParsedCms, ...]:
        """Answer the signers, not yet judged."""
        return self._parsed

    def update(self, chunk: bytes | memoryview) -> None:
        """Take more of the content."""
        self._content.update(chunk)

    def finish(
        self,
        *,
        anchors: TrustAnchors,
        evidence: RevocationEvidence,
        purpose: Purpose,
        at: datetime | None = None,
        strict: bool = True,
    ) -> Verdict:
        """Judge the only signer, as `cms.verify_detached`; MalformedError if there are several."""
        if len(self._parsed) != 1:
            raise MalformedError(f"{len(self._parsed)} signers where one is expected")
        (only,) = self.finish_all(anchors=anchors, evidence=evidence, purpose=purpose, at=at, strict=strict)
        return only.verdict

    def finish_all(
        self,
        *,
        anchors: TrustAnchors,
        evidence: RevocationEvidence,
        purpose: Purpose,
        at: datetime | None = None,
        strict: bool = True,
        proven: datetime | None = None,
    ) -> tuple[SignerVerdict, ...]:
        """Judge every signer by itself, in the order of the message; `proven` as in `cms.verify_detached`."""
        shared = (self._content, anchors, evidence, strict, self._known, proven, self._legacy)
        judges = (Judge(one, *shared) for one in self._parsed)
        return tuple(SignerVerdict(one.parsed, one.verdict(purpose, at, detached=True)) for one in judges)


def verify_stream(
    cms_der: bytes,
    content: BinaryIO,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    purpose: Purpose,
    at: datetime | None = None,
    strict: bool = True,
    known: Sequence[Certificate] = (),
    diagnosing: bool = False,
    legacy: bool = False,
) -> tuple[SignerVerdict, ...]:
    """Judge a detached message over an open file or other stream, read once to its end; constant memory.

    LimitError or MalformedError for bytes that are no CMS message.
    """
    verifier = DetachedVerifier(cms_der, known=known, diagnosing=diagnosing, legacy=legacy)
    for chunk in read_chunks(content):
        verifier.update(chunk)
    return verifier.finish_all(anchors=anchors, evidence=evidence, purpose=purpose, at=at, strict=strict)


def _names(parsed: Sequence[ParsedCms], *, legacy: bool) -> list[str]:
    """Answer the digests that the judge will ask for."""
    inside = parsed[0].content is not None
    asked = {
        DIGESTS.get(one.signer.digest_algorithm.oid, "") for one in parsed if one.signer.signed_attributes or inside
    }
    return sorted((asked | ({"sm3"} if inside else set())) - ({""} if legacy else {"", "sha1"}))


def _keyed(one: ParsedCms) -> list[tuple[tuple[bytes, str], Running]]:
    if one.certificate is None:
        return []
    try:
        name = prehash_name(one.signer, one.certificate)
    except SigningError:
        return []
    key = one.certificate.public_key
    seed = sm2.compute_z(key) if isinstance(key, sm2.PublicKey) else b""
    return [((one.certificate.der, name), start_digest(name, seed))]


def _wrong(one: ParsedCms) -> list[tuple[bytes, tuple[tuple[str, Running], ...]]]:
    if one.certificate is None or not isinstance(one.certificate.public_key, sm2.PublicKey):
        return []
    seeds = wrong_seeds(one.certificate.public_key)
    return [(one.certificate.der, tuple((why, start_digest("sm3", seed)) for why, seed in seeds))]
