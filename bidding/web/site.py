"""What every page of one party needs: its name, its navigation, the hour, and who is looking."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from litestar import Request
from litestar.response import Template

BEIJING = timezone(timedelta(hours=8), "北京时间")
_CLOCKS = {"system-clock-at-start+monotonic": "交易中心本机时钟（启动时取，此后单调计时）"}


@dataclass(frozen=True)
class Viewer:
    """Who is logged in, as the pages show it."""

    company: str
    uscc: str
    person: str
    person_name: str
    role_name: str


@dataclass(frozen=True)
class Site:
    """One party's site."""

    party: str
    nav: tuple[tuple[str, str], ...]
    sandbox: bool
    clock: Callable[[], datetime]

    def page(self, request: Request[Any, Any, Any], template: str, *, status: int = 200, **context: Any) -> Template:
        """Render a template with what all pages share."""
        now = self.clock()
        shared: Mapping[str, Any] = {
            "party": self.party,
            "nav": self.nav,
            "sandbox": self.sandbox,
            "path": request.url.path,
            "now_iso": now.isoformat(),
            "now_text": beijing(now),
            "clock_name": clock_name,
        }
        return Template(template, context={**shared, **context}, status_code=status)


def beijing(instant: datetime) -> str:
    """Answer an instant as people here read it, to the second."""
    return instant.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def clock_name(source: str) -> str:
    """Answer the name of a time source for people; one that is unknown here as it stands."""
    return _CLOCKS.get(source, source)


def file_size(size: int) -> str:
    """Answer a size for people: 12 字节, 3.4 KB, 5.6 MB."""
    if size < 1000:  # noqa: PLR2004
        return f"{size} 字节"
    return f"{size / 1000:.1f} KB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"  # noqa: PLR2004
