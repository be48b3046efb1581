"""Outside opinions on a sealed PDF: OpenSSL on its raw SM2 signatures, pypdf and PDFium on its structure."""

import ssl
import subprocess
from pathlib import Path

import pypdf
import pypdfium2
import pytest

from sealing.ses import SesSignature, cut_signature, parse_signature
from signing.pdf import find_signatures
from signing.pdf_reading import open_pdf


def signatures(path: Path) -> list[SesSignature]:
    with open_pdf(path) as pdf:
        return [parse_signature(cut_signature(one.contents)) for one in find_signatures(pdf)]


@pytest.mark.interop
@pytest.mark.parametrize("what", ["statement", "seal"])
def test_openssl_verifies_the_raw_signatures(sealed: Path, tmp_path: Path, what: str) -> None:
    for one in signatures(sealed):
        seal = one.statement.seal
        signed = (one.certificate, one.statement.raw, one.signature)
        certificate, message, value = signed if what == "statement" else (seal.certificate, seal.signed, seal.signature)
        (tmp_path / "cert.pem").write_text(ssl.DER_cert_to_PEM_cert(certificate))
        (tmp_path / "message").write_bytes(message)
        (tmp_path / "value").write_bytes(value)
        public = run("x509", "-in", "cert.pem", "-noout", "-pubkey", cwd=tmp_path)
        (tmp_path / "public.pem").write_bytes(public)
        asked = (
            "-sm3",
            "-verify",
            "public.pem",
            "-sigopt",
            "distid:1234567812345678",
            "-signature",
            "value",
            "message",
        )
        assert b"Verified OK" in run("dgst", *asked, cwd=tmp_path)


def run(*arguments: str, cwd: Path) -> bytes:
    return subprocess.run(["openssl", *arguments], cwd=cwd, capture_output=True, check=True).stdout


def test_other_libraries_read_the_fields(sealed: Path) -> None:
    fields = pypdf.PdfReader(sealed, strict=True).get_fields() or {}
    assert {name: field["/V"]["/SubFilter"] for name, field in fields.items()} == {
        "legal": "/GM.sm2seal",
        "unit": "/GM.sm2seal",
    }
    document = pypdfium2.PdfDocument(sealed)
    assert len(document) == 3
    document.close()
