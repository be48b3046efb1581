"""`yizhao verify` on signed messages, timestamps and ASiC containers: with their content, without it, and hostile."""

import base64
import hashlib
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bidding_world import BIDDERS, DAY, NOON, World
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from litestar.testing import TestClient

from bidding.cli.verify import verify as verify_command
from bidding.isolation import IsolatedWorker
from bidding.verification import ContentFile, FileReport, Question, judge_file, sniff
from bidding.verification_naming import content_name
from bidding.web.app import create_app
from bidding.web.render import render_report
from bidding.web.site import Site
from bidding.web.verify_pages import VERIFY_ROUTES, Verifier
from signing import der
from signing.certificates import Certificate, parse_certificate
from signing.checks import Indication
from signing.cms import complete_detached, prepare_detached
from signing.cms_signing import GB_35275, CmsForm, complete_cms, prepare_cms, prepare_cosignature
from signing.digests import sm3
from signing.issuing import CertificateRequest, Subject, build_certificate
from signing.path import TrustAnchors
from signing.schemes import SigningKey, Sm2Key, generate_international
from signing.timestamps import Stamp, build_refusal, build_response, make_token
from signing.trust import make_trust, save_trust

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
LATER = NOON + DAY
TEXT = b"tender " * 300
PASSED, FAILED, OPEN = Indication.TOTAL_PASSED, Indication.TOTAL_FAILED, Indication.INDETERMINATE
SIGNATURE_KEYS = {
    "id", "kind", "profile", "indication", "sub_indication", "signer", "seal", "signed_at", "time_source",
    "authority", "covers", "changes_after", "checks",
}  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """Who signs: a unit with an SM2 key and one with an ECDSA key, under one authority."""

    world: World
    trust: TrustAnchors
    keys: dict[str, tuple[SigningKey, Certificate]]

    def detached(self, suite: str = "GM", *, stamped: bool = True, text: bytes = TEXT) -> bytes:
        key, certificate = self.keys[suite]
        digest = sm3(text) if suite == "GM" else hashlib.sha256(text).digest()
        attributes = prepare_detached(digest, certificate, NOON)
        signature = key.sign(attributes)
        token = self.world.stamp(signature) if stamped else None
        return complete_detached(attributes, certificate, [], signature, token)

    def token(self, text: bytes = TEXT) -> bytes:
        stamp = Stamp(sm3(text), 7, NOON, "1.2.3.4")
        return make_token(stamp, self.world.tsa.certificate, self.world.tsa.sign)


@pytest.fixture(scope="module")
def desk() -> Desk:
    world = World()
    foreign = generate_international("ecdsa")
    request = CertificateRequest(
        Subject("国际算法单位"), foreign.public_key, 900, NOON - DAY, NOON + 90 * DAY, uscc=BIDDERS[1]
    )
    certificate = parse_certificate(build_certificate(request, world.root.certificate, world.root.sign))
    unit = world.units[BIDDERS[0]]
    crls = tuple(crl.der for crl in world.evidence.crls)
    trust = make_trust("测试", "1", sandbox=True, anchors=world.anchors.anchors, crls=crls)
    return Desk(world, trust, {"GM": (Sm2Key(unit.key), unit.certificate), "INTL": (foreign, certificate)})


def judge(
    desk: Desk, path: Path, data: bytes, text: bytes | None = None, *, given: bool = True, **changes: Any
) -> FileReport:
    path.write_bytes(data)
    content = None
    if text is not None:
        beside = path.with_name("content.txt")
        beside.write_bytes(text)
        content = ContentFile(beside, "content.txt", given)
    return judge_file(path, replace(Question(desk.trust, LATER, content=content), **changes))


def only(report: FileReport) -> dict[str, Any]:
    (entry,) = report.signatures
    assert entry.keys() >= SIGNATURE_KEYS
    return entry


# Messages of both suites


