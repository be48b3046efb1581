"""Containers of others: who covers what, and what is never taken for covered."""

import io
import subprocess
import tracemalloc
import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_asic_files import ASIC_E, ASIC_S, Member, container, make, manifest
from signing_pki import CA, EVIDENCE, NOON, ROOT, TRUST, UNIT, Holder, make_root, token

from signing import der
from signing.algorithms import SM2_SIGNATURE, SM3_DIGEST
from signing.asic import AsicReport, Kind, verify_asic
from signing.asic_manifest import MAX_MANIFEST, parse_asic_manifest
from signing.certificates import parse_certificate
from signing.checks import Indication, SubIndication
from signing.cms import complete_detached, prepare_detached
from signing.cms_signing import complete_cms, prepare_cosignature
from signing.digests import sm3
from signing.errors import MalformedError, SigningError
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors
from signing.signed_data import DATA, SIGNED_DATA
from signing.trust import make_trust

PASSED, FAILED, OPEN = Indication.TOTAL_PASSED, Indication.TOTAL_FAILED, Indication.INDETERMINATE
OBJECTS = {"投标函.pdf": b"%PDF-1.7 one" * 99, "资格/证明 1.txt": b"two"}
SIGNATURE, STAMP, LIST = "META-INF/signature.p7s", "META-INF/timestamp.tst", "META-INF/ASiCManifest.xml"


def sign(content: bytes, *, stamped: bool = True) -> bytes:
    attributes = prepare_detached(sm3(content), UNIT.certificate, NOON)
    value = UNIT.sign(attributes)
    return complete_detached(
        attributes, UNIT.certificate, [CA.certificate], value, token(sm3(value)) if stamped else None
    )


def asic_e(objects: Mapping[str, bytes] = OBJECTS, *, listed: bytes = b"", **changes: bytes | None) -> dict[str, bytes]:
    listed = listed or manifest(objects, digest="sm3")
    files = {"mimetype": ASIC_E, **objects, LIST: listed, SIGNATURE: sign(listed)}
    return {name: content for name, content in (files | changes).items() if content is not None}


def asic_s(content: bytes = b"one", **changes: bytes) -> dict[str, bytes]:
    return {"mimetype": ASIC_S, "a.txt": content, SIGNATURE: sign(content)} | changes


def verify(
    files: Mapping[str, bytes] | bytes, *, anchors: TrustAnchors = TRUST, at: datetime | None = None
) -> AsicReport:
    data = files if isinstance(files, bytes) else container(files, method=8)
    return verify_asic(io.BytesIO(data), anchors=anchors, evidence=EVIDENCE, purpose=Purpose.LICENCE, at=at)


def test_asic_e() -> None:
    report = verify(asic_e())
    assert (report.form, report.mimetype, report.objects) == ("ASiC-E", ASIC_E.decode(), tuple(OBJECTS))
    assert [(one.name, one.kind, one.manifest, one.covered) for one in report.signatures] == [
        (SIGNATURE, Kind.CADES, LIST, tuple(OBJECTS))
    ]
    report.signatures[0].verdict.require()
    assert (report.indication, report.uncovered, report.warnings) == (PASSED, (), ())


@pytest.mark.parametrize("digest", ["sm3", "sha256", "sha512"])
def test_digest_methods(digest: str) -> None:
    assert verify(asic_e(listed=manifest(OBJECTS, digest=digest))).indication is PASSED


def test_asic_s() -> None:
    report = verify(asic_s())
    assert (report.form, report.signatures[0].covered, report.warnings) == ("ASiC-S", ("a.txt",), ())
    assert report.indication is PASSED


def test_asic_s_with_a_container_inside() -> None:
    inner = container(asic_e())
    report = verify({"mimetype": ASIC_S, "package.zip": inner, SIGNATURE: sign(inner)})
    assert report.signatures[0].covered == ("package.zip",)
    assert report.indication is PASSED


