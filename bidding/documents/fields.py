"""Marked places as signature fields, and an opening record that waits for all its seals."""

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from bidding.documents.opening_record import OpeningFacts, make_opening_record
from bidding.documents.paper import Place
from sealing.pdf import prepare_fields
from sealing.placement import SealField


def field_name(party: str) -> str:
    """Name the signature field of a party: `seal-unit`, `seal-legal-representative`, `seal-<credit code>`."""
    return f"seal-{party}"


def seal_fields(places: Iterable[Place]) -> tuple[SealField, ...]:
    """Turn places into fields; both are measured from the upper left corner of the page as it is seen."""
    return tuple(
        SealField(field_name(place.party), place.page, place.x_mm, place.y_mm, place.w_mm, place.h_mm)
        for place in places
    )


def draw_opening_record(facts: OpeningFacts, *, random: Callable[[int], bytes]) -> bytes:
    """Draw the record with one empty signature field for each party, named by `field_name` of its credit code."""
    paper = make_opening_record(facts, random=random)
    with TemporaryDirectory(prefix="yizhao-record-") as folder:
        path = Path(folder) / "record.pdf"
        path.write_bytes(paper.pdf)
        prepare_fields(path, seal_fields(paper.places))
        return path.read_bytes()
