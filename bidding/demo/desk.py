"""A bidder's person at the workbench, over its published interface."""

import io
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from bidding.demo.cast import Platform, Unit
from bidding.demo.report import DemoFailedError

SEALING_SECONDS = 60.0


@dataclass(frozen=True)
class Sealed:
    """What came of sealing."""

    files: int
    seals: int
    entries: int


@dataclass
class AtWorkbench:
    """One logged-in person with one draft."""

    http: httpx.Client
    token: str
    platform: Platform
    unit: Unit
    draft: str = ""
    values: dict[str, str] = field(default_factory=dict)

    def open(self, centre: str, section: str) -> None:
        """Begin a bid: the workbench fetches and verifies the tenderer's signed parameters."""
        self.draft = self._do("POST", "/drafts", json={"centre": centre, "section": section})["id"]

    def add(self, item: str, path: Path) -> None:
        """Add a PDF to an item."""
        self._do("POST", f"/drafts/{self.draft}/items/{item}/documents", **_file(path))

    def refused_document(self, item: str, path: Path) -> str:
        """Add a file that must be refused; answers the stable code, and sees that the draft is as it was."""
        before = self._do("GET", f"/drafts/{self.draft}")
        answer = self._ask("POST", f"/drafts/{self.draft}/items/{item}/documents", **_file(path))
        if answer.is_success or self._do("GET", f"/drafts/{self.draft}") != before:
            return "accepted"
        return str(answer.json()["code"])

    def fill_and_assemble(self, values: dict[str, str]) -> list[int]:
        """Fill in the form and assemble every item; answers the pages of each part."""
        self.values = values
        form = {"price": values["price"], "days": values["days"], "quality": values["quality"], "values": values}
        self._do("PUT", f"/drafts/{self.draft}/form", json=form)
        items = [item["id"] for item in self._do("GET", f"/drafts/{self.draft}")["items"]]
        return [int(self._do("POST", f"/drafts/{self.draft}/items/{item}/part")["pages"]) for item in items]

    def seal(self) -> Sealed:
        """Seal all parts: the legal representative's consent first, then the acting person's for the unit."""
        plan = self._do("POST", f"/drafts/{self.draft}/sealings")
        asked, end = "", time.monotonic() + SEALING_SECONDS
        while not plan["ended"]:
            if time.monotonic() > end:
                raise DemoFailedError(f"签章没有完成：{plan['state']}")
            if plan["url"] and plan["url"] != asked:
                asked = plan["url"]
                own = plan["kind"] == "legal-representative"
                self.platform.confirm(asked, self.unit.head if own else self.unit.acting)
            plan = self._do("POST", f"/sealings/{plan['id']}/advance")
        if plan["state"] != "sealed":
            raise DemoFailedError(f"签章未成功：{plan['state']} {plan['code']}")
        parts = [item["part"] for item in self._do("GET", f"/drafts/{self.draft}")["items"] if item["part"]]
        entries = len(self._do("GET", "/seal-uses"))
        return Sealed(len(parts), sum(len(part["seals"]) for part in parts), entries)

    def export(self, folder: Path) -> Path:
        """Take the bid folder home: sealed PDFs and consents."""
        missing = [
            line["text"] for line in self._do("GET", f"/drafts/{self.draft}/checks") if line["level"] == "missing"
        ]
        if missing:
            raise DemoFailedError("；".join(missing))
        data = self._ask("GET", f"/drafts/{self.draft}/folder").content
        folder.mkdir(parents=True)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                (folder / Path(name).name).write_bytes(archive.read(name))
        return folder

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.http.request(method, f"/api/v1{path}", headers=headers, **options)

    def _do(self, method: str, path: str, **options: Any) -> Any:
        response = self._ask(method, path, **options)
        if response.is_error:
            raise DemoFailedError(f"{method} {path}: {response.status_code} {response.text[:500]}")
        return response.json() if response.content else None


def _file(path: Path) -> dict[str, Any]:
    headers = {"x-file-name": quote(path.name), "content-type": "application/pdf"}
    return {"content": path.read_bytes(), "headers": headers}
