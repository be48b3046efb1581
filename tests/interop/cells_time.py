"""Timestamps (RFC 3161) of both profiles."""

import hashlib
from functools import partial

from interop_cells import NOW, Cell, Holder, Kind, Refused, Town
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response
from rfc3161_client.base import HashAlgorithm

from signing import sm2
from signing.certificates import parse_certificate
from signing.digests import sha256, sm3
from signing.path import Anchor, Purpose, RevocationEvidence
from signing.sandbox.tsa import TimestampService
from signing.timestamps import (
    Stamp,
    build_request,
    build_response,
    make_token,
    parse_response,
    parse_token,
    verify_token,
)
from signing.trust import make_trust

MESSAGE = "开标记录".encode()
ROWS = {
    "sm2": "时间戳（国密：SM3、SM2）",
    "ecdsa": "时间戳（国际：SHA-256、ECDSA）",
    "rsa": "时间戳（国际：SHA-256、RSA）",
}
NO_Z = "时间戳：SM2 签名未含 Z 值（部分基于 OpenSSL 的时间戳服务如此签发）"


def service(town: Town, kind: Kind) -> TimestampService:
    tsa = town.family(kind).tsa
    if kind == "sm2":
        return TimestampService(tsa.certificate, tsa.key, lambda: NOW, lambda n: bytes(range(1, n + 1)))
    return TimestampService.international(
        tsa.key, tsa.certificate.der, clock=lambda: NOW, random=lambda n: bytes(range(1, n + 1))
    )


def ask_openssl(town: Town, kind: Kind) -> None:
    """Have openssl ts write the query and verify the answer."""
    digest = "sm3" if kind == "sm2" else "sha256"
    with town.openssl() as run:
        run.put("m", MESSAGE)
        run(f"ts -query -data m -{digest} -cert -out q")
        run.put("r", service(town, kind).answer(run.get("q")))
        run.put("root.pem", town.family(kind).root.certificate.der, "CERTIFICATE")
        run("ts -verify -in r -queryfile q -CAfile root.pem")


def openssl_answers(town: Town, kind: Kind) -> None:
    """Have openssl ts answer our query, and judge the token by ours."""
    tsa, imprint = town.family(kind).tsa, sha256(MESSAGE) if kind != "sm2" else sm3(MESSAGE)
    with town.openssl() as run:
        run.put("k.der", tsa.pkcs8)
        run("pkey -inform DER -in k.der -out k.pem")
        run.put("t.pem", tsa.certificate.der, "CERTIFICATE")
        digest = "sha256" if kind != "sm2" else "sm3"
        run.put("serial", b"01\n")
        run.put(
            "cnf",
            f"[t]\nserial=serial\ndefault_policy=1.2.3.4.1\ndigests={digest}\nsigner_digest={digest}\n"
            "ess_cert_id_alg=sha256\ncertificate=t.pem\nsigner_key=k.pem\n".encode(),
        )
        run.put("q", build_request(imprint, 77, digest=digest))
        run("ts -reply -config cnf -section t -queryfile q -signer t.pem -inkey k.pem -out r")
        judge(town, kind, parse_response(run.get("r"), imprint, 77, digest=digest), imprint, strict=False)


def ask_java(town: Town, kind: Kind) -> None:
    digest = "sm3" if kind == "sm2" else "sha256"
    query = build_request(hashlib.new(digest, MESSAGE).digest(), 78, digest=digest)
    town.java("verify-stamp", service(town, kind).answer(query), query, town.family(kind).tsa.certificate.der)


def java_answers(town: Town, kind: Kind) -> None:
    digest = "sm3" if kind == "sm2" else "sha256"
    imprint = hashlib.new(digest, MESSAGE).digest()
    root_key, root_spki = town.java("keypair", kind)
    key, spki = town.java("keypair", kind)
    (root,) = town.java("self-signed", root_key, root_spki, "Root", "ca")
    (tsa,) = town.java("certificate", root_key, spki, root, "Tsa", "tsa")
    (token,) = town.java("stamp", key, tsa, build_request(imprint, 79, digest=digest))
    judge(town, kind, token, imprint, root=root, strict=False)


