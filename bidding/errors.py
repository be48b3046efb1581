"""The one error tree of bidding. `bidding/web/errors.py` maps class → status, code, Chinese words."""


class BiddingError(Exception):
    """Base of everything bidding refuses to do."""


class MalformedParamsError(BiddingError):
    """Section parameters that are not well formed."""


class MalformedBundleError(BiddingError):
    """A file that is not a bundle in the one allowed form (投标文件包格式错误)."""


class WrongSectionError(BiddingError):
    """A bundle, act or consent made for another section or other parameters (标段不符)."""


class DeadlinePassedError(BiddingError):
    """The bid deadline (投标截止时间) has passed."""


class InvalidAmountError(BiddingError):
    """An amount that is not written as 元 with at most two decimals, or not in the allowed capital words (金额)."""


class DocumentError(BiddingError):
    """Base of what makes a document unfit for a bid (文件不可用)."""


class NotAPdfError(DocumentError):
    """A file that is not a PDF."""


class DamagedDocumentError(DocumentError):
    """A PDF that cannot be read to its end within the limits of memory and time (文件损坏)."""


class EncryptedDocumentError(DocumentError):
    """A PDF that needs a password or forbids what assembly must do (文件已加密)."""


class DocumentTooLargeError(DocumentError):
    """A PDF over the limit of bytes or pages (文件过大)."""


class EmptyDocumentError(DocumentError):
    """A PDF without pages."""


class ActiveContentError(DocumentError):
    """A PDF with JavaScript, XFA, embedded files or actions that start something (含动态内容)."""


class SignedDocumentError(DocumentError):
    """A PDF that already is signed or sealed: it is carried as an annex and never merged (已签章文件)."""


class MissingGlyphError(DocumentError):
    """A character that no font at hand can draw; the message names it (缺字)."""


# -- receipts and the trading centre


class MalformedReceiptError(BiddingError):
    """A receipt or refusal that is not in the one allowed form (回执格式错误)."""


class CentreError(BiddingError):
    """Base of what the trading centre refuses to do."""


class UnknownSectionError(CentreError):
    """No such section is released here (标段不存在)."""


class NoSuchPublicationError(UnknownSectionError):
    """No publication of this name waits here, or not for this unit."""


class SectionExistsError(CentreError):
    """A section of this code is released with other parameters."""


class NotTheTendererError(CentreError):
    """Section parameters that were not signed by the tenderer they name."""


class WrongCentreError(CentreError):
    """Section parameters that name another trading centre."""


class DeadlineTooNearError(CentreError):
    """The deadline lies in the past, or the legal period before it is too short."""


class MalformedActError(CentreError):
    """A signed act that is not well formed, or of another kind than asked for."""


class UntrustedActError(CentreError):
    """A signed act whose signature, certificate, consent or authorisation does not hold."""


class WrongBidderError(CentreError):
    """A bundle made by another bidder than the one who hands it in."""


class WrongDigestError(CentreError):
    """The uploaded bytes are not those whose digest the bidder signed."""


class PlainBundleError(CentreError):
    """An archive that is not encrypted as required: refused, not a bid (未按要求加密, Order 20 art. 26)."""


class UntrustedBundleError(CentreError):
    """A bundle whose signature or manifest does not hold."""


class CopiedEnvelopeError(CentreError):
    """An envelope that was seen before in another bundle or from another bidder."""


class BundleTooLargeError(CentreError):
    """A bundle over the section's limit."""


class UploadMissingError(CentreError):
    """No such upload, or it expired."""


class UploadConflictError(CentreError):
    """The upload is busy, or belongs to another act."""


class TooManyUploadsError(CentreError):
    """One signed act serves more uploads than any honest sender needs."""


class IdempotencyConflictError(CentreError):
    """The same idempotency key was used for another request."""


class ReplacedBidError(CentreError):
    """The bid to be replaced or withdrawn is not the one that counts now."""


class NoSuchReceiptError(CentreError):
    """No receipt, refusal or pending submission under this key."""


class SectionClosedError(DeadlinePassedError):
    """The section is closed; nothing more comes in."""


class SealedUntilOpeningError(CentreError):
    """Names and number of bidders are secret until opening (招标投标法 22)."""


class NotYetClosedError(CentreError):
    """The section is still open for bids."""


class WindowNotOpenError(CentreError):
    """The window for releases has not begun."""


