"""Targets above `signing`: OFD packages and their parts, traces, policies, evidence, answers and what is asked."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from fuzz_guard import FalseValidError, Target, same_bytes
from fuzz_world import FuzzWorld, load

from bidding.bid_folder import parse_sheet
from bidding.errors import BiddingError
from bidding.evidence import decode_evidence, encode_evidence, make_evidence
from bidding.file_manifest import parse_file_manifest
from bidding.officer import parse_release_set
from bidding.readout import parse_readout
from bidding.reporting.details import ReportDetails
from bidding.reporting.facts import read_answer
from bidding.reporting.reports import make_html
from bidding.verification import judge_file
from bidding.verification_asking import Asked, StatusPart, gather_statuses
from bidding.verification_report import Question
from bidding.verification_sniffing import identify
from bidding.workbench.trace_format import parse_trace
from bidding.workbench.trace_local import parse_lines
from identity.errors import IdentityError
from sealing.errors import SealingError
from sealing.ofd import verify_ofd
from sealing.ofd_structure import read_entries, read_signature
from sealing.ofd_survey import survey_ofd
from sealing.ofd_text import read_text, read_units
from sealing.ofd_xml import parse_part, scan_part
from sealing.pdf_profiles import read_inner
from sealing.pdf_readers import read_digest_statement, read_message_statement
from sealing.planning import parse_plans
from sealing.scanned_header import read_header
from sealing.seal_status import read_status
from signing.checks import Indication
from signing.errors import SigningError
from signing.policy import DEFAULT_POLICY, encode_policy, load_policy

SEALING = (SigningError, SealingError)
ALL = (SigningError, SealingError, IdentityError, BiddingError)
PARTS = frozenset({"content.xml", "publicres.xml"})
PAGE = "Doc_0/Pages/Page_0/Content.xml"


@cache
def parts(world: FuzzWorld) -> dict[str, bytes]:
    ofd = load("sealing", "ofd_world")
    made: dict[str, bytes] = ofd.sign(world.pki, ofd.plain())
    return made


@cache
def packages(world: FuzzWorld) -> list[bytes]:
    ofd = load("sealing", "ofd_world")
    closed = ofd.sign(world.pki, ofd.plain(pages=1), ofd.Order(close=True))
    return [ofd.pack(parts(world), stored=True), ofd.pack(closed), ofd.pack(ofd.protect(world.pki, parts(world)))]


def _place(suffix: str) -> Path:
    return Path(tempfile.mkdtemp()) / f"a{suffix}"


def judge_ofd(world: FuzzWorld) -> Callable[[bytes], object]:
    """Check that a passed package holds the very parts that were sealed, or says what else there is."""
    path = _place(".ofd")
    known = [_unpack(data) for data in packages(world)]

    def run(data: bytes) -> None:
        path.write_bytes(data)
        found = verify_ofd(path, at=world.now, **world.common)
        if found.indication is not Indication.TOTAL_PASSED or found.warnings:
            return
        now = _unpack(data)
        if not any(all(now.get(name) == content for name, content in one.items()) for one in known):
            raise FalseValidError(f"passed without a word: {found}")

    return run


def _unpack(data: bytes) -> dict[str, bytes]:
    """Unpack all but the list of signatures, which a seal leaves open."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("Signatures.xml")}


def survey(_world: FuzzWorld) -> Callable[[bytes], object]:
    path = _place(".ofd")

    def run(data: bytes) -> None:
        path.write_bytes(data)
        survey_ofd(path)

    return run


def judge_any(world: FuzzWorld) -> Callable[[bytes], object]:
    """Check that whatever a file is, its answer is one that can be written, read back and shown."""
    path = _place("")

    def run(data: bytes) -> None:
        path.write_bytes(data)
        question = Question(trust=world.common["anchors"], at=world.now)
        answer = judge_file(path, question).as_json()
        json.dumps(answer)
        read_answer(answer)

    return run


@cache
def answers(world: FuzzWorld) -> list[bytes]:
    path, found = _place(""), []
    for data in (world.pdfs[1], packages(world)[0], world.seals[0], world.pdfs[0]):
        path.write_bytes(data)
        report = judge_file(path, Question(trust=world.common["anchors"], at=world.now))
        found.append(json.dumps(report.as_json(), ensure_ascii=False).encode())
    return found


def show_answer(world: FuzzWorld) -> Callable[[bytes], object]:
    """Check that a saved answer is refused or makes a page in which none of its texts became an element."""
    details = ReportDetails(issued_at=world.now)

    def run(data: bytes) -> None:
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(answer, dict):
            return
        read_answer(answer)
        if "<script>alert" in make_html([answer], details):
            raise FalseValidError("a text became an element")

    return run


