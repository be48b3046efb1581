"""How a wallet reads what is to be signed for a seal on a PDF (待签内容解读), where it is no TBS_Sign."""

from typing import Final

from identity.ports import StatementFacts
from sealing import ses
from sealing.pdf_profiles import SES_STATEMENT
from signing import der
from signing.cms_names import MESSAGE_DIGEST
from signing.errors import MalformedError

_LIMIT: Final = 1 << 20
_DIGEST: Final = 32
_READ: Final = frozenset({MESSAGE_DIGEST, ses.CONSENT, SES_STATEMENT})


def read_message_statement(attributes: bytes) -> StatementFacts:
    """Read signed attributes (RFC 5652 5.4): messageDigest, and the consent or the seal statement if they name one.

    Raises MalformedError unless they are strict DER with exactly one digest, and at most one of each of the others.
    """
    der.require_der(attributes, limit=_LIMIT)
    found = dict[str, str]()
    for attribute in der.read(attributes, limit=_LIMIT).expect(der.SET).children():
        fields = attribute.fields()
        oid, values = fields.take(der.OID).oid(), fields.take(der.SET).children()
        if oid not in _READ:
            continue
        if oid in found or len(values) != 1 or len(values[0].octets()) != _DIGEST:
            raise MalformedError(f"attribute {oid} does not hold one SM3 digest")
        found[oid] = values[0].octets().hex()
    if MESSAGE_DIGEST not in found:
        raise MalformedError("no messageDigest in the attributes")
    return StatementFacts(found[MESSAGE_DIGEST], found.get(ses.CONSENT), names=found.get(SES_STATEMENT))


def read_digest_statement(data: bytes) -> StatementFacts:
    """Read the bare digest of `gm-cms`, 32 bytes: shorter than any other kind of statement. Raises MalformedError."""
    if len(data) != _DIGEST:
        raise MalformedError(f"{len(data)} bytes are no SM3 digest")
    return StatementFacts(data.hex())
