"""The library with SM2 taught to it: what it must refuse, OCSP responders without revocation, and outside tools."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import core, ocsp, x509
from asn1crypto.algos import SignedDigestAlgorithm
from cryptography.exceptions import InvalidSignature
from pyhanko_certvalidator.sig_validate import SignatureValidationContext
from signing_pades import ECDSA, GM, LATER, RSA, Suite, write_pdf
from signing_pki import CA, DAY, NOON, ROOT, TSA, UNIT, Holder, token

from signing import sm2
from signing.algorithms import SM2_SIGNATURE
from signing.certificates import parse_certificate
from signing.digests import sm3
from signing.errors import UnsupportedAlgorithmError
from signing.issuing import Revocation
from signing.pades import SignatureRequest, ValidationData
from signing.pades_longterm import Level
from signing.pades_signing import Lasting, sign_pdf
from signing.pades_validation import ask_library, ask_library_for_lasting, install, make_validator_class
from signing.pdf_reading import UnreadablePdfError

SUITES = [pytest.param(one, id=one.name) for one in (GM, RSA, ECDSA)]


def sign(tmp_path: Path, suite: Suite = GM, level: Level = Level.B) -> Path:
    target = tmp_path / "signed.pdf"
    sign_pdf(
        write_pdf(tmp_path / "source.pdf"),
        target,
        SignatureRequest("Signature1"),
        key=suite.key,
        certificate=suite.certificate,
        chain=suite.chain,
        at=NOON,
        random=os.urandom,
        lasting=Lasting(level, suite, suite.data),
    )
    return target


def test_a_changed_byte_is_not_intact(tmp_path: Path) -> None:
    signed = sign(tmp_path)
    changed = bytearray(signed.read_bytes())
    changed[changed.index(b"0 0 1 rg")] ^= 1
    signed.write_bytes(changed)
    [opinion] = ask_library(signed, roots=[GM.root.der], data=GM.data, at=LATER)
    assert (opinion.intact, opinion.valid, opinion.accepted) == (False, True, False)


def test_another_root_is_not_trusted(tmp_path: Path) -> None:
    [opinion] = ask_library(sign(tmp_path), roots=[RSA.root.der], at=LATER)
    assert (opinion.intact, opinion.valid, opinion.trusted) == (True, True, False)


def test_a_revoked_signer_is_not_trusted(tmp_path: Path) -> None:
    revoked = CA.crl(Revocation(UNIT.certificate.serial_number, NOON - DAY, "keyCompromise"))
    [opinion] = ask_library(
        sign(tmp_path), roots=[ROOT.certificate.der], data=ValidationData(crls=(ROOT.crl(), revoked)), at=LATER
    )
    assert (opinion.intact, opinion.trusted) == (True, False)


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7\n"])
def test_what_the_library_cannot_open_is_a_typed_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(data)
    with pytest.raises(UnreadablePdfError):
        ask_library(path, roots=[], at=LATER)
    with pytest.raises(UnreadablePdfError):
        ask_library_for_lasting(path, "Signature1", roots=[], at=LATER)


def test_the_hook_is_strict() -> None:
    install()
    install()
    message, validator = b"message", make_validator_class()()
    info = x509.Certificate.load(UNIT.certificate.der).public_key
    algorithm = SignedDigestAlgorithm.load(SM2_SIGNATURE.encode())
    good = sm2.sign(UNIT.key, message)
    validator.validate_signature(good, message, info, algorithm)
    for signature, data in ((good, b"other"), (good[:-1], message), (b"", message)):
        with pytest.raises(InvalidSignature):
            validator.validate_signature(signature, data, info, algorithm)
    context = SignatureValidationContext(contextual_md_algorithm="sm3", prehashed=True)
    with pytest.raises(UnsupportedAlgorithmError):
        validator.validate_signature(good, sm3(message), info, algorithm, context)


# OCSP by a delegated responder that is not itself checked (id-pkix-ocsp-nocheck)


def extended(holder: Holder, extension: dict[str, Any]) -> Holder:
    """Make the certificate again with one more extension, signed by the test CA."""
    install()
    plain = x509.Certificate.load(holder.certificate.der)["tbs_certificate"].copy()
    plain["extensions"].append(x509.Extension({"critical": False, **extension}))
    body = x509.TbsCertificate.load(plain.dump(force=True))
    parts = {"signature_algorithm": {"algorithm": "sm2_sm3"}, "signature_value": CA.sign(body.dump())}
    made = x509.Certificate({"tbs_certificate": body, **parts})
    return Holder(parse_certificate(made.dump()), holder.key)


def declared(holder: Holder) -> Holder:
    """Name an OCSP address: the library looks at no OCSP response for a certificate without one."""
    place = x509.GeneralName("uniform_resource_identifier", "http://ocsp.example/")
    access = [{"access_method": "ocsp", "access_location": place}]
    return extended(holder, {"extn_id": "authority_information_access", "extn_value": access})


def response(holder: Holder, by: Holder) -> bytes:
    """Make an OCSP response with an SM3 CertID about a certificate of the test CA."""
    authority, responder = (x509.Certificate.load(one.certificate.der) for one in (CA, by))
    single = {
        "cert_id": {
            "hash_algorithm": {"algorithm": "sm3"},
            "issuer_name_hash": sm3(authority.subject.dump()),
            "issuer_key_hash": sm3(bytes(authority.public_key["public_key"])),
            "serial_number": holder.certificate.serial_number,
        },
        "cert_status": ocsp.CertStatus("good"),
        "this_update": NOON - DAY / 24,
        "next_update": NOON + DAY,
    }
    body = ocsp.ResponseData(
        {
            "responder_id": ocsp.ResponderId("by_name", responder.subject),
            "produced_at": NOON - DAY / 24,
            "responses": [single],
        }
    )
    basic = ocsp.BasicOCSPResponse(
        {
            "tbs_response_data": body,
            "signature_algorithm": {"algorithm": "sm2_sm3"},
            "signature": by.sign(body.dump()),
            "certs": [responder],
        }
    )
    whole = {"response_type": "basic_ocsp_response", "response": basic}
    return bytes(ocsp.OCSPResponse({"response_status": "successful", "response_bytes": whole}).dump())


def test_sm2_ocsp_with_a_responder_without_revocation(tmp_path: Path) -> None:
    no_check = {"extn_id": "ocsp_no_check", "extn_value": core.Null()}
    by = extended(CA.issue("测试 OCSP", serial=150, purposes=("1.3.6.1.5.5.7.3.9",)), no_check)
    unit, tsa = declared(UNIT), declared(TSA)
    ocsps = tuple(response(one, by) for one in (unit, tsa))
    known = tuple(one.certificate.der for one in (ROOT, CA, unit, tsa))
    data = ValidationData(known, (ROOT.crl(),), ocsps)
    suite = replace(GM, certificate=unit.certificate, stamper=lambda imprint: token(imprint, holder=tsa), data=data)
    signed = sign(tmp_path, suite, Level.LTA)
    assert [one.accepted for one in ask_library(signed, roots=[GM.root.der], data=data, at=LATER)] == [True, True]
    assert ask_library_for_lasting(signed, "Signature1", roots=[GM.root.der], at=LATER) == "PASSED"


# Tools from outside


@pytest.mark.interop
@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("suite", SUITES)
def test_qpdf_finds_no_fault(tmp_path: Path, suite: Suite, level: Level) -> None:
    signed = sign(tmp_path, suite, level)
    done = subprocess.run(["qpdf", "--check", str(signed)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.interop
@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("suite", SUITES[1:])
def test_pdfsig_finds_international_signatures_valid(tmp_path: Path, suite: Suite, level: Level) -> None:
    """Poppler's NSS knows no SM2; for RSA and ECDSA it checks value and digest (trust is not given to it)."""
    signed = sign(tmp_path, suite, level)
    done = subprocess.run(["pdfsig", "-nocert", str(signed)], check=False, capture_output=True, text=True)
    first = done.stdout.split("Signature #2")[0]
    assert "ETSI.CAdES.detached" in first
    assert "Signature Validation: Signature is Valid." in first


@pytest.mark.interop
def test_pdfsig_names_an_sm2_signature(tmp_path: Path) -> None:
    signed = sign(tmp_path, GM, Level.T)
    done = subprocess.run(["pdfsig", "-nocert", str(signed)], check=False, capture_output=True, text=True)
    assert "ETSI.CAdES.detached" in done.stdout
    assert "Signature is Valid" not in done.stdout
