"""Files as common libraries write them: pages by ReportLab, signatures by pyHanko, forms filled by pypdf."""

from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO
from typing import Any

import comparison_path  # noqa: F401 - first, so that the makers are found
import pdf_forge as forge
from pdf_forge_attacks import Case
from pyhanko import stamp
from pyhanko.pdf_utils import embed
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pypdf import PdfWriter
from reportlab.pdfgen.canvas import Canvas

SOUND, MODIFIED = "PASS PASS_WARN", "MODIFIED"
STYLE = stamp.TextStampStyle(stamp_text="Signed by %(signer)s\n%(ts)s")
LEFT, RIGHT, HIGH = (50, 50, 250, 120), (300, 50, 500, 120), (50, 200, 150, 260)


@cache
def paper(*, form: bool = False, packed: bool = True) -> bytes:
    """Write two pages, with a text field and a check box on the first if wanted."""
    out = BytesIO()
    canvas = Canvas(out, pageCompression=int(packed), invariant=1)
    canvas.drawString(100, 700, "Total: 100 yuan")
    if form:
        canvas.acroForm.textfield(name="amount", x=100, y=500, width=200, height=20, value="100")
        canvas.acroForm.checkbox(name="ok", x=100, y=450)
    canvas.showPage()
    canvas.drawString(100, 700, "second page")
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def sign(data: bytes, name: str, box: Any = None, page: int = 0, *, style: Any = STYLE, **meta: Any) -> bytes:
    """Sign in a field of this name; with a box the field is made, and shows a stamp."""
    out = BytesIO()
    spec = fields.SigFieldSpec(name, on_page=page, box=box) if box else None
    about = signers.PdfSignatureMetadata(field_name=name, **meta)
    signer = signers.PdfSigner(about, signer=forge.ink().signer, stamp_style=style, new_field_spec=spec)
    signer.sign_pdf(IncrementalPdfFileWriter(BytesIO(data)), output=out)
    return out.getvalue()


def fill(data: bytes) -> bytes:
    """Fill the text field in an update."""
    writer, out = PdfWriter(BytesIO(data), incremental=True), BytesIO()
    writer.update_page_form_field_values(writer.pages[0], {"amount": "200"}, auto_regenerate=False)
    writer.write(out)
    return out.getvalue()


def attach(data: bytes) -> bytes:
    """Attach a file in an update."""
    writer, out = IncrementalPdfFileWriter(BytesIO(data)), BytesIO()
    content = embed.EmbeddedFileObject.from_file_data(writer, b"hello")
    embed.embed_file(writer, embed.FileSpec(file_spec_string="a.txt", embedded_data=content))
    writer.write(out)
    return out.getvalue()


def prepared(action: Any = None, names: list[str] | None = None) -> bytes:
    """Prepare the fields A and B; A locks what the action says of these names."""
    writer, out = IncrementalPdfFileWriter(BytesIO(paper(form=True))), BytesIO()
    lock = fields.FieldMDPSpec(action, fields=names) if action else None
    fields.append_signature_field(writer, fields.SigFieldSpec("A", box=LEFT, field_mdp_spec=lock))
    fields.append_signature_field(writer, fields.SigFieldSpec("B", box=RIGHT))
    writer.write(out)
    return out.getvalue()


def once(**meta: Any) -> bytes:
    return sign(paper(), "A", LEFT, **meta)


def locked(action: Any, *names: str) -> bytes:
    return sign(prepared(action, list(names)), "A")


def honest() -> Iterator[Case]:
    """Answer what ordinary programs leave behind."""
    certify: dict[str, Any] = {"certify": True, "docmdp_permissions": fields.MDPPerm.FILL_FORMS}
    include, exclude = fields.FieldMDPAction.INCLUDE, fields.FieldMDPAction.EXCLUDE
    form = lambda: sign(paper(form=True), "A", LEFT)  # noqa: E731
    made: dict[str, Callable[[], bytes]] = {
        "visible": once,
        "visible, ETSI": lambda: once(subfilter=fields.SigSeedSubFilter.PADES),
        "reason and place": lambda: once(reason="r", location="l"),
        "invisible": lambda: sign(paper(), "A"),
        "not compressed": lambda: sign(paper(form=True, packed=False), "A"),
        "two visible": lambda: sign(once(), "B", RIGHT),
        "two visible, two pages": lambda: sign(once(), "B", RIGHT, 1),
        "three visible": lambda: sign(sign(once(), "B", RIGHT), "C", HIGH, 1),
        "form": form,
        "form, filled": lambda: fill(form()),
        "form, filled, signed again": lambda: sign(fill(form()), "B", RIGHT),
        "certified, then invisible": lambda: sign(once(**certify), "B"),
        "attached, then signed": lambda: sign(attach(paper()), "A", LEFT),
        "prepared, both signed": lambda: sign(sign(prepared(), "A"), "B"),
        "another field locked, filled": lambda: fill(locked(include, "ok")),
        "all but the field locked, filled": lambda: fill(locked(exclude, "amount")),
        "all but B locked, B signed": lambda: sign(locked(exclude, "B"), "B"),
        "a field locked, B signed": lambda: sign(locked(include, "amount"), "B"),
    }
    for name, make in made.items():
        yield Case(f"library: {name}", make, SOUND, "as libraries write it")


def attacks() -> Iterator[Case]:
    """Answer what the same programs may do that a signature does not allow."""
    include = fields.FieldMDPAction.INCLUDE
    yield Case("library: signed, then attached", lambda: attach(once()), MODIFIED, "attachment")
    yield Case("library: the locked field filled", lambda: fill(locked(include, "amount")), MODIFIED, "FieldMDP")
    none: dict[str, Any] = {"certify": True, "docmdp_permissions": fields.MDPPerm.NO_CHANGES}
    yield Case(
        "library: certified 1, then filled", lambda: fill(sign(paper(form=True), "A", LEFT, **none)), MODIFIED, "DocMDP"
    )


LIBRARY_HONEST, LIBRARY_ATTACKS = [*honest()], [*attacks()]
