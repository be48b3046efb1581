"""Key files of all makers: what is read, what is refused, and that OpenSSL reads what we write."""

import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_pki import CA, UNIT, VECTORS, Holder

from signing import der, keystore, sm2
from signing.errors import (
    DecryptionError,
    InvalidKeyError,
    KeystoreError,
    LimitError,
    MalformedError,
    SigningError,
    UnsupportedAlgorithmError,
)
from signing.key_containers_enveloped import CsrResponse
from signing.key_containers_pbe import MAX_ROUNDS, Effort, derive_pkcs12
from signing.key_containers_rc2 import decrypt_cbc
from signing.key_files import (
    encode_pem,
    encode_pkcs8,
    encode_protected,
    encode_sec1,
    open_enveloped_key,
    parse_csr_response,
    parse_pkcs12,
    read_key_file,
    seal_enveloped_key,
)
from signing.schemes import InternationalKey, Sm2Key, generate_international
from signing.sm3 import hmac_sm3

KEY = sm2.PrivateKey.from_scalar(bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"))
OTHER = sm2.generate()
PASSPHRASE = "一照通投 P@ss"
SM2, EC = "1.2.156.10197.1.301", "1.2.840.10045.2.1"
KEYS, OPENSSL, GMSSL = VECTORS / "keys", VECTORS / "interop" / "openssl", VECTORS / "interop" / "gmssl"
ECDSA, RSA = generate_international("ecdsa"), generate_international("rsa")


# Files that others made


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("name", "passphrase"),
    [
        ("keys/USER.p12", "777777"),
        ("keys/SealBuilder.p12", "777777"),
        ("keys/cfca_sm2_keyfile.sm2.pem", "123456"),
    ],
)
def test_containers_give_the_key_and_its_certificate(name: str, passphrase: str) -> None:
    data = (VECTORS / name).read_bytes()
    file = read_key_file(data, passphrase)
    assert file.certificate is not None
    assert file.certificate.public_key == file.require_sm2().public
    sm2.verify(file.require_sm2().public, b"m", file.key.sign(b"m"))
    for wrong in ("", "777778", passphrase + " ", "x" * 2000):
        with pytest.raises(KeystoreError):
            read_key_file(data, wrong)


@pytest.mark.conformance
def test_a_pkcs12_of_unknown_passphrase_stays_closed() -> None:
    with pytest.raises(KeystoreError):
        read_key_file((KEYS / "ROOT.p12").read_bytes(), "777777")


@pytest.mark.conformance
@pytest.mark.parametrize(
    ("key", "certificate"),
    [
        ("keys/sign_key.pem", "keys/sign_cert.pem"),
        ("certs/tongsuo/sm2.key", "certs/tongsuo/sm2-cert.pem"),
        ("certs/tongsuo/sm2-root.key", "certs/tongsuo/sm2-root-cert.pem"),
        *((f"certs/tongsuo/tlcp/{n}.key", f"certs/tongsuo/tlcp/{n}.crt") for n in ("client_sign", "server_enc2")),
        ("interop/openssl/sign.key", "interop/openssl/sign.crt"),
        ("interop/openssl/sign_p8.pem", "interop/openssl/sign.crt"),
        ("interop/openssl/sign_p8enc2.pem", "interop/openssl/sign.crt"),
        ("interop/openssl/enc.key", "interop/openssl/enc.crt"),
        ("interop/openssl/tsa.key", "interop/openssl/tsa.crt"),
        ("interop/gmssl/signkey.pem", "interop/gmssl/sign.pem"),
        ("interop/gmssl/enckey.pem", "interop/gmssl/enc.pem"),
    ],
)
def test_a_key_and_its_certificate_in_one_text_belong_together(key: str, certificate: str) -> None:
    text = (VECTORS / certificate).read_bytes() + b"\n" + (VECTORS / key).read_bytes()
    file = read_key_file(text, "P@ssw0rd")
    assert file.certificate is not None
    assert file.certificate == file.certificates[0]


@pytest.mark.conformance
@pytest.mark.parametrize("name", ["sm2_bad_0", "sm2_bad_1", "sm2_bad_neg1"])
def test_private_keys_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(KeystoreError, match="n - 2"):
        read_key_file((KEYS / f"{name}.pem").read_bytes())


