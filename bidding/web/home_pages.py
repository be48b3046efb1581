"""The first page of the verification role."""

from typing import Any

from litestar import get
from litestar.response import Redirect


@get("/", sync_to_thread=False, include_in_schema=False)
def verify_home() -> Redirect:
    """Lead to the one thing that this role does."""
    return Redirect("/verify", status_code=303)


VERIFY_HOME: list[Any] = [verify_home]