def ask_for(_world: FuzzWorld) -> Callable[[bytes], object]:
    """Read what a child is asked, as far as it comes from outside: the signed status answers of a platform."""

    def run(data: bytes) -> None:
        gather_statuses([StatusPart("1", "answered", data)])

    return run


@cache
def evidences(world: FuzzWorld) -> list[bytes]:
    return [encode_evidence(make_evidence(Asked(at=world.now), [world.common["anchors"]]))]


def policies(_world: FuzzWorld) -> list[bytes]:
    toml = b'v = 1\nid = "x"\nversion = "1"\n[[algorithms]]\nname = "sm3"\ngood_until = "2030-01-01"\n'
    return [encode_policy(DEFAULT_POLICY), toml]


def traces(world: FuzzWorld) -> list[bytes]:
    row = b'{"entry":{"number":1},"chain":"' + b"0" * 64 + b'","owner":"91350100M000100Y43"}\n'
    return [row, world.statement, evidences(world)[0]]


def plans(_world: FuzzWorld) -> list[bytes]:
    return [b'[{"seal":"1","rules":[{"pages":"1-3,last","x_mm":10,"y_mm":20}]}]', b"[]"]


def of_parts(name: str) -> Callable[[FuzzWorld], list[bytes]]:
    return lambda world: [parts(world)[name]]


def signatures(world: FuzzWorld) -> list[bytes]:
    return of_parts("Doc_0/Signs/Sign_0/Signature.xml")(world)


def entries(world: FuzzWorld) -> list[bytes]:
    ofd = load("sealing", "ofd_world")
    return [ofd.protect(world.pki, parts(world))["OFDEntries.xml"]]


def plainly(function: Callable[[bytes], Any]) -> Callable[[FuzzWorld], Callable[[bytes], object]]:
    return lambda _world: function


def anything(world: FuzzWorld) -> list[bytes]:
    return [
        *packages(world),
        *world.pdfs,
        *world.asic_files,
        world.receipt,
        *world.seals[:2],
        world.token,
        *world.detached,
    ]


def pictures(_world: FuzzWorld) -> list[bytes]:
    from PIL import Image  # noqa: PLC0415 - for seeds only

    found = []
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF"):
        out = io.BytesIO()
        Image.new("RGB", (20, 10), "red").save(out, kind)
        found.append(out.getvalue())
    return found


DOCUMENTS = (
    Target("ofd", packages, survey, SEALING, cost=5),
    Target("sealed-ofd", packages, judge_ofd, SEALING, cost=10),
    Target("ofd-part", of_parts(PAGE), plainly(lambda d: parse_part(d, "Page")), SEALING),
    Target("ofd-scan", of_parts("Doc_0/Document.xml"), plainly(lambda d: scan_part(d, PARTS)), SEALING),
    Target("ofd-signature", signatures, plainly(lambda d: read_signature(d, {"1": 1})), SEALING),
    Target("ofd-entries", entries, plainly(read_entries), SEALING),
    Target("ofd-text", of_parts(PAGE), plainly(lambda d: (read_text(d, 1000), read_units(d, 1000))), SEALING),
    Target("any-file", anything, judge_any, (), cost=20),
    Target("sniffing", anything, plainly(lambda d: identify(d, d[-500:])), ()),
    Target("policy", policies, plainly(load_policy)),
    Target("evidence", evidences, lambda _: same_bytes(decode_evidence, encode_evidence), ALL, cost=3),
    Target("answer", answers, show_answer, ALL, cost=20),
    Target("seal-status", lambda w: [w.statement], ask_for, SEALING),
    Target("seal-state", lambda w: [w.statement], plainly(read_status), SEALING),
    Target("trace", traces, plainly(parse_trace), ALL),
    Target("trace-lines", traces, plainly(parse_lines), ALL),
    Target("seal-plans", plans, plainly(parse_plans), SEALING),
    Target("seal-inner", lambda w: w.seal_signatures, plainly(read_inner), SEALING),
    Target("act-message", lambda w: [*w.detached, b"1" * 32], plainly(read_message_statement), ALL),
    Target("act-digest", lambda _: [b"1" * 32], plainly(read_digest_statement), ALL),
    Target("picture-header", pictures, plainly(read_header), SEALING),
    Target("bid-sheet", lambda w: [w.params], plainly(parse_sheet), ALL),
    Target("file-manifest", lambda w: [w.manifest, w.params], plainly(parse_file_manifest), ALL),
    Target("release-set", lambda w: [w.statement, w.receipt], plainly(parse_release_set), ALL),
    Target("readout", lambda w: [w.params, w.receipt], plainly(parse_readout), ALL),
)
