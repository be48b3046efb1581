"""Dual certificates (双证书, GM/T 0015, GB/T 20518): one pair of one holder, for signing and for encryption."""

from signing.certificates import Certificate
from signing.checks import Check, SubIndication, Verdict, check
from signing.distinguished_names import same_name

_SIGNING = frozenset({"digitalSignature", "nonRepudiation"})
_ENCRYPTION = frozenset({"keyEncipherment", "dataEncipherment", "keyAgreement"})
_SUB = SubIndication.CHAIN_CONSTRAINTS_FAILURE


def verify_dual(signing: Certificate, encryption: Certificate) -> Verdict:
    """Judge whether two are a pair: checks "holder", "issuer", "keys", "signing-usage", "encryption-usage".

    Their paths are judged apart. Code CHAIN_BAD. Absent key usage fits neither: who makes pairs says which is which.
    """
    signs, encrypts = signing.key_usage or frozenset(), encryption.key_usage or frozenset()
    apart = signing.serial != encryption.serial and signing.public_key != encryption.public_key
    return Verdict(
        _check("holder", same_name(signing.subject_der, encryption.subject_der), "两张证书的主体不同"),
        _check("issuer", same_name(signing.issuer_der, encryption.issuer_der), "两张证书的签发者不同"),
        _check("keys", apart, "两张证书的序列号或公钥相同"),
        _check("signing-usage", bool(signs & _SIGNING) and not signs & _ENCRYPTION, "签名证书的密钥用法不符"),
        _check("encryption-usage", bool(encrypts & _ENCRYPTION) and not encrypts & _SIGNING, "加密证书的密钥用法不符"),
    )


def _check(name: str, ok: bool, why: str) -> Check:
    return check(name, ok, code="CHAIN_BAD", sub=_SUB, why="" if ok else why)
