"""Signatures that last: several signers, validation data, archive timestamps and their renewal."""

import os
from dataclasses import replace
from datetime import timedelta
from hashlib import sha1
from pathlib import Path

import pytest
from asn1crypto import keys, x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore
from signing_pades import ECDSA, GM, LATER, RSA, Suite, write_pdf
from signing_pki import NOON, TSA

from sealing.verify import verify_pdf
from signing.checks import Indication
from signing.errors import NotSignedError
from signing.pades import PreparedTimestamp, SignatureRequest, ValidationData, read_prepared, write_prepared
from signing.pades_completing import complete_timestamp
from signing.pades_dss import read_validation
from signing.pades_evidence import read_evidence
from signing.pades_longterm import (
    Level,
    add_archive_timestamp,
    augment,
    prepare_renewal,
    read_levels,
    renew_archive_timestamp,
)
from signing.pades_signing import Lasting, sign_pdf
from signing.pades_validation import ask_library, ask_library_for_lasting
from signing.path import RevocationEvidence
from signing.pdf import find_signatures
from signing.pdf_reading import open_pdf
from signing.sandbox.tsa import TimestampService
from signing.schemes import Sm2Key

SUITES = [pytest.param(one, id=one.name) for one in (GM, RSA, ECDSA)]


def sign(source: Path, target: Path, suite: Suite, level: Level, field: str = "Signature1") -> Path:
    sign_pdf(
        source,
        target,
        SignatureRequest(field),
        key=suite.key,
        certificate=suite.certificate,
        chain=suite.chain,
        at=NOON,
        random=os.urandom,
        lasting=Lasting(level, suite, suite.data),
    )
    return target


def accepted(path: Path, suite: Suite, data: ValidationData | None = None) -> list[tuple[bool, str]]:
    return [
        (one.accepted, one.changes)
        for one in ask_library(path, roots=[suite.root.der], data=data or suite.data, at=LATER)
    ]


@pytest.mark.parametrize("suite", SUITES)
def test_two_signers_then_validation_data_then_an_archive_timestamp(tmp_path: Path, suite: Suite) -> None:
    one = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", suite, Level.T)
    two = sign(one, tmp_path / "2.pdf", suite, Level.T, "Signature2")
    assert accepted(two, suite) == [(True, "FORM_FILLING"), (True, "NONE")]
    three = tmp_path / "3.pdf"
    augment(two, three, suite.data, random=os.urandom)
    assert [found.level for found in read_levels(three)] == [Level.LT, Level.LT]
    assert accepted(three, suite) == [(True, "FORM_FILLING"), (True, "LTA_UPDATES")]
    four = tmp_path / "4.pdf"
    add_archive_timestamp(three, four, None, suite, random=os.urandom, digest=suite.digest)
    assert [found.level for found in read_levels(four)] == [Level.LTA, Level.LTA]
    assert [ok for ok, _ in accepted(four, suite)] == [True, True, True]
    verdict = verify_pdf(four, anchors=suite.anchors, evidence=suite.evidence, at=LATER)
    assert verdict.indication is Indication.TOTAL_PASSED
    for field in ("Signature1", "Signature2"):
        assert ask_library_for_lasting(four, field, roots=[suite.root.der], at=LATER) == "PASSED"


@pytest.mark.parametrize("suite", SUITES)
def test_an_archive_timestamp_is_renewed(tmp_path: Path, suite: Suite) -> None:
    signed = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", suite, Level.LTA)
    renewed = tmp_path / "2.pdf"
    renew_archive_timestamp(signed, renewed, suite.data, suite, random=os.urandom, digest=suite.digest)
    assert renewed.read_bytes().startswith(signed.read_bytes())
    assert [ok for ok, _ in accepted(renewed, suite)] == [True, True, True]
    assert ask_library_for_lasting(renewed, "Signature1", roots=[suite.root.der], at=LATER) == "PASSED"
    verdict = verify_pdf(renewed, anchors=suite.anchors, evidence=suite.evidence, at=LATER)
    assert verdict.indication is Indication.TOTAL_PASSED
    assert [one.id for one in verdict.signatures] == ["Signature1", "ArchiveTimestamp1", "ArchiveTimestamp2"]