def ask_rfc3161_client(town: Town, kind: Kind) -> None:
    """Have rfc3161-client build the query (its own digest, SHA-256), decode the answer and verify the message."""
    request = TimestampRequestBuilder(data=MESSAGE, hash_algorithm=HashAlgorithm.SHA256, nonce=True).build()
    answering = service(town, kind)
    if kind == "sm2":
        query = build_request(sm3(MESSAGE), 80)
        response = decode_timestamp_response(answering.answer(query))
    else:
        response = decode_timestamp_response(answering.answer(request.as_bytes()))
    root = load(town.family(kind).root)
    try:
        VerifierBuilder().add_root_certificate(root).build().verify_message(response, MESSAGE)
    except VerificationError as error:
        raise Refused(str(error)) from error


def load(holder: Holder) -> object:
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415

    return load_der_x509_certificate(holder.certificate.der)


def ours(town: Town, kind: Kind) -> None:
    digest = "sm3" if kind == "sm2" else "sha256"
    imprint = hashlib.new(digest, MESSAGE).digest()
    token = parse_response(
        service(town, kind).answer(build_request(imprint, 81, digest=digest)), imprint, 81, digest=digest
    )
    judge(town, kind, token, imprint)


def without_z(town: Town) -> bytes:
    """Make a token as an SM2 authority on `openssl ts` does: e is SM3 of the attributes, without Z."""
    tsa = town.family("sm2").tsa
    stamp = Stamp(sm3(MESSAGE), 7, NOW, "1.2.3.4.1", 82)
    return make_token(stamp, tsa.certificate, lambda attributes: sm2.sign_digest(tsa.key.private, sm3(attributes)))


def without_z_to_java(town: Town) -> None:
    query = build_request(sm3(MESSAGE), 82)
    town.java("verify-stamp", build_response(without_z(town)), query, town.family("sm2").tsa.certificate.der)


def without_z_to_ours(town: Town) -> None:
    verdict = verify_token(
        without_z(town), imprint=sm3(MESSAGE), anchors=town.family("sm2").trust, evidence=RevocationEvidence()
    )
    named = next(check.why for check in verdict.checks if check.name == "timestamp-signature")
    assert "Z" in named
    raise Refused(named)


def judge(town: Town, kind: Kind, token: bytes, imprint: bytes, *, root: bytes = b"", strict: bool = True) -> None:
    anchor = parse_certificate(root) if root else town.family(kind).root.certificate
    anchors = make_trust("对方", "1", sandbox=True, anchors=(Anchor(anchor, frozenset({Purpose.TIMESTAMP})),))
    parse_token(token)
    verdict = verify_token(token, imprint=imprint, anchors=anchors, evidence=RevocationEvidence(), strict=strict)
    if verdict.failed or verdict.unknown not in ([], ["timestamp-revocation"]):
        raise Refused(verdict.worst)


_NO_Z_VERIFY = "openssl ts 验 SM2 时间戳时不算 Z 值，任何合规的国密时间戳都不过"
_NO_SM2_REPLY = "OpenSSL 3.0 的 ts -reply 不支持 SM2 密钥（signing not supported for this key type）"
_NO_SM2_CLIENT = "rfc3161-client 能解析 SM2 时间戳，但没有 SM2 算法可以验证"
_OURS = "按规定拒绝，并指明“签名未含 Z 值”"


def _cells(kind: Kind) -> tuple[Cell, ...]:
    row, gm = ROWS[kind], kind == "sm2"
    return (
        Cell(row, "OpenSSL", "ours", partial(ask_openssl, kind=kind), _NO_Z_VERIFY if gm else ""),
        Cell(row, "OpenSSL", "theirs", partial(openssl_answers, kind=kind), _NO_SM2_REPLY if gm else ""),
        Cell(row, "BouncyCastle", "ours", partial(ask_java, kind=kind)),
        Cell(row, "BouncyCastle", "theirs", partial(java_answers, kind=kind)),
        Cell(row, "rfc3161-client", "ours", partial(ask_rfc3161_client, kind=kind), _NO_SM2_CLIENT if gm else ""),
        Cell(row, "Yizhao", "ours", partial(ours, kind=kind)),
    )


CELLS = (
    *_cells("sm2"),
    *_cells("ecdsa"),
    *_cells("rsa"),
    Cell(NO_Z, "BouncyCastle", "ours", without_z_to_java, "BouncyCastle 按标准计入 Z 值，拒绝这样的签名"),
    Cell(NO_Z, "Yizhao", "ours", without_z_to_ours, _OURS),
)
