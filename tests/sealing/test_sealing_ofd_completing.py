"""Around the remote key: the rehearsal before, what may come back, and a prepared file that changed meanwhile."""

import os
import shutil
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from ofd_paper import LEGAL, UNIT, Paper, apply, complete, contents, contract, judge, outcomes, page, prepare, raw
from ofd_world import Order, list_of, pack, sha256, sign, xml
from sealing_world import CONSENT, DAY, NOON, World, key, revoke_unit

from sealing import ses
from sealing.errors import (
    ConsentWindowError,
    SealCertificateError,
    SignatureRejectedError,
    StatementMismatchError,
)
from sealing.ofd_sealing import PreparedOfdSeal, complete_ofd_seal, rehearse_ofd_seal, statement_of
from sealing.seal import SealKind
from signing import sm2
from signing.digests import sm3

WINDOW = {"not_before": NOON - DAY, "not_after": NOON + DAY}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return contract().write(tmp_path / "source.ofd")


@pytest.fixture
def prepared(world: World, source: Path, tmp_path: Path) -> PreparedOfdSeal:
    return prepare(world, source, tmp_path / "target.ofd")


def test_a_prepared_seal_is_plain_values(world: World, prepared: PreparedOfdSeal) -> None:
    again = msgspec.json.decode(msgspec.json.encode(prepared), type=PreparedOfdSeal)
    assert again == prepared
    complete(world, again)
    assert outcomes(judge(world, Path(prepared.path)))[0][1] == "TOTAL-PASSED"


def test_a_prepared_file_is_no_sealed_file(world: World, prepared: PreparedOfdSeal) -> None:
    assert [str(one.indication) for one in judge(world, Path(prepared.path)).signatures] == ["TOTAL-FAILED"]


def test_completing_again_is_no_fault(world: World, prepared: PreparedOfdSeal) -> None:
    complete(world, prepared)
    first = Path(prepared.path).read_bytes()
    tbs = statement_of(prepared, CONSENT, NOON)
    signature = ses.parse_signature(contents(Path(prepared.path))[prepared.value]).signature
    token = ses.parse_signature(contents(Path(prepared.path))[prepared.value]).timestamp
    assert token is not None
    complete_ofd_seal(prepared, tbs, signature, token, **WINDOW)
    assert Path(prepared.path).read_bytes() == first
    with pytest.raises(StatementMismatchError):
        complete(world, prepared)  # another signature value: SM2 is not deterministic


