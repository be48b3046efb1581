"""The self test passes here, and catches an engine that gives a wrong answer."""

from collections.abc import Iterator

import pytest

from signing import selftest, sm2, sm3_engines, sm4
from signing.errors import DecryptionError, SelfTestError, UnsupportedAlgorithmError
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


class DecryptsWhatWasChanged(Faulty):
    """Never compares C3, as the pure-Python gmssl."""

    def decrypt(self, scalar: bytes, ciphertext: bytes) -> bytes:
        try:
            return super().decrypt(scalar, ciphertext)
        except DecryptionError:
            return b"\0"


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
    assert {f"{engine.name} SM3" for engine in sm3_engines.ENGINES} <= set(asked)
    assert {f"{engine.name} SM4-GCM" for engine in sm4.ENGINES} <= set(asked)
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
        DecryptsWhatWasChanged,
        EncryptsSomethingElse,
        MultipliesWrongly,
    ],
)
def test_a_faulty_engine_is_caught(engine: type[LibcryptoEngine]) -> None:
    with pytest.raises(SelfTestError, match="libcrypto"):
        selftest.run((engine(),))


class WrongSm3(sm3_engines.CryptographyEngine):
    """Forgets what came before a copy."""

    def start(self) -> sm3_engines.Hasher:
        return Forgetful()


class Forgetful:
    def __init__(self) -> None:
        self._state = sm3_engines.CryptographyEngine().start()

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        self._state.update(data)

    def digest(self) -> bytes:
        return self._state.digest()

    def copy(self) -> "Forgetful":
        return Forgetful()


class OpensEverything(sm4.CryptographyEngine):
    def open(self, key: bytes, nonce: bytes, sealed: bytes | bytearray | memoryview, aad: bytes) -> bytes:
        return self.seal(key, nonce, bytes(sealed)[:-16], aad)[:-16]


class WrongFromTheFifthBlock(sm4.CryptographyEngine):
    """Right in the published vector of four blocks."""

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes | bytearray | memoryview, aad: bytes) -> bytes:
        sealed = super().seal(key, nonce, plaintext, aad)
        return sealed if len(plaintext) <= 64 else sealed[:64] + bytes(1) + sealed[65:]


class Absent(sm4.CryptographyEngine):
    def __init__(self) -> None:
        raise UnsupportedAlgorithmError("not here")


@pytest.mark.parametrize("kind", [OpensEverything, WrongFromTheFifthBlock])
def test_a_faulty_sm4_is_caught_when_it_is_loaded_and_again_here(kind: type[sm4.CryptographyEngine]) -> None:
    with pytest.raises(SelfTestError, match="SM4"):
        list(sm4.load_engines([sm4.CryptographyEngine, kind]))
    with pytest.raises(SelfTestError, match="SM4"):
        selftest.run(sm2.ENGINES, ciphers=(kind(),))


def test_a_faulty_sm3_is_caught_when_it_is_loaded_and_again_here() -> None:
    with pytest.raises(SelfTestError, match="SM3"):
        list(sm3_engines.load_engines([WrongSm3]))
    with pytest.raises(SelfTestError, match="SM3"):
        selftest.run(sm2.ENGINES, digests=(WrongSm3(),))


def test_what_is_absent_is_passed_over() -> None:
    engines = list(sm4.load_engines([Absent, sm4.CryptographyEngine]))
    assert [type(engine) for engine in engines] == [sm4.CryptographyEngine]


@pytest.fixture
def faulty_installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(selftest, "ENGINES", (VerifiesEverything(),))
    selftest.ensure.cache_clear()
    yield
    selftest.ensure.cache_clear()


@pytest.mark.usefixtures("faulty_installation")
def test_nothing_is_done_until_it_passes() -> None:
    key = sm2.PrivateKey.from_scalar(bytes(31) + b"\x07")
    ciphertext = sm2.ENGINES[0].encrypt(key.public.point, b"x" * 32)
    for _ in range(2):
        with pytest.raises(SelfTestError):
            sm2.generate()
        with pytest.raises(SelfTestError):
            sm2.sign(key, b"message")
        with pytest.raises(SelfTestError):
            sm2.verify(key.public, b"message", sm2.encode_signature(1, 1))
        with pytest.raises(SelfTestError):
            sm2.encrypt(key.public, b"x" * 32)
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
