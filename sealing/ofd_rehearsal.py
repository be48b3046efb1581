"""A rehearsal on OFD (预演): the whole act with a throw-away key, judged by `verify_ofd` before anybody is asked.

The certificate is the signer's with another public key in it, so every length is the same. What that alone must break
is left out of account; all else must hold, and earlier signatures must stand as they stood.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sealing.errors import RehearsalError
from sealing.ofd import verify_ofd
from sealing.ofd_completing import add_value, finish_value
from sealing.ofd_preparing import OfdAct, PreparedOfdSeal, statement_of, write_prepared
from sealing.ofd_zip import LIMITS
from sealing.pdf_profiles import TOKEN_ROOM
from sealing.placement import Stamp
from sealing.report import SignatureReport
from sealing.seal import IssuedSeal
from sealing.ses_completing import NO_TRUST
from signing.certificates import Certificate, parse_certificate
from signing.checks import Result
from signing.errors import InvalidKeyError, LimitError
from signing.pdf import Coverage
from signing.sm2 import PrivateKey, PublicKey, generate, sign

Randomness = Callable[[int], bytes]

_CONSENT: Final = bytes(32)
_NEEDED: Final = frozenset(
    {"structure", "references", "coverage", "format", "signature", "digest", "seal-signature", "seal-file", "stamp"}
)
_BY_THE_KEY: Final = frozenset({"certificate-list"})
"""What must fail, because the throw-away key is in no seal's list."""


def rehearse_ofd_seal(
    source: Path,
    *,
    stamps: Sequence[Stamp],
    seal: IssuedSeal,
    signer: Certificate,
    at: datetime,
    random: Randomness,
    close: bool = False,
    document: int = 1,
    folder: Path | None = None,
) -> None:
    """Rehearse an act on a scratch copy in `folder`, or in the system's; the source is only read.

    Raises what `prepare_ofd_seal` raises, and RehearsalError when the sealed copy is not sound.
    """
    act = OfdAct(stamps, seal, signer, at, close=close, document=document)
    act.require_usable()
    double, key = _understudy(signer, random)
    with TemporaryDirectory(dir=folder, prefix=".rehearsal-") as scratch:
        draft = Path(scratch) / "draft.ofd"
        prepared = write_prepared(source, draft, replace(act, signer=double))
        tbs = statement_of(prepared, _CONSENT, at)
        add_value(prepared, finish_value(prepared, tbs, sign(key, tbs), None))
        if draft.stat().st_size + TOKEN_ROOM > LIMITS.file:
            raise LimitError(f"the sealed package would be larger than {LIMITS.file} bytes")
        faults = _compare(_judge(source, at), _judge(draft, at), prepared)
    if faults:
        raise RehearsalError("; ".join(faults))


def _understudy(signer: Certificate, random: Randomness) -> tuple[Certificate, PrivateKey]:
    """Answer the certificate with the public key of a throw-away key in it, and that key."""
    public = signer.public_key
    if not isinstance(public, PublicKey):
        raise InvalidKeyError("the signer's key is not an SM2 key")
    key = generate(random)
    return parse_certificate(signer.der.replace(public.point, key.public.point)), key


def _judge(path: Path, at: datetime) -> list[SignatureReport]:
    return list(verify_ofd(path, anchors=NO_TRUST, evidence=NO_TRUST.evidence, at=at).signatures)


def _compare(before: list[SignatureReport], after: list[SignatureReport], prepared: PreparedOfdSeal) -> list[str]:
    """Say what is wrong with the new signature, and what it did to those that were there."""
    known = {one.id: one for one in before}
    new = [one for one in after if one.id not in known]
    if len(new) != 1 or len(after) != len(before) + 1:
        return [f"{len(after)} signatures where {len(before)} were"]
    faults = _inspect(new[0], closes=prepared.closes)
    for one in after:
        if one.id in known:
            sound = {c.name for c in known[one.id].verdict.checks if c.result is Result.OK}
            broken = [c.name for c in one.verdict.checks if c.name in sound and c.result is not Result.OK]
            faults += [f"signature {one.id} would be broken: {name}" for name in broken[:1]]
    return faults


def _inspect(own: SignatureReport, *, closes: bool) -> list[str]:
    checks = own.verdict.checks
    good = {one.name for one in checks if one.result is Result.OK}
    needed = _NEEDED | {"closing"} if closes else _NEEDED
    faults = [f"{name} does not hold" for name in sorted(needed - good)]
    faults += [f"{one.name} fails" for one in checks if one.result is Result.FAILED and one.name not in _BY_THE_KEY]
    odd = [text for text in own.verdict.warnings if text.startswith(("STAMP", "UNCOVERED", "FMT_OFD"))]
    if own.covers != str(Coverage.WHOLE):
        faults.append("not everything is protected")
    return faults + odd