def test_timestamps() -> None:
    listed = manifest(OBJECTS, signature=STAMP)
    report = verify({"mimetype": ASIC_E, **OBJECTS, LIST: listed, STAMP: token(sm3(listed))})
    assert [(one.kind, one.covered) for one in report.signatures] == [(Kind.TIMESTAMP, tuple(OBJECTS))]
    assert report.indication is PASSED
    assert verify({"mimetype": ASIC_S, "a": b"one", STAMP: token(sm3(b"one"))}).indication is PASSED
    assert verify({"mimetype": ASIC_S, "a": b"one", STAMP: token(sm3(b"two"))}).indication is FAILED


def test_an_archive_manifest_covers_signatures() -> None:
    files = asic_e()
    inside = {name: files[name] for name in (*OBJECTS, LIST, SIGNATURE)}
    archive = manifest(inside, signature=STAMP)
    report = verify(files | {"META-INF/ASiCArchiveManifest1.xml": archive, STAMP: token(sm3(archive))})
    assert {one.name: one.covered for one in report.signatures} == {SIGNATURE: tuple(OBJECTS), STAMP: tuple(inside)}
    assert report.indication is PASSED


def test_several_signatures() -> None:
    first, second = ({name: OBJECTS[name]} for name in OBJECTS)
    other = "META-INF/ASiCManifest-2.xml"
    lists = {LIST: manifest(first), other: manifest(second, signature="META-INF/signature-2.p7s")}
    signatures = {SIGNATURE: sign(lists[LIST]), "META-INF/signature-2.p7s": sign(lists[other])}
    report = verify({"mimetype": ASIC_E, **OBJECTS, **lists, **signatures})
    assert [one.covered for one in report.signatures] == [(name,) for name in OBJECTS]
    assert (report.indication, report.uncovered) == (PASSED, ())


def cosign(message: bytes, content: bytes, holder: Holder) -> bytes:
    prepared = prepare_cosignature(message, holder.certificate, NOON, content=content)
    return complete_cms(prepared, holder.sign(prepared.to_be_signed))


def test_several_signers_of_one_message() -> None:
    listed = manifest(OBJECTS)
    both = cosign(sign(listed), listed, CA.issue("第二人", serial=102))
    verdict = verify(asic_e(listed=listed, **{SIGNATURE: both})).signatures[0].verdict
    assert [one.name for one in verdict.checks].count("signature") == 2
    assert verdict.indication is PASSED
    stranger = cosign(sign(listed), listed, make_root("陌生人").issue("陌生人", serial=3))
    assert verify(asic_e(listed=listed, **{SIGNATURE: stranger})).indication is OPEN


def test_our_own_form_is_read_too() -> None:
    files = asic_e(mimetype=b"application/vnd.yizhao.bid+zip")
    assert verify(files).form == "ASiC-E"


@pytest.mark.parametrize(
    ("files", "indication", "sub"),
    [
        pytest.param(asic_e(**{"投标函.pdf": b"other"}), FAILED, SubIndication.HASH_FAILURE, id="object changed"),
        pytest.param(asic_e(**{"投标函.pdf": None}), OPEN, SubIndication.SIGNED_DATA_NOT_FOUND, id="object gone"),
        pytest.param(asic_e(**{LIST: manifest(OBJECTS)}), FAILED, SubIndication.HASH_FAILURE, id="another manifest"),
        pytest.param(
            asic_e(listed=manifest(OBJECTS, digest="sha1")), OPEN, SubIndication.CRYPTO_CONSTRAINTS_FAILURE, id="SHA-1"
        ),
        pytest.param(asic_e(**{LIST: None}), OPEN, SubIndication.SIGNED_DATA_NOT_FOUND, id="manifest gone"),
        pytest.param(asic_e(**{SIGNATURE: None}), OPEN, SubIndication.SIGNED_DATA_NOT_FOUND, id="signature gone"),
        pytest.param(asic_e(**{SIGNATURE: b"junk"}), FAILED, SubIndication.FORMAT_FAILURE, id="no signature"),
        pytest.param(asic_e(**{LIST: b"<x/>"}), FAILED, SubIndication.FORMAT_FAILURE, id="no manifest"),
        pytest.param(
            asic_e(**{"META-INF/ASiCManifest2.xml": manifest(OBJECTS)}),
            FAILED,
            SubIndication.FORMAT_FAILURE,
            id="two manifests for one signature",
        ),
        pytest.param(
            asic_e(
                listed=manifest(
                    OBJECTS,
                    tail=(
                        '<asic:ASiCManifestExtensions><asic:Extension Critical="true"><x/></asic:Extension>'
                        "</asic:ASiCManifestExtensions>"
                    ),
                )
            ),
            OPEN,
            SubIndication.POLICY_PROCESSING_ERROR,
            id="a critical extension",
        ),
        pytest.param(
            asic_e(mimetype=ASIC_S, **{LIST: None}),
            OPEN,
            SubIndication.SIGNED_DATA_NOT_FOUND,
            id="ASiC-S of two objects",
        ),
        pytest.param(asic_s(**{"a.txt": b"two"}), FAILED, SubIndication.HASH_FAILURE, id="ASiC-S changed"),
        pytest.param(asic_s(**{"b.txt": b"two"}), OPEN, SubIndication.SIGNED_DATA_NOT_FOUND, id="ASiC-S grown"),
        pytest.param(asic_s(mimetype=ASIC_E), OPEN, SubIndication.SIGNED_DATA_NOT_FOUND, id="ASiC-S called ASiC-E"),
        pytest.param(asic_e(mimetype=ASIC_S), PASSED, None, id="ASiC-E called ASiC-S"),
    ],
)
def test_what_does_not_pass(files: dict[str, bytes], indication: Indication, sub: SubIndication | None) -> None:
    report = verify(files)
    assert report.indication is indication
    worst = [one.verdict.sub_indication for one in report.signatures if one.verdict.indication is indication]
    assert sub in worst


