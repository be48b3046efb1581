"""SM3 engines: the same digests, however the bytes come; states fork; nothing is copied; threads do no harm."""

import itertools
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import gmssl_pyx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import sm3_engines
from signing.digests import Sm3, sha256, sm3, sm3_of

DATA = bytes(range(251)) * 300
EDGES = [0, 1, 55, 56, 63, 64, 65, 4095, 4096, 4097, 20_000, len(DATA)]

engines = pytest.mark.parametrize("engine", sm3_engines.ENGINES, ids=lambda engine: engine.name)


def reference(data: bytes) -> bytes:
    return bytes(gmssl_pyx.sm3_hash(data))


@engines
@pytest.mark.parametrize("size", EDGES)
def test_engines_give_the_same_digests(engine: sm3_engines.Engine, size: int) -> None:
    state = engine.start()
    state.update(DATA[:size])
    assert state.digest() == reference(DATA[:size])


@given(data=st.binary(max_size=500), cuts=st.lists(st.integers(0, 500), max_size=5))
@settings(deadline=None)
def test_engines_agree_on_pieces(data: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    for engine in sm3_engines.ENGINES:
        state = engine.start()
        for start, stop in itertools.pairwise(edges):
            state.update(data[start:stop])
            state.digest()  # reading changes nothing
        assert state.digest() == reference(data)


@pytest.mark.parametrize("size", EDGES)
@pytest.mark.parametrize("first", EDGES)
def test_a_stream_is_its_bytes_and_a_fork_goes_its_own_way(first: int, size: int) -> None:
    state = Sm3(DATA[:first])
    fork = state.copy()
    state.update(memoryview(DATA)[:size])
    fork.update(bytearray(b"fork"))
    assert state.digest() == state.digest() == sm3(DATA[:first], DATA[:size]) == reference(DATA[:first] + DATA[:size])
    assert fork.hexdigest() == reference(DATA[:first] + b"fork").hex()
    late = state.copy()
    late.update(b"late")
    assert late.digest() == reference(DATA[:first] + DATA[:size] + b"late")
    assert state.digest() == reference(DATA[:first] + DATA[:size])


def test_small_pieces_grow_into_a_long_stream() -> None:
    state = Sm3()
    for at in range(0, len(DATA), 37):
        state.update(DATA[at : at + 37])
    assert state.digest() == reference(DATA)
    assert sm3_of(DATA[at : at + 1000] for at in range(0, len(DATA), 1000)) == reference(DATA)
    assert sm3_of(()) == sm3() == Sm3().digest() == reference(b"")


def test_what_was_kept_does_not_follow_its_owner() -> None:
    buffer = bytearray(b"before")
    state = Sm3(buffer)
    buffer[:] = b"after!"
    assert state.digest() == reference(b"before")


@pytest.mark.parametrize("carry", [bytes, bytearray, memoryview, lambda data: memoryview(bytearray(data))])
def test_long_data_is_read_where_it_is(carry: type[bytes]) -> None:
    data = carry(bytes(4 << 20))
    tracemalloc.start()
    try:
        state = Sm3()
        state.update(data)
        state.digest()
        sm3(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 17
    finally:
        tracemalloc.stop()


def test_scattered_views_are_refused() -> None:
    with pytest.raises((BufferError, ValueError)):
        Sm3().update(memoryview(DATA)[::2])


@engines
def test_threads_that_share_a_state_lose_nothing(engine: sm3_engines.Engine) -> None:
    """Whoever does this gets some order of the pieces; with equal pieces every order is the same."""
    if engine.name == "cryptography":  # it refuses instead
        return
    state, piece = engine.start(), DATA[:64_000]

    def add(_: int) -> None:
        state.update(piece)
        state.copy()
        state.digest()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(40)))
    assert state.digest() == reference(piece * 40)


def test_many_states_come_and_go() -> None:
    tracemalloc.start()
    try:
        for _ in range(2000):
            sm3_engines.LONG.start().copy().update(b"x")
        assert tracemalloc.get_traced_memory()[0] < 1 << 16
    finally:
        tracemalloc.stop()


def test_sha256_is_itself() -> None:
    assert sha256(b"a", b"bc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