@pytest.mark.parametrize(("suite", "uscc"), [("GM", BIDDERS[0]), ("INTL", BIDDERS[1])])
def test_a_detached_message_with_its_content(desk: Desk, tmp_path: Path, suite: str, uscc: str) -> None:
    report = judge(desk, tmp_path / "a.p7s", desk.detached(suite), TEXT, expect_uscc=uscc)
    entry = only(report)
    assert (report.format, report.indication, report.warnings) == ("cms", PASSED, ()), report.reason
    assert (entry["kind"], entry["profile"], entry["covers"]) == ("signature", "CAdES-T", "whole-document")
    assert (entry["signer"]["uscc"], entry["time_source"], entry["authority"]) == (uscc, "timestamp", "仿真时间戳")
    assert entry["signed_at"] == NOON.isoformat()


@pytest.mark.parametrize("suite", ["GM", "INTL"])
def test_what_does_not_fit_fails(desk: Desk, tmp_path: Path, suite: str) -> None:
    data = desk.detached(suite)
    report = judge(desk, tmp_path / "a", data, TEXT + b"!")
    assert (report.indication, report.sub_indication) == (FAILED, "HASH_FAILURE")
    report = judge(desk, tmp_path / "a", data, TEXT, expect_uscc=BIDDERS[2])
    assert (report.indication, [c["code"] for c in only(report)["checks"] if c["result"] == "failed"]) == (
        FAILED,
        ["ID_MISMATCH"],
    )


@pytest.mark.parametrize("suite", ["GM", "INTL"])
def test_without_its_content_the_rest_is_judged(desk: Desk, tmp_path: Path, suite: str) -> None:
    report = judge(desk, tmp_path / "a", desk.detached(suite))
    checks = {c["name"]: c["result"] for c in only(report)["checks"]}
    assert (report.indication, report.sub_indication) == (OPEN, "SIGNED_DATA_NOT_FOUND")
    assert (checks["digest"], checks["signature"], only(report)["covers"]) == ("unknown", "ok", "partial")
    assert "缺少原文" in report.reason


def test_a_time_that_only_the_signer_states_is_a_warning(desk: Desk, tmp_path: Path) -> None:
    report = judge(desk, tmp_path / "a", desk.detached(stamped=False), TEXT)
    assert (report.indication, only(report)["time_source"], only(report)["profile"]) == (PASSED, "claimed", "CAdES-BES")
    assert [text[:14] for text in report.warnings] == ["TIME_UNTRUSTED"]
    expired = judge(desk, tmp_path / "a", desk.detached(stamped=False), TEXT, at=NOON + 800 * DAY)
    assert expired.indication is OPEN


def test_before_it_was_signed_nothing_passes(desk: Desk, tmp_path: Path) -> None:
    report = judge(desk, tmp_path / "a", desk.detached(), TEXT, at=NOON - DAY)
    assert (report.indication, report.sub_indication) == (OPEN, "TIMESTAMP_ORDER_FAILURE")


def attached(desk: Desk, form: CmsForm = CmsForm(attached=True), suite: str = "GM") -> bytes:  # noqa: B008 - a value
    key, certificate = desk.keys[suite]
    prepared = prepare_cms(TEXT, certificate, NOON, form=form)
    if form.algorithm == "301.1" or suite == "INTL":
        return complete_cms(prepared, key.sign(prepared.to_be_signed))
    signature = key.sign(prepared.to_be_signed)
    return complete_cms(prepared, signature, desk.world.stamp(signature))


def test_the_gm_form_without_any_time(desk: Desk, tmp_path: Path) -> None:
    data = attached(desk, GB_35275)
    report = judge(desk, tmp_path / "a", data)
    assert (report.indication, only(report)["profile"], only(report)["time_source"]) == (PASSED, "GM-CMS", "none")
    assert any("没有签名时间" in text for text in report.warnings)
    report = judge(desk, tmp_path / "a", data, at=NOON + 800 * DAY)
    assert (report.indication, "EXPIRED_NOPOE" in [c["code"] for c in only(report)["checks"]]) == (OPEN, True)
    detached = attached(desk, msgspec.structs.replace(GB_35275, attached=False))
    assert judge(desk, tmp_path / "a", detached, TEXT).indication is PASSED
    assert judge(desk, tmp_path / "a", detached, TEXT + b"!").indication is FAILED
    assert judge(desk, tmp_path / "a", detached).sub_indication == "SIGNED_DATA_NOT_FOUND"


