"""The table of docs/verification.md says what is answered today, and what is answered is right."""

import os
import tracemalloc
import zlib
from pathlib import Path

import comparison_path  # noqa: F401 - first, so that the makers are found
import pdf_forge as forge
import pytest
from comparison_foreign import ask_all_pyhanko, ask_pdfsig
from comparison_ours import NOW, OurJudge, word_of
from comparison_set import GROUPS, Sample, needs_tool, own, published, vectors
from comparison_table import DOCUMENT, JUDGES, outcome, read_column, render, replace_table

from bidding.isolation_pool import WorkerPool, cores
from bidding.verification_asking import Asked
from sealing.evidence import gather_pdf

OURS = 2 + JUDGES.index("ours")


def samples(group: str) -> list[Sample]:
    listed = {"samples": published, "vectors": vectors}.get(group, own)()
    return [one for one in listed if one.group == group and not needs_tool(one)]


def judge_all(chosen: list[Sample], folder: Path) -> dict[str, str]:
    """Ask warm children side by side."""
    pool = WorkerPool(cores())

    paths = [one.lay(folder, number) for number, one in enumerate(chosen)]

    def ask(pair: tuple[Sample, Path]) -> str:
        one, path = pair
        given = {"file": str(one.content), "name": one.content.name, "given": True} if one.content else None
        return word_of(pool.ask(Asked(at=NOW).request(path, content=given)))

    try:
        return dict(zip([one.key for one in chosen], pool.map(ask, zip(chosen, paths, strict=True)), strict=True))
    finally:
        pool.close()


@pytest.mark.conformance
@pytest.mark.parametrize("group", list(GROUPS))
def test_the_document_says_what_is_answered(group: str, tmp_path: Path) -> None:
    chosen = samples(group)
    answers = judge_all(chosen, tmp_path)
    assert {one.key: answers[one.key] for one in chosen if answers[one.key] not in one.words} == {}
    told = read_column(DOCUMENT.read_text("utf-8"), OURS)
    listed = {key: word for key, word in told.items() if key in answers}
    assert listed == answers, "run python -m tests.comparison"


@pytest.mark.conformance
def test_the_document_lists_every_file_and_no_other() -> None:
    told = read_column(DOCUMENT.read_text("utf-8"), OURS)
    assert set(told) == {one.key for one in (*published(), *vectors(), *own())}


@pytest.mark.interop
def test_the_other_columns_say_what_others_answer(tmp_path: Path) -> None:
    """Every fourteenth file only: asking all of them takes minutes."""
    chosen = [one for one in own() if one.group in {"honest", "attack"}][::14]
    paths = [one.lay(tmp_path, number) for number, one in enumerate(chosen)]
    text = DOCUMENT.read_text("utf-8")
    for judge, words in (("pyhanko", ask_all_pyhanko(paths)), ("pdfsig", [ask_pdfsig(path) for path in paths])):
        told = read_column(text, 2 + JUDGES.index(judge))
        found = {one.key: told[one.key].split()[0] for one in chosen}
        assert found == dict(zip([one.key for one in chosen], words, strict=True)), judge


def test_names_are_unique() -> None:
    keys = [one.key for one in own()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("word", "words", "found"),
    [
        ("PASS", ["PASS_WARN"], "right"),
        ("FAIL", ["MODIFIED"], "right"),
        ("REFUSE", ["FAIL"], "right"),
        ("PASS", ["FAIL"], "false-accept"),
        ("PASS_WARN", ["INDETERMINATE"], "false-accept"),
        ("INDETERMINATE", ["PASS"], "false-reject"),
        ("NOSIG", ["PASS", "PASS_WARN"], "false-reject"),
        ("FAIL", ["PASS", "FAIL"], "right"),
        ("DIED", ["FAIL"], "unclean"),
    ],
)
def test_scoring(word: str, words: list[str], found: str) -> None:
    assert outcome(word, words) == found


def test_a_table_is_read_back() -> None:
    made = Sample("honest", "plain", ("PASS",), lambda: b"", ".pdf")
    text = replace_table(DOCUMENT.read_text("utf-8"), render([made], {made.key: {"ours": "PASS", "pdfsig": "FAIL"}}))
    assert read_column(text, OURS) == {"honest/plain": "PASS"}
    assert replace_table(text, render([made], {made.key: {"ours": "FAIL"}})).count("### 计数") == 1


def test_a_file_that_ends_its_child_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(b"%PDF-1.7\n")
    judge = OurJudge()
    try:
        answer, whole = judge.ask(path)
        assert (answer.word, whole["indication"]) == ("REFUSE", "REFUSED")
        assert answer.memory > 1
        os.kill(judge._process(), 9)
        assert judge.ask(path)[0].word in {"DIED", "REFUSE"}  # the next question starts a new child
    finally:
        judge.close()


def test_metadata_is_not_unpacked_to_see_that_it_is_too_long(tmp_path: Path) -> None:
    """A hundred megabytes of zeros as XMP, added after a signature: denied, in the memory of any other file."""
    data = forge.signed()
    packed = zlib.compress(bytes(100 << 20), 9)
    metadata = b"<< /Type /Metadata /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (len(packed), packed)
    path = tmp_path / "bomb.pdf"
    path.write_bytes(forge.append(data, {**forge.catalog(b"/Metadata 30 0 R", data=data), 30: metadata}))
    gather_pdf(path)  # what is loaded once for all files is not this file's
    tracemalloc.start()
    changes = gather_pdf(path).signatures[0].changes
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(change.kind, change.allowed) for change in changes] == [("metadata", False)]
    assert peak < 24 << 20