class WindowOverError(CentreError):
    """The window for releases is over, or the release set is frozen (解密时限已过)."""


class WindowStillOpenError(CentreError):
    """The release set cannot be frozen yet: the window is open and not every bidder has released."""


class NotFrozenError(CentreError):
    """The release set is not frozen: the officers' halves are not accepted yet."""


class NoLiveBidError(CentreError):
    """The bidder has no bid in the closed set."""


class WrongHalfError(CentreError):
    """A key half that is not the one committed to."""


class OfficerReleaseError(CentreError):
    """An officer's release that does not answer the frozen set, or differs from the one already accepted."""


class OpeningNotFinishedError(CentreError):
    """Something of the opening is undecided or not yet done."""


class UnknownStageError(CentreError):
    """The section has no such opening stage."""


class NotAllowedError(CentreError):
    """The acting unit or person may not do this."""


class NoRecordError(CentreError):
    """There is no opening record yet (开标记录尚未生成)."""


class RecordMovedError(CentreError):
    """The opening record has a newer version than the one that was signed."""


class BadRecordVersionError(CentreError):
    """A version of the record that is not the one before plus exactly one seal in its own field."""


class DuplicateDecisionError(CentreError):
    """The question was decided already."""


class TimestampPendingError(CentreError):
    """A lid that still waits for its timestamp; ask again in a moment."""


class WorkbenchError(BiddingError):
    """Base of what the bidder's workbench refuses to do (投标人工作台)."""


class NotLoggedInError(WorkbenchError):
    """No session, or one that is over, or one of another browser (未登录)."""


class LoginFailedError(WorkbenchError):
    """A login request that is unknown here, over, refused, or another browser's; it must be begun anew."""


class NoSuchDraftError(WorkbenchError):
    """No such draft, or another company's (没有这份投标草稿)."""


class NoSuchItemError(WorkbenchError):
    """The section asks for no such item, or the draft has no such document or part."""


class NoSuchConsentError(WorkbenchError):
    """No such consent, batch of seals, packing or submission, or another company's."""


class DraftClosedError(WorkbenchError):
    """The draft is packed or deleted and changes no more (草稿已封装或已删除)."""


class TooManyDocumentsError(WorkbenchError):
    """More documents than a draft may hold, or one that is in another order than it says."""


class FormIncompleteError(WorkbenchError):
    """What a letter needs is not filled in, or not in the right form (表单未填全)."""


class PartOutdatedError(WorkbenchError):
    """A part was assembled of other documents or values than the draft has now; assemble it again."""


class SealMissingError(WorkbenchError):
    """The unit has no usable seal of the kind that is asked for (没有可用的印章)."""


class SealOrderError(WorkbenchError):
    """The unit's seal comes after the legal representative's (先盖法定代表人章，再盖公章)."""


class SealingRunningError(WorkbenchError):
    """A batch of seals or a packing is under way; finish or end it first."""


class NothingToSealError(WorkbenchError):
    """No part needs this seal, or all have it."""


class NotReadyError(WorkbenchError):
    """The check list before packing or submission is not all green; the message names what is missing (尚未齐备)."""


class CentreUnavailableError(WorkbenchError):
    """The trading centre does not answer, or not usefully; what was sent so far is kept, try again (交易中心无应答)."""


class CentreRefusedError(WorkbenchError):
    """The trading centre refused (交易中心拒绝)."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the centre's stable code beside its words."""
        super().__init__(message)
        self.code = code


class UntrustedParamsError(WorkbenchError):
    """Section parameters that the tenderer did not sign, or that are not the ones asked for (标段参数不可信)."""


class UntrustedReceiptError(WorkbenchError):
    """A receipt that does not verify, or is not about what was submitted: the bid does not count as submitted."""


# -- the bidder's side of the centre


class SubmissionRefusedError(BiddingError):
    """The trading centre did not take the bid or the withdrawal, and signed so (拒收凭证)."""

    def __init__(self, refusal: bytes, reason: str) -> None:
        """Keep the refusal file, which is the bidder's evidence, and its reason (receipt.md)."""
        super().__init__(reason)
        self.refusal = refusal
        self.reason = reason


class SubmissionPendingError(BiddingError):
    """The centre has what was sent and has not decided yet; ask for the outcome again."""


