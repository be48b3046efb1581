"""A natural person from enrolment to a sealed PDF: certificate, signature-seal, consent, key service, verdict."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from person_town import BASE, PIN, RESIDENT, TOKEN, Town, build_town
from PIL import Image, ImageDraw
from sealing_world import plain_pdf

from identity.consent import ConsentFile, encode_record, render_consent
from identity.errors import (
    ConsentDiffersError,
    PersonNotEntitledError,
    PersonRevokedError,
    PersonUnknownError,
    SealMismatchError,
)
from identity.people import belongs_to, is_natural, is_person
from sealing import ses
from sealing.pdf_profiles import Profile
from sealing.seal import SealKind, SealState, read_artwork
from sealing.verify import verify_esl, verify_pdf
from signing.checks import Indication, SubIndication
from signing.digests import sm3
from signing.errors import KeyServiceRefusedError
from signing.path import Purpose, verify_path
from signing.ports import Statement

STROKES = [[[0, 10, 0], [30, 12, 80], [60, 8, 160]], [[30, 0, 300], [28, 60, 420], [10, 50, 470]]]


@pytest.fixture(scope="module")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town, app = build_town(tmp_path_factory.mktemp("persons"))
    with TestClient(app, base_url=BASE) as client:
        town.wire.app = client
        yield town


@pytest.fixture
def town(whole_town: Town) -> Iterator[Town]:
    yield whole_town
    whole_town.clock.at += timedelta(minutes=15)


@pytest.fixture(scope="module")
def li(whole_town: Town) -> dict[str, Any]:
    enrolled = whole_town.enrol()
    whole_town.make_seal(enrolled["person"])
    return enrolled


def resident(serial: int, born: str = "19800101") -> str:
    """Make the number of a resident, with its check character."""
    body = f"110105{born}{serial:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(w * int(d) for w, d in zip(weights, body, strict=True)) % 11]


def test_a_person_has_a_certificate_of_their_own(town: Town, li: dict[str, Any]) -> None:
    certificate = town.certificate(li["person"])
    assert is_natural(certificate)
    assert is_person(certificate, li["person"], "李小明")
    assert (certificate.title, certificate.organisation, certificate.uscc_candidates) == ("自然人", "", ())
    assert not belongs_to(certificate, "")
    assert town.keys.fetch_certificates(li["person"]).find("person").certificate == certificate.der


def test_the_resident_id_stands_nowhere(town: Town, li: dict[str, Any]) -> None:
    told = town.http.get(f"/registrar/persons/{li['person']}").json()
    assert told["masked_id"] == f"1{'*' * 16}X"
    kept = [path.read_bytes() for path in town.folder.rglob("*") if path.is_file()]
    assert kept
    assert not any(RESIDENT.encode() in data or RESIDENT[:17].encode() in data for data in kept)
    assert RESIDENT not in json.dumps(told)


@pytest.mark.usefixtures("li")
def test_the_same_resident_enrols_once(town: Town) -> None:
    body = {"name": "李小明", "resident_id": RESIDENT.lower(), "pin": PIN}
    refused = town.post("/registrar/persons", body, "person_exists")
    assert RESIDENT not in refused["detail"]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param("110105194912310020", id="a wrong check character"),
        pytest.param(resident(111, "19490230"), id="a day that is none"),
        pytest.param("11010519491231002", id="seventeen characters"),
        pytest.param("1101051949123100\uff12X", id="a full-width digit"),
        pytest.param("010105194912310021", id="no such place"),
        pytest.param("' OR 1=1 --", id="noise"),
    ],
)
def test_numbers_that_are_none(town: Town, number: str) -> None:
    refused = town.post("/registrar/persons", {"name": "甲", "resident_id": number, "pin": PIN}, "resident_id")
    assert number not in refused["detail"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("\u3000", id="a blank"),
        pytest.param(" 李小明", id="a blank before"),
        pytest.param("李小明\u00a0", id="a blank after that does not break"),
        pytest.param("李\u202e小明", id="turned round"),
        pytest.param("李\u061c小明", id="turned by a letter mark"),
        pytest.param("李\u200d小明", id="joined by nothing"),
        pytest.param("李小明\u3164", id="a filler"),
    ],
)
def test_names_that_look_like_others(town: Town, name: str) -> None:
    body = {"name": name, "resident_id": resident(333), "pin": PIN}
    town.post("/registrar/persons", body, "malformed_request")


def test_the_resident_id_is_no_name(town: Town) -> None:
    number = resident(334)
    refused = town.post("/registrar/persons", {"name": f"李{number}", "resident_id": number, "pin": PIN}, "resident_id")
    assert number not in refused["detail"]
    assert not any(number.encode() in path.read_bytes() for path in town.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", ["/registrar/persons", "/registrar/companies", "/wallet/consents"])
def test_deep_json_is_the_requests_fault(town: Town, path: str) -> None:
    answer = town.http.post(path, content=b"[" * 100_000, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")


def test_children_do_not_enrol(town: Town) -> None:
    tomorrow = (town.clock.at.date() + timedelta(days=1)).replace(year=town.clock.at.year - 18)
    body = {"name": "甲", "resident_id": resident(1, f"{tomorrow:%Y%m%d}"), "pin": PIN}
    assert "未满十八周岁" in town.post("/registrar/persons", body, "resident_id")["detail"]


# The seal


def test_the_seal_is_the_persons(town: Town, li: dict[str, Any]) -> None:
    (seal,) = town.registry.fetch_person_seals(li["person"])
    assert (seal.kind, seal.name, seal.state) == (SealKind.PERSONAL, "李小明个人签名章", SealState.ACTIVE)
    assert read_artwork(seal).size_mm == (40, 15)
    structure = ses.parse_seal(seal.esl)
    assert structure.info.property.certificates == (town.certificate(li["person"]).der,)
    trust = town.authority.trust()
    verdict = verify_esl(seal.esl, anchors=trust, evidence=trust.evidence, at=town.clock.at)
    assert verdict.indication is Indication.TOTAL_PASSED, verdict
    told = town.http.get(f"/maker/seals/{seal.number}").json()
    assert (told["person"], told["uscc"], told["authorisation"]) == (li["person"], "", "self")
    assert len(told["consent_sm3"]) == 64
    assert town.register.fetch_person(li["person"]).name == "李小明"


def scanned() -> str:
    """Scan three strokes of a black pen on grey paper."""
    image = Image.new("RGB", (900, 420), (238, 236, 230))
    pen = ImageDraw.Draw(image)
    for line in ([(120, 120), (260, 140), (230, 330)], [(380, 90), (420, 320)], [(520, 200), (760, 110), (700, 330)]):
        pen.line(line, fill=(25, 25, 30), width=14, joint="curve")
    out = BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


@pytest.mark.parametrize(
    ("appearance", "width"),
    [
        pytest.param({"kind": "strokes", "strokes": STROKES}, None, id="a pen's strokes"),
        pytest.param({"kind": "strokes", "strokes": STROKES, "width_mm": 20}, 20, id="small"),
        pytest.param({"kind": "picture", "picture": scanned(), "width_mm": 30}, 30, id="a scan"),
        pytest.param({"kind": "name", "width_mm": 30}, 30, id="a name"),
    ],
)
def test_seals_of_every_look(town: Town, appearance: dict[str, Any], width: int | None) -> None:
    person = town.enrol("赵六", resident(100 + len(town.made)))["person"]
    town.made.append(person)
    town.make_seal(person, **appearance)
    (seal,) = town.registry.fetch_person_seals(person)
    picture = ses.parse_seal(seal.esl).info.picture
    drawn = read_artwork(seal)
    assert (picture.width, picture.height) == tuple(round(side) for side in drawn.size_mm)
    assert width is None or picture.width == width
    with Image.open(BytesIO(picture.data)) as image:
        opacity = image.convert("RGBA").getchannel("A")
        assert opacity.getextrema() == (0, 255)  # ink on nothing
        box = opacity.point([255 * (value > 128) for value in range(256)]).getbbox()
        assert box is not None
        assert appearance["kind"] == "name" or box[2] - box[0] > 0.7 * image.width  # all strokes, not one of them


@pytest.mark.parametrize(
    ("appearance", "words"),
    [
        pytest.param({"kind": "strokes"}, "没有签名笔迹", id="no stroke"),
        pytest.param({"kind": "strokes", "strokes": [[[5, 5, 0]], []]}, "没有签名笔迹", id="a dot"),
        pytest.param({"kind": "strokes", "strokes": [[[0, 0, 0], [9, 9, 9]]], "width_mm": 3}, "尺寸", id="too small"),
        pytest.param(
            {"kind": "strokes", "strokes": [[[i % 2 * 900, i % 7, i] for i in range(4000)]]}, "过多", id="a scribble"
        ),
        pytest.param({"kind": "picture", "width_mm": 30}, "没有签名笔迹", id="no picture"),
        pytest.param({"kind": "picture", "picture": "AAAA", "width_mm": 30}, "无法读取", id="no picture at all"),
        pytest.param({"kind": "picture", "picture": scanned()}, "尺寸", id="a picture of unknown size"),
    ],
)
def test_looks_that_are_none(town: Town, li: dict[str, Any], appearance: dict[str, Any], words: str) -> None:
    before = town.registry.fetch_person_seals(li["person"])
    refused = town.make_seal(li["person"], "seal_order_refused", **appearance)
    assert words in refused["detail"]
    assert town.registry.fetch_person_seals(li["person"]) == before


def test_a_rare_name_is_refused_by_its_character(town: Town) -> None:
    person = town.enrol("赵\U00031370", resident(300))["person"]
    assert "\U00031370" in town.make_seal(person, "seal_order_refused")["detail"]


# Signing


@pytest.mark.parametrize("profile", [Profile.SES, Profile.PADES, Profile.PADES_SES])
def test_a_pdf_sealed_by_a_person_passes(town: Town, li: dict[str, Any], tmp_path: Path, profile: Profile) -> None:
    source, target = tmp_path / "contract.pdf", tmp_path / "sealed.pdf"
    source.write_bytes(plain_pdf(1))
    town.sign(li, source, target, profile)
    trust = town.authority.trust()
    verdict = verify_pdf(target, anchors=trust, evidence=trust.evidence, at=town.clock.at)
    assert verdict.indication is Indication.TOTAL_PASSED, verdict
    (report,) = verdict.signatures
    told = report.as_json()
    assert (told["signer"]["name"], told["signer"]["uscc"]) == ("李小明", "")
    if profile is not Profile.PADES:
        assert told["seal"]["kind"] == "personal"


def test_the_wallet_says_who_agrees_to_what(town: Town, li: dict[str, Any]) -> None:
    record = town.record(li, [ConsentFile("合同.pdf", 1, 9, sm3(b"x").hex())])
    lines = render_consent(record)
    assert lines[2] == f"本人：李小明（自然人，人员编号 {li['person']}）"
    assert not any("单位" in line for line in lines)
    consent = town.wallet.request_consent(encode_record(record))
    reference = consent.url.split("/")[-2]
    client = town.wire.app
    assert client is not None
    home = client.get("/wallet/").text
    token = home.split('action="/wallet/phone"')[1].split('name="token" value="')[1].split('"')[0]
    client.post("/wallet/phone", data={"token": token, "person": li["person"], "back": "/"})
    own = client.get("/wallet/").text
    assert f"1{'*' * 16}X" in own
    page = client.get(f"/wallet/consents/{reference}/page").text
    assert "本人：李小明" in page
    token = page.split('name="token" value="')[1].split('"')[0]
    data = {"token": token, "pin": PIN, "action": "confirm"}
    client.post(f"/wallet/consents/{reference}/page", data=data)
    assert town.wallet.fetch_consent(consent.id).state == "confirmed"
    client.cookies.clear()


def test_a_seal_of_somebody_else_is_refused(town: Town, li: dict[str, Any]) -> None:
    person = town.enrol("钱七", resident(301))
    town.make_seal(person["person"])
    line = ConsentFile("合同.pdf", 1, 9, sm3(b"y").hex())
    with pytest.raises(SealMismatchError):
        town.agree(town.record(person, [line], seal=town.registry.fetch_person_seals(li["person"])[0].number))
    with pytest.raises(ConsentDiffersError):
        town.agree(town.record(person, [line], person_name="李小明"))


def test_a_key_of_somebody_else_signs_nothing(town: Town, li: dict[str, Any], tmp_path: Path) -> None:
    person = town.enrol("孙八", resident(302))["person"]
    source, target = tmp_path / "contract.pdf", tmp_path / "sealed.pdf"
    source.write_bytes(plain_pdf(1))
    prepared = town.prepare(li["person"], source, target, Profile.SES)
    consent = town.agree(town.record(li, [ConsentFile("a.pdf", 1, 9, prepared.document_sm3)]))
    with pytest.raises(KeyServiceRefusedError) as refused:
        town.keys.sign(f"person:{person}", consent, [Statement("ses", b"\x30\x00")])
    assert refused.value.code == "statement_not_allowed"


# Life


def test_a_revoked_person_signs_no_more(town: Town) -> None:
    person = town.enrol("周九", resident(303))
    town.make_seal(person["person"])
    old = town.certificate(person["person"])
    line = ConsentFile("合同.pdf", 1, 9, sm3(b"z").hex())
    record = town.record(person, [line])
    town.post(f"/registrar/persons/{person['person']}/revoke", {"pin": "000000"}, "pin_wrong")
    told = town.post(f"/registrar/persons/{person['person']}/revoke", {"pin": PIN})
    assert told["state"] == "revoked"
    with pytest.raises(PersonRevokedError):
        town.agree(record)
    assert [one.state for one in town.registry.fetch_person_seals(person["person"])] == [SealState.CANCELLED]
    trust = town.authority.trust()
    judged = verify_path(old, anchors=trust, evidence=trust.evidence, at=town.clock.at, purpose=Purpose.LICENCE)
    assert judged.sub_indication is SubIndication.REVOKED, judged
    town.make_seal(person["person"], "person_revoked")
    town.post(f"/registrar/persons/{person['person']}/renew", {"pin": PIN})
    assert town.certificate(person["person"]).serial != old.serial
    town.make_seal(person["person"])
    states = [one.state for one in town.registry.fetch_person_seals(person["person"])]
    assert sorted(states) == [SealState.ACTIVE, SealState.CANCELLED]


def test_a_new_seal_takes_the_place_of_the_old_one(town: Town) -> None:
    person = town.enrol("吴十", resident(304))["person"]
    first = town.make_seal(person)["seals"][0]["number"]
    second = town.make_seal(person, kind="strokes", strokes=STROKES)["seals"][0]["number"]
    told = town.http.get(f"/maker/seals/{first}").json()
    assert (told["replaced_by"], told["seal"]["state"]) == (second, "cancelled")


def test_people_and_units_are_told_apart(town: Town, li: dict[str, Any]) -> None:
    unit = town.post(
        "/registrar/companies", {"name": "仿真个人测试有限公司", "legal_representative": "王总", "pin": PIN}, 201
    )
    with pytest.raises(PersonUnknownError):
        town.register.fetch_person(unit["person"])
    line = ConsentFile("合同.pdf", 1, 9, sm3(b"w").hex())
    record = town.record(li, [line], person=unit["person"], person_name="王总")
    with pytest.raises(PersonNotEntitledError):
        town.agree(record)
    changes = {"uscc": unit["uscc"], "company": "仿真个人测试有限公司", "authorisation": "legal-representative"}
    with pytest.raises(PersonNotEntitledError):
        town.agree(town.record(li, [line], **changes))


def test_the_maker_hears_only_those_who_bear_its_token(town: Town, li: dict[str, Any]) -> None:
    number = town.registry.fetch_person_seals(li["person"])[0].number
    for path in (f"/maker/seals/{number}/state", "/maker/person-seals", "/maker/notices", "/maker/seals"):
        assert town.post(path, {"state": "cancelled", "reason": "x"}, "maker_token")["status"] == 401
    bearer = {"authorization": f"Bearer {TOKEN}"}
    body = {"state": "suspended", "reason": "试验"}
    assert town.http.post(f"/maker/seals/{number}/state", json=body, headers=bearer).status_code == 200
    body = {"state": "active", "reason": "试验"}
    assert town.http.post(f"/maker/seals/{number}/state", json=body, headers=bearer).status_code == 200
    assert town.registry.fetch_state(number, town.clock.at) is SealState.ACTIVE


# The pad


def test_a_person_writes_their_seal_on_the_pad(town: Town) -> None:
    person = town.enrol("郑十一", resident(305))["person"]
    page = f"/registrar/persons/{person}/signature"
    client = town.wire.app
    assert client is not None
    shown = client.get(page)
    assert "郑十一" in shown.text
    assert "script-src 'self'" in shown.headers["content-security-policy"]
    for asset in ("/registrar/signature.js", "/registrar/signature.css"):
        assert client.get(asset).status_code == 200
    data = {"pin": PIN, "kind": "strokes", "strokes": json.dumps(STROKES)}
    made = client.post(page, data=data, follow_redirects=False)
    assert (made.status_code, made.headers["location"]) == (303, "/wallet/")
    (seal,) = town.registry.fetch_person_seals(person)
    assert seal.number in client.get(page).text
    client.post(page, data={"pin": PIN, "kind": "name"})
    assert len(town.registry.fetch_person_seals(person)) == 2


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param({"pin": "000000", "kind": "name"}, "pin_wrong", id="a wrong password"),
        pytest.param({"pin": PIN, "kind": "strokes", "strokes": "[]"}, "seal_order_refused", id="an empty pad"),
        pytest.param({"pin": PIN, "kind": "strokes", "strokes": "{"}, "malformed_request", id="noise"),
        pytest.param({"pin": PIN, "kind": "strokes", "strokes": "[[[1.5,2,3]]]"}, "malformed_request", id="fractions"),
        pytest.param({"pin": PIN, "kind": "picture"}, "malformed_request", id="another kind"),
        pytest.param({"pin": PIN, "kind": "strokes", "strokes": "1" * 300_000}, "malformed_request", id="too long"),
    ],
)
def test_pads_that_are_refused(town: Town, li: dict[str, Any], data: dict[str, str], code: str) -> None:
    client = town.wire.app
    assert client is not None
    page = f"/registrar/persons/{li['person']}/signature"
    assert f'data-code="{code}"' in client.post(page, data=data).text


def test_a_form_of_another_site_and_a_page_of_nobody(town: Town, li: dict[str, Any]) -> None:
    client = town.wire.app
    assert client is not None
    page = f"/registrar/persons/{li['person']}/signature"
    data = {"pin": PIN, "kind": "name"}
    assert client.post(page, data=data, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.get("/registrar/persons/P0/signature").status_code == 404
