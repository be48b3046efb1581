"""Certificates and revocation lists, level by level, in both suites."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from interop_cells import DAY, NOW, Cell, Kind, Refused, Town, evidence
from interop_peers import DISTID

from signing.certificates import Certificate, parse_certificate
from signing.issuing import Revocation, build_crl
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.revocation import is_issued_by, parse_crl
from signing.trust import make_trust

NAMES = {"sm2": "SM2", "ecdsa": "ECDSA P-256", "rsa": "RSA"}
GENPKEY = {
    "sm2": "-algorithm EC -pkeyopt ec_paramgen_curve:SM2",
    "ecdsa": "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    "rsa": "-algorithm RSA",
}
_SM2_OPTIONS = f"-sigopt {DISTID}"


def chain_row(kind: Kind) -> str:
    return f"证书链（{NAMES[kind]}）"


def crl_row(kind: Kind) -> str:
    return f"证书撤销列表 CRL（{NAMES[kind]}）"


def ours_to_openssl(town: Town, kind: Kind) -> None:
    family = town.family(kind)
    options = f"-vfyopt {DISTID} " if kind == "sm2" else ""
    with town.openssl() as run:
        run.put("root.pem", family.root.certificate.der, "CERTIFICATE")
        run.put("leaf.pem", family.signer.certificate.der, "CERTIFICATE")
        run(f"verify {options}-trusted root.pem leaf.pem")


def openssl_to_ours(town: Town, kind: Kind) -> None:
    """Let OpenSSL make a root, a request and a leaf, and judge the leaf by ours."""
    curve = {"sm2": "SM2", "ecdsa": "P-256"}.get(kind, "")
    make = (
        "genpkey -algorithm RSA -out"
        if kind == "rsa"
        else f"genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out"
    )
    digest = f"-sm3 {_SM2_OPTIONS}" if kind == "sm2" else "-sha256"
    check = f" -vfyopt {DISTID}" if kind == "sm2" else ""
    with town.openssl() as run:
        run(f"{make} ca.key")
        run(f"{make} leaf.key")
        run(f"req -new -x509 -key ca.key {digest} -subj /C=CN/O=Lab/CN=Root -days 3650 -out ca.crt")
        run(f"req -new -key leaf.key {digest} -subj /C=CN/O=Lab/CN=Leaf -out leaf.csr")
        run.put("ext", b"keyUsage=critical,digitalSignature,nonRepudiation\n")
        run(
            f"x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key {digest}{check} -days 800 -set_serial 0x1001 -extfile ext"
            " -out leaf.crt"
        )
        judge(parse_certificate(run.pem("leaf.crt")), parse_certificate(run.pem("ca.crt")))


def ours_to_java(town: Town, kind: Kind) -> None:
    family = town.family(kind)
    town.java("verify-certificate", family.signer.certificate.der, family.root.certificate.der)


def java_to_ours(town: Town, kind: Kind) -> None:
    root_key, root_spki = town.java("keypair", kind)
    _, leaf_spki = town.java("keypair", kind)
    (root,) = town.java("self-signed", root_key, root_spki, "Root", "ca")
    (leaf,) = town.java("certificate", root_key, leaf_spki, root, "Leaf", "signer")
    judge(parse_certificate(leaf), parse_certificate(root))


def ours_to_ours(town: Town, kind: Kind) -> None:
    family = town.family(kind)
    judge(family.signer.certificate, family.root.certificate)


def judge(leaf: Certificate, root: Certificate) -> None:
    """Have our path validation take the chain; only the revocation may be unknown, since nobody was asked."""
    anchors: TrustAnchors = make_trust("对方", "1", sandbox=True, anchors=(Anchor(root, frozenset({Purpose.LICENCE})),))
    verdict = verify_path(
        leaf, anchors=anchors, evidence=RevocationEvidence(), at=NOW + timedelta(minutes=5), purpose=Purpose.LICENCE
    )
    if verdict.failed or verdict.unknown not in ([], ["revocation"]):
        raise Refused(verdict.worst)


def make_crl(town: Town, kind: Kind) -> bytes:
    root = town.family(kind).root
    return build_crl(
        root.certificate,
        [Revocation(0x1001, NOW - DAY, "keyCompromise")],
        number=1,
        this_update=NOW - DAY,
        next_update=NOW + 10 * DAY,
        sign=root.key.sign,
    )


def crl_to_openssl(town: Town, kind: Kind) -> None:
    """Have OpenSSL check a leaf against our list: it must find it revoked, with the reason being the list."""
    family = town.family(kind)
    with town.openssl() as run:
        run.put("root.pem", family.root.certificate.der, "CERTIFICATE")
        run.put("crl.pem", make_crl(town, kind), "X509 CRL")
        text = run("crl -in crl.pem -CAfile root.pem -noout")
        if "verify OK" not in text:
            raise Refused(text)


def crl_from_openssl(town: Town, kind: Kind) -> None:
    family = town.family(kind)
    md = f"-md sm3 {_SM2_OPTIONS}" if kind == "sm2" else "-md sha256"
    with town.openssl() as run:
        run.put("ca.key.der", family.root.pkcs8)
        run("pkey -inform DER -in ca.key.der -out ca.key")
        run.put("ca.crt", family.root.certificate.der, "CERTIFICATE")
        run.put("index", b"R\t320101000000Z\t261101000000Z,keyCompromise\t1001\tunknown\t/CN=Leaf\n")
        run.put("number", b"01\n")
        run.put("cnf", b"[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=number\ndefault_crl_days=30\n")
        run(f"ca -gencrl -config cnf -keyfile ca.key -cert ca.crt {md} -out crl.pem")
        require_revoked(run.pem("crl.pem"), family.root.certificate)


def crl_to_java(town: Town, kind: Kind) -> None:
    family = town.family(kind)
    if town.java("verify-crl", make_crl(town, kind), family.root.certificate.der, "1001") != [b"revoked"]:
        raise Refused


def crl_from_java(town: Town, kind: Kind) -> None:
    family = town.family(kind)
    (crl,) = town.java("crl", family.root.pkcs8, family.root.certificate.der, "1001")
    require_revoked(crl, family.root.certificate)


def crl_to_ours(town: Town, kind: Kind) -> None:
    require_revoked(make_crl(town, kind), town.family(kind).root.certificate)


def require_revoked(data: bytes, issuer: Certificate) -> None:
    crl = parse_crl(data)
    if not is_issued_by(crl, issuer) or 0x1001 not in crl.revoked or not evidence(data).crls:
        raise Refused


Judge = Callable[[Town, Kind], None]


def _cells(kind: Kind) -> tuple[Cell, ...]:
    chain, crl = chain_row(kind), crl_row(kind)
    no_id = "openssl crl 没有用户标识选项，只按空标识验 SM2，因此必然不过" if kind == "sm2" else ""
    return (
        Cell(chain, "OpenSSL", "ours", partial(ours_to_openssl, kind=kind)),
        Cell(chain, "OpenSSL", "theirs", partial(openssl_to_ours, kind=kind)),
        Cell(chain, "BouncyCastle", "ours", partial(ours_to_java, kind=kind)),
        Cell(chain, "BouncyCastle", "theirs", partial(java_to_ours, kind=kind)),
        Cell(chain, "Yizhao", "ours", partial(ours_to_ours, kind=kind)),
        Cell(crl, "OpenSSL", "ours", partial(crl_to_openssl, kind=kind), no_id),
        Cell(crl, "OpenSSL", "theirs", partial(crl_from_openssl, kind=kind)),
        Cell(crl, "BouncyCastle", "ours", partial(crl_to_java, kind=kind)),
        Cell(crl, "BouncyCastle", "theirs", partial(crl_from_java, kind=kind)),
        Cell(crl, "Yizhao", "ours", partial(crl_to_ours, kind=kind)),
    )


CELLS = (*_cells("sm2"), *_cells("ecdsa"), *_cells("rsa"))
