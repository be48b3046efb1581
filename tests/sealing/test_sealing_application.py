"""Applying for seals: the consent that comes along is parsed, bound to the very message, judged, and used once."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from msgspec import json
from sealing_maker_world import Clock, application, licence, open_maker, order, registrar_of, text
from sealing_world import DAY, HOLDER, NOON, Party, World, issue, key

from identity.consent import ConsentFile, ConsentRecord, SignedConsent, encode_consent, encode_record
from sealing import ses
from sealing.seal_application import asked_sm3
from sealing.wire import SealOrder
from signing.issuing import CertificateRequest, Subject

PERSON = "P0123456789ab"


@pytest.fixture(scope="module")
def trusting(world: World) -> World:
    """Answer the world with its registrars trusted."""
    known = world.trust.anchors[1]
    wider = replace(known, purposes=known.purposes | {"registrar"})
    return replace(world, trust=replace(world.trust, anchors=(world.trust.anchors[0], wider)))


@pytest.fixture(scope="module")
def head(world: World) -> Party:
    """Certify the legal representative with an opaque id, as a wallet's person has it."""
    own = key("head with an id")
    request = CertificateRequest(
        subject=Subject(HOLDER.legal_representative, organisation=HOLDER.company, person_id=PERSON),
        public_key=own.public,
        serial=77,
        not_before=NOON - 9 * DAY,
        not_after=NOON + 90 * DAY,
        uscc=HOLDER.uscc,
    )
    return issue(request, Party(key("licence ca"), world.trust.anchors[0].certificate), own)


@pytest.fixture
def http(trusting: World, tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    maker = open_maker(trusting, tmp_path, Clock(), anchors=lambda: trusting.trust)
    with TestClient(Litestar([maker], openapi_config=None)) as client:
        yield client


@pytest.fixture
def asked(trusting: World, head: Party) -> dict[str, Any]:
    """Answer an order with an application, and no consent yet."""
    papers = application(licence(registrar_of(trusting)), person=PERSON)
    return order(trusting, representative_certificate=text(head.certificate.der), application=papers)


def consent(message: dict[str, Any], signer: Party, **changes: Any) -> str:
    """Have somebody agree to a message, as the wallet writes it; base64."""
    digest = asked_sm3(json.decode(json.encode(message), type=SealOrder))
    fields: dict[str, Any] = {
        "v": 1,
        "act": "apply-seal",
        "uscc": HOLDER.uscc,
        "company": HOLDER.company,
        "person": PERSON,
        "person_name": HOLDER.legal_representative,
        "authorisation": "legal-representative",
        "audience": "制章单位",
        "files": (ConsentFile("制章申请", 0, 100, digest),),
        "seal": "",
        "section": "",
        "params_sm3": "",
        "nonce": "0f" * 16,
        "not_before": NOON - timedelta(minutes=1),
        "not_after": NOON + timedelta(minutes=5),
    }
    record = encode_record(ConsentRecord(**(fields | changes)))
    return text(encode_consent(SignedConsent(1, record, signer.sign(record), signer.certificate.der)))


def send(http: TestClient[Litestar], message: dict[str, Any], given: str) -> dict[str, Any]:
    body = {**message, "application": {**message["application"], "consent": given}}
    answer: dict[str, Any] = http.post("/maker/seals", json=body).json()
    return answer


def test_a_consent_to_this_very_application_is_kept(
    http: TestClient[Litestar], asked: dict[str, Any], head: Party
) -> None:
    made = send(http, asked, consent(asked, head))["seals"]
    assert len(made) == 5
    told = http.get(f"/maker/seals/{made[0]['number']}").json()
    assert len(told["consent_sm3"]) == 64


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"act": "register-device"}, "不是为申领印章", id="to another act"),
        pytest.param({"person": "P999"}, "不是申请人本人", id="of another person"),
        pytest.param({"person_name": "路人"}, "不是申请人本人", id="of another name"),
        pytest.param({"authorisation": "A1"}, "不是申请人本人", id="under another authority"),
        pytest.param({"company": "别的有限公司"}, "不是申请人本人", id="for another unit"),
        pytest.param(
            {"files": (ConsentFile("制章申请", 0, 100, "ab" * 32),)}, "不是这份申请", id="to another application"
        ),
        pytest.param(
            {"not_before": NOON - timedelta(minutes=9), "not_after": NOON - timedelta(minutes=1)},
            "consent-period",
            id="over",
        ),
        pytest.param({"not_before": NOON + timedelta(minutes=1)}, "consent-period", id="not begun"),
    ],
)
def test_consents_that_do_not_carry_it(
    http: TestClient[Litestar], asked: dict[str, Any], head: Party, changes: dict[str, Any], words: str
) -> None:
    refused = send(http, asked, consent(asked, head, **changes))
    assert refused["code"] == "application_refused"
    assert words in refused["detail"]


def test_a_consent_that_somebody_else_signed(http: TestClient[Litestar], asked: dict[str, Any], head: Party) -> None:
    forged = consent(asked, Party(key("somebody"), head.certificate))
    assert "consent-signature" in send(http, asked, forged)["detail"]


@pytest.mark.parametrize(
    "given",
    [pytest.param(text(b"a consent"), id="noise"), pytest.param(text(b"{}"), id="an empty object")],
)
def test_what_is_no_consent(http: TestClient[Litestar], asked: dict[str, Any], given: str) -> None:
    assert "无法读取" in send(http, asked, given)["detail"]


def test_what_was_changed_after_the_consent(http: TestClient[Litestar], asked: dict[str, Any], head: Party) -> None:
    given = consent(asked, head)
    assert "不是这份申请" in send(http, {**asked, "version": 5}, given)["detail"]


def test_a_consent_is_used_once(http: TestClient[Litestar], asked: dict[str, Any], head: Party) -> None:
    given = consent(asked, head)
    made = send(http, asked, given)["seals"]
    for one in made:
        http.post(f"/maker/seals/{one['number']}/state", json={"state": "cancelled", "reason": "试验"})
    assert "已用于" in send(http, asked, given)["detail"]


def test_without_a_trust_list_the_signature_still_counts(
    trusting: World, asked: dict[str, Any], head: Party, tmp_path: Path
) -> None:
    maker = open_maker(trusting, tmp_path / "other", Clock())
    with TestClient(Litestar([maker], openapi_config=None)) as http:
        forged = consent(asked, Party(key("somebody"), head.certificate))
        assert "consent-signature" in send(http, asked, forged)["detail"]
        assert len(send(http, asked, consent(asked, head))["seals"]) == 5


def test_the_size_of_the_seal_follows_the_kind_of_unit(trusting: World, http: TestClient[Litestar]) -> None:
    body = order(trusting, unit_type="股份有限公司(非上市)")
    made = {one["kind"]: one for one in http.post("/maker/seals", json=body).json()["seals"]}
    sizes = {
        kind: (picture.width, picture.height)
        for kind, one in made.items()
        for picture in [ses.parse_seal(base64.b64decode(one["esl"])).info.picture]
    }
    assert sizes == {
        "unit": (42, 42),
        "finance": (38, 38),
        "contract": (40, 40),
        "invoice": (40, 30),
        "legal-representative": (20, 20),
    }
