"""Submitting (递交) to a trading centre over its published HTTP, and everything else a bidder asks of it.

`CentreClient` is the centre as its bidders see it. Whatever it answers is judged before it is called a receipt,
refusal or acknowledgement: against the trust list, and against the act that it is about. Acts are made by
`workbench.acting` from the values of `prepare_finalise` and `prepare_withdraw`.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from bidding.acts import Finalise, Release, SignedAct, Withdraw
from bidding.errors import (
    CentreRefusedError,
    CentreUnavailableError,
    SubmissionPendingError,
    SubmissionRefusedError,
    UntrustedAnswerError,
    WrongSectionError,
)
from bidding.faults import ChangedDocumentError
from bidding.params import params_sm3, parse_params
from bidding.receipt import parse_refusal
from bidding.workbench.centre_answers import OpeningAnswer, OutcomeLine, RecordLine, RefusalProblem, SectionLine
from bidding.workbench.judging import judge_acknowledgement, judge_receipt, judge_refusal, require_params, why_not
from bidding.workbench.packing import BundleFile
from bidding.workbench.releasing import BidderRelease
from bidding.workbench.tus import Progress, TusClient, refusal_of, silent
from signing import canonical
from signing.digests import read_chunks, sm3, sm3_of
from signing.errors import MalformedError
from signing.path import TrustAnchors
from signing.statement import SignedStatement, parse_statement

T = TypeVar("T")
_PENDING: Final = 202
_REFUSED: Final = 422
_POLL_SECONDS: Final = 0.5
_POLLS: Final = 240
_ATTEMPTS: Final = 5


# Making


def prepare_finalise(
    params: bytes, bidder: str, bundle: BundleFile, *, random: Callable[[int], bytes], replaces: str = ""
) -> Finalise:
    """Answer the act that hands this bundle in; `replaces` is the digest (hex) of the bid that it supersedes."""
    section = parse_params(params).section
    return Finalise(
        1, "submit", section, params_sm3(params), bidder, bundle.sm3, bundle.size, replaces, random(16).hex()
    )


def prepare_withdraw(params: bytes, bidder: str, bundle_sm3: str, *, random: Callable[[int], bytes]) -> Withdraw:
    """Answer the act that takes this bid back."""
    section = parse_params(params).section
    return Withdraw(1, "withdraw", section, params_sm3(params), bidder, bundle_sm3, random(16).hex())


def finalise_line(act: Finalise) -> str:
    """Name a submission on the wallet: the person sees which bundle it is."""
    what = "递交并替换先前的投标文件包" if act.replaces else "递交投标文件包"
    return f"{what}（SM3 {_grouped(act.bundle_sm3)}…，{act.size:,} 字节）"


def withdraw_line(act: Withdraw) -> str:
    """Name a withdrawal on the wallet."""
    return f"撤回投标文件包（SM3 {_grouped(act.bundle_sm3)}…）"


# Asking


def _forget(url: str) -> None:
    """Remember no address."""


@dataclass(frozen=True)
class CentreClient:
    """One trading centre. Everything raises CentreUnavailableError for silence, CentreRefusedError for a refusal."""

    http: httpx.Client
    """Its base URL is the centre's; it has the timeouts."""
    trust: Callable[[], TrustAnchors]
    """The trust list with fresh revocation lists."""
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]

    def fetch_sections(self) -> tuple[SectionLine, ...]:
        """All sections that the centre has released."""
        return self._value("/sections", tuple[SectionLine, ...])

    def fetch_section(self, section: str) -> SectionLine:
        """One section, with its phases and the centre's clock."""
        return self._value(f"/sections/{_name(section)}", SectionLine)

    def fetch_params(self, section: str) -> SignedStatement:
        """Answer the section's parameters as their tenderer signed them, verified.

        UntrustedParamsError, MalformedParamsError, WrongSectionError.
        """
        body = self._ask("GET", f"/sections/{_name(section)}/params").content
        signed = canonical.decode(body, SignedStatement)
        trust = self.trust()
        params = require_params(signed, anchors=trust, evidence=trust.evidence, at=self.clock())
        if params.section != section:
            raise WrongSectionError(f"asked for {section}, got {params.section}")
        return signed

    def submit(
        self,
        act: SignedAct,
        bundle: Path,
        progress: Progress = silent,
        *,
        upload: str = "",
        begun: Callable[[str], None] = _forget,
    ) -> bytes:
        """Hand a bundle in; answers the receipt file, which was verified. Doing it again gives the same receipt.

        `begun` is told the upload's address as soon as there is one: given as `upload` later, it is continued.
        ChangedDocumentError if the file is not the one of the act, SubmissionRefusedError with the signed refusal,
        UntrustedAnswerError, SubmissionPendingError, UploadInterruptedError.
        """
        said, _ = parse_statement(act.statement, Finalise)
        _require_bundle(bundle, said)
        url = upload
        if upload and (known := self._known(act)) is not None:
            return known
        if not url:
            created = self._tus.create(said.size, {"yizhao-act": _header(act)})
            if "location" not in created.headers:
                return self._settled(created, act)
            url = self._tus.location(created)
            begun(url)
        self._tus.send(url, bundle, progress)
        body = {"act": canonical.encode(act), "upload": url.rstrip("/").rpartition("/")[2]}
        return self._settled(self._post(f"/sections/{_name(said.section)}/bids", body), act)

    def fetch_receipt(self, act: SignedAct) -> bytes | None:
        """Answer the receipt file of a submission, with its timestamp when there is one; None while it is undecided.

        For a withdrawal, the centre's acknowledgement. SubmissionRefusedError, UntrustedAnswerError.
        """
        key = _key_of(act)
        return self._outcome(self._ask("GET", f"/receipts/{key}", also={_REFUSED}), act)

    def withdraw(self, act: SignedAct) -> bytes:
        """Take a bid back; answers the centre's signed acknowledgement.

        SubmissionRefusedError, UntrustedAnswerError.
        """
        said, _ = parse_statement(act.statement, Withdraw)
        return self._settled(self._send(f"/sections/{_name(said.section)}/withdrawals", canonical.encode(act)), act)

    def release(self, release: BidderRelease) -> bytes:
        """Hand the half of one stage over; answers the centre's signed acknowledgement. UntrustedAnswerError."""
        said, _ = parse_statement(release.act.statement, Release)
        body = {"act": canonical.encode(release.act), "half": release.half}
        return self._settled(self._post(f"/sections/{_name(said.section)}/releases", body), release.act)

    def fetch_opening(self, section: str) -> OpeningAnswer:
        """Answer the opening as everybody may see it."""
        return self._value(f"/sections/{_name(section)}/opening", OpeningAnswer)

    def fetch_readout(self, section: str, stage: int = 1) -> tuple[OutcomeLine, ...]:
        """Answer what was read out (唱标), one line a bid."""
        return self._value(f"/sections/{_name(section)}/readout?stage={stage}", tuple[OutcomeLine, ...])

    def fetch_record(self, section: str, stage: int = 1) -> tuple[bytes, str]:
        """Answer the newest opening record (PDF), and its SM3 (hex): its name for `put_record`."""
        data = self._ask("GET", f"/sections/{_name(section)}/record?stage={stage}").content
        return data, sm3(data).hex()

    def put_record(self, section: str, data: bytes, base_sm3: str, stage: int = 1) -> RecordLine:
        """Hand in the record with one more seal, made of the version named `base_sm3`.

        CentreRefusedError when somebody was faster: fetch again and seal that version.
        """
        headers = {"if-match": f'"{base_sm3}"', "content-type": "application/pdf"}
        path = f"/sections/{_name(section)}/record?stage={stage}"
        return _decode(self._ask("PUT", path, content=data, headers=headers).content, RecordLine)

    @property
    def _tus(self) -> TusClient:
        return TusClient(self.http, self.sleep)

    def _known(self, act: SignedAct) -> bytes | None:
        """Answer what came of an interrupted submission, if the centre has decided; None if it is to be continued."""
        try:
            return self.fetch_receipt(act)
        except CentreRefusedError:
            return None

    def _settled(self, response: httpx.Response, act: SignedAct) -> bytes:
        answer = self._outcome(response, act)
        for _ in range(_POLLS):
            if answer is not None:
                return answer
            self.sleep(_POLL_SECONDS)
            answer = self.fetch_receipt(act)
        raise SubmissionPendingError(_key_of(act))

    def _outcome(self, response: httpx.Response, act: SignedAct) -> bytes | None:
        """Judge an answer about an act: verified bytes, None while it is undecided, or the error that it means."""
        if response.status_code == _PENDING:
            return None
        if response.is_success:
            return self._judged(response.content, act)
        refusal = _refusal_in(response)
        if not refusal:
            raise refusal_of(response)
        trust, centre = self.trust(), self._centre_of(act)
        verdict = judge_refusal(refusal, act, centre=centre, anchors=trust, evidence=trust.evidence, at=self.clock())
        if why := why_not(verdict):
            raise UntrustedAnswerError(refusal, why)
        raise SubmissionRefusedError(refusal, parse_refusal(refusal).facts.reason)

    def _judged(self, data: bytes, act: SignedAct) -> bytes:
        trust, centre, at = self.trust(), self._centre_of(act), self.clock()
        try:
            said, _ = parse_statement(act.statement, Finalise)
        except MalformedError:
            said = None
        try:
            if said is not None:
                verdict = judge_receipt(data, said, centre=centre, anchors=trust, evidence=trust.evidence, at=at)
            else:
                verdict = judge_acknowledgement(data, act, centre=centre, anchors=trust, evidence=trust.evidence, at=at)
        except MalformedError as error:
            raise UntrustedAnswerError(data, str(error)) from error
        if why := why_not(verdict):
            raise UntrustedAnswerError(data, why)
        return data

    def _centre_of(self, act: SignedAct) -> str:
        """Read the centre's USCC from the very parameters that the act names; WrongSectionError."""
        named = canonical.decode_lenient(act.statement.statement, _Named)
        signed = self.fetch_params(named.section)
        if params_sm3(signed.statement) != named.params_sm3:
            raise WrongSectionError(f"section {named.section} has other parameters now")
        return parse_params(signed.statement).centre.uscc

    def _value(self, path: str, kind: type[T]) -> T:
        return _decode(self._ask("GET", path).content, kind)

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self._send(path, canonical.encode(body))

    def _send(self, path: str, content: bytes) -> httpx.Response:
        """Post what can be posted again: acts carry their own idempotency."""
        headers = {"content-type": "application/json"}
        for attempt in range(_ATTEMPTS):
            try:
                return self._ask("POST", path, also={_REFUSED}, content=content, headers=headers)
            except CentreUnavailableError:
                if attempt + 1 == _ATTEMPTS:
                    raise
                self.sleep(_POLL_SECONDS * 2**attempt)
        raise AssertionError

    def _ask(self, method: str, path: str, *, also: set[int] | None = None, **options: Any) -> httpx.Response:
        try:
            response = self.http.request(method, f"/api/v1{path}", **options)
        except httpx.HTTPError as error:
            raise CentreUnavailableError(f"交易中心没有应答：{error}") from error
        if response.is_server_error:
            raise CentreUnavailableError(str(refusal_of(response)))
        if response.is_success or response.status_code in (also or ()):
            return response
        raise refusal_of(response)


