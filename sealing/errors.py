"""The one error tree of sealing. Edges map the classes to codes and words; nothing here knows HTTP."""


class SealingError(Exception):
    """Base of everything sealing refuses to do."""


class SealFormatError(SealingError):
    """Bytes that are not the seal structure they claim to be (印章或签章数据格式错误)."""


class SealLimitError(SealFormatError):
    """A size or count limit was met before parsing."""


class MissingGlyphError(SealingError):
    """The seal font has no outline for this character (缺字); it is never drawn as a box."""

    def __init__(self, character: str) -> None:
        """Name the character and its code point."""
        super().__init__(f"no outline for {character!r} (U+{ord(character):04X})")
        self.character = character


class SealTextError(SealingError):
    """A text that does not fit the seal: too long, empty, or a number of another form."""


class SealCertificateError(SealingError):
    """The signer's certificate is not on the seal's certificate list (GB/T 38540 certList)."""


class SealStateError(SealingError):
    """The seal is not in a state, or not in a period, in which it may be used."""


class ConsentWindowError(SealingError):
    """The proven time lies outside the consent's window."""


class StatementMismatchError(SealingError):
    """What was signed is not what was prepared."""


class SignatureRejectedError(SealingError):
    """The signature or the timestamp that came back does not verify; nothing was written."""


class PlaceholderTooSmallError(SealingError):
    """The finished signature is longer than the room reserved for it."""


class UnsealablePdfError(SealingError):
    """Base of what keeps a readable PDF from being sealed; for unreadable ones see `signing.pdf_reading`."""


class NoPagesError(UnsealablePdfError):
    """The PDF has no page."""


class XfaPdfError(UnsealablePdfError):
    """The PDF holds an XFA form, whose look is not fixed by its bytes."""


class ActivePdfError(UnsealablePdfError):
    """The PDF holds JavaScript or another action that starts by itself."""


class FieldError(UnsealablePdfError):
    """A signature field is missing, already filled, named twice or lies outside its page."""


class UnknownSealError(SealingError):
    """No seal has this number, or the company has no such seal."""


class SealRegistryUnavailableError(SealingError):
    """The seal registry did not answer, or not usefully; try again later."""


class SealRegistryRefusedError(SealingError):
    """The seal registry refused."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the service's stable code beside its words."""
        super().__init__(message)
        self.code = code


class PlanError(SealingError):
    """Base of what keeps a plan of impressions from being drawn up (盖章位置)."""


class PageRangeError(PlanError):
    """A list of pages that cannot be read, or names pages that are not there (页码范围)."""


class StampOutsideError(PlanError):
    """An impression would leave its page."""


class StraddleError(PlanError):
    """A 骑缝章 over fewer than two pages, over a page twice, or with an impossible share of the picture."""


class KeywordError(PlanError):
    """A keyword that cannot be searched for, or a text too large to be searched within the limits."""


class KeywordNotFoundError(PlanError):
    """The keyword does not stand in the document, or not so often; `near` are the lines most like it (关键字)."""

    def __init__(self, text: str, found: int, near: tuple[str, ...] = ()) -> None:
        """Keep the keyword, how often it was found, and what comes near it."""
        hint = f"; the nearest: {', '.join(near)}" if near else ""
        super().__init__(f"keyword {text!r} was found {found} times{hint}")
        self.text, self.found, self.near = text, found, near


class SealTransitionError(SealingError):
    """An act that a seal's present state does not allow (印章状态不允许此操作)."""


class SealClosedError(SealTransitionError):
    """A cancelled seal stays cancelled (已注销)."""


class SealImportError(SealingError):
    """An existing seal that may not be kept: not trusted, not this unit's, or of no known kind."""

    def __init__(self, message: str) -> None:
        """Keep the Chinese sentence that says what is wrong with it."""
        super().__init__(message)
        self.why = message


class SealNumberTakenError(SealingError):
    """Another seal has this number already (印章编码重复)."""


class SealApplicationError(SealingError):
    """An application that its licence, authorisation or consent does not carry."""

    def __init__(self, message: str) -> None:
        """Keep the Chinese sentence that says what is missing."""
        super().__init__(message)
        self.why = message


class ClosedPdfError(UnsealablePdfError):
    """The PDF was closed by its certifier (DocMDP), or an earlier signature locks what would change (文档已封闭)."""


class StampsNotPreparedError(UnsealablePdfError):
    """Somebody has signed already, and no places were prepared for these impressions: adding them now breaks that."""


class SealExpiredError(SealStateError):
    """The seal's validity has ended (印章已过期)."""


class SealNotYetValidError(SealStateError):
    """The seal's validity has not begun (印章未到启用时间)."""


class SealSuspendedError(SealStateError):
    """The registry has suspended the seal (印章已暂停)."""


class SealHolderError(SealCertificateError):
    """The seal is somebody else's: its list names another holder than the signer's certificate (他人印章)."""


class RehearsalError(SealingError):
    """The rehearsal with a throw-away key (预演) did not give a sound sealed file; nobody was asked for anything."""


class ScannedPictureError(SealingError):
    """A scanned picture of a seal (印模扫描件) that cannot be used; the class says why."""


class NoImpressionError(ScannedPictureError):
    """The picture shows no impression in red, blue or black."""


class UnknownScanSizeError(ScannedPictureError):
    """Neither the size in mm nor a believable resolution is known, so the real size cannot be kept."""


class UnreadableOfdError(SealFormatError):
    """A package whose entry part cannot be read: nothing can be said about it (OFD 无法读取)."""


class EncryptedOfdError(SealingError):
    """A package encrypted by GM/T 0099-2020 appendix C (OFD 已加密): what it shows is not there."""


class UnsealableOfdError(SealingError):
    """What keeps a readable OFD package from being sealed: damaged parts, or names that no seal could cover."""


class ClosedOfdError(UnsealableOfdError):
    """A signature protects the list of signatures, or the package forbids more of them (OFD 文档已封闭)."""


class NoOfdPagesError(UnsealableOfdError):
    """The document in the package has no page."""


class EmptySignatureError(SealTextError):
    """Strokes of a pen in which the pen draws nothing (手写签名为空)."""


class SignatureTooLargeError(SealTextError):
    """A handwritten signature of too many points or strokes, too much ink, or of an impossible size."""


class ScanWorkerDiedError(ScannedPictureError):
    """The picture exhausted the memory or time that it may use, or crashed the imaging library."""
