"""Signing CMS messages in two steps (两步签名), in every form that we write, by one or several signers.

`prepare_cms` answers a value that can be written down; the key holder signs `prepared.to_be_signed` whenever and
wherever it can; `complete_cms`, in another process perhaps, takes the signature only if it verifies. A later signer
joins with `prepare_cosignature`; a timestamp is attached at completion or with `stamp_cms`.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO, Final, Literal

import msgspec
from msgspec import Struct

from signing import canonical, der
from signing.algorithms import compute_digest, verify_signature
from signing.certificates import Certificate, parse_certificate
from signing.cms_hashing import hash_stream
from signing.cms_names import (
    CONTENT_TYPE,
    DATA,
    GM_DATA,
    MESSAGE_DIGEST,
    SIGNING_CERTIFICATE_V2,
    SIGNING_TIME,
    TIMESTAMP_TOKEN,
)
from signing.cms_writing import (
    add_signer_info,
    attach_token,
    encode_attributes,
    encode_signed_data,
    encode_signer,
    gm_scheme,
    signing_certificate_v2,
)
from signing.errors import LimitError, MalformedError, NotCanonicalError, TimestampError, UnsupportedAlgorithmError
from signing.key_use import require_signing_certificate
from signing.schemes import Scheme, scheme_for
from signing.signed_data import SignedData, matches_digest, parse_signed_data
from signing.timestamps import parse_token

MAX_PREPARED: Final = 32 << 20
"""Bytes of a prepared signature in writing."""


class CmsForm(Struct, frozen=True, forbid_unknown_fields=True):
    """How a message is written. The default is ours: standard types, 501, attributes, detached."""

    gm_types: bool = False
    """GB/T 35275 content types and the PKCS#7 1.5 layout."""
    algorithm: Literal["501", "301.1"] = "501"
    """The OID under which an SM2 signature stands."""
    attributes: bool = True
    attached: bool = False


OURS: Final = CmsForm()
GB_35275: Final = CmsForm(gm_types=True, algorithm="301.1", attributes=False, attached=True)
"""What platforms that follow GB/T 35275-2017 to the letter expect."""


class PreparedCms(Struct, frozen=True, forbid_unknown_fields=True):
    """A signature that waits for its key: written as canonical JSON, completed anywhere."""

    v: Literal[1]
    form: CmsForm
    certificate: bytes
    """Of the signer, DER; `chain` are the issuers that go along."""
    chain: tuple[bytes, ...]
    attributes: bytes
    """DER SET OF; empty when the content itself is signed."""
    content: bytes | None
    """Only where it stands inside, or is what is signed."""
    base: bytes
    """The message that a further signer joins; empty for a new one."""

    @property
    def to_be_signed(self) -> bytes:
        """Answer the message (not a digest) that the key signs."""
        return self.attributes or self.content or b""

    @property
    def scheme(self) -> Scheme:
        """Answer how it is signed."""
        own = scheme_for(parse_certificate(self.certificate).public_key)
        return gm_scheme(own, algorithm=self.form.algorithm)


def encode_prepared(prepared: PreparedCms) -> bytes:
    """Answer the one byte form in which a prepared signature is kept: canonical JSON."""
    return canonical.encode(prepared)


def parse_prepared(data: bytes) -> PreparedCms:
    """Read what `encode_prepared` wrote; LimitError, MalformedError or NotCanonicalError."""
    if len(data) > MAX_PREPARED:
        raise LimitError(f"{len(data)} bytes; at most {MAX_PREPARED} are read")
    try:
        prepared = msgspec.json.decode(data, type=PreparedCms)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise MalformedError(f"not a prepared signature: {error}") from error
    if canonical.encode(prepared) != data:
        raise NotCanonicalError("not the canonical encoding")
    return prepared


def prepare_cms(
    content: bytes | None,
    certificate: Certificate,
    at: datetime,
    *,
    content_digest: bytes = b"",
    chain: Sequence[Certificate] = (),
    form: CmsForm = OURS,
) -> PreparedCms:
    """Prepare a message of one signer over a content given whole, or (detached, with attributes) by its digest.

    The digest is that of the certificate's scheme (`scheme_for`). `at` is the claimed signing time. Raises
    InvalidKeyError for an encryption certificate, ValueError when the form needs a content that is not given.
    """
    _require_form(certificate, form)
    if content is None and (form.attached or not form.attributes or not content_digest):
        raise ValueError("this form needs the content itself")
    attributes = b""
    if form.attributes:
        digest = scheme_for(certificate.public_key).digest
        value = content_digest if content is None else compute_digest(digest, content)
        attributes = _encode_attributes(value, certificate, digest, at, GM_DATA if form.gm_types else DATA)
    kept = content if form.attached or not form.attributes else None
    issuers = tuple(one.der for one in chain)
    return PreparedCms(1, form, certificate.der, issuers, attributes, kept, b"")


