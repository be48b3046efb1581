import re
from datetime import UTC, datetime, timedelta

import pypdfium2
import pytest

from bidding.documents.opening_record import BidderFacts, Fault, OpeningFacts, make_opening_record, with_seconds
from bidding.params import Party

T = datetime(2026, 3, 20, 1, 0, 0, tzinfo=UTC)


def bidder(number: int, *, decrypted: bool | None = True, cause: str = "") -> BidderFacts:
    return BidderFacts(
        name=f"投标单位{number}有限公司",
        uscc=f"91350100M00010{number:04d}",
        received_at=T - timedelta(minutes=number, milliseconds=234),
        bundle_sm3=f"{number:02x}" * 32,
        released=decrypted is not False,
        decrypted=decrypted,
        cause=cause,
        seals=("公章：通过",),
        readout=(("投标总报价（元）", f"{number},000.00"),),
    )


def facts(bidders: int, **more: object) -> OpeningFacts:
    return OpeningFacts(
        project="滨河新区市政道路工程",
        section="YZ2026-0317-01",
        title="第一标段",
        stage="商务技术标",
        params_sm3="cd" * 32,
        tenderer=Party("招标人", "91350100M000100Y43"),
        host=Party("交易中心", "12350100M000100Y43"),
        deadline=T,
        closed_at=T + timedelta(seconds=10),
        opened_at=T + timedelta(seconds=95),
        made_at=T + timedelta(seconds=200),
        time_source="本机时钟，偏差不超过 50 毫秒",
        bidders=tuple(bidder(number) for number in range(1, bidders + 1)),
        **more,  # type: ignore[arg-type]
    )


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        return re.sub(r"\s", "", "".join(page.get_textpage().get_text_bounded() for page in document))


@pytest.mark.parametrize("count", [0, 1, 3, 40])
def test_every_party_has_its_own_place(count: int) -> None:
    told = facts(count)
    paper = make_opening_record(told, random=bytes)
    assert [place.party for place in paper.places] == [told.host.uscc, *(one.uscc for one in told.bidders)]
    spots = {(place.page, round(place.y_mm)) for place in paper.places}
    assert len(spots) == count + 1
    assert all(place.y_mm + place.h_mm <= 297 - 20 and place.page <= paper.pages for place in paper.places)


def test_what_the_record_says() -> None:
    more = (bidder(7, decrypted=False, cause="投标人原因，视为撤销"), bidder(8, decrypted=None))
    told = facts(2, faults=(Fault(T, "投标单位7未授权解密"),), sandbox=True)
    told = OpeningFacts(**{**{f: getattr(told, f) for f in told.__struct_fields__}, "bidders": told.bidders + more})
    text = text_of(make_opening_record(told, random=bytes).pdf)
    for word in (
        "2026-03-2009:00:00",
        "2026-03-2008:58:59.766",
        "4家，其中解密成功2家",
        "视为撤销",
        "未知",
        "仿真环境",
        "1,000.00",
        "0202020202020202",
        "第1页共",
    ):
        assert word in text, word


def test_times_are_beijing_time() -> None:
    assert with_seconds(T) == "2026-03-20 09:00:00"
