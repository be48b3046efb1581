"""Trust lists (信任名单) as files: what `yizhao verify --trust DIR` takes and what an authority publishes.

A folder holds `trust.json` (canonical JSON naming every certificate by its SM3), one `<sm3>.cer` (DER) for each and
any number of `*.crl` (DER). The fingerprint is SM3 of `trust.json`; CRLs prove themselves by their signatures.
"""

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from signing import canonical
from signing.canonical import Name, Sm3Hex
from signing.certificates import MAX_CERTIFICATE, Certificate, parse_certificate
from signing.digests import sm3
from signing.errors import LimitError, MalformedError
from signing.path import Anchor, Purpose, TrustAnchors
from signing.revocation import MAX_CRL, parse_crl

LIST_FILE: Final = "trust.json"


class TrustedCertificate(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An anchor by its SM3, what it may vouch for, when (the second instant excluded), and on whose word."""

    sm3: Sm3Hex
    purposes: Annotated[tuple[Purpose, ...], Meta(min_length=1, max_length=16)]
    trusted_from: datetime | None = None
    trusted_until: datetime | None = None
    source: Annotated[str, Meta(max_length=400)] = ""


class TrustList(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The canonical content of trust.json; `issuers` are intermediates, trusted for nothing by themselves.

    `number` counts the editions, `publisher` is SM3 of the certificate that signs the next one (`trust_updates`).
    """

    v: Literal[1]
    name: Name
    version: Name
    sandbox: bool
    anchors: Annotated[tuple[TrustedCertificate, ...], Meta(max_length=500)]
    issuers: Annotated[tuple[Sm3Hex, ...], Meta(max_length=500)]
    number: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    issued_at: datetime | None = None
    next_update: datetime | None = None
    publisher: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")] = ""

    def __post_init__(self) -> None:
        """Refuse periods that are empty and instants without a zone."""
        periods = [(self.issued_at, self.next_update), *((a.trusted_from, a.trusted_until) for a in self.anchors)]
        for start, end in periods:
            if any(one is not None and one.tzinfo is None for one in (start, end)):
                raise ValueError("an instant without a time zone")
            if start is not None and end is not None and end <= start:
                raise ValueError("a period that ends before it begins")


class TrustFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole trust list in one JSON document, as it travels over HTTP; all certificates and CRLs are DER."""

    v: Literal[1]
    list: bytes
    certificates: Annotated[tuple[bytes, ...], Meta(max_length=1000)]
    crls: Annotated[tuple[bytes, ...], Meta(max_length=1000)]


def make_trust(
    name: str,
    version: str,
    *,
    sandbox: bool,
    anchors: tuple[Anchor, ...],
    issuers: tuple[Certificate, ...] = (),
    crls: tuple[bytes, ...] = (),
) -> TrustAnchors:
    """Make a trust list with its fingerprint."""
    trust = TrustAnchors(name, version, sandbox, anchors, issuers, crls)
    return replace(trust, fingerprint=sm3(canonical.encode(_content(trust))).hex())


def merge_trust(first: TrustAnchors, *others: TrustAnchors) -> TrustAnchors:
    """Put lists side by side, e.g. an agency's own beside ours; what is in several has the purposes of all.

    One sandbox list makes the whole a sandbox. Every anchor says which list it comes from. The whole has no edition
    of its own, and is current only as long as all its parts are.
    """
    if not others:
        return first
    lists = (first, *others)
    anchors = tuple(
        replace(anchor, source=f"{one.name}{'：' if anchor.source else ''}{anchor.source}"[:400])
        for one in lists
        for anchor in one.anchors
    )
    merged = TrustAnchors(
        name=" + ".join(one.name for one in lists),
        version=" + ".join(one.version for one in lists),
        sandbox=any(one.sandbox for one in lists),
        anchors=anchors,
        issuers=tuple({c.sm3: c for one in lists for c in one.issuers}.values()),
        crls=tuple(dict.fromkeys(crl for one in lists for crl in one.crls)),
        next_update=min((one.next_update for one in lists if one.next_update), default=None),
    )
    together = "\n".join(one.fingerprint for one in lists).encode("ascii")
    return replace(merged, fingerprint=sm3(together).hex())


def encode_trust(trust: TrustAnchors) -> bytes:
    """Answer the list as one JSON document (TrustFile)."""
    certificates = tuple(c.der for c in _certificates(trust).values())
    return canonical.encode(TrustFile(1, canonical.encode(_content(trust)), certificates, trust.crls))


def decode_trust(data: bytes) -> TrustAnchors:
    """Read one JSON document; LimitError, MalformedError or NotCanonicalError."""
    file = canonical.decode(data, TrustFile)
    return _assemble(file.list, file.certificates, file.crls)


def load_trust(folder: Path) -> TrustAnchors:
    """Read a trust folder; MalformedError when a certificate is missing or is not what the list names."""
    try:
        content = _read(folder / LIST_FILE, canonical.MAX_DOCUMENT)
        certificates = tuple(_read(path, MAX_CERTIFICATE) for path in sorted(folder.glob("*.cer")))
        crls = tuple(_read(path, MAX_CRL) for path in sorted(folder.glob("*.crl")))
    except OSError as error:
        raise MalformedError(f"no trust list in {folder.name}: {error.strerror}") from error
    return _assemble(content, certificates, crls)


def save_trust(folder: Path, trust: TrustAnchors) -> None:
    """Write a trust folder, trust.json last. Lists of the same issuer replace each other; others are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, certificate in _certificates(trust).items():
        _write(folder / f"{name}.cer", certificate.der)
    written = set[Path]()
    for number, crl in enumerate(trust.crls):
        path = folder / f"{sm3(parse_crl(crl).issuer_der).hex()[:16]}.crl"
        path = path.with_name(f"{path.stem}-{number}.crl") if path in written else path
        _write(path, crl)
        written.add(path)
    for stale in set(folder.glob("*.crl")) - written:
        stale.unlink()
    _write(folder / LIST_FILE, canonical.encode(_content(trust)))


def _content(trust: TrustAnchors) -> TrustList:
    trusted = tuple(
        TrustedCertificate(a.certificate.sm3, tuple(sorted(a.purposes)), a.trusted_from, a.trusted_until, a.source)
        for a in trust.anchors
    )
    return TrustList(
        v=1,
        name=trust.name,
        version=trust.version,
        sandbox=trust.sandbox,
        anchors=trusted,
        issuers=tuple(c.sm3 for c in trust.issuers),
        number=trust.number,
        issued_at=trust.issued_at,
        next_update=trust.next_update,
        publisher=trust.publisher,
    )


def _certificates(trust: TrustAnchors) -> dict[str, Certificate]:
    return {c.sm3: c for c in (*(a.certificate for a in trust.anchors), *trust.issuers)}


def _assemble(content: bytes, certificates: tuple[bytes, ...], crls: tuple[bytes, ...]) -> TrustAnchors:
    listed = canonical.decode(content, TrustList)
    known = {sm3(data).hex(): data for data in certificates}
    try:
        anchors = tuple(
            Anchor(
                parse_certificate(known[one.sm3]),
                frozenset(one.purposes),
                one.trusted_from,
                one.trusted_until,
                one.source,
            )
            for one in listed.anchors
        )
        issuers = tuple(parse_certificate(known[one]) for one in listed.issuers)
    except KeyError as error:
        raise MalformedError(f"the trust list names a certificate that is not there: {error}") from error
    for crl in crls:
        parse_crl(crl)
    return TrustAnchors(
        name=listed.name,
        version=listed.version,
        sandbox=listed.sandbox,
        anchors=anchors,
        issuers=issuers,
        crls=crls,
        fingerprint=sm3(content).hex(),
        number=listed.number,
        issued_at=listed.issued_at,
        next_update=listed.next_update,
        publisher=listed.publisher,
    )


def _read(path: Path, limit: int) -> bytes:
    with path.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise LimitError(f"{path.name}: over {limit} bytes")
    return data


def _write(path: Path, data: bytes) -> None:
    """Write beside and rename, so that a reader never sees half a file."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
