"""The table: every reader of bytes from outside, and every judge, one line each."""

import io
import tempfile
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any

from fuzz_documents import DOCUMENTS
from fuzz_guard import FalseValidError, Target, never_equal, never_valid, same_bytes
from fuzz_world import CONTENT, NONCE, PASSPHRASE, FuzzWorld, load

from bidding.bundle import parse_bundle, verify_bundle
from bidding.bundle_header import parse_header
from bidding.errors import BiddingError
from bidding.params import encode_params, parse_params
from bidding.receipt import parse_receipt, parse_refusal, verify_receipt
from identity.consent import encode_record, parse_record
from identity.errors import IdentityError
from sealing import ses
from sealing.errors import SealingError
from sealing.verify import verify_esl, verify_pdf
from signing import canonical, cms, container, der, keystore, sm2
from signing.algorithms import compute_digest
from signing.asic import verify_asic
from signing.asic_manifest import parse_asic_manifest
from signing.asic_zip import ZipLimits, read_content, read_index
from signing.certificate_files import read_certificate_file
from signing.certificates import parse_certificate
from signing.checks import Indication, Verdict
from signing.cms_signing import parse_prepared
from signing.cms_streaming import verify_stream
from signing.credit_codes import read_texts
from signing.csc import parse_consent_data, parse_pending, read_signature_value
from signing.csr import parse_csr, verify_csr
from signing.digests import sm3
from signing.enveloped_data import open_enveloped, parse_enveloped
from signing.enveloped_streaming import decrypt_stream
from signing.errors import SigningError
from signing.key_containers_enveloped import parse_csr_response
from signing.key_files import read_key_file
from signing.ocsp import parse_ocsp, parse_ocsp_request
from signing.pades import PreparedSignature, read_prepared
from signing.path import Purpose, RevocationEvidence, verify_path
from signing.pdf import find_signatures
from signing.pdf_reading import open_pdf
from signing.revocation import parse_crl
from signing.signed_data import parse_signed_data
from signing.sm2_encoding import read_ciphertext
from signing.statement import SignedStatement, verify_statement
from signing.timestamps import parse_request, parse_response, parse_token, verify_token
from signing.trust import TrustList, decode_trust, encode_trust
from signing.trust_updates import parse_update

IDENTITY = (SigningError, IdentityError)
BIDDING = (SigningError, IdentityError, BiddingError)
SEALING = (SigningError, SealingError)
LIMITS = ZipLimits(entries=100, content=1 << 24, total=1 << 25)


# What each judge is asked


def walk_der(data: bytes) -> None:
    """Ask every element for every value."""
    waiting = [der.read(data, limit=1 << 20)]
    while waiting:
        element = waiting.pop()
        if element.tag & 0x20:
            waiting += element.children()
        for ask in (element.integer, element.boolean, element.octets, element.bits, element.flags, element.text):
            _try(ask)
        for ask in (element.oid, element.time, lambda one=element: der.require_der(one.raw, limit=1 << 20)):
            _try(ask)


def _try(ask: Callable[[], object]) -> None:
    try:
        ask()
    except SigningError:
        return


def judge_signature(world: FuzzWorld) -> Callable[[bytes], object]:
    return never_equal(lambda data: sm2.verify(world.key.public, CONTENT, data), [world.signature])


def judge_ciphertext(world: FuzzWorld) -> Callable[[bytes], object]:
    return never_equal(lambda data: sm2.decrypt(world.key, data), [world.ciphertext])


def judge_certificate(world: FuzzWorld) -> Callable[[bytes], object]:
    def judge(data: bytes) -> Verdict:
        return verify_path(parse_certificate(data), at=world.now, purpose=Purpose.LICENCE, **world.common)

    return never_valid(judge, lambda data: parse_certificate(data).tbs, world.certificates)


