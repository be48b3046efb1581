"""A world with a bundle and a receipt in it, its trust list as a folder, and odd files to be judged."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from bidding_world import BIDDERS, CENTRE, DAY, NOON, Packed, World, make_random, make_section, pack
from click.testing import CliRunner
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from bidding.receipt import Batch, Leaf, RootStatement, encode_receipt, root_imprint
from signing import canonical
from signing.digests import sm3
from signing.path import TrustAnchors
from signing.timestamps import Stamp, make_token
from signing.trust import make_trust, save_trust

LATER = NOON + DAY


@dataclass(frozen=True)
class Desk:
    """What was made, and where its trust list lies."""

    world: World
    packed: Packed
    trust: TrustAnchors
    folder: Path

    def receipt(self) -> bytes:
        """Answer a receipt that passes."""
        centre, clock = self.world.centre, self.world.tsa
        said = ("0" * 64, BIDDERS[0], 1, sm3(self.packed.data).hex(), len(self.packed.data))
        leaf = Leaf(1, CENTRE, "S-1", *said, "AB12", NOON, "test", 50, "")
        batch = Batch.of([leaf], make_random("receipt"))
        root = RootStatement(1, "receipt-root", batch.root, CENTRE, centre.certificate.sm3, NOON)
        signed = centre.state(canonical.encode(root))
        stamp = make_token(Stamp(root_imprint(root), 9, NOON, "1.2.3.4"), clock.certificate, clock.sign)
        return encode_receipt(batch.receipts(signed)[0], stamp)


def make_desk(folder: Path, **trust: Any) -> Desk:
    """Make all of it below a folder."""
    world = World()
    packed = pack(world, make_section(), folder)
    crls = tuple(crl.der for crl in world.evidence.crls)
    made = make_trust("测试", "1", sandbox=trust.pop("sandbox", True), anchors=world.anchors.anchors, crls=crls)
    save_trust(folder / "trust", made)
    return Desk(world, packed, made, folder / "trust")


def plain_pdf() -> bytes:
    """Make a PDF that nobody signed."""
    out = BytesIO()
    canvas = Canvas(out, invariant=1)
    canvas.drawString(72, 700, "nothing signed")
    canvas.save()
    return out.getvalue()


def locked_pdf(password: str = "secret-七") -> bytes:  # noqa: S107 - of a test file
    """Make a PDF that opens with a password only."""
    writer = PdfWriter(clone_from=PdfReader(BytesIO(plain_pdf())))
    writer.encrypt(password, algorithm="AES-256")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make a ZIP."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def run(command: Any, *arguments: object) -> tuple[int, str]:
    """Run a command; answers exit code and output."""
    result = CliRunner().invoke(command, [str(a) for a in arguments], standalone_mode=False)
    if isinstance(result.exception, BaseException) and not hasattr(result.exception, "exit_code"):
        raise result.exception
    return (64 if result.exception else result.return_value), result.output
