"""PAdES signatures of all levels, as pyHanko judges them; and PDFs that pyHanko signed, judged by ours."""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

from cells_certificates import NAMES
from interop_cells import DAY, NOW, Cell, Kind, Refused, Town
from reportlab.pdfgen.canvas import Canvas

from signing.issuing import build_crl
from signing.pades import SignatureRequest, ValidationData
from signing.pades_longterm import Level, read_levels
from signing.pades_signing import Lasting, sign_pdf
from signing.pades_validation import ask_library, ask_library_for_lasting
from signing.timestamps import Stamp, make_token


class Stamper:
    """A family's own timestamp authority, in this process."""

    def __init__(self, town: Town, kind: Kind) -> None:
        self._tsa, self._digest = town.family(kind).tsa, "sm3" if kind == "sm2" else "sha256"

    def stamp(self, imprint: bytes) -> bytes:
        stamp = Stamp(imprint, 11, NOW, "1.2.3.4.1", digest=self._digest)
        return make_token(stamp, self._tsa.certificate, self._tsa.key.sign)


def empty_crl(town: Town, kind: Kind) -> bytes:
    root = town.family(kind).root
    return build_crl(
        root.certificate, [], number=1, this_update=NOW - DAY, next_update=NOW + 10 * DAY, sign=root.key.sign
    )


def make(town: Town, kind: Kind, level: Level) -> Path:
    """Sign a small PDF at the level."""
    family = town.family(kind)
    source, target = town.folder / f"{kind}-{level}.in.pdf", town.folder / f"{kind}-{level}.pdf"
    page = BytesIO()
    canvas = Canvas(page)
    canvas.drawString(72, 700, "interoperability")
    canvas.showPage()
    canvas.save()
    source.write_bytes(page.getvalue())
    data = ValidationData(
        (family.root.certificate.der, family.signer.certificate.der, family.tsa.certificate.der),
        (empty_crl(town, kind),),
    )
    sign_pdf(
        source,
        target,
        SignatureRequest("Signature1"),
        key=family.signer.key,
        certificate=family.signer.certificate,
        chain=(family.root.certificate,),
        at=NOW,
        random=lambda n: bytes(range(n)),
        lasting=Lasting(level, Stamper(town, kind), data),
    )
    return target


def to_pyhanko(town: Town, kind: Kind, level: Level) -> None:
    path, root = make(town, kind, level), town.family(kind).root.certificate.der
    data = ValidationData(crls=(empty_crl(town, kind),))
    for opinion in ask_library(path, roots=[root], data=data, at=NOW):
        if not opinion.accepted:
            raise Refused(opinion)
    if level is Level.LTA:
        word = ask_library_for_lasting(path, "Signature1", roots=[root], at=NOW)
        if word != "PASSED":
            raise Refused(word)


def to_ours(town: Town, kind: Kind, level: Level) -> None:
    (found,) = read_levels(make(town, kind, level))
    if found.level is not level:
        raise Refused(found.level)


def _cells(kind: Kind) -> list[Cell]:
    cells = list[Cell]()
    judges: tuple[tuple[str, Callable[[Town, Kind, Level], None]], ...] = (("pyHanko", to_pyhanko), ("Yizhao", to_ours))
    for level in Level:
        row = f"PAdES {level}（{NAMES[kind]}）"
        cells += [Cell(row, column, "ours", partial(judge, kind=kind, level=level)) for column, judge in judges]
    return cells


CELLS = (*_cells("sm2"), *_cells("ecdsa"), *_cells("rsa"))
