"""Attacks on paths and revocation, with certificates, lists and responses made by `cryptography`."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from signing_pki import CA, CRLS, DAY, NOON, ROOT, TRUST, make_authority, make_root, token

from signing.certificate_extensions import DNS_NAME, RFC822_NAME, URI_NAME, GeneralName, NameConstraints
from signing.certificates import TIME_STAMPING, Certificate, parse_certificate
from signing.checks import Indication, SubIndication
from signing.digests import sm3
from signing.issuing import Revocation
from signing.name_constraints import _allows_name
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors, verify_path
from signing.timestamps import verify_token
from signing.trust import make_trust

FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=NOON.tzinfo)


@dataclass(frozen=True)
class Party:
    made: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate(self) -> Certificate:
        return parse_certificate(self.made.public_bytes(serialization.Encoding.DER))


def certify(
    name: str,
    issuer: Party | None = None,
    *,
    serial: int = 5,
    purposes: tuple[x509.ObjectIdentifier, ...] = (),
    nocheck: bool = False,
    until: datetime = NOON + 900 * DAY,
) -> Party:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder(subject_name=subject, serial_number=serial, public_key=key.public_key())
        .issuer_name(issuer.made.subject if issuer else subject)
        .not_valid_before(NOON - 30 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if purposes:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if nocheck:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    return Party(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def empty_list(issuer: Party) -> bytes:
    builder = x509.CertificateRevocationListBuilder(issuer_name=issuer.made.subject)
    made = builder.last_update(NOON - DAY).next_update(NOON + DAY).sign(issuer.key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def answer(
    leaf: Party, named: Party, responder: Party, *, at: datetime = NOON, until: datetime | None = NOON + DAY
) -> bytes:
    """Say "good" of the leaf as of the issuer `named`, signed by the responder."""
    good = ocsp.OCSPCertStatus.GOOD
    made = (
        ocsp.OCSPResponseBuilder()
        .add_response(leaf.made, named.made, hashes.SHA1(), good, at, until, None, None)  # noqa: S303 - an identifier
        .responder_id(ocsp.OCSPResponderEncoding.NAME, responder.made)
        .certificates([responder.made])
        .sign(responder.key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


@cache
def world() -> tuple[Party, Party, Party, TrustAnchors]:
    """Make the trusted root, another root of the same name, a leaf, and the trust in the first root only."""
    root, twin = certify("Root"), certify("Root")
    trust = make_trust("甲", "1", sandbox=True, anchors=(Anchor(root.certificate, frozenset(Purpose)),))
    return root, twin, certify("Leaf", root), trust


def status(leaf: Party, evidence: RevocationEvidence, at: datetime = NOON) -> str:
    root, twin, _, trust = world()
    extra = (twin.certificate, root.certificate)
    verdict = verify_path(
        leaf.certificate, anchors=trust, evidence=evidence, at=at, purpose=Purpose.LICENCE, extra=extra
    )
    return verdict.checks[-1].code


def test_the_list_of_an_authority_of_the_same_name() -> None:
    root, twin, leaf, _ = world()
    assert status(leaf, RevocationEvidence.of(empty_list(twin))) == "REV_UNKNOWN"
    assert status(leaf, RevocationEvidence.of(empty_list(twin), empty_list(root))) == "REVOCATION"


@pytest.mark.parametrize(
    ("purposes", "by_twin", "nocheck", "code"),
    [
        pytest.param((ExtendedKeyUsageOID.OCSP_SIGNING,), False, True, "REVOCATION", id="delegated"),
        pytest.param((ExtendedKeyUsageOID.OCSP_SIGNING,), False, False, "REV_UNKNOWN", id="not known as unrevoked"),
        pytest.param((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), False, True, "REV_UNKNOWN", id="any purpose"),
        pytest.param((ExtendedKeyUsageOID.CLIENT_AUTH,), False, True, "REV_UNKNOWN", id="another purpose"),
        pytest.param((), False, True, "REV_UNKNOWN", id="no purpose"),
        pytest.param((ExtendedKeyUsageOID.OCSP_SIGNING,), True, True, "REV_UNKNOWN", id="of the namesake"),
    ],
)
def test_who_may_answer(purposes: tuple[x509.ObjectIdentifier, ...], by_twin: bool, nocheck: bool, code: str) -> None:
    root, twin, leaf, _ = world()
    responder = certify("Responder", twin if by_twin else root, serial=9, purposes=purposes, nocheck=nocheck)
    assert status(leaf, RevocationEvidence.of(ocsps=[answer(leaf, root, responder)])) == code


def test_answers_of_namesakes() -> None:
    root, twin, leaf, _ = world()
    neighbour = certify("Neighbour", root, serial=6)
    for forged in (
        answer(leaf, twin, twin),
        answer(leaf, root, twin),
        answer(leaf, twin, root),
        answer(neighbour, root, root),
    ):
        assert status(leaf, RevocationEvidence.of(ocsps=[forged])) == "REV_UNKNOWN"
    assert status(leaf, RevocationEvidence.of(ocsps=[answer(leaf, root, root)])) == "REVOCATION"


def test_an_answer_at_the_end_of_time() -> None:
    """No arithmetic on instants may run over the last one there is (RFC 5280 4.1.2.5: 99991231235959Z)."""
    root = world()[0]
    leaf = certify("For ever", root, until=FOREVER)
    evidence = RevocationEvidence.of(ocsps=[answer(leaf, root, root, at=FOREVER, until=None)])
    assert status(leaf, evidence) in {"REVOCATION", "REV_UNKNOWN"}


@pytest.mark.parametrize(
    ("reason", "indication"),
    [
        ("cACompromise", Indication.INDETERMINATE),
        ("unspecified", Indication.INDETERMINATE),
        ("superseded", Indication.TOTAL_PASSED),
    ],
)
def test_a_timestamp_under_a_ca_that_was_revoked_later(reason: str, indication: Indication) -> None:
    """Whoever has the CA's key can make an authority that stamps any time before the revocation."""
    tsa = CA.issue("测试时间戳", serial=101, purposes=(TIME_STAMPING,), critical=True)
    gone = ROOT.crl(Revocation(2, NOON + DAY / 2, reason), this_update=NOON + DAY / 2)
    data = token(sm3(b"x"), holder=tsa)
    verdict = verify_token(data, imprint=sm3(b"x"), anchors=TRUST, evidence=RevocationEvidence.of(gone, CRLS[1]))
    assert verdict.indication is indication
    if indication is Indication.INDETERMINATE:
        assert verdict.sub_indication is SubIndication.REVOKED_CA_NO_POE


