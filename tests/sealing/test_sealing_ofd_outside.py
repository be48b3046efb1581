"""Packages of other makers get a seal of ours, and other programs read what we write."""

import os
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from ofd_paper import LEGAL, UNIT, apply, contents, contract, judge, outcomes, raw
from sealing_world import NOON, World

from sealing import ses
from sealing.errors import ClosedOfdError, SealingError
from sealing.ofd_sealing import prepare_ofd_seal, rehearse_ofd_seal, survey_ofd
from sealing.report import DocumentVerdict
from sealing.seal import SealKind
from signing.checks import Result

SHARED = Path(__file__).parents[2].parent / "shared"
OURS = ("SES-v4", "TOTAL-PASSED", "whole-document")


def copy(name: str, folder: Path) -> Path:
    target = folder / "source.ofd"
    target.write_bytes((SHARED / name).read_bytes())
    return target


def found(verdict: DocumentVerdict, at: int) -> dict[str, Result]:
    return {check.name: check.result for check in verdict.signatures[at].verdict.checks}


@pytest.mark.conformance
@pytest.mark.parametrize(
    "name",
    [
        "vectors/ofd/SESV4SignDoc.ofd",
        "vectors/ofd/DigitalSign_rawsig.ofd",
        "samples/verify/ofd/gen_ofd_extra_part.ofd",
        "samples/verify/ofd/gen_ofd_page_changed.ofd",
        "samples/verify/ofd/gen_ofd_seal_swapped.ofd",
    ],
)
def test_a_second_seal_leaves_the_first_as_it_was(world: World, tmp_path: Path, name: str) -> None:
    source, target, third = copy(name, tmp_path), tmp_path / "target.ofd", tmp_path / "third.ofd"
    before = judge(world, source)
    seal, signer = world.seals[SealKind.UNIT], world.unit.certificate
    rehearse_ofd_seal(source, stamps=[UNIT], seal=seal, signer=signer, at=NOON, random=os.urandom)
    apply(world, source, target)
    after = judge(world, target)
    assert found(after, 0) == found(before, 0)
    assert outcomes(after)[1:] == [OURS]
    old, new = raw(source.read_bytes()), raw(target.read_bytes())
    assert {one for one in old if old[one] != new[one]} == {"Doc_0/Signs/Signatures.xml"}
    apply(world, target, third, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    assert found(judge(world, third), 0) == found(before, 0)
    assert outcomes(judge(world, third))[1:] == [OURS, OURS]


@pytest.mark.conformance
@pytest.mark.parametrize("name", ["allprotected", "two_seals_second_breaks_first", "hello-integrity_gmt0099"])
def test_closed_packages_stay_closed(world: World, tmp_path: Path, name: str) -> None:
    source, target = copy(f"vectors/ofd/{name}.ofd", tmp_path), tmp_path / "target.ofd"
    assert survey_ofd(source).closed
    seal, signer = world.seals[SealKind.UNIT], world.unit.certificate
    with pytest.raises(ClosedOfdError):
        rehearse_ofd_seal(source, stamps=[UNIT], seal=seal, signer=signer, at=NOON, random=os.urandom)
    with pytest.raises(ClosedOfdError):
        prepare_ofd_seal(source, target, stamps=[UNIT], seal=seal, signer=signer, at=NOON)
    assert not target.exists()


@pytest.mark.conformance
@pytest.mark.parametrize("name", ["gen_ofd_zip_slip", "gen_ofd_xxe"])
def test_hostile_packages_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SealingError):
        survey_ofd(copy(f"samples/verify/hostile/{name}.ofd", tmp_path))


@pytest.mark.conformance
def test_slices_of_another_maker_are_read_as_they_lie(tmp_path: Path) -> None:
    survey = survey_ofd(copy("vectors/ofd/two_seals_second_breaks_first.ofd", tmp_path))
    slices = [(box.page, box.x_mm, box.y_mm, box.w_mm, box.h_mm) for box in survey.taken[:5]]
    assert slices == [(page, 202, 128.5, 8, 40) for page in range(1, 6)]


def run(*command: str, cwd: Path) -> bytes:
    program = shutil.which(command[0]) or command[0]
    return subprocess.run([program, *command[1:]], cwd=cwd, check=True, capture_output=True).stdout


@pytest.mark.interop
def test_other_programs_unpack_it(world: World, tmp_path: Path) -> None:
    source = contract().write(tmp_path / "source.ofd")
    apply(world, source, source)
    apply(world, source, source, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    run("unzip", "-tqq", "source.ofd", cwd=tmp_path)
    for name, command in {"one": ("unzip", "-qq", "../source.ofd"), "two": ("bsdtar", "-xf", "../source.ofd")}.items():
        folder = tmp_path / name
        folder.mkdir()
        run(*command, cwd=folder)
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert {str(path.relative_to(folder)): path.read_bytes() for path in files} == contents(source)
        assert not [path for path in files if path.stat().st_mode & 0o111]


@pytest.mark.interop
def test_openssl_agrees_with_digest_and_signature(world: World, tmp_path: Path) -> None:
    """SM3 of Signature.xml is the dataHash of the statement, and the SM2 signature over that holds."""
    source = contract().write(tmp_path / "source.ofd")
    prepared = apply(world, source, source)
    parts = contents(source)
    signed = ses.parse_signature(parts[prepared.value])
    (tmp_path / "Signature.xml").write_bytes(parts[prepared.signature])
    (tmp_path / "cert.pem").write_text(ssl.DER_cert_to_PEM_cert(signed.certificate))
    (tmp_path / "message").write_bytes(signed.statement.raw)
    (tmp_path / "value").write_bytes(signed.signature)
    digest = run("openssl", "dgst", "-sm3", "-r", "Signature.xml", cwd=tmp_path).split()[0].decode()
    assert digest == signed.statement.document_sm3.hex() == prepared.document_sm3
    (tmp_path / "key.pem").write_bytes(run("openssl", "x509", "-in", "cert.pem", "-noout", "-pubkey", cwd=tmp_path))
    known = ("-sm3", "-verify", "key.pem", "-sigopt", "distid:1234567812345678", "-signature", "value", "message")
    assert b"Verified OK" in run("openssl", "dgst", *known, cwd=tmp_path)