def test_several_signers_are_several_entries(desk: Desk, tmp_path: Path) -> None:
    first = attached(desk, CmsForm(attached=True))
    key, certificate = desk.keys["INTL"]
    prepared = prepare_cosignature(first, certificate, NOON)
    report = judge(desk, tmp_path / "a", complete_cms(prepared, key.sign(prepared.to_be_signed)))
    uscc = {one["id"]: (one["signer"]["uscc"], one["indication"]) for one in report.signatures}
    assert sorted(uscc) == ["1", "2"]
    assert set(uscc.values()) == {(BIDDERS[0], "TOTAL-PASSED"), (BIDDERS[1], "TOTAL-PASSED")}, report.signatures
    asked = judge(desk, tmp_path / "a", (tmp_path / "a").read_bytes(), expect_uscc=BIDDERS[0])
    assert asked.indication is FAILED, "one of them is another unit"


def test_an_attached_message_needs_nothing_else(desk: Desk, tmp_path: Path) -> None:
    data = attached(desk)
    report = judge(desk, tmp_path / "a.p7m", data)
    assert (report.format, report.indication, only(report)["covers"]) == ("cms", PASSED, "whole-document")
    assert judge(desk, tmp_path / "a.p7m", data, TEXT).indication is PASSED
    other = judge(desk, tmp_path / "a.p7m", data, b"another")
    assert (other.indication, other.sub_indication) == (FAILED, "HASH_FAILURE")
    beside = judge(desk, tmp_path / "a.p7m", data, b"another", given=False)
    assert beside.indication is PASSED, "what merely lies beside it is not asked for"


@pytest.mark.parametrize("label", ["CMS", "PKCS7", ""])
def test_pem_and_base64(desk: Desk, tmp_path: Path, label: str) -> None:
    text = base64.encodebytes(desk.detached())
    data = b"-----BEGIN %b-----\n%b-----END %b-----\n" % (label.encode(), text, label.encode()) if label else text
    assert sniff(data) == "cms"
    assert judge(desk, tmp_path / "a", data, TEXT).indication is PASSED


def test_no_changed_byte_of_what_is_signed_passes(desk: Desk, tmp_path: Path) -> None:
    data = bytearray(attached(desk))
    start = bytes(data).index(TEXT)
    for place in (start, start + len(TEXT) - 1, len(data) - 20):
        data[place] ^= 1
        assert judge(desk, tmp_path / "a", bytes(data)).indication is not PASSED
        data[place] ^= 1


def test_a_seal_that_is_asked_for_is_not_in_a_message(desk: Desk, tmp_path: Path) -> None:
    assert judge(desk, tmp_path / "a", desk.detached(), TEXT, require_seals=("unit",)).indication is FAILED


def test_content_that_nobody_needs_is_said(desk: Desk, tmp_path: Path) -> None:
    report = judge(desk, tmp_path / "a", b"{}", TEXT)
    assert report.indication is Indication.REFUSED
    gone = Question(desk.trust, LATER, content=ContentFile(tmp_path / "gone", "gone"))
    (tmp_path / "b").write_bytes(desk.detached())
    assert "原文 gone 无法读取" in judge_file(tmp_path / "b", gone).reason


# Timestamps


