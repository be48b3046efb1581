"""The interoperability matrix: every cell is run against the real other side, and docs/interop.md is what came out."""

from collections.abc import Iterator
from pathlib import Path

import cells_certificates
import cells_envelopes
import cells_messages
import cells_pdf
import cells_pyhanko
import cells_status
import cells_time
import cells_values
import pytest
from interop_cells import Cell, Town, attempt
from interop_document import DOCUMENT, render
from interop_peers import BouncyCastle, SmCrypto

pytestmark = pytest.mark.interop
CELLS: tuple[Cell, ...] = (
    *cells_values.CELLS,
    *cells_certificates.CELLS,
    *cells_status.CELLS,
    *cells_messages.CELLS,
    *cells_envelopes.CELLS,
    *cells_time.CELLS,
    *cells_pdf.CELLS,
    *cells_pyhanko.CELLS,
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    java, node = BouncyCastle(), SmCrypto()
    try:
        yield Town(Path(tmp_path_factory.mktemp("town")), java, node)
    finally:
        java.close()
        node.close()


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.id)
def test_the_other_side_answers_as_the_matrix_says(cell: Cell, town: Town) -> None:
    reason = attempt(cell, town)
    assert bool(reason) is bool(cell.refusal), reason


def test_the_published_matrix_is_what_was_run() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == render(CELLS), "run tests/interop/interop_document.py"


def test_every_object_is_also_read_by_ourselves() -> None:
    rows = {cell.row for cell in CELLS}
    assert {cell.row for cell in CELLS if cell.column == "Yizhao"} == rows
