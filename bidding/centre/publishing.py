"""Publishing a section (发布标段): the tenderer's side of it, done at the centre's desk.

The parameters are drawn up here, the tenderer's own person agrees to them on the wallet, the tenderer's licence key
signs exactly those bytes, and then the centre releases them like any others. Nobody here can sign for the tenderer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from msgspec import Struct

from bidding.centre.house import Arrival
from bidding.centre.pending import Pending
from bidding.centre.service import Centre
from bidding.errors import MalformedParamsError, NoSuchPublicationError
from bidding.params import (
    Officer,
    Party,
    ReadoutField,
    RequiredItem,
    SectionParams,
    Stage,
    encode_params,
    params_sm3,
    parse_params,
)
from bidding.workbench.acting import ActingParty, ActingPorts, PendingConsent, find_actor
from identity.actor import Actor, Role
from identity.consent import LEGAL_REPRESENTATIVE, ConsentFile
from identity.ports import Register, Wallet
from identity.uscc import UnifiedSocialCreditCode
from signing import canonical
from signing.digests import sm3
from signing.ports import KeyService, Statement, TimestampAuthority
from signing.statement import complete_statement

GRACE_SECONDS: Final = 10
MAX_BUNDLE: Final = 2 << 30
"""Bytes of one bid, unless the form says otherwise."""
_TAKEN: Final = frozenset({"new"})
"""Codes that stand in addresses of ours."""


@dataclass(frozen=True)
class SectionDraft:
    """What a form says of a section of one stage; `opening_key` is the officer's public point 04||x||y."""

    project: str
    title: str
    section: str
    deadline: datetime
    release_window: int
    officer: str
    opening_key: bytes
    required: tuple[RequiredItem, ...]
    readout: tuple[ReadoutField, ...]
    rules: str


