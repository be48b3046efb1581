"""Keys and secrets at rest: what comes back, what is refused, and what others' files are read."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from signing import der, keystore, sm2
from signing.errors import KeystoreError
from signing.key_containers import encode_pkcs8
from signing.schemes import InternationalKey, Sm2Key, generate_international

KEY = sm2.PrivateKey.from_scalar(bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"))
SECRET = bytes(range(32))
PASSPHRASE = "一照通投 P@ss"


def counting(start: int = 0) -> Callable[[int], bytes]:
    """Answer a source of known bytes, so that a file can be made twice."""
    return lambda n: bytes((start + i) % 256 for i in range(n))


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.p8"
    keystore.save_key(path, KEY, PASSPHRASE, counting())
    return path


def test_a_key_comes_back(key_file: Path) -> None:
    assert keystore.load_key(key_file, PASSPHRASE).scalar() == KEY.scalar()
    assert KEY.scalar() not in key_file.read_bytes()
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_a_secret_comes_back(secret_file: Path) -> None:
    assert keystore.load_secret(secret_file, PASSPHRASE) == SECRET
    assert SECRET not in secret_file.read_bytes()
    assert secret_file.stat().st_mode & 0o777 == 0o600


def test_the_same_randomness_gives_the_same_file_and_other_randomness_another(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b", "c")]
    for path, start in zip(files, (1, 1, 2), strict=True):
        keystore.save_key(path, KEY, PASSPHRASE, counting(start))
    first, second, third = (path.read_bytes() for path in files)
    assert first == second != third


def test_the_file_names_its_algorithms(key_file: Path) -> None:
    data = key_file.read_bytes()
    for oid in ("1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12", "1.2.156.10197.1.401.2", "1.2.156.10197.1.104.2"):
        assert der.oid(oid) in data
    assert der.integer(65_536) in data
    der.require_der(data, limit=1000)


@pytest.mark.parametrize("passphrase", ["", "一照通投 P@ss ", "一照通投 p@ss", "x"])
def test_a_wrong_passphrase_opens_nothing(key_file: Path, secret_file: Path, passphrase: str) -> None:
    with pytest.raises(KeystoreError):
        keystore.load_key(key_file, passphrase)
    with pytest.raises(KeystoreError):
        keystore.load_secret(secret_file, passphrase)


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret.p8"
    keystore.save_secret(path, SECRET, PASSPHRASE, counting())
    return path


@pytest.mark.parametrize("at", range(0, 231, 11))
@pytest.mark.parametrize("bit", [0, 7])
def test_a_changed_file_is_refused(key_file: Path, secret_file: Path, at: int, bit: int) -> None:
    for path in (key_file, secret_file):
        changed = bytearray(path.read_bytes())
        changed[-1 - at % len(changed)] ^= 1 << bit
        path.write_bytes(changed)
    with pytest.raises(KeystoreError):
        keystore.load_key(key_file, PASSPHRASE)
    with pytest.raises(KeystoreError):
        keystore.load_secret(secret_file, PASSPHRASE)


def test_a_protected_key_without_its_public_key_is_refused(tmp_path: Path) -> None:
    """One flipped bit in the file could otherwise hide the public key and change the private one."""
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_bytes(keystore.protect(private_key_info(ec_private_key(KEY.scalar()), EC, SM2), PASSPHRASE, counting()))
    with pytest.raises(KeystoreError):
        keystore.load_key(path, PASSPHRASE)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"-----BEGIN ENCRYPTED PRIVATE KEY-----", id="PEM"),
        pytest.param(keystore.encode_key(KEY), id="not encrypted"),
        pytest.param(b"\x30\x82\xff\xff", id="cut short"),
        pytest.param(bytes(100_000), id="far too long"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other"
    path.touch(0o600)
    path.write_bytes(data)
    with pytest.raises(KeystoreError):
        keystore.load_key(path, PASSPHRASE)
    with pytest.raises(KeystoreError):
        keystore.load_secret(path, PASSPHRASE)


def test_a_key_is_not_a_secret_nor_a_secret_a_key(secret_file: Path, key_file: Path) -> None:
    with pytest.raises(KeystoreError):
        keystore.load_secret(key_file, PASSPHRASE)
    with pytest.raises(KeystoreError):
        keystore.load_key(secret_file, PASSPHRASE)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_that_others_can_read_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    with pytest.raises(KeystoreError, match="0600"):
        keystore.load_key(key_file, PASSPHRASE)


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(KeystoreError, match="cannot be read"):
            keystore.load_key(path, PASSPHRASE)


def test_nothing_is_written_over_a_key(key_file: Path, tmp_path: Path) -> None:
    before = key_file.read_bytes()
    with pytest.raises(KeystoreError):
        keystore.save_key(key_file, sm2.generate(), PASSPHRASE, os.urandom)
    with pytest.raises(KeystoreError):
        keystore.save_secret(key_file, SECRET, PASSPHRASE, os.urandom)
    assert key_file.read_bytes() == before
    with pytest.raises(KeystoreError):
        keystore.save_key(tmp_path / "no" / "folder", KEY, PASSPHRASE, os.urandom)


def test_an_empty_passphrase_or_a_short_secret_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(KeystoreError):
        keystore.save_key(path, KEY, "", os.urandom)
    with pytest.raises(KeystoreError):
        keystore.save_secret(path, SECRET[:-1], PASSPHRASE, os.urandom)
    assert not path.exists()


def ec_private_key(scalar: bytes, *rest: bytes, version: int = 1) -> bytes:
    return der.sequence(der.integer(version), der.octet_string(scalar), *rest)


def private_key_info(content: bytes, *oids: str, version: int = 0) -> bytes:
    algorithm = der.sequence(*(der.oid(oid) for oid in oids))
    return der.sequence(der.integer(version), algorithm, der.octet_string(content))


EC, SM2, P256 = "1.2.840.10045.2.1", "1.2.156.10197.1.301", "1.2.840.10045.3.1.7"
PUBLIC = der.explicit(1, der.bit_string(KEY.public.point))


@pytest.mark.parametrize(
    "info",
    [
        pytest.param(private_key_info(ec_private_key(KEY.scalar(), PUBLIC), EC, SM2), id="as we write it"),
        pytest.param(private_key_info(ec_private_key(KEY.scalar()), EC, SM2), id="without the public key"),
        pytest.param(
            private_key_info(ec_private_key(KEY.scalar(), der.explicit(0, der.oid(SM2)), PUBLIC), EC, SM2),
            id="with the parameters",
        ),
        pytest.param(private_key_info(ec_private_key(KEY.scalar(), PUBLIC), SM2, SM2), id="as Tongsuo writes it"),
        pytest.param(private_key_info(ec_private_key(KEY.scalar()), EC, SM2, version=1), id="version 2"),
    ],
)
def test_the_forms_of_a_key_in_the_field_are_read(info: bytes) -> None:
    assert keystore.parse_key(info) == KEY


@pytest.mark.parametrize(
    "info",
    [
        pytest.param(private_key_info(ec_private_key(KEY.scalar()), EC, P256), id="another curve"),
        pytest.param(private_key_info(ec_private_key(KEY.scalar()), EC), id="no curve"),
        pytest.param(private_key_info(ec_private_key(bytes(32)), EC, SM2), id="zero"),
        pytest.param(private_key_info(ec_private_key(b"\xff" * 32), EC, SM2), id="too large"),
        pytest.param(private_key_info(ec_private_key(KEY.scalar()[1:]), EC, SM2), id="31 bytes"),
        pytest.param(
            private_key_info(ec_private_key(KEY.scalar()[::-1], PUBLIC), EC, SM2), id="another key's public key"
        ),
        pytest.param(private_key_info(ec_private_key(KEY.scalar(), version=2), EC, SM2), id="version of EC key"),
        pytest.param(private_key_info(ec_private_key(KEY.scalar()), EC, SM2, version=7), id="version of PKCS#8"),
        pytest.param(
            private_key_info(ec_private_key(KEY.scalar(), der.explicit(0, der.oid(P256)), PUBLIC), EC, SM2),
            id="parameters of another curve",
        ),
        pytest.param(private_key_info(b"", EC, SM2), id="nothing inside"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_other_keys_are_refused(info: bytes) -> None:
    with pytest.raises(KeystoreError):
        keystore.parse_key(info)


@pytest.mark.interop
def test_openssl_reads_our_key_and_we_read_its_protection(tmp_path: Path) -> None:
    plain, protected = tmp_path / "plain.der", tmp_path / "protected.der"
    plain.write_bytes(keystore.encode_key(KEY))
    shown = subprocess.run(
        ["openssl", "pkey", "-inform", "DER", "-in", plain, "-pubout", "-outform", "DER"],
        capture_output=True,
        check=True,
    )
    assert shown.stdout[-65:] == KEY.public.point
    pkcs8 = ["openssl", "pkcs8", "-topk8", "-v2", "sm4-cbc", "-passout", f"pass:{PASSPHRASE}"]
    subprocess.run([*pkcs8, "-inform", "DER", "-in", plain, "-outform", "DER", "-out", protected], check=True)
    protected.chmod(0o600)
    assert keystore.load_key(protected, PASSPHRASE) == KEY


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(Sm2Key(KEY), id="SM2"),
        pytest.param(generate_international("ecdsa"), id="ECDSA"),
        pytest.param(generate_international("rsa"), id="RSA"),
        pytest.param(InternationalKey(ed25519.Ed25519PrivateKey.generate()), id="Ed25519"),
    ],
)
def test_a_key_of_either_suite_is_kept_and_a_changed_one_refused(
    tmp_path: Path, key: Sm2Key | InternationalKey
) -> None:
    path = tmp_path / "key"
    keystore.save_signing_key(path, key, PASSPHRASE, counting())
    assert keystore.load_signing_key(path, PASSPHRASE).public_key == key.public_key
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeystoreError):
        keystore.load_signing_key(path, "x")
    data = path.read_bytes()
    for at in range(len(data) - 1, 100, -len(data) // 2):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(KeystoreError):
            keystore.load_signing_key(path, PASSPHRASE)


def test_sm2_keys_are_kept_in_one_form(key_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "key"
    keystore.save_signing_key(path, Sm2Key(KEY), PASSPHRASE, counting())
    assert path.read_bytes() == key_file.read_bytes()
    assert keystore.load_signing_key(key_file, PASSPHRASE) == Sm2Key(KEY)


def test_an_international_key_without_or_with_another_public_key_is_refused(tmp_path: Path) -> None:
    """Ed25519 has no other proof that a flipped bit did not change it."""
    key = InternationalKey(ed25519.Ed25519PrivateKey.generate())
    other = InternationalKey(ed25519.Ed25519PrivateKey.generate()).public_key[-32:]
    plain = encode_pkcs8(key)
    fields = [field.raw for field in der.read(plain, limit=1000).children()]
    for info in (plain, der.sequence(der.integer(1), *fields[1:], der.tlv(0x81, b"\0", other))):
        path = tmp_path / str(len(info))
        path.touch(0o600)
        path.write_bytes(keystore.protect(info, PASSPHRASE, counting()))
        with pytest.raises(KeystoreError):
            keystore.load_signing_key(path, PASSPHRASE)
