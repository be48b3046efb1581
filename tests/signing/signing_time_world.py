"""Signatures at several times: signers and timestamp authorities of different lives, archives, revocations."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace as change
from signing_pades import ECDSA, write_pdf
from signing_pki import CA, DAY, NOON, ROOT, UNIT, Holder, token

from sealing.report import DocumentVerdict, SignatureReport
from sealing.verify import verify_pdf
from signing.certificates import TIME_STAMPING
from signing.issuing import Revocation
from signing.pades import SignatureRequest, ValidationData
from signing.pades_longterm import Level, add_archive_timestamp, augment
from signing.pades_signing import Lasting, sign_pdf
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors
from signing.pdf import find_signatures
from signing.pdf_reading import open_pdf
from signing.policy import ValidationPolicy
from signing.schemes import Sm2Key
from signing.trust import make_trust


def authority(name: str, serial: int, days: int) -> Holder:
    """Issue a timestamp authority whose certificate ends so many days after NOON."""
    life = {"purposes": (TIME_STAMPING,), "critical": True, "not_after": NOON + days * DAY}
    return CA.issue(name, serial=serial, **life)  # type: ignore[arg-type]


TSA_30 = authority("时间戳三十天", 301, 30)
TSA_60 = authority("时间戳六十天", 302, 60)
TSA_700 = authority("时间戳七百天", 303, 700)
LASTING_UNIT = CA.issue(serial=304, not_after=NOON + 700 * DAY)
ANCHORS = make_trust(
    "时间",
    "1",
    sandbox=True,
    anchors=(Anchor(ROOT.certificate, frozenset(Purpose)), Anchor(ECDSA.root, frozenset({Purpose.TIMESTAMP}))),
    issuers=(CA.certificate,),
)


@dataclass(frozen=True)
class Clock:
    """An authority that says whatever time it is told to."""

    holder: Holder
    at: datetime

    def stamp(self, imprint: bytes) -> bytes:
        return token(imprint, at=self.at, holder=self.holder)


@dataclass(frozen=True)
class Plan:
    """How a file is made: signed by whom, stamped by whom, archived by whom and when."""

    signer: Holder = UNIT
    stamped: Clock | None = None
    archives: tuple[Clock, ...] = ()
    foreign: bool = False
    """Whether the last archive timestamp is of suite INTL, at NOON."""
    answers: tuple[bytes, ...] = ()
    """OCSP responses put into the file."""

    def make(self, folder: Path) -> Path:
        path, target = write_pdf(folder / "0.pdf"), folder / "1.pdf"
        chain = (CA.certificate,)
        lasting = Lasting(Level.T, self.stamped) if self.stamped else None
        request, key = SignatureRequest("Signature1"), Sm2Key(self.signer.key)
        certificate = self.signer.certificate
        sign_pdf(
            path,
            target,
            request,
            key=key,
            certificate=certificate,
            chain=chain,
            at=NOON,
            random=os.urandom,
            lasting=lasting,
        )
        data = ValidationData((CA.certificate.der, ROOT.certificate.der), ocsps=self.answers)
        for number, clock in enumerate(self.archives, 2):
            source, target = target, folder / f"{number}.pdf"
            add_archive_timestamp(source, target, data, clock, random=os.urandom)
        if self.answers and not self.archives:
            source, target = target, folder / "a.pdf"
            augment(source, target, data, random=os.urandom)
        if self.foreign:
            source, target = target, folder / "f.pdf"
            add_archive_timestamp(source, target, data, ECDSA, random=os.urandom, digest="sha256")
        return target


def break_last(path: Path) -> None:
    """Change the last byte of the signature value in the newest timestamp."""
    with open_pdf(path) as pdf:
        last = find_signatures(pdf)[-1]
    assert last.byte_range is not None
    data, start = bytearray(path.read_bytes()), last.byte_range[1] + 1
    end = start + 2 * len(last.contents.rstrip(b"\0")) - 1
    data[end] = ord("0") if data[end] != ord("0") else ord("1")
    path.write_bytes(bytes(data))


def evidence(*revoked: tuple[Holder, datetime, str], until: int = 700) -> RevocationEvidence:
    """Make lists that hold for all times of the tests, with these revocations."""
    times = {"this_update": NOON - DAY, "next_update": NOON + until * DAY}
    entries = [Revocation(one.certificate.serial_number, at, reason) for one, at, reason in revoked]
    foreign = ECDSA.data.crls[0]
    return RevocationEvidence.of(ROOT.crl(**times), CA.crl(*entries, **times), foreign)


def judge(
    path: Path,
    *revoked: tuple[Holder, datetime, str],
    at: datetime,
    policy: ValidationPolicy | None = None,
    anchors: TrustAnchors = ANCHORS,
) -> DocumentVerdict:
    return verify_pdf(path, anchors=anchors, evidence=evidence(*revoked), at=at, policy=policy)


def first(verdict: DocumentVerdict) -> SignatureReport:
    """Answer the report on the signature itself."""
    return next(one for one in verdict.signatures if one.id == "Signature1")


def ruled(policy: ValidationPolicy, name: str, **days: str) -> ValidationPolicy:
    """Answer the policy with other days for one algorithm."""
    rules = tuple(change(rule, **days) if rule.name == name else rule for rule in policy.algorithms)
    return change(policy, algorithms=rules)