def judge_crl(world: FuzzWorld) -> Callable[[bytes], object]:
    """Ask for a path whose only list of the issuer is the damaged one."""

    def judge(data: bytes) -> Verdict:
        evidence = RevocationEvidence.of(data)
        unit, trust = world.pki.unit.certificate, world.pki.trust
        return verify_path(unit, anchors=trust, evidence=evidence, at=world.now, purpose=Purpose.LICENCE)

    return never_valid(judge, lambda data: parse_crl(data).tbs, world.crls)


def judge_ocsp(world: FuzzWorld) -> Callable[[bytes], object]:
    def judge(data: bytes) -> Verdict:
        evidence = RevocationEvidence.of(ocsps=[data])
        unit, trust = world.pki.unit.certificate, world.pki.trust
        return verify_path(unit, anchors=trust, evidence=evidence, at=world.now, purpose=Purpose.LICENCE)

    return never_valid(judge, lambda data: parse_ocsp(data).tbs, world.ocsps)


def judge_csr(world: FuzzWorld) -> Callable[[bytes], object]:
    return never_valid(lambda data: verify_csr(parse_csr(data)), lambda data: parse_csr(data).tbs, world.csrs)


def judge_enveloped(world: FuzzWorld) -> Callable[[bytes], object]:
    """Check that whatever a tag has proven is the content that was encrypted."""

    def run(data: bytes) -> None:
        opened = open_enveloped(parse_enveloped(data), world.encryption_key)
        if opened.authenticated and opened.content != CONTENT:
            raise FalseValidError(f"opened: {opened.content!r}")

    for message in world.enveloped:
        run(message)
    return run


def judge_enveloped_stream(world: FuzzWorld) -> Callable[[bytes], object]:
    def run(data: bytes) -> None:
        spool = io.BytesIO()
        opened = decrypt_stream(io.BytesIO(data), spool, world.encryption_key)
        if opened.authenticated and spool.getvalue() != CONTENT:
            raise FalseValidError(f"opened: {spool.getvalue()!r}")

    return run


def judge_stream(world: FuzzWorld) -> Callable[[bytes], object]:
    def judge(data: bytes) -> Verdict:
        common = {"purpose": Purpose.LICENCE, "at": world.now, "strict": False, **world.common}
        first, *others = verify_stream(data, io.BytesIO(CONTENT), **common)
        return sum((one.verdict for one in others), first.verdict)

    def essence(data: bytes) -> Hashable:
        signed = parse_signed_data(data)
        return tuple((one.signed_attributes, one.signature) for one in signed.signers)

    return never_valid(judge, essence, [*world.detached, *world.attached])


def judge_key_file(world: FuzzWorld) -> Callable[[bytes], object]:
    return lambda data: read_key_file(data, PASSPHRASE, recipient=world.key)


def _cms_essence(data: bytes) -> Hashable:
    parsed = cms.parse_cms(data)
    certificate = parsed.certificate.der if parsed.certificate else b""
    return certificate, parsed.signer.signed_attributes, parsed.signature, parsed.content


def judge_detached(*, strict: bool) -> Callable[[FuzzWorld], Callable[[bytes], object]]:
    def make(world: FuzzWorld) -> Callable[[bytes], object]:
        def judge(data: bytes, *, strict: bool = strict) -> Verdict:
            return cms.verify_detached(
                data,
                content_digest=lambda name: compute_digest(name, CONTENT),
                purpose=Purpose.LICENCE,
                at=world.now,
                strict=strict,
                **world.common,
            )

        other = None if strict else lambda data: judge(data, strict=True)
        return never_valid(judge, _cms_essence, [*world.detached, *world.attached], strict=other)

    return make


def judge_attached(world: FuzzWorld) -> Callable[[bytes], object]:
    def judge(data: bytes) -> Verdict:
        return cms.verify_attached(data, purpose=Purpose.LICENCE, at=world.now, strict=False, **world.common)

    return never_valid(judge, _cms_essence, [*world.attached, *world.detached])


