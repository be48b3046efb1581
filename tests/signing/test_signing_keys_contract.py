"""One contract for every signing key: in this process or in a device. SoftHSM2 is the device."""

import importlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from signing import der, sm2
from signing.adapters import pkcs11
from signing.adapters.pkcs11 import Pkcs11Key, Pkcs11Profile, Pkcs11Token, standard_profile, translate
from signing.algorithms import verify_signature
from signing.digests import sm3
from signing.errors import (
    BadSignatureError,
    InvalidKeyError,
    SigningError,
    TokenError,
    TokenMechanismError,
    TokenNotFoundError,
    TokenPinError,
    UnavailableError,
)
from signing.schemes import (
    SM2_SM3,
    InternationalKey,
    SigningKey,
    Sm2Key,
    encode_spki,
    generate_international,
    scheme_for,
)
from signing.sm2_encoding import signature_to_raw

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
LABEL, PIN, OFFICER = "一照测试", "口令1234", "87654321"
SM2_CURVE = der.oid("1.2.156.10197.1.301")
P256 = der.oid("1.2.840.10045.3.1.7")
EDWARDS = der.printable("edwards25519")
HSM_KEYS = ("p256", "ed25519", "rsa")
KEY = sm2.generate()


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Make a SoftHSM2 of its own, with a token and keys in it."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "conf")
    command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", OFFICER]
    subprocess.run(command, check=True, capture_output=True)
    library = importlib.import_module("pkcs11")
    library.lib(str(MODULE)).reinitialize()
    make_keys(library)
    yield MODULE
    library.unload(str(MODULE))
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


def make_keys(library: Any) -> None:
    kinds, names, mechanisms = library.KeyType, library.Attribute, library.Mechanism
    with library.lib(str(MODULE)).get_token(token_label=LABEL).open(rw=True, user_pin=PIN) as session:

        def curve(kind: Any, parameters: bytes, label: str, number: int, **more: Any) -> None:
            domain = session.create_domain_parameters(kind, {names.EC_PARAMS: parameters}, local=True)
            domain.generate_keypair(store=True, label=label, id=bytes([number]), **more)

        curve(kinds.EC, P256, "p256", 1)
        curve(kinds.EC_EDWARDS, EDWARDS, "ed25519", 2, mechanism=mechanisms.EC_EDWARDS_KEY_PAIR_GEN)
        session.generate_keypair(kinds.RSA, 2048, store=True, label="rsa", id=b"\3")
        curve(kinds.EC, SM2_CURVE, "sm2", 4)
        curve(kinds.EC, P256, "twin", 5)
        curve(kinds.EC, P256, "twin", 6)
        curve(kinds.EC, P256, "agreement", 7, capabilities=library.MechanismFlag.DERIVE)


@pytest.fixture
def token(device: Path) -> Iterator[Pkcs11Token]:
    with Pkcs11Token.open(device, LABEL, PIN) as opened:
        yield opened


LOCAL: dict[str, SigningKey] = {
    "SM2 here": Sm2Key(KEY),
    "ECDSA here": generate_international("ecdsa"),
    "RSA here": generate_international("rsa"),
    "Ed25519 here": InternationalKey(ed25519.Ed25519PrivateKey.generate()),
}


@pytest.fixture(params=[*LOCAL, *(pytest.param(f"{name} in a token", marks=pytest.mark.interop) for name in HSM_KEYS)])
def key(request: pytest.FixtureRequest) -> SigningKey:
    name: str = request.param
    if name in LOCAL:
        return LOCAL[name]
    token: Pkcs11Token = request.getfixturevalue("token")
    return token.key(name.split(maxsplit=1)[0])


@pytest.mark.parametrize("message", [b"", b"tender", bytes(100_000)], ids=["empty", "short", "long"])
def test_what_a_key_signs_verifies_with_its_public_key_and_scheme(key: SigningKey, message: bytes) -> None:
    signature = key.sign(message)
    verify_signature(key.public_key, key.scheme.algorithm, message, signature)
    with pytest.raises(BadSignatureError):
        verify_signature(key.public_key, key.scheme.algorithm, message + b".", signature)


def test_the_scheme_is_that_of_the_public_key(key: SigningKey) -> None:
    assert key.scheme == scheme_for(key.public_key)
    der.require_der(encode_spki(key.public_key), limit=2000)


def test_signatures_with_r_and_s_are_der(key: SigningKey) -> None:
    signature = key.sign(b"m")
    if signature[:1] == b"\x30" and len(signature) in range(66, 73):
        der.require_der(signature, limit=100)
    else:
        assert len(signature) in (64, 256, 384)