@pytest.mark.parametrize("wrap", [lambda token: token, build_response], ids=["token", "response"])
def test_a_timestamp_of_a_file(desk: Desk, tmp_path: Path, wrap: Any) -> None:
    report = judge(desk, tmp_path / "a.tsr", wrap(desk.token()), TEXT)
    entry = only(report)
    assert (report.format, report.indication, report.warnings) == ("tst", PASSED, ()), report.reason
    assert (entry["kind"], entry["profile"], entry["signed_at"]) == ("timestamp", "RFC3161", NOON.isoformat())
    other = judge(desk, tmp_path / "a.tsr", wrap(desk.token()), b"other")
    assert (other.indication, other.sub_indication) == (FAILED, "HASH_FAILURE")
    alone = judge(desk, tmp_path / "a.tsr", wrap(desk.token()))
    results = {c["name"]: c["result"] for c in only(alone)["checks"]}
    assert (alone.indication, alone.sub_indication) == (OPEN, "SIGNED_DATA_NOT_FOUND")
    assert (results["timestamp-imprint"], results["timestamp-signature"]) == ("unknown", "ok")


def test_a_timestamp_names_nobody_but_its_authority(desk: Desk, tmp_path: Path) -> None:
    assert judge(desk, tmp_path / "a", desk.token(), TEXT, expect_uscc=BIDDERS[0]).indication is FAILED


def test_a_refusal_has_no_timestamp(desk: Desk, tmp_path: Path) -> None:
    report = judge(desk, tmp_path / "a", build_refusal(2, "no"))
    assert (report.format, report.indication) == ("tst", Indication.NO_SIGNATURE)


# Containers


def asic(desk: Desk, objects: dict[str, bytes], *, signed: bytes, form: str = "s", **more: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.etsi.asic-{form}+zip")
        for name, data in objects.items():
            archive.writestr(name, data)
        archive.writestr("META-INF/signature.p7s", desk.detached(text=signed))
        for name, data in more.items():
            archive.writestr(f"META-INF/{name}.xml", data)
    return out.getvalue()


def listed(objects: dict[str, bytes]) -> bytes:
    space = 'xmlns:asic="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
    references = "".join(
        f'<asic:DataObjectReference URI="{name}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<ds:DigestValue>{base64.b64encode(hashlib.sha256(data).digest()).decode()}</ds:DigestValue>"
        "</asic:DataObjectReference>"
        for name, data in objects.items()
    )
    head = '<asic:SigReference URI="META-INF/signature.p7s" MimeType="application/pkcs7-signature"/>'
    return f"<asic:ASiCManifest {space}>{head}{references}</asic:ASiCManifest>".encode()


def test_a_container_of_one_file(desk: Desk, tmp_path: Path) -> None:
    data = asic(desk, {"a.txt": TEXT}, signed=TEXT)
    report = judge(desk, tmp_path / "a.asics", data, expect_uscc=BIDDERS[0])
    entry = only(report)
    assert (report.format, report.indication) == ("asice", PASSED), report.reason
    assert (entry["id"], entry["covered"], entry["container"]) == ("META-INF/signature.p7s", ["a.txt"], "ASiC-S")
    assert (entry["profile"], entry["covers"]) == ("CAdES-T", "whole-document")
    assert judge(desk, tmp_path / "a", data, expect_uscc=BIDDERS[1]).indication is FAILED
    assert judge(desk, tmp_path / "a", asic(desk, {"a.txt": TEXT}, signed=b"other")).indication is FAILED


def test_a_container_of_several_files(desk: Desk, tmp_path: Path) -> None:
    objects = {"a.txt": b"one", "b.txt": b"two"}
    manifest = listed(objects)
    report = judge(desk, tmp_path / "a", asic(desk, objects, signed=manifest, form="e", ASiCManifest=manifest))
    assert (report.format, report.indication, only(report)["covered"]) == ("asice", PASSED, ["a.txt", "b.txt"])
    more = asic(desk, {**objects, "c.txt": b"three"}, signed=manifest, form="e", ASiCManifest=manifest)
    report = judge(desk, tmp_path / "a", more)
    assert (report.indication, only(report)["covers"]) == (PASSED, "partial")
    assert any("c.txt" in text for text in report.warnings)
    assert "需要您了解" in report.reason
    changed = asic(desk, {**objects, "b.txt": b"TWO"}, signed=manifest, form="e", ASiCManifest=manifest)
    assert judge(desk, tmp_path / "a", changed).indication is FAILED


# What is none of these


def test_lone_things_are_named(desk: Desk, tmp_path: Path) -> None:
    certificate = desk.world.root.certificate.der
    enveloped = der.sequence(der.oid("1.2.156.10197.6.1.4.2.3"), der.explicit(0, der.sequence()))
    for data, kind, word in (
        (certificate, "unknown", "证书"),
        (desk.trust.crls[0], "unknown", "CRL"),
        (der.sequence(der.integer(0), der.sequence(), der.octet_string(b"k")), "unknown", "私钥"),
        (der.sequence(der.integer(3), der.sequence(der.oid("1.2.3"))), "unknown", "密钥容器"),
        (b"-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n", "unknown", "私钥"),
        (enveloped, "cms", "加密"),
    ):
        report = judge(desk, tmp_path / "a", data)
        assert (report.format, report.indication) == (kind, Indication.REFUSED)
        assert word in report.reason


@pytest.mark.parametrize("cut", [1, 10, 30, 200, 700])
def test_cut_messages_are_refused(desk: Desk, tmp_path: Path, cut: int) -> None:
    for data in (desk.detached(), desk.token(), build_response(desk.token()), asic(desk, {"a": TEXT}, signed=TEXT)):
        assert judge(desk, tmp_path / "a", data[:-cut]).indication is Indication.REFUSED
        assert judge(desk, tmp_path / "a", data[: cut + 4]).indication is Indication.REFUSED


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"-----BEGIN CMS-----\n" + b"MIIB" * 1000, id="PEM without an end"),
        pytest.param(b"-----BEGIN CMS-----\n!!!\n-----END CMS-----\n", id="PEM of no base64"),
        pytest.param(b"MIIB" + b"A" * 100_000, id="base64 of nothing"),
        pytest.param(der.sequence(der.oid("1.2.840.113549.1.7.2")) * 100, id="no content"),
        pytest.param(b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80" + b"\x30\x80" * 20_000, id="deep"),
        pytest.param(der.sequence(der.sequence(der.integer(0)), der.sequence(der.oid("1.2.3"))), id="no token"),
        pytest.param(b"\x30\x84\xff\xff\xff\xff\x06\x01\x00", id="a long length"),
    ],
)
def test_hostile_bytes(desk: Desk, tmp_path: Path, data: bytes) -> None:
    assert judge(desk, tmp_path / "a", data, TEXT).indication is Indication.REFUSED


