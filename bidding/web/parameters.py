"""Parameters of addresses that many routes share."""

from typing import Annotated

from litestar.params import QueryParameter

StageQuery = Annotated[int, QueryParameter(ge=0, le=9)]
"""An opening stage (开标阶段); bounded before any database is asked, which knows no larger numbers."""