def test_a_moved_file_is_hashed_again(world: World, prepared: PreparedOfdSeal, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere.ofd"
    shutil.copy(prepared.path, moved)
    complete(world, msgspec.structs.replace(prepared, path=str(moved)))
    assert outcomes(judge(world, moved))[0][1] == "TOTAL-PASSED"


@pytest.mark.parametrize(
    "name",
    ["Doc_0/Pages/Page_0/Content.xml", "OFD.xml", "Doc_0/Signs/Sign_0/Signature.xml", "Doc_0/Signs/Sign_0/Seal.esl"],
)
def test_a_prepared_file_that_changed(world: World, prepared: PreparedOfdSeal, name: str) -> None:
    path = Path(prepared.path)
    parts = contents(path)
    path.write_bytes(pack({**parts, name: parts[name] + b" "}))
    before = path.read_bytes()
    with pytest.raises(StatementMismatchError):
        complete(world, prepared)
    assert path.read_bytes() == before


def test_a_prepared_file_that_is_gone_or_cut(world: World, prepared: PreparedOfdSeal) -> None:
    path = Path(prepared.path)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(StatementMismatchError):
        complete(world, prepared)


def answers(world: World, prepared: PreparedOfdSeal, **change: Any) -> dict[str, Any]:
    statement = change.get("statement", statement_of(prepared, CONSENT, NOON))
    signature = change.get("signature", world.unit.sign(statement))
    token = change.get("token", world.stamp(signature, change.get("stamped", NOON)))
    return {"statement": statement, "signature": signature, "token": token}


def test_what_came_back_is_not_what_was_asked_for(world: World, prepared: PreparedOfdSeal) -> None:
    path = Path(prepared.path)
    before = path.read_bytes()
    plain = ses.write_statement(prepared.seal, NOON, bytes(32), prepared.property_info, ())
    other = statement_of(msgspec.structs.replace(prepared, document_sm3="00" * 32), CONSENT, NOON)
    elsewhere = statement_of(msgspec.structs.replace(prepared, signature="Doc_0/x.xml"), CONSENT, NOON)
    foreign = statement_of(msgspec.structs.replace(prepared, seal=world.seals[SealKind.FINANCE].esl), CONSENT, NOON)
    tbs = statement_of(prepared, CONSENT, NOON)
    cases: list[tuple[dict[str, Any], type[Exception]]] = [
        ({"statement": b""}, StatementMismatchError),
        ({"statement": plain}, StatementMismatchError),
        ({"statement": other}, StatementMismatchError),
        ({"statement": elsewhere}, StatementMismatchError),
        ({"statement": foreign}, StatementMismatchError),
        ({"signature": world.person.sign(tbs)}, SignatureRejectedError),
        ({"signature": b""}, SignatureRejectedError),
        ({"token": world.stamp(b"another")}, SignatureRejectedError),
        ({"token": b"0\x00"}, SignatureRejectedError),
        ({"stamped": NOON + 2 * DAY}, ConsentWindowError),
        ({"stamped": NOON - 2 * DAY}, ConsentWindowError),
    ]
    for change, error in cases:
        back = answers(world, prepared, **change)
        with pytest.raises(error):
            complete_ofd_seal(prepared, back["statement"], back["signature"], back["token"], **WINDOW)
    assert path.read_bytes() == before
    assert {one.name for one in path.parent.iterdir()} == {"source.ofd", "target.ofd"}


def test_an_untrusted_authority_is_refused(world: World, prepared: PreparedOfdSeal) -> None:
    back = answers(world, prepared)
    trust = replace(world.trust, anchors=world.trust.anchors[:1], crls=())
    with pytest.raises(SignatureRejectedError):
        complete_ofd_seal(prepared, back["statement"], back["signature"], back["token"], anchors=trust, **WINDOW)


def test_a_later_revocation_does_not_break_a_stamped_seal(world: World, prepared: PreparedOfdSeal) -> None:
    complete(world, prepared)
    trust = revoke_unit(world, NOON + timedelta(hours=1))
    assert outcomes(judge(world, Path(prepared.path), trust))[0][1] == "TOTAL-PASSED"


def test_what_only_its_owner_may_read_stays_so(world: World, source: Path, tmp_path: Path) -> None:
    source.chmod(0o600)
    target = tmp_path / "sealed.ofd"
    apply(world, source, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


# The rehearsal


def rehearse(world: World, source: Path, kind: SealKind = SealKind.UNIT, **more: Any) -> None:
    stamps = [LEGAL] if kind is SealKind.LEGAL_REPRESENTATIVE else [UNIT]
    signer = world.holder_of(kind).certificate
    rehearse_ofd_seal(source, stamps=stamps, seal=world.seals[kind], signer=signer, at=NOON, random=os.urandom, **more)


def test_a_rehearsal_leaves_nothing(world: World, source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    rehearse(world, source, folder=tmp_path)
    rehearse(world, source, folder=tmp_path, close=True)
    assert source.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["source.ofd"]


def test_a_rehearsal_on_a_sealed_file(world: World, source: Path) -> None:
    apply(world, source, source)
    rehearse(world, source, SealKind.LEGAL_REPRESENTATIVE)


def test_a_rehearsal_asks_whether_the_seal_may_be_used(world: World, source: Path) -> None:
    seal = world.seals[SealKind.UNIT]
    with pytest.raises(SealCertificateError):
        rehearse_ofd_seal(source, stamps=[UNIT], seal=seal, signer=world.person.certificate, at=NOON, random=os.urandom)


def test_a_broken_signature_does_not_hinder_another_seal(world: World, source: Path, tmp_path: Path) -> None:
    """What was broken before stays told as broken; the new seal stands by itself, as on PDF."""
    apply(world, source, source)
    parts = contents(source)
    name = "Doc_0/Pages/Page_0/Content.xml"
    source.write_bytes(pack({**parts, name: parts[name].replace(b"20 20", b"20 21")}))
    rehearse(world, source, SealKind.LEGAL_REPRESENTATIVE)
    target = tmp_path / "target.ofd"
    apply(world, source, target, [LEGAL], SealKind.LEGAL_REPRESENTATIVE)
    assert [row[1] for row in outcomes(judge(world, target))] == ["TOTAL-FAILED", "TOTAL-PASSED"]


def test_the_throw_away_key_never_signs_the_real_file(world: World, prepared: PreparedOfdSeal) -> None:
    tbs = statement_of(prepared, CONSENT, NOON)
    thrown = sm2.sign(key("thrown away"), tbs)
    with pytest.raises(SignatureRejectedError):
        complete_ofd_seal(prepared, tbs, thrown, world.stamp(thrown), **WINDOW)


def test_parts_of_any_size_are_copied_in_pieces(world: World, tmp_path: Path) -> None:
    """Twenty megabytes that do not deflate; what is kept of them is their digest."""
    big = sm3(b"seed") * 650_000
    paper = Paper([page()], more=(("Doc_0/Res/a.bin", big), ("Doc_0/Res/b.xml", xml("Res", ""))))
    source, target = tmp_path / "source.ofd", tmp_path / "target.ofd"
    source.write_bytes(pack(paper.parts(), stored=True))
    apply(world, source, target)
    assert outcomes(judge(world, target)) == [("SES-v4", "TOTAL-PASSED", "whole-document")]
    before, after = raw(source.read_bytes()), raw(target.read_bytes())
    assert before["Doc_0/Res/a.bin"] == after["Doc_0/Res/a.bin"]


def test_a_signature_of_another_maker_comes_first(world: World, tmp_path: Path) -> None:
    """A package with digests by SHA-256 and a CMS signature gets a seal of ours."""
    parts = contract().parts() | {"Doc_0/Signs/Signatures.xml": list_of()}
    link = b"<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures></ofd:DocBody>"
    parts["OFD.xml"] = parts["OFD.xml"].replace(b"</ofd:DocBody>", link)
    order = Order(type="Sign", payload="gm", method="SHA256", digest=sha256, seal_file=False)
    source, target = tmp_path / "source.ofd", tmp_path / "target.ofd"
    source.write_bytes(pack(sign(world, parts, order)))
    was = outcomes(judge(world, source))
    rehearse(world, source)
    apply(world, source, target)
    assert outcomes(judge(world, target)) == [*was, ("SES-v4", "TOTAL-PASSED", "whole-document")]
