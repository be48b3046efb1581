"""`yizhao verify`: one answer for whatever is thrown at it, and no false pass for what is almost right."""

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from bidding_world import BIDDERS, CENTRE, DAY, NOON, Packed, Signer, World, make_random, make_section, pack
from click.testing import CliRunner
from reportlab.pdfgen.canvas import Canvas

from bidding.cli.exits import worst
from bidding.cli.verify import receipt as receipt_command
from bidding.cli.verify import verify as verify_command
from bidding.isolation import IsolatedWorker, WorkerDiedError
from bidding.receipt import (
    Batch,
    Leaf,
    RefusalStatement,
    RootStatement,
    encode_receipt,
    encode_refusal,
    refusal_imprint,
    root_imprint,
)
from bidding.verification import MAX_SIZES, MAX_STRANGE, FileReport, Question, judge_file, sniff
from signing import canonical
from signing.certificates import TIME_STAMPING
from signing.checks import Indication
from signing.digests import sm3
from signing.issuing import build_crl
from signing.path import PURPOSE_OIDS, Anchor, Purpose, TrustAnchors
from signing.timestamps import Stamp, make_token
from signing.trust import make_trust, save_trust

KEYS = {
    "file", "sha256", "sm3", "format", "indication", "policy", "trust", "read_mode", "signatures", "warnings",
}  # fmt: skip
SIGNATURE_KEYS = {
    "id", "kind", "profile", "indication", "sub_indication", "signer", "seal", "signed_at", "time_source",
    "authority", "covers", "changes_after", "checks",
}  # fmt: skip
LATER = NOON + DAY


@dataclass(frozen=True)
class Desk:
    """A world, what was made in it, and its trust list as a folder."""

    world: World
    packed: Packed
    trust: TrustAnchors
    folder: Path

    @property
    def bundle_sm3(self) -> str:
        return sm3(self.packed.data).hex()

    def receipt(self, signer: Signer | None = None, *, clock: Signer | None = None, centre: str = CENTRE) -> bytes:
        signer, clock = signer or self.world.centre, clock or self.world.tsa
        said = ("0" * 64, BIDDERS[0], 1, self.bundle_sm3, len(self.packed.data))
        leaf = Leaf(1, centre, "S-1", *said, "AB12", NOON, "test", 50, "")
        batch = Batch.of([leaf], make_random("receipt"))
        root = RootStatement(1, "receipt-root", batch.root, centre, signer.certificate.sm3, NOON)
        signed = signer.state(canonical.encode(root))
        stamp = make_token(Stamp(root_imprint(root), 9, NOON, "1.2.3.4"), clock.certificate, clock.sign)
        return encode_receipt(batch.receipts(signed)[0], stamp)

    def refusal(self) -> bytes:
        said: dict[str, Any] = {"v": 1, "kind": "refused", "act": "submit", "reason": "late", "time_source": "test"}
        sums = {"params_sm3": "0" * 64, "act_sm3": "2" * 64, "bundle_sm3": self.bundle_sm3}
        who = {"centre": CENTRE, "bidder": BIDDERS[0], "certificate_sm3": self.world.centre.certificate.sm3}
        when = {"received_at": NOON, "deadline": NOON, "at": NOON, "epsilon_ms": 50}
        facts = RefusalStatement(section="S-1", **said, **sums, **who, **when)  # type: ignore[arg-type]
        signed = self.world.centre.state(canonical.encode(facts))
        stamp = Stamp(refusal_imprint(signed), 10, NOON, "1.2.3.4")
        return encode_refusal(signed, make_token(stamp, self.world.tsa.certificate, self.world.tsa.sign))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    world, folder = World(), tmp_path_factory.mktemp("desk")
    packed = pack(world, make_section(), folder)
    crls = tuple(crl.der for crl in world.evidence.crls)
    trust = make_trust("测试", "1", sandbox=True, anchors=world.anchors.anchors, crls=crls)
    save_trust(folder / "trust", trust)
    return Desk(world, packed, trust, folder / "trust")


