"""Making seals: all or none, also when the machine dies in between; and seals from scanned pictures."""

import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from PIL import Image
from sealing_maker_world import Clock, application, licence, open_maker, order, registrar_of, text
from sealing_world import HOLDER, World

from sealing import artwork, seal, ses
from sealing.adapters.maker_http import HttpSealRegistry
from sealing.errors import NoImpressionError, SealFormatError, SealLimitError
from sealing.sandbox.book import SealBook
from sealing.seal import SealKind, SealState, read_artwork
from sealing.tracing import trace_picture

CRASH = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from sealing_maker_world import Clock, order
from sealing_world import build_world
from sealing.sandbox.book import SealBook
from sealing.sandbox.making import SealMaker
from sealing.wire import SealOrder
import msgspec

class DyingBook(SealBook):
    kept = 0
    def keep(self, number, esl, drawn):
        self.kept += 1
        if self.kept == {after}:
            os._exit(9)
        super().keep(number, esl, drawn)

world = build_world()
maker = SealMaker(DyingBook(Path({folder!r})), world.maker.key, world.maker.certificate, Clock())
maker.issue(msgspec.convert(order(world), SealOrder))
"""


@pytest.fixture
def client(world: World, tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    with TestClient(Litestar([open_maker(world, tmp_path, Clock())], openapi_config=None)) as client:
        yield client


def made(client: TestClient[Litestar]) -> list[dict[str, Any]]:
    seals: list[dict[str, Any]] = client.get("/maker/seals", params={"uscc": HOLDER.uscc}).json()["seals"]
    return seals


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_crash_in_the_middle_leaves_no_seal(world: World, tmp_path: Path, after: int) -> None:
    folder = tmp_path / "seals"
    program = CRASH.format(tests=str(Path(__file__).parent), folder=str(folder), after=after)
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert done.returncode == 9, done.stderr.decode()
    left = {path.name for path in folder.glob("*.esl")}
    assert len(left) == after - 1
    with TestClient(Litestar([open_maker(world, folder, Clock())], openapi_config=None)) as client:
        assert made(client) == []
        assert list(folder.iterdir()) == []
        answer = client.post("/maker/seals", json=order(world))
        assert [one["number"][-1] for one in answer.json()["seals"]] == ["1", "2", "3", "4", "5"]


def test_a_disk_that_fails_at_the_third_seal_leaves_none(
    client: TestClient[Litestar], world: World, tmp_path: Path
) -> None:
    obstacle = tmp_path / "3501000000003.esl"
    (obstacle / "inside").mkdir(parents=True)
    answer = client.post("/maker/seals", json=order(world))
    assert (answer.status_code, answer.json()["code"]) == (500, "seal_maker_fault")
    assert made(client) == []
    (obstacle / "inside").rmdir()
    obstacle.rmdir()
    assert len(client.post("/maker/seals", json=order(world)).json()["seals"]) == 5


def test_a_book_of_the_first_form_is_read(tmp_path: Path) -> None:
    entry = (
        '{"history":[{"reason":"制作","since":"2026-01-01T00:00:00Z","state":"active"}],'
        '"kind":"unit","name":"章","uscc":"91350100M000100Y43"}'
    )
    (tmp_path / "seals.json").write_text(
        f'{{"next_serial":{{"350100":2}},"seals":{{"3501000000001":{entry}}},"v":1}}', "utf-8"
    )
    found = SealBook(tmp_path).read().seals["3501000000001"]
    assert (found.history[0].state, found.closed) == (SealState.ACTIVE, False)


# Scans


@pytest.fixture(scope="module")
def scan() -> bytes:
    """Draw a seal, print it on paper, and scan it."""
    drawn = seal.draw(SealKind.UNIT, seal.Holder(HOLDER.company, HOLDER.uscc, "欧阳明"), "3501000000042")
    stamp = Image.open(BytesIO(artwork.png(drawn))).convert("RGBA")
    paper = Image.new("RGBA", (stamp.width + 80, stamp.height + 80), (250, 249, 244, 255))
    paper.alpha_composite(stamp, (40, 40))
    out = BytesIO()
    paper.convert("RGB").save(out, "PNG", dpi=(300, 300))
    return out.getvalue()


def asked(world: World, scanned: bytes, **changes: object) -> dict[str, Any]:
    paper = application(licence(registrar_of(world)))
    body = {"order": order(world, application=paper), "kind": "unit", "picture": text(scanned)}
    return {**body, "width_mm": 40, "height_mm": 40, **changes}


def decide(client: TestClient[Litestar], scan: str, **changes: object) -> Any:
    body = {"applicant": HOLDER.legal_representative, "confirmed": True, **changes}
    return client.post(f"/maker/scans/{scan}/decision", json=body)


def test_a_scan_becomes_a_seal_of_its_size_after_the_confirmation(
    client: TestClient[Litestar], world: World, scan: bytes
) -> None:
    draft = client.post("/maker/scans", json=asked(world, scan)).json()
    assert (draft["width_mm"], draft["height_mm"]) == (40, 40)
    assert made(client) == [], "nothing is made before it is confirmed"
    assert decide(client, draft["id"], applicant="别人").json()["code"] == "application_refused"
    (one,) = decide(client, draft["id"]).json()["seals"]
    kept = HttpSealRegistry(client, str(client.base_url)).fetch_seal(one["number"])
    picture = ses.parse_seal(kept.esl).info.picture
    assert (picture.width, picture.height, picture.sniffed) == (40, 40, "png")
    assert text(picture.data) == draft["picture"]
    assert read_artwork(kept).size_mm == pytest.approx((40, 40), abs=0.5)
    assert decide(client, draft["id"]).json()["code"] == "seal_unknown", "a picture is used once"


def test_a_picture_that_is_not_confirmed_is_thrown_away(
    client: TestClient[Litestar], world: World, scan: bytes, tmp_path: Path
) -> None:
    draft = client.post("/maker/scans", json=asked(world, scan)).json()
    assert decide(client, draft["id"], confirmed=False).json() == {"seals": []}
    assert made(client) == []
    SealBook(tmp_path)
    assert list(tmp_path.glob("*.scan.*")) == []


def test_a_scanned_seal_replaces_the_drawn_one_only_when_told(
    client: TestClient[Litestar], world: World, scan: bytes
) -> None:
    number = client.post("/maker/seals", json=order(world)).json()["seals"][0]["number"]
    draft = client.post("/maker/scans", json=asked(world, scan)).json()
    assert decide(client, draft["id"]).json()["code"] == "seals_exist"
    (one,) = decide(client, draft["id"], replaces=number).json()["seals"]
    told = client.get(f"/maker/seals/{number}").json()
    assert (told["seal"]["state"], told["replaced_by"]) == ("cancelled", one["number"])


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"picture": text(b"no picture")}, 422, id="no picture"),
        pytest.param({"width_mm": 4}, 400, id="no seal's size"),
        pytest.param({"kind": "star"}, 400, id="no kind"),
    ],
)
def test_pictures_that_are_refused(
    client: TestClient[Litestar], world: World, scan: bytes, changes: dict[str, object], status: int
) -> None:
    answer = client.post("/maker/scans", json=asked(world, scan, **changes))
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["detail"].endswith("。")


def test_a_scan_without_an_application_is_refused(client: TestClient[Litestar], world: World, scan: bytes) -> None:
    answer = client.post("/maker/scans", json=asked(world, scan, order=order(world)))
    assert answer.json()["code"] == "application_refused"


# Tracing


def png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_what_is_traced_is_what_was_there() -> None:
    image = Image.new("RGBA", (80, 80), (0, 0, 0, 0))
    image.paste((200, 0, 0, 255), (20, 10, 60, 30))
    traced = trace_picture(png(image), width_mm=10, height_mm=10)
    assert [stroke.d for stroke in traced.strokes] == ["M 250 125L 750 125L 750 375L 250 375Z"]
    assert artwork.decode(artwork.encode(traced)) == traced


@pytest.mark.parametrize(
    ("data", "width", "error"),
    [
        pytest.param(png(Image.new("RGBA", (9, 9))), 40, NoImpressionError, id="nothing"),
        pytest.param(png(Image.new("RGB", (9, 9), "white")), 40, NoImpressionError, id="white paper"),
        pytest.param(b"\x89PNG", 40, SealFormatError, id="no picture"),
        pytest.param(png(Image.new("L", (5000, 5000))), 40, SealLimitError, id="too many dots"),
        pytest.param(png(Image.new("L", (9, 9))), 400, SealLimitError, id="too large on paper"),
    ],
)
def test_what_cannot_be_traced(data: bytes, width: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        trace_picture(data, width_mm=width, height_mm=40)
