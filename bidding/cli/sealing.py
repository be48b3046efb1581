"""One seal on one PDF from one's own machine: what `yizhao seal` does."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bidding.workbench.seal_batch import FileToSeal, SealBatch, SealOrder
from bidding.workbench.seal_standing import SealPorts
from identity.actor import Actor
from identity.errors import ConsentExpiredError
from sealing.pages import inspect_pdf
from sealing.pdf import prepare_fields
from sealing.placement import SealField
from sealing.seal import SIZES_MM, SealKind


@dataclass(frozen=True)
class LocalSealing:
    """One acting person with one kind of seal."""

    ports: SealPorts
    actor: Actor
    kind: SealKind

    def run(
        self, source: Path, target: Path, *, page: int, x_mm: float, y_mm: float, sleep: Callable[[float], None]
    ) -> None:
        """Prepare, ask on the wallet, wait, sign, stamp; `target` appears whole or not at all, `source` is untouched.

        Errors of `sealing.pages.inspect_pdf`, `SealBatch.ask` and `SealBatch.finish`; FieldError outside the page.
        """
        pages = inspect_pdf(source).count
        width, height = SIZES_MM[self.kind]
        field = f"seal-{self.kind}-{self.ports.random(4).hex()}"
        place = SealField(field, page, x_mm - width / 2, y_mm - height / 2, width, height)
        with TemporaryDirectory(dir=target.parent, prefix=".yizhao-seal-") as folder:
            draft, sealed = Path(folder) / "draft.pdf", Path(folder) / "sealed.pdf"
            draft.write_bytes(source.read_bytes())
            prepare_fields(draft, [place])
            batches = SealBatch(self.ports)
            file = FileToSeal(source.name, pages, draft, sealed, field)
            batch = batches.ask(SealOrder(self.actor, self.kind, [file]))
            click.echo(f"请在执照钱包确认：{batch.consent.url}")
            self.ports.party(batch.actor).wait(batch.consent, sleep)
            if batches.finish(batch) is None:
                raise ConsentExpiredError(batch.record.nonce)
            sealed.replace(target)
