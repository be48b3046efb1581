"""Completing a seal on OFD: what came back is checked, then the signature value joins the package as its last entry."""

import os
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sealing import ses
from sealing.errors import StatementMismatchError
from sealing.ofd_preparing import PreparedOfdSeal
from sealing.ofd_rewriting import append, read_directory
from sealing.ofd_structure import read_signature
from sealing.ofd_xml import MAX_XML
from sealing.ofd_zip import OfdPackage, open_package
from sealing.ses_completing import require_signature, require_statement, require_token
from signing.digests import Sm3, sm3
from signing.errors import MalformedError
from signing.pades import FileState
from signing.pades_files import copy_file, draft_of, publish
from signing.path import RevocationEvidence, TrustAnchors


def complete_ofd_seal(
    prepared: PreparedOfdSeal,
    statement: bytes,
    signature: bytes,
    token: bytes,
    *,
    not_before: datetime,
    not_after: datetime,
    anchors: TrustAnchors | None = None,
    evidence: RevocationEvidence | None = None,
) -> None:
    """Check statement, signature and timestamp, then add the signature value; the prepared package is replaced.

    `signature` is over `statement`; `token` is over SM3(signature) and within [not_before, not_after], the consent's
    window. With `anchors` its authority must also be trusted. Once more with the same values is no fault. Raises
    StatementMismatchError, SignatureRejectedError, ConsentWindowError; then nothing was written.
    """
    value = finish_value(prepared, statement, signature, token)
    require_token(token, signature, (not_before, not_after), anchors, evidence)
    add_value(prepared, value)


def finish_value(prepared: PreparedOfdSeal, statement: bytes, signature: bytes, token: bytes | None) -> bytes:
    """Answer the SES_Signature. Raises StatementMismatchError, SignatureRejectedError."""
    require_statement(
        statement, seal=prepared.seal, document_sm3=prepared.document_sm3, property_info=prepared.property_info
    )
    require_signature(prepared.signer, statement, signature)
    return ses.write_signature(statement, prepared.signer, signature, token)


def add_value(prepared: PreparedOfdSeal, value: bytes) -> None:
    """Add a signature value to the prepared package. Raises StatementMismatchError."""
    path = Path(prepared.path)
    with path.open("rb") as stream:
        if _is_there(stream, prepared, value):
            return
    draft = draft_of(path)
    copy_file(path, draft)
    try:
        with draft.open("r+b") as stream:
            size = os.fstat(stream.fileno()).st_size
            append(stream, read_directory(stream, size), prepared.value, value)
        publish(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _is_there(stream: BinaryIO, prepared: PreparedOfdSeal, value: bytes) -> bool:
    """See that the package is still the prepared one; answer whether this very value is in it already."""
    status = os.fstat(stream.fileno())
    try:
        package = open_package(stream, status.st_size)
        document = package.read(prepared.signature, limit=MAX_XML)
        found = package.read(prepared.value, limit=ses.MAX_SIGNATURE) if prepared.value in package.parts else None
        same = sm3(document).hex() == prepared.document_sm3 and found in (None, value)
        if same and FileState.of(status) != prepared.state:
            same = _is_whole(package, document, prepared)
    except MalformedError as error:
        raise StatementMismatchError(f"the prepared file cannot be read any more: {error}") from error
    if not same:
        raise StatementMismatchError("the prepared file has changed since it was prepared")
    return found is not None


def _is_whole(package: OfdPackage, document: bytes, prepared: PreparedOfdSeal) -> bool:
    """Hash every protected part again, for a file that was moved, copied or written to meanwhile."""
    for location, digest in read_signature(document, {}).references:
        part = package.find(prepared.signature, location)
        if not part:
            return False
        state = Sm3()
        for piece in package.pieces(part):
            state.update(piece)
        if bytes.fromhex(state.hexdigest()) != digest:
            return False
    return True