def test_bytes_of_a_message_changed_at_random_never_raise(desk: Desk, tmp_path: Path) -> None:
    for source in (bytearray(desk.detached()), bytearray(build_response(desk.token()))):
        for place in range(0, len(source), 23):
            source[place] ^= 0x81
            judge(desk, tmp_path / "a", bytes(source), TEXT)
            source[place] ^= 0x81


@given(
    st.binary(max_size=60), st.sampled_from([b"\x30", b"\x30\x30", b"-----BEGIN CMS-----\nMII", b"MII", b"PK\x03\x04"])
)
@example(b"", b"\x30")
def test_any_bytes_are_told(data: bytes, head: bytes) -> None:
    assert sniff(head + data, data) in {"cms", "tst", "esl", "unknown", "pdf", "ofd"}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("a.pdf.p7s", "a.pdf"), ("a.PDF.P7S", "a.PDF"), ("a.sig", "a"), (".p7s", ""), ("a.pdf", ""), ("p7s", "")],
)
def test_the_name_of_the_content(name: str, wanted: str) -> None:
    assert content_name(name) == wanted


# Vectors


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("name", "content", "kind", "indication", "sub"),
    [
        ("cms/sadk_signed_attached.der", "", "cms", OPEN, "NO_CERTIFICATE_CHAIN_FOUND"),
        ("cms/sadk_signed_detached.der", "", "cms", OPEN, "SIGNED_DATA_NOT_FOUND"),
        ("cms/sadk_signed_detached.der", "cms/sadk_content.txt", "cms", OPEN, "NO_CERTIFICATE_CHAIN_FOUND"),
        ("cms/sadk_signed_detached.der", "interop/openssl/msg.txt", "cms", FAILED, "SIG_CRYPTO_FAILURE"),
        ("cms/gmssl_certchain_pkcs7.pem", "", "cms", Indication.NO_SIGNATURE, ""),
        (
            "cms/gmcert_signed_and_enveloped/signed_and_enveloped.pem",
            "",
            "cms",
            Indication.REFUSED,
            "",
        ),
        ("interop/bouncycastle/cms_attached.der", "", "cms", OPEN, "NO_CERTIFICATE_CHAIN_FOUND"),
        (
            "interop/bouncycastle/cms_detached.der",
            "interop/openssl/msg.txt",
            "cms",
            OPEN,
            "NO_CERTIFICATE_CHAIN_FOUND",
        ),
        ("interop/bouncycastle/cms_detached.der", "cms/sadk_content.txt", "cms", FAILED, "HASH_FAILURE"),
        ("interop/bouncycastle/cms_gmoid.der", "", "cms", OPEN, "NO_CERTIFICATE_CHAIN_FOUND"),
        ("interop/bouncycastle/cms_direct.der", "", "cms", OPEN, "NO_CERTIFICATE_CHAIN_FOUND"),
        ("interop/bouncycastle/cms_emptyid.der", "", "cms", FAILED, "SIG_CRYPTO_FAILURE"),
        ("interop/gmssl/signed.der", "", "cms", FAILED, "SIG_CRYPTO_FAILURE"),
        ("interop/gmssl/env.der", "", "cms", Indication.REFUSED, ""),
        (
            "interop/bouncycastle/resp_sm3.tsr",
            "interop/openssl/msg.txt",
            "tst",
            OPEN,
            "NO_CERTIFICATE_CHAIN_FOUND",
        ),
        ("interop/bouncycastle/resp_sha1.tsr", "", "tst", OPEN, "SIGNED_DATA_NOT_FOUND"),
        ("tsp/resp_sm3.tsr", "interop/openssl/msg.txt", "tst", OPEN, "NO_CERTIFICATE_CHAIN_FOUND"),
        ("tsp/resp_sm3.tsr", "cms/sadk_content.txt", "tst", FAILED, "HASH_FAILURE"),
        (
            "parts/tongzhi_cms_rawRS/SignedValue.dat",
            "parts/tongzhi_cms_rawRS/Signature.xml",
            "cms",
            OPEN,
            "NO_CERTIFICATE_CHAIN_FOUND",
        ),
        (
            "parts/gomain_cms_attrs_mixed_oid/SignedValue.dat",
            "parts/gomain_cms_attrs_mixed_oid/Signature.xml",
            "cms",
            OPEN,
            "NO_CERTIFICATE_CHAIN_FOUND",
        ),
        ("interop/openssl/req.tsq", "", "unknown", Indication.REFUSED, ""),
        ("keys/USER.p12", "", "unknown", Indication.REFUSED, ""),
        ("esl/UserV5.esl", "", "esl", OPEN, "NO_CERTIFICATE_CHAIN_FOUND"),
    ],
)
def test_vectors(name: str, content: str, kind: str, indication: Indication, sub: str) -> None:
    nobody = make_trust("无", "0", sandbox=False, anchors=())
    beside = ContentFile(VECTORS / content, content) if content else None
    report = judge_file(VECTORS / name, Question(nobody, datetime(2026, 11, 22, tzinfo=UTC), content=beside))
    assert (report.format, report.indication, report.sub_indication) == (kind, indication, sub), report.reason