@pytest.mark.conformance
@pytest.mark.parametrize(("folder", "name"), [(GMSSL, "enckey.pem"), (OPENSSL, "enc.key")])
def test_the_encryption_keys_open_what_their_tools_encrypted(folder: Path, name: str) -> None:
    private = read_key_file((folder / name).read_bytes(), "P@ssw0rd").require_sm2()
    assert sm2.decrypt(private, (folder / "ct.der").read_bytes())


# Plain keys


@pytest.mark.parametrize("key", [Sm2Key(KEY), ECDSA, RSA], ids=["SM2", "ECDSA", "RSA"])
@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(lambda data: data, id="DER"),
        pytest.param(lambda data: encode_pem("PRIVATE KEY", data), id="PEM"),
        pytest.param(lambda data: b"text before\n" + encode_pem("PRIVATE KEY", data) + b"text after", id="PEM in text"),
        pytest.param(base64.b64encode, id="base64"),
        pytest.param(lambda data: encode_pem("PRIVATE KEY", data).replace(b"\n", b"\r\n"), id="PEM with CRLF"),
    ],
)
def test_a_plain_key_comes_back(key: Sm2Key | InternationalKey, wrap: Callable[[bytes], bytes]) -> None:
    file = read_key_file(wrap(encode_pkcs8(key)))
    assert file.key.public_key == key.public_key
    assert file.certificates == ()
    assert file.certificate is None


def ec_private_key(*rest: bytes, scalar: bytes = KEY.scalar(), version: int = 1) -> bytes:
    return der.sequence(der.integer(version), der.octet_string(scalar), *rest)


CURVE = der.explicit(0, der.oid(SM2))
PUBLIC = der.explicit(1, der.bit_string(KEY.public.point))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encode_sec1(KEY), id="as we write it"),
        pytest.param(ec_private_key(CURVE), id="without the public key"),
        pytest.param(encode_pem("EC PRIVATE KEY", encode_sec1(KEY)), id="PEM"),
        pytest.param(encode_pem("SM2 PRIVATE KEY", encode_sec1(KEY)), id="another label"),
        pytest.param(
            encode_pem("EC PARAMETERS", der.oid(SM2)) + encode_pem("EC PRIVATE KEY", encode_sec1(KEY)),
            id="PEM after its parameters",
        ),
    ],
)
def test_sec1_is_read(data: bytes) -> None:
    assert read_key_file(data).require_sm2() == KEY


PKCS8 = encode_pkcs8(Sm2Key(KEY))
CLOSED = encode_protected(Sm2Key(KEY), PASSPHRASE, os.urandom)
BAD_PUBLIC = der.explicit(1, der.bit_string(OTHER.public.point))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(b"", MalformedError, id="nothing"),
        pytest.param(b"hello", MalformedError, id="text"),
        pytest.param(bytes(1 << 20), LimitError, id="too long"),
        pytest.param(PKCS8 + b"\0", MalformedError, id="bytes after the end"),
        pytest.param(PKCS8[:-1], MalformedError, id="cut short"),
        pytest.param(der.sequence(), MalformedError, id="empty"),
        pytest.param(der.sequence(der.integer(1)), MalformedError, id="a number"),
        pytest.param(der.set_of(PKCS8), MalformedError, id="SET"),
        pytest.param(UNIT.certificate.der, MalformedError, id="a certificate"),
        pytest.param(encode_pem("CERTIFICATE", UNIT.certificate.der), KeystoreError, id="a certificate in PEM"),
        pytest.param(encode_pem("PRIVATE KEY", PKCS8) * 2, KeystoreError, id="two keys"),
        pytest.param(encode_pem("CERTIFICATE", b"") * 33, LimitError, id="too many blocks"),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----", MalformedError, id="no base64"),
        pytest.param(
            b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK\n-----END EC PRIVATE KEY-----",
            KeystoreError,
            id="old PEM protection",
        ),
        pytest.param(ec_private_key(PUBLIC), UnsupportedAlgorithmError, id="SEC 1 without its curve"),
        pytest.param(ec_private_key(CURVE, BAD_PUBLIC), KeystoreError, id="another key's public key"),
        pytest.param(ec_private_key(CURVE, scalar=bytes(32)), KeystoreError, id="zero"),
        pytest.param(ec_private_key(CURVE, scalar=KEY.scalar()[1:]), KeystoreError, id="31 octets"),
        pytest.param(ec_private_key(CURVE, version=2), MalformedError, id="version"),
        pytest.param(ec_private_key(der.explicit(0, der.sequence(der.integer(1)))), SigningError, id="explicit curve"),
        pytest.param(
            ec_private_key(der.explicit(0, der.oid("1.3.132.0.10"))), UnsupportedAlgorithmError, id="secp256k1"
        ),
    ],
)
def test_other_files_are_refused(data: bytes, error: type[SigningError]) -> None:
    with pytest.raises(SigningError) as raised:
        read_key_file(data)
    assert isinstance(raised.value, error | UnsupportedAlgorithmError)


