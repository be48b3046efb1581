"""An encryption key is refused for signing and the reverse: the dual certificates of Tongsuo's TLCP tests."""

from dataclasses import replace
from pathlib import Path

import pytest
from signing_pki import CA, UNIT, VECTORS, Holder, read_pem

from signing import keystore
from signing.certificates import Certificate
from signing.errors import InvalidKeyError
from signing.issuing import SIGNING
from signing.key_files import read_key_file
from signing.key_use import (
    DecryptionCredential,
    SigningCredential,
    require_encryption_certificate,
    require_signing_certificate,
)
from signing.schemes import Sm2Key
from signing.sm2 import PrivateKey

TLCP = VECTORS / "certs" / "tongsuo" / "tlcp"
BOTH = Holder(replace(UNIT.certificate, key_usage=frozenset({*SIGNING, "keyEncipherment"})), UNIT.key)
"""Not made here any more, but found in the field; so is a certificate without key usage."""
ANY = Holder(replace(UNIT.certificate, key_usage=None), UNIT.key)
ENCRYPTION = CA.issue(usage=("keyEncipherment", "dataEncipherment", "keyAgreement"))


def tlcp(name: str) -> tuple[Certificate, PrivateKey]:
    certificate = read_pem(TLCP / f"{name}.crt")[0]
    return certificate, read_key_file((TLCP / f"{name}.key").read_bytes()).require_sm2()


@pytest.mark.conformance
@pytest.mark.parametrize("name", ["client_sign", "server_sign", "server_sign2"])
def test_a_signing_pair_signs_and_never_decrypts(name: str) -> None:
    certificate, key = tlcp(name)
    assert SigningCredential(Sm2Key(key), certificate).certificate is certificate
    with pytest.raises(InvalidKeyError, match="签名证书不得用于加密"):
        DecryptionCredential(key, certificate)
    with pytest.raises(InvalidKeyError, match="签名证书不得用于加密"):
        require_encryption_certificate(certificate)


@pytest.mark.conformance
@pytest.mark.parametrize("name", ["client_enc", "server_enc", "server_enc2"])
def test_an_encryption_pair_decrypts_and_never_signs(name: str) -> None:
    certificate, key = tlcp(name)
    assert DecryptionCredential(key, certificate).certificate is certificate
    with pytest.raises(InvalidKeyError, match="加密证书不得用于签名"):
        SigningCredential(Sm2Key(key), certificate)
    with pytest.raises(InvalidKeyError, match="加密证书不得用于签名"):
        require_signing_certificate(certificate)


@pytest.mark.conformance
def test_the_key_of_the_other_half_of_the_pair_is_refused() -> None:
    (signing, signing_key), (encryption, encryption_key) = tlcp("client_sign"), tlcp("client_enc")
    with pytest.raises(InvalidKeyError, match="不匹配"):
        SigningCredential(Sm2Key(encryption_key), signing)
    with pytest.raises(InvalidKeyError, match="不匹配"):
        DecryptionCredential(signing_key, encryption)


@pytest.mark.conformance
def test_a_ca_neither_signs_data_nor_is_encrypted_to() -> None:
    for authority in read_pem(Path(TLCP / "chain-ca.crt")):
        with pytest.raises(InvalidKeyError, match="CA"):
            require_signing_certificate(authority)
        with pytest.raises(InvalidKeyError):
            require_encryption_certificate(authority)


@pytest.mark.parametrize(
    ("holder", "signs", "decrypts"),
    [
        pytest.param(UNIT, True, False, id="signing certificate"),
        pytest.param(ENCRYPTION, False, True, id="encryption certificate"),
        pytest.param(BOTH, True, True, id="one certificate for both"),
        pytest.param(ANY, True, True, id="no key usage"),
        pytest.param(CA, False, False, id="CA"),
    ],
)
def test_key_usage_decides(holder: Holder, signs: bool, decrypts: bool) -> None:
    certificate, public = holder.certificate, holder.key.public
    for require, allowed in ((require_signing_certificate, signs), (require_encryption_certificate, decrypts)):
        if allowed:
            require(certificate, public)
            require(certificate)
        else:
            with pytest.raises(InvalidKeyError):
                require(certificate, public)


def test_a_credential_shows_no_secret() -> None:
    assert UNIT.key.scalar().hex() not in repr(SigningCredential(Sm2Key(UNIT.key), UNIT.certificate))
    assert keystore.encode_key(UNIT.key).hex() not in repr(DecryptionCredential(BOTH.key, BOTH.certificate))