def judge_token(world: FuzzWorld) -> Callable[[bytes], object]:
    def judge(data: bytes) -> Verdict:
        return verify_token(data, imprint=sm3(CONTENT), **world.common)

    def essence(data: bytes) -> Hashable:
        signer = parse_token(data).signed.signer
        return signer.signed_attributes, signer.signature

    return never_valid(judge, essence, [world.token])


def judge_response(world: FuzzWorld) -> Callable[[bytes], object]:
    def run(data: bytes) -> None:
        token = parse_response(data, sm3(CONTENT), NONCE)
        if verify_token(token, imprint=sm3(CONTENT), **world.common).indication is Indication.TOTAL_PASSED:
            never_equal(lambda taken: taken, [world.token])(token)

    return run


def judge_statement(world: FuzzWorld) -> Callable[[bytes], object]:
    def judge(data: bytes) -> Verdict:
        signed = canonical.decode(data, SignedStatement)
        return verify_statement(signed, at=world.now, purpose=Purpose.LICENCE, **world.common)

    return never_valid(judge, lambda data: canonical.decode(data, SignedStatement).statement, [world.statement])


def judge_receipt(world: FuzzWorld) -> Callable[[bytes], object]:
    centre, at = world.centre, load("bidding", "bidding_world").NOON

    def judge(data: bytes) -> Verdict:
        return verify_receipt(data, anchors=centre.anchors, evidence=centre.evidence, at=at)

    return never_valid(judge, lambda data: parse_receipt(data).leaf, [world.receipt])


def judge_container(world: FuzzWorld) -> Callable[[bytes], object]:
    def read(data: bytes) -> list[tuple[str, bytes]]:
        stream = io.BytesIO(data)
        entries = container.read_container(stream, len(data), max_entries=20)
        return [(entry.name, container.read_entry(stream, entry, limit=1 << 16)) for entry in entries]

    def write(contents: list[tuple[str, bytes]]) -> bytes:
        stream = io.BytesIO()
        writer = container.ContainerWriter(stream)
        for name, content in contents:
            writer.add(name, [content])
        writer.finish()
        return stream.getvalue()

    assert write(read(world.container)) == world.container
    return same_bytes(read, write)


def read_zip(data: bytes) -> dict[str, bytes]:
    stream = io.BytesIO(data)
    entries = read_index(stream, len(data), LIMITS).entries
    return {entry.name: read_content(stream, entry, limit=1 << 24) for entry in entries}


def judge_asic(world: FuzzWorld) -> Callable[[bytes], object]:
    """Check that a covered object has the content that was signed, and that any other object has a warning."""
    signed = {(name, content) for data in world.asic_files for name, content in read_zip(data).items()}

    def run(data: bytes) -> None:
        stream = io.BytesIO(data)
        report = verify_asic(stream, purpose=Purpose.LICENCE, at=world.now, limits=LIMITS, **world.common)
        if report.indication is not Indication.TOTAL_PASSED:
            return
        contents = read_zip(data)
        covered = {name for one in report.signatures for name in one.covered}
        false = [name for name in covered if (name, contents[name]) not in signed]
        if false or set(report.objects) - covered - set(report.uncovered):
            raise FalseValidError(f"{false} in {report}")

    return run


def read_pdf(_world: FuzzWorld) -> Callable[[bytes], object]:
    path = Path(tempfile.mkdtemp()) / "a.pdf"

    def run(data: bytes) -> None:
        path.write_bytes(data)
        with open_pdf(path) as pdf:
            find_signatures(pdf)

    return run


