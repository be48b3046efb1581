"""docs/vectors: made again byte for byte, refused by the gate and by each engine behind it, checked by OpenSSL."""

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gmssl import sm2 as gmssl_sm2
from signing_negative_vectors import FILES, FOLDER, pkcs8, render

from signing import der, key_files, sm2
from signing.algorithms import encode_public_key
from signing.errors import BadSignatureError, DecryptionError, InvalidKeyError, KeystoreError, SigningError

Test = dict[str, Any]

LIBCRYPTO_OPENS = frozenset(
    {
        "x + p", "y + p", "x - 2^256",
        "length in two octets", "length in three octets", "length in four octets", "indefinite length",
        "zero byte after the end", "NULL after the end", "the same again after the end",
        "first INTEGER with three zero octets in front", "first INTEGER with one more zero octet in front",
        "first INTEGER with a long length", "second INTEGER with one more zero octet in front",
        "second INTEGER with a long length", "C3 in pieces", "C2 in pieces", "C3 with a long length",
    }
)  # fmt: skip
"""Ciphertexts that libcrypto 3.0 opens and GB/T 32918.4 with GM/T 0009 does not allow: only the gate refuses them."""
COMMAND_OPENS = LIBCRYPTO_OPENS | {"empty", "empty, C3 made for it"}
"""The command line also answers nothing for nothing, where the library's caller sees an error."""
HYBRID = "hybrid"
"""The one form of a public key that both engines take and GM/T 0009 does not name."""


def load(name: str) -> list[Test]:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))["tests"]


def of(kind: str, expected: str) -> list[Test]:
    return [test for test in load(f"sm2-{kind}-negative.json") if test["expected"] == expected]


def octets(test: Test, *names: str) -> Iterator[bytes]:
    return (bytes.fromhex(test[name]) for name in names)


def names(tests: Iterable[Test]) -> list[str]:
    return [f"{test['number']} {test['class']}: {test['reason']}" for test in tests]


