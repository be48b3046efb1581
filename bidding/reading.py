"""What each kind of to-be-signed bytes says, so that a wallet can compare it with a consent (待签内容解读)."""

from identity.ports import StatementFacts
from sealing import ses
from sealing.errors import SealingError
from signing import cms
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
    """Signed attributes (RFC 5652 5.4): the messageDigest attribute."""
    return StatementFacts(cms.read_message_digest(data).hex())


def read_act(data: bytes) -> StatementFacts:
    """Answer a canonical statement: SM3 of its bytes."""
    return StatementFacts(sm3(data).hex())
