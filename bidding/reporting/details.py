"""Who reports to whom: what stands in a report beside the answer (报告编号、委托、核验机构、核验人、复核人)."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from msgspec import Meta, Struct

from signing import canonical
from signing.digests import sm3

_MAX_NUMBER: Final = 80
_MAX_ADDRESS: Final = 300
"""Characters: a QR code on paper must stay readable."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
Line = Annotated[str, Meta(max_length=200)]


class ReportDetails(Struct, frozen=True, forbid_unknown_fields=True):
    """What the operating agency (核验机构) says about its report; what is empty is left blank on the paper.

    `check_url` is where anybody may have the file judged again; it stands in the QR code.
    """

    issued_at: datetime | None = None
    number: Line = ""
    commission: Annotated[str, Meta(max_length=600)] = ""
    applicant: Line = ""
    agency: Line = ""
    agency_uscc: Line = ""
    examiner: Line = ""
    reviewer: Line = ""
    policy: Line = ""
    policy_fingerprint: Line = ""
    check_url: Annotated[str, Meta(max_length=300, pattern=r"^(https?://[!$-~]*)?$")] = ""


def answer_bytes(answer: Mapping[str, Any]) -> bytes:
    """Answer the one byte form of an answer that reports carry and digest: sorted keys, UTF-8, no spaces."""
    text = json.dumps(answer, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")  # the name of a file need not be text


def recheck_reference(details: ReportDetails, file_sm3: str, answer: bytes) -> str:
    """Answer what the QR code holds: which report, which file, which answer (SM3, hex), and where to ask again.

    With an address they are its fragment: a telephone opens it, and its server learns no digest by the opening alone.
    What is no digest is left out, whatever a kept answer calls one.
    """
    number = details.number[:_MAX_NUMBER].encode("utf-8", "backslashreplace").decode()
    told = {"R": number, "F": file_sm3 if _DIGEST.fullmatch(file_sm3) else "", "J": sm3(answer).hex()}
    if 0 < len(details.check_url) <= _MAX_ADDRESS:
        return f"{details.check_url}#{urlencode({key: value for key, value in told.items() if value})}"
    return "\n".join(f"{key}:{value}" for key, value in told.items() if value)


def details_sm3(details: ReportDetails) -> str:
    """Answer SM3 (hex) of the canonical form of the details."""
    return sm3(canonical.encode(details)).hex()
