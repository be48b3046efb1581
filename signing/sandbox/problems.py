"""Errors of the sandboxes as RFC 9457 problem+json."""

from typing import Any

from litestar import Response

from signing import canonical

PROBLEM_JSON = "application/problem+json"


def problem(status: int, code: str, title: str, detail: str) -> Response[Any]:
    """Answer a problem: a stable snake_case code, a title, and a Chinese sentence that says what to do."""
    body = {"type": f"urn:yizhao:signing:{code}", "title": title, "status": status, "code": code, "detail": detail}
    return Response(canonical.encode(body), status_code=status, media_type=PROBLEM_JSON)
