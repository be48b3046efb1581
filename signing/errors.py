"""The one error tree of signing. Edges map the classes to codes and words; nothing here knows HTTP."""


class SigningError(Exception):
    """Base of everything signing refuses to do."""


class MalformedError(SigningError):
    """Bytes that are not the structure they claim to be (格式错误)."""


class NotCanonicalError(MalformedError):
    """Well-formed, but not in the one allowed byte form."""


class LimitError(MalformedError):
    """A size, depth or count limit was met before parsing."""


class InvalidKeyError(SigningError):
    """A key out of range, off the curve, or used for what it must not be used for."""


class BadSignatureError(SigningError):
    """A signature value that does not verify."""


class DecryptionError(SigningError):
    """A ciphertext that does not open; deliberately says no more."""


class UnsupportedAlgorithmError(SigningError):
    """An algorithm or suite that is unknown or not allowed here."""


class SelfTestError(SigningError):
    """An engine gave a wrong known answer: nothing may be signed."""


class KeystoreError(SigningError):
    """A key file that is missing, readable by others, or does not open with this passphrase."""


class UnavailableError(SigningError):
    """An outside service did not answer, or not usefully; try again later."""


class TimestampError(SigningError):
    """A timestamp answer that is not the answer to our question."""


class KeyServiceRefusedError(SigningError):
    """The key service refused to sign (签名服务拒绝)."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the service's stable code beside its words."""
        super().__init__(message)
        self.code = code


class PadesError(SigningError):
    """Base of what keeps a PDF from being signed or completed."""


class SignatureFieldError(PadesError):
    """The signature field (签名域) is taken, locked, missing, misplaced, or asks for what is not done here."""


class UnsignablePdfError(PadesError):
    """A PDF that must not be signed: no pages, an XFA form, or certified as never to change (DocMDP 1)."""


class RoomError(PadesError):
    """The signature does not fit into the room that was reserved for it; the file is untouched."""


class PreparedFileError(PadesError):
    """The file is not the one that was prepared."""


class NotSignedError(PadesError):
    """There is no signature to add validation data for, or no archive timestamp to renew."""


class TimestampRefusedError(TimestampError):
    """The authority answered that it does not stamp this (时间戳服务拒绝)."""

    def __init__(self, status: int, failures: tuple[str, ...], words: str) -> None:
        """Keep PKIStatus, the names of the failure bits and the authority's own words."""
        said = "、".join(part for part in (*failures, words) if part)
        super().__init__(f"the authority refused (status {status}){f': {said}' if said else ''}")
        self.status, self.failures, self.words = status, failures, words


class NoTimestampError(UnavailableError):
    """None of the authorities gave a token that may be used (没有可用的时间戳). `causes` has one error for each."""

    def __init__(self, causes: tuple[tuple[str, SigningError], ...]) -> None:
        """Keep what each authority, by name and in order, did instead."""
        super().__init__("; ".join(f"{name}: {error}" for name, error in causes))
        self.causes = causes


class TokenError(SigningError):
    """The cryptographic device (密码设备) refused, or answered what it must not."""


class TokenNotFoundError(TokenError):
    """No such module, token or key in the cryptographic device."""


class TokenPinError(TokenError):
    """The PIN (口令) was refused; `locked` says that the device takes no more of them."""

    def __init__(self, message: str, *, locked: bool) -> None:
        """Keep whether trying again makes sense."""
        super().__init__(message)
        self.locked = locked


class TokenMechanismError(TokenError, UnsupportedAlgorithmError):
    """The cryptographic device has no mechanism for this key."""


class VerdictError(SigningError):
    """A gate asked for a passed verdict and got another one."""


class TrustUpdateError(SigningError):
    """An update of the trust list (信任名单更新) that must not be applied; `fault` says why."""

    def __init__(self, fault: str, message: str) -> None:
        """Keep which rule was broken."""
        super().__init__(f"{fault}: {message}")
        self.fault = fault
