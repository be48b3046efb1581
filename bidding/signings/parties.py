"""Who signs (签署人): found in the register and the seal registry anew whenever it counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from bidding.errors import SealMissingError
from bidding.signings.values import Person, Signer
from bidding.workbench.acting import find_actor
from identity.actor import AnyActor, PersonActor
from identity.errors import PersonNotEntitledError
from identity.ports import Register
from sealing import artwork, ses
from sealing.errors import SealStateError
from sealing.ports import SealRegistry
from sealing.seal import IssuedSeal, SealKind, SealState, read_artwork


@dataclass(frozen=True)
class SealLook:
    """How a seal looks: its size on paper in millimetres, and its artwork in canonical form."""

    size_mm: tuple[float, float]
    artwork: bytes


def find_party(register: Register, signer: Signer, kind: SealKind) -> AnyActor:
    """Answer who uses this kind of seal for a signer.

    Errors of `find_actor`; PersonUnknownError, PersonRevokedError; PersonNotEntitledError if the person has another
    name than was told.
    """
    if isinstance(signer, Person):
        answer = register.fetch_person(signer.person)
        answer.state.require()
        if signer.name not in ("", answer.name):
            raise PersonNotEntitledError(f"{signer.person} 的登记姓名不是 {signer.name}")
        return PersonActor(answer.person, answer.name)
    own = kind is SealKind.LEGAL_REPRESENTATIVE
    return find_actor(register, signer.uscc, authorisation="" if own else signer.authorisation)


def name_of(register: Register, signer: Signer) -> str:
    """Answer what the register calls a signer; errors of `find_party`."""
    if isinstance(signer, Person):
        return find_party(register, signer, SealKind.PERSONAL).person_name
    return find_party(register, signer, SealKind.UNIT).company


def find_look(seals: SealRegistry, signer: Signer, kind: SealKind) -> SealLook:
    """Answer how the signer's seal of a kind looks now. SealMissingError, SealStateError, SealFormatError."""
    seal = _usable(_seals_of(seals, signer), kind)
    picture = ses.parse_seal(seal.esl).info.picture
    return SealLook((float(picture.width), float(picture.height)), artwork.encode(read_artwork(seal)))


def _seals_of(seals: SealRegistry, signer: Signer) -> Sequence[IssuedSeal]:
    return seals.fetch_person_seals(signer.person) if isinstance(signer, Person) else seals.fetch_seals(signer.uscc)


def _usable(seals: Sequence[IssuedSeal], kind: SealKind) -> IssuedSeal:
    of_kind = [seal for seal in seals if seal.kind is kind]
    active = [seal for seal in of_kind if seal.state is SealState.ACTIVE]
    if not of_kind:
        raise SealMissingError(f"no seal of kind {kind}")
    if not active:
        raise SealStateError(f"seal {of_kind[-1].number} is {of_kind[-1].state}")
    return active[-1]
