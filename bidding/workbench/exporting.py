"""From a complete draft to the folder that is packed: on the bidder's own machine, or here (待封装文件夹)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bidding.bid_folder import BidDocument, BidFolder, BidSheet, export_zip, write_bid_folder
from bidding.errors import NotReadyError
from bidding.workbench.assembling import readout_values
from bidding.workbench.checks import Finding, check_draft, is_complete
from bidding.workbench.desk import Desk
from bidding.workbench.drafts import Document, Draft, Part
from bidding.workbench.sections import Sections
from identity.consent import SignedConsent, consent_sm3


@dataclass(frozen=True)
class Exporting:
    """Writes complete drafts out as bid folders."""

    desk: Desk
    sections: Sections

    def check(self, draft: Draft) -> tuple[Finding, ...]:
        """Answer the check list of a draft, against the newest parameters that were taken in."""
        newest = self.sections.newest(draft.centre, draft.params.section)
        return check_draft(draft, newest_params_sm3=newest.params_sm3, at=self.desk.now())

    def require_complete(self, draft: Draft) -> None:
        """Raise NotReadyError with every line that stands in the way."""
        findings = self.check(draft)
        if not is_complete(findings):
            raise NotReadyError("".join(finding.text for finding in findings if finding.level == "missing"))

    def write(self, draft: Draft, company: str, folder: Path) -> BidFolder:
        """Write the folder, plainly; NotReadyError. The caller's folder is private and short-lived."""
        self.require_complete(draft)
        plain = folder / "plain"
        plain.mkdir(mode=0o700)
        documents, sources = [], {}
        for number, (document, name) in enumerate(self._documents(draft), 1):
            file = f"{number:03d}-{document.item}"[:60].replace(".", "_") + ".pdf"
            documents.append(self._entry(draft, document, file))
            sources[file] = self.desk.shelf.copy(name, plain / file)
        stages = [stage.id for stage in draft.params.stages]
        sheet = BidSheet(
            v=1,
            section=draft.params.section,
            bidder=draft.uscc,
            company=company,
            params=self.sections.get(draft.params_sm3).signed,
            documents=tuple(documents),
            values={str(stage): readout_values(draft.form, draft.params, stage) for stage in stages},
            consents=_consents(draft),
        )
        return write_bid_folder(folder / "bid", sheet, sources)

    def write_zip(self, draft: Draft, company: str, folder: Path) -> Path:
        """Write the folder as one ZIP for download."""
        return export_zip(self.write(draft, company, folder), folder / "bid.zip")

    @staticmethod
    def _documents(draft: Draft) -> Iterator[tuple[Part | Document, str]]:
        """Yield every part in the order of the items, each followed by its annexes: files that came in signed."""
        for item in draft.params.required:
            for part in draft.parts:
                if part.item == item.id:
                    yield part, part.object
            for document in draft.documents_of(item.id):
                if document.facts.signed:
                    yield document, document.object

    @staticmethod
    def _entry(draft: Draft, document: Part | Document, file: str) -> BidDocument:
        facts = document.facts
        seals = tuple(seal.mark for seal in facts.seals) if isinstance(document, Part) else ()  # type: ignore[union-attr]
        stage = draft.item(document.item).stage
        return BidDocument(document.item, stage, facts.name, file, facts.pages, facts.size, facts.sm3, seals)


def _consents(draft: Draft) -> tuple[SignedConsent, ...]:
    """Each consent that a seal names, once, in the order of its digest."""
    found = {consent_sm3(seal.consent).hex(): seal.consent for part in draft.parts for seal in part.facts.seals}
    return tuple(found[digest] for digest in sorted(found))
