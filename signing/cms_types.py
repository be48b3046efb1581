"""A parsed SignedData and its signers (RFC 5652 5.1, 5.3; GB/T 35275 8): slices of the original bytes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from signing import der
from signing.algorithms import AlgorithmIdentifier, compute_digest, digest_name
from signing.certificates import Certificate
from signing.errors import MalformedError

Attributes = Mapping[str, tuple[der.Element, ...]]


@dataclass(frozen=True)
class SignerInfo:
    """One signer. `signed_attributes` is the SET OF that was signed (tag 31), empty when there were none."""

    issuer_der: bytes = field(repr=False)
    """Issuer and serial name the certificate, or the subject key identifier does: then the issuer is empty."""
    serial: int
    key_id: bytes
    digest_algorithm: AlgorithmIdentifier
    signed_attributes: bytes = field(repr=False)
    attributes: Attributes = field(repr=False)
    signature_algorithm: AlgorithmIdentifier
    signature: bytes = field(repr=False)
    """As the engines take it: a raw r||s has become DER."""
    unsigned: Attributes = field(repr=False)
    octets: bytes = field(repr=False, default=b"")
    """The signature as it stands in the message: what a signature timestamp is over."""

    @property
    def digest(self) -> str:
        """Answer the digest's name; UnsupportedAlgorithmError."""
        return digest_name(self.digest_algorithm)

    def attribute(self, oid: str) -> der.Element | None:
        """Answer the one value of a signed attribute, or None; MalformedError if it has several."""
        values = self.attributes.get(oid)
        if values is None:
            return None
        if len(values) != 1:
            raise MalformedError(f"attribute {oid} with {len(values)} values")
        return values[0]


@dataclass(frozen=True)
class SignedData:
    """A parsed SignedData; `content` is None when it is detached."""

    der: bytes = field(repr=False)
    content_type: str
    content: bytes | None = field(repr=False)
    certificates: tuple[Certificate, ...]
    signers: tuple[SignerInfo, ...]
    deviations: tuple[str, ...]
    """Departures from the form that we write, in Chinese."""
    content_info: bytes = field(repr=False, default=b"")
    """The encapsulated ContentInfo, as it stands."""
    crls: tuple[bytes, ...] = field(repr=False, default=())

    @property
    def signer(self) -> SignerInfo:
        """Answer the only signer; MalformedError when there is none or more than one."""
        if len(self.signers) != 1:
            raise MalformedError(f"{len(self.signers)} signers where one is expected")
        return self.signers[0]

    def certificate_of(self, signer: SignerInfo, known: Sequence[Certificate] = ()) -> Certificate | None:
        """Answer the certificate that the signer names, if it is inside or among those known."""
        return next((one for one in (*self.certificates, *known) if _is_named(signer, one)), None)


def _is_named(signer: SignerInfo, certificate: Certificate) -> bool:
    if signer.key_id:
        return signer.key_id in key_identifiers(certificate)
    return certificate.serial_number == signer.serial and certificate.issuer_der == signer.issuer_der


def key_identifiers(certificate: Certificate) -> frozenset[bytes]:
    """Answer the key identifiers of a certificate: the extension's, and SHA-1 of the key (RFC 5280 4.2.1.2)."""
    key = certificate.public_key
    if isinstance(key, bytes):
        fields = der.read(key, limit=1 << 16).fields()
        fields.take(der.SEQUENCE)
        bits = fields.take(der.BIT_STRING).bits()
    else:
        bits = key.point
    return frozenset({certificate.subject_key_id, compute_digest("sha1", bits)} - {b""})
