"""Judging a licence-signed act (行为): who signed, who consented, were they entitled, and what the register says.

The register's answer is kept with the act. When nobody answers there, the act is taken on its signatures, and that
nobody answered is what is kept: receiving bids must not hang on another house (trust.md D.1 P15).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, insert

from bidding.acts import SignedAct
from bidding.centre.house import House, Identity, Trust
from bidding.errors import MalformedActError, UntrustedActError, WrongSectionError
from identity.actor import parse_authorisation, require_authorised, verify_authorisation
from identity.consent import LEGAL_REPRESENTATIVE, ConsentRecord, parse_record, verify_consent
from identity.errors import LicencePlatformUnavailableError, PersonNotEntitledError
from identity.licence import LicenceAnswer, verify_licence
from identity.people import belongs_to
from identity.ports import Register
from signing import canonical
from signing.certificates import Certificate, parse_certificate
from signing.checks import Result, SubIndication, Verdict, check
from signing.digests import sm3
from signing.errors import MalformedError
from signing.path import Purpose
from signing.statement import SignedStatement, parse_statement, verify_statement
from storage.models import centre as tables

MAX_ACT = 1 << 18
"""Bytes of an encoded SignedAct."""
TOLERATED = frozenset({"REV_UNKNOWN"})
"""What may stay unanswered: revocation lists that are late do not cost anybody a bid, and are noted."""


class Act(Protocol):
    """What every act says."""

    @property
    def act(self) -> str:
        """Which."""

    @property
    def section(self) -> str:
        """Where."""

    @property
    def params_sm3(self) -> str:
        """Under which parameters."""

    @property
    def bidder(self) -> str:
        """Who."""


T = TypeVar("T", bound=Struct)


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """What the register said when it was asked; states are empty when nobody answered."""

    asked_at: datetime
    answered: bool
    licence: SignedStatement | None = None
    licence_state: str = ""
    authorisation: SignedStatement | None = None
    authorisation_state: str = ""


class KeptAct(Struct, frozen=True, forbid_unknown_fields=True):
    """An act as it is kept: the bytes that came, and the register's answer."""

    act: bytes
    answer: Answer


@dataclass(frozen=True)
class Standing:
    """An act that holds: who is behind it, and what is kept of the asking."""

    identity: Identity
    person: str
    certificate: Certificate
    answer: Answer


def parse_act(data: bytes, kind: type[T]) -> tuple[T, SignedAct]:
    """Read a signed act and the statement in it; MalformedActError for anything but the one byte form."""
    if len(data) > MAX_ACT:
        raise MalformedActError(f"{len(data)} bytes; an act has at most {MAX_ACT}")
    try:
        signed = canonical.decode(data, SignedAct)
        value, _ = parse_statement(signed.statement, kind)
    except MalformedError as error:
        raise MalformedActError(str(error)) from error
    return value, signed


def statement_sm3(signed: SignedAct) -> str:
    """SM3 of the statement's bytes: what the consent lists, and the request's digest."""
    return sm3(signed.statement.statement).hex()


def require_params(act: Act, *, section: str, params_sm3: str) -> None:
    """Raise WrongSectionError unless the act is about this section under these parameters."""
    if act.section != section or act.params_sm3 != params_sm3:
        raise WrongSectionError(f"the act is for section {act.section} under parameters {act.params_sm3[:16]}…")


def examine(
    act: Act, signed: SignedAct, *, trust: Trust, register: Register, at: datetime, consent_at: datetime
) -> Standing:
    """Judge an act as of `at`; the consent's period as of `consent_at`, when the act was first shown to us.

    Raises UntrustedActError, MalformedActError, or the identity error that tells why a unit or person may not act.
    """
    try:
        certificate = parse_certificate(signed.statement.certificate)
        record = parse_record(signed.consent.record)
        _require(_judge(act, signed, record, certificate, trust=trust, at=at, consent_at=consent_at))
    except (MalformedError, ValueError) as error:
        raise MalformedActError(str(error)) from error
    answer = _ask(act, record, signed, trust=trust, register=register, at=at)
    return Standing(Identity(act.bidder, record.company), f"{record.person_name} {record.person}", certificate, answer)


