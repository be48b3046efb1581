"""Certificate requests (证书请求, PKCS#10, RFC 2986), either suite: built around a key held elsewhere, read, judged.

`prepare_csr` answers what is to be signed, as a value that can be kept as JSON; `complete_csr` takes the signature,
whenever and wherever it was made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from msgspec import Struct

from signing import der
from signing.algorithms import AlgorithmIdentifier, read_algorithm, read_public_key, verify_signature
from signing.certificate_extensions import (
    ALTERNATIVE_NAME,
    KEY_USAGE,
    KEY_USAGES,
    Extension,
    GeneralName,
    read_alternative_names,
    read_extension,
    read_key_usage,
)
from signing.checks import Check, Result, SubIndication, Verdict
from signing.distinguished_names import COMMON_NAME, first_of, format_name, read_name
from signing.errors import BadSignatureError, MalformedError, UnsupportedAlgorithmError
from signing.issuing import SIGNING, Subject
from signing.issuing_extensions import encode_extension, encode_general_names
from signing.path_search import diagnose_signature
from signing.schemes import PublicKey, encode_spki, scheme_for

MAX_CSR: Final = 64 << 10
"""Bytes."""
_MAX_ATTRIBUTES: Final = 32
_EXTENSION_REQUEST: Final = "1.2.840.113549.1.9.14"


class PreparedCsr(Struct, frozen=True, forbid_unknown_fields=True):
    """A request without its signature. Sign `to_be_signed` with the key that it names, as `SigningKey.sign` does."""

    v: Literal[1]
    to_be_signed: bytes


@dataclass(frozen=True)
class Csr:
    """A request as it was read; `der`, `tbs` and `subject_der` are slices of the original bytes.

    `public_key` is an SM2 key, or the SubjectPublicKeyInfo DER of any other. What is asked for (`key_usage`,
    `alternative_names`, other `extensions`) binds nobody: the authority decides.
    """

    der: bytes = field(repr=False)
    tbs: bytes = field(repr=False)
    signature_algorithm: AlgorithmIdentifier
    signature: bytes = field(repr=False)
    subject_der: bytes = field(repr=False)
    subject_rfc4514: str
    common_name: str
    public_key: PublicKey = field(repr=False)
    key_usage: frozenset[str] | None
    alternative_names: tuple[GeneralName, ...]
    extensions: tuple[Extension, ...] = field(repr=False)


def prepare_csr(
    subject: Subject | bytes,
    public_key: PublicKey,
    *,
    key_usage: Sequence[str] = SIGNING,
    alternative_names: Sequence[GeneralName] = (),
) -> PreparedCsr:
    """Build the CertificationRequestInfo; `subject` may be a DER name. UnsupportedAlgorithmError for an odd key."""
    scheme_for(public_key)
    name = subject if isinstance(subject, bytes) else subject.encode()
    wanted = list[bytes]()
    if key_usage:
        usage = der.named_bits(*(KEY_USAGES.index(one) for one in key_usage))
        wanted.append(encode_extension(KEY_USAGE, usage, critical=True))
    if alternative_names:
        wanted.append(encode_extension(ALTERNATIVE_NAME, encode_general_names(alternative_names)))
    request = der.sequence(der.oid(_EXTENSION_REQUEST), der.set_of(der.sequence(*wanted)))
    attributes = der.explicit(0, *([request] if wanted else []))
    return PreparedCsr(1, der.sequence(der.integer(0), name, encode_spki(public_key), attributes))


def complete_csr(prepared: PreparedCsr, signature: bytes) -> bytes:
    """Put the signature to a prepared request, DER; BadSignatureError if it is not of the key that is named."""
    public_key = _read_info(der.read(prepared.to_be_signed, limit=MAX_CSR))[1]
    algorithm = scheme_for(public_key).algorithm
    verify_signature(public_key, algorithm, prepared.to_be_signed, signature)
    return der.sequence(prepared.to_be_signed, algorithm.encode(), der.bit_string(signature))


def parse_csr(data: bytes) -> Csr:
    """Read a DER CertificationRequest; LimitError or MalformedError."""
    outer = der.read(data, limit=MAX_CSR).fields()
    tbs, algorithm, signature = outer.take(der.SEQUENCE), outer.take(der.SEQUENCE), outer.take(der.BIT_STRING)
    outer.end()
    subject, public_key, extensions = _read_info(tbs)
    name = read_name(subject)
    return Csr(
        der=data,
        tbs=tbs.raw,
        signature_algorithm=read_algorithm(algorithm),
        signature=signature.bits(),
        subject_der=subject.raw,
        subject_rfc4514=format_name(name),
        common_name=first_of(name, COMMON_NAME),
        public_key=public_key,
        key_usage=read_key_usage(extensions.get(KEY_USAGE)),
        alternative_names=read_alternative_names(extensions.get(ALTERNATIVE_NAME)),
        extensions=tuple(extensions.values()),
    )


def verify_csr(csr: Csr) -> Verdict:
    """Judge whether the requester holds the private key (持有证明): one check, "possession", code SIG or ALG."""
    try:
        verify_signature(csr.public_key, csr.signature_algorithm, csr.tbs, csr.signature)
    except BadSignatureError:
        why = diagnose_signature(csr.public_key, csr.tbs, csr.signature) or "签名值不正确"
        return Verdict(Check("possession", "SIG", Result.FAILED, why, SubIndication.SIG_CRYPTO_FAILURE))
    except UnsupportedAlgorithmError as error:
        why = f"签名算法不受支持：{error}"
        return Verdict(Check("possession", "ALG", Result.UNKNOWN, why, SubIndication.CRYPTO_CONSTRAINTS_FAILURE))
    return Verdict(Check("possession", "SIG", Result.OK))


def _read_info(tbs: der.Element) -> tuple[der.Element, PublicKey, Mapping[str, Extension]]:
    fields = tbs.fields()
    if fields.take(der.INTEGER).integer() != 0:
        raise MalformedError("a certificate request of another version")
    subject, spki = fields.take(der.SEQUENCE), fields.take(der.SEQUENCE)
    block = fields.optional(der.context(0))
    fields.end()
    return subject, read_public_key(spki), _read_attributes(block)


def _read_attributes(block: der.Element | None) -> Mapping[str, Extension]:
    children = block.children() if block else ()
    if len(children) > _MAX_ATTRIBUTES:
        raise MalformedError(f"more than {_MAX_ATTRIBUTES} attributes")
    found = dict[str, Extension]()
    for child in children:
        parts = child.fields()
        oid, values = parts.take(der.OID).oid(), parts.take(der.SET)
        parts.end()
        if oid == _EXTENSION_REQUEST:
            for one in values.inner(der.SET).expect(der.SEQUENCE).children():
                extension = read_extension(one)
                if extension.oid in found:
                    raise MalformedError(f"extension {extension.oid} twice")
                found[extension.oid] = extension
    return found
