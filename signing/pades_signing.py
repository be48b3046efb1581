"""Signing a PDF at once, at any level, with a key and a timestamp authority at hand.

One copy, one draft, one pass of hashing: the document timestamp of level B-LTA goes on from the digest state of the
signature, if both use the same digest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from signing.certificates import Certificate
from signing.errors import PadesError
from signing.key_use import require_pair
from signing.pades import FileState, SignatureRequest, ValidationData, imprint_of
from signing.pades_completing import complete_signature
from signing.pades_files import working_copy
from signing.pades_longterm import Level, stamp_draft
from signing.pades_preparing import (
    Signatory,
    describe_signature,
    inspect,
    inspect_for_timestamp,
    start_signature,
)
from signing.pades_writing import Randomness, append_validation
from signing.path import RevocationEvidence, TrustAnchors
from signing.ports import TimestampAuthority
from signing.schemes import SigningKey


@dataclass(frozen=True)
class Lasting:
    """What a level above B-B asks for. `digest` is the timestamps' imprint, the signature's own when empty.

    With `anchors` the authority must be trusted, else its tokens must only hold together.
    """

    level: Level
    authority: TimestampAuthority
    data: ValidationData | None = None
    digest: str = ""
    anchors: TrustAnchors | None = None
    evidence: RevocationEvidence | None = None


def sign_pdf(
    source: Path,
    target: Path,
    request: SignatureRequest,
    *,
    key: SigningKey,
    certificate: Certificate,
    chain: Sequence[Certificate] = (),
    at: datetime,
    random: Randomness,
    lasting: Lasting | None = None,
) -> None:
    """Sign `source` into `target`: level B-B, or what `lasting` asks for.

    `target` is replaced in one step when all is done; after an error it is as it was. Raises as `prepare_signature`
    and `complete_signature`, UnavailableError of the authority, and InvalidKeyError for a key that is not the
    certificate's. Nothing is asked of key or authority before the PDF has been found fit.
    """
    signatory = Signatory.of(certificate, chain, request.digest)
    require_pair(certificate, key.public_key)
    if lasting and lasting.level in (Level.LT, Level.LTA) and (lasting.data is None or lasting.data.is_empty):
        raise PadesError(f"level {lasting.level} needs validation data")
    if lasting is None or lasting.level is Level.B:
        request = replace(request, token_room=0)
    with working_copy(source, target) as draft:
        place = inspect(draft, request.field, request.appearance)  # not the source, which others may change meanwhile
        appended = start_signature(draft, place, request, signatory, at=at, random=random)
        prepared = describe_signature(appended, FileState.of(draft.stat()), request.field, signatory)
        signature = key.sign(prepared.to_be_signed)
        if lasting is None or lasting.level is Level.B:
            complete_signature(draft, prepared, signature)
            return
        digest = lasting.digest or signatory.scheme.digest
        token = lasting.authority.stamp(imprint_of(signature, digest))
        complete_signature(draft, prepared, signature, token, anchors=lasting.anchors, evidence=lasting.evidence)
        if lasting.level is Level.LT and lasting.data is not None:
            append_validation(draft, lasting.data, random)
        if lasting.level is Level.LTA:
            stamp_draft(
                draft,
                inspect_for_timestamp(draft),
                lasting.data,
                lasting.authority,
                random=random,
                digest=digest,
                anchors=lasting.anchors,
                evidence=lasting.evidence,
                known=appended.known,
            )
