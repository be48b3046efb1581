"""A small writer of OFD packages: pages, resources, seals and signatures made by the parties of sealing_world.py."""

import base64
import hashlib
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO

from sealing_world import NOON, World

from sealing import ses
from sealing.seal import SealKind
from signing import cms, der
from signing.digests import sm3

NS = 'xmlns:ofd="http://www.ofdspec.org/2016"'
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
LIST = "Doc_0/Signs/Signatures.xml"
PAGE = "Doc_0/Pages/Page_0/Content.xml"

Parts = dict[str, bytes]


def xml(name: str, inner: str, attributes: str = "") -> bytes:
    return f"{HEAD}<ofd:{name} {NS}{attributes}>{inner}</ofd:{name}>".encode()


def body(document: str = "Doc_0", *, signatures: bool = True) -> str:
    listed = f"<ofd:Signatures>/{document}/Signs/Signatures.xml</ofd:Signatures>" if signatures else ""
    root = f"<ofd:DocRoot>{document}/Document.xml</ofd:DocRoot>"
    return f"<ofd:DocBody><ofd:DocInfo><ofd:DocID>1</ofd:DocID></ofd:DocInfo>{root}{listed}</ofd:DocBody>"


def document(name: str = "Doc_0", extra: str = "", pages: int = 2) -> Parts:
    """Write one document: pages with a picture from a resource."""
    listed = "".join(f'<ofd:Page ID="{i + 1}" BaseLoc="Pages/Page_{i}/Content.xml"/>' for i in range(pages))
    common = "<ofd:CommonData><ofd:PublicRes>PublicRes.xml</ofd:PublicRes></ofd:CommonData>"
    media = "<ofd:MultiMedias><ofd:MultiMedia><ofd:MediaFile>a.png</ofd:MediaFile></ofd:MultiMedia></ofd:MultiMedias>"
    text = "<ofd:TextObject><ofd:TextCode>{}</ofd:TextCode></ofd:TextObject>"
    text = f"<ofd:Content><ofd:Layer>{text}</ofd:Layer></ofd:Content>"
    return {
        f"{name}/Document.xml": xml("Document", f"{common}<ofd:Pages>{listed}</ofd:Pages>{extra}"),
        f"{name}/PublicRes.xml": xml("Res", media, ' BaseLoc="Res"'),
        f"{name}/Res/a.png": b"\x89PNG picture",
        **{f"{name}/Pages/Page_{i}/Content.xml": xml("Page", text.format(f"page {i} a.txt")) for i in range(pages)},
    }


def plain(extra: str = "", pages: int = 2) -> Parts:
    """Write a package that nobody signed, with an empty list of signatures."""
    return {"OFD.xml": xml("OFD", body(), ' Version="1.0"'), **document(extra=extra, pages=pages)}


def list_of(*entries: tuple[str, str, str]) -> bytes:
    lines = (f'<ofd:Signature ID="{name}" Type="{kind}" BaseLoc="{path}"/>' for name, kind, path in entries)
    return xml("Signatures", "".join(lines))


@dataclass(frozen=True)
class Order:
    """How a signature is made; every field may be wrong."""

    id: str = "1"
    type: str = "Seal"
    folder: str = "Doc_0/Signs/Sign_0"
    method: str = "SM3"
    digest: Callable[[bytes], bytes] = sm3
    skip: frozenset[str] = frozenset()
    more: tuple[tuple[str, bytes], ...] = ()
    stamp: str = '<ofd:StampAnnot ID="2" PageRef="2" Boundary="100 200 40 40"/>'
    seal_file: bool = True
    stamped: bool = True
    close: bool = False
    payload: str = "ses"
    edit: Callable[[bytes], bytes] = lambda data: data
    """What happens to Signature.xml before it is signed."""
    statement: Callable[[bytes], bytes] = sm3
    """What stands as dataHash."""


def references(parts: Parts, order: Order) -> str:
    names = [name for name in parts if name not in order.skip and "/Signs/" not in name]
    names += [f"{order.folder}/Seal.esl"] if order.seal_file else []
    names += [LIST] if order.close else []
    values = [(f"/{name}", order.digest(parts[name])) for name in names] + list(order.more)
    lines = (
        f'<ofd:Reference FileRef="{name}"><ofd:CheckValue>{base64.b64encode(value).decode()}</ofd:CheckValue>'
        "</ofd:Reference>"
        for name, value in values
    )
    method = f' CheckMethod="{order.method}"' if order.method else ""
    return f"<ofd:References{method}>{''.join(lines)}</ofd:References>"