@pytest.mark.parametrize(
    ("kind", "base", "name", "allowed"),
    [
        (DNS_NAME, b"evil.example", b"evil.example", False),
        (DNS_NAME, b"evil.example", b"evil.example.", False),
        (DNS_NAME, b"evil.example", b"a.EVIL.example", False),
        (DNS_NAME, b"evil.example", b"notevil.example", True),
        (DNS_NAME, b"evil.example", b"ok.example\0.evil.example", False),
        (DNS_NAME, b".evil.example", b"a.evil.example.", False),
        (RFC822_NAME, b"evil.example", b"a@evil.example.", False),
        (RFC822_NAME, b"evil.example", b"a@ok.example", True),
        (URI_NAME, b"evil.example", b"https://evil.example./x", False),
        (URI_NAME, b"evil.example", b"https://ev%69l.example/x", False),
        (URI_NAME, b"evil.example", b"https://192.0.2.1/", False),
        (URI_NAME, b"evil.example", b"https://evil.example\\@ok.example/", False),
        (URI_NAME, b"evil.example", b"https://ok.example@evil.example/", False),
        (URI_NAME, b"evil.example", b"urn:x:y", False),
        (URI_NAME, b"evil.example", b"https://ok.example:8080/x", True),
    ],
)
def test_excluded_names_in_other_spellings(kind: int, base: bytes, name: bytes, allowed: bool) -> None:
    constraints = NameConstraints(excluded=(GeneralName(kind, base),))
    assert _allows_name(constraints, GeneralName(kind, name)) is allowed


def test_a_chain_of_a_stranger_with_our_names() -> None:
    """Every name, serial and purpose as in our own chain; only the keys differ."""
    root = make_root()
    unit = make_authority(root).issue()
    extra = (root.certificate, CA.certificate)
    evidence = RevocationEvidence.of(*CRLS)
    verdict = verify_path(
        unit.certificate, anchors=TRUST, evidence=evidence, at=NOON, purpose=Purpose.LICENCE, extra=extra
    )
    assert verdict.indication is Indication.INDETERMINATE
    assert "chain" in verdict.unknown
