"""PDFs, signers of both suites and their timestamp authorities, made in memory for the PAdES tests."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from asn1crypto import tsp
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from signing_pki import CA, CRLS, DAY, NOON, ROOT, TSA, UNIT, token

from signing import der
from signing.algorithms import compute_digest
from signing.certificates import Certificate, parse_certificate
from signing.pades import ValidationData
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors
from signing.schemes import InternationalKey, SigningKey, Sm2Key, generate_international
from signing.signed_data import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2,
    TST_INFO,
    encode_attributes,
    encode_signed_data,
    signing_certificate_v2,
)
from signing.trust import make_trust

LATER = NOON + DAY / 4


@dataclass(frozen=True)
class Suite:
    """A signer, issuers, an authority for timestamps, and what a verifier needs."""

    name: str
    key: SigningKey
    certificate: Certificate
    chain: tuple[Certificate, ...]
    root: Certificate
    stamper: Callable[[bytes], bytes]
    data: ValidationData
    anchors: TrustAnchors
    evidence: RevocationEvidence

    @property
    def digest(self) -> str:
        return self.key.scheme.digest

    def stamp(self, imprint: bytes) -> bytes:
        return self.stamper(imprint)


def gm_suite() -> Suite:
    """SM2 with SM3, root → CA → unit, and a TSA of the same CA."""
    chain = (CA.certificate,)
    certificates = (ROOT.certificate, CA.certificate, UNIT.certificate, TSA.certificate)
    data = ValidationData(tuple(one.der for one in certificates), CRLS)
    anchors = make_trust(
        "GM",
        "1",
        sandbox=True,
        anchors=(Anchor(ROOT.certificate, frozenset(Purpose)),),
        issuers=chain,
        crls=CRLS,
    )
    evidence = RevocationEvidence.of(*CRLS)
    return Suite("GM", Sm2Key(UNIT.key), UNIT.certificate, chain, ROOT.certificate, token, data, anchors, evidence)


def international_suite(kind: str) -> Suite:
    """RSA or ECDSA with SHA-256: root → signer, TSA; a CRL and an OCSP response of the root."""
    root_key, key, tsa_key = generate_international("ecdsa"), _key(kind), generate_international("ecdsa")
    root = _certificate("INTL Root", 1, root_key, root_key, None)
    signer = _certificate("Example Ltd", 2, key, root_key, root)
    tsa = _certificate("INTL TSA", 3, tsa_key, root_key, root, stamping=True)
    crl = _crl(root, root_key)
    certificates = tuple(parse_certificate(_der(one)) for one in (root, signer, tsa))
    data = ValidationData(tuple(one.der for one in certificates), (crl,), (_ocsp(signer, root, root_key),))
    anchors = make_trust(
        "INTL", "1", sandbox=True, anchors=(Anchor(certificates[0], frozenset(Purpose)),), issuers=(), crls=(crl,)
    )

    def stamp(imprint: bytes) -> bytes:
        return international_token(imprint, certificates[2], tsa_key)

    evidence = RevocationEvidence.of(crl)
    return Suite(kind.upper(), key, certificates[1], (), certificates[0], stamp, data, anchors, evidence)


def international_token(imprint: bytes, certificate: Certificate, key: InternationalKey) -> bytes:
    """Make a token over a SHA-256 imprint, signed by an ECDSA key."""
    info = tsp.TSTInfo(
        {
            "version": "v1",
            "policy": "1.3.6.1.4.1.99999.1",
            "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": imprint},
            "serial_number": 77,
            "gen_time": NOON,
            "nonce": 7,
        }
    ).dump()
    attributes = encode_attributes(
        {
            CONTENT_TYPE: der.oid(TST_INFO),
            MESSAGE_DIGEST: der.octet_string(compute_digest("sha256", info)),
            SIGNING_CERTIFICATE_V2: signing_certificate_v2(certificate, "sha256"),
        }
    )
    signature = key.sign(attributes)
    return encode_signed_data(
        attributes, certificate, signature, content_type=TST_INFO, content=info, scheme=key.scheme
    )


def _key(kind: str) -> InternationalKey:
    return generate_international("rsa" if kind == "rsa" else "ecdsa")


def _certificate(
    name: str,
    serial: int,
    key: InternationalKey,
    issuer_key: InternationalKey,
    issuer: x509.Certificate | None,
    *,
    stamping: bool = False,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    public, is_ca = key.private.public_key(), issuer is None
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .serial_number(serial)
        .public_key(public)
        .not_valid_before(NOON - 30 * DAY)
        .not_valid_after(NOON + 300 * DAY)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not is_ca,
                content_commitment=not is_ca,
                key_cert_sign=is_ca,
                crl_sign=is_ca,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.private.public_key()), critical=False
        )
    )
    if stamping:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return builder.sign(issuer_key.private, hashes.SHA256())


def _crl(issuer: x509.Certificate, key: InternationalKey) -> bytes:
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(NOON - DAY)
        .next_update(NOON + DAY)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.private.public_key()), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    return _der(builder.sign(key.private, hashes.SHA256()))


def _ocsp(certificate: x509.Certificate, issuer: x509.Certificate, key: InternationalKey) -> bytes:
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=certificate,
            issuer=issuer,
            algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=NOON - DAY / 24,
            next_update=NOON + DAY,
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
    )
    return _der(builder.sign(key.private, hashes.SHA256()))


def _der(value: Any) -> bytes:
    return value.public_bytes(serialization.Encoding.DER)


# PDFs


def write_pdf(path: Path, *, pages: int = 1, xref_streams: bool = True, rotate: int = 0, padding: int = 0) -> Path:
    """Write a small PDF; `padding` adds so many incompressible bytes."""
    writer = PdfFileWriter(stream_xrefs=xref_streams)
    for _ in range(pages):
        contents = generic.StreamObject(stream_data=b"0 0 1 rg 50 50 100 20 re f")
        page = PageObject(contents=writer.add_object(contents), media_box=(0, 0, 595, 842))
        if rotate:
            page[pdf_name("/Rotate")] = generic.NumberObject(rotate)
        if padding:
            noise = generic.StreamObject(stream_data=os.urandom(padding))
            page[pdf_name("/PieceInfo")] = writer.add_object(noise)
        writer.insert_page(page)
    with path.open("wb") as stream:
        writer.write(stream)
    return path


def edit_pdf(path: Path, change: Callable[[Any], None]) -> Path:
    """Append a revision made by `change(writer)`."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415

    with path.open("r+b") as stream:
        writer = IncrementalPdfFileWriter(stream)
        change(writer)
        writer.write_in_place()
    return path