def keep_act(tx: Connection, house: House, act: Act, signed: SignedAct, *, standing: Standing, at: datetime) -> str:
    """Keep the act with the register's answer; its id."""
    row: dict[str, Any] = {"id": house.new_id(), "section": act.section, "kind": act.act, "at": at}
    data = canonical.encode(signed)
    sealed = house.vault.seal(f"acts/{row['id']}", KeptAct(data, standing.answer))
    tx.execute(insert(tables.acts).values(**row, sm3=sm3(data).hex(), sealed=sealed))
    return str(row["id"])


def _judge(
    act: Act,
    signed: SignedAct,
    record: ConsentRecord,
    certificate: Certificate,
    *,
    trust: Trust,
    at: datetime,
    consent_at: datetime,
) -> Verdict:
    anchors, evidence = trust.anchors, trust.evidence()
    own = belongs_to(certificate, act.bidder) and certificate.person_id in ("", act.bidder)
    said = (record.act, record.uscc, record.section, record.params_sm3)
    same = said == (act.act, act.bidder, act.section, act.params_sm3)
    sub = SubIndication.SIG_CONSTRAINTS_FAILURE
    verdict = Verdict(
        check("act-unit", own, code="ID_MISMATCH", sub=sub),
        check("act-consent", same, code="CONSENT_MISMATCH", sub=sub),
    )
    verdict += verify_statement(signed.statement, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.LICENCE)
    expected = [statement_sm3(signed)]
    return verdict + verify_consent(
        signed.consent, anchors=anchors, evidence=evidence, at=consent_at, expected=expected
    )


def _require(verdict: Verdict) -> None:
    bad = [c for c in verdict.checks if c.result is not Result.OK and c.code not in TOLERATED]
    if bad:
        raise UntrustedActError("; ".join(f"{c.code}/{c.name}: {c.why or c.result}" for c in bad))


def _ask(
    act: Act, record: ConsentRecord, signed: SignedAct, *, trust: Trust, register: Register, at: datetime
) -> Answer:
    try:
        licence = register.fetch_licence(act.bidder)
    except LicencePlatformUnavailableError:
        return Answer(at, answered=False)
    anchors, evidence = trust.anchors, trust.evidence()
    _require(verify_licence(licence.licence, anchors=anchors, evidence=evidence, at=at, uscc=act.bidder))
    licence.state.require()
    if record.authorisation == LEGAL_REPRESENTATIVE:
        _require_legal_representative(record, signed, licence)
        return Answer(at, answered=True, licence=licence.licence, licence_state=licence.state.value)
    return _ask_authorisation(act, record, licence, trust=trust, register=register, at=at)


def _require_legal_representative(record: ConsentRecord, signed: SignedAct, licence: LicenceAnswer) -> None:
    now = licence.legal_representative
    if (now.person, now.certificate) != (record.person, signed.consent.certificate):
        raise PersonNotEntitledError(f"{record.person_name} is not the legal representative now")


def _ask_authorisation(
    act: Act, record: ConsentRecord, licence: LicenceAnswer, *, trust: Trust, register: Register, at: datetime
) -> Answer:
    try:
        found = register.fetch_authorisation(record.authorisation)
    except LicencePlatformUnavailableError:
        return Answer(at, answered=False, licence=licence.licence, licence_state=licence.state.value)
    granted_by = licence.legal_representative.person
    anchors, evidence = trust.anchors, trust.evidence()
    _require(
        verify_authorisation(found.authorisation, anchors=anchors, evidence=evidence, at=at, granted_by=granted_by)
    )
    granted = parse_authorisation(found.authorisation)
    if (granted.id, granted.uscc, granted.person) != (record.authorisation, act.bidder, record.person):
        raise PersonNotEntitledError(f"authorisation {record.authorisation} is another's")
    require_authorised(granted, found.state, item=act.act, at=at)  # type: ignore[arg-type]
    return Answer(
        at,
        answered=True,
        licence=licence.licence,
        licence_state=licence.state.value,
        authorisation=found.authorisation,
        authorisation_state=found.state.value,
    )
