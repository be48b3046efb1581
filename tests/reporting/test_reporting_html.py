"""The page of a report: in the order of a report, without anything that runs or loads, states told in words."""

import re
from pathlib import Path
from typing import Any

import pytest
from reporting_world import AGENCY, Judged, answer, check, details, signature

from bidding.reporting.reports import make_html


def test_a_report_reads_in_the_order_of_a_report(sealed: Judged) -> None:
    page = make_html([sealed.answer], details(), [sealed.path])
    wanted = [
        "电子签章验证报告", "HY-2026", "测试招标人", AGENCY, "甲某", "乙某", "验证通过", "全部签名与印章", "two.pdf",
        sealed.answer["sm3"], "签章 1/2", "法定代表人章", "签章 2/2", "公章", "二、签章后的变更", "签章后没有发现变更",
        "三、逐项检查表", "四、证书与时间证据", "五、说明与限制",
    ]  # fmt: skip
    top = page.index("<h1>")
    places = [page.index(word, top) for word in wanted[:9]]
    assert places == sorted(places)
    rest = [page.index(word, places[-1]) for word in wanted[9:]]
    assert rest == sorted(rest)
    assert page.count('class="seal"') == 2


def test_nothing_in_a_report_runs_or_loads(changed: Judged) -> None:
    page = make_html([changed.answer], details(), [changed.path])
    assert re.findall(r"<script|javascript:|\son\w+=|\sstyle=|<link|<iframe|@import", page) == []
    assert re.findall(r'(?:src|href)="(?!data:image/)[^"]*"', page) == []
    assert re.findall(r"url\((?!\"data:image/svg)[^)]*\)", page) == []
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    ("given", "headline"),
    [
        pytest.param(answer(signature()), "验证通过", id="passed"),
        pytest.param(
            answer(signature(changes_after=[{"page": 1, "what": "填写表单域", "allowed": True}])),
            "验证通过（签章后有允许的变更，详见第二部分）",
            id="passed with changes",
        ),
        pytest.param(answer(signature(), warnings=["时间未经证明"]), "验证通过（有须了解的事项）", id="with notes"),
        pytest.param(answer(signature(), indication="TOTAL-FAILED"), "验证不通过", id="failed"),
        pytest.param(answer(signature(), indication="INDETERMINATE"), "无法确定：缺少判断所需的依据", id="open"),
        pytest.param(answer(indication="NO-SIGNATURE"), "未发现签名或签章（不构成通过）", id="nothing signed"),
        pytest.param(answer(indication="REFUSED"), "文件无法读取，未作判断（不构成通过）", id="unreadable"),
    ],
)
def test_the_headline_is_the_verdict(given: dict[str, Any], headline: str) -> None:
    assert f"<strong>{headline}" in make_html([given], details())


def test_not_asked_and_cannot_tell_look_and_read_differently() -> None:
    page = make_html([answer(signature())], details())
    assert '<li class="unknown"><span>证书链</span> <b>？ 无法确定</b></li>' in page
    assert '<li class="not-asked"><span>与应签单位一致</span> <b>— 未询问</b></li>' in page
    assert "“— 未询问”是本次没有提出这项询问" in page


def test_what_went_wrong_comes_first_with_its_code_and_step() -> None:
    checks = [
        check("format", "FMT_CMS", "ok"),
        check("digest", "HASH", "failed", "第二段"),
        check("x", "CHAIN_NONE", "unknown"),
    ]
    page = make_html(
        [answer(signature(checks=checks, indication="TOTAL-FAILED"), indication="TOTAL-FAILED")], details()
    )
    table = page[page.index("三、逐项检查表") :]
    assert table.index("HASH") < table.index("CHAIN_NONE") < table.index("数据格式正确")
    assert "签章 e" in table
    assert "第二段" in table


def test_words_of_a_file_are_words_only() -> None:
    bad = "<script>alert(1)</script>{{7*7}}\udcff\x00"
    given = answer(
        signature(profile=bad, signer={"name": bad}, changes_after=[{"page": 1, "what": bad}]),
        file=bad, reason=bad, warnings=[bad],
    )  # fmt: skip
    page = make_html([given], details(commission=bad[:20]))
    assert "<script" not in page
    assert "{{7*7}}" in page


@pytest.mark.parametrize("sandbox", [True, False], ids=["sandbox", "real"])
def test_a_sandbox_says_so_everywhere(sandbox: bool) -> None:
    trust = {"name": "测试", "version": "1", "sandbox": sandbox, "fingerprint": ""}
    page = make_html([answer(signature(), trust=trust)], details())
    assert ('<body class="sandbox">' in page, "仿真环境" in page) == (sandbox, sandbox)


def test_several_answers_come_after_their_table() -> None:
    page = make_html([answer(signature()), answer(file="坏.pdf", indication="REFUSED")], details())
    assert page.index("批量核验结果") < page.index("<h1>")
    assert page.count("<h1>电子签章验证报告</h1>") == 2


def test_a_report_is_made_without_the_file(changed: Judged, tmp_path: Path) -> None:
    assert "第 2 页" in make_html([changed.answer], details(), [tmp_path / "gone.pdf"])