def plain_pdf() -> bytes:
    out = BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.drawString(72, 700, "nothing signed")
    canvas.save()
    return out.getvalue()


def judge(desk: Desk, path: Path, data: bytes | None = None, **changes: Any) -> FileReport:
    if data is not None:
        path.write_bytes(data)
    return judge_file(path, replace(Question(desk.trust, LATER), **changes))


# What a file is, and the published form


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7\n", "pdf"),
        (b"junk\n%PDF-1.7\n", "pdf"),
        (b"PK\x03\x04" + b"\0" * 26 + b"mimetypeapplication/vnd.yizhao.bid+zip", "ytb"),
        (b"PK\x03\x04" + b"\0" * 26 + b"OFD.xml", "ofd"),
        (b"PK\x03\x04" + b"\0" * 26 + b"word/document.xml", "unknown"),
        (b"{", "receipt"),
        (b"\x30\x82", "esl"),
        (b"", "unknown"),
    ],
)
def test_the_format_is_told_by_content(head: bytes, kind: str) -> None:
    assert sniff(head) == kind


def test_each_kind_passes_as_it_is(desk: Desk, tmp_path: Path) -> None:
    for name, data, kind in (
        ("b.ytb", desk.packed.data, "ytb"),
        ("r.json", desk.receipt(), "receipt"),
        ("refusal.json", desk.refusal(), "receipt"),
    ):
        report = judge(desk, tmp_path / name, data, expect_uscc=BIDDERS[0])
        assert (report.format, report.indication, report.warnings) == (kind, Indication.TOTAL_PASSED, ()), report.reason
        answer = report.as_json()
        assert answer.keys() >= KEYS
        assert answer["signatures"][0].keys() >= SIGNATURE_KEYS
        assert (answer["sm3"], answer["trust"]["sandbox"]) == (sm3(data).hex(), True)


def test_nothing_signed_is_no_pass(desk: Desk, tmp_path: Path) -> None:
    assert judge(desk, tmp_path / "x.pdf", plain_pdf()).indication is Indication.NO_SIGNATURE


def zipped(name: str) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"\0" * 100)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        pytest.param(b"", "unknown", "文件为空", id="empty"),
        pytest.param(bytes(range(1, 256)) * 20, "unknown", "无法识别", id="noise"),
        pytest.param(zipped("OFD.xml"), "ofd", "OFD", id="OFD"),
        pytest.param(zipped("a.txt"), "unknown", "无法识别", id="ZIP"),
        pytest.param(b'{"a":' * 100_000, "receipt", "", id="deep JSON"),
        pytest.param(b"{" + b'"a":1,' * 500_000 + b'"b":2}', "receipt", "", id="wide JSON"),
        pytest.param(b'{"v":' + b"9" * 100_000 + b"}", "receipt", "", id="a long number"),
        pytest.param(b"\x30\x80" * 50_000, "esl", "", id="deep DER"),
        pytest.param(b"\x30\x84\x7f\xff\xff\xff", "esl", "", id="a long DER length"),
        pytest.param(b"\x30\x82\xc3\x50" + b"\x05\x00" * 25_000, "esl", "", id="wide DER"),
        pytest.param(b"%PDF-1.7\n" + b"<<" * 50_000, "pdf", "", id="deep PDF"),
    ],
)
def test_what_cannot_be_judged_is_refused(desk: Desk, tmp_path: Path, data: bytes, kind: str, words: str) -> None:
    report = judge(desk, tmp_path / "x", data)
    assert (report.format, report.indication, report.signatures) == (kind, Indication.REFUSED, ())
    assert words in report.reason


@pytest.mark.parametrize(("head", "size"), [(b"%PDF-1.7\n", MAX_SIZES["pdf"]), (b"{", 8 << 20), (b"", MAX_STRANGE)])
def test_huge_files_are_refused_unread(desk: Desk, tmp_path: Path, head: bytes, size: int) -> None:
    path = tmp_path / "huge"
    path.write_bytes(head)
    os.truncate(path, size + 1)
    report = judge(desk, path)
    assert (report.indication, report.sha256) == (Indication.REFUSED, "")
    assert "上限" in report.reason