@pytest.mark.parametrize("at", range(1, 9))
def test_rsa_numbers_are_bounded_before_anything_is_done_with_them(at: int) -> None:
    numbers = [0, 1 << 4095, 65537, 1 << 4090, *[1 << 2047] * 5]
    numbers[at] = (1 << 16_000) - 1
    pkcs1 = der.sequence(*map(der.integer, numbers))
    algorithm = der.sequence(der.oid("1.2.840.113549.1.1.1"), b"\5\0")
    for data in (pkcs1, der.sequence(der.integer(0), algorithm, der.octet_string(pkcs1))):
        with pytest.raises(LimitError):
            read_key_file(data)


def test_a_key_of_the_other_suite_is_no_sm2_key() -> None:
    with pytest.raises(InvalidKeyError):
        read_key_file(encode_pkcs8(ECDSA)).require_sm2()


# Protected keys


def pbes2(  # noqa: PLR0917 - one argument for each field
    scheme: str = "1.2.840.113549.1.5.13",
    derivation: str = "1.2.840.113549.1.5.12",
    prf: str = "1.2.156.10197.1.401.2",
    cipher: str = "1.2.156.10197.1.104.2",
    rounds: int = 2048,
    salt: bytes = bytes(16),
    length: bytes = b"",
    iv: bytes = bytes(16),
) -> bytes:
    parameters = der.sequence(der.octet_string(salt), der.integer(rounds), length, der.sequence(der.oid(prf)))
    kdf = der.sequence(der.oid(derivation), parameters)
    encryption = der.sequence(der.oid(cipher), der.octet_string(iv))
    return der.sequence(der.oid(scheme), der.sequence(kdf, encryption))


def test_what_we_protect_comes_back() -> None:
    for key in (Sm2Key(KEY), ECDSA):
        data = encode_protected(key, PASSPHRASE, os.urandom)
        assert read_key_file(data, PASSPHRASE).key.public_key == key.public_key
        assert read_key_file(encode_pem("ENCRYPTED PRIVATE KEY", data), PASSPHRASE).key.public_key == key.public_key
        der.require_der(data, limit=1000)
    with pytest.raises(KeystoreError):
        read_key_file(CLOSED, PASSPHRASE + "x")
    with pytest.raises(KeystoreError):
        encode_protected(Sm2Key(KEY), "", os.urandom)


def test_the_gm_names_of_pbes2_and_pbkdf2_are_the_same_scheme() -> None:
    for old, new in (
        ("1.2.840.113549.1.5.13", "1.2.156.10197.6.1.4.1.5.2"),
        ("1.2.840.113549.1.5.12", "1.2.156.10197.6.1.4.1.5.1"),
        ("1.2.156.10197.1.401.2", "1.2.156.10197.1.401.3.1"),
        ("1.2.156.10197.1.104.2", "1.2.156.10197.1.104"),
    ):
        assert read_key_file(renamed(CLOSED, der.oid(old), der.oid(new)), PASSPHRASE).require_sm2() == KEY


def renamed(data: bytes, old: bytes, new: bytes) -> bytes:
    """Put another element in place, all lengths around it put right."""
    element = der.read(data, limit=10_000)

    def walk(one: der.Element) -> bytes:
        if one.raw == old:
            return new
        return der.tlv(one.tag, *map(walk, one.children())) if one.tag & 0x20 else one.raw

    return walk(element)


