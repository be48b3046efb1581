"""Attacks on key files and on what a key may do: bombs, mixed-up pairs, keys used for the wrong thing."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from signing_pki import NOON, ROOT, UNIT, make_root

from signing import canonical, der, sm2
from signing.cms import prepare_detached
from signing.errors import InvalidKeyError, KeystoreError, LimitError, SigningError, UnsupportedAlgorithmError
from signing.key_containers import encode_pkcs8
from signing.key_containers_pbe import FOR_MAC, Effort, derive_pkcs12
from signing.key_files import encode_pem, read_key_file
from signing.sandbox.keys import KeyVault, SealedKey
from signing.schemes import Sm2Key
from signing.timestamps import Stamp, make_token

RSA_KEY = rsa.generate_private_key(65537, 4096).private_bytes(
    serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
_SHA256, _DATA = "2.16.840.1.101.3.4.2.1", "1.2.840.113549.1.7.1"
_SALT = bytes(8)


def pkcs12(*bags: bytes, rounds: int = 1) -> bytes:
    """Make a file under the passphrase "p"; with a right MAC if the rounds are few."""
    info = der.sequence(der.oid(_DATA), der.explicit(0, der.octet_string(der.sequence(*bags))))
    content = der.sequence(info)
    key = bytes(32)
    if rounds == 1:
        key = derive_pkcs12("sha256", "p", _SALT, purpose=FOR_MAC, rounds=1, size=32, effort=Effort())
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(content)
    digest = der.sequence(der.sequence(der.oid(_SHA256), der.tlv(der.NULL)), der.octet_string(mac.finalize()))
    authenticated = der.sequence(der.oid(_DATA), der.explicit(0, der.octet_string(content)))
    return der.sequence(
        der.integer(3), authenticated, der.sequence(digest, der.octet_string(_SALT), der.integer(rounds))
    )


def key_bag(key: bytes) -> bytes:
    return der.sequence(der.oid("1.2.840.113549.1.12.10.1.1"), der.explicit(0, key))


def test_a_file_full_of_slow_keys_is_given_up_soon() -> None:
    # All of them would take half a minute.
    with pytest.raises(LimitError):
        read_key_file(pkcs12(*[key_bag(RSA_KEY)] * 64), "p")


def test_one_key_of_a_kind_is_read_and_two_are_not() -> None:
    bag = key_bag(encode_pkcs8(Sm2Key(UNIT.key)))
    assert read_key_file(pkcs12(bag), "p").require_sm2() == UNIT.key
    with pytest.raises(KeystoreError):
        read_key_file(pkcs12(bag, bag), "p")


@pytest.mark.parametrize("rounds", [0, -1, 1_000_001, 1 << 100])
def test_rounds_out_of_bounds_are_not_spent(rounds: int) -> None:
    with pytest.raises(LimitError):
        read_key_file(pkcs12(rounds=rounds), "p")


def test_a_wrong_mac_is_a_wrong_passphrase() -> None:
    whole = pkcs12(key_bag(encode_pkcs8(Sm2Key(UNIT.key))))
    for damaged in (whole.replace(UNIT.key.scalar(), bytes(31) + b"\1"), whole[:-1] + b"\2"):
        with pytest.raises(KeystoreError):
            read_key_file(damaged, "p")


def test_an_old_pem_protection_is_named() -> None:
    text = (
        b"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"
        b"AAAA\n-----END EC PRIVATE KEY-----\n"
    )
    with pytest.raises(UnsupportedAlgorithmError, match="old PEM"):
        read_key_file(text, "p")


def test_two_keys_in_a_pem_file_are_refused() -> None:
    pem = encode_pem("PRIVATE KEY", encode_pkcs8(Sm2Key(UNIT.key)))
    with pytest.raises(KeystoreError):
        read_key_file(pem + pem)


def test_a_certificate_of_another_key_is_not_taken_for_the_keys_own() -> None:
    pem = encode_pem("PRIVATE KEY", encode_pkcs8(Sm2Key(UNIT.key))) + encode_pem("CERTIFICATE", ROOT.certificate.der)
    assert read_key_file(pem).certificate is None


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda one: prepare_detached(bytes(32), one, NOON), id="cms"),
        pytest.param(lambda one: make_token(Stamp(bytes(32), 1, NOON, "2.25.1"), one, bytes), id="timestamp"),
    ],
)
@pytest.mark.parametrize("kind", ["encryption", "authority"])
def test_certificates_that_may_not_sign_sign_nothing(act: Callable[..., bytes], kind: str) -> None:
    usage = ("keyEncipherment",) if kind == "encryption" else ("keyCertSign",)
    holder = make_root().issue(usage=usage, is_ca=kind == "authority")
    with pytest.raises(InvalidKeyError):
        act(holder.certificate)


def test_a_certificate_exchanged_at_rest_gives_an_encryption_key_no_right_to_sign(tmp_path: Path) -> None:
    vault = KeyVault(tmp_path, "p", random=os.urandom)
    root = make_root()
    signing, encryption = root.issue(), root.issue(usage=("keyEncipherment",))
    vault.add("unit:1", encryption.key, encryption.certificate.der, ())
    with pytest.raises(InvalidKeyError):
        vault.sign_with("unit:1", b"message")
    file = next(tmp_path.glob("*.sealed"))
    kept = canonical.decode(file.read_bytes(), SealedKey)
    other = type(kept.credential)("unit:1", "unit", signing.certificate.der, ())
    file.write_bytes(canonical.encode(SealedKey(other, kept.nonce, kept.sealed)))
    with pytest.raises(KeystoreError):
        KeyVault(tmp_path, "p", random=os.urandom)


def test_enveloped_keys_in_a_key_file_open_for_their_addressee_only() -> None:
    from signing.key_files import seal_enveloped_key  # noqa: PLC0415

    inner, stranger = sm2.generate(), sm2.generate()
    sealed = seal_enveloped_key(inner, UNIT.key.public, os.urandom)
    assert read_key_file(sealed, recipient=UNIT.key).require_sm2() == inner
    for data, recipient in (
        (sealed, stranger),
        (sealed, None),
        (sealed.replace(inner.public.point, stranger.public.point), UNIT.key),
        (sealed[:-1] + bytes((sealed[-1] ^ 1,)), UNIT.key),
    ):
        with pytest.raises(SigningError):
            read_key_file(data, recipient=recipient)
