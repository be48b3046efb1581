"""The answer of a verification as typed values: what a report reads from the JSON object of `FileReport.as_json()`.

Fields that are not known here are left alone, so that an answer may be older or newer than its report. Whoever kept
an answer may have changed it: limits stand in the types, and nothing here is executed or opened.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from bidding.errors import ReportAnswerError

MAX_SIGNATURES: Final = 400
MAX_CHECKS: Final = 400
MAX_CHANGES: Final = 2000

_MAX_TEXT: Final = 4000
Text = Annotated[str, Meta(max_length=_MAX_TEXT)]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in millimetres from the upper left corner of the page as displayed."""


class CheckFacts(Struct, frozen=True):
    """One check. `text` is the sentence for its answer; `why` the particulars of the case."""

    name: Text = ""
    code: Text = ""
    result: Text = "unknown"
    why: Text = ""
    text: Text = ""
    step: Text = ""


class ChangeFacts(Struct, frozen=True):
    """One change after a signature; `page` from 1, None for the file as a whole."""

    what: Text = ""
    allowed: bool = False
    page: int | None = None
    kind: Text = ""
    boxes: Annotated[tuple[Box, ...], Meta(max_length=200)] = ()


class CertificateFacts(Struct, frozen=True):
    """A certificate; times are ISO 8601."""

    subject: Text = ""
    name: Text = ""
    issuer: Text = ""
    serial: Text = ""
    not_before: Text | None = None
    not_after: Text | None = None
    sm3: Text = ""
    sha256: Text = ""
    algorithm: Text = ""


class SignerFacts(Struct, frozen=True):
    """Who signed, by the certificate."""

    name: Text = ""
    uscc: Text = ""
    serial: Text = ""


class PictureFacts(Struct, frozen=True):
    """The picture inside a seal, as stored: base64 of its bytes, empty when it was too large to carry."""

    format: Text = ""
    sm3: Text = ""
    data: Annotated[str, Meta(max_length=2_000_000)] = ""


class SealPart(Struct, frozen=True):
    """What a seal says of itself."""

    name: Text = ""
    kind: Text = ""
    number: Text = ""
    maker: Text = ""
    not_before: Text | None = None
    not_after: Text | None = None
    picture: PictureFacts | None = None


class RevocationFacts(Struct, frozen=True):
    """What was asked about revocation, and who answered as of when."""

    status: Text = ""
    source: Text = ""
    issuer: Text = ""
    this_update: Text | None = None
    next_update: Text | None = None
    revoked_at: Text | None = None
    reason: Text = ""


class PolicyPart(Struct, frozen=True):
    """By which policy it was judged."""

    id: Text = ""
    version: Text = ""
    fingerprint: Text = ""


class SincePart(Struct, frozen=True):
    """What was good at the signing and is not now: it undoes nothing, and is told apart."""

    text: Text = ""
    at: Text | None = None


class ProofPart(Struct, frozen=True):
    """What proves that the signature existed, and as of when."""

    at: Text | None = None
    by: Text = ""
    kind: Text = ""


class StatePart(Struct, frozen=True):
    """How the question about the seal's state at its platform ended."""

    finding: Text = ""
    text: Text = ""
    asked_at: Text | None = None


class BlockPart(Struct, frozen=True):
    """How one building block of EN 319 102-1 ended."""

    result: Text = ""
    sub_indication: Text = ""


class SignatureFacts(Struct, frozen=True):
    """One signature, seal or timestamp. `signed_bytes` is the length of the version that was signed, 0 if unknown."""

    id: Text = ""
    kind: Text = "signature"
    kind_name: Text = ""
    profile: Text = ""
    indication: Text = "INDETERMINATE"
    sub_indication: Text | None = ""
    signer: SignerFacts | None = None
    seal: SealPart | None = None
    signed_at: Text | None = None
    time_source: Text = "none"
    authority: Text = ""
    covers: Text = "partial"
    covered: tuple[Text, ...] = ()
    page: int | None = None
    changes_after: Annotated[tuple[ChangeFacts, ...], Meta(max_length=MAX_CHANGES)] = ()
    checks: Annotated[tuple[CheckFacts, ...], Meta(max_length=MAX_CHECKS)] = ()
    certificate: CertificateFacts | None = None
    chain: Annotated[tuple[CertificateFacts, ...], Meta(max_length=20)] = ()
    revocation: RevocationFacts | None = None
    algorithms: Annotated[tuple[Text, ...], Meta(max_length=20)] = ()
    signed_bytes: int = 0
    policy: PolicyPart | None = None
    since: Annotated[tuple[SincePart, ...], Meta(max_length=20)] = ()
    poe: ProofPart | None = None
    seal_state: StatePart | None = None
    building_blocks: Annotated[dict[str, BlockPart], Meta(max_length=40)] = {}


class TrustFacts(Struct, frozen=True):
    """Which trust list was asked."""

    name: Text = ""
    version: Text = ""
    sandbox: bool = False
    fingerprint: Text = ""


class FileFacts(Struct, frozen=True):
    """One answer. `size` in bytes and `pages` are 0 where the answer does not tell; `at` is ISO 8601 or empty."""

    file: Text
    indication: Text
    format: Text = "unknown"
    sha256: Text = ""
    sm3: Text = ""
    sub_indication: Text | None = ""
    policy: Text = ""
    trust: TrustFacts = TrustFacts()
    read_mode: Text = "strict"
    signatures: Annotated[tuple[SignatureFacts, ...], Meta(max_length=MAX_SIGNATURES)] = ()
    warnings: Annotated[tuple[Text, ...], Meta(max_length=2000)] = ()
    reason: Text = ""
    size: int = 0
    pages: int = 0
    at: Text = ""

    @property
    def policy_fingerprint(self) -> str:
        """Answer the fingerprint of the policy, where the signatures tell one."""
        return next((one.policy.fingerprint for one in self.signatures if one.policy), "")

    @property
    def changed(self) -> bool:
        """Answer whether anything was changed after any of the signatures."""
        return any(one.changes_after for one in self.signatures)


def read_answer(answer: Mapping[str, Any]) -> FileFacts:
    """Read an answer; ReportAnswerError when it is not one."""
    try:
        facts = msgspec.convert(without_nulls(answer), FileFacts)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ReportAnswerError(f"not an answer of a verification: {error}") from error
    if facts.indication not in _INDICATIONS:
        raise ReportAnswerError(f"unknown indication {facts.indication!r}")
    return facts


_INDICATIONS: Final = frozenset({"TOTAL-PASSED", "TOTAL-FAILED", "INDETERMINATE", "NO-SIGNATURE", "REFUSED"})


def without_nulls(value: Any) -> Any:
    """Leave out what is null and cut what is far too long: both say nothing, whoever wrote them."""
    if isinstance(value, Mapping):
        long = {"data"}
        return {
            str(key): item if key in long else without_nulls(item) for key, item in value.items() if item is not None
        }
    if isinstance(value, list | tuple):
        return [without_nulls(item) for item in value]
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        return f"{value[: _MAX_TEXT - 1]}…"
    return value
