"""The shared known-answer files, and keys and ciphertexts that other implementations made."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from signing import keystore, sm2
from signing.errors import BadSignatureError, KeystoreError
from signing.sm2_keys import require_signature
from signing.sm3 import hmac_sm3, pbkdf2_hmac_sm3, sm3
from signing.sm4 import Sm4Gcm

pytestmark = pytest.mark.conformance

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"
Stanza = list[tuple[str, str]]


def load(name: str) -> Any:
    return json.loads((VECTORS / "kat" / name).read_text())


def read_pem(path: Path) -> bytes:
    return base64.b64decode(
        "".join(line for line in path.read_text().splitlines() if ":" not in line and "-" not in line)
    )


def stanzas(name: str) -> Iterator[tuple[int, Stanza]]:
    """Yield (line number, [(keyword, value)…]) of an OpenSSL test data file, PEM blocks joined to their keyword."""
    current: Stanza = []
    start = 0
    for number, line in enumerate((VECTORS / "kat" / name).read_text().splitlines(), 1):
        if not line.strip() and current:
            yield start, current
            current = []
        elif " = " in line or (line[:1].isalpha() and "=" in line and "-" not in line.split("=")[0]):
            start = start if current else number
            keyword, _, value = line.partition("=")
            current.append((keyword.strip(), value.strip()))
        elif current and line.strip() and not line.startswith("#"):
            current[-1] = (current[-1][0], current[-1][1] + "\n" + line)
    if current:
        yield start, current


def octets(value: str) -> bytes:
    return value[1:-1].encode() if value.startswith('"') else bytes.fromhex(value)


# GB/T 32918.5


def test_standard_examples_of_sm2() -> None:
    known = load("gbt32918_5_sm2.json")
    key = sm2.PrivateKey.from_scalar(bytes.fromhex(known["private"]))
    assert key.public.point.hex() == "04" + known["public_x"] + known["public_y"]
    signed, encrypted = known["sign"], known["encrypt"]
    assert sm2.USER_ID.decode() == signed["id"]
    assert sm2.compute_z(key.public).hex() == signed["Z"]
    assert sm2.digest(key.public, signed["message"].encode()).hex() == signed["e"]
    signature = bytes.fromhex(signed["der"])
    assert sm2.parse_signature(signature) == (int(signed["r"], 16), int(signed["s"], 16))
    plaintext, ciphertext = encrypted["message"].encode(), bytes.fromhex(encrypted["der"])
    assert sm2.encrypt_with_nonce(key.public, plaintext, int(encrypted["k"], 16)) == ciphertext
    for engine in sm2.ENGINES:
        require_signature(engine, key.public, bytes.fromhex(signed["e"]), signature)
        assert engine.decrypt(key.scalar(), ciphertext) == plaintext


def test_sm3_digests() -> None:
    for case in load("sm3.json"):
        assert sm3(bytes.fromhex(case["msg_hex"])).hex() == case["digest"]


def test_sm4_hmac_and_pbkdf2() -> None:
    known = load("sm4_hmac_pbkdf2.json")
    gcm, mac, pbkdf2 = known["gcm_rfc8998_A1"], known["hmac_sm3"], known["pbkdf2_hmac_sm3"]
    key, nonce, aad, plaintext = (bytes.fromhex(gcm[name]) for name in ("key", "iv", "aad", "pt"))
    assert Sm4Gcm(key).seal(nonce, plaintext, aad).hex() == gcm["ct"] + gcm["tag"]
    assert hmac_sm3(bytes.fromhex(mac["key"]), bytes.fromhex(mac["msg"])).hex() == mac["mac"]
    salt = bytes.fromhex(pbkdf2["salt"])
    derived = pbkdf2_hmac_sm3(pbkdf2["password"].encode(), salt, pbkdf2["iter"], pbkdf2["dklen"])
    assert derived.hex() == pbkdf2["dk"]


def test_sm4_block() -> None:
    known = load("sm4_hmac_pbkdf2.json")["ecb"]
    encryptor = Cipher(algorithms.SM4(bytes.fromhex(known["key"])), modes.ECB()).encryptor()  # noqa: S305 - the block
    assert encryptor.update(bytes.fromhex(known["pt"])).hex() == known["ct"]


# The OpenSSL-format files


def sm2_stanzas() -> Iterator[tuple[int, dict[str, str], sm2.PrivateKey]]:
    keys: dict[str, sm2.PrivateKey] = {}
    for number, stanza in stanzas("evppkey_sm2.txt"):
        fields = dict(stanza)
        if "PrivateKey" in fields:
            name, _, pem = fields["PrivateKey"].partition("\n")
            body = "".join(line for line in pem.splitlines() if not line.startswith("-"))
            keys[name] = keystore.parse_key(base64.b64decode(body))
        else:
            name = fields.get("Verify") or fields.get("Decrypt") or ""
            if name:
                yield number, fields, keys[name]


def test_sm2_verifications_and_decryptions() -> None:
    seen = {"verify": 0, "refuse": 0, "decrypt": 0}
    for number, fields, key in sm2_stanzas():
        data = octets(fields["Input"])
        if "Verify" in fields and "Result" not in fields:
            sm2.verify_digest(key.public, data, octets(fields["Output"]))
            seen["verify"] += 1
        elif "Verify" in fields:
            with pytest.raises(BadSignatureError):
                sm2.verify_digest(key.public, data, octets(fields["Output"]))
            seen["refuse"] += 1
        elif "Result" not in fields:  # the refusals here ask for another digest, which we do not offer
            for engine in sm2.ENGINES:
                assert engine.decrypt(key.scalar(), data) == octets(fields["Output"]), number
            assert sm2.decrypt(key, data) == octets(fields["Output"]), number
            seen["decrypt"] += 1
    assert seen == {"verify": 2, "refuse": 1, "decrypt": 4}


def test_sm3_file() -> None:
    cases = [dict(s) for _, s in stanzas("evpmd_sm3.txt") if dict(s).get("Digest") == "SM3"]
    assert len(cases) >= 5
    for case in cases:
        assert sm3(octets(case["Input"]) * int(case.get("Count", 1))).hex() == case["Output"].lower()


def test_hmac_file() -> None:
    cases = [dict(s) for _, s in stanzas("evpmac_sm3.txt") if dict(s).get("MAC") == "HMAC"]
    assert len(cases) == 4
    for case in cases:
        assert hmac_sm3(octets(case["Key"]), octets(case["Input"])).hex() == case["Output"].lower()


def test_gcm_file() -> None:
    cases = [dict(s) for _, s in stanzas("evpciph_sm4.txt") if dict(s).get("Cipher") == "SM4-GCM"]
    assert len(cases) == 1
    for case in cases:
        key, nonce, aad, plaintext = (octets(case[name]) for name in ("Key", "IV", "AAD", "Plaintext"))
        sealed = octets(case["Ciphertext"]) + octets(case["Tag"])
        assert Sm4Gcm(key).seal(nonce, plaintext, aad) == sealed
        assert Sm4Gcm(key).open(nonce, sealed, aad) == plaintext


# What others made


@pytest.mark.parametrize("name", ["sm2_bad_0", "sm2_bad_1", "sm2_bad_neg1"])
def test_private_keys_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(KeystoreError):
        keystore.parse_key(read_pem(VECTORS / "keys" / f"{name}.pem"))


@pytest.mark.parametrize("path", ["gmssl/signkey.pem", "gmssl/enckey.pem", "openssl/sign_p8enc2.pem"])
def test_protected_keys_of_others_open(path: str, tmp_path: Path) -> None:
    kept = tmp_path / "key.p8"
    kept.touch(0o600)
    kept.write_bytes(read_pem(VECTORS / "interop" / path))
    key = keystore.load_key(kept, "P@ssw0rd")
    sm2.verify(key.public, b"m", sm2.sign(key, b"m"))
    with pytest.raises(KeystoreError):
        keystore.load_key(kept, "p@ssw0rd")


def test_openssl_signatures_and_ciphertext() -> None:
    folder = VECTORS / "interop" / "openssl"
    signer = keystore.parse_key(read_pem(folder / "sign.key"))
    message = (folder / "msg.txt").read_bytes()
    sm2.verify(signer.public, message, (folder / "sig.der").read_bytes())
    with pytest.raises(BadSignatureError):
        sm2.verify(signer.public, message, (folder / "sig_noid.der").read_bytes())
    recipient = keystore.parse_key(read_pem(folder / "enc.key"))
    assert sm2.decrypt(recipient, (folder / "ct.der").read_bytes()) == message


def test_gmssl_signature_and_ciphertext() -> None:
    folder = VECTORS / "interop" / "gmssl"
    message = (VECTORS / "interop" / "openssl" / "msg.txt").read_bytes()
    signer = keystore.parse_key(keystore.unprotect(read_pem(folder / "signkey.pem"), "P@ssw0rd"))
    sm2.verify(signer.public, message, (folder / "sig.der").read_bytes())
    recipient = keystore.parse_key(keystore.unprotect(read_pem(folder / "enckey.pem"), "P@ssw0rd"))
    assert sm2.decrypt(recipient, (folder / "ct.der").read_bytes()) == message
