"""The forms in which platforms want a seal on a PDF (签章格式), and the messages that stand in /Contents.

`ses` is an SES_Signature (GB/T 38540); `gm-cms` a GM/T 0010 SignedData around the digest, as 点聚 writes it; `pades` a
standard CMS with SM2; `pades-ses` the same with an SES_Signature inside, so that both worlds find what they know.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from math import ceil
from types import MappingProxyType
from typing import Final

from sealing import ses
from sealing.errors import SealFormatError
from signing import der
from signing.algorithms import verify_signature
from signing.certificates import Certificate, parse_certificate
from signing.cms import parse_cms
from signing.cms_names import CONTENT_TYPE, DATA, MESSAGE_DIGEST, SIGNING_CERTIFICATE_V2, TIMESTAMP_TOKEN
from signing.cms_signing import GB_35275, PreparedCms, complete_cms
from signing.cms_writing import encode_attributes, encode_signed_data, signing_certificate_v2
from signing.digests import sm3
from signing.errors import SigningError
from signing.schemes import scheme_for

_ARC: Final = ses.CONSENT.rpartition(".")[0]
SES_SIGNATURE: Final = f"{_ARC}.3"
"""Our unsigned attribute: one SES_Signature over the same /ByteRange; docs/format/seal.md 4."""
SES_STATEMENT: Final = f"{_ARC}.4"
"""Our signed attribute: OCTET STRING, SM3 of that signature's toSign, so that it cannot be taken away unseen."""
TOKEN_ROOM: Final = 4096
"""Bytes kept free for a signature timestamp."""
_FIXED_ROOM: Final = 512
_CMS_ROOM: Final = 1536
_SPARE: Final = 1.3


class Profile(StrEnum):
    """How a seal stands in a PDF."""

    SES = "ses"
    GM_CMS = "gm-cms"
    PADES = "pades"
    PADES_SES = "pades-ses"

    @property
    def has_seal(self) -> bool:
        """Whether the seal itself travels along, and a TBS_Sign is signed."""
        return self in (Profile.SES, Profile.PADES_SES)

    @property
    def has_message(self) -> bool:
        """Whether a CMS message stands in /Contents."""
        return self is not Profile.SES


KINDS: Final[Mapping[Profile, tuple[str, str]]] = MappingProxyType(
    {
        Profile.SES: ("/Gomain.GMPkiLite", "/GM.sm2seal"),
        Profile.GM_CMS: ("/DJ.GMPkiLite", "/GM.sm2cms.detached"),
        Profile.PADES: ("/Adobe.PPKLite", "/ETSI.CAdES.detached"),
        Profile.PADES_SES: ("/Adobe.PPKLite", "/ETSI.CAdES.detached"),
    }
)
"""/Filter and /SubFilter of each."""


def room_for(profile: Profile, esl: bytes, certificate: bytes) -> int:
    """Answer the hex digits to reserve: the expected message, a third more, and room for a timestamp."""
    size = _FIXED_ROOM + TOKEN_ROOM
    if profile.has_seal:
        size += len(esl) + len(certificate)
    if profile.has_message:
        size += len(certificate) + _CMS_ROOM
    return 2 * ceil(size * _SPARE)


def message_to_sign(
    profile: Profile, document_sm3: bytes, certificate: Certificate, tbs: bytes = b"", consent_sm3: bytes = b""
) -> bytes:
    """Answer the bytes that the key signs for the CMS message (SM2 over SM3(Z | bytes)).

    `tbs` is the TBS_Sign of the SES_Signature that goes inside, for `pades-ses`. `consent_sm3` stands in the message of
    `pades`; that of `pades-ses` has it in the TBS_Sign that it names, and `gm-cms` has no room for it.
    """
    if profile is Profile.GM_CMS:
        return document_sm3
    attributes = {
        CONTENT_TYPE: der.oid(DATA),
        MESSAGE_DIGEST: der.octet_string(document_sm3),
        SIGNING_CERTIFICATE_V2: signing_certificate_v2(certificate, "sm3"),
    }
    if profile is Profile.PADES_SES:
        attributes[SES_STATEMENT] = der.octet_string(sm3(tbs))
    elif consent_sm3:
        attributes[ses.CONSENT] = der.octet_string(consent_sm3)
    return encode_attributes(attributes)


