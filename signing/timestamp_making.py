"""Making timestamps (签发时间戳, RFC 3161 2.4.2): what an authority writes, and so the sandbox."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from signing import der
from signing.algorithms import compute_digest
from signing.certificates import Certificate
from signing.key_use import require_signing_certificate
from signing.schemes import digest_identifier, scheme_for
from signing.signed_data import (
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    TST_INFO,
    encode_attributes,
    encode_signed_data,
    signing_certificate_v2,
)
from signing.timestamp_tokens import MAX_MESSAGE

_REJECTION: Final = 2
_DIRECTORY_NAME: Final = 4


@dataclass(frozen=True)
class Stamp:
    """What a token shall say: imprint by `digest`, serial, time (written with milliseconds), policy OID, nonce.

    `tsa` is the subject (Name DER) to be written as the authority's name, nothing when empty.
    """

    imprint: bytes
    serial: int
    gen_time: datetime
    policy: str
    nonce: int | None = None
    accuracy_ms: int = 1000
    digest: str = "sm3"
    ordering: bool = False
    tsa: bytes = b""

    def encode(self) -> bytes:
        """Encode as TSTInfo; UnsupportedAlgorithmError for a digest that is not taken as imprint."""
        seconds, millis = divmod(self.accuracy_ms, 1000)
        accuracy = der.integer(seconds) if seconds else b""
        accuracy += der.tlv(der.context(0, primitive=True), der.integer(millis)[2:]) if millis else b""
        return der.sequence(
            der.integer(1),
            der.oid(self.policy),
            der.sequence(digest_identifier(self.digest).encode(), der.octet_string(self.imprint)),
            der.integer(self.serial),
            der.time(self.gen_time),
            der.sequence(accuracy),
            der.boolean(True) if self.ordering else b"",
            der.integer(self.nonce) if self.nonce is not None else b"",
            der.explicit(0, der.explicit(_DIRECTORY_NAME, self.tsa)) if self.tsa else b"",
        )


def make_token(
    stamp: Stamp,
    certificate: Certificate,
    sign: Callable[[bytes], bytes],
    *,
    embed: bool = True,
    chain: Sequence[Certificate] = (),
) -> bytes:
    """Make a token by the suite of the certificate: SM2/SM3, or RSA, ECDSA, Ed25519 with SHA-2; ESSCertIDv2.

    `sign` answers the signature over the DER SET OF attributes (DER for SM2 and ECDSA). With `embed`, the
    certificate and `chain` are inside; without, none is (RFC 3161 2.4.1 certReq). UnsupportedAlgorithmError for a key
    that is not used here, InvalidKeyError for a certificate that may not sign.
    """
    require_signing_certificate(certificate)
    scheme, content = scheme_for(certificate.public_key), stamp.encode()
    own = "sm3" if scheme.suite == "GM" else "sha256"
    attributes = encode_attributes(
        {
            CONTENT_TYPE: der.oid(TST_INFO),
            MESSAGE_DIGEST: der.octet_string(compute_digest(scheme.digest, content)),
            SIGNING_TIME: der.time(stamp.gen_time, utc_until_2050=True),
            SIGNING_CERTIFICATE_V2: signing_certificate_v2(certificate, own),
        }
    )
    made = encode_signed_data(
        attributes, certificate, sign(attributes), content_type=TST_INFO, content=content, chain=chain
    )
    return made if embed else _without_certificates(made)


def _without_certificates(token: bytes) -> bytes:
    kind, holder = der.read(token, limit=MAX_MESSAGE).children()
    kept = [one.raw for one in holder.inner(holder.tag).children() if one.tag != der.context(0)]
    return der.sequence(kind.raw, der.explicit(0, der.sequence(*kept)))


def build_response(token: bytes) -> bytes:
    """Build a granted TimeStampResp."""
    return der.sequence(der.sequence(der.integer(0)), token)


def build_refusal(failure: int, words: str) -> bytes:
    """Build a rejection with one PKIFailureInfo bit (`timestamp_requests.FAILURES`) and a sentence."""
    status = der.sequence(der.integer(_REJECTION), der.sequence(der.utf8(words)), der.named_bits(failure))
    return der.sequence(status)
