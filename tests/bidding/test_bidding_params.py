"""Section parameters are refused unless they can be acted upon."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bidding.errors import MalformedParamsError
from bidding.params import (
    Officer,
    Party,
    ReadoutField,
    RequiredItem,
    SectionParams,
    Stage,
    encode_params,
    parse_params,
)

BASE_POINT = bytes.fromhex(
    "0432c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7"
    "bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0"
)  # the generator of GB/T 32918.5: a point on the curve

PARAMS = SectionParams(
    v=1,
    suite="GM",
    section="A3701000001000001001001",
    version=1,
    project="某道路工程",
    title="某道路工程施工一标段",
    tenderer=Party("某建设局", "11370200MB00000000"),
    centre=Party("某交易中心", "12370200MB00000000"),
    deadline=datetime(2026, 11, 21, 9, 0, tzinfo=UTC),
    release_window=600,
    grace=10,
    decrypt_mode="bidder-and-officer",
    stages=(Stage(1, "投标文件", BASE_POINT, shows_price=True),),
    officers=(Officer("开标人甲", (1,)),),
    threshold=1,
    required=(RequiredItem("letter", "投标函", 1, True, ("legal-representative", "unit")),),
    readout=(ReadoutField("price", "投标总报价", 1, "money"),),
    max_bundle=1 << 30,
    rules="demo",
)


def test_what_is_encoded_is_what_is_parsed() -> None:
    assert parse_params(encode_params(PARAMS)) == PARAMS


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param(
            {"deadline": datetime(2026, 11, 21, 9, 0, 0, 1, tzinfo=UTC)}, "fraction", id="deadline between seconds"
        ),
        pytest.param({"stages": (Stage(2, "x", BASE_POINT, True),)}, "numbered", id="stages not numbered from 1"),
        pytest.param(
            {"stages": (Stage(1, "x", BASE_POINT, False), Stage(2, "y", BASE_POINT, True))},
            "share",
            id="one key for two stages",
        ),
        pytest.param({"required": PARAMS.required * 2}, "share an id", id="item named twice"),
        pytest.param({"readout": (ReadoutField("price", "价", 2, "money"),)}, "not there", id="field of no stage"),
        pytest.param({"threshold": 2}, "more officers", id="more officers than there are"),
        pytest.param({"stages": (Stage(1, "x", BASE_POINT[:-1] + b"\x01", True),)}, "curve", id="key off the curve"),
        pytest.param({"section": "标段"}, "section", id="section code with letters that are none"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(MalformedParamsError, match=says):
        parse_params(encode_params(msgspec.structs.replace(PARAMS, **changes)))
