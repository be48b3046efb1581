"""What is read out at opening (唱标信息): the first part of a stage. Specification: docs/format/bundle.md 7.1."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from bidding.faults import IncompleteBidError
from bidding.params import ReadoutField, SectionParams
from signing import canonical
from signing.canonical import Code
from signing.errors import MalformedError

MAX_READOUT: Final = 1 << 16
"""Bytes of an encoded readout."""

_FORMS: Final = {
    "money": re.compile(r"(0|[1-9][0-9]{0,14})\.[0-9]{2}\Z"),
    "days": re.compile(r"[1-9][0-9]{0,4}\Z"),
    "text": re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]{1,500}\Z"),
}
_WORDS: Final = {"money": "应为人民币元，保留两位小数", "days": "应为整数天数", "text": "应为 1 至 500 个字符"}


class ReadoutValue(Struct, frozen=True, forbid_unknown_fields=True):
    """One field (唱标项) and what the bidder says there: yuan with two places, whole days, or text."""

    id: Code
    value: Annotated[str, Meta(min_length=1, max_length=500)]


class Readout(Struct, frozen=True, forbid_unknown_fields=True):
    """All fields of one bidder in one stage, in the order of the parameters."""

    v: Literal[1]
    section: Code
    bidder: Annotated[str, Meta(pattern=r"^[0-9A-Z]{18}\Z")]
    stage: Annotated[int, Meta(ge=1, le=4)]
    fields: Annotated[tuple[ReadoutValue, ...], Meta(max_length=40)]

    def value(self, field: str) -> str:
        """Answer the value of a field; KeyError if it is not there."""
        return {item.id: item.value for item in self.fields}[field]


def make_readout(params: SectionParams, *, bidder: str, stage: int, values: Mapping[str, str]) -> Readout:
    """Make the readout of a stage from its values by field id; IncompleteBidError names what is wrong."""
    wanted = readout_fields(params, stage)
    unknown = set(values) - {field.id for field in wanted}
    if unknown:
        raise IncompleteBidError(f"第 {stage} 阶段没有这些唱标项：{'、'.join(sorted(unknown))}")
    for field in wanted:
        _require_form(field, values.get(field.id, ""))
    return Readout(1, params.section, bidder, stage, tuple(ReadoutValue(f.id, values[f.id]) for f in wanted))


def check_readout(readout: Readout, params: SectionParams) -> None:
    """Raise IncompleteBidError unless the readout has exactly the fields of its stage, in order and well formed."""
    values = {item.id: item.value for item in readout.fields}
    if make_readout(params, bidder=readout.bidder, stage=readout.stage, values=values) != readout:
        raise IncompleteBidError("唱标信息的标段、顺序或项数与标段参数不一致")


def parse_readout(data: bytes) -> Readout:
    """Decode the one canonical form; MalformedError (signing)."""
    if len(data) > MAX_READOUT:
        raise MalformedError(f"{len(data)} bytes; a readout has at most {MAX_READOUT}")
    return canonical.decode(data, Readout)


def readout_fields(params: SectionParams, stage: int) -> tuple[ReadoutField, ...]:
    """Answer the fields that the parameters ask for in a stage."""
    return tuple(field for field in params.readout if field.stage == stage)


def _require_form(field: ReadoutField, value: str) -> None:
    if not value:
        raise IncompleteBidError(f"唱标项“{field.title}”没有填写")
    if not _FORMS[field.kind].match(value):
        raise IncompleteBidError(f"唱标项“{field.title}”{_WORDS[field.kind]}")