def judge_pdf(world: FuzzWorld) -> Callable[[bytes], object]:
    """Check that a passed document is the sealed one, or says in a warning or a list of changes what differs."""
    path = Path(tempfile.mkdtemp()) / "a.pdf"
    sealed = world.pdfs[1]

    def run(data: bytes) -> None:
        path.write_bytes(data)
        found = verify_pdf(path, at=world.now, **world.common)
        passed = [one for one in found.signatures if one.indication is Indication.TOTAL_PASSED]
        if not passed or data == sealed or found.warnings or any(one.changes_after for one in passed):
            return
        for one in passed:
            covered = path.read_bytes() if one.covers == "whole-document" else b""
            if len(covered) != len(sealed) or len(passed) != len(found.signatures):
                raise FalseValidError(f"passed without a word: {found}")
            if bytes.lower(covered) != bytes.lower(sealed):
                raise FalseValidError("other bytes pass")

    return run


def judge_esl(world: FuzzWorld) -> Callable[[bytes], object]:
    """Check that a passed seal has the information that its maker signed."""
    known = {ses.parse_seal(seal).signed for seal in world.seals}

    def run(data: bytes) -> None:
        found = verify_esl(data, at=world.now, **world.common)
        passed = all(one.indication is Indication.TOTAL_PASSED for one in found.signatures)
        if passed and ses.parse_seal(data).signed not in known:
            raise FalseValidError(f"passed: {found}")

    return run


def judge_bundle(world: FuzzWorld) -> Callable[[bytes], object]:
    """Check that no changed byte passes."""
    centre, at = world.centre, load("bidding", "bidding_world").NOON

    def run(data: bytes) -> None:
        bundle = parse_bundle(io.BytesIO(data), len(data))
        common = {"anchors": centre.anchors, "evidence": centre.evidence, "at": at}
        verdict = verify_bundle(bundle, io.BytesIO(data), params=None, **common)
        if verdict.indication is Indication.TOTAL_PASSED and data != world.bundle:
            raise FalseValidError("another bundle passes")

    return run


def parse(function: Callable[[bytes], object]) -> Callable[[FuzzWorld], Callable[[bytes], object]]:
    return lambda _world: function


def one_form(read: Callable[[bytes], Any], write: Callable[[Any], bytes]) -> Any:
    return lambda _world: same_bytes(read, write)


def _messages(world: FuzzWorld) -> Sequence[bytes]:
    return [*world.detached, *world.attached, *world.foreign_messages, world.token]


