"""Finding paths (构建证书链, RFC 4158): from a certificate over names and signatures up to what is trusted.

The search is bounded in depth, steps and signatures, so that a heap of certificates made to confuse it costs little.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from signing.algorithms import verify_signature
from signing.certificates import Certificate
from signing.distinguished_names import Folded, fold_name
from signing.errors import BadSignatureError, MalformedError, UnsupportedAlgorithmError
from signing.schemes import PublicKey
from signing.sm2 import PublicKey as Sm2PublicKey
from signing.sm2_diagnosis import diagnose

MAX_PATH: Final = 8
"""Certificates from leaf to anchor."""
_MAX_SIGNATURES: Final = 32
_MAX_STEPS: Final = 512
_MAX_DIAGNOSED: Final = 4


@dataclass
class PathSearch:
    """Depth-first search among `candidates`; `trusted` holds the DER of the anchors.

    `refused` says in Chinese, once paths were looked for, why a signature on the way was not taken. `legacy` takes
    signatures over SHA-1.
    """

    trusted: frozenset[bytes]
    candidates: Sequence[Certificate]
    refused: str = ""
    legacy: bool = False
    _known: dict[bytes, Certificate] = field(init=False)
    _by_name: dict[Folded, list[Certificate]] = field(init=False)
    _signed: dict[tuple[bytes, bytes], bool] = field(default_factory=dict)
    _steps: int = 0

    def __post_init__(self) -> None:
        """Put each certificate under its subject's name once."""
        self._known = {certificate.der: certificate for certificate in self.candidates}
        self._by_name = {}
        for certificate in self._known.values():
            self._by_name.setdefault(_fold(certificate.subject_der), []).append(certificate)

    @property
    def known(self) -> Sequence[Certificate]:
        """Answer every certificate that may stand on a path, each once."""
        return list(self._known.values())

    def paths(self, path: tuple[Certificate, ...]) -> Iterator[tuple[Certificate, ...]]:
        """Yield every path that begins so and ends at an anchor; likelier issuers (by key identifier) first."""
        last = path[-1]
        self._steps += 1
        if last.der in self.trusted:
            yield path
            return
        if len(path) >= MAX_PATH or self._steps > _MAX_STEPS:
            return
        passed = {_identity(one) for one in path}
        for issuer in self._issuers(last):
            if _identity(issuer) not in passed and self._has_signed(issuer, last):
                yield from self.paths((*path, issuer))

    def _issuers(self, certificate: Certificate) -> list[Certificate]:
        name = _fold(certificate.issuer_der)
        found = self._by_name.get(name, []) if name else []
        return sorted(found, key=lambda one: (one.der not in self.trusted, not _fits(certificate, one)))

    def _has_signed(self, issuer: Certificate, certificate: Certificate) -> bool:
        key = issuer.der, certificate.der
        if key not in self._signed:
            if len(self._signed) >= _MAX_SIGNATURES:
                return False
            self._signed[key] = self._verify(issuer, certificate)
        return self._signed[key]

    def _verify(self, issuer: Certificate, certificate: Certificate) -> bool:
        try:
            algorithm, signature = certificate.signature_algorithm, certificate.signature
            verify_signature(issuer.public_key, algorithm, certificate.tbs, signature, legacy=self.legacy)
        except BadSignatureError:
            wrong = self._diagnose(issuer, certificate) or "签名值不正确"
            self.refused = f"{issuer.common_name} 没有签发过证书 {certificate.common_name}（{wrong}）"
            return False
        except UnsupportedAlgorithmError as error:
            self.refused = f"证书 {certificate.common_name} 的签名算法不受支持：{error}"
            return False
        return True

    def _diagnose(self, issuer: Certificate, certificate: Certificate) -> str:
        if len(self._signed) >= _MAX_DIAGNOSED:
            return ""
        return diagnose_signature(issuer.public_key, certificate.tbs, certificate.signature)


def diagnose_signature(public_key: PublicKey, message: bytes, signature: bytes) -> str:
    """Answer in Chinese by which wrong SM2 rule a signature was made; empty when none is known, or for other keys."""
    return diagnose(public_key, message, signature) if isinstance(public_key, Sm2PublicKey) else ""


def _fits(certificate: Certificate, issuer: Certificate) -> bool:
    wanted, has = certificate.authority_key_id, issuer.subject_key_id
    return not wanted or not has or wanted == has


def _identity(certificate: Certificate) -> tuple[bytes, PublicKey]:
    """Answer name and key: a path that meets the same authority twice only goes round in circles (RFC 4158 5.2)."""
    return certificate.subject_der, certificate.public_key


def _fold(name_der: bytes) -> Folded:
    try:
        return fold_name(name_der)
    except MalformedError:
        return ()