@pytest.mark.parametrize("suite", SUITES)
def test_a_renewal_may_wait_for_its_token(tmp_path: Path, suite: Suite) -> None:
    signed = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", suite, Level.LTA)
    target = tmp_path / "2.pdf"
    prepared = prepare_renewal(signed, target, suite.data, digest=suite.digest, random=os.urandom)
    again = read_prepared(write_prepared(prepared), PreparedTimestamp)
    complete_timestamp(target, again, suite.stamp(again.imprint), anchors=suite.anchors, evidence=suite.evidence)
    assert [ok for ok, _ in accepted(target, suite)] == [True, True, True]


def test_only_a_document_timestamp_is_renewed(tmp_path: Path) -> None:
    plain = write_pdf(tmp_path / "0.pdf")
    signed = sign(plain, tmp_path / "1.pdf", GM, Level.LT)
    for source in (plain, signed):
        with pytest.raises(NotSignedError):
            renew_archive_timestamp(source, tmp_path / "2.pdf", GM.data, GM, random=os.urandom)
    assert not (tmp_path / "2.pdf").exists()


def test_validation_data_are_kept_once_and_only_added(tmp_path: Path) -> None:
    signed = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", GM, Level.LT)
    again = tmp_path / "2.pdf"
    augment(signed, again, GM.data, random=os.urandom)
    assert again.stat().st_size - signed.stat().st_size < 1500  # references only
    third = tmp_path / "3.pdf"
    augment(again, third, RSA.data, random=os.urandom)
    with open_pdf(third) as pdf:
        found = read_validation(pdf)
    assert found.certificates == GM.data.certificates + RSA.data.certificates
    assert found.crls == GM.data.crls + RSA.data.crls
    assert found.ocsps == RSA.data.ocsps
    assert all(ok for ok, _ in accepted(third, GM))


def test_every_signature_gets_its_entry(tmp_path: Path) -> None:
    """The VRI key is the SHA-1 of the decoded /Contents, padding included, in capitals (ISO 32000-2 12.8.4.4)."""
    one = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", GM, Level.T)
    two = sign(one, tmp_path / "2.pdf", GM, Level.LT, "Signature2")
    with open_pdf(two) as pdf:
        keys = {f"/{sha1(found.contents).hexdigest().upper()}" for found in find_signatures(pdf)}  # noqa: S324
        assert set(pdf.reader.root["/DSS"]["/VRI"]) == keys


def test_mixed_suites_in_one_file(tmp_path: Path) -> None:
    """An SM2 signature and an RSA one on top: each is accepted by who trusts its root, and changes nothing."""
    one = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", GM, Level.T)
    two = sign(one, tmp_path / "2.pdf", RSA, Level.LTA, "Signature2")
    both = ValidationData(crls=GM.data.crls + RSA.data.crls, ocsps=RSA.data.ocsps, certificates=GM.data.certificates)
    opinions = ask_library(two, roots=[GM.root.der, RSA.root.der], data=both, at=LATER)
    assert [one.accepted for one in opinions] == [True, True, True]


def test_a_level_is_read_from_structure_only(tmp_path: Path) -> None:
    signed = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", GM, Level.B)
    with_data = tmp_path / "2.pdf"
    augment(signed, with_data, GM.data, random=os.urandom)
    assert [one.level for one in read_levels(with_data)] == [Level.B]  # no proof of time, so not B-LT
    archived = tmp_path / "3.pdf"
    add_archive_timestamp(with_data, archived, None, GM, random=os.urandom)
    assert [one.level for one in read_levels(archived)] == [Level.LTA]