TARGETS = (
    Target("der", _messages, parse(walk_der), cost=5),
    Target("sm2-signature", lambda w: [w.signature], judge_signature),
    Target("sm2-ciphertext", lambda w: [w.ciphertext], judge_ciphertext),
    Target("sm2-point", lambda w: [w.key.public.point], parse(sm2.PublicKey)),
    Target("key", lambda w: [w.plain_key], parse(keystore.parse_key)),
    Target("protected-key", lambda w: [w.protected_key], parse(lambda d: keystore.unprotect(d, PASSPHRASE)), cost=20),
    Target("certificate", lambda w: w.certificates, parse(parse_certificate)),
    Target("certificate-path", lambda w: w.certificates, judge_certificate),
    Target("crl", lambda w: w.crls, judge_crl),
    Target("crl-evidence", lambda w: w.crls, parse(RevocationEvidence.of)),
    Target("ocsp", lambda w: w.ocsps, judge_ocsp),
    Target("ocsp-request", lambda w: [w.ocsp_request], parse(parse_ocsp_request)),
    Target("csr", lambda w: w.csrs, judge_csr),
    Target("key-file", lambda w: w.key_files, judge_key_file, cost=5),
    Target("csr-response", lambda w: [w.csr_response], lambda w: lambda data: parse_csr_response(data, w.key)),
    Target("identity-texts", lambda w: [*w.certificates, b"N91350100M000100Y43"], parse(read_texts)),
    Target("enveloped", lambda w: w.enveloped, judge_enveloped),
    Target("enveloped-stream", lambda w: w.enveloped, judge_enveloped_stream),
    Target("sm2-any-ciphertext", lambda w: [w.ciphertext], parse(read_ciphertext)),
    Target("signed-data", _messages, parse(parse_signed_data)),
    Target("cms", _messages, parse(cms.parse_cms)),
    Target("cms-attributes", lambda w: [_cms_essence(w.detached[0])[1]], parse(cms.read_message_digest)),
    Target("cms-detached-strict", lambda w: w.detached, judge_detached(strict=True), cost=2),
    Target(
        "cms-detached-lenient",
        lambda w: [*w.detached, *w.attached, *w.attached_to_another],
        judge_detached(strict=False),
        cost=2,
    ),
    Target("cms-stream", lambda w: [*w.detached, *w.attached, *w.attached_to_another], judge_stream, cost=2),
    Target("cms-prepared", lambda w: [w.prepared_cms], parse(parse_prepared)),
    Target("csc-pending", lambda w: [w.csc_pending], parse(parse_pending)),
    Target("csc-consent", lambda w: [w.csc_pending], parse(lambda d: parse_consent_data(d.decode("utf-8", "replace")))),
    Target("csc-signature", lambda w: [w.signature, bytes(64)], parse(read_signature_value)),
    Target("pades-prepared", lambda w: [w.pades_prepared], parse(lambda d: read_prepared(d, PreparedSignature))),
    Target("cms-attached", lambda w: w.attached, judge_attached, cost=2),
    Target("timestamp-token", lambda w: [w.token], judge_token, cost=2),
    Target("timestamp-request", lambda w: [w.timestamp_request, *w.files("tsp", "*.tsq")], parse(parse_request)),
    Target("timestamp-response", lambda w: [w.timestamp_response, *w.files("tsp", "*.tsr")], judge_response),
    Target("trust-list", lambda w: [w.trust_file], one_form(decode_trust, encode_trust), cost=2),
    Target("trust-update", lambda w: [w.trust_update], parse(parse_update), cost=2),
    Target("certificate-file", lambda w: [w.certificate_file], parse(read_certificate_file)),
    Target("trust-content", lambda w: [w.statement], parse(lambda d: canonical.decode(d, TrustList))),
    Target("statement", lambda w: [w.statement], judge_statement),
    Target("params", lambda w: [w.params], one_form(parse_params, encode_params), BIDDING),
    Target("consent", lambda w: [w.consent], one_form(parse_record, encode_record), IDENTITY),
    Target("receipt", lambda w: [w.receipt], judge_receipt, BIDDING, cost=2),
    Target("refusal", lambda w: [w.receipt], parse(parse_refusal), BIDDING),
    Target("bundle-header", lambda w: [w.params], parse(parse_header), BIDDING),
    Target("container", lambda w: [w.container], judge_container),
    Target("container-manifest", lambda w: [w.manifest], one_form(container.parse_manifest, container.encode_manifest)),
    Target("zip", lambda w: [w.container, *w.asic_files], parse(read_zip)),
    Target("asic", lambda w: w.asic_files, judge_asic, cost=3),
    Target("asic-manifest", lambda w: w.asic_manifests, parse(parse_asic_manifest)),
    Target("pdf", lambda w: w.pdfs, read_pdf, cost=10),
    Target("sealed-pdf", lambda w: w.pdfs[1:], judge_pdf, SEALING, cost=20),
    Target("bundle", lambda w: [w.bundle], judge_bundle, BIDDING, cost=10),
    Target("seal-judged", lambda w: w.seals, judge_esl, SEALING, cost=3),
    Target("seal", lambda w: w.seals, parse(ses.parse_seal), SEALING),
    Target("seal-signature", lambda w: w.seal_signatures, parse(ses.parse_signature), SEALING),
    Target("seal-statement", lambda w: w.seal_signatures, parse(ses.parse_statement), SEALING),
    Target("seal-contents", lambda w: w.seal_signatures, parse(ses.cut_signature), SEALING),
    *DOCUMENTS,
)
