"""What every desk of the trading centre shares: database, clock, randomness, service key, trust, sealed fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from msgspec import Struct
from sqlalchemy import Connection, Engine, insert, select

from bidding.acts import Uscc
from identity.ports import Register
from signing import canonical, sm2
from signing.canonical import Name
from signing.certificates import Certificate, parse_certificate
from signing.digests import sm3
from signing.path import RevocationEvidence, TrustAnchors
from signing.sm2 import PrivateKey
from signing.statement import SignedStatement, prepare_statement
from storage.models import centre as tables
from storage.secrets import FieldCipher, Tagger

T = TypeVar("T", bound=Struct)


@dataclass(frozen=True)
class Arrival:
    """When the last byte of a request was read, measured where it was read, and from which address it came."""

    at: datetime
    address: str


@dataclass(frozen=True)
class ServiceKey:
    """The centre's own key: signs receipts, refusals and lids, and nothing of anybody else."""

    certificate: bytes
    """DER."""
    key: PrivateKey = field(repr=False)

    def sign(self, value: Struct) -> SignedStatement:
        """Sign a statement of ours."""
        statement = prepare_statement(value)
        return SignedStatement(1, statement, sm2.sign(self.key, statement), self.certificate)

    @property
    def sm3(self) -> str:
        """Fingerprint of the certificate, hex."""
        return sm3(self.certificate).hex()

    @property
    def parsed(self) -> Certificate:
        """The certificate."""
        return parse_certificate(self.certificate)


@dataclass(frozen=True)
class Trust:
    """Whom the centre trusts, and the newest revocation lists that it has."""

    anchors: TrustAnchors
    evidence: Callable[[], RevocationEvidence]


class Identity(Struct, frozen=True, forbid_unknown_fields=True):
    """Who a bidder is: lies encrypted in the database until it is needed."""

    uscc: Uscc
    name: Name


class Journalled(Struct, frozen=True, forbid_unknown_fields=True):
    """The sealed half of a journal row: operator, address, particulars (Order 20 art. 49)."""

    who: str
    address: str
    facts: dict[str, str]


@dataclass(frozen=True)
class Vault:
    """Sealed fields and tags: how the database knows bidders without knowing them."""

    cipher: FieldCipher
    tagger: Tagger

    def seal(self, place: str, value: Struct) -> bytes:
        """Encrypt a value for one place."""
        return self.cipher.seal(place, canonical.encode(value))

    def open(self, place: str, sealed: bytes, kind: type[T]) -> T:
        """Decrypt a value of one place; DamagedObjectError."""
        return canonical.decode(self.cipher.open(place, sealed), kind)

    def bidder(self, section: str, uscc: str) -> str:
        """HMAC-SM3 tag of a bidder in a section, hex."""
        return self.tagger.tag("bidder", section, uscc)

    def key(self, key: str) -> str:
        """HMAC-SM3 tag of an idempotency key, hex: the key itself opens receipts and is not kept."""
        return self.tagger.tag("key", key)


@dataclass(frozen=True)
class TimeSource:
    """Where t_a comes from, and the bound of its error."""

    name: str
    epsilon_ms: int


@dataclass(frozen=True)
class House:
    """Shared by all desks; holds no state of its own."""

    uscc: str
    name: str
    engine: Engine
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    vault: Vault
    signer: ServiceKey
    trust: Trust
    register: Register
    time_source: TimeSource
    notice: Mapping[str, timedelta]
    """By rules profile: how long before the deadline a section must be released (招标投标法 24)."""

    def new_id(self) -> str:
        """Answer a random identifier that tells nothing."""
        return self.random(16).hex()

    def write_journal(
        self, tx: Connection, event: str, *, section: str, subject: str, who: str, arrival: Arrival, **facts: str
    ) -> None:
        """Add a row inside the transaction of what it tells: neither is there without the other."""
        sealed = self.vault.seal(f"journal/{subject}", Journalled(who, arrival.address, facts))
        row = {"at": arrival.at, "section": section, "event": event, "subject": subject, "sealed": sealed}
        tx.execute(insert(tables.journal).values(**row))

    def ask_for_token(self, tx: Connection, imprint: bytes, at: datetime) -> None:
        """Leave a job for the timestamp of an imprint; the same imprint is asked once."""
        known = select(tables.outbox.c.id).where(
            tables.outbox.c.kind == "timestamp", tables.outbox.c.subject == imprint.hex()
        )
        if tx.execute(known).first() is None:
            row: dict[str, Any] = {"id": self.new_id(), "kind": "timestamp", "subject": imprint.hex()}
            tx.execute(insert(tables.outbox).values(**row, created_at=at, next_at=at, attempts=0))

    def find_token(self, tx: Connection, imprint: bytes) -> bytes | None:
        """Answer the token over an imprint, if it has come."""
        token = tables.tokens.c.token
        return tx.execute(select(token).where(tables.tokens.c.imprint == imprint.hex())).scalar()


Outcome = Literal["receipt", "refusal", "withdrawal"]
