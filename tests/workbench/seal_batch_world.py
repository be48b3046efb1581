"""Files to be sealed in batches: small PDFs and OFDs, good and bad ones."""

import zipfile
from io import BytesIO
from pathlib import Path

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas
from workbench_world import pdf

from bidding.workbench.seal_batch import FileToSeal, SealFormat
from sealing.placement import Stamp

NS = 'xmlns:ofd="http://www.ofdspec.org/2016"'
PLACES = (Stamp(1, 100, 100, 40, 40), Stamp(1, 10, 10, 40, 40))


def to_seal(folder: Path, name: str, data: bytes, *, form: SealFormat = "pdf", close: bool = False) -> FileToSeal:
    source = folder / name
    source.write_bytes(data)
    target = folder / f"sealed-{name}"
    return FileToSeal(name, 1, source, target, "seal", format=form, stamps=PLACES[:1], close=close)


def ofd(text: str = "page") -> bytes:
    """One page of A4 with a line of text, by GB/T 33190."""
    area = "<ofd:PhysicalBox>0 0 210 297</ofd:PhysicalBox>"
    line = f'<ofd:TextObject ID="9" Boundary="20 20 100 10"><ofd:TextCode X="0" Y="8">{text}</ofd:TextCode>'
    layer = f'<ofd:Layer ID="8">{line}</ofd:TextObject></ofd:Layer>'
    inside = {
        "OFD.xml": _xml("OFD", f"<ofd:DocBody>{_DOC}</ofd:DocBody>", ' Version="1.0" DocType="OFD"'),
        "Doc_0/Document.xml": _xml(
            "Document",
            f"<ofd:CommonData><ofd:MaxUnitID>9</ofd:MaxUnitID><ofd:PageArea>{area}</ofd:PageArea></ofd:CommonData>"
            '<ofd:Pages><ofd:Page ID="1" BaseLoc="Pages/Page_0/Content.xml"/></ofd:Pages>',
        ),
        "Doc_0/Pages/Page_0/Content.xml": _xml(
            "Page", f"<ofd:Area>{area}</ofd:Area><ofd:Content>{layer}</ofd:Content>"
        ),
    }
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in inside.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


_DOC = "<ofd:DocInfo><ofd:DocID>1</ofd:DocID></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>"


def _xml(name: str, inner: str, attributes: str = "") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ofd:{name} {NS}{attributes}>{inner}</ofd:{name}>'.encode()


# -- PDFs that nobody may be asked to seal


def with_password() -> bytes:
    out = BytesIO()
    canvas = Canvas(out, encrypt=StandardEncryption("secret"))
    canvas.drawString(72, 700, "x")
    canvas.save()
    return out.getvalue()


def damaged() -> bytes:
    data = pdf(3)
    return data[: len(data) // 3]


def raw(*, root: str = "", kids: str = "[3 0 R]", page: str = "", more: str = "") -> bytes:
    """Write a PDF by hand: objects 1 (catalogue), 2 (pages), 3 (one page), and `more` as object 4."""
    out = BytesIO(b"%PDF-1.7\n")
    out.seek(0, 2)
    objects = [
        f"<</Type/Catalog/Pages 2 0 R{root}>>",
        f"<</Type/Pages/Kids {kids}/Count {len(kids) // 6}>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<>>{page}>>",
        more or "null",
    ]
    places = []
    for number, inner in enumerate(objects, 1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n{inner}\nendobj\n".encode())
    start = out.tell()
    lines = "".join(f"{place:010d} 00000 n \n" for place in places)
    out.write(f"xref\n0 5\n0000000000 65535 f \n{lines}trailer\n<</Size 5/Root 1 0 R>>\n".encode())
    out.write(f"startxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


def without_pages() -> bytes:
    return raw(kids="[]")


def with_xfa() -> bytes:
    return raw(root="/AcroForm<</Fields[]/XFA(x)>>")


def with_script() -> bytes:
    return raw(root="/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>")


def certified() -> bytes:
    """No change allowed: a signature with DocMDP 1, whose value nobody looks at before that."""
    rule = "<</Type/SigRef/TransformMethod/DocMDP/TransformParams<</Type/TransformParams/P 1/V/1.2>>>>"
    value = f"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/Contents<00>/Reference[{rule}]>>"
    widget = f"<</Type/Annot/Subtype/Widget/FT/Sig/T(first)/Rect[0 0 0 0]/P 3 0 R/V {value}>>"
    return raw(root="/AcroForm<</Fields[4 0 R]/SigFlags 3>>/Perms<</DocMDP 4 0 R>>", page="/Annots[4 0 R]", more=widget)
