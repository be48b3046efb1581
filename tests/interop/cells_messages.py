"""Signed messages (CMS) in the forms that are written, in both suites."""

from functools import partial

from cells_certificates import NAMES
from interop_cells import NOW, Cell, Kind, Refused, Town

from signing.certificates import parse_certificate
from signing.cms import verify_attached
from signing.cms_signing import GB_35275, OURS, CmsForm, complete_cms, prepare_cms
from signing.path import Anchor, Purpose, RevocationEvidence
from signing.trust import make_trust

CONTENT = "投标函正文".encode() * 50
FORMS = {
    "标准类型、501、签名属性、分离": OURS,
    "标准类型、501、签名属性、内含": CmsForm(attached=True),
    "标准类型、301.1、签名属性、分离": CmsForm(algorithm="301.1"),
    "国密类型、501、签名属性、内含": CmsForm(gm_types=True, attached=True),
    "国密类型、301.1、无签名属性、内含（GB/T 35275）": GB_35275,
}


def make(town: Town, kind: Kind, form: CmsForm) -> bytes:
    signer = town.family(kind).signer
    prepared = prepare_cms(CONTENT, signer.certificate, NOW, form=form)
    return complete_cms(prepared, signer.key.sign(prepared.to_be_signed))


def ours_to_openssl(town: Town, kind: Kind, form: CmsForm) -> None:
    family = town.family(kind)
    with town.openssl() as run:
        run.put("root.pem", family.root.certificate.der, "CERTIFICATE")
        run.put("m", CONTENT)
        run.put("c", make(town, kind, form))
        detached = "" if form.attached else " -content m"
        run(f"cms -verify -inform DER -in c{detached} -binary -CAfile root.pem -purpose any -out verified")


def openssl_to_ours(town: Town, kind: Kind) -> None:
    """Let OpenSSL sign, and judge by ours (lenient: its attributes are its own)."""
    signer = town.family(kind).signer
    with town.openssl() as run:
        run.put("k.der", signer.pkcs8)
        run("pkey -inform DER -in k.der -out k.pem")
        run.put("s.pem", signer.certificate.der, "CERTIFICATE")
        run.put("m", CONTENT)
        digest = "sm3" if kind == "sm2" else "sha256"
        run(f"cms -sign -binary -in m -signer s.pem -inkey k.pem -md {digest} -outform DER -out c")
        judge(town, kind, run.get("c"), CONTENT)


def ours_to_java(town: Town, kind: Kind, form: CmsForm) -> None:
    if town.java("verify-cms", make(town, kind, form), *([] if form.attached else [CONTENT])) != [b"1"]:
        raise Refused


def java_to_ours(town: Town, kind: Kind, *, attached: bool) -> None:
    root_key, root_spki = town.java("keypair", kind)
    key, spki = town.java("keypair", kind)
    (root,) = town.java("self-signed", root_key, root_spki, "Root", "ca")
    (leaf,) = town.java("certificate", root_key, spki, root, "Leaf", "signer")
    (made,) = town.java("cms", key, leaf, CONTENT, "attached" if attached else "detached")
    judge(town, kind, made, CONTENT, root=root)


def ours_to_ours(town: Town, kind: Kind, form: CmsForm) -> None:
    judge(town, kind, make(town, kind, form), CONTENT)


def judge(town: Town, kind: Kind, message: bytes, content: bytes, *, root: bytes = b"") -> None:
    """Have our lenient judgement take it; only the revocation may be unknown, since nobody was asked."""
    anchor = parse_certificate(root) if root else town.family(kind).root.certificate
    anchors = make_trust("对方", "1", sandbox=True, anchors=(Anchor(anchor, frozenset({Purpose.LICENCE})),))
    verdict = verify_attached(
        message,
        anchors=anchors,
        evidence=RevocationEvidence(),
        purpose=Purpose.LICENCE,
        content=content,
        at=NOW,
        strict=False,
    )
    if verdict.failed or verdict.unknown not in ([], ["revocation"]):
        raise Refused(verdict.worst)


_NO_ID = "OpenSSL 3.0 验消息签名时只用空标识，并且不认识国密内容类型，因此必然不过"
_NO_MAKE = "OpenSSL 3.0 不能以 SM2 密钥制作 CMS（illegal zero content）"
_NO_3011 = "BouncyCastle 1.72 不认识签名算法 301.1（Unknown signature type）"


def _sm2_cells() -> list[Cell]:
    cells = list[Cell]()
    for name, form in FORMS.items():
        row = f"CMS SM2：{name}"
        java = _NO_3011 if form.algorithm == "301.1" else ""
        cells.append(Cell(row, "OpenSSL", "ours", partial(ours_to_openssl, kind="sm2", form=form), _NO_ID))
        if form == OURS:
            cells.append(Cell(row, "OpenSSL", "theirs", partial(openssl_to_ours, kind="sm2"), _NO_MAKE))
        cells.append(Cell(row, "BouncyCastle", "ours", partial(ours_to_java, kind="sm2", form=form), java))
        if form in (OURS, CmsForm(attached=True)):
            theirs = partial(java_to_ours, kind="sm2", attached=form.attached)
            cells.append(Cell(row, "BouncyCastle", "theirs", theirs))
        cells.append(Cell(row, "Yizhao", "ours", partial(ours_to_ours, kind="sm2", form=form)))
    return cells


def _international_cells(kind: Kind) -> list[Cell]:
    row = f"CMS {NAMES[kind]}：签名属性、分离"
    return [
        Cell(row, "OpenSSL", "ours", partial(ours_to_openssl, kind=kind, form=OURS)),
        Cell(row, "OpenSSL", "theirs", partial(openssl_to_ours, kind=kind)),
        Cell(row, "BouncyCastle", "ours", partial(ours_to_java, kind=kind, form=OURS)),
        Cell(row, "BouncyCastle", "theirs", partial(java_to_ours, kind=kind, attached=False)),
        Cell(row, "Yizhao", "ours", partial(ours_to_ours, kind=kind, form=OURS)),
    ]


CELLS = (*_sm2_cells(), *_international_cells("ecdsa"), *_international_cells("rsa"))
