"""What all pages of the trading centre share: who is looking, who is staff, how a refusal is shown on the page."""

from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import segno
from litestar import Request
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.response import Template
from markupsafe import Markup

from bidding.centre.house import Arrival
from bidding.centre.service import Centre
from bidding.errors import BiddingError, NotLoggedInError
from bidding.sessions import LoginDesk, Session
from bidding.web.errors import words_of
from bidding.web.login_pages import page_context, provide_session
from bidding.web.site import Site, beijing
from bidding.web.upload import address_of
from identity.actor import Actor
from identity.errors import IdentityError
from sealing.errors import SealingError
from signing.errors import SigningError
from storage.errors import StorageError

AnyRequest = Request[Any, Any, Any]
REFUSALS: Final = (BiddingError, IdentityError, SealingError, SigningError, StorageError)
"""What a page tells as a notice instead of giving way to the error page."""


@dataclass(frozen=True)
class Visit:
    """One request for a page of the centre, by whoever looks."""

    request: AnyRequest
    centre: Centre
    site: Site
    session: Session | None

    @property
    def staff(self) -> bool:
        """Whether this is one of the centre's own people."""
        return self.session is not None and str(self.session.actor.uscc) == self.centre.house.uscc

    @property
    def actor(self) -> Actor:
        """Who is logged in. NotLoggedInError."""
        if self.session is None:
            raise NotLoggedInError("no session")
        return self.session.actor

    def arrival(self) -> Arrival:
        """Now, from this request's address."""
        return self.centre.arrival(address_of(self.request))

    def template(self, name: str, *, status: int = 200, **context: Any) -> Template:
        """Render a page with what it needs of whoever looks at it."""
        known = page_context(self.session) if self.session is not None else {}
        shared = {**known, "staff": self.staff, "logged_in": self.session is not None, "t": beijing}
        return self.site.page(self.request, name, status=status, **{**shared, **context})


async def provide_guest(
    request: AnyRequest,
    desk: NamedDependency[LoginDesk],
    centre: NamedDependency[SkipValidation[Centre]],
    site: NamedDependency[Site],
) -> Visit:
    """Answer the visit of a public page, with a session if there is one."""
    try:
        return Visit(request, centre, site, await provide_session(request, desk))
    except NotLoggedInError:
        return Visit(request, centre, site, None)


async def provide_member(
    request: AnyRequest,
    centre: NamedDependency[SkipValidation[Centre]],
    site: NamedDependency[Site],
    session: NamedDependency[Session],
) -> Visit:
    """Answer the visit of somebody logged in."""
    return Visit(request, centre, site, session)


def status_of(error: Exception) -> int:
    """Answer the status that goes with a refusal."""
    return words_of(error).status


def attachment(name: str) -> dict[str, str]:
    """Answer the headers of a download under its own name."""
    plain = name.rpartition("/")[2] or "file"
    disposition = f"attachment; filename*=UTF-8''{quote(plain, safe='')}"
    return {"content-disposition": disposition, "cache-control": "no-store"}


def qr_of(url: str) -> Markup:
    """Draw an address as a QR code."""
    picture = segno.make_qr(url, error="m").svg_inline(omitsize=True, border=2)
    return Markup(picture)  # noqa: S704 - drawn by the library, holds no text