def test_threads_may_share_a_key(key: SigningKey) -> None:
    signatures = dict[int, bytes]()

    def work(number: int) -> None:
        for turn in range(4):
            signatures[10 * number + turn] = key.sign(b"%d" % (10 * number + turn))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signatures) == 16
    for number, signature in signatures.items():
        verify_signature(key.public_key, key.scheme.algorithm, b"%d" % number, signature)


# The device


@pytest.mark.interop
def test_a_key_is_found_by_label_by_id_and_by_both(token: Pkcs11Token) -> None:
    by_label, by_id, by_both = token.key("p256"), token.key(key_id=b"\1"), token.key("p256", b"\1")
    assert by_label.public_key == by_id.public_key == by_both.public_key
    assert token.key("twin", b"\5").public_key != token.key("twin", b"\6").public_key


@pytest.mark.interop
@pytest.mark.parametrize(("label", "key_id"), [("none", b""), ("", b"\x7f"), ("p256", b"\2"), ("twin", b""), ("", b"")])
def test_no_key_or_several_are_refused(token: Pkcs11Token, label: str, key_id: bytes) -> None:
    with pytest.raises(TokenNotFoundError):
        token.key(label, key_id)
    assert token.key("p256").sign(b"still works")


@pytest.mark.interop
def test_a_key_that_is_not_for_signatures_is_refused(token: Pkcs11Token) -> None:
    with pytest.raises(InvalidKeyError, match="不得用于签名"):
        token.key("agreement")


@pytest.mark.interop
def test_a_wrong_pin_or_label_or_module_is_refused(device: Path, tmp_path: Path) -> None:
    for pin in ("00000000", "", "x", "口令1235"):
        with pytest.raises(TokenPinError) as raised:
            Pkcs11Token.open(device, LABEL, pin)
        assert not raised.value.locked
        assert not pin or pin not in str(raised.value)
    with pytest.raises(TokenNotFoundError):
        Pkcs11Token.open(device, "no such token", PIN)
    (tmp_path / "module.so").write_bytes(b"not a library")
    for module in (tmp_path / "none.so", tmp_path / "module.so"):
        with pytest.raises(TokenNotFoundError, match="模块"):
            Pkcs11Token.open(module, LABEL, PIN)
    with Pkcs11Token.open(device, LABEL, PIN) as opened:
        assert opened.key("p256").sign(b"after the wrong ones")


@pytest.mark.interop
def test_the_login_belongs_to_the_process_and_ends_with_the_token(device: Path) -> None:
    with Pkcs11Token.open(device, LABEL, PIN) as first:
        key = first.key("p256")
        with pytest.raises(TokenError, match="共用"):
            Pkcs11Token.open(device, LABEL, PIN)
    with pytest.raises(UnavailableError, match="重新登录"):
        key.sign(b"m")
    with Pkcs11Token.open(device, LABEL, PIN) as second:
        assert second.key("p256").public_key == key.public_key


@pytest.mark.interop
def test_no_secret_is_shown(token: Pkcs11Token) -> None:
    assert PIN not in repr(token) + repr(token.key("p256")) + str(vars(token))


@pytest.mark.interop
def test_softhsm_has_no_sm2_and_says_so(token: Pkcs11Token) -> None:
    with pytest.raises(TokenMechanismError, match="SoftHSM2 不支持国密算法"):
        token.key("sm2")
    with pytest.raises(TokenMechanismError, match="0x80000107"):
        token.key("sm2", profile=Pkcs11Profile(0x80000107))


@pytest.mark.interop
def test_ecdsa_on_the_sm2_curve_is_not_handed_on_as_sm2(token: Pkcs11Token) -> None:
    key = token.key("sm2", profile=Pkcs11Profile(pkcs11.ECDSA))
    assert isinstance(key.public_key, sm2.PublicKey)
    with pytest.raises(TokenError, match="Pkcs11Profile"):
        key.sign(b"m")


@pytest.mark.interop
def test_the_public_key_may_come_from_a_certificate_and_must_be_the_right_one(token: Pkcs11Token) -> None:
    right = token.key("p256").public_key
    assert token.key("p256", public_key=right).sign(b"m")
    with pytest.raises(TokenError):
        token.key("p256", public_key=generate_international("ecdsa").public_key).sign(b"m")


