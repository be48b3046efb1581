"""Interface tokens (接口令牌): what a program of a unit shows instead of a login.

A token acts for its unit only, within its scopes, and while whoever made it may still use the unit's seals. It asks
for signatures and fetches what came of it; it never is a consent: that gives a person on the wallet, every time. Of
the secret the database keeps SM3 only.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from sqlalchemy import func, insert, select, update

from bidding.errors import (
    NoSuchTokenError,
    NotAllowedError,
    ScopeMissingError,
    SigningLimitError,
    TokenRefusedError,
)
from bidding.signings.rows import open_value, seal_value
from bidding.workbench.desk import Desk
from identity.actor import Actor, Role, parse_authorisation, require_authorised
from identity.errors import IdentityError, LicencePlatformUnavailableError, PersonNotEntitledError
from identity.texts import Text
from identity.uscc import UnifiedSocialCreditCode
from signing.digests import sm3
from storage.database import reading, writing
from storage.models import signings as tables

Scope = Literal["signings:read", "signings:write", "webhooks:manage", "seal-uses:read"]
SCOPES: Final[tuple[Scope, ...]] = ("signings:read", "signings:write", "webhooks:manage", "seal-uses:read")
PREFIX: Final = "yzt_"
MAX_TOKENS: Final = 50
MAX_DAYS: Final = 400
_SECRET: Final = 32
_SECRET_CHARACTERS: Final = 2 * _SECRET
_ID_CHARACTERS: Final = 32
_CHECKED: Final = timedelta(seconds=60)
"""How soon after a cancelled authorisation or licence its tokens end."""
_SEEN: Final = timedelta(seconds=30)


class NewToken(Struct, frozen=True, forbid_unknown_fields=True):
    """A token to make: for what, with which scopes, for how many days."""

    name: Text
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=len(SCOPES))]
    days: Annotated[int, Meta(ge=1, le=MAX_DAYS)] = 90


class _Kept(Struct, frozen=True):
    name: str
    company: str
    person: str
    person_name: str
    role: str
    authorisation: str


@dataclass(frozen=True)
class Token:
    """A token, without its secret. `state` is live, expired or revoked."""

    id: str
    name: str
    scopes: tuple[str, ...]
    state: str
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True)
class Principal:
    """Who asks: a unit, what it may ask for, and by what (the id of a token, or empty for a logged-in person)."""

    uscc: str
    scopes: frozenset[str]
    token: str = ""
    actor: Actor | None = field(default=None, repr=False)

    def require(self, scope: str) -> None:
        """Raise ScopeMissingError without the scope."""
        if scope not in self.scopes:
            raise ScopeMissingError(scope)


@dataclass(frozen=True)
class Tokens:
    """The tokens of all units."""

    desk: Desk

    def create(self, actor: Actor, wanted: NewToken) -> tuple[Token, str]:
        """Make a token; answers it with the text that the program shows, which is shown this once.

        NotAllowedError unless the person may use the unit's seals; SigningLimitError.
        """
        try:
            self.require_entitled(actor)
        except PersonNotEntitledError as error:
            raise NotAllowedError(f"{actor.person_name} 无权为本单位用章") from error
        name, now = self.desk.new_id(), self.desk.now()
        secret = self.desk.random(_SECRET).hex()
        expires = now + timedelta(days=wanted.days)
        scopes = tuple(scope for scope in SCOPES if scope in wanted.scopes)
        table = tables.api_tokens
        kept = _Kept(wanted.name, actor.company, actor.person, actor.person_name, actor.role.value, actor.authorisation)
        with writing(self.desk.engine) as tx:
            own = table.c.uscc == str(actor.uscc)
            live = select(func.count()).where(own, table.c.state == "live", table.c.expires_at > now)
            if tx.execute(live).scalar_one() >= MAX_TOKENS:
                raise SigningLimitError(f"一个单位最多有 {MAX_TOKENS} 个有效的接口令牌")
            tx.execute(
                insert(table).values(
                    id=name,
                    uscc=str(actor.uscc),
                    secret_sm3=_digest(secret),
                    scopes=" ".join(scopes),
                    sealed=seal_value(self.desk, f"api_tokens/{name}", kept),
                    state="live",
                    created_at=now,
                    expires_at=expires,
                    checked_at=now,
                )
            )
        token = Token(name, wanted.name, scopes, "live", actor.person_name, now, expires, None)
        return token, f"{PREFIX}{name}{secret}"

    def all(self, uscc: str) -> list[Token]:
        """Answer a unit's tokens, newest first."""
        table = tables.api_tokens
        query = select(table).where(table.c.uscc == uscc).order_by(table.c.created_at.desc(), table.c.id)
        with reading(self.desk.engine) as tx:
            return [self._token(row) for row in tx.execute(query).all()]

    def revoke(self, uscc: str, name: str) -> None:
        """End a token for good; again is no fault. NoSuchTokenError."""
        table = tables.api_tokens
        with writing(self.desk.engine) as tx:
            own = select(table.c.state).where(table.c.id == name, table.c.uscc == uscc)
            state = tx.execute(own).scalar_one_or_none()
            if state is None:
                raise NoSuchTokenError(name)
            if state == "live":
                tx.execute(update(table).where(table.c.id == name).values(state="revoked", ended_at=self.desk.now()))

    def who(self, text: str) -> Principal:
        """Answer for whom a token stands. TokenRefusedError, which says nothing of what is wrong with it."""
        row = self._find(text)
        now, table = self.desk.now(), tables.api_tokens
        if now - row.checked_at > _CHECKED:
            self._check(row)
        if row.used_at is None or now - row.used_at > _SEEN:
            with writing(self.desk.engine) as tx:
                tx.execute(update(table).where(table.c.id == row.id).values(used_at=now))
        return Principal(row.uscc, frozenset(row.scopes.split()), row.id)

    def require_entitled(self, actor: Actor) -> None:
        """Ask the register whether a person may still use the unit's seals.

        The identity error that says why not; LicencePlatformUnavailableError.
        """
        register = self.desk.ports.register
        licence = register.fetch_licence(str(actor.uscc))
        licence.state.require()
        if actor.role is Role.AGENT:
            found = register.fetch_authorisation(actor.authorisation)
            granted = parse_authorisation(found.authorisation)
            require_authorised(granted, found.state, item="seal", at=self.desk.now())
            if (granted.uscc, granted.person) != (str(actor.uscc), actor.person):
                raise PersonNotEntitledError(actor.person_name)
        elif licence.legal_representative.person != actor.person:
            raise PersonNotEntitledError(actor.person_name)

    def _find(self, text: str) -> Any:
        name, secret = text.removeprefix(PREFIX)[:_ID_CHARACTERS], text.removeprefix(PREFIX)[_ID_CHARACTERS:]
        table = tables.api_tokens
        with reading(self.desk.engine) as tx:
            row = tx.execute(select(table).where(table.c.id == name)).one_or_none()
        expected = row.secret_sm3 if row is not None else "0" * 64
        same = compare_digest(expected, _digest(secret))  # always, so that its time tells nothing
        plain = text.startswith(PREFIX) and len(secret) == _SECRET_CHARACTERS
        if row is None or not (same and plain) or row.state != "live" or self.desk.now() >= row.expires_at:
            raise TokenRefusedError("no such token")
        return row

    def _check(self, row: Any) -> None:
        """Ask the register anew; a register that does not answer ends nothing, as each act asks it by itself."""
        kept = open_value(self.desk, f"api_tokens/{row.id}", row.sealed, _Kept)
        actor = Actor(
            uscc=UnifiedSocialCreditCode(row.uscc),
            company=kept.company,
            person=kept.person,
            person_name=kept.person_name,
            role=Role(kept.role),
            authorisation=kept.authorisation,
        )
        try:
            self.require_entitled(actor)
        except LicencePlatformUnavailableError:
            return
        except IdentityError as error:
            raise TokenRefusedError("whoever made the token may not act any more") from error
        table = tables.api_tokens
        with writing(self.desk.engine) as tx:
            tx.execute(update(table).where(table.c.id == row.id).values(checked_at=self.desk.now()))

    def _token(self, row: Any) -> Token:
        kept = open_value(self.desk, f"api_tokens/{row.id}", row.sealed, _Kept)
        state = row.state if row.state != "live" or self.desk.now() < row.expires_at else "expired"
        scopes = tuple(row.scopes.split())
        by, when = kept.person_name, row.created_at
        return Token(row.id, kept.name, scopes, state, by, when, row.expires_at, row.used_at)


