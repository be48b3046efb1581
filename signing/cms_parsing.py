"""A CMS message as its signers see it: one `ParsedCms` for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from signing import der
from signing.certificates import Certificate
from signing.cms_names import MESSAGE_DIGEST, SIGNING_TIME, TIMESTAMP_TOKEN
from signing.errors import LimitError, MalformedError
from signing.signed_data import SignedData, SignerInfo, parse_signed_data

_MAX_ATTRIBUTES: Final = 1 << 20
_MAX_TOKENS: Final = 4
"""Signature timestamps of one signer."""
_MAX_ALL_TOKENS: Final = 20
"""Signature timestamps of all signers: each brings certificates of its own, whose signatures are tried."""


@dataclass(frozen=True)
class ParsedCms:
    """A CMS message and one of its signers. `signing_time` is what the signer claims; `token` is not yet judged."""

    signed: SignedData
    signer: SignerInfo
    certificate: Certificate | None
    signing_time: datetime | None
    token: bytes | None
    """The first signature timestamp."""
    tokens: tuple[bytes, ...] = ()
    """All of them: CAdES allows several."""

    @property
    def content(self) -> bytes | None:
        """Answer the content inside, or None when detached."""
        return self.signed.content

    @property
    def signature(self) -> bytes:
        """Answer the signature octets, over which the token stands."""
        return self.signer.octets


def parse_cms(data: bytes, known: Sequence[Certificate] = ()) -> ParsedCms:
    """Read a CMS SignedData of exactly one signer; LimitError or MalformedError.

    `known` are certificates from elsewhere among which the signer's may be.
    """
    signed = parse_signed_data(data)
    return view_signer(signed, signed.signer, known)


def parse_signers(data: bytes, known: Sequence[Certificate] = ()) -> tuple[ParsedCms, ...]:
    """Read a CMS SignedData of one or more signers; LimitError, or MalformedError also when nobody signed."""
    signed = parse_signed_data(data)
    if not signed.signers:
        raise MalformedError("certificates only: nobody signed")
    views = tuple(view_signer(signed, signer, known) for signer in signed.signers)
    count = sum(len(view.tokens) for view in views)
    if count > _MAX_ALL_TOKENS:
        raise LimitError(f"{count} signature timestamps; at most {_MAX_ALL_TOKENS} are judged")
    return views


def view_signer(signed: SignedData, signer: SignerInfo, known: Sequence[Certificate] = ()) -> ParsedCms:
    """Look at a message from one of its signers; MalformedError for attributes that cannot be read."""
    time, tokens = signer.attribute(SIGNING_TIME), signer.unsigned.get(TIMESTAMP_TOKEN, ())
    if len(tokens) > _MAX_TOKENS:
        raise MalformedError(f"{len(tokens)} signature timestamps")
    return ParsedCms(
        signed=signed,
        signer=signer,
        certificate=signed.certificate_of(signer, known),
        signing_time=time.time() if time else None,
        token=tokens[0].raw if tokens else None,
        tokens=tuple(one.raw for one in tokens),
    )


def read_message_digest(attributes: bytes) -> bytes:
    """Answer the messageDigest in a DER SET OF signed attributes (`prepare_detached`): what a consent lists.

    Raises MalformedError unless it is the strict form with exactly one such attribute.
    """
    der.require_der(attributes, limit=_MAX_ATTRIBUTES)
    found = list[bytes]()
    for attribute in der.read(attributes, limit=_MAX_ATTRIBUTES).expect(der.SET).children():
        fields = attribute.fields()
        oid, values = fields.take(der.OID).oid(), fields.take(der.SET).children()
        if oid == MESSAGE_DIGEST:
            found += [value.octets() for value in values]
    if len(found) != 1:
        raise MalformedError(f"{len(found)} messageDigest values in the attributes")
    return found[0]