def write_message(
    profile: Profile, to_sign: bytes, certificate: Certificate, signature: bytes, *, token: bytes | None, inner: bytes
) -> bytes:
    """Put the CMS message together, `inner` being an SES_Signature or empty.

    Raises BadSignatureError, MalformedError, TimestampError.
    """
    if profile is Profile.GM_CMS:
        return complete_cms(PreparedCms(1, GB_35275, certificate.der, (), b"", to_sign, b""), signature, token)
    scheme = scheme_for(certificate.public_key, "sm3")
    verify_signature(certificate.public_key, scheme.algorithm, to_sign, signature, digest=scheme.digest)
    unsigned = {TIMESTAMP_TOKEN: token} if token else {}
    if inner:
        unsigned[SES_SIGNATURE] = inner
    return encode_signed_data(to_sign, certificate, signature, unsigned=unsigned or None, scheme=scheme)


def read_inner(message: bytes) -> tuple[bytes, bytes]:
    """Answer the SES_Signature inside a CMS message, and the SM3 of toSign that its signer named; empty for neither.

    Raises what reading a CMS message raises, MalformedError for several of one kind.
    """
    signer = parse_cms(message).signer
    named = signer.attribute(SES_STATEMENT)
    inside = signer.unsigned.get(SES_SIGNATURE, ())
    digest = named.octets() if named else b""
    return (inside[0].raw if len(inside) == 1 else b""), digest


def check_message(
    profile: Profile, message: bytes, document_sm3: bytes, signer: bytes, at: datetime, *, consent_sm3: bytes = b""
) -> list[str]:
    """Say what is wrong with a finished message, read back as a stranger would: nothing, if all is well."""
    faults = list[str]()
    try:
        if profile.has_message:
            faults += _check_cms(profile, message, document_sm3, signer, consent_sm3)
        inner = message if profile is Profile.SES else read_inner(message)[0]
        if profile.has_seal:
            faults += _check_ses(inner, document_sm3, signer, at)
    except (SigningError, SealFormatError) as error:
        faults.append(f"the message cannot be read: {error}")
    return faults


def _check_cms(profile: Profile, message: bytes, document_sm3: bytes, signer: bytes, consent: bytes) -> list[str]:
    parsed, certificate = parse_cms(message), parse_certificate(signer)
    inner, named = read_inner(message)
    tbs = ses.parse_signature(inner).statement.raw if inner else b""
    if profile is Profile.PADES_SES and sm3(tbs) != named:
        return ["the message names another seal statement"]
    signed = parsed.signer.signed_attributes or parsed.content or b""
    if signed != message_to_sign(profile, document_sm3, certificate, tbs, consent):
        return ["the message is not about this document"]
    scheme = scheme_for(certificate.public_key, "sm3")
    verify_signature(certificate.public_key, scheme.algorithm, signed, parsed.signer.signature, digest="sm3")
    return []


def _check_ses(inner: bytes, document_sm3: bytes, signer: bytes, at: datetime) -> list[str]:
    signed, certificate = ses.parse_signature(inner), parse_certificate(signer)
    statement = signed.statement
    scheme = scheme_for(certificate.public_key, "sm3")
    verify_signature(certificate.public_key, scheme.algorithm, statement.raw, signed.signature, digest="sm3")
    sound = (
        signed.canonical
        and signed.certificate == signer
        and statement.document_sm3 == document_sm3
        and statement.time == at.replace(microsecond=0)
    )
    return [] if sound else ["the seal signature is not about this document"]
