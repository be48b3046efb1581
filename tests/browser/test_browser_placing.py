"""Placing a seal in a real browser: drag it, move it by keys, save, and find it where it was left."""

import io

import pytest
from browser_world import PHONE, Town, Watch
from playwright.sync_api import Page
from reportlab.pdfgen.canvas import Canvas

from bidding.demo.serving import SECTION, Serving

pytestmark = pytest.mark.browser


def paper(pages: int) -> bytes:
    """Make a plain PDF."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(595.27, 841.89), invariant=1)
    for page in range(1, pages + 1):
        canvas.setFont("Helvetica", 16)
        canvas.drawString(72, 740, f"Technical, page {page}. Signed by:")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def assemble(page: Page) -> None:
    """From 开始投标 to assembled parts."""
    page.click(f"#begin-{SECTION}")
    for item in ("business", "technical"):
        page.set_input_files(
            f"#files-{item}", {"name": f"{item}.pdf", "mimeType": "application/pdf", "buffer": paper(5)}
        )
        page.click(f"#add-{item}")
        page.wait_for_load_state()
    page.click("#next")
    for name, text in {"price": "100", "days": "30", "validity_days": "90", "quality": "合格"}.items():
        page.fill(f"#{name}", text)
    page.click("#save")
    page.click("#assemble")
    page.click("#to-seals")


def middle(page: Page) -> tuple[float, float]:
    """Answer what stands in the fields of the main place."""
    return float(page.input_value("#main-x")), float(page.input_value("#main-y"))


def drawn(page: Page) -> None:
    """Wait until the server's picture of the new place is shown."""
    page.wait_for_selector("#stage:not(.moving)")
    assert (page.get_attribute("#shown", "href") or "").startswith("data:image/png")


def drag(page: Page, across: float, down: float) -> None:
    """Drag the seal by pixels."""
    page.locator("#handle-main").scroll_into_view_if_needed()
    box = page.locator("#handle-main rect").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across / 2, y + down / 2)
    page.mouse.move(x + across, y + down)
    page.mouse.up()


def look_elsewhere(page: Page, town: Town, watch: Watch) -> None:
    """See that the same works on a phone, in the dark and without scripts."""
    state, address = page.context.storage_state(), f"{page.url.partition('?')[0]}?kind=unit"
    for options in ({"color_scheme": "dark"}, {"java_script_enabled": False}):
        other = town.open(storage_state=state, **options)
        other.set_viewport_size(PHONE)
        other.goto(address)
        other.fill("#main-x", "90.5")
        other.press("#main-x", "Enter")
        other.wait_for_selector("text=未保存")
        other.wait_for_function("document.querySelector('#main-x').value === '90.50'")
        if "color_scheme" in options:
            watch.look(other, "placing-dark", pictures=True)
        other.context.close()


def test_a_seal_is_dragged_moved_by_keys_and_saved(place: Serving, town: Town, watch: Watch) -> None:
    one = place.people["bidder-1"]
    page = town.log_in(town.workbench, town.phone(one["name"], one["head"]))
    assemble(page)
    page.click("#placing-technical-unit")
    page.wait_for_selector("#handle-main")
    watch.look(page, "placing-before")

    width = page.evaluate("document.getElementById('stage').getBoundingClientRect().width")
    before = middle(page)
    drag(page, -width / 7, -width / 3.5)
    after = middle(page)
    assert after == pytest.approx((before[0] - 30, before[1] - 60), abs=1)
    drawn(page)
    page.focus("#handle-main")
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    assert middle(page) == pytest.approx((after[0] + 0.5 - 5, after[1] + 0.5 - 5 - 0.5), abs=0.011)
    for _ in range(60):
        page.keyboard.press("Shift+ArrowLeft")
    assert middle(page)[0] == 20, "a seal stays on its page"
    drag(page, width / 7, 0)
    drawn(page)

    page.click("#add-straddle")
    page.wait_for_selector(".unfolded")
    page.fill("#keyword", "Signed by:")
    page.select_option("#anchor", "right")
    page.click("#add-keyword")
    page.wait_for_selector("#remove-1")
    watch.look(page, "placing-everything", pictures=True)
    kept = middle(page)
    page.click("#save")
    page.wait_for_selector("text=位置已保存")
    page.reload()
    assert middle(page) == kept
    assert page.locator("#plans li").count() == 3
    watch.announced[422] += 1
    page.fill("#keyword", "Signed buy")
    page.click("#add-keyword")
    page.wait_for_selector("text=keyword_not_found")
    assert "最接近的文字" in page.inner_text(".notice.bad")
    watch.look(page, "placing-refused")
    watch.look(page, "placing-saved", pictures=True)
    look_elsewhere(page, town, watch)
    assert watch.complaints == []
