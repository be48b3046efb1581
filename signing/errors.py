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


class VerdictError(SigningError):
    """A gate asked for a passed verdict and got another one."""