@pytest.mark.parametrize(
    ("algorithm", "error"),
    [
        pytest.param(pbes2(rounds=MAX_ROUNDS + 1), LimitError, id="too many rounds"),
        pytest.param(pbes2(rounds=1 << 200), LimitError, id="far too many rounds"),
        pytest.param(pbes2(rounds=0), LimitError, id="no rounds"),
        pytest.param(pbes2(rounds=-1), LimitError, id="rounds below zero"),
        pytest.param(pbes2(salt=bytes(7)), MalformedError, id="short salt"),
        pytest.param(pbes2(salt=bytes(65)), MalformedError, id="long salt"),
        pytest.param(pbes2(length=der.integer(32)), MalformedError, id="another key length"),
        pytest.param(pbes2(iv=bytes(8)), MalformedError, id="short vector"),
        pytest.param(pbes2(prf="1.2.840.113549.2.5"), UnsupportedAlgorithmError, id="unknown PRF"),
        pytest.param(pbes2(cipher="1.3.14.3.2.7"), UnsupportedAlgorithmError, id="DES"),
        pytest.param(pbes2(cipher="1.2.840.113549.3.2"), UnsupportedAlgorithmError, id="RC2 for a private key"),
        pytest.param(pbes2(derivation="1.3.6.1.4.1.11591.4.11"), UnsupportedAlgorithmError, id="scrypt"),
        pytest.param(pbes2(scheme="1.2.840.113549.1.5.3"), SigningError, id="PBES1"),
        pytest.param(
            der.sequence(der.oid("1.2.840.113549.1.12.1.6"), der.sequence(der.octet_string(bytes(8)), der.integer(1))),
            UnsupportedAlgorithmError,
            id="RC2 of PKCS#12 for a private key",
        ),
        pytest.param(pbes2(), KeystoreError, id="content that does not open"),
    ],
)
def test_other_protections_are_refused_before_any_work(algorithm: bytes, error: type[SigningError]) -> None:
    with pytest.raises(error):
        read_key_file(der.sequence(algorithm, der.octet_string(bytes(160))), PASSPHRASE)


# PKCS#12


PKCS12 = (
    "-export -in crt -inkey key",
    "-export -in crt -inkey key -certfile ca",
    "-export -in crt -inkey key -macalg sha512 -keypbe aes-128-cbc -certpbe aes-192-cbc",
    "-export -in crt -inkey key -keypbe sm4-cbc -certpbe sm4-cbc",
    "-export -in crt -inkey key -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1",
    "-export -in crt -inkey key -legacy -iter 50000",
    "-export -in crt -inkey key -certpbe NONE -iter 1",
    "-export -in crt -inkey key -macalg sm3",
)


def openssl(folder: Path, *command: str) -> bytes:
    return subprocess.run(["openssl", *command], cwd=folder, capture_output=True, check=True).stdout


def make_pkcs12(folder: Path, command: str, holder: Holder = UNIT) -> bytes:
    (folder / "crt").write_bytes(encode_pem("CERTIFICATE", holder.certificate.der))
    (folder / "ca").write_bytes(encode_pem("CERTIFICATE", CA.certificate.der))
    (folder / "key").write_bytes(encode_pem("PRIVATE KEY", keystore.encode_key(holder.key)))
    openssl(folder, "pkcs12", *command.split(), "-passout", f"pass:{PASSPHRASE}", "-out", "p12")
    return (folder / "p12").read_bytes()


@pytest.mark.interop
@pytest.mark.parametrize("command", PKCS12)
def test_pkcs12_of_openssl_is_read(tmp_path: Path, command: str) -> None:
    data = make_pkcs12(tmp_path, command)
    file = read_key_file(data, PASSPHRASE)
    assert file.require_sm2() == UNIT.key
    assert file.certificate == UNIT.certificate
    assert file.certificates == parse_pkcs12(data, PASSPHRASE).certificates
    with pytest.raises(KeystoreError):
        read_key_file(data, "x")


