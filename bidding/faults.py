"""What bundles, packing, opening and the officer's client refuse to do, and whose a failed opening is."""

from enum import StrEnum

from bidding.errors import BiddingError


class IncompleteBidError(BiddingError):
    """Something the parameters ask for is missing, unknown or badly filled in (投标文件不完整)."""


class ChangedDocumentError(BiddingError):
    """A document was changed on disk while it was being packed; nothing was written."""


class RecipientError(BiddingError):
    """A recipient of the bidder's half is missing, or not proven to be the bidder's own."""


class RehearsalError(BiddingError):
    """A recipient could not open its own wrap (解密演练失败); the bundle was not made."""


class RecoveryCodeError(BiddingError):
    """A recovery code (恢复码) that is misspelt, or not the one of this bundle."""


class OfficerRefusedError(BiddingError):
    """The officer's client does not open for this release set."""


class KeyFolderError(BiddingError):
    """The officer's key folder already holds keys, or does not hold the ones asked for."""


class Fault(StrEnum):
    """Whose a failed opening is (trust.md A.5); UNKNOWN blocks the end of the opening until it is decided."""

    BIDDER = "bidder"
    PLATFORM = "platform"
    OFFICER = "officer"
    UNKNOWN = "unknown"


class StageFaultError(BiddingError):
    """A stage that does not open. Its `code` is one of docs/format/bundle.md 8.4."""

    def __init__(self, fault: Fault, code: str, message: str) -> None:
        """Keep whose it is and which check it was beside the words."""
        super().__init__(message)
        self.fault = fault
        self.code = code
