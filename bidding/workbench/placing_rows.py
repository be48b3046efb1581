"""What is placed besides the main places, as rows; every function is one look or one change inside a transaction."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from bidding.workbench.desk import Desk
from bidding.workbench.placing_values import PlacingFacts
from storage.models.workbench import placings


def load_placings(desk: Desk, tx: Connection, part: str) -> dict[str, PlacingFacts]:
    """Answer what is kept of a part, by kind of seal."""
    rows = tx.execute(select(placings).where(placings.c.part == part)).mappings()
    return {row["kind"]: desk.open(f"placings/{row['id']}", row["sealed_facts"], PlacingFacts) for row in rows}


def put_placings(desk: Desk, tx: Connection, part: str, facts: Mapping[str, PlacingFacts]) -> None:
    """Keep these kinds of a part anew."""
    for kind, value in facts.items():
        tx.execute(delete(placings).where(placings.c.part == part, placings.c.kind == kind))
        name = desk.new_id()
        row = {"id": name, "part": part, "kind": kind, "sealed_facts": desk.seal(f"placings/{name}", value)}
        tx.execute(insert(placings).values(**row, at=desk.now()))
