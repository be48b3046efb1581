"""What each kind of to-be-signed bytes says, so that a wallet can compare it with a consent (待签内容解读)."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from identity.ports import StatementFacts
from sealing import ses
from sealing.errors import SealingError
from sealing.pdf_readers import read_digest_statement, read_message_statement
from signing.digests import sm3
from signing.errors import MalformedError


def read_ses(data: bytes) -> StatementFacts:
    """TBS_Sign (GB/T 38540): dataHash, SM3(consent) from extDatas, the seal's number."""
    try:
        statement = ses.parse_statement(data)
    except SealingError as error:
        raise MalformedError(str(error)) from error
    consent = statement.consent_sm3
    return StatementFacts(
        statement.document_sm3.hex(), consent.hex() if consent is not None else None, statement.seal.info.number
    )


def read_cms(data: bytes) -> StatementFacts:
    """Signed attributes (RFC 5652 5.4): messageDigest, and of a seal's message the consent or the TBS_Sign it names."""
    return read_message_statement(data)


def read_gm_cms(data: bytes) -> StatementFacts:
    """Bare SM3 of a document (GM/T 0010 without attributes)."""
    return read_digest_statement(data)


def read_act(data: bytes) -> StatementFacts:
    """Answer a canonical statement: SM3 of its bytes."""
    return StatementFacts(sm3(data).hex())


READERS: Final[Mapping[str, Callable[[bytes], StatementFacts]]] = MappingProxyType(
    {"ses": read_ses, "cms": read_cms, "act": read_act, "gm-cms": read_gm_cms}
)
"""By `Statement.kind`: what a wallet is given."""