def of_session(actor: Actor) -> Principal:
    """Answer what a logged-in person of a unit may ask for: everything."""
    return Principal(str(actor.uscc), frozenset((*SCOPES, "tokens:manage")), "", actor)


def _digest(secret: str) -> str:
    return sm3(b"yizhao-api-token\0", secret.encode("utf-8", "replace")).hex()


@dataclass
class RateLimit:
    """So many requests a minute for one caller, counted in this process."""

    limit: int
    clock: Callable[[], datetime]
    _counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def take(self, caller: str) -> tuple[int, int]:
        """Count one request; answers how many are left (-1: too many), and the seconds until the count begins anew."""
        at = self.clock()
        minute, left = int(at.timestamp()) // 60, 60 - int(at.timestamp()) % 60
        if len(self._counts) > 10_000:  # noqa: PLR2004 - far over the callers of one minute
            self._counts.clear()
        known, count = self._counts.get(caller, (minute, 0))
        count = count + 1 if known == minute else 1
        self._counts[caller] = minute, min(count, self.limit + 1)
        return max(self.limit - count, -1), left


def names(scopes: Sequence[str]) -> list[str]:
    """Answer scopes as people here read them."""
    return [_NAMES.get(scope, scope) for scope in scopes]


_NAMES: Final = {
    "signings:read": "查询签署、取文件",
    "signings:write": "发起签署",
    "webhooks:manage": "管理通知地址",
    "seal-uses:read": "查询用章记录",
}
