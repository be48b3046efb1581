"""Signature messages with something unusual or wrong about them, over whatever bytes they are asked to cover."""

import hashlib
from typing import Any

import comparison_path  # noqa: F401 - first, so that the makers are found
import pdf_forge as forge
from asn1crypto import algos, cms, core
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from signing import der


def _message(covered: bytes) -> cms.ContentInfo:
    return cms.ContentInfo.load(forge.seal(covered))


def _key() -> ec.EllipticCurvePrivateKey:
    loaded = serialization.load_der_private_key(forge.ink().signer.signing_key.dump(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return loaded


def _signed(data: bytes) -> bytes:
    return _key().sign(data, ec.ECDSA(hashes.SHA256()))


def _resign(info: Any) -> None:
    info["signature"] = _signed(info["signed_attrs"].untag().dump())


def without_certificates(covered: bytes) -> bytes:
    """Leave the certificate out."""
    message = _message(covered)
    message["content"]["certificates"] = cms.CertificateSet([])
    return message.dump(force=True)


def attributes_missing(covered: bytes) -> bytes:
    """Sign the covered bytes themselves."""
    message = _message(covered)
    info = message["content"]["signer_infos"][0]
    del info["signed_attrs"]
    info["signature"] = _signed(covered)
    return message.dump(force=True)


def _drop(covered: bytes, kinds: set[str]) -> bytes:
    message = _message(covered)
    info = message["content"]["signer_infos"][0]
    info["signed_attrs"] = cms.CMSAttributes([one for one in info["signed_attrs"] if one["type"].native not in kinds])
    _resign(info)
    return message.dump(force=True)


def reference_without_id(covered: bytes) -> bytes:
    """Leave the reference to the signing certificate out."""
    return _drop(covered, {"signing_certificate", "signing_certificate_v2"})


def no_message_digest(covered: bytes) -> bytes:
    """Sign attributes that say nothing of the document."""
    return _drop(covered, {"message_digest"})


def with_content(covered: bytes, content: bytes) -> bytes:
    """Put content into the message, and sign the digest of the document all the same."""
    message = _message(covered)
    message["content"]["encap_content_info"]["content"] = core.OctetString(content)
    return message.dump(force=True)


def of_other_content(content: bytes) -> forge.Seal:
    """Answer a maker of a sound message about other bytes, which it carries."""
    return lambda _: with_content(content, content)


def old_sha1(covered: bytes) -> bytes:
    """Carry the SHA-1 of the document as content (adbe.pkcs7.sha1)."""
    digest = hashlib.sha1(covered, usedforsecurity=False).digest()
    return with_content(digest, digest)


def old_sha1_wrong(covered: bytes) -> bytes:
    """Carry the SHA-1 of other bytes."""
    return old_sha1(covered + b"x")


def twice_signed(covered: bytes) -> bytes:
    """Carry two signers, of which the second signed something else."""
    message = _message(covered)
    other = _message(covered + b"x")["content"]["signer_infos"][0]
    message["content"]["signer_infos"].append(other)
    return message.dump(force=True)


def unknown_algorithm(covered: bytes) -> bytes:
    """Name a signature algorithm that nobody knows."""
    message = _message(covered)
    info = message["content"]["signer_infos"][0]
    info["signature_algorithm"] = algos.SignedDigestAlgorithm({"algorithm": "1.2.3.4.5.6.7"})
    return message.dump(force=True)


def no_signers(covered: bytes) -> bytes:
    """Carry certificates and no signature at all."""
    message = _message(covered)
    message["content"]["signer_infos"] = cms.SignerInfos([])
    return message.dump(force=True)


def swapped_certificate(covered: bytes) -> bytes:
    """Name another certificate than the one inside."""
    message = _message(covered)
    info = message["content"]["signer_infos"][0]
    info["sid"].chosen["serial_number"] = 4711
    return message.dump(force=True)


def data_only(covered: bytes) -> bytes:
    """Carry the digest as plain data: nobody signed."""
    content = der.octet_string(hashlib.sha256(covered).digest())
    return der.sequence(der.oid("1.2.840.113549.1.7.1"), der.explicit(0, content))


def indefinite(covered: bytes) -> bytes:
    """Write the outer lengths as BER allows."""
    outer = der.read(forge.seal(covered), limit=1 << 20)
    kind, explicit = outer.children()
    inner = explicit.children()[0]
    body = b"".join(child.raw for child in inner.children())
    return b"\x30\x80" + kind.raw + b"\xa0\x80\x30\x80" + body + bytes(6)


def padded_short(covered: bytes) -> bytes:
    """Leave noise behind the message, inside /Contents."""
    return forge.seal(covered) + b"\0" * 40
