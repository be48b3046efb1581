"""Asking again, before every step of sealing: licence, authority, certificate, seal (逐次核验).

Who does not answer has not said yes. What was answered is kept with the use of the seal.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

from msgspec import Struct, field

from bidding.errors import SealMissingError
from bidding.workbench.acting import ActingParty, ActingPorts
from identity.actor import Actor, AnyActor, PersonActor, parse_authorisation, verify_authorisation
from identity.consent import LEGAL_REPRESENTATIVE
from identity.errors import PersonNotEntitledError
from identity.licence import verify_licence
from identity.people import belongs_to, is_natural, is_person, is_unit
from sealing.errors import SealExpiredError, SealStateError, SealSuspendedError
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

    def party(self, actor: AnyActor) -> ActingParty:
        """Let this person act for the unit, or for themselves."""
        return ActingParty(self.acting, self.clock, self.random, self.audience, actor)


class Answers(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What licence platform and seal registry said, and when they were asked.

    For a natural person there is no licence (None, empty state), but the state of the person.
    """

    asked_at: datetime
    licence: SignedStatement | None
    licence_state: str
    certificate: str
    """Serial number of the certificate that signs, found good at `asked_at`."""
    seal: str
    seal_state: str
    # Always written, as in the first version: kept answers must stay canonical.
    authorisation: SignedStatement | None = field(default_factory=lambda: None)
    authorisation_state: str = field(default_factory=str)
    person_state: str = ""


@dataclass(frozen=True)
class SealStanding:
    """Certificate, key name and seal that may be used now, and the answers that say so."""

    credential: str
    certificate: Certificate
    seal: IssuedSeal
    answers: Answers


def ask_standing(ports: SealPorts, actor: AnyActor, act: SealAct, kind: SealKind) -> SealStanding:
    """Ask everybody whether this person may use this kind of seal now, for the unit or for themselves.

    Raises the identity error that says why not, VerdictError, SealMissingError, SealStateError, InvalidKeyError, or
    the error of a service that does not answer.
    """
    if isinstance(actor, PersonActor):
        if kind is not SealKind.PERSONAL:
            raise PersonNotEntitledError("自然人只能使用本人的个人签名章")
        return _ask_for_person(ports, actor)
    if kind is SealKind.PERSONAL:
        raise PersonNotEntitledError("个人签名章由本人以自己的名义使用")
    return _ask_for_unit(ports, actor, act, kind)


def _ask_for_unit(ports: SealPorts, actor: Actor, act: SealAct, kind: SealKind) -> SealStanding:
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
    credential, certificate = _ask_key(ports, str(actor.uscc), "legal-representative" if own else "unit", anchors, at)
    named = is_person(certificate, head.person, head.name) if own else is_unit(certificate, actor.uscc, actor.company)
    if not (named and belongs_to(certificate, actor.uscc)):
        raise PersonNotEntitledError(f"证书 {certificate.serial} 不是用章单位或其法定代表人的")
    seal, state = _choose(ports, ports.seals.fetch_seals(str(actor.uscc)), kind, at)
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
    return SealStanding(credential, certificate, seal, answers)


def _ask_for_person(ports: SealPorts, actor: PersonActor) -> SealStanding:
    """Ask for a natural person: the register's answer, the certificate it names, and the person's own seal."""
    anchors, at = ports.trust(), ports.now()
    found = ports.acting.register.fetch_person(actor.person)
    found.state.require()
    credential, certificate = _ask_key(ports, actor.person, "person", anchors, at)
    theirs = is_person(certificate, actor.person, actor.person_name) and is_natural(certificate)
    if not theirs or certificate.der != found.certificate:
        raise PersonNotEntitledError(f"证书 {certificate.serial} 不是本人现在的证书")
    seal, state = _choose(ports, ports.seals.fetch_person_seals(actor.person), SealKind.PERSONAL, at)
    answers = Answers(
        asked_at=at,
        licence=None,
        licence_state="",
        certificate=certificate.serial,
        seal=seal.number,
        seal_state=state.value,
        person_state=found.state.value,
    )
    return SealStanding(credential, certificate, seal, answers)


def _ask_key(ports: SealPorts, owner: str, role: str, anchors: TrustAnchors, at: datetime) -> tuple[str, Certificate]:
    """Answer the key's name and its certificate, whose path holds now."""
    credential = ports.acting.keys.fetch_certificates(owner).find(role)
    certificate = parse_certificate(credential.certificate)
    verify_path(certificate, anchors=anchors, evidence=anchors.evidence, at=at, purpose=Purpose.LICENCE).require()
    return credential.id, certificate


def _choose(
    ports: SealPorts, seals: Sequence[IssuedSeal], kind: SealKind, at: datetime
) -> tuple[IssuedSeal, SealState]:
    """Answer the usable seal of a kind, the newest. Of one that cannot be used, the error says why."""
    of_kind = [seal for seal in seals if seal.kind is kind]
    if not of_kind:
        raise SealMissingError(f"no seal of kind {kind}")
    seal = next((one for one in reversed(of_kind) if one.state is SealState.ACTIVE), of_kind[-1])
    state = seal.state if seal.state is not SealState.ACTIVE else ports.seals.fetch_state(seal.number, at)
    if state is not SealState.ACTIVE:
        raise _UNUSABLE.get(state, SealStateError)(f"seal {seal.number} is {state}")
    return seal, state


_UNUSABLE: Final[Mapping[SealState, type[SealStateError]]] = MappingProxyType(
    {SealState.SUSPENDED: SealSuspendedError, SealState.EXPIRED: SealExpiredError}
)
