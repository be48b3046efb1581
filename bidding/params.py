"""Section parameters (标段参数): what the tenderer signs and everybody else relies on.

The specification is docs/format/params.md. SM3 of the canonical bytes stands in bundle header, consent,
receipt and opening record, so nobody can be shown other parameters than those that were signed.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from bidding.errors import MalformedParamsError
from signing import canonical
from signing.canonical import Code, Name
from signing.digests import sm3
from signing.errors import InvalidKeyError, MalformedError
from signing.sm2 import PublicKey

SealDemand = Literal["legal-representative", "unit"]


class Stage(Struct, frozen=True, forbid_unknown_fields=True):
    """One opening stage (开标阶段, 信封): what is opened together, under its own officers' key."""

    id: Annotated[int, Meta(ge=1, le=4)]
    name: Name
    opening_key: Annotated[bytes, Meta(min_length=65, max_length=65)]
    """The officers' SM2 public point 04||x||y (开标公钥); the private half never enters a service."""
    shows_price: bool


class Officer(Struct, frozen=True, forbid_unknown_fields=True):
    """Who holds an opening key outside the service (开标人)."""

    name: Name
    stages: Annotated[tuple[int, ...], Meta(min_length=1, max_length=4)]


class RequiredItem(Struct, frozen=True, forbid_unknown_fields=True):
    """One document the tender asks for (投标文件组成)."""

    id: Code
    title: Name
    stage: Annotated[int, Meta(ge=1, le=4)]
    mandatory: bool
    seals: Annotated[tuple[SealDemand, ...], Meta(max_length=2)]


class ReadoutField(Struct, frozen=True, forbid_unknown_fields=True):
    """One field that is read out at opening (唱标项)."""

    id: Code
    title: Name
    stage: Annotated[int, Meta(ge=1, le=4)]
    kind: Literal["money", "days", "text"]


class Party(Struct, frozen=True, forbid_unknown_fields=True):
    """A named unit with its unified social credit code."""

    name: Name
    uscc: Annotated[str, Meta(pattern=r"^[0-9A-Z]{18}\Z")]


class SectionParams(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything about a section that bidders, centre and officers must agree on."""

    v: Literal[1]
    suite: Literal["GM"]
    section: Code
    """标段编号."""
    version: Annotated[int, Meta(ge=1, le=999)]
    project: Name
    title: Name
    tenderer: Party
    centre: Party
    deadline: datetime
    """投标截止时间 T, whole seconds, UTC; equals the opening time (招标投标法 34)."""
    release_window: Annotated[int, Meta(ge=10, le=7200)]
    """Seconds in which bidders release their halves after closing (解密时限)."""
    grace: Annotated[int, Meta(ge=0, le=60)]
    """G: seconds after T at which the section is CLOSED."""
    decrypt_mode: Literal["bidder-and-officer"]
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1, max_length=4)]
    officers: Annotated[tuple[Officer, ...], Meta(min_length=1, max_length=9)]
    threshold: Annotated[int, Meta(ge=1, le=9)]
    required: Annotated[tuple[RequiredItem, ...], Meta(min_length=1, max_length=100)]
    readout: Annotated[tuple[ReadoutField, ...], Meta(max_length=40)]
    max_bundle: Annotated[int, Meta(ge=1 << 20, le=1 << 34)]
    """Bytes; a larger bundle is refused."""
    rules: Code
    """The rules profile that was in force, e.g. `demo`."""

    @property
    def closes_at(self) -> datetime:
        """T + G: when the section is CLOSED."""
        return self.deadline + timedelta(seconds=self.grace)

    def stage(self, number: int) -> Stage:
        """Answer the stage with this id; KeyError if there is none."""
        for stage in self.stages:
            if stage.id == number:
                return stage
        raise KeyError(number)


def encode_params(params: SectionParams) -> bytes:
    """Answer the bytes that the tenderer signs."""
    return canonical.encode(params)


def params_sm3(data: bytes) -> str:
    """SM3 of the canonical parameters, hex: their name everywhere else."""
    return sm3(data).hex()


def parse_params(data: bytes) -> SectionParams:
    """Decode and check what one field alone cannot say; MalformedParamsError."""
    try:
        params = canonical.decode(data, SectionParams)
        for stage in params.stages:
            PublicKey(stage.opening_key)
    except (MalformedError, InvalidKeyError) as error:
        raise MalformedParamsError(str(error)) from error
    _check(params)
    return params


def _check(params: SectionParams) -> None:
    stages = [stage.id for stage in params.stages]
    keys = {stage.opening_key for stage in params.stages}
    items = [item.id for item in params.required]
    used = {item.stage for item in params.required} | {field.stage for field in params.readout}
    problems = {
        "the deadline carries no time zone or a fraction of a second": params.deadline.tzinfo is None
        or params.deadline.microsecond != 0,
        "stages are not numbered 1, 2, …": stages != list(range(1, len(stages) + 1)),
        "two stages share an opening key": len(keys) != len(stages),
        "two required items share an id": len(set(items)) != len(items),
        "something belongs to a stage that is not there": not used <= set(stages),
        "more officers are needed than there are": params.threshold > len(params.officers),
        "the first of several stages shows a price": len(stages) > 1 and params.stages[0].shows_price,
    }
    for problem, present in problems.items():
        if present:
            raise MalformedParamsError(problem)
