"""The quick gate of signatures lets through exactly what the strict parser takes; nothing is computed twice."""

import copy
import pickle

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signing import der, selftest, sm2
from signing.errors import BadSignatureError, SigningError
from signing.sm2_encoding import N
from signing.sm2_keys import is_strict_signature, require_signature

KEY = sm2.PrivateKey.from_scalar(b"\x07" * 32)
SIGNATURE = sm2.sign(KEY, b"message")


def parses(data: bytes) -> bool:
    try:
        sm2.parse_signature(data)
    except SigningError:
        return False
    return True


edges = st.sampled_from(
    [-N, -256, -129, -128, -1, 0, 1, 127, 128, 255, 256, 1 << 255, (1 << 256) - 1, N - 1, N, N + 1, N << 256, 1 << 1100]
)
values = st.one_of(edges, st.integers(1, N - 1), st.integers(-(1 << 270), 1 << 270))


@st.composite
def integers(draw: st.DrawFn) -> bytes:
    """Make an INTEGER, now and then with needless bytes, a long length or another tag."""
    body = der.integer(draw(values))[2:]
    body = draw(st.sampled_from([b"", b"", b"", b"\0", b"\0\0", b"\xff"])) + body
    tag = draw(st.sampled_from([2, 2, 2, 2, 2, 2, 3, 0x22, 0x82, 0x1F]))
    return _wrap(draw, tag, body)


def _wrap(draw: st.DrawFn, tag: int, body: bytes) -> bytes:
    short = bytes([tag, len(body)]) + body if len(body) < 256 else der.tlv(tag, body)
    forms = [short] * 6 + [der.tlv(tag, body), bytes([tag, 0x81, len(body) & 0xFF]) + body, bytes([tag, 0x80]) + body]
    return draw(st.sampled_from(forms))


@st.composite
def signatures(draw: st.DrawFn) -> bytes:
    """Make what looks like a signature."""
    body = b"".join(draw(st.lists(integers(), min_size=2, max_size=2)))
    body += draw(st.sampled_from([b"", b"", b"", b"\0", b"\x02\x01\x01", b"\0\0"]))
    tag = draw(st.sampled_from([0x30, 0x30, 0x30, 0x30, 0x31, 0x10]))
    return _wrap(draw, tag, body) + draw(st.sampled_from([b"", b"", b"", b"\0"]))


@given(data=st.one_of(signatures(), st.binary(max_size=90)))
@example(data=b"")
@example(data=sm2.encode_signature(1, 1))
@example(data=sm2.encode_signature(N - 1, 1))
@example(data=sm2.encode_signature(N - 1, N - 1))
@example(data=sm2.encode_signature(127, 128))
@example(data=b"\x30\x06\x02\x01\x01\x02\x01\x00")
@example(data=b"\x30\x06\x02\x00\x02\x02\x00\x01")
@example(data=b"\x30\x06\x02\x02\x01\x01\x02\x00")
@example(data=b"\x30\x06\x02\x04\x01\x01\x02\x01")
@example(data=b"\x30\x07\x02\x02\x00\x01\x02\x01\x01")
@settings(deadline=None, max_examples=500)
def test_the_quick_gate_is_the_strict_one(data: bytes) -> None:
    assert is_strict_signature(data) == parses(data)


@given(
    at=st.integers(0, len(SIGNATURE) - 1), byte=st.integers(0, 255), cut=st.integers(0, 3), extra=st.binary(max_size=2)
)
@settings(deadline=None, max_examples=300)
def test_and_for_what_is_almost_a_signature(at: int, byte: int, cut: int, extra: bytes) -> None:
    data = SIGNATURE[:at] + bytes([byte]) + SIGNATURE[at + 1 + cut :] + extra
    assert is_strict_signature(data) == parses(data)


@given(r=st.one_of(edges, st.integers(1, N - 1)), s=st.one_of(edges, st.integers(1, N - 1)))
@settings(deadline=None)
def test_and_for_every_pair_of_numbers(r: int, s: int) -> None:
    data = sm2.encode_signature(r, s)
    assert is_strict_signature(data) == parses(data) == (1 <= r < N and 1 <= s < N and (r + s) % N != 0)


class Curious(sm2.LibcryptoEngine):
    """Counts what passes the gate."""

    asked = 0

    def verify(self, point: bytes, e: bytes, signature: bytes) -> bool:
        self.asked += 1
        return super().verify(point, e, signature)


@pytest.mark.parametrize("data", [b"", SIGNATURE + b"\0", sm2.encode_signature(N, 1), b"\x30\x80" + SIGNATURE[2:]])
def test_an_engine_never_sees_what_the_gate_refuses(data: bytes) -> None:
    engine = Curious()
    with pytest.raises(BadSignatureError, match="not an SM2 signature: "):
        require_signature(engine, KEY.public, bytes(32), data)
    assert engine.asked == 0
    require_signature(engine, KEY.public, sm2.digest(KEY.public, b"message"), SIGNATURE)
    assert engine.asked == 1


def test_a_key_knows_its_z() -> None:
    public = sm2.PublicKey(KEY.public.point)
    assert sm2.compute_z(public) is public.z
    assert copy.deepcopy(public).z == pickle.loads(pickle.dumps(public)).z == public.z  # noqa: S301 - our own
    with pytest.raises(AttributeError):
        public.z = bytes(32)


def test_verifying_loads_a_key_once_and_tests_itself_once() -> None:
    key = sm2.generate()
    signature = sm2.sign(key, b"x")
    engine = sm2.ENGINES[0]
    assert isinstance(engine, sm2.LibcryptoEngine)
    loaded, tested = engine._public.cache_info().misses, selftest.ensure.cache_info().misses
    for _ in range(5):
        sm2.verify(key.public, b"x", signature)
        sm2.verify(sm2.PublicKey(key.public.point), b"x", signature)
    assert engine._public.cache_info().misses == loaded + 1
    assert selftest.ensure.cache_info().misses == tested
