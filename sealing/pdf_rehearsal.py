"""A dress rehearsal (预演): the whole act with a throw-away key, verified, before anybody is asked for anything.

The certificate is the signer's with another public key in it, so every length is the same. The outcome is read back
as a stranger would read it: structure, coverage, digest, signatures, what it did to earlier signatures, and whether
the pages look as they did outside the boxes of the impressions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sealing.errors import RehearsalError
from sealing.evidence import PAYLOADS, Payload
from sealing.pages import inspect_pdf
from sealing.pdf import Act, PreparedSeal, append_act, fill_room, finish_message, statement_of, to_be_signed
from sealing.pdf_places import Ground, survey
from sealing.pdf_preview import find_strays, render_page
from sealing.pdf_profiles import KINDS, TOKEN_ROOM, Profile, check_message
from sealing.placement import Box
from signing import der
from signing.certificates import Certificate, parse_certificate
from signing.errors import InvalidKeyError
from signing.pades_files import copy_file
from signing.pades_writing import Known, hash_document
from signing.pdf import Coverage, FilledSignature, find_signatures
from signing.pdf_changes import find_changes
from signing.pdf_filling import MAX_FILE
from signing.pdf_reading import OpenPdf, open_pdf
from signing.sm2 import PrivateKey, PublicKey, generate, sign

Randomness = Callable[[int], bytes]

_RENDERED: Final = 6
"""Pages whose look is compared: the first, the last, and some between."""
_SCALE: Final = 1.0
_CONSENT: Final = bytes(32)


@dataclass(frozen=True)
class _Outcome:
    """What the rehearsal made."""

    act: Act
    ground: Ground
    prepared: PreparedSeal
    message: bytes


def rehearse_seal(source: Path, act: Act, random: Randomness, *, folder: Path | None = None) -> None:
    """Rehearse an act on a scratch copy in `folder`, or in the system's; the source is only read.

    Raises what `sealing.pages.inspect_pdf` and `sealing.pdf.prepare_seal` raise, and RehearsalError when the sealed
    copy is not sound.
    """
    act.require_usable()
    with TemporaryDirectory(dir=folder, prefix=".rehearsal-") as scratch:
        draft = Path(scratch) / "draft.pdf"
        copy_file(source, draft)
        rehearse_in_place(draft, act, random)


def rehearse_in_place(
    draft: Path,
    act: Act,
    random: Randomness,
    *,
    known: Known | None = None,
    checked: bool = False,
    ground: Ground | None = None,
) -> None:
    """Rehearse on a file under work, and cut off again what was appended.

    `known` saves hashing what was hashed when the act is appended; with `checked` also when it is verified, for a
    file of which that digest was verified before. Raises as `rehearse_seal`.
    """
    size = draft.stat().st_size
    if not checked:
        inspect_pdf(draft)
    ground = ground or survey(draft, act.field, act.stamps)
    with open_pdf(draft) as pdf:
        boxes = ground.boxes(pdf)
    sample = _sample(sorted(boxes))
    before = {page: render_page(draft, page, scale=_SCALE) for page in sample}
    double, key = _understudy(act.signer, random)
    try:
        prepared, _ = append_act(draft, replace(act, signer=double), known, ground)
        message = _sign(prepared, act, key)
        if len(message) + TOKEN_ROOM > _room(prepared):
            raise RehearsalError(f"{len(message)} bytes and a timestamp do not fit the room of {_room(prepared)}")
        fill_room(prepared, message)
        outcome = _Outcome(act, ground, prepared, message)
        faults, suspects = _inspect(draft, outcome, known if checked else None)
        faults += _look(draft, before, boxes)
    finally:
        with draft.open("r+b") as stream:
            stream.truncate(size)
    faults += _newly_broken(draft, suspects)
    if faults:
        raise RehearsalError("; ".join(faults))


def _understudy(signer: Certificate, random: Randomness) -> tuple[Certificate, PrivateKey]:
    """Answer the certificate with the public key of a throw-away key in it, and that key."""
    public = signer.public_key
    if not isinstance(public, PublicKey):
        raise InvalidKeyError("the signer's key is not an SM2 key")
    key = generate(random)
    return parse_certificate(signer.der.replace(public.point, key.public.point)), key


def _sign(prepared: PreparedSeal, act: Act, key: PrivateKey) -> bytes:
    tbs = statement_of(prepared, _CONSENT, act.at) if act.profile.has_seal else b""
    signature = sign(key, to_be_signed(prepared, tbs, _CONSENT))
    inner = sign(key, tbs) if act.profile is Profile.PADES_SES else b""
    return finish_message(prepared, tbs, signature, None, seal_signature=inner, consent_sm3=_CONSENT)


def _room(prepared: PreparedSeal) -> int:
    return (prepared.byte_range[2] - prepared.byte_range[1] - 2) // 2


def _inspect(draft: Path, outcome: _Outcome, known: Known | None) -> tuple[list[str], set[str]]:
    """Read the rehearsed file from outside; say what is wrong with it, and which other signatures are broken."""
    prepared = outcome.prepared
    with draft.open("rb") as stream:
        digest, _ = hash_document(stream, prepared.range, "sm3", known)
    faults = [] if digest.hex() == prepared.document_sm3 else ["the digest of the file is another"]
    with open_pdf(draft) as pdf:
        found = find_signatures(pdf)
        own = [one for one in found if one.name == prepared.field]
        if len(own) != 1:
            return [*faults, f"{len(own)} signatures in the field"], set()
        faults += _inspect_own(own[0], outcome)
        faults += _inspect_changes(pdf, found, own[0], outcome.ground)
        return faults, {one.name for one in found if one.defects and one is not own[0]}


def _newly_broken(draft: Path, suspects: set[str]) -> list[str]:
    """Say which of these signatures are whole in the file as it was before."""
    if not suspects:
        return []
    with open_pdf(draft) as pdf:
        before = {one.name for one in find_signatures(pdf) if one.defects}
    return [f"{name} would be broken" for name in sorted(suspects - before)]


def _inspect_own(own: FilledSignature, outcome: _Outcome) -> list[str]:
    act, prepared = outcome.act, outcome.prepared
    faults = list[str]() if not own.defects else [own.defects[0]]
    if own.covers is not Coverage.WHOLE or own.byte_range != prepared.range:
        faults.append("the signature does not cover the whole file")
    if (own.filter, own.sub_filter) != KINDS[act.profile]:
        faults.append("the signature is of another kind")
    written = der.read_prefix(own.contents, limit=len(own.contents)).raw
    if written != outcome.message:
        faults.append("the message in the file is another")
    digest = bytes.fromhex(prepared.document_sm3)
    return faults + check_message(act.profile, written, digest, prepared.signer, act.at, consent_sm3=_CONSENT)


def _inspect_changes(pdf: OpenPdf, found: Sequence[FilledSignature], own: FilledSignature, ground: Ground) -> list[str]:
    """See that the earlier signatures stay whole.

    The rules of the judge read every object, which a long file makes costly; there it is enough that nothing was
    changed but the field and its prepared places.
    """
    earlier = [one for one in found if one.name != own.name and not one.defects]
    if not earlier:
        return []
    if pdf.size > MAX_FILE:
        now, then = (pdf.reader.get_historical_resolver(own.revision - back) for back in (0, 1))
        changed = {ref.idnum for ref in now.explicit_refs_in_revision() if not then.is_ref_unassignable(ref)}
        return [] if changed <= {ground.field, *(spot.widget for spot in ground.spots)} else ["more was changed"]
    faults = list[str]()
    for one in earlier:
        strict = PAYLOADS.get(one.sub_filter) is Payload.SEAL
        changes = find_changes(pdf, one, found, strict=strict)
        denied = [c.what for c in changes if not c.allowed and c.revision == own.revision]
        faults += [f"{one.name} would be broken: {what}" for what in denied[:1]]
    return faults


def _sample(pages: Sequence[int]) -> list[int]:
    """Choose a few pages, evenly, the first and the last among them."""
    last, most = len(pages) - 1, min(_RENDERED, len(pages))
    return sorted({pages[round(at * last / max(most - 1, 1))] for at in range(most)})


def _look(draft: Path, before: dict[int, bytes], boxes: dict[int, list[Box]]) -> list[str]:
    """Compare pages with what they were; a narrow slice may show nothing, all of them together must show something."""
    faults, seen = list[str](), not before
    for page, was in before.items():
        now = render_page(draft, page, scale=_SCALE)
        seen = seen or find_strays(was, now, [], scale=_SCALE) != 0
        if find_strays(was, now, boxes[page], scale=_SCALE):
            faults.append(f"page {page} looks different outside the impressions")
    return faults if seen else [*faults, "no impression is to be seen"]
