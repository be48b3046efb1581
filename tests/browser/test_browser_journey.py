"""The three users' whole journey in a real browser: from the QR code of the login to the sealed opening record."""

import io
from pathlib import Path

import pytest
from browser_world import PhoneInHand, Town, Watch, drop, keep
from playwright.sync_api import Page
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

from bidding.demo.serving import PASSPHRASE, SECTION, Serving
from bidding.demo.tendering import yizhao

pytestmark = pytest.mark.browser
LATER = "A3702000000261121002002"
"""A section that stays open, for what a bidder does before a deadline."""


def paper(text: str, pages: int = 3) -> bytes:
    """Make a plain PDF."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595.27, 841.89), invariant=1)
    for page in range(1, pages + 1):
        canvas.setFont("Helvetica", 16)
        canvas.drawString(72, 740, f"{text}, page {page}")
        canvas.rect(66, 100, 460, 620)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def locked(data: bytes) -> bytes:
    """Make the same with a password."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data)))
    writer.encrypt("secret", algorithm="AES-256-R5")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def upload(page: Page, item: str, name: str, data: bytes) -> None:
    """Choose a file for an item and send it."""
    page.set_input_files(f"#files-{item}", {"name": name, "mimeType": "application/pdf", "buffer": data})
    page.click(f"#add-{item}")
    page.wait_for_load_state()


def refuse_bad_files(page: Page, watch: Watch) -> None:
    """See a PDF with a password and a file that is none refused with what to do, and nothing added."""
    for name, data, code in (
        ("带密码.pdf", locked(paper("secret")), "document_encrypted"),
        ("不是PDF.pdf", b"PK\x03\x04 this is a word processor's file", "not_a_pdf"),
    ):
        watch.announced[422] += 1
        upload(page, "business", name, data)
        words = page.inner_text(".notice.bad")
        assert name in words, words
        assert code in words, words
    watch.look(page, "refused-file")
    assert page.locator("#item-business table").count() == 0


def make_bid(page: Page, watch: Watch, price: str, *, section: str = SECTION, name: str = "") -> None:
    """From 开始投标 to an assembled bid."""
    if name:
        watch.look(page, f"{name}-projects")
    page.click(f"#begin-{section}")
    page.wait_for_selector("#item-business")
    if name:
        refuse_bad_files(page, watch)
    upload(page, "business", "商务文件.pdf", paper("Business"))
    upload(page, "technical", "技术文件.pdf", paper("Technical", 12))
    if name:
        watch.look(page, f"{name}-documents")
    page.click("#next")
    page.fill("#price", price)
    page.fill("#days", "365")
    page.fill("#validity_days", "90")
    page.fill("#quality", "合格")
    if name:
        watch.look(page, f"{name}-form")
    page.click("#save")
    page.click("#assemble")
    page.wait_for_selector("#part-technical")
    if name:
        watch.look(page, f"{name}-assembly", pictures=True)


def seal_bid(page: Page, watch: Watch, head: PhoneInHand, name: str = "") -> None:
    """法定代表人章 first, then 公章, each confirmed on the head's phone."""
    page.click("#to-seals")
    if name:
        watch.look(page, f"{name}-seals-before")
    page.click("#ask-representative")
    first = page.get_attribute("#wallet", "href") or ""
    if name:
        watch.look(page, f"{name}-seal-waiting")
    head.confirm(first, "wallet-seal" if name else "")
    page.wait_for_function("(one) => document.querySelector('#wallet')?.href !== one", arg=first)
    second = page.get_attribute("#wallet", "href") or ""
    head.confirm(second)
    page.wait_for_selector("#to-pack")
    if name:
        watch.look(page, f"{name}-seals-after", pictures=True)


def pack_and_submit(page: Page, watch: Watch, phone: PhoneInHand, name: str = "") -> None:
    """封装, 递交, 回执."""
    page.click("#to-pack")
    if name:
        watch.look(page, f"{name}-pack")
    page.click("#pack")
    code = page.inner_text("#recovery-code")
    if name:
        watch.look(page, f"{name}-recovery")
    page.check("#copied-check")
    page.click("#copied")
    phone.confirm(page.get_attribute("#wallet", "href") or "", "wallet-pack" if name else "")
    page.wait_for_selector("#submit")
    assert code not in page.content(), "the recovery code is shown once"
    if name:
        watch.look(page, f"{name}-bundle")
    page.click("#submit")
    phone.confirm(page.get_attribute("#wallet", "href") or "")
    page.wait_for_selector("#receipt")
    if name:
        watch.look(page, f"{name}-receipt")


