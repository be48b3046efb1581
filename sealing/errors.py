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
