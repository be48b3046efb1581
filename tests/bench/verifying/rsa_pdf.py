"""A PDF signed twice with RSA by pyHanko, and pyHanko's own validation of it: what an ordinary verdict costs there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers, timestamps
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

_DAY = timedelta(days=1)
_BOXES = {"legal": (80, 350, 140, 410), "unit": (340, 160, 450, 270)}


class Holder:
    """A key with its certificate, signed by a root of the run."""

    def __init__(self, name: str, issuer: "Holder | None", usage: x509.ObjectIdentifier | None = None) -> None:
        """Make both."""
        self.key = rsa.generate_private_key(65537, 2048)
        subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .add_extension(_usage(is_ca=issuer is None), critical=True)
        )
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
        self.certificate = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())

    @property
    def as_asn1(self) -> asn1_x509.Certificate:
        """Answer the certificate in the library's form."""
        return asn1_x509.Certificate.load(self.certificate.public_bytes(serialization.Encoding.DER))

    @property
    def key_as_asn1(self) -> asn1_keys.PrivateKeyInfo:
        """Answer the key in the library's form."""
        form = (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return asn1_keys.PrivateKeyInfo.load(self.key.private_bytes(*form))


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    return x509.KeyUsage(
        **dict.fromkeys(names, False) | {"digital_signature": not is_ca, "content_commitment": not is_ca},
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


_ROOT = Holder("root", None)
_SIGNER = Holder("signer", _ROOT)
_CLOCK = Holder("clock", _ROOT, ExtendedKeyUsageOID.TIME_STAMPING)


def sign_twice(plain: Path, target: Path) -> None:
    """Sign with two visible fields that were prepared before, each with a timestamp."""
    registry = SimpleCertificateStore()
    registry.register(_ROOT.as_asn1)
    signer = signers.SimpleSigner(_SIGNER.as_asn1, _SIGNER.key_as_asn1, registry)
    clock = timestamps.DummyTimeStamper(_CLOCK.as_asn1, _CLOCK.key_as_asn1, registry)
    source = plain
    with target.with_suffix(".prepared").open("wb+") as out:
        writer = IncrementalPdfFileWriter(source.open("rb"), strict=False)
        for name, box in _BOXES.items():
            fields.append_signature_field(writer, fields.SigFieldSpec(name, box=box))
        writer.write(out)
    source = target.with_suffix(".prepared")
    for name in _BOXES:
        with source.open("rb") as stream:
            meta = signers.PdfSignatureMetadata(field_name=name, md_algorithm="sha256")
            out_stream = signers.sign_pdf(
                IncrementalPdfFileWriter(stream, strict=False), meta, signer, timestamper=clock
            )
        source = target.with_suffix(f".{name}")
        source.write_bytes(out_stream.getbuffer())
    target.write_bytes(source.read_bytes())


def validate(path: Path) -> None:
    """Have pyHanko judge both signatures, changes included; both must be good. It reads in its own way meanwhile."""
    quick = generic.read_hex_string_from_stream
    generic.read_hex_string_from_stream = getattr(quick, "slow", quick)
    try:
        _validate(path)
    finally:
        generic.read_hex_string_from_stream = quick


def _validate(path: Path) -> None:
    context = ValidationContext(trust_roots=[_ROOT.as_asn1], allow_fetching=False)
    with path.open("rb") as stream:
        for signature in PdfFileReader(stream).embedded_signatures:
            status = validate_pdf_signature(signature, context, ts_validation_context=context)
            if not status.bottom_line:
                raise AssertionError(status.summary())
