"""Everything that is judged for the table: published samples and vectors beside the project, and our own files."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import comparison_path  # noqa: F401 - first, so that the makers are found
from comparison_attacks import MORE_ATTACKS
from comparison_honest import MORE_HONEST
from comparison_libraries import LIBRARY_ATTACKS, LIBRARY_HONEST
from comparison_ofd import OFD
from comparison_timestamps import TIME_ATTACKS, TIME_HONEST
from pdf_forge_attacks import ATTACKS, Case
from pdf_forge_honest import HONEST
from pdf_forge_hostile import HOSTILE

SHARED = Path(__file__).parents[2].parent / "shared"
SAMPLES, VECTORS = SHARED / "samples" / "verify", SHARED / "vectors"
GROUPS = {
    "samples": "../shared/samples/verify",
    "vectors": "../shared/vectors",
    "honest": "自制 PDF：少见而诚实",
    "attack": "自制 PDF：攻击",
    "hostile": "自制 PDF：恶意输入",
    "ofd-honest": "自制 OFD：诚实",
    "ofd-attack": "自制 OFD：改动与误制",
    "ofd-hostile": "自制 OFD：恶意 ZIP",
}


@dataclass(frozen=True)
class Sample:
    """One file and the words that are right for it; `content` is what a detached signature is about."""

    group: str
    name: str
    words: tuple[str, ...]
    make: Callable[[], bytes]
    suffix: str
    content: Path | None = None

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}"

    def lay(self, folder: Path, number: int) -> Path:
        """Write the file where a judge finds it."""
        path = folder / f"{number:04}{self.suffix}"
        path.write_bytes(self.make())
        return path


def published() -> list[Sample]:
    """Answer the samples with their manifest's words; fails when they are not there."""
    with (SAMPLES / "MANIFEST.tsv").open(encoding="utf-8") as rows:
        wanted = [(row["file"], row["expected"].split("_OR_")) for row in csv.DictReader(rows, delimiter="\t")]
    return [_stored("samples", SAMPLES, SAMPLES / name, tuple(words)) for name, words in wanted]


def _stored(group: str, root: Path, path: Path, words: tuple[str, ...], content: Path | None = None) -> Sample:
    return Sample(group, str(path.relative_to(root)), words, path.read_bytes, path.suffix, content)


MESSAGE = "interop/openssl/msg.txt"
PASS, FAIL, OPEN, NOSIG, REFUSE = ("PASS",), ("FAIL",), ("INDETERMINATE",), ("NOSIG",), ("REFUSE",)
JUDGED: dict[str, tuple[tuple[str, ...], str]] = {
    "cms/gmcert_signed_and_enveloped/signed_and_enveloped.pem": (REFUSE, ""),
    "cms/gmssl_certchain_pkcs7.pem": (NOSIG, ""),
    "cms/sadk_signed_attached.der": (PASS, ""),
    "cms/sadk_signed_detached.der": (PASS, "cms/sadk_content.txt"),
    "esl/SESealData_gif_ext_badsig.der": (FAIL, ""),
    "esl/UserV1.esl": (FAIL, ""),
    "esl/UserV4.esl": (FAIL, ""),
    "esl/UserV5.esl": (PASS, ""),
    "interop/bouncycastle/cms_attached.der": (PASS, ""),
    "interop/bouncycastle/cms_detached.der": (PASS, MESSAGE),
    "interop/bouncycastle/cms_direct.der": (PASS, ""),
    "interop/bouncycastle/cms_emptyid.der": (FAIL, ""),
    "interop/bouncycastle/cms_gmoid.der": (PASS, ""),
    "interop/bouncycastle/resp_sha1.tsr": (PASS, MESSAGE),
    "interop/bouncycastle/resp_sm3.tsr": (PASS, MESSAGE),
    "interop/gmssl/signed.der": (FAIL, ""),
    "ofd/DigitalSign_rawsig.ofd": (OPEN, ""),
    "ofd/SESV4SignDoc.ofd": (PASS, ""),
    "ofd/allprotected.ofd": (PASS, ""),
    "ofd/hello-integrity_gmt0099.ofd": (OPEN, ""),
    "ofd/two_seals_second_breaks_first.ofd": (FAIL, ""),
    "parts/gomain_cms_attrs_mixed_oid/SignedValue.dat": (OPEN, ""),
    "parts/tongzhi_cms_rawRS/SignedValue.dat": (PASS, ""),
    "pdf_synth/DJ_GMPkiLite_GM_sm2cms.pdf": (PASS, ""),
    "pdf_synth/DJ_GMPkiLite_GM_sm2cms_tampered.pdf": (FAIL, ""),
    "pdf_synth/GM_sm2seal_sesv4.pdf": (PASS, ""),
    "pdf_synth/GM_sm2seal_sesv4_tampered.pdf": (FAIL, ""),
    "pdf_synth/adbe_pkcs7_detached_sm2_501.pdf": (PASS, ""),
    "pdf_synth/adbe_pkcs7_detached_sm2_501_tampered.pdf": (FAIL, ""),
    "tsp/resp_sm3.tsr": (PASS, MESSAGE),
}
"""Vectors that hold a signature or a whole message, after their manifest; all others are refused by name."""


def vectors() -> list[Sample]:
    """Answer every vector: certificates, keys, values and texts are no signed files, and must be refused as such."""
    found = []
    for path in sorted(path for path in VECTORS.rglob("*") if path.is_file()):
        words, content = JUDGED.get(str(path.relative_to(VECTORS)), (REFUSE, ""))
        found.append(_stored("vectors", VECTORS, path, words, VECTORS / content if content else None))
    return found


def own() -> list[Sample]:
    """Answer what we make ourselves, always under the same names."""
    pdfs = {
        "honest": [*HONEST, *MORE_HONEST, *TIME_HONEST, *LIBRARY_HONEST],
        "attack": [*ATTACKS, *MORE_ATTACKS, *TIME_ATTACKS, *LIBRARY_ATTACKS],
        "hostile": HOSTILE,
    }
    listed = [(group, ".pdf", cases) for group, cases in pdfs.items()]
    listed += [(f"ofd-{group}", ".ofd", cases) for group, cases in OFD.items()]
    return [one for group, suffix, cases in listed for one in _made(group, suffix, cases)]


def _made(group: str, suffix: str, cases: list[Case]) -> Iterator[Sample]:
    for case in cases:
        yield Sample(group, case.name, tuple(case.words.split()), case.make, suffix)


def needs_tool(sample: Sample) -> bool:
    """Whether the file is made by a program of Debian."""
    return sample.name.startswith("qpdf ")
