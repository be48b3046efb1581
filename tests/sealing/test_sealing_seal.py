"""Names, numbers, kinds, and the tie between a seal and its picture."""

from dataclasses import replace

import pytest
from sealing_world import HOLDER, World

from sealing import seal, ses
from sealing.errors import SealFormatError, SealTextError
from sealing.seal import SealKind


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (SealKind.UNIT, "测试建设工程有限公司"),
        (SealKind.FINANCE, "测试建设工程有限公司财务专用章"),
        (SealKind.CONTRACT, "测试建设工程有限公司合同专用章"),
        (SealKind.INVOICE, "测试建设工程有限公司发票专用章"),
        (SealKind.LEGAL_REPRESENTATIVE, "测试建设工程有限公司法定代表人章（欧阳明）"),
    ],
)
def test_names_and_kinds_belong_together(kind: SealKind, name: str) -> None:
    assert seal.seal_name(kind, HOLDER) == name
    assert seal.kind_of(name) is kind


@pytest.mark.parametrize("name", ["", "某某项目部投标专用章"])
def test_a_name_may_say_nothing_of_the_kind(name: str) -> None:
    assert seal.kind_of(name) is None


def test_a_number_is_place_and_serial() -> None:
    assert seal.seal_number("350100", 42) == "3501000000042"


@pytest.mark.parametrize(("region", "serial"), [("35010", 1), ("35010x", 1), ("350100", 10**7), ("350100", -1)])
def test_numbers_that_are_none(region: str, serial: int) -> None:
    with pytest.raises(SealTextError):
        seal.seal_number(region, serial)


def test_the_set_lists_the_right_certificates(world: World) -> None:
    for kind, issued in world.seals.items():
        parsed = ses.parse_seal(issued.esl)
        assert parsed.canonical
        assert parsed.info.property.certificates == (world.holder_of(kind).certificate.der,)
        assert (parsed.info.picture.width, parsed.info.picture.height) == seal.SIZES_MM[kind]


def test_a_picture_cannot_be_exchanged(world: World) -> None:
    one, other = world.seals[SealKind.UNIT], world.seals[SealKind.FINANCE]
    seal.read_artwork(one)
    with pytest.raises(SealFormatError):
        seal.read_artwork(replace(one, artwork=other.artwork))