@pytest.mark.interop
def test_a_module_that_hashes_is_given_the_message(token: Pkcs11Token) -> None:
    key = token.key("rsa", profile=Pkcs11Profile(0x40, hashes=True, form="opaque"))
    assert len(key.sign(b"m")) == 256
    with pytest.raises(SigningError):
        token.key("rsa", profile=Pkcs11Profile(pkcs11.ECDSA)).sign(b"m")


# Profiles, by our own engines in the module's place


class Module:
    """A GM module as its maker may have built it, on our own engine."""

    def __init__(self, sign: Callable[[bytes], bytes]) -> None:
        self._sign = sign

    def sign(self, data: bytes, *, mechanism: object) -> bytes:
        assert mechanism == 0x80000107
        return self._sign(data)


def gm_key(profile: Pkcs11Profile, sign: Callable[[bytes], bytes]) -> Pkcs11Key:
    session = SimpleNamespace(close=lambda: None)
    return Pkcs11Key(KEY.public, SM2_SM3, profile, Module(sign), session)


def by_digest(data: bytes) -> bytes:
    return sm2.sign_digest(KEY, data)


def by_digest_raw(data: bytes) -> bytes:
    return signature_to_raw(by_digest(data))


def by_message(data: bytes) -> bytes:
    return sm2.sign(KEY, data)


def by_z_and_message(data: bytes) -> bytes:
    assert data.startswith(sm2.compute_z(KEY.public))
    return sm2.sign_digest(KEY, sm3(data))


@pytest.mark.parametrize(
    ("profile", "module"),
    [
        pytest.param(Pkcs11Profile(0x80000107, form="DER"), by_digest, id="digest, DER"),
        pytest.param(Pkcs11Profile(0x80000107), by_digest_raw, id="digest, raw"),
        pytest.param(Pkcs11Profile(0x80000107, hashes=True, form="DER"), by_z_and_message, id="Z and message"),
        pytest.param(Pkcs11Profile(0x80000107, hashes=True, computes_z=True), by_message, id="message"),
    ],
)
def test_sm2_by_any_habit_of_a_module_is_the_same_sm2(profile: Pkcs11Profile, module: Callable[[bytes], bytes]) -> None:
    key = gm_key(profile, module)
    sm2.verify(KEY.public, b"message", key.sign(b"message"))
    key.close()


@pytest.mark.parametrize(
    ("profile", "module"),
    [
        pytest.param(Pkcs11Profile(0x80000107, hashes=True, computes_z=True), lambda m: by_digest(sm3(m)), id="no Z"),
        pytest.param(Pkcs11Profile(0x80000107, hashes=True), by_message, id="Z twice"),
        pytest.param(Pkcs11Profile(0x80000107), by_message, id="hashed twice"),
        pytest.param(Pkcs11Profile(0x80000107), lambda _: b"", id="nothing"),
        pytest.param(Pkcs11Profile(0x80000107), lambda _: bytes(64), id="zeros"),
        pytest.param(
            Pkcs11Profile(0x80000107, form="opaque"), lambda e: signature_to_raw(by_digest(e)), id="raw unsaid"
        ),
    ],
)
def test_a_profile_that_is_wrong_makes_no_signature(profile: Pkcs11Profile, module: Callable[[bytes], bytes]) -> None:
    with pytest.raises(TokenError, match="Pkcs11Profile"):
        gm_key(profile, module).sign(b"message")


def test_a_profile_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="Z"):
        Pkcs11Profile(1, computes_z=True)
    with pytest.raises(TokenMechanismError, match="SM2"):
        standard_profile(SM2_SM3)


@pytest.mark.parametrize(
    ("name", "error", "locked"),
    [
        ("PinIncorrect", TokenPinError, False),
        ("PinLocked", TokenPinError, True),
        ("PinExpired", TokenPinError, False),
        ("TokenNotPresent", TokenNotFoundError, None),
        ("MechanismInvalid", TokenMechanismError, None),
        ("SessionHandleInvalid", UnavailableError, None),
        ("DeviceRemoved", UnavailableError, None),
        ("GeneralError", TokenError, None),
    ],
)
def test_the_library_s_errors_become_ours(name: str, error: type[SigningError], locked: bool | None) -> None:
    ours = translate(getattr(importlib.import_module("pkcs11.exceptions"), name)())
    assert type(ours) is error
    assert getattr(ours, "locked", None) == locked


def test_without_the_package_there_is_no_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    (tmp_path / "module.so").touch()
    monkeypatch.setattr(pkcs11.importlib, "import_module", missing)
    with pytest.raises(TokenNotFoundError, match="python-pkcs11"):
        Pkcs11Token.open(tmp_path / "module.so", LABEL, PIN)
