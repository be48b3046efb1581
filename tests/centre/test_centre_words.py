"""Every refusal of ours has a status, a code of its own and Chinese words."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from bidding.errors import BiddingError, CentreError, MalformedReceiptError
from bidding.web.errors import WORDS, knows, words_of
from identity.errors import IdentityError
from sealing.errors import SealingError
from signing.errors import SigningError
from storage.errors import StorageError

ROOTS = (BiddingError, IdentityError, SealingError, SigningError, StorageError)


def tree(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


@pytest.mark.parametrize("root", ROOTS, ids=[root.__name__ for root in ROOTS])
def test_every_class_inherits_words(root: type[Exception]) -> None:
    assert root in WORDS
    assert all(any(base in WORDS for base in kind.__mro__) for kind in tree(root))


@pytest.mark.parametrize("root", [CentreError, StorageError, MalformedReceiptError], ids=lambda root: root.__name__)
def test_every_class_of_the_centre_has_words_of_its_own(root: type[Exception]) -> None:
    assert [kind for kind in tree(root) if kind not in WORDS] == []


def test_no_refusal_of_bidding_is_told_in_the_words_of_all() -> None:
    known = [kind for kind in tree(BiddingError) if kind.__module__ == BiddingError.__module__]
    plain = [kind for kind in known if next(base for base in kind.__mro__ if base in WORDS) is BiddingError]
    assert plain == [BiddingError]


def test_codes_are_stable_words_and_each_is_of_one_class() -> None:
    codes = Counter(words.code for words in WORDS.values())
    assert [code for code, count in codes.items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z][a-z_]*", code) for code in codes)
    assert all(400 <= words.status < 600 and words.text.endswith("。") for words in WORDS.values())


def test_a_fault_of_ours_says_nothing_of_its_inside() -> None:
    assert not knows(KeyError("secret"))
    assert words_of(KeyError("secret")).status == 500