# Bundles and receipts that are almost right


def test_no_changed_byte_of_a_bundle_passes(desk: Desk, tmp_path: Path) -> None:
    data = bytearray(desk.packed.data)
    for place in range(0, len(data), len(data) // 60):
        data[place] ^= 0x01
        assert judge(desk, tmp_path / "b.ytb", bytes(data)).indication is not Indication.TOTAL_PASSED, place
        data[place] ^= 0x01


@pytest.mark.parametrize(
    ("changes", "receipt", "bundle"),
    [
        pytest.param({"expect_uscc": BIDDERS[1]}, "TOTAL-FAILED", "TOTAL-FAILED", id="another bidder"),
        pytest.param({"bundle_sm3": "1" * 64}, "TOTAL-FAILED", "TOTAL-PASSED", id="another bundle"),
        pytest.param({"require_seals": ("unit",)}, "TOTAL-FAILED", "INDETERMINATE", id="a seal is asked for"),
        pytest.param(
            {"at": NOON - DAY}, "INDETERMINATE", "INDETERMINATE", id="asked as of a time before the signature"
        ),
    ],
)
def test_what_the_asker_expects_is_asked(
    desk: Desk, tmp_path: Path, changes: dict[str, Any], receipt: str, bundle: str
) -> None:
    for data in (desk.receipt(), desk.refusal()):
        assert judge(desk, tmp_path / "r.json", data, **changes).indication == receipt
    assert judge(desk, tmp_path / "b.ytb", desk.packed.data, **changes).indication == bundle


def test_a_receipt_of_this_bundle(desk: Desk, tmp_path: Path) -> None:
    for data in (desk.receipt(), desk.refusal()):
        report = judge(desk, tmp_path / "r.json", data, bundle_sm3=desk.bundle_sm3, expect_uscc=CENTRE)
        assert report.indication is Indication.TOTAL_PASSED


Forgery = Callable[[Desk], bytes]


def _by_bidder(desk: Desk) -> bytes:
    return desk.receipt(desk.world.units[BIDDERS[1]], centre=BIDDERS[1])


def _in_centres_name(desk: Desk) -> bytes:
    return desk.receipt(desk.world.units[BIDDERS[1]])


def _other_centre(desk: Desk) -> bytes:
    purposes = (PURPOSE_OIDS[Purpose.CENTRE],)
    return desk.receipt(desk.world.issue("另一中心", uscc=BIDDERS[2], purposes=purposes))


def _seal_maker(desk: Desk) -> bytes:
    purposes = (PURPOSE_OIDS[Purpose.SEAL_MAKER],)
    return desk.receipt(desk.world.issue("制章", uscc=CENTRE, purposes=purposes))


def _tsa_as_centre(desk: Desk) -> bytes:
    return desk.receipt(desk.world.issue("时间戳", uscc=CENTRE, purposes=(TIME_STAMPING,)))


def _licence_as_tsa(desk: Desk) -> bytes:
    return desk.receipt(clock=desk.world.units[BIDDERS[1]])


def _stranger(desk: Desk) -> bytes:
    other = World(make_random("another world"))
    return desk.receipt(other.centre, clock=other.tsa)


@pytest.mark.parametrize(
    "forge", [_by_bidder, _in_centres_name, _other_centre, _seal_maker, _tsa_as_centre, _licence_as_tsa, _stranger]
)
def test_certificates_for_something_else(desk: Desk, tmp_path: Path, forge: Forgery) -> None:
    report = judge(desk, tmp_path / "r.json", forge(desk))
    assert report.indication in {Indication.TOTAL_FAILED, Indication.INDETERMINATE}, report.signatures


def _crl(world: World, start: datetime) -> bytes:
    times = {"this_update": start, "next_update": start + timedelta(hours=1)}
    return build_crl(world.root.certificate, [], number=2, sign=world.root.sign, **times)


@pytest.mark.parametrize("lists", [(), (-2 * DAY,)], ids=["no lists", "lists out of date"])
def test_without_revocation_evidence_nothing_passes(desk: Desk, tmp_path: Path, lists: tuple[timedelta, ...]) -> None:
    trust = replace(desk.trust, crls=tuple(_crl(desk.world, NOON + start) for start in lists))
    for data in (desk.receipt(), desk.refusal(), desk.packed.data):
        report = judge(desk, tmp_path / "x", data, trust=trust)
        assert report.indication is Indication.INDETERMINATE


def test_an_empty_trust_list_decides_nothing(desk: Desk, tmp_path: Path) -> None:
    nobody = make_trust("无", "0", sandbox=False, anchors=())
    for data in (desk.receipt(), desk.packed.data):
        assert judge(desk, tmp_path / "x", data, trust=nobody).indication is Indication.INDETERMINATE


# The child


@pytest.fixture(scope="module")
def worker() -> Iterator[IsolatedWorker]:
    one = IsolatedWorker()
    yield one
    one.close()


def request(desk: Desk, path: Path, **more: Any) -> dict[str, Any]:
    return {"task": "verify", "file": str(path), "trust": str(desk.folder), "at": LATER.isoformat(), **more}


def test_a_child_that_dies_is_replaced(desk: Desk, tmp_path: Path, worker: IsolatedWorker) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(desk.receipt())
    with pytest.raises(WorkerDiedError):
        worker.ask({"task": "no such task", "file": str(path)})
    assert worker.ask(request(desk, path))["indication"] == "TOTAL-PASSED"


def test_a_child_that_does_not_answer_is_ended(desk: Desk, tmp_path: Path, worker: IsolatedWorker) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(desk.receipt())
    with pytest.raises(WorkerDiedError):
        worker.ask(request(desk, path), seconds=0.0)
    assert worker.ask(request(desk, path))["indication"] == "TOTAL-PASSED"


def test_a_missing_file_is_refused_by_the_child(desk: Desk, tmp_path: Path, worker: IsolatedWorker) -> None:
    assert worker.ask(request(desk, tmp_path / "gone"))["indication"] == "REFUSED"


def test_a_child_sees_new_revocation_lists(desk: Desk, tmp_path: Path, worker: IsolatedWorker) -> None:
    """A service refreshes the lists in the folder: the child must not go on with those that it read first."""
    folder, path = tmp_path / "trust", tmp_path / "r.json"
    path.write_bytes(desk.receipt())
    save_trust(folder, desk.trust)
    ask = {**request(desk, path), "trust": str(folder)}
    assert worker.ask(ask)["indication"] == "TOTAL-PASSED"
    save_trust(folder, replace(desk.trust, crls=()))
    assert worker.ask(ask)["indication"] == "INDETERMINATE"


# The command


def run(command: Any, *arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    if isinstance(result.exception, BaseException) and not hasattr(result.exception, "exit_code"):
        raise result.exception
    return (64 if result.exception else result.return_value), result.output


@pytest.fixture
def files(desk: Desk, tmp_path: Path) -> dict[str, Path]:
    bad = bytearray(desk.packed.data)
    bad[len(bad) // 2] ^= 1
    contents = {
        "passed.json": desk.receipt(),
        "failed.ytb": bytes(bad),
        "open.json": _stranger(desk),
        "plain.pdf": plain_pdf(),
        "noise.bin": b"\x01\x02",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in contents}


def test_the_worst_file_decides(desk: Desk, files: dict[str, Path]) -> None:
    names = ["passed.json", "plain.pdf", "open.json", "failed.ytb", "noise.bin"]
    code, output = run(verify_command, "--trust", desk.folder, "--at", LATER.isoformat(), "--json", *files.values())
    answers = {a["file"]: a["indication"] for a in map(json.loads, output.splitlines())}
    expected = ["TOTAL-PASSED", "NO-SIGNATURE", "INDETERMINATE", "TOTAL-FAILED", "REFUSED"]
    assert (code, answers) == (4, dict(zip(names, expected, strict=True)))
    assert [worst(codes) for codes in ([0], [0, 3], [0, 3, 2], [0, 3, 2, 1], [0, 3, 2, 1, 4], [4, 64])] == [
        *(0, 3, 2, 1, 4, 64)
    ]


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        pytest.param(["--at", "2026-01-01"], 64, id="no zone"),
        pytest.param(["--at", "9999-12-31T23:59:59-14:00"], 2, id="a far future: the lists are out of date by then"),
        pytest.param(["--report", "nowhere/x.html"], 64, id="no such folder"),
        pytest.param(["--report", "x.doc"], 64, id="a report of another kind"),
        pytest.param(["--require-seal", "none"], 64, id="no such seal"),
        pytest.param(["--require-seal", "finance"], 1, id="a seal that a receipt has not"),
    ],
)
def test_odd_options(desk: Desk, files: dict[str, Path], extra: list[str], code: int) -> None:
    if code == 2:
        files["passed.json"].write_bytes(unstamped(files["passed.json"].read_bytes()))
    assert run(verify_command, "--trust", desk.folder, *extra, files["passed.json"])[0] == code


def unstamped(data: bytes) -> bytes:
    value = json.loads(data)
    return canonical.encode({**value, "token": None})


def test_a_report_never_takes_the_place_of_what_is_judged(desk: Desk, files: dict[str, Path]) -> None:
    path = files["passed.json"]
    before = path.read_bytes()
    assert run(verify_command, "--trust", desk.folder, "--report", path, path)[0] == 64
    assert path.read_bytes() == before


def test_a_folder_without_a_list_is_a_mistake_of_usage(tmp_path: Path, files: dict[str, Path]) -> None:
    assert run(verify_command, "--trust", tmp_path, files["passed.json"])[0] == 64


@pytest.mark.parametrize("name", ["", "nowhere.pdf", "x" * 400], ids=["a folder", "missing", "a long name"])
def test_what_is_no_file_is_refused(desk: Desk, tmp_path: Path, name: str) -> None:
    code, output = run(verify_command, "--trust", desk.folder, "--json", tmp_path / name)
    answer = json.loads(output)
    assert (code, answer["indication"], answer["trust"]["name"]) == (4, "REFUSED", "测试")
    assert answer.keys() >= KEYS


def test_names_do_not_steer_the_terminal(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\nTOTAL-PASSED b.json"
    path.write_bytes(b"{}")
    code, output = run(verify_command, "--trust", desk.folder, path)
    assert (code, output.count("\n"), "\x1b" in output) == (4, 1, False)


def test_a_name_that_is_no_text_is_escaped(desk: Desk, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.json"))
    path.write_bytes(desk.receipt())
    code, output = run(verify_command, "--trust", desk.folder, "--at", LATER.isoformat(), "--json", path)
    assert (code, json.loads(output)["file"]) == (0, "\udcff.json")


def test_the_receipt_command_compares_the_bundle(
    desk: Desk, tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bidding.cli.verify._instant", lambda _: LATER)
    mine = tmp_path / "mine.ytb"
    mine.write_bytes(desk.packed.data)
    ask = ("verify", "--trust", desk.folder, files["passed.json"], "--bundle")
    assert [run(receipt_command, *ask, path)[0] for path in (mine, files["failed.ytb"])] == [0, 1]


def test_only_anchors_vouch(desk: Desk, tmp_path: Path) -> None:
    """The same root, trusted for licences only, says nothing about a centre."""
    anchors = (Anchor(desk.world.root.certificate, frozenset({Purpose.LICENCE, Purpose.TIMESTAMP})),)
    report = judge(desk, tmp_path / "r.json", desk.receipt(), trust=replace(desk.trust, anchors=anchors))
    assert report.indication is Indication.INDETERMINATE
