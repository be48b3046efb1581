"""Document timestamps (RFC 3161) in PDF: sound ones in odd clothes, and ones that prove nothing."""

import re
from collections.abc import Iterator
from functools import cache

import comparison_path  # noqa: F401 - first, so that the makers are found
import pdf_forge as forge
from comparison_ofd import world
from pdf_forge import CONTENT1, SIG2, append, base, blank, complete, draw, signed, size_of, stream
from pdf_forge_attacks import Case
from pdf_forge_honest import dss, filled

SOUND, REJECTED = "PASS PASS_WARN", "FAIL MODIFIED REFUSE INDETERMINATE"
ROOM = b"0" * 12_000


def token(covered: bytes) -> bytes:
    made: bytes = world().stamp(covered)
    return made


def stamped(data: bytes, kind: bytes = b"/Type /DocTimeStamp ", make: forge.Seal = token) -> bytes:
    """Put a document timestamp into the second field."""
    new = size_of(data)
    value = blank(sub_filter=b"/ETSI.RFC3161").replace(b"/Type /Sig ", kind).replace(b"0" * forge.SPACE, ROOM)
    field = base()[SIG2].removesuffix(b" >>") + b" /V %d 0 R >>" % new
    return complete(append(data, {SIG2: field, new: value}), make)


@cache
def proven() -> bytes:
    return stamped(signed())


def copied() -> bytes:
    """Copy a timestamp's dictionary into a further field."""
    data = proven()
    value = re.findall(rb"\n(<< /Type /DocTimeStamp .*?>>)\nendobj", data, re.DOTALL)[0]
    new = size_of(data)
    field = b"<< /Type /Annot /Subtype /Widget /FT /Sig /T (copy) /Rect [0 0 0 0] /P 3 0 R /V %d 0 R >>" % (new + 1)
    form = base()[forge.FORM].replace(b"22 0 R]", b"22 0 R %d 0 R]" % new)
    return append(data, {new: field, new + 1: value, forge.FORM: form})


def honest() -> Iterator[Case]:
    """Answer timestamps that cover what they should."""
    plain = forge.write(base())
    yield Case("timestamp alone", lambda: stamped(plain), SOUND, "no signature, a timestamp")
    yield Case("timestamp after a signature", proven, SOUND, "B-LTA")
    yield Case("timestamp of type Sig", lambda: stamped(signed(), b"/Type /Sig "), SOUND, "its kind says what it is")
    yield Case("timestamp of type null", lambda: stamped(signed(), b"/Type null "), SOUND, "its kind says what it is")
    yield Case("timestamp without type", lambda: stamped(signed(), b""), SOUND, "its kind says what it is")
    yield Case("timestamp over validation data", lambda: stamped(dss(signed())), SOUND, "long-term archive")
    yield Case("validation data over a timestamp", lambda: dss(proven()), SOUND, "archive renewed")


def attacks() -> Iterator[Case]:
    """Answer timestamps over something else, and changes around them."""
    yield Case(
        "timestamp over other bytes", lambda: stamped(signed(), make=lambda d: token(d + b"x")), REJECTED, "imprint"
    )
    yield Case("timestamp copied", copied, REJECTED, "one token in two fields")
    false = {CONTENT1: stream(draw(b"Total: 900 yuan"))}
    yield Case("changed, then timestamped", lambda: stamped(append(signed(), false)), "MODIFIED", "a change archived")
    yield Case("timestamped, then changed", lambda: append(proven(), false), "MODIFIED", "changed after the archive")
    yield Case(
        "timestamp only, then changed", lambda: append(stamped(forge.write(base())), false), "MODIFIED", "no signer"
    )
    flipped = lambda: proven().replace(b"Total: 100", b"Total: 900")  # noqa: E731
    yield Case("timestamped, bytes changed", flipped, "FAIL", "signed bytes")
    yield Case("timestamp of zeros", lambda: stamped(signed(), make=lambda _: bytes(20)), REJECTED, "no token")
    mixed = lambda: append(proven(), {**filled(proven()), **false})  # noqa: E731
    yield Case("timestamped, filled and changed", mixed, "MODIFIED", "one update")


TIME_HONEST, TIME_ATTACKS = [*honest()], [*attacks()]
