"""Login by e-licence and the session that comes of it (执照登录), for the workbench and the centre alike.

The rules of RFC 10027 (trust.md C.2): the QR code carries a one-time reference and never a session; the asking
browser holds a secret from before the code is shown, and only with it the answer is fetched; the session's token is
new, so that nobody can fix one in advance. Of every secret the database keeps SM3 only.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Final

from msgspec import Struct
from sqlalchemy import Engine, Row, delete, func, insert, select, update

from bidding.errors import LoginFailedError, NotLoggedInError, NotStaffError
from identity.actor import Actor, Role, parse_authorisation, require_authorised
from identity.errors import (
    IdentityError,
    LicencePlatformUnavailableError,
    PersonNotEntitledError,
    TooManyPendingError,
)
from identity.login import SignedLogin, parse_assertion, verify_assertion
from identity.ports import Register, Wallet
from identity.uscc import UnifiedSocialCreditCode
from signing import canonical
from signing.digests import sm3
from signing.path import TrustAnchors
from storage.database import reading, writing
from storage.models.sessions import login_requests, login_sessions
from storage.secrets import FieldCipher

IDLE: Final = timedelta(minutes=30)
LONGEST: Final = timedelta(hours=8)
MOST_WAITING: Final = 50
"""Logins that wait at once for one network address."""
_SEEN: Final = timedelta(seconds=30)
"""How exactly the last use is kept, and how soon after a cancelled authorisation or licence a session ends."""
_KEPT: Final = timedelta(hours=1)
"""How long a login request is remembered after it is over."""
_SECRET: Final = 32
"""Bytes of a token or browser secret."""
_PLACE: Final = "login_sessions"


@dataclass(frozen=True)
class BrowserLogin:
    """A login that waits: `id` and `secret` (64 hex digits) stay with the asking browser or program.

    Only `url`, as QR code or link, and the two digits are shown.
    """

    id: str
    url: str
    number: str
    expires_at: datetime
    secret: str = field(repr=False)


@dataclass(frozen=True)
class LoginState:
    """pending, scanned, confirmed, refused, expired or failed; the session's token comes once, with `confirmed`."""

    state: str
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Session:
    """Who is logged in. A form that changes something carries `csrf`; `expires_at` is the absolute end."""

    actor: Actor
    csrf: str = field(repr=False)
    expires_at: datetime
    idle_until: datetime


class _Who(Struct, frozen=True, forbid_unknown_fields=True):
    uscc: str
    company: str
    person: str
    person_name: str
    role: str
    authorisation: str