class UntrustedAnswerError(UntrustedReceiptError):
    """A receipt, refusal or acknowledgement that does not verify, or is about something else; its bytes are kept."""

    def __init__(self, answer: bytes, message: str) -> None:
        """Keep the bytes beside what is wrong with them."""
        super().__init__(message)
        self.answer = answer


class UploadInterruptedError(BiddingError):
    """The upload did not get through; what arrived is kept, and the same upload can be continued."""


class BidFolderError(BiddingError):
    """A bid folder (待封装文件夹) that is incomplete, changed, or not in its one form."""


# -- sessions and sealing


class NotStaffError(BiddingError):
    """Only people of the centre's own unit log in here (仅限交易中心工作人员)."""


class FormTokenError(BiddingError):
    """A request that changes something did not come from our own page (CSRF)."""


class NoSuchPlanError(WorkbenchError):
    """No such plan of seals (没有这次用章)."""


class SealPlanError(WorkbenchError):
    """A plan of seals that contradicts itself: no seal, one seal twice in a file, or a field named twice."""


# -- reports of verifications


class ReportError(BiddingError):
    """A report of a verification (验证报告) that cannot be made."""


class ReportAnswerError(ReportError):
    """What should be reported is not the answer of a verification."""


class ReportFormatError(ReportError):
    """Reports are not made in this format, or not there."""


class PictureError(ReportError):
    """A page or a seal could not be drawn for a report."""


class TraceError(BiddingError):
    """A trace of seal uses (用章记录) cannot be made or read."""


class MalformedTraceError(TraceError):
    """An export of the trace that is not in its one byte form."""


class TraceTooLargeError(TraceError):
    """An export of the trace that is longer than anybody reads: to be exported in stretches."""


class NoTraceKeyError(TraceError):
    """This workbench has no service key: it can show its trace, and sign nothing."""


class NoSuchEntryError(TraceError):
    """The unit's trace has no entry of this number."""


# -- sealing as a service (电子签署中心)


class SigningServiceError(WorkbenchError):
    """Base of what sealing as a service refuses to do."""


class NoSuchSigningError(SigningServiceError):
    """No such signing, document or page, or it is another unit's (没有这项签署)."""


class SigningStateError(SigningServiceError):
    """The signing is not in a state that allows this: begun already, or over."""


class SigningOrderError(SigningServiceError):
    """An order or a plan that contradicts itself: a seal without a place, a document that nobody signs."""


class WrongDocumentDigestError(SigningServiceError):
    """What arrived is not what the sender digested (SM3)."""


class UnknownFormatError(SigningServiceError):
    """The document is neither PDF nor OFD."""


class SigningLimitError(SigningServiceError):
    """More signings, documents, tokens or webhooks than one unit may have open."""


class IdempotencyKeyError(SigningServiceError):
    """The Idempotency-Key was used for another request, is malformed, or its first request is still at work."""


class TokenRefusedError(SigningServiceError):
    """The interface token is unknown, expired or revoked, or whoever made it may not act any more."""


class ScopeMissingError(SigningServiceError):
    """The token does not carry the scope that this needs."""


class NoSuchTokenError(SigningServiceError):
    """No such token of this unit."""


class TooManyRequestsError(SigningServiceError):
    """More requests in a minute than one token may make."""


class NoSuchWebhookError(SigningServiceError):
    """No such webhook or delivery of this unit."""


class WebhookAddressError(SigningServiceError):
    """An address to which nothing is ever sent: not https, or of a private or special network (SSRF)."""


class TraceQueryError(TraceError):
    """A filter of the trace that cannot be understood."""


class TooManyToSealError(SealPlanError):
    """More files than one confirmation lists (一次确认的文件过多)."""


class SameFileTwiceError(SealPlanError):
    """Two of the files to seal are the same: their one final hash would be listed, and signed, twice."""


class SealChoiceError(SealPlanError):
    """A profile, or a closing, that the format or the act does not have (签章格式不适用)."""


class EvidenceError(BiddingError):
    """An evidence file of a verification that was changed, is damaged, or is none."""


class VerificationInputError(BiddingError):
    """Input of a verification that is more, larger or otherwise than is taken at once."""


class TooMuchError(VerificationInputError):
    """More or larger files than one verification request may bring."""


class NoSuchVerificationError(BiddingError):
    """No such verification, or it was forgotten already."""


class BusyVerifierError(BiddingError):
    """More verifications at a time than this service takes."""
