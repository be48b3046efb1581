"""Signature algorithms beside SM2, judged on certificates that `cryptography` made, and asn1crypto's tables."""

from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto import algos, cms, x509
from cryptography import x509 as pyca
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from signing_pki import DAY, NOON, UNIT, trust

from signing import der, registrations
from signing.algorithms import AlgorithmIdentifier, compute_digest, digest_name, verify_signature
from signing.certificates import Certificate, parse_certificate
from signing.checks import SubIndication
from signing.digests import sm3
from signing.errors import BadSignatureError, UnsupportedAlgorithmError
from signing.path import Purpose, RevocationEvidence, verify_path

RSA_KEY = rsa.generate_private_key(65537, 2048)
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)


def _self_signed(key: Any, digest: hashes.HashAlgorithm | None, **options: Any) -> Certificate:
    name = pyca.Name([pyca.NameAttribute(pyca.NameOID.COMMON_NAME, "国际算法")])
    builder = pyca.CertificateBuilder(name, name, key.public_key(), 5, NOON - DAY, NOON + DAY)
    made = builder.sign(key, digest, **options)
    return parse_certificate(made.public_bytes(serialization.Encoding.DER))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: _self_signed(RSA_KEY, hashes.SHA256()), id="RSA PKCS#1 v1.5, SHA-256"),
        pytest.param(lambda: _self_signed(RSA_KEY, hashes.SHA512()), id="RSA PKCS#1 v1.5, SHA-512"),
        pytest.param(lambda: _self_signed(RSA_KEY, hashes.SHA256(), rsa_padding=PSS), id="RSA PSS"),
        pytest.param(lambda: _self_signed(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()), id="ECDSA P-256"),
        pytest.param(lambda: _self_signed(ec.generate_private_key(ec.SECP384R1()), hashes.SHA384()), id="ECDSA P-384"),
        pytest.param(lambda: _self_signed(ed25519.Ed25519PrivateKey.generate(), None), id="Ed25519"),
    ],
)
def test_international_signatures(make: Callable[[], Certificate]) -> None:
    one = make()
    verify_signature(one.public_key, one.signature_algorithm, one.tbs, one.signature)
    for message, signature in ((one.tbs + b"\0", one.signature), (one.tbs, one.signature[:-1] + b"\0\0")):
        with pytest.raises(BadSignatureError):
            verify_signature(one.public_key, one.signature_algorithm, message, signature)
    verdict = verify_path(one, anchors=trust(one), evidence=RevocationEvidence(), at=NOON, purpose=Purpose.LICENCE)
    verdict.require()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        pytest.param(UNIT.key.public, "1.2.840.113549.1.1.11", id="RSA algorithm, SM2 key"),
        pytest.param(RSA_KEY, "1.2.156.10197.1.501", id="SM2 algorithm, RSA key"),
        pytest.param(RSA_KEY, "1.2.840.113549.1.1.5", id="SHA-1"),
        pytest.param(RSA_KEY, "1.2.840.113549.1.1.1", id="bare RSA without a digest"),
        pytest.param(RSA_KEY, "1.2.840.113549.1.1.10", id="PSS without parameters"),
        pytest.param(UNIT.key.public, "1.2.3", id="unknown"),
    ],
)
def test_combinations_that_are_refused(key: Any, algorithm: str) -> None:
    public = key
    if isinstance(key, rsa.RSAPrivateKey):
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = key.public_key().public_bytes(serialization.Encoding.DER, form)
    with pytest.raises(UnsupportedAlgorithmError):
        verify_signature(public, AlgorithmIdentifier(algorithm), b"message", bytes(256))


def test_bare_rsa_takes_the_digest_of_the_message() -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    public = RSA_KEY.public_key().public_bytes(serialization.Encoding.DER, form)
    signature = RSA_KEY.sign(b"message", padding.PKCS1v15(), hashes.SHA256())
    verify_signature(
        public, AlgorithmIdentifier("1.2.840.113549.1.1.1", b"\x05\0"), b"message", signature, digest="sha256"
    )


def test_an_unsupported_algorithm_leaves_the_path_open() -> None:
    root = _self_signed(RSA_KEY, hashes.SHA256())
    name = pyca.Name([pyca.NameAttribute(pyca.NameOID.COMMON_NAME, "国际算法")])
    leaf_name = pyca.Name([pyca.NameAttribute(pyca.NameOID.COMMON_NAME, "叶")])
    builder = pyca.CertificateBuilder(name, leaf_name, RSA_KEY.public_key(), 6, NOON - DAY, NOON + DAY)
    made = builder.sign(RSA_KEY, hashes.SHA3_256()).public_bytes(serialization.Encoding.DER)
    leaf = parse_certificate(made)
    verdict = verify_path(leaf, anchors=trust(root), evidence=RevocationEvidence(), at=NOON, purpose=Purpose.LICENCE)
    assert verdict.worst.code == "CHAIN_BAD"
    assert verdict.sub_indication is SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE


def test_digests() -> None:
    assert compute_digest("sm3", b"abc") == sm3(b"abc")
    assert digest_name(AlgorithmIdentifier("1.2.156.10197.1.401", b"\x05\0")) == "sm3"
    for oid, parameters in (("1.2.156.10197.1.402", b""), ("1.2.156.10197.1.401", b"\x02\1\0")):
        with pytest.raises(UnsupportedAlgorithmError):
            digest_name(AlgorithmIdentifier(oid, parameters))
    with pytest.raises(UnsupportedAlgorithmError):
        compute_digest("md5", b"")


def test_asn1crypto_learns_gm_once_and_writes_standard_types() -> None:
    registrations.register()
    before = dict(cms.ContentType._map)
    registrations.register()
    assert dict(cms.ContentType._map) == before
    assert cms.ContentType("data").dump() == der.oid("1.2.840.113549.1.7.1")
    assert cms.ContentType.load(der.oid("1.2.156.10197.6.1.4.2.2")).native == "signed_data"
    assert algos.DigestAlgorithm({"algorithm": "sm3"}).dump() == AlgorithmIdentifier("1.2.156.10197.1.401").encode()
    assert algos.SignedDigestAlgorithmId("sm2_sm3").dump() == der.oid("1.2.156.10197.1.501")


def test_asn1crypto_reads_our_certificates_alike() -> None:
    registrations.register()
    other = x509.Certificate.load(UNIT.certificate.der)
    assert other.dump(force=True) == UNIT.certificate.der
    assert other.serial_number == UNIT.certificate.serial_number
    assert other.subject.native["common_name"] == UNIT.certificate.common_name
    assert other.key_usage_value is not None
    assert other.key_usage_value.native == {"digital_signature", "non_repudiation"}
    assert other.not_valid_before == UNIT.certificate.not_before
    assert other.public_key["public_key"].native == UNIT.key.public.point
