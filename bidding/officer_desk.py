"""The officer's desk (开标人工作台): fetch the release set, look at it, open for exactly it. One person's own machine.

The desk talks to the centre over its published HTTP only; the opening key stays in the officer's folder.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from bidding.bundle_header import Label
from bidding.errors import CentreUnavailableError
from bidding.faults import OfficerRefusedError
from bidding.lids import OfficerRelease
from bidding.officer import OpeningKeys, ReadSet, open_stage_for, parse_release_set
from bidding.params import SectionParams, parse_params
from signing import canonical
from signing.digests import sm3
from signing.path import TrustAnchors
from signing.statement import SignedStatement

MAX_LABEL = 1 << 20
"""Bytes of one label as it travels."""


@dataclass(frozen=True)
class OfficerDesk:
    """One officer with one key folder, at one centre."""

    http: httpx.Client
    """Its base URL is the centre's."""
    folder: Path
    trust: Callable[[], TrustAnchors]
    """The trust list with fresh revocation lists."""
    clock: Callable[[], datetime]

    def fetch_params(self, section: str) -> SectionParams:
        """Answer the section's parameters as the tenderer signed them."""
        signed = canonical.decode_lenient(self._get(f"/api/v1/sections/{section}/params"), SignedStatement)
        return parse_params(signed.statement)

    def fetch_release_set(self, section: str) -> ReadSet:
        """Both lids; OfficerRefusedError while the second is not on."""
        return parse_release_set(self._get(f"/api/v1/sections/{section}/release-set"))

    def fetch_labels(self, release: ReadSet, stage: int) -> dict[str, Label]:
        """Header, manifest and signature of every released bundle."""
        section = release.params.section
        return {
            digest: canonical.decode(self._get(f"/api/v1/sections/{section}/labels/{digest}"), Label)
            for digest in release.wanted(stage)
        }

    def stages(self) -> tuple[int, ...]:
        """Answer the stages that this folder has keys for."""
        data = (self.folder / "opening-keys.json").read_bytes()
        return tuple(key.stage for key in canonical.decode(data, OpeningKeys).keys)

    def open(self, section: str, stage: int, passphrase: str) -> OfficerRelease:
        """Judge, record, open and hand in; doing it twice gives the same answer."""
        release = self.fetch_release_set(section)
        anchors = self.trust()
        answer = open_stage_for(
            self.folder,
            passphrase,
            release,
            stage,
            self.fetch_labels(release, stage),
            anchors=anchors,
            evidence=anchors.evidence,
            at=self.clock(),
        )
        response = self._send("POST", f"/api/v1/sections/{section}/officer-releases", canonical.encode(answer))
        response.raise_for_status()
        return answer

    def _get(self, path: str) -> bytes:
        return self._send("GET", path).content

    def _send(self, method: str, path: str, content: bytes | None = None) -> httpx.Response:
        headers = {"content-type": "application/json"} if content is not None else {}
        try:
            response = self.http.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise CentreUnavailableError(f"交易中心没有应答：{error}") from error
        if response.is_success:
            return response
        problem = response.json() if "json" in response.headers.get("content-type", "") else {}
        raise OfficerRefusedError(problem.get("detail") or problem.get("title") or f"HTTP {response.status_code}")


def fingerprint(point: bytes) -> str:
    """SM3 of an opening key in groups of four hex digits, for comparing by eye."""
    text = sm3(point).hex()[:32]
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))