@dataclass(frozen=True)
class LoginDesk:
    """Logins and sessions of one party. `trust` answers the trust list with fresh revocation lists.

    `audience` and `purpose` are shown on the wallet. With `only_uscc` nobody but this unit's people gets in; with
    `staff_of` others get in as well, and this unit's people are the staff.
    `secure` marks cookies so, where browsers reach us by https.
    """

    engine: Engine
    wallet: Wallet
    register: Register
    trust: Callable[[], TrustAnchors]
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    audience: str
    purpose: str
    only_uscc: str = ""
    staff_of: str = ""
    secure: bool = False

    def begin(self, address: str = "") -> BrowserLogin:
        """Ask the wallet for a login. TooManyPendingError, LicencePlatformUnavailableError."""
        self._require_room(address)
        challenge, number = self.random(32), f"{int.from_bytes(self.random(4)) % 100:02d}"
        pending = self.wallet.request_login(
            audience=self.audience, purpose=self.purpose, challenge=challenge, number=number
        )
        secret = self.random(_SECRET).hex()
        login = BrowserLogin(self.random(16).hex(), pending.url, number, pending.expires_at, secret)
        with writing(self.engine) as tx:
            tx.execute(delete(login_requests).where(login_requests.c.expires_at < self.clock() - _KEPT))
            tx.execute(
                insert(login_requests).values(
                    id=login.id,
                    secret_sm3=_digest(secret),
                    wallet_id=pending.id,
                    challenge=challenge,
                    url=login.url,
                    number=number,
                    address=address,
                    state="pending",
                    expires_at=login.expires_at,
                )
            )
        return login

    def show(self, login: str, secret: str) -> BrowserLogin:
        """Show a login once more to the browser that began it; LoginFailedError."""
        row = self._request(login, secret)
        return BrowserLogin(row.id, row.url, row.number, row.expires_at, secret)

    def poll(self, login: str, secret: str) -> LoginState:
        """Ask how a login stands; when it is confirmed, judge it once and make a session.

        LoginFailedError for an unknown login or another browser's; when the answer does not hold, NotStaffError,
        the identity error that says why, or VerdictError: the challenge is used up then as well.
        """
        row = self._request(login, secret)
        if row.state != "pending":
            return LoginState(row.state)
        answer = self.wallet.fetch_login(row.wallet_id)
        if answer.state == "confirmed" and answer.assertion is not None:
            return self._confirm(row, answer.assertion)
        if answer.state in ("refused", "expired") or self.clock() > row.expires_at:
            state = "refused" if answer.state == "refused" else "expired"
            self._settle(login, state)
            return LoginState(state)
        return LoginState(answer.state)

    def who(self, token: str) -> Session:
        """Answer the session of a token; NotLoggedInError when there is none, or it is over."""
        now, table = self.clock(), login_sessions
        with reading(self.engine) as tx:
            row = tx.execute(select(table).where(table.c.token_sm3 == _digest(token))).one_or_none()
        if row is None or row.ended_at is not None:
            raise NotLoggedInError("no such session")
        if now >= row.expires_at or now >= row.seen_at + IDLE:
            raise NotLoggedInError("the session is over")
        actor = _actor(canonical.decode(self._cipher(token).open(_PLACE, row.sealed), _Who))
        if now > row.seen_at + _SEEN:
            self._require_entitled_still(actor, token)
            with writing(self.engine) as tx:
                tx.execute(update(table).where(table.c.token_sm3 == row.token_sm3).values(seen_at=now))
        return Session(actor, csrf_of(token), row.expires_at, min(now + IDLE, row.expires_at))

    def require_staff(self, actor: Actor) -> None:
        """Raise NotStaffError unless this is a person of the party's own unit; of nobody while none is named."""
        own = self.staff_of or self.only_uscc
        if not own or actor.uscc != own:
            raise NotStaffError("not a person of this unit")

    def logout(self, token: str) -> None:
        """End the session of a token; an unknown one is no fault."""
        table = login_sessions
        with writing(self.engine) as tx:
            change = update(table).where(table.c.token_sm3 == _digest(token), table.c.ended_at.is_(None))
            tx.execute(change.values(ended_at=self.clock()))

    def _require_entitled_still(self, actor: Actor, token: str) -> None:
        """End the session of whoever may not log in any more: licence revoked, authorisation cancelled or over.

        A register that does not answer ends nothing; each act asks it again by itself.
        """
        try:
            licence = self.register.fetch_licence(str(actor.uscc))
            licence.state.require()
            if actor.role is Role.AGENT:
                found = self.register.fetch_authorisation(actor.authorisation)
                granted = parse_authorisation(found.authorisation)
                require_authorised(granted, found.state, item="login", at=self.clock())
            elif licence.legal_representative.person != actor.person:
                raise PersonNotEntitledError(actor.person_name)
        except LicencePlatformUnavailableError:
            return
        except IdentityError as error:
            self.logout(token)
            raise NotLoggedInError("the person may not log in any more") from error

    def _cipher(self, token: str) -> FieldCipher:
        return FieldCipher(bytes.fromhex(token), self.random)

    def _require_room(self, address: str) -> None:
        table = login_requests
        waiting = select(func.count()).where(
            table.c.address == address, table.c.state == "pending", table.c.expires_at > self.clock()
        )
        with reading(self.engine) as tx:
            if tx.execute(waiting).scalar_one() >= MOST_WAITING:
                raise TooManyPendingError("too many logins wait")

    def _request(self, login: str, secret: str) -> Row[tuple[object, ...]]:
        with reading(self.engine) as tx:
            row = tx.execute(select(login_requests).where(login_requests.c.id == login)).one_or_none()
        if row is None or not compare_digest(row.secret_sm3, _digest(secret)):
            raise LoginFailedError("no such login in this browser")
        return row

    def _settle(self, login: str, state: str) -> bool:
        """Bring a pending login to its end and forget the challenge; False if another request did."""
        table = login_requests
        with writing(self.engine) as tx:
            change = update(table).where(table.c.id == login, table.c.state == "pending")
            return tx.execute(change.values(state=state, challenge=None, address="")).rowcount == 1

    def _confirm(self, row: Row[tuple[object, ...]], signed: SignedLogin) -> LoginState:
        """Judge one answer once: whoever settles the request first goes on, and nobody else.

        The register is asked before, so that its silence spends nothing.
        """
        judge = self._prepare_judging(signed)
        if not self._settle(row.id, "failed"):
            return LoginState("confirmed")
        actor = judge(row.challenge)
        token, now = self.random(_SECRET).hex(), self.clock()
        with writing(self.engine) as tx:
            tx.execute(
                insert(login_sessions).values(
                    token_sm3=_digest(token),
                    sealed=self._cipher(token).seal(_PLACE, canonical.encode(_who(actor))),
                    created_at=now,
                    seen_at=now,
                    expires_at=now + LONGEST,
                )
            )
            tx.execute(update(login_requests).where(login_requests.c.id == row.id).values(state="confirmed"))
        return LoginState("confirmed", token)

    def _prepare_judging(self, signed: SignedLogin) -> Callable[[bytes], Actor]:
        """Ask everybody for the evidence; what is answered judges the login for a challenge."""
        assertion = parse_assertion(signed)
        licence = self.register.fetch_licence(assertion.uscc)
        agent = assertion.role is Role.AGENT
        authorisation = self.register.fetch_authorisation(assertion.authorisation) if agent else None
        anchors = self.trust()

        def judge(challenge: bytes) -> Actor:
            if self.only_uscc and assertion.uscc != self.only_uscc:
                raise NotStaffError("only the people of this unit log in here")
            licence.state.require()
            return verify_assertion(
                signed,
                anchors=anchors,
                evidence=anchors.evidence,
                at=self.clock(),
                challenge=challenge,
                audience=self.audience,
                licence=licence,
                authorisation=authorisation,
            ).require()

        return judge


def csrf_of(token: str) -> str:
    """Answer what forms of this session carry: known only to who knows the token, and telling nothing of it."""
    return sm3(b"yizhao-csrf\0", token.encode()).hex()


def _digest(secret: str) -> str:
    return sm3(b"yizhao-session\0", secret.encode()).hex()


def _who(actor: Actor) -> _Who:
    return _Who(str(actor.uscc), actor.company, actor.person, actor.person_name, actor.role.value, actor.authorisation)


def _actor(who: _Who) -> Actor:
    return Actor(
        uscc=UnifiedSocialCreditCode(who.uscc),
        company=who.company,
        person=who.person,
        person_name=who.person_name,
        role=Role(who.role),
        authorisation=who.authorisation,
    )
