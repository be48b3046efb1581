"""Small OFD documents to seal: pages of any size, text in any spelling, templates, and the whole act on them."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path

from ofd_world import Parts, pack, xml
from sealing_world import CONSENT, DAY, NOON, World

from sealing.ofd import verify_ofd
from sealing.ofd_sealing import PreparedOfdSeal, complete_ofd_seal, prepare_ofd_seal, statement_of
from sealing.placement import Stamp
from sealing.report import DocumentVerdict
from sealing.seal import SealKind
from signing.path import TrustAnchors

A4 = (210.0, 297.0)
UNIT = Stamp(1, 100, 200, 40, 40)
LEGAL = Stamp(1, 40, 200, 20, 20)


def area(size: tuple[float, float]) -> str:
    width, height = size
    return f"<ofd:PhysicalBox>0 0 {width:g} {height:g}</ofd:PhysicalBox>"


def text(words: str, x: float, y: float, *, size: float = 4.0, attributes: str = "", code: str | None = None) -> str:
    """Write one text object of one line, its offsets as long as the characters are wide."""
    deltas = " ".join(f"{size if ord(char) > 0x2E80 else size / 2:g}" for char in words[:-1])
    step = code if code is not None else f' DeltaX="{deltas}"' if deltas else ""
    start = f'X="0" Y="{0.88 * size:g}"'
    return (
        f'<ofd:TextObject ID="9" Font="3" Size="{size:g}" Boundary="{x:g} {y:g} 150 {size:g}"{attributes}>'
        f"<ofd:TextCode {start}{step}>{escape(words)}</ofd:TextCode></ofd:TextObject>"
    )


def page(*objects: str, size: tuple[float, float] | None = None, template: str = "") -> bytes:
    own = f"<ofd:Area>{area(size)}</ofd:Area>" if size else ""
    used = f'<ofd:Template TemplateID="{template}" ZOrder="Background"/>' if template else ""
    layer = f'<ofd:Content><ofd:Layer ID="8">{"".join(objects)}</ofd:Layer></ofd:Content>'
    return xml("Page", f"{used}{own}{layer}")


@dataclass(frozen=True)
class Paper:
    """A document; `signatures` says whether OFD.xml names an (empty) list of signatures."""

    pages: Sequence[bytes]
    size: tuple[float, float] | None = A4
    templates: Sequence[bytes] = ()
    permissions: str = ""
    common: str = ""
    more: tuple[tuple[str, bytes], ...] = ()

    def parts(self) -> Parts:
        common = f"<ofd:PageArea>{area(self.size)}</ofd:PageArea>" if self.size else ""
        common = self.common + common
        common += "".join(
            f'<ofd:TemplatePage ID="T{i}" BaseLoc="Tpls/Tpl_{i}/Content.xml"/>' for i in range(len(self.templates))
        )
        listed = "".join(
            f'<ofd:Page ID="{i + 1}" BaseLoc="Pages/Page_{i}/Content.xml"/>' for i in range(len(self.pages))
        )
        inner = f"<ofd:CommonData>{common}</ofd:CommonData><ofd:Pages>{listed}</ofd:Pages>{self.permissions}"
        body = "<ofd:DocBody><ofd:DocInfo/><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody>"
        return {
            "OFD.xml": xml("OFD", body, ' Version="1.0" DocType="OFD"'),
            "Doc_0/Document.xml": xml("Document", inner),
            **{f"Doc_0/Pages/Page_{i}/Content.xml": data for i, data in enumerate(self.pages)},
            **{f"Doc_0/Tpls/Tpl_{i}/Content.xml": data for i, data in enumerate(self.templates)},
            **dict(self.more),
        }

    def write(self, path: Path) -> Path:
        path.write_bytes(pack(self.parts()))
        return path


def contract(pages: int = 3) -> Paper:
    """Answer a plain document of A4 pages with words to find on the last."""
    inner = [page(text(f"第{i + 1}页", 20, 20)) for i in range(pages - 1)]
    return Paper([*inner, page(text("投标人（盖章）：", 20, 220), text("测试建设工程有限公司", 60, 220))])


def prepare(
    world: World,
    source: Path,
    target: Path,
    stamps: Sequence[Stamp] = (UNIT,),
    kind: SealKind = SealKind.UNIT,
    **more: object,
) -> PreparedOfdSeal:
    signer = world.holder_of(kind).certificate
    seal = world.seals[kind]
    return prepare_ofd_seal(source, target, stamps=stamps, seal=seal, signer=signer, at=NOON, **more)  # type: ignore[arg-type]


def complete(world: World, prepared: PreparedOfdSeal, kind: SealKind = SealKind.UNIT) -> None:
    tbs = statement_of(prepared, CONSENT, NOON)
    signature = world.holder_of(kind).sign(tbs)
    window = {"not_before": NOON - DAY, "not_after": NOON + DAY}
    complete_ofd_seal(prepared, tbs, signature, world.stamp(signature), anchors=world.trust, **window)


def apply(
    world: World,
    source: Path,
    target: Path,
    stamps: Sequence[Stamp] = (UNIT,),
    kind: SealKind = SealKind.UNIT,
    **more: object,
) -> PreparedOfdSeal:
    """Seal a package, from beginning to end."""
    prepared = prepare(world, source, target, stamps, kind, **more)
    complete(world, prepared, kind)
    return prepared


def judge(world: World, path: Path, trust: TrustAnchors | None = None) -> DocumentVerdict:
    anchors = trust or world.trust
    return verify_ofd(path, anchors=anchors, evidence=anchors.evidence, at=NOON)


def outcomes(verdict: DocumentVerdict) -> list[tuple[str, str, str]]:
    return [(one.profile, str(one.indication), one.covers) for one in verdict.signatures]


def contents(path: Path) -> Parts:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(path: Path, name: str, data: bytes) -> bytes:
    """Answer the package with another content of one part."""
    return pack({**contents(path), name: data})


def raw(data: bytes) -> dict[str, bytes]:
    """Answer every entry's header and packed bytes, as they stand in the file."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        entries = sorted(archive.infolist(), key=lambda one: one.header_offset)
        bounds = [one.header_offset for one in entries] + [archive.start_dir]
    return {one.filename: data[start:stop] for one, start, stop in zip(entries, bounds, bounds[1:], strict=False)}
