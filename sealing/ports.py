"""What sealing needs from outside."""

from datetime import datetime
from typing import Protocol

from sealing.seal import IssuedSeal, SealState
from sealing.seal_status import StatusAnswer


class SealRegistry(Protocol):
    """Where a company's seals are issued and their states kept (印章备案系统).

    Every call raises SealRegistryUnavailableError or SealRegistryRefusedError.
    """

    def fetch_seals(self, uscc: str) -> tuple[IssuedSeal, ...]:
        """Answer all seals of a company, whatever their state; empty when it has none."""

    def fetch_person_seals(self, person: str) -> tuple[IssuedSeal, ...]:
        """Answer all signature-seals of a natural person (opaque id), whatever their state; maybe none."""

    def fetch_seal(self, number: str) -> IssuedSeal:
        """Answer one seal by its thirteen-digit number. Raises UnknownSealError."""

    def fetch_state(self, number: str, at: datetime) -> SealState:
        """Answer the state that a seal had at an instant. Raises UnknownSealError."""


class SealStatusSource(Protocol):
    """Who answers for the state of any seal at any past moment (印章状态公开查询)."""

    def fetch_status(self, number: str, at: datetime) -> StatusAnswer:
        """Answer the maker's signed word, or the finding that there is none; a silent registry is a finding too."""
