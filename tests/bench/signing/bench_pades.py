"""PAdES signatures: a large PDF signed at levels B-T and B-LTA against one SM3 pass over it, memory, sizes."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from signing import sm2
from signing.certificates import TIME_STAMPING, Certificate, parse_certificate
from signing.digests import Sm3, read_chunks
from signing.issuing import AUTHORITY, SIGNING, CertificateRequest, Subject, build_certificate, build_crl
from signing.pades import SignatureRequest, ValidationData
from signing.pades_longterm import Level
from signing.pades_signing import Lasting, sign_pdf
from signing.schemes import Sm2Key
from signing.timestamps import Stamp, make_token
from tests.bench.bench_kit import Bench, Task, at_least, at_most

_NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
_DAY = timedelta(days=1)
_PAGE = 1 << 20


def bench(kit: Bench) -> None:
    """Measure all of it."""
    pages = kit.size(400, quick=8)
    large, small, target = (kit.work / name for name in ("large.pdf", "small.pdf", "signed.pdf"))
    write_pdf(large, pages)
    write_pdf(small, 1, page=64)
    signing, amount = Signing(), large.stat().st_size / 1e6
    kit.compare(
        f"A PDF of {amount:.0f} MB: copied, signed in place, put in place",
        Task("one SM3 pass", lambda: _hash(large), amount),
        Task("B-B", lambda: signing.sign(large, target, Level.B), amount),
        Task("B-T (≤ 1.8 passes)", lambda: signing.sign(large, target, Level.T), amount, at_least(0.56)),
        Task("B-LT", lambda: signing.sign(large, target, Level.LT), amount),
        Task("B-LTA", lambda: signing.sign(large, target, Level.LTA), amount),
    )
    title = f"Highest memory when signing {amount:.0f} MB, over that of a PDF of 1 KB"
    for level in (Level.T, Level.LTA):
        base, used = (
            kit.child(
                "tests.bench.signing.bench_pades:sign_path", source=str(path), target=str(target), level=str(level)
            )
            for path in (small, large)
        )
        kit.note(title, str(level), max(0.0, used.peak_mb - base.peak_mb), "MB", at_most(32))
    for level in Level:
        signing.sign(small, target, level)
        grown = target.stat().st_size - small.stat().st_size
        kit.note("Growth of the file", str(level), grown / 1024, "KiB")
    for path in (large, small, target):
        path.unlink()


def sign_path(source: str, target: str, level: str) -> int:
    """Sign once, for the child whose memory is looked at; answer the size."""
    Signing().sign(Path(source), Path(target), Level(level))
    return Path(target).stat().st_size


class Signing:
    """A signer and a timestamp authority made for the run."""

    def __init__(self) -> None:
        """Make keys and certificates: a root that issues both."""
        self._root_key, self._key, self._tsa_key = sm2.generate(), sm2.generate(), sm2.generate()
        self._root = self._issue("根", self._root_key.public, 1, None, usage=AUTHORITY, is_ca=True)
        self._signer = self._issue("某某建设有限公司", self._key.public, 2, self._root)
        self._tsa = self._issue("时间戳", self._tsa_key.public, 3, self._root, purposes=(TIME_STAMPING,))
        crl = build_crl(
            self._root,
            (),
            number=1,
            this_update=_NOW - _DAY,
            next_update=_NOW + _DAY,
            sign=lambda tbs: sm2.sign(self._root_key, tbs),
        )
        self._data = ValidationData((self._root.der, self._signer.der, self._tsa.der), (crl,))

    def sign(self, source: Path, target: Path, level: Level) -> None:
        """Sign one file into another."""
        sign_pdf(
            source,
            target,
            SignatureRequest("Signature1", reason="投标"),
            key=Sm2Key(self._key),
            certificate=self._signer,
            at=_NOW,
            random=os.urandom,
            lasting=Lasting(level, self, self._data),
        )

    def stamp(self, imprint_sm3: bytes) -> bytes:
        """Answer a token, as an authority does."""
        stamp = Stamp(imprint_sm3, 7, _NOW, "2.25.1", 9)
        return make_token(stamp, self._tsa, lambda attributes: sm2.sign(self._tsa_key, attributes))

    def _issue(
        self,
        name: str,
        public: sm2.PublicKey,
        serial: int,
        issuer: Certificate | None,
        *,
        usage: tuple[str, ...] = SIGNING,
        purposes: tuple[str, ...] = (),
        is_ca: bool = False,
    ) -> Certificate:
        request = CertificateRequest(
            Subject(name),
            public,
            serial,
            _NOW - _DAY,
            _NOW + _DAY,
            key_usage=usage,
            purposes=purposes,
            purposes_critical=bool(purposes),
            is_ca=is_ca,
        )
        return parse_certificate(build_certificate(request, issuer, lambda tbs: sm2.sign(self._root_key, tbs)))


def write_pdf(path: Path, pages: int, *, page: int = _PAGE) -> None:
    """Write a PDF of so many pages, each with a stream of so many incompressible bytes."""
    noise, places = Random(1), list[int]()  # noqa: S311 - bytes to fill a file
    body = noise.randbytes(page)
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(pages))
    with path.open("wb") as stream:
        stream.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")

        def add(text: str, data: bytes = b"") -> None:
            places.append(stream.tell())
            stream.write(f"{len(places)} 0 obj\n{text}\n".encode("ascii"))
            stream.write(b"stream\n" + data + b"\nendstream\n" if data else b"")
            stream.write(b"endobj\n")

        add("<< /Type /Catalog /Pages 2 0 R >>")
        add(f"<< /Type /Pages /Count {pages} /Kids [{kids}] >>")
        for number in range(pages):
            picture = f"/Resources << /XObject << /I {4 + 2 * number} 0 R >> >>"
            add(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] {picture} >>")
            form = "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray"
            add(f"{form} /Length {page} >>", number.to_bytes(4, "big") + body[4:])
        start = stream.tell()
        rows = "".join(f"{place:010d} 00000 n \n" for place in places)
        stream.write(f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{rows}".encode("ascii"))
        stream.write(f"trailer\n<< /Size {len(places) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode("ascii"))


def _hash(path: Path) -> bytes:
    state = Sm3()
    with path.open("rb") as stream:
        for chunk in read_chunks(stream):
            state.update(chunk)
    return state.digest()
