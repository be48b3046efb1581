"""The judge of PDF signatures on a forge's work: attacks caught, honest files not failed, hostile ones survived."""

import re
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pdf_forge as forge
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from pdf_forge_attacks import ATTACKS, Case
from pdf_forge_honest import HONEST, filled
from pdf_forge_hostile import HOSTILE
from test_sealing_samples import NOBODY, NOW, word

from sealing.errors import SealingError
from sealing.evidence import DocumentEvidence, gather_pdf
from sealing.verify import verify_pdf
from signing import der
from signing.errors import SigningError
from signing.pdf import find_signatures, hash_ranges, hasher
from signing.pdf_boxes import rectangle_box
from signing.pdf_objects import objects_of
from signing.pdf_reading import PasswordNeededError, TooLargePdfError, WrongPasswordError, open_pdf


def judge(path: Path, **settings: str) -> str:
    try:
        return word(verify_pdf(path, anchors=NOBODY, evidence=NOBODY.evidence, at=NOW, **settings))  # type: ignore[arg-type]
    except (SealingError, SigningError):
        return "REFUSE"


def params(cases: list[Case], tool: str = "") -> list[object]:
    marked = [(case, [pytest.mark.interop] if tool and case.name.startswith(tool) else []) for case in cases]
    return [pytest.param(case, id=case.name, marks=marks) for case, marks in marked]