def attached(content: bytes) -> bytes:
    """Sign a content that is inside, without attributes."""
    info = der.sequence(
        der.integer(1),
        der.sequence(UNIT.certificate.issuer_der, der.integer(UNIT.certificate.serial_number)),
        SM3_DIGEST.encode(),
        SM2_SIGNATURE.encode(),
        der.octet_string(UNIT.sign(content)),
    )
    inside = der.sequence(der.oid(DATA), der.explicit(0, der.octet_string(content)))
    certificates = der.explicit(0, UNIT.certificate.der)
    body = der.sequence(der.integer(1), der.set_of(SM3_DIGEST.encode()), inside, certificates, der.set_of(info))
    return der.sequence(der.oid(SIGNED_DATA), der.explicit(0, body))


def test_a_message_that_brings_its_own_content_does_not_speak_for_the_object() -> None:
    assert verify(asic_s(b"one", **{SIGNATURE: attached(b"two")})).indication is FAILED
    report = verify(asic_s(b"one", **{SIGNATURE: attached(b"one")}))
    assert report.indication is not FAILED
    assert report.indication is OPEN or report.signatures[0].verdict.warnings


def test_a_signature_without_attributes_covers_a_manifest() -> None:
    listed = manifest(OBJECTS)
    assert verify(asic_e(listed=listed, **{SIGNATURE: attached(listed)}), at=NOON).indication is PASSED
    assert verify(asic_e(listed=listed, **{SIGNATURE: attached(b"two")}), at=NOON).indication is FAILED


@pytest.mark.parametrize(
    ("files", "uncovered"),
    [
        pytest.param(asic_e(**{"zusatz.txt": b"not listed"}), ("zusatz.txt",), id="an object not listed"),
        pytest.param(asic_e(**{"meta-inf.txt": b"1"}), ("meta-inf.txt",), id="a name like META-INF"),
        pytest.param(asic_e(**{"投标函.pdf": b"other"}), tuple(OBJECTS)[:1], id="an object changed"),
        pytest.param(asic_s(**{SIGNATURE: sign(b"two")}), ("a.txt",), id="another's signature"),
    ],
)
def test_what_is_not_covered_is_named(files: dict[str, bytes], uncovered: tuple[str, ...]) -> None:
    report = verify(files)
    assert report.uncovered == uncovered
    assert all(any(name in warning for warning in report.warnings) for name in uncovered)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        pytest.param(container({k: v for k, v in asic_e().items() if k != "mimetype"}), "没有 mimetype", id="none"),
        pytest.param(container(asic_e(mimetype=ASIC_E + b"\n")), "首个", id="with a line end"),
        pytest.param(container(asic_e(mimetype=b"application/zip")), "未知", id="another type"),
        pytest.param(
            make([Member(n.encode(), c, flags=1 << 11) for n, c in reversed(asic_e().items())]), "首个", id="last"
        ),
        pytest.param(
            make(
                [
                    Member(n.encode(), c, flags=1 << 11, extra=b"UT\5\0\3abcd" if n == "mimetype" else b"")
                    for n, c in asic_e().items()
                ]
            ),
            "首个",
            id="with an extra field",
        ),
        pytest.param(
            make(
                [Member(n.encode(), c, flags=1 << 11) for n, c in asic_e().items()],
                comment=b"mimetype=" + ASIC_S,
            ),
            "文件注释",
            id="another in the comment",
        ),
        pytest.param(
            container(asic_e(**{"META-INF/container.xml": b"<x/>"})), "META-INF 中另有", id="more in META-INF"
        ),
    ],
)
def test_departures_are_warnings(data: bytes, word: str) -> None:
    report = verify(data)
    assert report.indication is PASSED
    assert [word in warning for warning in report.warnings] == [True]


