"""Enveloped messages (数字信封) for SM2, RSA and EC recipients."""

import os
from functools import partial

from cells_certificates import NAMES
from interop_cells import NOW, Cell, Holder, Kind, Refused, Town, make_key

from signing.certificates import parse_certificate
from signing.cms_recipients import DecryptionKey, InternationalDecryptionKey, Sm2DecryptionKey
from signing.enveloped_data import open_enveloped, parse_enveloped
from signing.enveloped_writing import (
    GB_35275,
    INTL_CBC,
    INTL_GCM,
    STANDARD_CBC,
    STANDARD_GCM,
    EncryptionProfile,
    encrypt_enveloped,
)
from signing.issuing import ENCRYPTION, CertificateRequest, Subject, build_certificate
from signing.schemes import InternationalKey, Sm2Key

SECRET = "半密钥".encode() * 40
PROFILES: dict[Kind, tuple[EncryptionProfile, ...]] = {
    "sm2": (STANDARD_GCM, STANDARD_CBC, GB_35275),
    "ecdsa": (INTL_CBC, INTL_GCM),
    "rsa": (INTL_CBC, INTL_GCM),
}


def recipient(town: Town, kind: Kind) -> Holder:
    """Make a holder of an encryption certificate."""
    root, key = town.family(kind).root, make_key(kind)
    usage = ("keyAgreement",) if kind == "ecdsa" else ("keyEncipherment",) if kind == "rsa" else ENCRYPTION
    request = CertificateRequest(
        Subject("互操作收件人"), key.public_key, 0x2001, NOW, root.certificate.not_after, key_usage=usage
    )
    return Holder(parse_certificate(build_certificate(request, root.certificate, root.key.sign)), key)


def decryption_key(holder: Holder) -> DecryptionKey:
    if isinstance(holder.key, Sm2Key):
        return Sm2DecryptionKey(holder.key.private)
    assert isinstance(holder.key, InternationalKey)
    return InternationalDecryptionKey(holder.key.private)  # type: ignore[arg-type]


def ours_to_openssl(town: Town, kind: Kind, profile: EncryptionProfile) -> None:
    holder = recipient(town, kind)
    with town.openssl() as run:
        run.put("c", encrypt_enveloped(SECRET, [holder.certificate], profile=profile, random=os.urandom))
        run.put("k", holder.pkcs8)
        run("pkey -inform DER -in k -out k.pem")
        run.put("r.pem", holder.certificate.der, "CERTIFICATE")
        run("cms -decrypt -inform DER -in c -inkey k.pem -recip r.pem -binary -out m")
        if run.get("m") != SECRET:
            raise Refused


def openssl_to_ours(town: Town, kind: Kind, profile: EncryptionProfile) -> None:
    holder = recipient(town, kind)
    cipher = "sm4-cbc" if kind == "sm2" else "aes-256-gcm" if profile.authenticated else "aes-256-cbc"
    padding = " -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256" if kind == "rsa" else ""
    with town.openssl() as run:
        run.put("m", SECRET)
        run.put("r.pem", holder.certificate.der, "CERTIFICATE")
        run(f"cms -encrypt -binary -in m -{cipher} -outform DER -out c -recip r.pem{padding}")
        judge(run.get("c"), holder)


def ours_to_ours(town: Town, kind: Kind, profile: EncryptionProfile) -> None:
    holder = recipient(town, kind)
    judge(encrypt_enveloped(SECRET, [holder.certificate], profile=profile, random=os.urandom), holder)


def judge(message: bytes, holder: Holder) -> None:
    if open_enveloped(parse_enveloped(message), decryption_key(holder), holder.certificate).content != SECRET:
        raise Refused


_NO_GCM = "OpenSSL 3.0 没有 SM4-GCM"
_NO_TYPES = "OpenSSL 不认识国密内容类型"
_NO_THEIRS = "OpenSSL 3.0 不能为 SM2 收件人加密（illegal zero content）"


def _cells(kind: Kind) -> list[Cell]:
    cells = list[Cell]()
    for profile in PROFILES[kind]:
        row = f"数字信封（{NAMES[kind]}）：{profile.name}"
        run = {"kind": kind, "profile": profile}
        gm = kind == "sm2"
        refusal = {STANDARD_GCM: _NO_GCM, GB_35275: _NO_TYPES}.get(profile, "")
        cells += [
            Cell(row, "OpenSSL", "ours", partial(ours_to_openssl, **run), refusal),
            Cell(row, "OpenSSL", "theirs", partial(openssl_to_ours, **run), _NO_THEIRS if gm else ""),
            Cell(row, "Yizhao", "ours", partial(ours_to_ours, **run)),
        ]
    return cells


CELLS = (*_cells("sm2"), *_cells("ecdsa"), *_cells("rsa"))
