import pytest
from hypothesis import given
from hypothesis import strategies as st

from bidding.errors import InvalidAmountError
from bidding.money import MAX_FEN, amount_in_words, format_amount, parse_amount, parse_words


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        pytest.param("1409.50", "人民币壹仟肆佰零玖元伍角整", id="附一 (一): zero in the middle"),
        pytest.param("6007.14", "人民币陆仟零柒元壹角肆分", id="附一 (二): two zeros, one 零"),
        pytest.param("1680.32", "人民币壹仟陆佰捌拾元叁角贰分", id="附一 (三): the 零 before 角 may be left out"),
        pytest.param("107000.53", "人民币壹拾万柒仟元伍角叁分", id="附一 (三): the 零 after 万 may be left out"),
        pytest.param("16409.02", "人民币壹万陆仟肆佰零玖元零贰分", id="附一 (四): no 角"),
        pytest.param("325.04", "人民币叁佰贰拾伍元零肆分", id="附一 (四): no 角, small"),
        pytest.param("0", "人民币零元整", id="nothing"),
        pytest.param("0.05", "人民币伍分", id="only fen"),
        pytest.param("0.50", "人民币伍角整", id="only jiao"),
        pytest.param("18330000", "人民币壹仟捌佰叁拾叁万元整", id="a ceiling price"),
        pytest.param("100000001", "人民币壹亿零壹元整", id="an empty group"),
        pytest.param("120000050", "人民币壹亿贰仟万零伍拾元整", id="no thousands digit"),
        pytest.param("10", "人民币壹拾元整", id="壹 before 拾 is always written"),
    ],
)
def test_words_of_an_amount(digits: str, words: str) -> None:
    assert amount_in_words(parse_amount(digits)) == words
    assert parse_words(words) == parse_amount(digits)


@pytest.mark.parametrize(
    ("words", "fen"),
    [
        pytest.param("人民币壹仟陆佰捌拾元零叁角贰分", 168032, id="with the 零 before 角"),
        pytest.param("人民币壹拾万零柒仟元伍角叁分", 10700053, id="with the 零 after 万"),
        pytest.param("壹佰圆正", 10000, id="圆 and 正"),
        pytest.param("壹佰元伍角", 10050, id="整 after 角 may be left out"),
    ],
)
def test_other_allowed_spellings(words: str, fen: int) -> None:
    assert parse_words(words) == fen


@pytest.mark.parametrize(
    "words",
    ["", "壹", "壹元", "拾元整", "壹仟伍元整", "壹零元整", "壹元整分", "一元整", "壹元伍分整", "亿元整", "零元"],
)
def test_words_that_are_refused(words: str) -> None:
    with pytest.raises(InvalidAmountError):
        parse_words(words)


@pytest.mark.parametrize(
    "digits", ["", "-1", "1.234", "1,23", "01", "1e3", "１", "1,2345", " 1", "1\n", "9" * 16, "9" * 99]
)
def test_digits_that_are_refused(digits: str) -> None:
    with pytest.raises(InvalidAmountError):
        parse_amount(digits)


@given(st.integers(0, MAX_FEN))
def test_every_amount_comes_back(fen: int) -> None:
    assert parse_words(amount_in_words(fen)) == fen
    assert parse_amount(format_amount(fen)) == fen


@given(st.text("零壹贰拾佰仟万亿元角分整", max_size=12))
def test_words_mean_one_amount_or_none(words: str) -> None:
    try:
        fen = parse_words(words)
    except InvalidAmountError:
        return
    assert amount_in_words(fen).replace("零", "").removesuffix("整") == f"人民币{words}".replace("零", "").removesuffix(
        "整"
    )