def test_xades_and_evidence_records_are_named_and_not_judged() -> None:
    names = {"META-INF/signatures001.xml": Kind.XADES, "META-INF/evidencerecord.ers": Kind.EVIDENCE}
    report = verify({"mimetype": ASIC_E, "a": b"1", **dict.fromkeys(names, b"<x/>")})
    assert {one.name: one.kind for one in report.signatures} == names
    assert (report.indication, report.uncovered) == (OPEN, ("a",))


def test_nothing_signed() -> None:
    assert verify({"mimetype": ASIC_E, "a": b"1"}).indication is Indication.NO_SIGNATURE


def test_large_objects_cost_no_memory() -> None:
    block = Random(1).randbytes(1 << 20)  # noqa: S311 - nothing secret
    objects = {"big": block * 24}
    data = container(asic_e(objects), method=8)
    tracemalloc.start()
    try:
        assert verify(data).indication is PASSED
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


GOOD = manifest({"a": b"1", "b c": b"2"})


def test_a_manifest() -> None:
    parsed = parse_asic_manifest(GOOD)
    assert (parsed.signature, parsed.critical) == (SIGNATURE, ())
    assert [(one.name, one.method) for one in parsed.references] == [("a", "sha256"), ("b c", "sha256")]


def entity(body: str) -> bytes:
    return GOOD.replace(b"<asic:ASiCManifest ", f"{body}<asic:ASiCManifest ".encode(), 1)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 100, id="zeros"),
        pytest.param(GOOD[:-4], id="cut"),
        pytest.param(GOOD + b"<x/>", id="two roots"),
        pytest.param(entity('<!DOCTYPE a [<!ENTITY b "c">]>'), id="entities"),
        pytest.param(entity('<!DOCTYPE a SYSTEM "file:///etc/passwd">'), id="an outside document type"),
        pytest.param(entity('<!DOCTYPE a [<!ENTITY % b SYSTEM "http://localhost/x"> %b;]>'), id="a parameter entity"),
        pytest.param(entity("<?x y?>"), id="a processing instruction"),
        pytest.param(GOOD.replace(b'encoding="UTF-8"', b'encoding="UTF-16"'), id="another encoding said"),
        pytest.param(GOOD.decode().encode("utf-16"), id="another encoding"),
        pytest.param(GOOD.replace(b"1.0", b"1.1", 1), id="another version"),
        pytest.param(b"<a>" * 20 + b"</a>" * 20, id="too deep"),
        pytest.param(b"<a>" + b"<b/>" * 30_000 + b"</a>", id="too many"),
        pytest.param(GOOD + b" " * MAX_MANIFEST, id="too long"),
        pytest.param(GOOD.replace(b"asic:SigReference", b"asic:Sig"), id="no reference to a signature"),
        pytest.param(GOOD.replace(b'URI="a"', b'URI="b%20c"'), id="an object twice"),
        pytest.param(GOOD.replace(b'URI="a"', b'URI="../a"'), id="an object outside"),
        pytest.param(GOOD.replace(b'URI="a"', b'URI="%2e%2e/a"'), id="an object outside, hidden"),
        pytest.param(GOOD.replace(b'URI="a"', b'URI="/a"'), id="an absolute object"),
        pytest.param(GOOD.replace(b'URI="a"', b'URI="http://localhost/a"'), id="an object elsewhere"),
        pytest.param(GOOD.replace(b'URI="a"', b'URI="a#b"'), id="a part of an object"),
        pytest.param(GOOD.replace(b'URI="a"', b'URI="%ff"'), id="a name that is not UTF-8"),
        pytest.param(GOOD.replace(b'URI="a"', b""), id="no name"),
        pytest.param(GOOD.replace(b'URI="a"', b'URI="a" x="1"'), id="another attribute"),
        pytest.param(GOOD.replace(b"ds:DigestValue>", b"ds:Digest>"), id="no digest"),
        pytest.param(GOOD.replace(b"<ds:DigestValue>", b"<ds:DigestValue>!"), id="no base64"),
        pytest.param(GOOD.replace(b"</asic:ASiCManifest>", b"text</asic:ASiCManifest>"), id="text"),
        pytest.param(GOOD.replace(b"02918", b"02919"), id="another namespace"),
        pytest.param(manifest({}), id="no objects"),
    ],
)
def test_manifests_that_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_asic_manifest(data)


