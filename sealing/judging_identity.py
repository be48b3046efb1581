"""The chain of identity (身份链): the seal's owner is the signer, the signer is who was expected (validation.md 4.5).

What is expected comes from the asker, who knows the bidder; what is compared stands in certificates that are judged
elsewhere. So a name or a code counts only in a verdict whose path checks pass as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from identity.errors import IdentityError
from identity.licence import parse_licence, verify_licence
from identity.people import is_natural
from sealing.seal import SealKind, kind_of
from sealing.ses import SesSeal
from signing.certificates import Certificate, parse_certificate
from signing.checks import Check, Result, SubIndication, Verdict, check
from signing.errors import MalformedError, SigningError
from signing.path import RevocationEvidence, TrustAnchors
from signing.statement import SignedStatement

_PERSONAL: Final = frozenset({SealKind.LEGAL_REPRESENTATIVE, SealKind.PERSONAL})


@dataclass(frozen=True)
class Expected:
    """Who should have signed: a unit by its 统一社会信用代码, its named joint-venture partners, and a person.

    `person` is the person's opaque id, `person_name` the name: of the legal representative by 照面信息 as of `at`, or
    of a natural person who signs alone. What is empty is not asked.
    """

    uscc: str = ""
    partners: tuple[str, ...] = ()
    person: str = ""
    person_name: str = ""
    at: datetime | None = None

    @property
    def units(self) -> tuple[str, ...]:
        """Answer the codes of all units that may sign."""
        return tuple(code for code in (self.uscc, *self.partners) if code)


def expect_licence(
    licence: SignedStatement,
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
    uscc: str,
    partners: Sequence[str] = (),
    representative: bytes = b"",
) -> tuple[Expected, Verdict]:
    """Take the expectation from the registrar's signed 照面信息, and answer what is to be said of that itself.

    `representative` is the legal representative's certificate (DER) in the registrar's answer, from which the person's
    id is taken. An expectation from a licence that does not pass names the unit only.
    """
    verdict = verify_licence(licence, anchors=anchors, evidence=evidence, at=at, uscc=uscc)
    try:
        verdict.require()
        name = parse_licence(licence).legal_representative
        person = parse_certificate(representative).person_id if representative else ""
    except (SigningError, IdentityError):
        return Expected(uscc, tuple(partners)), verdict
    return Expected(uscc, tuple(partners), person, name, at), verdict


def check_expected(
    expected: Expected, certificates: Sequence[Certificate], *, kind: SealKind | None, signed_at: datetime | None
) -> list[Check]:
    """Compare the signer with who was expected: checks "identity" and "person" (ID_MISMATCH)."""
    found = list[Check]()
    alone = bool(certificates) and all(is_natural(one) for one in certificates)
    if expected.units and not (alone and (expected.person or expected.person_name)):
        found.append(_check_unit(expected, certificates))
    if (expected.person or expected.person_name) and (kind in _PERSONAL or alone):
        found.append(_check_person(expected, certificates, signed_at))
    return found


def check_owner(seal: SesSeal, certificate: Certificate | None) -> list[Check]:
    """Compare the seal's owner with the signer: check "seal-owner" (ID_MISMATCH).

    The owner is whom the certificates inside the seal name; a seal that only lists digests is held to its name. Who
    stands for no unit, or a seal that names none, leaves nothing to compare.
    """
    if certificate is None:
        return []
    owners = _codes(_readable(seal.info.property.certificates))
    signer = _codes([certificate])
    if owners and signer:
        same = bool(owners & signer)
        why = "" if same else f"印章属于 {'、'.join(sorted(owners))}，签章人证书为 {'、'.join(sorted(signer))}"
        return [_identity("seal-owner", same, why)]
    name = seal.info.property.name
    if kind_of(name) is SealKind.UNIT and certificate.organisation:
        same = certificate.organisation in name
        why = "" if same else f"印章名称为 {name}，签章人证书的单位为 {certificate.organisation}"
        return [_identity("seal-owner", same or None, why)]
    return []


def _check_unit(expected: Expected, certificates: Sequence[Certificate]) -> Check:
    codes = [code for certificate in certificates for code in certificate.uscc_candidates[:1]]
    matching = next((code for code in codes if code in expected.units), "")
    if not matching:
        wanted = "、".join(expected.units)
        return _identity("identity", False, f"证书为 {codes[0] if codes else '（无统一社会信用代码）'}，应为 {wanted}")
    return _identity("identity", True, "" if matching == expected.uscc else f"联合体成员 {matching}")


def _check_person(expected: Expected, certificates: Sequence[Certificate], signed_at: datetime | None) -> Check:
    since = f"（照面信息截至 {expected.at:%Y-%m-%d %H:%M:%S} UTC）" if expected.at else ""
    if any(_is_person(expected, one) for one in certificates):
        return _identity("person", True, since)
    names = "、".join(one.common_name for one in certificates) or "（无证书）"
    wanted = f"{expected.person_name}{f'（{expected.person}）' if expected.person else ''}"
    why = f"签章人为 {names}，应为 {wanted}{since}"
    later = expected.at is not None and signed_at is not None and signed_at > expected.at
    if later:  # somebody else may have become the legal representative in between
        return Check("person", "ID_MISMATCH", Result.UNKNOWN, why, SubIndication.SIG_CONSTRAINTS_FAILURE)
    return _identity("person", False, why)


def _is_person(expected: Expected, certificate: Certificate) -> bool:
    same_id = not expected.person or certificate.person_id == expected.person
    return same_id and (not expected.person_name or certificate.common_name == expected.person_name)


def _codes(certificates: Iterable[Certificate]) -> set[str]:
    return {one.uscc_candidates[0] for one in certificates if one.uscc_candidates}


def _readable(listed: Iterable[bytes]) -> Iterable[Certificate]:
    for data in listed:
        try:
            yield parse_certificate(data)
        except (MalformedError, SigningError):
            continue


def _identity(name: str, ok: bool | None, why: str) -> Check:
    return check(name, ok, code="ID_MISMATCH", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)