class _Named(msgspec.Struct, frozen=True):
    """What every act says of its place."""

    section: str
    params_sm3: str
    key: str = ""


def _key_of(act: SignedAct) -> str:
    """Answer the idempotency key of an act that has one: it opens the receipt."""
    return canonical.decode_lenient(act.statement.statement, _Named).key


def _require_bundle(bundle: Path, said: Finalise) -> None:
    with bundle.open("rb") as stream:
        same = sm3_of(read_chunks(stream)).hex() == said.bundle_sm3
    if not same or bundle.stat().st_size != said.size:
        raise ChangedDocumentError(f"{bundle.name} 不是签署递交的那个投标文件包")


def _header(act: SignedAct) -> str:
    return base64.urlsafe_b64encode(canonical.encode(act)).decode()


def _refusal_in(response: httpx.Response) -> bytes:
    if response.status_code != _REFUSED:
        return b""
    try:
        return canonical.decode_lenient(response.content, RefusalProblem).refusal
    except MalformedError:
        return b""


def _decode(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CentreUnavailableError(f"看不懂交易中心的答复：{error}") from error


def _name(section: str) -> str:
    return quote(section, safe="")


def _grouped(digest: str) -> str:
    return " ".join(digest[i : i + 4] for i in range(0, 16, 4))