# The command and the page


@pytest.fixture(scope="module")
def folder(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("messages")
    save_trust(path / "trust", desk.trust)
    (path / "bid.txt").write_bytes(TEXT)
    (path / "bid.txt.p7s").write_bytes(desk.detached())
    (path / "bid.txt.tst").write_bytes(desk.token())
    (path / "other.p7s").write_bytes(desk.detached())
    return path


def run(folder: Path, *arguments: object) -> tuple[int, list[dict[str, Any]]]:
    asked = ["--trust", folder / "trust", "--at", LATER.isoformat(), "--json", *arguments]
    result = CliRunner().invoke(verify_command, [str(one) for one in asked], standalone_mode=False)
    if result.exception:
        return 64, []
    return result.return_value, [json.loads(line) for line in result.output.splitlines()]


def test_the_command(folder: Path) -> None:
    code, answers = run(folder, folder / "bid.txt.p7s", folder / "bid.txt.tst")
    assert (code, [one["format"] for one in answers]) == (0, ["cms", "tst"])
    assert all("bid.txt" in one["warnings"][0] for one in answers), "which file was taken is said"
    assert run(folder, folder / "other.p7s")[0] == 2
    assert run(folder, "--content", folder / "bid.txt", folder / "other.p7s")[0] == 0
    assert run(folder, "--content", folder / "bid.txt.tst", folder / "other.p7s")[0] == 1
    assert run(folder, "--content", folder / "bid.txt", folder / "other.p7s", folder / "bid.txt.p7s")[0] == 64
    assert run(folder, "--content", folder / "gone", folder / "other.p7s")[0] == 64


def test_a_report_never_takes_the_place_of_the_content(folder: Path, tmp_path: Path) -> None:
    content = tmp_path / "content.json"
    content.write_bytes(TEXT)
    assert run(folder, "--content", content, "--report", content, folder / "other.p7s")[0] == 64
    assert content.read_bytes() == TEXT


def test_changes_of_the_whole_document_have_no_page(desk: Desk, tmp_path: Path) -> None:
    answer = judge(desk, tmp_path / "a", desk.detached(), TEXT).as_json()
    answer["signatures"][0]["changes_after"] = [{"page": None, "what": "元数据", "allowed": False}]
    page = render_report([answer])
    assert ("整份文件" in page, "元数据" in page, "None" in page, "签名消息" in page) == (True, True, False, True)


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient[Any]]:
    verifier = Verifier(IsolatedWorker(), lambda: folder / "trust", lambda: LATER)
    site = Site("核验", (("/verify", "核验"),), sandbox=True, clock=lambda: LATER)
    app = create_app(VERIFY_ROUTES, {"site": site, "verifier": verifier}, title="test verify")
    with TestClient(app) as one:
        yield one
    verifier.worker.close()


