"""Validation data inside a PDF, read for a judge: certificates that help to build paths, lists and answers to ask.

Nothing in it is trusted for being there: paths must lead to anchors, and lists and answers must be signed by those
who may (`signing.path`). What cannot be read is left out and named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from signing.certificates import Certificate, parse_certificate
from signing.errors import SigningError
from signing.ocsp import parse_ocsp
from signing.pades_dss import read_dated
from signing.path import RevocationEvidence
from signing.pdf_reading import OpenPdf
from signing.revocation import parse_crl

_MAX_NOTES: Final = 20
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class EmbeddedEvidence:
    """What the newest store of a PDF holds. `notes` are Chinese sentences about what could not be read.

    `revisions` say of lists and responses, by their DER, in which revision (from zero) they last came into the file.
    """

    certificates: tuple[Certificate, ...]
    evidence: RevocationEvidence
    notes: tuple[str, ...] = ()
    revisions: Mapping[bytes, int] = field(default_factory=dict, repr=False)


def read_evidence(pdf: OpenPdf) -> EmbeddedEvidence:
    """Read the validation data (DSS) of a PDF; empty when there is none. Raises LimitError for a store too large."""
    (data, revisions), notes = read_dated(pdf), list[str]()
    certificates = _read(parse_certificate, data.certificates, "证书", notes)
    crls = _read(parse_crl, data.crls, "撤销列表", notes)
    ocsps = _read(parse_ocsp, data.ocsps, "OCSP 应答", notes)
    return EmbeddedEvidence(certificates, RevocationEvidence(crls, ocsps), tuple(notes[:_MAX_NOTES]), revisions)


def _read(parse: Callable[[bytes], _Read], found: tuple[bytes, ...], kind: str, notes: list[str]) -> tuple[_Read, ...]:
    readable = list[_Read]()
    for number, data in enumerate(found, 1):
        try:
            readable.append(parse(data))
        except SigningError as error:
            notes.append(f"验证数据中第 {number} 份{kind}无法读取：{error}")
    return tuple(readable)