@pytest.mark.interop
def test_a_changed_or_unauthenticated_pkcs12_is_refused(tmp_path: Path) -> None:
    data = make_pkcs12(tmp_path, PKCS12[0])
    for at in range(len(data) - 1, 60, -len(data) // 12):
        changed = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
        with pytest.raises(SigningError):
            read_key_file(changed, PASSPHRASE)
    with pytest.raises(KeystoreError, match="MAC"):
        read_key_file(make_pkcs12(tmp_path, f"{PKCS12[0]} -nomac"), PASSPHRASE)
    with pytest.raises(KeystoreError, match="0 private keys"):
        read_key_file(make_pkcs12(tmp_path, "-export -in crt -nokeys"), PASSPHRASE)


def test_the_rounds_of_one_file_are_bounded_together() -> None:
    effort = Effort(2000)
    derive_pkcs12("sha1", "x", bytes(8), purpose=3, rounds=600, size=20, effort=effort)
    with pytest.raises(LimitError):
        derive_pkcs12("sha1", "x", bytes(8), purpose=1, rounds=600, size=20, effort=effort)
    with pytest.raises(LimitError):
        derive_pkcs12("sha1", "x", bytes(8), purpose=1, rounds=150, size=60, effort=effort)
    assert effort.left < 0


DATA = "1.2.840.113549.1.7.1"
BAG = "1.2.840.113549.1.12.10.1."


def content(octets: bytes, oid: str = DATA) -> bytes:
    return der.sequence(der.oid(oid), der.explicit(0, der.octet_string(octets)))


def bag(number: int, value: bytes) -> bytes:
    return der.sequence(der.oid(f"{BAG}{number}"), der.explicit(0, value))


def pkcs12(
    *bags: bytes, version: int = 3, rounds: int = 10, digest: str = "1.2.156.10197.1.401", mac: bytes | None = None
) -> bytes:
    """Write PKCS#12 with plain bags under a MAC of HMAC-SM3."""
    safe = der.sequence(content(der.sequence(*bags)))
    salt = bytes(range(16))
    if mac is None:
        effort = Effort()
        key = derive_pkcs12("sm3", PASSPHRASE, salt, purpose=3, rounds=max(1, min(rounds, 10)), size=32, effort=effort)
        mac = hmac_sm3(key, safe)
    info = der.sequence(der.sequence(der.oid(digest)), der.octet_string(mac))
    return der.sequence(
        der.integer(version), content(safe), der.sequence(info, der.octet_string(salt), der.integer(rounds))
    )


CERTIFICATE_BAG = bag(
    3, der.sequence(der.oid("1.2.840.113549.1.9.22.1"), der.explicit(0, der.octet_string(UNIT.certificate.der)))
)
KEY_BAG = bag(1, encode_pkcs8(Sm2Key(UNIT.key)))


def nested(depth: int) -> bytes:
    return KEY_BAG if not depth else bag(6, der.sequence(nested(depth - 1)))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(pkcs12(KEY_BAG, CERTIFICATE_BAG), id="plain bags"),
        pytest.param(pkcs12(CERTIFICATE_BAG, bag(5, der.sequence()), nested(4)), id="nested bags and a secret"),
        pytest.param(
            pkcs12(bag(2, encode_protected(Sm2Key(UNIT.key), PASSPHRASE, os.urandom)), CERTIFICATE_BAG),
            id="key under PBES2 with HMAC-SM3 and SM4",
        ),
    ],
)
def test_pkcs12_in_gm_algorithms_is_read(data: bytes) -> None:
    assert read_key_file(data, PASSPHRASE).certificate == UNIT.certificate
    with pytest.raises(KeystoreError):
        read_key_file(data, "x")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(pkcs12(KEY_BAG, KEY_BAG), KeystoreError, id="two keys"),
        pytest.param(pkcs12(CERTIFICATE_BAG), KeystoreError, id="no key"),
        pytest.param(pkcs12(*[CERTIFICATE_BAG] * 65), LimitError, id="too many bags"),
        pytest.param(pkcs12(nested(5)), LimitError, id="too deep"),
        pytest.param(pkcs12(KEY_BAG, version=4), SigningError, id="another version"),
        pytest.param(pkcs12(KEY_BAG, rounds=MAX_ROUNDS), LimitError, id="too many rounds"),
        pytest.param(pkcs12(KEY_BAG, rounds=0), LimitError, id="no rounds"),
        pytest.param(pkcs12(KEY_BAG, digest="1.2.840.113549.2.5"), UnsupportedAlgorithmError, id="MD5"),
        pytest.param(pkcs12(KEY_BAG, mac=bytes(32)), KeystoreError, id="wrong MAC"),
        pytest.param(pkcs12(KEY_BAG, mac=b""), KeystoreError, id="empty MAC"),
        pytest.param(pkcs12(bag(1, der.sequence())), MalformedError, id="no key in the bag"),
        pytest.param(pkcs12(bag(1, ec_private_key(CURVE))), SigningError, id="SEC 1 in the bag"),
    ],
)
def test_other_pkcs12_is_refused(data: bytes, error: type[SigningError]) -> None:
    with pytest.raises(error):
        read_key_file(data, PASSPHRASE)