class Publication(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters that wait for the tenderer's consent; `by` is the unit at whose desk they were drawn up."""

    id: str
    by: str
    consent: PendingConsent
    statement: bytes
    signed: bytes = b""
    """The tenderer's SignedStatement, canonical, once there is one: the licence key signs once only."""
    released: bool = False

    @property
    def params(self) -> SectionParams:
        """What is to be published."""
        return parse_params(self.statement)

    @property
    def units(self) -> frozenset[str]:
        """Whose people may look at it."""
        return frozenset({self.by, self.params.tenderer.uscc})


def make_params(draft: SectionDraft, tenderer: Party, centre: Party) -> SectionParams:
    """Draw up the parameters of a one-stage section; MalformedParamsError tells what does not fit."""
    if draft.section.lower() in _TAKEN:
        raise MalformedParamsError("这个标段编号为系统保留，请换一个编号")
    params = SectionParams(
        v=1,
        suite="GM",
        section=draft.section,
        version=1,
        project=draft.project,
        title=draft.title,
        tenderer=tenderer,
        centre=centre,
        deadline=draft.deadline,
        release_window=draft.release_window,
        grace=GRACE_SECONDS,
        decrypt_mode="bidder-and-officer",
        stages=(Stage(1, "开标", draft.opening_key, shows_price=True),),
        officers=(Officer(draft.officer, (1,)),),
        threshold=1,
        required=draft.required,
        readout=draft.readout,
        max_bundle=MAX_BUNDLE,
        rules=draft.rules,
    )
    return parse_params(encode_params(params))


@dataclass(frozen=True)
class Publishing:
    """From a form to a released section."""

    centre: Centre
    ports: ActingPorts
    random: Callable[[int], bytes]
    pending: Pending[Publication]

    @classmethod
    def of(  # noqa: PLR0917 - one argument for each port
        cls,
        centre: Centre,
        wallet: Wallet,
        keys: KeyService,
        tsa: TimestampAuthority,
        register: Register,
        random: Callable[[int], bytes],
    ) -> Self:
        """Put the service together; what waits lies beside the centre's scratch folder."""
        folder = centre.opening.scratch.parent / "publications"
        ports = ActingPorts(wallet, keys, tsa, register)
        return cls(centre, ports, random, Pending(folder, Publication, centre.house.vault))

    def tenderer(self, actor: Actor, uscc: str = "") -> Actor:
        """Answer who agrees for the tenderer: whoever is logged in for it, or its legal representative by the register.

        NotAllowedError if somebody but the centre's staff names another unit; CompanyUnknownError and the other
        identity errors; InvalidCreditCodeError for a code that is none.
        """
        if uscc in ("", str(actor.uscc)):
            return actor
        self.centre.wall.require_staff(actor)
        return find_actor(self.ports.register, uscc)

    def request(self, draft: SectionDraft, tenderer: Actor, by: Actor) -> Publication:
        """Ask the tenderer's person on the wallet to agree to the parameters.

        MalformedParamsError, and what `ActingParty.ask` raises.
        """
        house = self.centre.house
        params = make_params(draft, Party(tenderer.company, str(tenderer.uscc)), Party(house.name, house.uscc))
        statement = encode_params(params)
        digest = params_sm3(statement)
        line = ConsentFile(f"标段参数 {params.section} {params.title}"[:200], 0, len(statement), sm3(statement).hex())
        consent = self._party(tenderer).ask("publish", (line,), section=params.section, params_sm3=digest)
        publication = Publication(self.random(16).hex(), str(by.uscc), consent, statement)
        self.pending.put(publication.id, publication)
        return publication

    def get(self, publication: str, actor: Actor) -> Publication:
        """Answer one publication to its own people; NoSuchPublicationError."""
        found = self.pending.find(publication) if _is_id(publication) else None
        if found is None or str(actor.uscc) not in found.units:
            raise NoSuchPublicationError("no such publication")
        return found

    def advance(self, publication: str, actor: Actor, arrival: Arrival) -> Publication:
        """Do what can be done now: fetch the consent, have the parameters signed, release the section.

        ConsentRefusedError, ConsentExpiredError; what the key service and `Sections.release` raise. Asked again, it
        goes on where it stopped.
        """
        self.get(publication, actor)
        with self.pending.held(publication) as found:
            if found is None:
                raise NoSuchPublicationError("no such publication")
            signed = found if found.signed else self._sign(found)
            if not signed.signed or signed.released:
                return signed
            self.centre.sections.release(signed.signed, arrival)
            return self._keep(signed, released=True)

    def _sign(self, found: Publication) -> Publication:
        party = self._party(actor_of(found.consent))
        if party.outcome(found.consent) is None:
            return found
        certificate = party.certificate()
        (signature,) = party.sign(found.consent, party.credential(), [Statement("act", found.statement)])
        signed = complete_statement(found.statement, signature, certificate.der)
        return self._keep(found, signed=canonical.encode(signed))

    def _keep(self, found: Publication, *, signed: bytes = b"", released: bool = False) -> Publication:
        kept = Publication(
            found.id, found.by, found.consent, found.statement, signed or found.signed, released or found.released
        )
        self.pending.put(found.id, kept)
        return kept

    def _party(self, actor: Actor) -> ActingParty:
        house = self.centre.house
        return ActingParty(self.ports, house.clock, self.random, audience(house.name), actor)


def audience(name: str) -> str:
    """Name the asking party as the wallet shows it."""
    return f"{name}交易平台"


def actor_of(pending: PendingConsent) -> Actor:
    """Answer the person who was asked."""
    record = pending.record
    own = record.authorisation == LEGAL_REPRESENTATIVE
    role = Role.LEGAL_REPRESENTATIVE if own else Role.AGENT
    code = UnifiedSocialCreditCode(record.uscc)
    return Actor(code, record.company, record.person, record.person_name, role, record.authorisation)


def _is_id(text: str) -> bool:
    return len(text) == 32 and set(text) <= set("0123456789abcdef")  # noqa: PLR2004 - sixteen bytes in hex
