"""Certificate requests and OCSP responses."""

from functools import partial

from cells_certificates import GENPKEY, NAMES
from interop_cells import DAY, NOW, Cell, Kind, Refused, Town
from interop_peers import DISTID

from signing.csr import complete_csr, parse_csr, prepare_csr, verify_csr
from signing.issuing import Subject
from signing.ocsp import CertId, SingleStatus, build_ocsp_response, parse_ocsp
from signing.revocation_status import check_revocation


def request_row(kind: Kind) -> str:
    return f"证书请求 CSR（{NAMES[kind]}）"


def status_row(kind: Kind) -> str:
    return f"OCSP 应答（{NAMES[kind]}）"


def make_request(town: Town, kind: Kind) -> bytes:
    key = town.family(kind).signer.key
    prepared = prepare_csr(Subject("互操作申请人"), key.public_key)
    return complete_csr(prepared, key.sign(prepared.to_be_signed))


def request_to_openssl(town: Town, kind: Kind) -> None:
    with town.openssl() as run:
        run.put("csr.pem", make_request(town, kind), "CERTIFICATE REQUEST")
        options = f" -vfyopt {DISTID}" if kind == "sm2" else ""
        if "verify OK" not in (text := run(f"req -in csr.pem -verify -noout{options}")):
            raise Refused(text)


def request_from_openssl(town: Town, kind: Kind) -> None:
    digest = f"-sm3 -sigopt {DISTID}" if kind == "sm2" else "-sha256"
    with town.openssl() as run:
        run(f"genpkey {GENPKEY[kind]} -out k")
        run(f"req -new -key k {digest} -subj /C=CN/O=Lab/CN=Asker -out csr.pem")
        verify_csr(parse_csr(run.pem("csr.pem"))).require()


def request_to_java(town: Town, kind: Kind) -> None:
    town.java("verify-request", make_request(town, kind))


def request_from_java(town: Town, kind: Kind) -> None:
    key, spki = town.java("keypair", kind)
    (made,) = town.java("request", key, spki, "Asker")
    verify_csr(parse_csr(made)).require()


def request_to_ours(town: Town, kind: Kind) -> None:
    verify_csr(parse_csr(make_request(town, kind))).require()


def make_status(town: Town, kind: Kind) -> bytes:
    root = town.family(kind).root
    status = SingleStatus(
        CertId.of(0x1001, root.certificate), "revoked", NOW - DAY, NOW + DAY, NOW - DAY, "keyCompromise"
    )
    return build_ocsp_response([status], root.certificate, root.key.sign, produced_at=NOW)


def status_to_openssl(town: Town, kind: Kind) -> None:
    family = town.family(kind)
    with town.openssl() as run:
        run.put("root.pem", family.root.certificate.der, "CERTIFICATE")
        run.put("leaf.pem", family.signer.certificate.der, "CERTIFICATE")
        run.put("rsp", make_status(town, kind))
        text = run("ocsp -respin rsp -issuer root.pem -cert leaf.pem -CAfile root.pem -VAfile root.pem -no_nonce")
        if "Response verify OK" not in text or "revoked" not in text:
            raise Refused(text)


def status_from_openssl(town: Town, kind: Kind) -> None:
    family = town.family(kind)
    md = f"-rmd sm3 -rsigopt {DISTID}" if kind == "sm2" else "-rmd sha256"
    with town.openssl() as run:
        run.put("ca.key.der", family.root.pkcs8)
        run("pkey -inform DER -in ca.key.der -out ca.key")
        run.put("ca.crt", family.root.certificate.der, "CERTIFICATE")
        run.put("leaf.pem", family.signer.certificate.der, "CERTIFICATE")
        run.put("index", b"R\t320101000000Z\t261101000000Z,keyCompromise\t1001\tunknown\t/CN=Leaf\n")
        run("ocsp -issuer ca.crt -cert leaf.pem -no_nonce -reqout req")
        run(f"ocsp -index index -CA ca.crt -rsigner ca.crt -rkey ca.key {md} -reqin req -respout rsp -ndays 1")
        require_revoked(run.get("rsp"), town, kind)


def status_to_java(town: Town, kind: Kind) -> None:
    if town.java("verify-ocsp", make_status(town, kind), town.family(kind).root.certificate.der) != [b"revoked"]:
        raise Refused


def status_from_java(town: Town, kind: Kind) -> None:
    family = town.family(kind)
    (made,) = town.java("ocsp", family.root.pkcs8, family.root.certificate.der, "1001")
    require_revoked(made, town, kind)


def status_to_ours(town: Town, kind: Kind) -> None:
    require_revoked(make_status(town, kind), town, kind)


def require_revoked(data: bytes, town: Town, kind: Kind) -> None:
    """Have our judgement say that the signer's certificate is revoked, by this response."""
    family = town.family(kind)
    found = check_revocation(
        family.signer.certificate, family.root.certificate, crls=(), ocsps=(parse_ocsp(data),), at=NOW
    )
    if found.code != "REVOKED_BEFORE":
        raise Refused(found)


def _cells(kind: Kind) -> tuple[Cell, ...]:
    request, status = request_row(kind), status_row(kind)
    no_id = "openssl ocsp 验应答时没有用户标识选项，只按空标识验 SM2，因此必然不过" if kind == "sm2" else ""
    return (
        Cell(request, "OpenSSL", "ours", partial(request_to_openssl, kind=kind)),
        Cell(request, "OpenSSL", "theirs", partial(request_from_openssl, kind=kind)),
        Cell(request, "BouncyCastle", "ours", partial(request_to_java, kind=kind)),
        Cell(request, "BouncyCastle", "theirs", partial(request_from_java, kind=kind)),
        Cell(request, "Yizhao", "ours", partial(request_to_ours, kind=kind)),
        Cell(status, "OpenSSL", "ours", partial(status_to_openssl, kind=kind), no_id),
        Cell(status, "OpenSSL", "theirs", partial(status_from_openssl, kind=kind)),
        Cell(status, "BouncyCastle", "ours", partial(status_to_java, kind=kind)),
        Cell(status, "BouncyCastle", "theirs", partial(status_from_java, kind=kind)),
        Cell(status, "Yizhao", "ours", partial(status_to_ours, kind=kind)),
    )


CELLS = (*_cells("sm2"), *_cells("ecdsa"), *_cells("rsa"))
