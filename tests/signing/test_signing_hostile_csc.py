"""Attacks on the sandbox's CSC face: races for a PIN, replayed and mixed-up SADs, secrets in what is printed."""

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from signing_csc_world import (
    ECDSA,
    PIN,
    TOKEN,
    Csc,
    csc_world,
    make_credentials,
)

from signing.adapters.csc import CscKeyService
from signing.csc import PendingSignatures
from signing.digests import sha256
from signing.errors import UnavailableError
from signing.ports import Statement
from signing.sandbox.csc_mechanisms import Mechanism
from signing.sandbox.csc_parameters import Parameters
from signing.sandbox.csc_pins import TRIES
from signing.sandbox.csc_rules import Authorisation, Granted, Signing, Underway

ONE, TWO = sha256(b"one"), sha256(b"two")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_credentials(tmp_path_factory.mktemp("csc"))


@pytest.fixture
def world(filled: Path, tmp_path: Path) -> Iterator[Csc]:
    folder = shutil.copytree(filled, tmp_path / "csc")
    with csc_world(folder) as opened:
        yield opened


def test_many_guesses_at_once_get_no_more_tries(world: Csc) -> None:
    guesses = [f"{number:06}" for number in range(15)] + [PIN]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda pin: world.post("credentials/authorize", world.pinned(ONE, pin=pin)), guesses))
    codes = [answer.json().get("code") for answer in answers[:-1]]
    assert codes.count("pin_wrong") <= TRIES + 1  # one more where the right PIN came in between
    assert set(codes) == {"pin_wrong", "pin_locked"}
    world.ask("credentials/authorize", world.pinned(ONE), expect="pin_locked")


def test_a_sad_signs_each_hash_once_however_many_ask_at_once(world: Csc) -> None:
    sad = world.ask("credentials/authorize", world.pinned(ONE, number=1, credential=ECDSA))["SAD"]
    asked = [world.demo_signing(sad, one, credential=ECDSA) for one in (ONE, TWO) * 8]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: world.post("signatures/signHash", body), asked))
    made = {answer.json()["signatures"][0] for answer in answers if answer.status_code == 200}
    assert len(made) <= 1
    assert world.ask("signatures/signHash", asked[0])["signatures"] == list(made or {None}) or not made
    world.ask("signatures/signHash", asked[1], expect="hash_not_authorised")


def test_an_unbound_sad_signs_as_many_hashes_as_were_asked_for(world: Csc) -> None:
    sad = world.ask("credentials/authorize", world.pinned(credential=ECDSA, number=1))["SAD"]
    asked = [world.demo_signing(sad, sha256(bytes((n,))), credential=ECDSA) for n in range(16)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: world.post("signatures/signHash", body), asked))
    assert sum(answer.status_code == 200 for answer in answers) == 1


def test_a_sad_is_of_its_credential_only(world: Csc) -> None:
    sad = world.ask("credentials/authorize", world.pinned(ONE))["SAD"]
    world.ask("signatures/signHash", world.demo_signing(sad, ONE, credential=ECDSA), expect="sad_invalid")
    world.ask("signatures/signHash", world.signing(sad, b"act"), expect="sad_invalid")
    world.ask("credentials/authorizeCheck", {"handle": sad}, expect="handle_invalid")
    world.ask("signatures/signPolling", {"requestID": sad}, expect="response_invalid")


@pytest.mark.parametrize("method", ["credentials/list", "credentials/authorize", "signatures/signHash", "nothing"])
@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x"])
def test_nothing_but_info_is_answered_without_the_token(world: Csc, method: str, token: str) -> None:
    answer = world.post(method, {"userID": "91350100M000100Y43"}, token=token)
    assert answer.status_code >= 400
    assert set(answer.json()) <= {"error", "error_description", "code", "detail"}


def test_secrets_are_in_no_repr() -> None:
    mechanism = Mechanism("1.2", "sm3")
    secret = "5EcReT"
    values = (
        Authorisation("c", 1, (), "", {"PIN": secret}, secret),
        Granted(secret, 1),
        Underway(secret),
        Signing("c", secret, (), mechanism),
        Parameters({"PIN": secret, "SAD": secret}),
        PendingSignatures("c", "k", (b"h",), (Statement("act", b"s"),), handle=secret),
        CscKeyService(httpx.Client(), "http://service.test", secret),
    )
    assert [value for value in values if secret in repr(value)] == []


def test_errors_and_state_hold_no_secret(world: Csc) -> None:
    sad = world.ask("credentials/authorize", world.pinned(ONE))["SAD"]
    answer = world.post("signatures/signHash", world.demo_signing(sad, TWO))
    assert sad not in answer.text
    wrong = world.post("credentials/authorize", world.pinned(ONE, pin="987654321"))
    assert "987654321" not in wrong.text
    kept = b"".join(file.read_bytes() for file in (world.folder / "csc").rglob("*.json"))
    assert sad.encode() not in kept
    assert PIN.encode() not in kept


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"credentialIDs": [f"unit:{n}" for n in range(5000)]}, id="too many credentials"),
        pytest.param({"credentialIDs": ["unit:1"], "cert": {"certificates": ["AAAA"]}, "handle": ""}, id="no handle"),
        pytest.param({"cert": {"certificates": ["AAAA"]}, "credentialIDs": ["unit:1"], "handle": "x" * 501}, id="long"),
    ],
)
def test_a_hostile_service_is_one_that_does_not_answer(told: dict[str, object]) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=json.dumps(told))

    client = httpx.Client(transport=httpx.MockTransport(answer))
    service = CscKeyService(client, "http://service.test", "token")
    if len(told["credentialIDs"]) > 1:  # type: ignore[arg-type]
        with pytest.raises(UnavailableError):
            service.fetch_certificates("91350100M000100Y43")
    with pytest.raises(UnavailableError):
        service.request_signatures("unit:1", "c0ffee", [Statement("act", b"act")])
    assert len(asked) < 10


def test_a_consent_is_spent_once_by_two_transactions_at_once(world: Csc) -> None:
    sads = [world.ask("credentials/authorize", world.consented(b"act"))["SAD"] for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda sad: world.post("signatures/signHash", world.signing(sad, b"act")), sads))
    assert sum(answer.status_code == 200 for answer in answers) == 1
    assert len(world.wallet.redeemed) == 1
