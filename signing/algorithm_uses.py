"""Which algorithms a signature rests on, as facts, and what a policy says of them at the time that counts.

EN 319 102-1 5.2.8.4.2 asks for every algorithm that security depends on: the digest of the content, the signature with
its key, and those of the certificates above, but for the anchor, which is trusted as it is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from signing import sm2
from signing.algorithms import DIGESTS, AlgorithmIdentifier, load_international, signature_digest
from signing.certificates import Certificate
from signing.checks import Check, Result, SubIndication, check
from signing.errors import UnsupportedAlgorithmError
from signing.policy import Standing, ValidationPolicy
from signing.signed_data import SignerInfo
from signing.timestamps import TimestampToken


@dataclass(frozen=True)
class Use:
    """One algorithm in use: by the name that policies have for it, the key's bits (0 for digests), and for what."""

    name: str
    bits: int
    what: str

    @property
    def label(self) -> str:
        """Answer what people call it."""
        name = self.name.upper() if self.name in _CAPITALS else self.name
        return f"{name} {self.bits} 位" if self.name == "rsa" else name


_CAPITALS = frozenset({"sm2", "sm3", "rsa"})


def key_use(public_key: sm2.PublicKey | bytes, what: str) -> Use:
    """Name the kind and size of a public key; one that nobody here knows is "unknown"."""
    if isinstance(public_key, sm2.PublicKey):
        return Use("sm2", 256, what)
    try:
        key = load_international(public_key)
    except (UnsupportedAlgorithmError, UnsupportedAlgorithm, ValueError, TypeError):
        return Use("unknown", 0, what)
    match key:
        case rsa.RSAPublicKey():
            return Use("rsa", key.key_size, what)
        case ec.EllipticCurvePublicKey():
            return Use(f"ecdsa-{key.curve.name.lower()}", key.key_size, what)
        case ed25519.Ed25519PublicKey():
            return Use("ed25519", 256, what)
    return Use("unknown", 0, what)


def digest_use(algorithm: AlgorithmIdentifier, digest: str, what: str) -> Iterable[Use]:
    """Name the digest under a signature algorithm, if there is one to be named."""
    name = "sm3" if algorithm.is_sm2 else signature_digest(algorithm, digest)
    return [Use(name, 0, what)] if name else []


def path_uses(path: Sequence[Certificate], who: str) -> list[Use]:
    """Name what a path rests on: every key, and the digests of all signatures below the anchor."""
    if not path:
        return []
    uses = [key_use(path[0].public_key, f"{who}证书的密钥")]
    for certificate in path[:-1]:
        uses += digest_use(certificate.signature_algorithm, "", f"证书 {certificate.common_name} 的签名")
    uses += [key_use(one.public_key, f"{one.common_name} 的密钥") for one in path[1:]]
    return uses


def signer_uses(signer: SignerInfo, who: str) -> list[Use]:
    """Name the digests of one signer of a CMS message: of the content, and of what was signed."""
    digest = DIGESTS.get(signer.digest_algorithm.oid, "unknown")
    uses = [Use(digest, 0, f"{who}的摘要")]
    return [*uses, *digest_use(signer.signature_algorithm, digest, f"{who}的签名")]


def token_uses(token: TimestampToken, certificate: Certificate | None) -> list[Use]:
    """Name what a timestamp rests on, its authority's certificate taken as the end of the path."""
    uses = [Use(token.digest_algorithm, 0, "时间戳的摘要"), *signer_uses(token.signed.signer, "时间戳")]
    return [*uses, *([key_use(certificate.public_key, "时间戳签发者证书的密钥")] if certificate else [])]


def check_uses(
    uses: Iterable[Use], policy: ValidationPolicy, *, at: datetime, claimed: datetime | None = None
) -> tuple[Check, tuple[str, ...]]:
    """Ask whether all algorithms may be used as of `at`: check "algorithms" (ALG), and a warning for each weak one.

    `at` is the proven time, or the present. What is forbidden then but was not at the `claimed` time only lacks a proof
    of existence (CRYPTO_CONSTRAINTS_FAILURE_NO_POE).
    """
    named = {(use.name, use.bits): use for use in reversed(list(uses))}
    bad = [use for use in named.values() if policy.weigh(use.name, use.bits, at) is Standing.FORBIDDEN]
    weak = [use for use in named.values() if policy.weigh(use.name, use.bits, at) is Standing.DEPRECATED]
    warnings = tuple(f"ALG：{use.what}用了不再推荐的算法 {use.label}。" for use in reversed(weak))
    if not bad:
        listed = "、".join(use.label for use in reversed(named.values()))
        return check("algorithms", True, code="ALG", why=listed), warnings
    curable = claimed is not None and all(
        policy.weigh(use.name, use.bits, claimed) is not Standing.FORBIDDEN for use in bad
    )
    sub = SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE if curable else SubIndication.CRYPTO_CONSTRAINTS_FAILURE
    why = "、".join(f"{use.what}用了 {use.label}" for use in reversed(bad))
    why += "，当时尚可使用，但没有存在证明" if curable else ""
    return Check("algorithms", "ALG", Result.UNKNOWN, f"策略不允许：{why}", sub), warnings
