"""Refusals of the sandbox's CSC face, in the standard's words (CSC API v2.0.0.2, chapter 10), with codes of our own."""

from typing import Final

from signing.errors import KeyServiceRefusedError
from signing.sandbox.redeeming import RefusedByWalletError

INVALID_REQUEST: Final = "invalid_request"


class CscRefusal(KeyServiceRefusedError):  # noqa: N818 - every member of the family is a refusal
    """An answer of status 4xx or 503: `error` and `description` are the standard's, `code` and `detail` are ours."""

    def __init__(
        self, description: str, code: str, *, error: str = INVALID_REQUEST, status: int = 400, detail: str = ""
    ) -> None:
        """Keep what the answer says; `detail` is a Chinese sentence for people."""
        super().__init__(code, detail or description)
        self.description, self.error, self.status, self.detail = description, error, status, detail


def invalid(parameter: str, code: str = "malformed_request") -> CscRefusal:
    """Make the refusal of a parameter's value."""
    return CscRefusal(f"Invalid parameter {parameter}", code)


def denied(error: RefusedByWalletError) -> CscRefusal:
    """Make the refusal that passes on what the wallet said."""
    return CscRefusal("The consent does not allow this", error.code, error="access_denied", detail=str(error))


def unavailable(code: str, detail: str) -> CscRefusal:
    """Make the answer that asks to come again."""
    description = "The service cannot answer now; the same request may be repeated"
    return CscRefusal(description, code, error="temporarily_unavailable", status=503, detail=detail)
