"""People with browsers: who looks at which page, the phone in their hand, and everything a browser complains of."""

import base64
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Download, Page, Response, ViewportSize

PIN = "246810"
DESK, PHONE = ViewportSize(width=1200, height=900), ViewportSize(width=390, height=844)
_REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (4\d\d)")
_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

_PICTURES = """async () => {
  const pictures = [...document.images];
  for (const one of pictures) one.loading = "eager";
  await Promise.all(pictures.map((one) => one.decode().catch(() => null)));
  return pictures.filter((one) => !one.naturalWidth).map((one) => one.src);
}"""
_DROP = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, data] of files) {
    transfer.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name));
  }
  return transfer;
}"""


@dataclass
class Watch:
    """What browsers complain of; refusals that a step asks for are announced beforehand."""

    shots: Path
    keeps: bool = False
    """Whether somebody wants to see the pictures of the phone as well."""
    complaints: list[str] = field(default_factory=list)
    announced: Counter[int] = field(default_factory=Counter)
    seen: int = 0

    def follow(self, page: Page) -> None:
        """Listen to a page from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        refused = _REFUSED.match(message.text)
        status = int(refused.group(1)) if refused else 0
        if refused and self.announced[status]:
            self.announced[status] -= 1
            return
        self.complaints.append(f"{message.location.get('url', '')}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.url}: {response.status}")

    def look(self, page: Page, name: str, *, pictures: bool = False) -> None:
        """Take the page's picture at a desk and on a phone; nothing may stick out sideways on either."""
        self.seen += 1
        page.wait_for_load_state()
        if pictures and (missing := page.evaluate(_PICTURES)):
            self.complaints.append(f"{name}: pictures that do not show: {missing}")
        for size, width in (("desk", DESK), ("phone", PHONE)):
            if page.viewport_size != width:
                page.set_viewport_size(width)
            if too_wide := page.evaluate(_WIDE):
                self.complaints.append(f"{name} ({size}, {page.url}): {too_wide} pixels too wide")
            if self.keeps or size == "desk":
                page.screenshot(path=self.shots / f"{self.seen:02}-{name}-{size}.png", full_page=True)
        page.set_viewport_size(DESK)


@dataclass(frozen=True)
class PhoneInHand:
    """The licence wallet on one person's phone."""

    page: Page
    watch: Watch
    company: str
    person: str

    def confirm_login(self, link: str, number: str, *, pin: str = PIN) -> None:
        """Open the link of the QR code, compare the number, enter the PIN."""
        self.page.goto(link)
        self.page.fill("#number", number)
        self.give_pin(pin)

    def confirm(self, link: str, name: str = "") -> None:
        """Open the link of the QR code, read what is asked, enter the PIN."""
        self.page.goto(link)
        if name:
            self.watch.look(self.page, name)
        self.give_pin(PIN)
        self.page.wait_for_selector("#request[data-state=confirmed], #request[data-state=used]")

    def refuse(self, link: str) -> None:
        """Open the link and say no."""
        self.page.goto(link)
        self.page.click("#refuse")
        self.page.wait_for_selector("#request[data-state=refused]")

    def give_pin(self, pin: str) -> None:
        """Type a PIN and press the button."""
        self.page.fill("#pin", pin)
        self.page.click("#confirm")


@dataclass(frozen=True)
class Town:
    """The browser, and where the parties are."""

    browser: Browser
    watch: Watch
    wallet: str
    workbench: str
    centre: str
    officer: str

    def open(self, **options: Any) -> Page:
        """Open a browser of somebody's own."""
        context: BrowserContext = self.browser.new_context(
            viewport=DESK, locale="zh-CN", accept_downloads=True, **options
        )
        context.set_default_timeout(20_000)
        page = context.new_page()
        self.watch.follow(page)
        return page

    def phone(self, company: str, person: str) -> PhoneInHand:
        """Take the phone of a person: the sandbox asks whose it is."""
        page = self.open()
        page.set_viewport_size(PHONE)
        page.goto(f"{self.wallet}/wallet/")
        option = page.locator(f'optgroup[label="{company}"] option', has_text=person)
        page.select_option("#person", option.get_attribute("value"))
        page.click("#choose")
        return PhoneInHand(page, self.watch, company, person)

    def log_in(self, party: str, phone: PhoneInHand, *, name: str = "", wrong_pin: str = "") -> Page:
        """Log in with the QR code on the page and the phone in the hand."""
        page = self.open()
        page.goto(f"{party}/login")
        link, number = page.get_attribute("#wallet", "href"), page.inner_text("#number")
        if name:
            self.watch.look(page, name)
        if wrong_pin:
            self.watch.announced[403] += 1
            phone.confirm_login(link or "", number, pin=wrong_pin)
            phone.page.wait_for_selector("#error[data-code=pin_wrong]")
            self.watch.look(phone.page, "wallet-wrong-pin")
        phone.confirm_login(link or "", number)
        page.wait_for_url(lambda url: "/login" not in url)
        return page


def drop(page: Page, zone: str, files: list[Path]) -> None:
    """Drop files on a zone of the page, as from a folder."""
    packed = [[file.name, base64.b64encode(file.read_bytes()).decode()] for file in files]
    page.dispatch_event(zone, "drop", {"dataTransfer": page.evaluate_handle(_DROP, packed)})


def keep(download: Download, folder: Path) -> Path:
    """Keep a downloaded file under the name that the page gave it."""
    path = folder / download.suggested_filename
    download.save_as(path)
    return path