@pytest.mark.parametrize("case", [*params(ATTACKS), *params(HONEST, "qpdf"), *params(HOSTILE)])
def test_words(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "it.pdf"
    path.write_bytes(case.make())
    assert judge(path) in case.words.split(), case.why


def gather(data: bytes, tmp_path: Path) -> DocumentEvidence:
    path = tmp_path / "it.pdf"
    path.write_bytes(data)
    return gather_pdf(path)


@pytest.mark.parametrize(
    ("objects", "kind", "page", "boxes"),
    [
        pytest.param({forge.CONTENT1: forge.stream(b"x")}, "content", 1, [(0, 0, 209.9, 297.04)], id="content"),
        pytest.param({forge.FONT: b"<< /Type /Font >>"}, "resource", None, [], id="font of the form's resources first"),
        pytest.param(
            {forge.NOTE: forge.base()[forge.NOTE].replace(b"a note", b"b note")},
            "annotation",
            1,
            [(176.39, 43.04, 183.44, 50.09)],
            id="annotation",
        ),
        pytest.param(
            {forge.TEXT: forge.base()[forge.TEXT].replace(b"/F 4", b"/F 2")},
            "field",
            1,
            [(14.11, 113.59, 84.67, 120.65)],
            id="field",
        ),
        pytest.param(
            forge.catalog(b"/Names << /EmbeddedFiles << /Names [] >> >>"), "attachment", None, [], id="attachment"
        ),
        pytest.param(forge.catalog(b"/OpenAction [3 0 R /Fit]"), "structure", None, [], id="open action"),
        pytest.param({forge.INFO: b"<< /Title (x) >>"}, "metadata", None, [], id="information"),
        pytest.param(
            {forge.PAGE1: forge.base()[forge.PAGE1].replace(b" >>", b" /Rotate 90 >>")},
            "page",
            1,
            [(0, 0, 209.9, 297.04)],
            id="turned",
        ),
    ],
)
def test_kind_and_boxes(
    objects: dict[int, bytes], kind: str, page: int | None, boxes: list[tuple[float, ...]], tmp_path: Path
) -> None:
    changes = gather(forge.append(forge.signed(), objects), tmp_path).signatures[0].changes
    assert (changes[0].kind, changes[0].page) == (kind, page)
    assert [pytest.approx(box, abs=0.02) for box in boxes] == list(changes[0].boxes)


@pytest.mark.parametrize(
    ("turn", "box"),
    [
        (0, (10, 60, 20, 80)),
        (90, (20, 10, 40, 20)),
        (180, (80, 20, 90, 40)),
        (270, (60, 80, 80, 90)),
    ],
)
def test_boxes_turn_with_the_page(turn: int, box: tuple[float, ...], tmp_path: Path) -> None:
    """A page of 100 by 100 millimetres; the rectangle stands 10 from its left and 20 from its bottom."""
    unit = 72 / 25.4
    size = b"[0 0 %.4f %.4f]" % (100 * unit, 100 * unit)
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox %b /Rotate %d >>" % (size, turn)
    path = tmp_path / "it.pdf"
    path.write_bytes(forge.write({**forge.base(), forge.PAGE1: page}))
    with open_pdf(path) as pdf:
        found = rectangle_box(objects_of(pdf), forge.PAGE1, 0, [10 * unit, 20 * unit, 20 * unit, 40 * unit])
    assert found == pytest.approx(box, abs=0.02)


def test_what_a_denied_revision_allowed_is_not_listed(tmp_path: Path) -> None:
    data = forge.signed()
    mixed = forge.append(data, {**filled(data), forge.CONTENT1: forge.stream(b"x")})
    changes = gather(mixed, tmp_path).signatures[0].changes
    assert [change.allowed for change in changes] == [False] * len(changes)
    assert changes


def test_a_change_that_a_later_signature_covers_is_vouched_for(tmp_path: Path) -> None:
    data = forge.signed()
    document = gather(forge.sign(forge.append(data, filled(data)), forge.SIG2), tmp_path)
    assert {change.vouched_by for change in document.signatures[0].changes} == {"second"}


@pytest.mark.parametrize(("old", "new", "words"), [(b"", b"", "PASS"), (b"Total: 100", b"Total: 900", "FAIL")])
def test_the_oldest_kind_of_signature(old: bytes, new: bytes, words: str, tmp_path: Path) -> None:
    """RSA over SHA-1 with the certificate beside it (adbe.x509.rsa_sha1)."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Old")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(5).not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
    made = builder.not_valid_after(datetime(2036, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256())
    entries = b"/Cert <%b>" % made.public_bytes(serialization.Encoding.DER).hex().encode("ascii")

    def make(covered: bytes) -> bytes:
        return der.octet_string(key.sign(covered, padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303 - its name says so

    data = forge.sign(forge.write(forge.base()), entries=entries, sub_filter=b"/adbe.x509.rsa_sha1", make=make)
    path = tmp_path / "old.pdf"
    path.write_bytes(data.replace(old, new) if old else data)
    assert judge(path) == words


def test_digests_of_several_signatures_share_their_beginning(tmp_path: Path) -> None:
    path = tmp_path / "twice.pdf"
    path.write_bytes(forge.sign(forge.signed(), forge.SIG2))
    with open_pdf(path) as pdf:
        ranges = [one.byte_range for one in find_signatures(pdf)]
        for byte_range in (ranges[1], ranges[0], ranges[1]):
            assert byte_range is not None
            for name in ("sha256", "sm3"):
                assert hasher(pdf, byte_range)(name) == hash_ranges(pdf.stream, byte_range, name)


def test_memory_and_work_do_not_grow_with_pictures(tmp_path: Path) -> None:
    """Thirty pages with a megabyte of picture each, signed twice: the judge keeps none of them."""
    objects, kids = forge.base(), b"3 0 R 4 0 R"
    for number in range(100, 160, 2):
        picture = bytes(range(256)) * 4096
        objects[number] = forge.stream(picture, b"/Type /XObject /Subtype /Image /Width 1024 /Height 1024 ")
        resources = b"/Resources << /XObject << /I %d 0 R >> >>" % number
        objects[number + 1] = b"<< /Type /Page /Parent 2 0 R %b >>" % resources
        kids += b" %d 0 R" % (number + 1)
    objects[forge.PAGES] = b"<< /Type /Pages /Kids [%b] /Count 32 /MediaBox [0 0 595 842] >>" % kids
    path = tmp_path / "large.pdf"
    path.write_bytes(forge.sign(forge.sign(forge.write(objects)), forge.SIG2))
    gather_pdf(path)  # what is loaded once for all files is not this file's
    tracemalloc.start()
    found = gather_pdf(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(found.signatures), found.pages) == (2, 32)
    assert peak < 8 << 20


def encrypted(tmp_path: Path, user: str) -> Path:
    """Sign an encrypted file by the library."""
    from io import BytesIO  # noqa: PLC0415

    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter  # noqa: PLC0415
    from pyhanko.pdf_utils.reader import PdfFileReader  # noqa: PLC0415
    from pyhanko.pdf_utils.writer import copy_into_new_writer  # noqa: PLC0415
    from pyhanko.sign import signers  # noqa: PLC0415

    copy = copy_into_new_writer(PdfFileReader(BytesIO(forge.write(forge.base()))))
    copy.encrypt(owner_pass="owner", user_pass=user)
    plain = BytesIO()
    copy.write(plain)
    writer = IncrementalPdfFileWriter(plain)
    writer.encrypt(user or "owner")
    path = tmp_path / "locked.pdf"
    with path.open("wb") as target:
        meta = signers.PdfSignatureMetadata(field_name="first")
        signers.PdfSigner(meta, signer=forge.ink().signer).sign_pdf(writer, output=target, bytes_reserved=8192)
    return path


def test_a_file_with_a_password(tmp_path: Path) -> None:
    path = encrypted(tmp_path, "secret")
    with pytest.raises(PasswordNeededError):
        gather_pdf(path)
    with pytest.raises(WrongPasswordError):
        gather_pdf(path, password="wrong")
    assert judge(path, password="secret") == "PASS"
    assert judge(path, password="owner") == "PASS"


def test_a_file_that_is_encrypted_for_nobody_asks_for_no_password(tmp_path: Path) -> None:
    assert judge(encrypted(tmp_path, "")) == "PASS"


def test_an_encrypted_file_with_a_changed_page(tmp_path: Path) -> None:
    path = encrypted(tmp_path, "")
    data = path.read_bytes()
    number = int(re.findall(rb"/Type /Page\b", data)[0] and re.findall(rb"(\d+) 0 obj\s*<<[^>]*/Type /Page\s", data)[0])
    text = re.findall(rb"(?:^|\n)%d 0 obj\s(.*?)\sendobj" % number, data, re.DOTALL)[-1]
    path.write_bytes(forge.append(data, {number: re.sub(rb">>\s*\Z", b"/Rotate 90 >>", text)}))
    assert judge(path) in {"MODIFIED", "FAIL"}  # its authentication code is wrong too


def test_a_sparse_file_of_ten_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "sparse.pdf"
    with path.open("wb") as stream:
        stream.write(b"%PDF-1.7\n")
        stream.truncate(10 << 30)
    with pytest.raises(TooLargePdfError):
        gather_pdf(path)