@pytest.mark.parametrize("name", FILES)
def test_the_published_files_are_what_the_script_makes(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == render(name)


def test_there_are_enough_of_each_class() -> None:
    invalid = [test for kind in ("signature", "ciphertext", "key") for test in of(kind, "invalid")]
    assert len(invalid) >= 2000
    assert {test["class"] for test in invalid} >= {
        "range", "arithmetic", "encoding", "identity", "digest", "message", "key", "algorithm",
        "c1", "c2", "c3", "order", "invalid curve", "derivation", "key stream",
        "private key", "public key", "pair",
    }  # fmt: skip


def test_no_two_tests_are_the_same() -> None:
    for kind in ("signature", "ciphertext", "key"):
        values = [tuple(v for k, v in t.items() if k not in ("number", "class", "reason")) for t in of(kind, "invalid")]
        assert len(set(values)) == len(values)


def takes_signature(test: Test) -> bool:
    public, message, signature = octets(test, "public", "message", "signature")
    try:
        sm2.verify(sm2.PublicKey(public), message, signature)
    except BadSignatureError:
        return False
    return True


def engine_takes_signature(engine: sm2.Engine, test: Test) -> bool:
    public, message, signature = octets(test, "public", "message", "signature")
    return engine.verify(public, sm2.digest(sm2.PublicKey(public), message), signature)


def opens(decrypt: Callable[[], bytes]) -> bytes | None:
    try:
        return decrypt()
    except DecryptionError:
        return None


def opened(test: Test) -> bytes | None:
    scalar, ciphertext = octets(test, "private", "ciphertext")
    return opens(lambda: sm2.decrypt(sm2.PrivateKey.from_scalar(scalar), ciphertext))


def opened_by(engine: sm2.Engine, test: Test) -> bytes | None:
    return opens(lambda: engine.decrypt(*octets(test, "private", "ciphertext")))


def test_the_gate_refuses_every_signature_and_takes_the_valid_ones() -> None:
    assert names(filter(takes_signature, of("signature", "invalid"))) == []
    assert all(map(takes_signature, of("signature", "valid")))


def test_the_gate_opens_no_ciphertext_but_the_valid_ones() -> None:
    assert names(test for test in of("ciphertext", "invalid") if opened(test) is not None) == []
    assert all(opened(test) == bytes.fromhex(test["plaintext"]) for test in of("ciphertext", "valid"))


@pytest.mark.parametrize("engine", sm2.ENGINES, ids=lambda engine: engine.name)
def test_each_engine_behind_the_gate_refuses_every_signature(engine: sm2.Engine) -> None:
    assert names(t for t in of("signature", "invalid") if engine_takes_signature(engine, t)) == []
    assert all(engine_takes_signature(engine, test) for test in of("signature", "valid"))


@pytest.mark.parametrize("engine", sm2.ENGINES, ids=lambda engine: engine.name)
def test_what_each_engine_behind_the_gate_opens_is_known(engine: sm2.Engine) -> None:
    taken = {test["reason"] for test in of("ciphertext", "invalid") if opened_by(engine, test) is not None}
    assert taken == (LIBCRYPTO_OPENS if engine.name == "libcrypto" else frozenset())
    assert all(opened_by(engine, test) == bytes.fromhex(test["plaintext"]) for test in of("ciphertext", "valid"))


def takes_key(test: Test) -> bool:
    try:
        if "point" in test:
            sm2.PublicKey(bytes.fromhex(test["point"]))
        else:
            key_files.read_key_file(bytes.fromhex(test["pkcs8"]))
    except (InvalidKeyError, KeystoreError):
        return False
    return True


def test_the_gate_refuses_every_key_and_takes_the_valid_ones() -> None:
    assert names(filter(takes_key, of("key", "invalid"))) == []
    assert all(map(takes_key, of("key", "valid")))


@pytest.mark.parametrize("engine", sm2.ENGINES, ids=lambda engine: engine.name)
def test_each_engine_behind_the_gate_verifies_with_no_bad_public_key(engine: sm2.Engine) -> None:
    """Private keys out of range stay before the gate: libcrypto 3.0 never returns when it signs with n - 1."""
    good = of("signature", "valid")[1]
    public, message, signature = octets(good, "public", "message", "signature")
    e = sm2.digest(sm2.PublicKey(public), message)
    taken = set()
    for test in of("key", "invalid"):
        point = bytes.fromhex(test.get("point", "00"))
        try:
            if len(point) == len(public) and engine.verify(point, e, signature):
                taken.add(test["reason"])
        except SigningError:
            continue
    assert taken == {HYBRID}


def run(*command: str | Path) -> bytes | None:
    done = subprocess.run(["openssl", *command], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def openssl_verifies(folder: Path, test: Test) -> bool:
    public, message, signature = octets(test, "public", "message", "signature")
    for name, data in {"p": encode_public_key(sm2.PublicKey(public)), "m": message, "s": signature}.items():
        (folder / name).write_bytes(data)
    arguments = ["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"]
    paths = ["-keyform", "DER", "-inkey", folder / "p", "-in", folder / "m", "-sigfile", folder / "s"]
    return run("pkeyutl", "-verify", "-pubin", *arguments, *paths) is not None


def openssl_opens(folder: Path, test: Test) -> bool:
    scalar, ciphertext = octets(test, "private", "ciphertext")
    (folder / "k").write_bytes(pkcs8(scalar, sm2.PrivateKey.from_scalar(scalar).public.point))
    (folder / "c").write_bytes(ciphertext)
    return run("pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", folder / "k", "-in", folder / "c") is not None


def once(kind: str, group: str) -> list[Test]:
    """Answer each reason of a class once."""
    return list(
        {
            test["reason"]: test for test in reversed(load(f"sm2-{kind}-negative.json")) if test["class"] == group
        }.values()
    )


@pytest.mark.interop
@pytest.mark.parametrize(
    "group", ["range", "arithmetic", "encoding", "identity", "digest", "message", "key", "algorithm"]
)
def test_openssl_refuses_the_signatures_too(tmp_path: Path, group: str) -> None:
    assert names(test for test in once("signature", group) if openssl_verifies(tmp_path, test)) == []


@pytest.mark.interop
@pytest.mark.parametrize(
    "group", ["c1", "c2", "c3", "encoding", "order", "invalid curve", "key", "derivation", "key stream"]
)
def test_openssl_opens_what_is_known_of_it_and_no_more(tmp_path: Path, group: str) -> None:
    tests = once("ciphertext", group)
    taken = {test["reason"] for test in tests if openssl_opens(tmp_path, test)}
    assert taken == COMMAND_OPENS & {test["reason"] for test in tests}


@pytest.mark.interop
def test_openssl_takes_the_valid_ones(tmp_path: Path) -> None:
    assert all(openssl_verifies(tmp_path, test) for test in of("signature", "valid"))
    assert all(openssl_opens(tmp_path, test) for test in of("ciphertext", "valid"))


@pytest.mark.interop
def test_openssl_refuses_the_public_keys_too(tmp_path: Path) -> None:
    taken = set()
    for test in (test for test in of("key", "invalid") if "point" in test):
        spki = der.sequence(_ALGORITHM, der.bit_string(bytes.fromhex(test["point"])))
        (tmp_path / "p").write_bytes(spki)
        if run("pkey", "-pubin", "-inform", "DER", "-in", tmp_path / "p", "-pubcheck", "-noout") is not None:
            taken.add(test["reason"])
    assert taken == {HYBRID, "compressed"}


_ALGORITHM = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.156.10197.1.301"))


# The pure-Python gmssl 3.2.2, which is a peer in tests only (trust.md F1)


GMSSL_VERIFIES = frozenset(
    {
        "s + n * 2^256", "NULL inside at the end", "INTEGER 0 inside at the end",
        "first INTEGER with three zero octets in front", "first INTEGER with one more zero octet in front",
        "second INTEGER with one more zero octet in front", "both INTEGERs without their sign octet",
    }
)  # fmt: skip


def gmssl_verifies(test: Test) -> bool:
    public, message = octets(test, "public", "message")
    peer = gmssl_sm2.CryptSM2("00" * 32, "", asn1=True)
    peer.public_key = public[1:].hex()
    try:
        return peer.verify(test["signature"], sm2.digest(sm2.PublicKey(public), message))
    except (ValueError, IndexError, TypeError):
        return False


def gmssl_opens(test: Test) -> bool:
    """Ask with the raw form, the only one it knows, of a ciphertext whose fields have their sizes."""
    x, y, c3, c2 = der.read(bytes.fromhex(test["ciphertext"]), limit=600).children()
    raw = x.integer().to_bytes(32) + y.integer().to_bytes(32) + c3.body + c2.body
    return gmssl_sm2.CryptSM2(test["private"], "00" * 64, mode=1).decrypt(raw) is not None


def test_gmssl_takes_what_it_must_refuse_and_we_refuse_it() -> None:
    tests = [test for group in ("range", "encoding") for test in once("signature", group)]
    assert {test["reason"] for test in tests if gmssl_verifies(test)} == GMSSL_VERIFIES
    changed = [test for test in once("ciphertext", "c3") if "octet" not in test["reason"].removeprefix("bit of octet")]
    changed = [test for test in changed if "empty" not in test["reason"]]
    assert changed
    assert names(test for test in changed if not gmssl_opens(test)) == []
    curves = [test for test in once("ciphertext", "invalid curve") if "12345" in test["reason"]]
    assert curves
    assert names(test for test in curves if not gmssl_opens(test)) == []