def test_the_api_takes_signature_and_content(client: TestClient[Any], folder: Path) -> None:
    signature = ("files", ("x.p7s", (folder / "other.p7s").read_bytes()))
    answers = client.post("/api/v1/verifications", files=[signature]).json()
    assert [one["indication"] for one in answers] == ["INDETERMINATE"]
    content = ("content", ("bid.txt", TEXT))
    answers = client.post("/api/v1/verifications", files=[signature, content]).json()
    assert [(one["file"], one["indication"], one["warnings"]) for one in answers] == [("x.p7s", "TOTAL-PASSED", [])]
    answers = client.post("/api/v1/verifications", files=[signature, ("content", ("b", b"other"))]).json()
    assert [one["indication"] for one in answers] == ["TOTAL-FAILED"]
    both = [("files", ("x", TEXT)), signature]
    answers = client.post("/api/v1/verifications", files=both).json()
    assert [one["indication"] for one in answers] == ["REFUSED", "TOTAL-PASSED"]
    assert "随签名一起给出的原文" in answers[0]["reason"]


def test_the_page(client: TestClient[Any], folder: Path) -> None:
    empty = client.get("/verify").text
    assert all(word in empty for word in ("OFD", "CMS", "时间戳", "ASiC", 'name="content"'))
    parts = [
        b'name="files"; filename="x.p7s"\r\n\r\n' + (folder / "other.p7s").read_bytes(),
        b'name="uscc"\r\n\r\n',
        b'name="content"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n',
    ]
    head = b"Content-Disposition: form-data; "
    body = b"".join(b"--x1\r\n%b%b\r\n" % (head, part) for part in parts) + b"--x1--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x1"}
    answer = client.post("/verify", content=body, headers=kind)
    assert (answer.status_code, "缺少原文" in answer.text) == (200, True), answer.text[:2000]
