"""Reading the parameters of a CSC request: unknown ones are tolerated, wrong ones told in the standard's words."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from msgspec import Struct

from signing import canonical
from signing.errors import LimitError, MalformedError
from signing.sandbox.csc_errors import CscRefusal, invalid

BODY_LIMIT: Final = canonical.MAX_DOCUMENT - (128 << 10)
"""Bytes of a request, so that what is kept of it stays within one canonical document."""
_MOST_HASHES: Final = 1000


class _Object(Struct):
    """Any JSON object, to meet its limits first."""


@dataclass(frozen=True)
class Parameters:
    """The members of a request's JSON object; `null` means absent. Every method raises CscRefusal."""

    values: dict[str, Any] = field(repr=False)

    def text(self, name: str, *others: str) -> str:
        """Answer a required string, under its name or an older one."""
        found = self.optional(name, *others)
        if not found:
            raise _missing("string", name)
        return found

    def optional(self, name: str, *others: str) -> str:
        """Answer a string, empty when absent."""
        found = self._find(name, *others)
        if found is None:
            return ""
        if not isinstance(found, str):
            raise _missing("string", name)
        return found

    def number(self, name: str) -> int:
        """Answer a required integer."""
        found = self._find(name)
        if not isinstance(found, int) or isinstance(found, bool):
            raise _missing("integer", name)
        return found

    def flag(self, name: str) -> bool:
        """Answer a boolean, false when absent."""
        found = self._find(name)
        if found is not None and not isinstance(found, bool):
            raise _missing("boolean", name)
        return bool(found)

    def hashes(self, *, required: bool) -> tuple[bytes, ...]:
        """Answer `hashes` (v2) or `hash` (v1), decoded from Base64; empty when absent and not required."""
        found = self._find("hashes", "hash")
        if found is None and not required:
            return ()
        if not isinstance(found, list) or len(found) > _MOST_HASHES:
            raise _missing("array", "hashes")
        if not found:
            raise CscRefusal("Empty hash array", "malformed_request")
        return tuple(read_base64(one, "hash") for one in found)

    def octets(self, name: str) -> bytes:
        """Answer Base64 of any content, empty when absent."""
        text = self.optional(name)
        return read_base64(text, name) if text else b""

    def factors(self) -> dict[str, str]:
        """Answer the authentication objects by id: `authData` of v2, or `PIN` of v1."""
        objects, pin = self._find("authData"), self.optional("PIN")
        found = {"PIN": pin} if pin else {}
        if objects is None:
            return found
        if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
            raise _missing("array", "authData")
        for one in objects:
            member = Parameters(one)
            found[member.text("id")] = member.optional("value")
        return found

    def _find(self, *names: str) -> Any:
        return next((self.values[name] for name in names if self.values.get(name) is not None), None)


def read_parameters(body: bytes) -> Parameters:
    """Read a request; an empty body is an object without members. CscRefusal for what is no JSON object."""
    try:
        canonical.decode_lenient(body or b"{}", _Object)
        return Parameters(msgspec.json.decode(body or b"{}", type=dict[str, Any]))
    except LimitError as error:
        raise CscRefusal("The request is too large", "too_large", status=413) from error
    except (MalformedError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CscRefusal("The request is not a JSON object", "malformed_request") from error


def read_base64(text: Any, name: str) -> bytes:
    """Decode strict Base64; CscRefusal."""
    if not isinstance(text, str):
        raise invalid(name)
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise CscRefusal(f"Invalid Base64 {name} string parameter", "malformed_request") from error


def _missing(kind: str, name: str) -> CscRefusal:
    return CscRefusal(f"Missing (or invalid type) {kind} parameter {name}", "malformed_request")