def test_an_authority_that_does_not_answer_leaves_the_target_alone(tmp_path: Path) -> None:
    class Silent:
        def stamp(self, imprint_sm3: bytes) -> bytes:  # noqa: ARG002
            raise TimeoutError

    signed = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", GM, Level.LT)
    before = signed.read_bytes()
    with pytest.raises(TimeoutError):
        add_archive_timestamp(signed, signed, None, Silent(), random=os.urandom)
    assert signed.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_signing_time_is_the_callers(tmp_path: Path) -> None:
    target = tmp_path / "1.pdf"
    sign_pdf(
        write_pdf(tmp_path / "0.pdf"),
        target,
        SignatureRequest("S"),
        key=GM.key,
        certificate=GM.certificate,
        at=NOON - timedelta(hours=3),
        random=os.urandom,
    )
    with open_pdf(target) as pdf:
        assert find_signatures(pdf)[0].claimed_time == NOON - timedelta(hours=3)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(
    ("level", "indication"),
    [
        (Level.T, Indication.INDETERMINATE),
        (Level.LT, Indication.TOTAL_PASSED),
        (Level.LTA, Indication.TOTAL_PASSED),
    ],
)
def test_what_is_inside_is_enough_for_our_judge_years_later(
    tmp_path: Path, suite: Suite, level: Level, indication: Indication
) -> None:
    signed = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", suite, level)
    bare = replace(suite.anchors, crls=(), issuers=())
    years_later = NOON + timedelta(days=800)
    judged = verify_pdf(signed, anchors=bare, evidence=RevocationEvidence(), at=years_later)
    assert judged.indication is indication
    assert judged.signatures[0].profile == f"PAdES-{level}"


def test_unreadable_validation_data_are_named(tmp_path: Path) -> None:
    signed = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", GM, Level.T)
    broken = ValidationData((b"no certificate",), (*GM.data.crls, b"no list"), (b"no answer",))
    augment(signed, tmp_path / "2.pdf", broken, random=os.urandom)
    with open_pdf(tmp_path / "2.pdf") as pdf:
        inside = read_evidence(pdf)
    assert len(inside.notes) == 3
    assert len(inside.evidence.crls) == len(GM.data.crls)


@pytest.mark.parametrize("suite", [pytest.param(RSA, id="RSA"), pytest.param(ECDSA, id="ECDSA")])
def test_a_pdf_signed_by_others_is_augmented_and_archived(tmp_path: Path, suite: Suite) -> None:
    """The library signs by itself; we add what lasts, and it still accepts its own work."""
    source, signed, lasting = write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", tmp_path / "2.pdf"
    private = suite.key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]
    signer = signers.SimpleSigner(
        signing_cert=x509.Certificate.load(suite.certificate.der),
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore.from_certs([x509.Certificate.load(suite.root.der)]),
    )
    with source.open("rb") as stream, signed.open("w+b") as output:
        kind = SigSeedSubFilter.PADES
        metadata = signers.PdfSignatureMetadata(field_name="Theirs", md_algorithm="sha256", subfilter=kind)
        signers.sign_pdf(IncrementalPdfFileWriter(stream), metadata, signer=signer, output=output)
    add_archive_timestamp(signed, lasting, suite.data, suite, random=os.urandom, digest="sha256")
    assert [ok for ok, _ in accepted(lasting, suite)] == [True, True]
    assert [one.level for one in read_levels(lasting)] == [Level.LTA]


def test_the_sandbox_authority_stamps(tmp_path: Path) -> None:
    service = TimestampService(TSA.certificate, Sm2Key(TSA.key), lambda: NOON, os.urandom)
    suite = replace(GM, stamper=service.stamp)
    signed = sign(write_pdf(tmp_path / "0.pdf"), tmp_path / "1.pdf", suite, Level.LTA)
    assert [ok for ok, _ in accepted(signed, GM)] == [True, True]