@pytest.mark.parametrize(
    ("key", "plain", "cipher"),
    [
        ("ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"),
        ("3000000000000000", "1000000000000001", "30649edf9be7d2c2"),
        ("88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"),
    ],
)
def test_rc2_gives_the_answers_of_rfc_2268(key: str, plain: str, cipher: str) -> None:
    assert decrypt_cbc(bytes.fromhex(key), bytes(8), bytes.fromhex(cipher)).hex() == plain


# SM2EnvelopedKey and CSRResponse


def enveloped(
    *,
    oid: str = "1.2.156.10197.1.104.1",
    payload: bytes = KEY.scalar(),
    public: bytes = KEY.public.point,
    key: bytes = b"",
) -> bytes:
    data = seal_enveloped_key(KEY, OTHER.public, lambda n: bytes(range(n)))
    fields = der.read(data, limit=2000).children()
    wrapped = subkey_encrypt(bytes(range(16)), payload)
    cipher = sm2.encrypt(OTHER.public, key) if key else fields[1].raw
    algorithm = der.sequence(der.oid(oid))
    return der.sequence(algorithm, cipher, der.bit_string(public), der.bit_string(wrapped))


def subkey_encrypt(key: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # noqa: PLC0415 - test of one mode

    return Cipher(algorithms.SM4(key), modes.ECB()).encryptor().update(data)  # noqa: S305


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(seal_enveloped_key(KEY, OTHER.public, os.urandom), id="as we write it"),
        pytest.param(enveloped(), id="no parameters"),
        pytest.param(enveloped(oid="1.2.156.10197.1.104"), id="bare SM4"),
        pytest.param(enveloped(payload=bytes(32) + KEY.scalar()), id="64 octets"),
    ],
)
def test_an_enveloped_key_opens_for_its_addressee(data: bytes) -> None:
    assert open_enveloped_key(data, OTHER) == KEY
    assert read_key_file(data, recipient=OTHER).require_sm2() == KEY
    with pytest.raises(KeystoreError):
        read_key_file(data)
    with pytest.raises(DecryptionError):
        open_enveloped_key(data, KEY)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(enveloped(oid="1.2.156.10197.1.104.2"), UnsupportedAlgorithmError, id="SM4-CBC"),
        pytest.param(enveloped(payload=KEY.scalar() + bytes(16)), MalformedError, id="48 octets"),
        pytest.param(enveloped(payload=KEY.scalar() * 2), DecryptionError, id="64 octets, not zeros first"),
        pytest.param(enveloped(payload=OTHER.scalar()), DecryptionError, id="another private key"),
        pytest.param(enveloped(public=OTHER.public.point), DecryptionError, id="another public key"),
        pytest.param(enveloped(public=bytes(65)), MalformedError, id="no point"),
        pytest.param(enveloped(key=bytes(32)), DecryptionError, id="a key of 32 octets"),
        pytest.param(enveloped(payload=bytes(32)), DecryptionError, id="zero"),
        pytest.param(b"", MalformedError, id="nothing"),
        pytest.param(enveloped() + b"\0", MalformedError, id="bytes after the end"),
        pytest.param(bytes(2000), LimitError, id="too long"),
    ],
)
def test_other_enveloped_keys_are_refused(data: bytes, error: type[SigningError]) -> None:
    with pytest.raises(error):
        open_enveloped_key(data, OTHER)


ENCRYPTION = CA.issue("某某建设有限公司", serial=7, usage=("keyEncipherment", "dataEncipherment", "keyAgreement"))


def response(*, explicit: bool = True, again: bool = False, certificate: bytes = ENCRYPTION.certificate.der) -> bytes:
    sealed = seal_enveloped_key(ENCRYPTION.key, UNIT.key.public, os.urandom)
    inner = sealed if explicit else der.read(sealed, limit=2000).body
    certificates = der.set_of(certificate) if again else certificate
    signing = der.set_of(UNIT.certificate.der)
    return der.sequence(signing, der.explicit(0, inner), der.explicit(1, certificates))