def sign(world: World, parts: Parts, order: Order | None = None, kind: SealKind = SealKind.UNIT) -> Parts:
    """Add a signature to a package, as the order says."""
    order = order or Order()
    parts = dict(parts)
    old = parts.get(LIST, list_of())
    line = f'<ofd:Signature ID="{order.id}" Type="{order.type}" BaseLoc="/{order.folder}/Signature.xml"/>'
    parts[LIST] = old.replace(b"</ofd:Signatures>", line.encode() + b"</ofd:Signatures>")
    if order.seal_file:
        parts[f"{order.folder}/Seal.esl"] = world.seals[kind].esl
    seal = f"<ofd:Seal><ofd:BaseLoc>/{order.folder}/Seal.esl</ofd:BaseLoc></ofd:Seal>" if order.seal_file else ""
    info = (
        '<ofd:Provider ProviderName="test"/><ofd:SignatureMethod>1.2.156.10197.1.501</ofd:SignatureMethod>'
        "<ofd:SignatureDateTime>20261120120000Z</ofd:SignatureDateTime>"
        f"{references(parts, order)}{order.stamp}{seal}"
    )
    value = f"<ofd:SignedValue>/{order.folder}/SignedValue.dat</ofd:SignedValue>"
    data = order.edit(xml("Signature", f"<ofd:SignedInfo>{info}</ofd:SignedInfo>{value}"))
    parts[f"{order.folder}/Signature.xml"] = data
    parts[f"{order.folder}/SignedValue.dat"] = value_of(world, data, order, kind)
    return parts


def value_of(world: World, data: bytes, order: Order, kind: SealKind) -> bytes:
    signer = world.holder_of(kind)
    if order.payload == "bare":
        return signer.sign(data)
    if order.payload == "cms":
        attributes = cms.prepare_detached(sm3(data), signer.certificate, NOON)
        signature = signer.sign(attributes)
        token = world.stamp(signature) if order.stamped else None
        return cms.complete_detached(attributes, signer.certificate, (), signature, token)
    if order.payload == "gm":
        return gm_message(world, order.statement(data))
    tbs = ses.write_statement(world.seals[kind].esl, NOON, order.statement(data), f"/{order.folder}/Signature.xml")
    signature = signer.sign(tbs)
    return ses.write_signature(
        tbs, signer.certificate.der, signature, world.stamp(signature) if order.stamped else None
    )


def gm_message(world: World, content: bytes) -> bytes:
    """Write a message of GB/T 35275 by hand: GM object identifiers, no attributes, alg 301.1 with NULL."""
    signer = world.unit
    null = b"\x05\x00"
    digest = der.sequence(der.oid("1.2.156.10197.1.401"), null)
    algorithm = der.sequence(der.oid("1.2.156.10197.1.301.1"), null)
    inner = der.sequence(der.oid("1.2.156.10197.6.1.4.2.1"), der.explicit(0, der.octet_string(content)))
    sid = der.sequence(signer.certificate.issuer_der, der.integer(signer.certificate.serial_number))
    info = der.sequence(der.integer(1), sid, digest, algorithm, der.octet_string(signer.sign(content)))
    body = der.sequence(
        der.integer(1),
        der.tlv(der.SET, digest),
        inner,
        der.tlv(0xA0, signer.certificate.der),
        der.tlv(der.SET, info),
    )
    return der.sequence(der.oid("1.2.156.10197.6.1.4.2.2"), der.explicit(0, body))


def protect(world: World, parts: Parts, *, leave: Iterable[str] = (), more: Iterable[str] = ()) -> Parts:
    """Add the signed list of files of GM/T 0099."""
    names = [f"/{name}" for name in parts if name not in set(leave)] + list(more)
    files = "".join(f'<ofd:File ID="{i}" FileLoc="{name}"/>' for i, name in enumerate(names, 2))
    inner = f"<ofd:SignedValueLoc>/signedvalue.dat</ofd:SignedValueLoc><ofd:FileList>{files}</ofd:FileList>"
    entries = xml("DocEntries", inner)
    return {**parts, "OFDEntries.xml": entries, "signedvalue.dat": gm_message(world, sm3(entries))}


def pack(parts: Parts, *, stored: bool = False) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name), data, archive.compression)
    return out.getvalue()


def md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
