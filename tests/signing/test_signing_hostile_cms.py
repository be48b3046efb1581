"""Attacks on CMS messages: times that nobody proves, tokens of strangers, forms that only confuse."""

import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from signing_pki import CA, CRLS, DAY, EVIDENCE, NOON, TRUST, UNIT, Holder, make_root, token

from signing import der
from signing.certificates import TIME_STAMPING
from signing.checks import Indication, Verdict
from signing.cms import complete_detached, parse_cms, prepare_detached, verify_detached
from signing.cms_judging import Judge
from signing.cms_names import TIMESTAMP_TOKEN
from signing.csr import parse_csr, verify_csr
from signing.digests import sm3
from signing.issuing import Revocation
from signing.path import Purpose, RevocationEvidence

CONTENT = b"bid"
PASSED, FAILED, OPEN = Indication.TOTAL_PASSED, Indication.TOTAL_FAILED, Indication.INDETERMINATE
STRANGER: Holder = make_root("别的根").issue("别的时间戳", serial=7, purposes=(TIME_STAMPING,), critical=True)
REVOKED = RevocationEvidence.of(CRLS[0], CA.crl(Revocation(100, NOON + DAY / 2, "keyCompromise")))


def make(*tokens: tuple[datetime, Holder | None]) -> bytes:
    """Sign CONTENT, claiming NOON, and put these tokens beside it (None for the trusted authority)."""
    attributes = prepare_detached(sm3(CONTENT), UNIT.certificate, NOON)
    signature = UNIT.sign(attributes)
    made = [token(sm3(signature), at=at, **({"holder": who} if who else {})) for at, who in tokens]
    bare = complete_detached(attributes, UNIT.certificate, [CA.certificate], signature, None)
    return with_unsigned(bare, made) if made else bare


def with_unsigned(message: bytes, tokens: list[bytes]) -> bytes:
    outer, holder = der.read(message, limit=1 << 16).children()
    *parts, signers = holder.inner(holder.tag).children()
    signer = signers.inner(der.SET)
    block = der.explicit(1, der.sequence(der.oid(TIMESTAMP_TOKEN), der.tlv(der.SET, *tokens)))
    signer_with = der.sequence(*(one.raw for one in signer.children()), block)
    body = der.sequence(*(one.raw for one in parts), der.set_of(signer_with))
    return der.sequence(outer.raw, der.explicit(0, body))


def verify(
    data: bytes, *, evidence: RevocationEvidence = EVIDENCE, at: datetime | None = None, strict: bool = False
) -> Verdict:
    return verify_detached(
        data,
        content_digest=lambda _: sm3(CONTENT),
        anchors=TRUST,
        evidence=evidence,
        purpose=Purpose.LICENCE,
        at=at,
        strict=strict,
    )


@pytest.mark.parametrize(
    ("tokens", "at", "indication"),
    [
        pytest.param([], None, OPEN, id="only the signer says when"),
        pytest.param([(NOON, STRANGER)], None, OPEN, id="only a stranger says when"),
        pytest.param([(NOON, STRANGER)], NOON + DAY, OPEN, id="a stranger against the caller"),
        pytest.param([(NOON, None)], None, PASSED, id="an authority says when"),
        pytest.param([], NOON, PASSED, id="the caller says when"),
        pytest.param([], NOON + DAY, FAILED, id="the caller says too late"),
        pytest.param([(NOON + DAY, None)], None, FAILED, id="the authority says too late"),
    ],
)
def test_a_revoked_key_cannot_date_itself_back(
    tokens: list[tuple[datetime, Holder | None]], at: datetime | None, indication: Indication
) -> None:
    verdict = verify(make(*tokens), evidence=REVOKED, at=at)
    assert verdict.indication is indication
    assert ("REVOKED_NOPOE" in {one.code for one in verdict.checks}) is (indication is OPEN)


@pytest.mark.parametrize(
    "tokens",
    [
        pytest.param([(NOON - DAY, STRANGER), (NOON, None)], id="a stranger's first"),
        pytest.param([(NOON + DAY, None), (NOON, None)], id="a later one first"),
        pytest.param([(NOON, None), (NOON + DAY, None)], id="a later one last"),
    ],
)
def test_of_several_tokens_the_earliest_good_one_counts(tokens: list[tuple[datetime, Holder | None]]) -> None:
    data = make(*tokens)
    verdict, found = Judge(parse_cms(data), None, TRUST, REVOKED, strict=False).judge_tokens()
    assert found is not None
    assert found.gen_time == NOON
    assert verdict is not None
    assert verify(data, evidence=REVOKED).indication is PASSED


def test_attributes_sent_in_another_order_than_signed() -> None:
    """RFC 5652 5.4: the signature is over the DER form, whatever form is sent."""
    message = make()
    signed = der.read(prepare_detached(sm3(CONTENT), UNIT.certificate, NOON), limit=1 << 16)
    backwards = b"".join(one.raw for one in reversed(signed.children()))
    assert message.count(signed.body) == 1
    data = message.replace(signed.body, backwards)
    assert verify(data).indication is PASSED
    assert any("排序" in text for text in verify(data).warnings)
    assert verify(data, strict=True).failed == ["format", "signature"]


@pytest.mark.interop
@pytest.mark.parametrize(("bits", "indication"), [(512, OPEN), (2048, PASSED)])
def test_a_key_that_anybody_can_factor(tmp_path: Path, bits: int, indication: Indication) -> None:
    command = ["openssl", "req", "-new", "-newkey", f"rsa:{bits}", "-nodes", "-keyout", "k.pem", "-subj", "/CN=short"]
    subprocess.run([*command, "-sha256", "-outform", "DER", "-out", "r.der"], cwd=tmp_path, check=True, stderr=-3)
    verdict = verify_csr(parse_csr((tmp_path / "r.der").read_bytes()))
    assert verdict.indication is indication


@pytest.mark.parametrize("salt", [2**31, 2**40, 2**100, -1])
def test_a_salt_length_of_no_machine(salt: int) -> None:
    """The engine takes a C int; the sender wrote something else into RSASSA-PSS-params."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PSS")])
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256(), rsa_padding=pss)
    made = request.public_bytes(serialization.Encoding.DER)
    assert verify_csr(parse_csr(made)).indication is PASSED
    tbs, algorithm, signature = der.read(made, limit=1 << 16).children()
    oid, parameters = algorithm.children()
    kept = [one.raw for one in parameters.children() if one.tag != der.context(2)]
    changed = der.sequence(oid.raw, der.sequence(*kept, der.explicit(2, der.integer(salt))))
    verdict = verify_csr(parse_csr(der.sequence(tbs.raw, changed, signature.raw)))
    assert [one.code for one in verdict.checks] == ["ALG"]
