"""pyHanko and its certificate validator, which know SM2 only through our hook, on chains, messages, tokens and PDFs."""

import asyncio
import logging
from functools import partial
from io import BytesIO
from typing import Any

from asn1crypto import cms, x509
from cells_certificates import NAMES, chain_row
from cells_messages import CONTENT, FORMS, make
from cells_pdf import empty_crl
from cells_time import MESSAGE, ROWS, service
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12
from cryptography.x509 import load_der_x509_certificate
from interop_cells import NOW, Cell, Kind, Refused, Town
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.validation.generic_cms import async_validate_detached_cms, validate_tst_signed_data
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from reportlab.pdfgen.canvas import Canvas

from sealing.verify import verify_pdf
from signing.algorithms import compute_digest
from signing.cms_signing import OURS
from signing.pades_validation import install, make_validator_class
from signing.path import RevocationEvidence
from signing.schemes import InternationalKey


def context(town: Town, kind: Kind) -> Any:
    install()
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    return ValidationContext(
        trust_roots=[x509.Certificate.load(town.family(kind).root.certificate.der)],
        crls=[empty_crl(town, kind)],
        moment=NOW,
        allow_fetching=False,
        revocation_mode="hard-fail",
        signature_validator=make_validator_class()(),
    )


def chain(town: Town, kind: Kind) -> None:
    leaf = x509.Certificate.load(town.family(kind).signer.certificate.der)
    validator = CertificateValidator(leaf, validation_context=context(town, kind))
    asyncio.run(validator.async_validate_usage({"digital_signature"}))


def message(town: Town, kind: Kind) -> None:
    signed = cms.ContentInfo.load(make(town, kind, OURS))["content"]
    status = asyncio.run(async_validate_detached_cms(BytesIO(CONTENT), signed, context(town, kind)))
    if not (status.intact and status.valid and status.trusted):
        raise Refused(status)


def token(town: Town, kind: Kind) -> None:
    digest = "sm3" if kind == "sm2" else "sha256"
    imprint = compute_digest(digest, MESSAGE)
    signed = cms.ContentInfo.load(service(town, kind).stamp(imprint, digest=digest))["content"]
    status = asyncio.run(validate_tst_signed_data(signed, context(town, kind), lambda _: imprint))
    if not (status["intact"] and status["valid"]) or status["trust_problem_indic"]:
        raise Refused(status)


def their_pdf(town: Town, kind: Kind) -> None:
    """Have pyHanko sign a PDF with its own means, and judge it by ours."""
    page = BytesIO()
    canvas = Canvas(page)
    canvas.drawString(72, 700, "interoperability")
    canvas.showPage()
    canvas.save()
    family = town.family(kind)
    key = family.signer.key
    assert isinstance(key, InternationalKey)
    bag = pkcs12.serialize_key_and_certificates(
        b"k",
        key.private,
        load_der_x509_certificate(family.signer.certificate.der),
        [load_der_x509_certificate(family.root.certificate.der)],
        NoEncryption(),
    )
    signer = signers.SimpleSigner.load_pkcs12_data(bag, [])
    path = town.folder / f"theirs-{kind}.pdf"
    meta = signers.PdfSignatureMetadata("Sig1", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    with path.open("wb") as out:
        signers.sign_pdf(IncrementalPdfFileWriter(page), meta, signer, output=out)
    report = verify_pdf(path, anchors=family.trust, evidence=RevocationEvidence.of(empty_crl(town, kind)), at=NOW)
    if len(report.signatures) != 1 or report.indication != "TOTAL-PASSED":
        raise Refused(report)


def _cells(kind: Kind) -> list[Cell]:
    row = f"CMS SM2：{next(iter(FORMS))}" if kind == "sm2" else f"CMS {NAMES[kind]}：签名属性、分离"
    cells = [
        Cell(chain_row(kind), "pyHanko", "ours", partial(chain, kind=kind)),
        Cell(row, "pyHanko", "ours", partial(message, kind=kind)),
        Cell(ROWS[kind], "pyHanko", "ours", partial(token, kind=kind)),
    ]
    if kind != "sm2":
        cells.append(Cell(f"PAdES B-B（{NAMES[kind]}）", "pyHanko", "theirs", partial(their_pdf, kind=kind)))
    return cells


CELLS = (*_cells("sm2"), *_cells("ecdsa"), *_cells("rsa"))