def host_until_frozen(host: Page, watch: Watch) -> None:
    """Let the host count, wait for the release and freeze the set."""
    host.wait_for_selector("#todo[data-step=freeze]")
    watch.look(host, "centre-freeze")
    host.click("#freeze")
    host.wait_for_selector("#todo[data-step=officer]")
    watch.look(host, "centre-officer")


def open_as_officer(town: Town, watch: Watch) -> None:
    """Look at the set on the officer's desk; give a wrong passphrase, then the right one."""
    page = town.open()
    page.goto(f"{town.officer}/")
    page.fill("#section", SECTION)
    page.click("#look")
    page.wait_for_selector("#pass1")
    watch.look(page, "officer-desk")
    watch.announced[409] += 1
    page.fill("#pass1", "not the passphrase")
    page.click("#open1")
    page.wait_for_selector(".notice.bad")
    watch.look(page, "officer-wrong-passphrase")
    page.goto(f"{town.officer}/?section={SECTION}")
    page.fill("#pass1", PASSPHRASE)
    page.click("#open1")
    page.wait_for_selector("#opened")
    watch.look(page, "officer-opened")


def withdraw(page: Page, watch: Watch, phone: PhoneInHand) -> None:
    """Ask to take the bid back, refuse on the phone, ask again and agree."""
    page.click("#withdraw")
    phone.refuse(page.get_attribute("#wallet", "href") or "")
    page.wait_for_selector("#again")
    watch.look(page, "second-withdrawal-refused")
    page.click("#again")
    page.click("#withdraw")
    phone.confirm(page.get_attribute("#wallet", "href") or "")
    page.wait_for_selector("#bid-state.warn")
    watch.look(page, "second-withdrawn")
    assert "已撤回" in page.inner_text("#bid-state")


def meet_the_wall(host: Page, town: Town, watch: Watch, names: list[str]) -> None:
    """Before the deadline not even the centre's own people see who bids, or how many."""
    watch.look(host, "centre-list")
    host.goto(f"{town.centre}/sections/{SECTION}")
    watch.look(host, "centre-section")
    watch.announced[403] += 1
    refused = host.goto(f"{town.centre}/sections/{SECTION}/opening")
    assert refused is not None
    assert refused.status == 403
    watch.look(host, "centre-wall")
    for page in (host.content(), host.inner_text("#wall")):
        assert not any(name in page for name in names)
    host.click("#back")


def release(page: Page, town: Town, watch: Watch, phone: PhoneInHand) -> None:
    """Hand over the half of the bidder, agreed to on the wallet."""
    page.goto(f"{town.workbench}/")
    page.click(f"#open-{SECTION}")
    watch.look(page, "bidder-opening")
    page.click("#release")
    phone.confirm(page.get_attribute("#wallet", "href") or "", "wallet-release")
    page.wait_for_selector("#released .good")
    watch.look(page, "bidder-released")


def make_record(host: Page, watch: Watch, clerk: PhoneInHand) -> None:
    """Look at what was read out and at one report, make the record, and let the host seal it first."""
    host.wait_for_selector("#todo[data-step=record]", timeout=60_000)
    watch.look(host, "centre-read-out")
    assert host.locator("#readout tbody tr").count() == 1
    assert "18,329,600.00" in host.inner_text("#readout")
    assert host.locator("#documents .tag.good").count() == 4
    host.locator("#documents a", has_text="查看").first.click()
    host.wait_for_selector("#back")
    watch.look(host, "centre-report")
    host.click("#back")
    host.click("#make-record")
    host.wait_for_selector("#todo[data-step=seal]")
    watch.look(host, "centre-record", pictures=True)
    host.click("#seal-record")
    clerk.confirm(host.get_attribute("#wallet", "href") or "", "wallet-record")
    host.wait_for_selector("#todo[data-step=end]")
    watch.look(host, "centre-end")


def seal_record(page: Page, watch: Watch, phone: PhoneInHand) -> None:
    """Put the bidder's own 公章 on the record."""
    page.wait_for_selector("#seal-record")
    watch.look(page, "bidder-readout", pictures=True)
    page.click("#seal-record")
    phone.confirm(page.get_attribute("#wallet", "href") or "")
    page.wait_for_selector("#record-sealed")
    watch.look(page, "bidder-record-sealed", pictures=True)


