"""`yizhao trust`: an own list from certificates, its editions, and what an operator sees of them."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bidding.cli import yizhao
from signing import sm2
from signing.certificates import parse_certificate
from signing.issuing import AUTHORITY, CertificateRequest, Subject, build_certificate
from signing.keystore import save_key
from signing.trust import load_trust

LIFE = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC))


def certificate(name: str, key: sm2.PrivateKey) -> bytes:
    request = CertificateRequest(Subject(name), key.public, 1, *LIFE, key_usage=AUTHORITY, is_ca=True)
    return build_certificate(request, None, lambda tbs: sm2.sign(key, tbs))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Answer a folder with a root (DER), a publisher (PEM) and its key."""
    key = sm2.generate()
    (tmp_path / "root.cer").write_bytes(certificate("某某根", sm2.generate()))
    der = certificate("名单发布者", key)
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"
    (tmp_path / "publisher.pem").write_bytes(pem)
    (tmp_path / "pass").write_text("a long passphrase\n", "utf-8")
    save_key(tmp_path / "publisher.key", key, "a long passphrase", lambda size: bytes(range(size)))
    return tmp_path


@dataclass(frozen=True)
class Answer:
    """What a command printed and answered."""

    output: str
    exit_code: int


def run(desk: Path, *words: str) -> Answer:
    given = ["trust", *(word.replace("@", f"{desk}/") for word in words)]
    done = CliRunner().invoke(yizhao, given, standalone_mode=False)
    usage = isinstance(done.exception, click.UsageError)
    assert usage or done.exception is None, done.output
    return Answer(done.output, 64 if usage else done.return_value)


def add(desk: Path, folder: str = "list") -> None:
    words = ("--purpose", "licence", "--purpose", "timestamp", "--until", "2030-01-01", "--source", "合同第 3 号")
    assert run(desk, "add", f"@{folder}", "@root.cer", *words).exit_code == 0


def publish(desk: Path, target: str = "@next.json", *more: str) -> Answer:
    keys = ("--key", "@publisher.key", "--certificate", "@publisher.pem", "--passphrase-file", "@pass")
    return run(desk, "publish", "@list", target, *keys, *more)


def test_a_list_of_ones_own_says_purpose_period_and_source(desk: Path) -> None:
    add(desk)
    add(desk)  # the same certificate again replaces itself
    shown = run(desk, "show", "@list").output
    for words in ("某某根", "电子营业执照证书、可信时间戳", "不限 至 2030-01-01", "合同第 3 号"):
        assert words in shown
    facts = json.loads(run(desk, "show", "@list", "--json").output)
    assert [one["name"] for one in facts["anchors"]] == ["某某根"]
    assert facts["fingerprint"] == load_trust(desk / "list").fingerprint


def test_an_edition_is_published_and_taken_once_a_person_has_pinned_the_publisher(desk: Path) -> None:
    add(desk)
    add(desk, "copy")
    assert publish(desk).exit_code == 0
    pin = parse_certificate(base64.b64decode(b"".join((desk / "publisher.pem").read_bytes().splitlines()[1:-1]))).sm3
    refused = run(desk, "update", "@copy", "@next.json")
    assert refused.exit_code == 1
    assert "not-pinned" in refused.output
    assert "未写入" in run(desk, "update", "@copy", "@next.json", "--publisher", pin, "--dry-run").output
    assert load_trust(desk / "copy").number == 0
    taken = run(desk, "update", "@copy", "@next.json", "--publisher", pin)
    assert taken.exit_code == 0, taken.output
    assert "第 1 期" in taken.output
    assert load_trust(desk / "copy").number == 1
    assert "第 1 期" in run(desk, "show", "@copy").output


def test_an_older_edition_is_refused_and_the_list_stays(desk: Path) -> None:
    add(desk)
    assert publish(desk, "@first.json").exit_code == 0
    assert publish(desk, "@second.json").exit_code == 0
    before = load_trust(desk / "list")
    refused = run(desk, "update", "@list", "@first.json")
    assert refused.exit_code == 1
    assert "rollback" in refused.output
    assert load_trust(desk / "list") == before
    assert before.next_update is not None
    assert before.issued_at is not None
    assert before.next_update - before.issued_at == timedelta(days=30)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\x00" * 100, b"[" * 100_000], ids=["empty", "no update", "zeros", "deep"]
)
def test_a_file_that_is_no_update(desk: Path, data: bytes) -> None:
    add(desk)
    (desk / "bad.json").write_bytes(data)
    answer = run(desk, "update", "@list", "@bad.json", "--publisher", "0" * 64)
    assert answer.exit_code == 1
    assert answer.output.startswith("未更新：")


def test_what_is_there_is_not_overwritten(desk: Path) -> None:
    add(desk)
    assert publish(desk).exit_code == 0
    assert publish(desk).exit_code == 64
