"""The self test passes here, and catches an engine that gives a wrong answer."""

from collections.abc import Iterator

import pytest

from signing import selftest, sm2
from signing.errors import DecryptionError, SelfTestError
from signing.sm2_libcrypto import LibcryptoEngine


class Faulty(LibcryptoEngine):
    """A working engine, to be broken in one place."""


class VerifiesNothing(Faulty):
    def verify(self, point: bytes, e: bytes, signature: bytes) -> bool:
        return False and super().verify(point, e, signature)  # noqa: SIM223 - the fault


class VerifiesEverything(Faulty):
    def verify(self, point: bytes, e: bytes, signature: bytes) -> bool:
        return super().verify(point, e, signature) or True


class SignsSomethingElse(Faulty):
    def sign(self, scalar: bytes, e: bytes) -> bytes:
        return super().sign(scalar, e[::-1])


class SignsOutOfRange(Faulty):
    def sign(self, scalar: bytes, e: bytes) -> bytes:
        r, s = sm2.parse_signature(super().sign(scalar, e))
        return sm2.encode_signature(r, s + sm2.N)


class DecryptsWrongly(Faulty):
    def decrypt(self, scalar: bytes, ciphertext: bytes) -> bytes:
        return super().decrypt(scalar, ciphertext)[::-1]


class DecryptsNothing(Faulty):
    def decrypt(self, scalar: bytes, ciphertext: bytes) -> bytes:
        raise DecryptionError(f"{super().decrypt(scalar, ciphertext)!r} is kept back")


class EncryptsSomethingElse(Faulty):
    def encrypt(self, point: bytes, plaintext: bytes) -> bytes:
        return super().encrypt(point, plaintext[::-1])


class MultipliesWrongly(Faulty):
    def multiply(self, k: int, point: bytes | None) -> bytes:
        return super().multiply(k ^ 2, point)


def test_every_engine_here_gives_the_known_answers() -> None:
    asked = selftest.run(sm2.ENGINES)
    for engine in sm2.ENGINES:
        assert {f"{engine.name} verify", f"{engine.name} sign (gmssl)", f"{engine.name} decrypt"} <= set(asked)
    assert {"libcrypto multiply", "libcrypto refuse", "gmssl verify", "gmssl refuse"} <= set(asked)


def test_it_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    selftest.run(sm2.ENGINES)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "engine",
    [
        VerifiesNothing,
        VerifiesEverything,
        SignsSomethingElse,
        SignsOutOfRange,
        DecryptsWrongly,
        DecryptsNothing,
        EncryptsSomethingElse,
        MultipliesWrongly,
    ],
)
def test_a_faulty_engine_is_caught(engine: type[LibcryptoEngine]) -> None:
    with pytest.raises(SelfTestError, match="libcrypto"):
        selftest.run((engine(),))


@pytest.fixture
def faulty_installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(selftest, "ENGINES", (VerifiesEverything(),))
    selftest.ensure.cache_clear()
    yield
    selftest.ensure.cache_clear()


@pytest.mark.usefixtures("faulty_installation")
def test_no_private_key_is_used_until_it_passes() -> None:
    key = sm2.PrivateKey.from_scalar(bytes(31) + b"\x07")
    ciphertext = sm2.encrypt(key.public, b"x" * 32)
    for _ in range(2):
        with pytest.raises(SelfTestError):
            sm2.generate()
        with pytest.raises(SelfTestError):
            sm2.sign(key, b"message")
        with pytest.raises(SelfTestError):
            sm2.decrypt(key, ciphertext)
        with pytest.raises(SelfTestError):
            sm2.encrypt_with_nonce(key.public, b"x" * 32, 1)


def test_it_runs_once() -> None:
    selftest.ensure.cache_clear()
    key = sm2.generate()
    sm2.sign(key, b"1")
    sm2.sign(key, b"2")
    assert selftest.ensure.cache_info().misses == 1