def download(page: Page, button: str, folder: Path) -> Path:
    """Press a download button."""
    with page.expect_download() as waiting:
        page.click(button)
    return keep(waiting.value, folder)


def judge(town: Town, watch: Watch, files: list[Path]) -> None:
    """Anybody at the centre's verification page: drop the files, read the verdicts; a changed file does not pass."""
    guest = town.open(color_scheme="dark")
    guest.goto(f"{town.centre}/sections/{SECTION}/result")
    watch.look(guest, "guest-result")
    guest.goto(f"{town.centre}/verify")
    watch.look(guest, "guest-verify")
    drop(guest, "#drop", files)
    guest.click("#verify")
    guest.wait_for_selector(".verdict")
    watch.look(guest, "guest-verdict")
    assert guest.locator(".verdict [data-indication=TOTAL-PASSED]").count() == len(files)
    data = bytearray(files[0].read_bytes())
    data[len(data) // 3] ^= 1
    changed = files[0].with_name("changed.pdf")
    changed.write_bytes(data)
    guest.goto(f"{town.centre}/verify")
    drop(guest, "#drop", [changed])
    guest.click("#verify")
    guest.wait_for_selector(".verdict:has-text('changed.pdf')")
    watch.look(guest, "guest-changed")
    assert guest.locator(".verdict [data-indication=TOTAL-PASSED]").count() == 0


def publish(host: Page, town: Town, tenderer: PhoneInHand, keys: Path, uscc: str) -> None:
    """Put out a second section with time enough, agreed to by the tenderer on the wallet."""
    host.goto(f"{town.centre}/sections/new")
    fields = {"project": "仿真市滨海大道改造工程", "title": "监理 2 标段", "section": LATER, "tenderer": uscc}
    for name, text in {**fields, "minutes": "60", "officer": "开标人 赵一"}.items():
        host.fill(f"#{name}", text)
    host.set_input_files("#opening_keys", keys)
    town.watch.look(host, "centre-new")
    host.click("#publish")
    tenderer.confirm(host.get_attribute("#wallet", "href") or "", "wallet-publish")
    host.wait_for_selector("#params-sm3")


def bid_and_withdraw(town: Town, watch: Watch, unit: dict[str, str]) -> None:
    """Let a second bidder hand in a bid and take it back."""
    phone = town.phone(unit["name"], unit["head"])
    page = town.log_in(town.workbench, phone)
    make_bid(page, watch, "17985000.50", section=LATER)
    seal_bid(page, watch, phone)
    pack_and_submit(page, watch, phone)
    withdraw(page, watch, phone)


def test_bidder_centre_officer_and_verifier(place: Serving, town: Town, watch: Watch, tmp_path: Path) -> None:
    people = place.people
    one, two, centre = (people[role] for role in ("bidder-1", "bidder-2", "centre"))
    head = town.phone(one["name"], one["head"])
    page = town.log_in(town.workbench, head, name="login", wrong_pin="111111")
    make_bid(page, watch, "18329600.00", name="bidder")
    seal_bid(page, watch, head, "bidder")
    pack_and_submit(page, watch, head, "bidder")
    receipt = download(page, "#receipt", tmp_path)

    clerk = town.phone(centre["name"], centre["head"])
    host = town.log_in(town.centre, clerk)
    meet_the_wall(host, town, watch, [one["name"], two["name"]])
    tenderer = town.phone(people["tenderer"]["name"], people["tenderer"]["head"])
    keys = place.out / "officer" / "opening-keys.json"
    publish(host, town, tenderer, keys, people["tenderer"]["uscc"])
    bid_and_withdraw(town, watch, two)
    host.goto(f"{town.centre}/sections/{SECTION}")
    host.wait_for_selector("#enter", timeout=120_000)
    host.click("#enter")
    host.wait_for_selector("#todo[data-step=window]")
    watch.look(host, "centre-window")
    release(page, town, watch, head)
    host_until_frozen(host, watch)
    open_as_officer(town, watch)
    make_record(host, watch, clerk)
    seal_record(page, watch, head)
    host.wait_for_selector("text=已确认 1 / 1 家")
    host.click("#end-opening")
    host.wait_for_selector("#todo[data-step=ended]")
    watch.look(host, "centre-ended")

    record = download(host, "#record", tmp_path)
    judge(town, watch, [record, receipt])
    yizhao("verify", "--trust", place.out / "trust", record, receipt)
    yizhao("receipt", "verify", "--trust", place.out / "trust", receipt)
    assert watch.complaints == []