def hybrid_pdf(path: Path) -> Path:
    """Write a hybrid file (ISO 32000-2 7.5.8.4): a table, and an object that only its /XRefStm knows."""
    places, out = dict[int, int](), bytearray(b"%PDF-1.5\n")
    bodies = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /PieceInfo 6 0 R >>",
        4: b"<< /Length 13 >>\nstream\n0 0 10 10 re f\nendstream".replace(b"13", b"14"),
        6: b"<< >>",
    }
    for number, body in bodies.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    places[5] = len(out)
    row = b"\1" + places[6].to_bytes(4, "big") + b"\0\0"
    head = b"<< /Type /XRef /Size 7 /Index [6 1] /W [1 4 2] /Length %d >>" % len(row)
    out += b"5 0 obj\n%b\nstream\n%b\nendstream\nendobj\n" % (head, row)
    start = len(out)
    rows = b"".join(b"%010d 00000 n \n" % places[number] for number in range(1, 6))
    out += b"xref\n0 7\n0000000000 65535 f \n" + rows + b"0000000000 00000 f \n"
    out += b"trailer\n<< /Size 7 /Root 1 0 R /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n" % (places[5], start)
    path.write_bytes(out)
    return path


def png() -> bytes:
    """Make a small PNG with transparency."""
    from PIL import Image  # noqa: PLC0415

    image, stream = Image.new("RGBA", (20, 10), (255, 0, 0, 128)), BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


GM = gm_suite()
RSA = international_suite("rsa")
ECDSA = international_suite("ecdsa")