def test_a_csr_response_gives_both_certificates_and_the_encryption_key() -> None:
    for data in (response(), response(explicit=False), response(again=True)):
        answer = parse_csr_response(data, UNIT.key)
        assert answer == CsrResponse((UNIT.certificate,), ENCRYPTION.key, (ENCRYPTION.certificate,))
    single = der.sequence(der.set_of(UNIT.certificate.der))
    assert parse_csr_response(single, UNIT.key) == CsrResponse((UNIT.certificate,), None, ())


def test_a_csr_response_of_other_keys_is_refused() -> None:
    for data, key in ((response(), OTHER), (response(certificate=UNIT.certificate.der), UNIT.key)):
        with pytest.raises(InvalidKeyError):
            parse_csr_response(data, key)
    for data in (b"", der.sequence(), der.sequence(der.set_of()), response()[:-1]):
        with pytest.raises(SigningError):
            parse_csr_response(data, UNIT.key)


# Keys of suite INTL


@pytest.mark.interop
@pytest.mark.parametrize(
    "command",
    [
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        "genpkey -algorithm ED25519",
        "ecparam -name prime256v1 -genkey",
        "genrsa -traditional 2048",
        "ecparam -name SM2 -genkey",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -aes-256-cbc -pass pass:abc",
        "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -aes-128-cbc -pass pass:abc",
    ],
)
def test_keys_of_openssl_are_read(tmp_path: Path, command: str) -> None:
    name, *options = command.split()
    openssl(tmp_path, name, "-out", "key", *options)
    file = read_key_file((tmp_path / "key").read_bytes(), "abc")
    assert file.key.sign(b"message")
    spki = openssl(tmp_path, "pkey", "-in", "key", "-passin", "pass:abc", "-pubout", "-outform", "DER")
    public = file.key.public_key
    assert spki.endswith(public.point) if isinstance(public, sm2.PublicKey) else spki == public


@pytest.mark.interop
@pytest.mark.parametrize(
    "command",
    [
        "genrsa -traditional 1024",
        "genrsa -traditional -3 1536",
        "genpkey -algorithm X25519",
        "genpkey -algorithm ED448",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
        "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -pkeyopt ec_param_enc:explicit",
    ],
)
def test_keys_that_are_not_used_here_are_refused(tmp_path: Path, command: str) -> None:
    name, *options = command.split()
    openssl(tmp_path, name, "-out", "key", *options)
    with pytest.raises(SigningError):
        read_key_file((tmp_path / "key").read_bytes())


@pytest.mark.interop
def test_openssl_reads_what_we_write(tmp_path: Path) -> None:
    for data in (encode_sec1(KEY), encode_pkcs8(Sm2Key(KEY))):
        (tmp_path / "key").write_bytes(data)
        shown = openssl(tmp_path, "pkey", "-inform", "DER", "-in", "key", "-pubout", "-outform", "DER")
        assert shown.endswith(KEY.public.point)


def test_no_secret_is_shown() -> None:
    shown = repr(read_key_file(PKCS8))
    assert KEY.scalar().hex() not in shown
    assert repr(KEY.scalar()) not in shown


@given(data=st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused_with_a_typed_error(data: bytes) -> None:
    for start in (b"", b"\x30\x80", b"-----BEGIN PRIVATE KEY-----\n"):
        try:
            read_key_file(start + data, "x", recipient=KEY)
        except SigningError:
            continue


SAMPLES = (
    PKCS8,
    encode_sec1(KEY),
    enveloped(),
    encode_pkcs8(ECDSA),
    der.sequence(pbes2(), der.octet_string(bytes(160))),
)


@given(sample=st.sampled_from(SAMPLES), at=st.integers(0, 1400), value=st.integers(0, 255))
@settings(deadline=None, max_examples=200)
def test_changed_files_are_read_or_refused_with_a_typed_error(sample: bytes, at: int, value: int) -> None:
    changed = bytearray(sample)
    changed[at % len(sample)] = value
    try:
        read_key_file(bytes(changed), PASSPHRASE, recipient=OTHER)
    except SigningError:
        return
