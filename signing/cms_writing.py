"""Writing SignedData: attributes, SignerInfo, and the message around them, of both families.

Standard types are written as RFC 5652 has them, the GM types in the PKCS#7 1.5 layout of GB/T 35275 (all versions 1).
Changing a message that exists (one more signer, a timestamp) keeps every other byte of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from signing import der
from signing.algorithms import SM2_SIGN, AlgorithmIdentifier, compute_digest
from signing.certificates import Certificate
from signing.cms_names import (
    DATA,
    GM_DATA,
    GM_SIGNED_DATA,
    MAX_SIGNED_DATA,
    MAX_SIGNERS,
    SIGNED_DATA,
    TIMESTAMP_TOKEN,
)
from signing.errors import LimitError, MalformedError
from signing.schemes import SM2_SM3, Scheme, digest_identifier, scheme_for

_SHA256: Final = "sha256"
SM2_SIGN_SCHEME: Final = Scheme("GM", "sm3", AlgorithmIdentifier(SM2_SIGN))
"""SM2 with SM3 under the OID that GB/T 35275 prints (1.2.156.10197.1.301.1)."""


def encode_attributes(attributes: Mapping[str, bytes]) -> bytes:
    """Encode single-valued attributes as the SET OF that is signed (tag 31)."""
    return der.set_of(*(der.sequence(der.oid(oid), der.set_of(value)) for oid, value in attributes.items()))


def signing_certificate_v2(certificate: Certificate, digest: str = "sm3") -> bytes:
    """Encode SigningCertificateV2 (RFC 5035) with one ESSCertIDv2: digest of the certificate, issuer and serial."""
    # SHA-256 is the default of ESSCertIDv2, and DER leaves defaults out.
    algorithm = b"" if digest == _SHA256 else digest_identifier(digest).encode()
    value = der.octet_string(compute_digest(digest, certificate.der))
    return der.sequence(der.sequence(der.sequence(algorithm, value, issuer_and_serial(certificate))))


def issuer_and_serial(certificate: Certificate) -> bytes:
    """Encode IssuerSerial (RFC 5035): the issuer as GeneralNames, and the serial number."""
    return der.sequence(der.sequence(der.explicit(4, certificate.issuer_der)), der.integer(certificate.serial_number))


def encode_signer(
    attributes: bytes,
    certificate: Certificate,
    signature: bytes,
    *,
    unsigned: Mapping[str, bytes] | None = None,
    scheme: Scheme | None = None,
) -> bytes:
    """Encode a SignerInfo, version 1; `attributes` are the signed bytes (tag 31), empty for none."""
    scheme = scheme or scheme_for(certificate.public_key)
    loose = encode_attributes(unsigned or {})
    return der.sequence(
        der.integer(1),
        der.sequence(certificate.issuer_der, der.integer(certificate.serial_number)),
        scheme.digest_algorithm.encode(),
        bytes((der.context(0),)) + attributes[1:] if attributes else b"",
        scheme.algorithm.encode(),
        der.octet_string(signature),
        bytes((der.context(1),)) + loose[1:] if unsigned else b"",
    )


def encode_signed_data(
    attributes: bytes,
    certificate: Certificate,
    signature: bytes,
    *,
    content_type: str = DATA,
    content: bytes | None = None,
    chain: Sequence[Certificate] = (),
    unsigned: Mapping[str, bytes] | None = None,
    scheme: Scheme | None = None,
) -> bytes:
    """Encode a ContentInfo with SignedData of one signer; `attributes` are the signed bytes (tag 31), empty for none.

    The scheme is the certificate's own unless given; the content type 1.2.156.10197.6.1.4.2.1 brings the GM outer
    type with it. Raises MalformedError if `attributes` is not such a SET, UnsupportedAlgorithmError for a key that is
    not used here.
    """
    scheme = scheme or scheme_for(certificate.public_key)
    if attributes:
        der.require_der(attributes, limit=MAX_SIGNED_DATA)
        der.read(attributes, limit=MAX_SIGNED_DATA).expect(der.SET)
    holder = b"" if content is None else der.explicit(0, der.octet_string(content))
    inside = sorted({one.der for one in (certificate, *chain)})
    body = der.sequence(
        der.integer(1 if content_type in (DATA, GM_DATA) else 3),
        der.set_of(scheme.digest_algorithm.encode()),
        der.sequence(der.oid(content_type), holder),
        der.explicit(0, *inside),
        der.set_of(encode_signer(attributes, certificate, signature, unsigned=unsigned, scheme=scheme)),
    )
    outer = GM_SIGNED_DATA if content_type == GM_DATA else SIGNED_DATA
    return der.sequence(der.oid(outer), der.explicit(0, body))


def encode_certificates(certificates: Sequence[Certificate], *, gm_types: bool = False) -> bytes:
    """Encode certificates as a message without content or signers (.p7b; "degenerate", PKCS#7 9)."""
    outer, inner = (GM_SIGNED_DATA, GM_DATA) if gm_types else (SIGNED_DATA, DATA)
    inside = sorted({one.der for one in certificates})
    body = der.sequence(
        der.integer(1), der.set_of(), der.sequence(der.oid(inner)), der.explicit(0, *inside), der.set_of()
    )
    return der.sequence(der.oid(outer), der.explicit(0, body))


@dataclass(frozen=True)
class _Parts:
    """The pieces of a message, as they stand."""

    outer: bytes
    version: bytes
    digests: tuple[bytes, ...]
    content: bytes
    certificates: tuple[bytes, ...]
    crls: bytes
    signers: tuple[bytes, ...]

    def join(self) -> bytes:
        body = der.sequence(
            self.version,
            der.set_of(*dict.fromkeys(self.digests)),
            self.content,
            der.explicit(0, *sorted(dict.fromkeys(self.certificates))) if self.certificates else b"",
            self.crls,
            der.set_of(*self.signers),
        )
        return der.sequence(self.outer, der.explicit(0, body))


def _split(message: bytes) -> _Parts:
    outer = der.read(message, limit=MAX_SIGNED_DATA).fields()
    kind, holder = outer.take(der.OID), outer.take(der.context(0))
    fields = holder.inner(holder.tag).fields()
    version, digests, content = fields.take(der.INTEGER), fields.take(der.SET), fields.take(der.SEQUENCE)
    certificates, crls = fields.optional(der.context(0)), fields.optional(der.context(1))
    signers = fields.take(der.SET)
    return _Parts(
        kind.raw,
        version.raw,
        tuple(one.raw for one in digests.children()),
        content.raw,
        tuple(one.raw for one in certificates.children()) if certificates else (),
        crls.raw if crls else b"",
        tuple(one.raw for one in signers.children()),
    )


def add_signer_info(message: bytes, signer: bytes, scheme: Scheme, certificates: Sequence[Certificate]) -> bytes:
    """Answer the message with one more SignerInfo; those that are there keep their bytes.

    Raises LimitError or MalformedError.
    """
    parts = _split(message)
    if len(parts.signers) >= MAX_SIGNERS:
        raise LimitError(f"a message of {len(parts.signers)} signers takes no more")
    return _Parts(
        parts.outer,
        parts.version,
        (*parts.digests, scheme.digest_algorithm.encode()),
        parts.content,
        (*parts.certificates, *(one.der for one in certificates)),
        parts.crls,
        (*parts.signers, signer),
    ).join()


def attach_token(message: bytes, token: bytes, signature: bytes) -> bytes:
    """Put a timestamp token (1.2.840.113549.1.9.16.2.14) beside the signer whose signature octets these are.

    Whether the token is over them is for the caller to ask. Raises MalformedError if no signer has this signature, or
    if it bears a token already.
    """
    parts = _split(message)
    found = [number for number, one in enumerate(parts.signers) if _signature_of(one) == signature]
    if len(found) != 1:
        raise MalformedError(f"{len(found)} signers with this signature value")
    signers = list(parts.signers)
    signers[found[0]] = _with_attribute(signers[found[0]], TIMESTAMP_TOKEN, token)
    return _Parts(
        parts.outer, parts.version, parts.digests, parts.content, parts.certificates, parts.crls, tuple(signers)
    ).join()


def _signature_of(signer: bytes) -> bytes:
    """Answer the one OCTET STRING directly inside a SignerInfo."""
    children = der.read(signer, limit=MAX_SIGNED_DATA).children()
    return next((one.octets() for one in children if one.tag & 0x1F == der.OCTET_STRING), b"")


def _with_attribute(signer: bytes, oid: str, value: bytes) -> bytes:
    children = list(der.read(signer, limit=MAX_SIGNED_DATA).children())
    block = children.pop() if children[-1].tag == der.context(1) else None
    attributes = [one.raw for one in block.children()] if block else []
    if any(der.read(one, limit=MAX_SIGNED_DATA).fields().take(der.OID).oid() == oid for one in attributes):
        raise MalformedError(f"attribute {oid} is there already")
    attributes.append(der.sequence(der.oid(oid), der.set_of(value)))
    return der.sequence(*(one.raw for one in children), der.explicit(1, *sorted(attributes)))


def gm_scheme(scheme: Scheme, *, algorithm: str) -> Scheme:
    """Answer an SM2 scheme under the OID "501" or "301.1"; other schemes are answered as they are."""
    return SM2_SIGN_SCHEME if scheme == SM2_SM3 and algorithm == "301.1" else scheme
