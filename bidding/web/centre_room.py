"""The opening room as one value: the person of the centre who is in it, what they may see, and how it is shown."""

from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.response import Template

from bidding.centre.hosting import Hosting
from bidding.centre.house import Arrival
from bidding.centre.opening import OpenedDocument
from bidding.centre.sections import Section
from bidding.centre.service import Centre
from bidding.errors import NoLiveBidError
from bidding.sessions import Session
from bidding.web.centre_common import AnyRequest, status_of
from bidding.web.centre_opening_view import OpeningPage, current_stage, read_opening, seal_waits, stage_line
from bidding.web.drawing import two_locks
from bidding.web.errors import notice_of
from bidding.web.login_pages import page_context
from bidding.web.site import Site, beijing
from bidding.web.upload import address_of
from identity.actor import Actor


@dataclass(frozen=True)
class Room:
    """One request of one member of the centre's staff."""

    request: AnyRequest
    centre: Centre
    hosting: Hosting
    site: Site
    session: Session

    @property
    def staff(self) -> Actor:
        """Who is in the room."""
        return self.session.actor

    @property
    def who(self) -> str:
        """The same, as the journal has it."""
        return f"{self.staff.person_name} {self.staff.person}"

    def arrival(self) -> Arrival:
        """Now, from this request's address."""
        return self.centre.arrival(address_of(self.request))

    def template(self, name: str, *, status: int = 200, **context: Any) -> Template:
        """Render a page of somebody logged in."""
        return self.site.page(self.request, name, status=status, **{**page_context(self.session), **context})

    def page(self, code: str, stage: int) -> OpeningPage:
        """Read the opening of a stage, or of the current one where there is no such; the section is closed."""
        section = self.centre.sections.get(code)
        phases = self.centre.sections.phases(section, self.centre.house.clock())
        return read_opening(self.centre, section, stage if stage in phases else current_stage(phases), phases)

    def show(self, page: OpeningPage, *, status: int = 200, fragment: bool = False, **more: Any) -> Response[Any]:
        """Show the room, or its live part alone."""
        template = "centre_opening_live.html" if fragment else "centre_opening.html"
        context = {**page.context(), "waits": seal_waits(self.hosting, page), **more}
        return self.template(template, status=status, **context)

    def refused(self, code: str, stage: int, error: Exception) -> Response[Any]:
        """Show the room as it is, with the refusal on top; before the closing there is no room to show."""
        if self.centre.sections.get(code).closed_at is None:
            raise error
        return self.show(self.page(code, stage), status=status_of(error), notice=notice_of(error))

    def wall(self, section: Section, error: Exception) -> Response[Any]:
        """Show the wall; the attempt was noted."""
        return self.template(
            "centre_wall.html",
            status=status_of(error),
            section=section,
            params=section.params,
            steps=stage_line("bidding"),
            attempts=self.hosting.attempts(section.code),
            locks=two_locks(),
            notice={**notice_of(error), "kind": "warn"},
            t=beijing,
        )

    def closing(self, section: Section) -> Response[Any]:
        """Show that what came in time is still being put away."""
        return self.template(
            "centre_closing.html",
            section=section,
            params=section.params,
            now=self.centre.house.clock(),
            steps=stage_line("closing"),
            locks=two_locks(),
            t=beijing,
        )

    def document(self, code: str, stage: int, bundle: str, document: str) -> OpenedDocument:
        """Answer an opened document; SealedUntilOpeningError, NoLiveBidError."""
        self.centre.wall.require_closed(code, self.staff, "documents", self.arrival())
        for found in self.centre.opening.documents_of(code, stage, bundle):
            if found.document == document:
                return found
        raise NoLiveBidError("no such document")


async def provide_room(
    request: AnyRequest,
    centre: NamedDependency[SkipValidation[Centre]],
    hosting: NamedDependency[SkipValidation[Hosting]],
    site: NamedDependency[Site],
    session: NamedDependency[Session],
) -> Room:
    """Let the centre's own people in; NotAllowedError for anybody else who is logged in."""
    centre.wall.require_staff(session.actor)
    return Room(request, centre, hosting, site, session)