def prepare_stream(
    stream: BinaryIO,
    certificate: Certificate,
    at: datetime,
    *,
    chain: Sequence[Certificate] = (),
    form: CmsForm = OURS,
) -> PreparedCms:
    """Prepare a detached message over a stream of any size, read once to its end, in constant memory."""
    digest = hash_stream(stream, scheme_for(certificate.public_key).digest)
    return prepare_cms(None, certificate, at, content_digest=digest, chain=chain, form=form)


def prepare_cosignature(
    message: bytes,
    certificate: Certificate,
    at: datetime,
    *,
    content: bytes | None = None,
    content_digest: bytes = b"",
    chain: Sequence[Certificate] = (),
    form: CmsForm = OURS,
) -> PreparedCms:
    """Prepare a further signature on a message; the signers that are there stay as they are.

    A content inside need not be given; of `form` only `algorithm` and `attributes` count. Raises MalformedError if the
    content is not the one that the others signed, as far as that can be told; InvalidKeyError and ValueError as
    `prepare_cms`.
    """
    require_signing_certificate(certificate)
    signed = parse_signed_data(message)
    content = signed.content if content is None else content
    if content is None and (not form.attributes or not content_digest):
        raise ValueError("this form needs the content itself")
    digest = scheme_for(certificate.public_key).digest
    value = compute_digest(digest, content) if content is not None else content_digest
    _require_same_content(signed, content, digest, value)
    attributes = _encode_attributes(value, certificate, digest, at, signed.content_type) if form.attributes else b""
    issuers = tuple(one.der for one in chain)
    kept = None if form.attributes else content
    return PreparedCms(1, form, certificate.der, issuers, attributes, kept, message)


def complete_cms(prepared: PreparedCms, signature: bytes, token: bytes | None = None) -> bytes:
    """Put the message together; BadSignatureError for a signature that is not of the prepared certificate's key.

    The token is a timestamp over the signature octets: TimestampError if it is over other ones.
    """
    certificate, scheme = parse_certificate(prepared.certificate), prepared.scheme
    require_signing_certificate(certificate)
    verify_signature(certificate.public_key, scheme.algorithm, prepared.to_be_signed, signature)
    unsigned = {TIMESTAMP_TOKEN: _require_token(token, signature)} if token else None
    chain = [parse_certificate(one) for one in prepared.chain]
    if prepared.base:
        info = encode_signer(prepared.attributes, certificate, signature, unsigned=unsigned, scheme=scheme)
        return add_signer_info(prepared.base, info, scheme, (certificate, *chain))
    return encode_signed_data(
        prepared.attributes,
        certificate,
        signature,
        content_type=GM_DATA if prepared.form.gm_types else DATA,
        content=prepared.content if prepared.form.attached else None,
        chain=chain,
        unsigned=unsigned,
        scheme=scheme,
    )


def stamp_cms(message: bytes, signature: bytes, token: bytes) -> bytes:
    """Attach a timestamp to the signer whose signature octets these are; nothing else of the message changes.

    Raises TimestampError for a token over other octets, MalformedError if no signer has them or has a token already.
    """
    return attach_token(message, _require_token(token, signature), signature)


def _require_form(certificate: Certificate, form: CmsForm) -> None:
    require_signing_certificate(certificate)
    if form.gm_types and scheme_for(certificate.public_key).suite != "GM":
        raise UnsupportedAlgorithmError("GM content types are for SM2 signatures")


def _require_token(token: bytes, signature: bytes) -> bytes:
    parsed = parse_token(token)
    if not hmac.compare_digest(parsed.imprint, compute_digest(parsed.digest_algorithm, signature)):
        raise TimestampError("the token is over another signature")
    return token


def _require_same_content(signed: SignedData, content: bytes | None, digest: str, value: bytes) -> None:
    if signed.content is not None and signed.content != content:
        raise MalformedError("another content inside")
    others = [one for one in signed.signers if one.signed_attributes and one.digest == digest]
    if not all(matches_digest(one, value) for one in others):
        raise MalformedError("the others signed another content")


def _encode_attributes(value: bytes, certificate: Certificate, digest: str, at: datetime, content_type: str) -> bytes:
    if len(value) != len(compute_digest(digest, b"")):
        raise ValueError(f"{len(value)} bytes are no {digest} digest")
    return encode_attributes(
        {
            CONTENT_TYPE: der.oid(content_type),
            MESSAGE_DIGEST: der.octet_string(value),
            SIGNING_TIME: der.time(at, utc_until_2050=True),
            SIGNING_CERTIFICATE_V2: signing_certificate_v2(certificate, digest),
        }
    )
