"""Asking again, before every step of sealing: licence, authority, certificate, seal (逐次核验).

Who does not answer has not said yes. What was answered is kept with the use of the seal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from msgspec import Struct

from bidding.errors import SealMissingError
from bidding.workbench.acting import ActingParty, ActingPorts
from identity.actor import Actor, parse_authorisation, verify_authorisation
from identity.consent import LEGAL_REPRESENTATIVE
from identity.errors import PersonNotEntitledError
from identity.licence import verify_licence
from identity.people import belongs_to, is_person, is_unit
from sealing.errors import SealStateError
from sealing.ports import SealRegistry
from sealing.seal import IssuedSeal, SealKind, SealState
from signing.certificates import Certificate, parse_certificate
from signing.path import Purpose, TrustAnchors, verify_path
from signing.statement import SignedStatement

SealAct = Literal["seal", "record"]


@dataclass(frozen=True)
class SealPorts:
    """Everybody whom sealing asks. `trust` answers the trust list with fresh revocation lists."""

    acting: ActingPorts
    seals: SealRegistry
    trust: Callable[[], TrustAnchors]
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    audience: str

    def now(self) -> datetime:
        """Answer the instant in whole milliseconds."""
        now = self.clock()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def party(self, actor: Actor) -> ActingParty:
        """Let this person act for the unit."""
        return ActingParty(self.acting, self.clock, self.random, self.audience, actor)


class Answers(Struct, frozen=True, forbid_unknown_fields=True):
    """What licence platform and seal registry said, and when they were asked."""

    asked_at: datetime
    licence: SignedStatement
    licence_state: str
    certificate: str
    """Serial number of the certificate that signs, found good at `asked_at`."""
    seal: str
    seal_state: str
    authorisation: SignedStatement | None = None
    authorisation_state: str = ""


@dataclass(frozen=True)
class SealStanding:
    """Certificate, key name and seal that may be used now, and the answers that say so."""

    credential: str
    certificate: Certificate
    seal: IssuedSeal
    answers: Answers


def ask_standing(ports: SealPorts, actor: Actor, act: SealAct, kind: SealKind) -> SealStanding:
    """Ask everybody whether this person may use this kind of seal for the unit now.

    Raises the identity error that says why not, VerdictError, SealMissingError, SealStateError, InvalidKeyError, or
    the error of a service that does not answer.
    """
    anchors, at = ports.trust(), ports.now()
    found = ports.party(actor).standing(act)
    licence, head, evidence = found.licence, found.licence.legal_representative, anchors.evidence
    verify_licence(licence.licence, anchors=anchors, evidence=evidence, at=at, uscc=str(actor.uscc)).require()
    if (granted := found.authorisation) is not None:
        by = head.person
        verify_authorisation(granted.authorisation, anchors=anchors, evidence=evidence, at=at, granted_by=by).require()
        if parse_authorisation(granted.authorisation).id != actor.authorisation:
            raise PersonNotEntitledError(f"授权 {actor.authorisation} 的答复不是它本身")
    own = kind is SealKind.LEGAL_REPRESENTATIVE
    if own and actor.authorisation != LEGAL_REPRESENTATIVE:
        raise PersonNotEntitledError("法定代表人章由法定代表人本人使用")
    ring = ports.acting.keys.fetch_certificates(str(actor.uscc))
    credential = ring.find("legal-representative" if own else "unit")
    certificate = parse_certificate(credential.certificate)
    verify_path(certificate, anchors=anchors, evidence=evidence, at=at, purpose=Purpose.LICENCE).require()
    named = is_person(certificate, head.person, head.name) if own else is_unit(certificate, actor.uscc, actor.company)
    if not (named and belongs_to(certificate, actor.uscc)):
        raise PersonNotEntitledError(f"证书 {certificate.serial} 不是用章单位或其法定代表人的")
    seal, state = _ask_seal(ports, str(actor.uscc), kind, at)
    answers = Answers(
        asked_at=at,
        licence=licence.licence,
        licence_state=licence.state.value,
        certificate=certificate.serial,
        seal=seal.number,
        seal_state=state.value,
        authorisation=granted.authorisation if granted else None,
        authorisation_state=granted.state.value if granted else "",
    )
    return SealStanding(credential.id, certificate, seal, answers)


def _ask_seal(ports: SealPorts, uscc: str, kind: SealKind, at: datetime) -> tuple[IssuedSeal, SealState]:
    """Answer the unit's usable seal of a kind. Of one that is suspended or lost, SealStateError says so."""
    of_kind = [seal for seal in ports.seals.fetch_seals(uscc) if seal.kind is kind]
    active = [seal for seal in of_kind if seal.state is SealState.ACTIVE]
    if not of_kind:
        raise SealMissingError(f"no seal of kind {kind}")
    if not active:
        raise SealStateError(f"seal {of_kind[-1].number} is {of_kind[-1].state}")
    seal = active[-1]
    state = ports.seals.fetch_state(seal.number, at)
    if state is not SealState.ACTIVE:
        raise SealStateError(f"seal {seal.number} is {state}")
    return seal, state