SMALL = container(asic_s())


@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_a_changed_byte_never_passes_unnoticed(at: int, flip: int) -> None:
    """Headers that say nothing about a content may change; then object and signature are still the same."""
    data = bytearray(SMALL)
    data[at] ^= flip
    try:
        report = verify(bytes(data))
    except SigningError:
        return
    if report.indication is PASSED and not report.warnings:
        with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
            assert {name: archive.read(name) for name in archive.namelist()} == asic_s_files()


def asic_s_files() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(SMALL)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# Made by others: OpenSSL signs, Python's zipfile packs


def openssl(*arguments: str, folder: Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)


KEYS = {
    "rsa": ["-newkey", "rsa:2048"],
    "ecdsa": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
}


@pytest.mark.interop
@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("form", [ASIC_S, ASIC_E], ids=["ASiC-S", "ASiC-E"])
def test_made_by_others(kind: str, form: bytes, tmp_path: Path) -> None:
    usage = ["-addext", "keyUsage=critical,digitalSignature", "-addext", "basicConstraints=critical,CA:FALSE"]
    subject = ["-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=someone", "-days", "30"]
    openssl("req", "-x509", *KEYS[kind], *subject, *usage, folder=tmp_path)
    openssl("x509", "-in", "cert.pem", "-outform", "der", "-out", "cert.der", folder=tmp_path)
    listed = manifest(OBJECTS)
    (tmp_path / "signed").write_bytes(listed if form == ASIC_E else b"one")
    output = ["-outform", "der", "-out", "signature.p7s"]
    options = ["-binary", "-cades", "-md", "sha256", "-signer", "cert.pem", "-inkey", "key.pem"]
    openssl("cms", "-sign", *options, "-in", "signed", *output, folder=tmp_path)
    files = {**OBJECTS, LIST: listed} if form == ASIC_E else {"a.txt": b"one"}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", form, zipfile.ZIP_STORED)
        for name, content in {**files, SIGNATURE: (tmp_path / "signature.p7s").read_bytes()}.items():
            archive.writestr(name, content)
    certificate = parse_certificate((tmp_path / "cert.der").read_bytes())
    anchors = make_trust("其他", "1", sandbox=True, anchors=(Anchor(certificate, frozenset({Purpose.LICENCE})),))
    report = verify_asic(target, anchors=anchors, evidence=RevocationEvidence(), purpose=Purpose.LICENCE)
    assert (report.indication, report.form.encode()) == (PASSED, b"ASiC-E" if form == ASIC_E else b"ASiC-S")
    assert report.uncovered == ()
    assert verify(target.getvalue()).indication is OPEN  # nobody here trusts them
    changed = target.getvalue().replace(b"someone", b"anybody", 1)
    assert verify(changed).indication is not PASSED


def test_the_root_is_the_one_that_is_trusted() -> None:
    assert verify(asic_e(), anchors=make_trust("空", "1", sandbox=True, anchors=())).indication is OPEN
    assert ROOT.certificate in [anchor.certificate for anchor in TRUST.anchors]
