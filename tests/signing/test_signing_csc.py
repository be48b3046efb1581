"""The sandbox's CSC face: what it authorises, signs and refuses, with a wallet that the test directs."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from asn1crypto.algos import RSASSAPSSParams
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from signing_csc_world import (
    DEMO_RSA,
    ECDSA,
    ENCRYPTION,
    PIN,
    RSA,
    SHA256,
    SHA256_ECDSA,
    TOKEN,
    UNIT,
    USCC,
    Csc,
    b64,
    csc_world,
    make_credentials,
)

from signing import canonical, csc, sm2
from signing.adapters.csc import CscKeyService
from signing.algorithms import AlgorithmIdentifier, verify_signature
from signing.certificates import parse_certificate
from signing.errors import InvalidKeyError, KeyServiceRefusedError, MalformedError, UnavailableError
from signing.ports import Statement
from signing.sandbox import csc_state
from signing.sandbox.csc_parameters import BODY_LIMIT
from signing.sandbox.csc_service import ANSWERS_KEPT, SAD_LIFE
from signing.sandbox.redeeming import ConsentDesk, ConsentLedger, RefusedByWalletError, WalletUnclearError

PSS = "1.2.840.113549.1.1.10"
ACT, OTHER = b'{"act":"submit","n":1}', b'{"act":"submit","n":2}'
DIGEST, SECOND, THIRD = (hashlib.sha256(one).digest() for one in (b"1", b"2", b"3"))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_credentials(tmp_path_factory.mktemp("template"))


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[Csc]:
    with csc_world(shutil.copytree(template, tmp_path / "csc")) as world:
        yield world


def _sad(world: Csc, *acts: bytes) -> str:
    sad: str = world.ask("credentials/authorize", world.consented(*acts or (ACT,)))["SAD"]
    return sad


def _pin_sad(world: Csc, *digests: bytes, **changes: Any) -> str:
    sad: str = world.ask("credentials/authorize", world.pinned(*digests, **changes))["SAD"]
    return sad


def _verify(world: Csc, act: bytes, signature: str) -> None:
    sm2.verify(world.unit, act, csc.read_signature_value(json_bytes(signature)))


def json_bytes(text: str) -> bytes:
    return canonical.decode_lenient(json.dumps({"hash": text}).encode(), _Bytes).hash


class _Bytes(csc.Struct):
    hash: bytes


# Under a consent


def test_a_consent_is_redeemed_once_and_the_signatures_are_answered_again(world: Csc) -> None:
    sad = _sad(world, ACT, OTHER)
    assert world.wallet.redeemed == [], "authorising spends nothing"
    first = world.ask("signatures/signHash", world.signing(sad, ACT, OTHER))["signatures"]
    for act, signature in zip((ACT, OTHER), first, strict=True):
        _verify(world, act, signature)
    assert world.ask("signatures/signHash", world.signing(sad, ACT, OTHER))["signatures"] == first
    assert world.ask("signatures/signHash", world.signing(sad, OTHER))["signatures"] == first[1:]
    assert len(world.wallet.redeemed) == 1
    (redeemed,) = world.wallet.redeemed
    assert [one["kind"] for one in json.loads(redeemed)["statements"]] == ["act", "act"]


def test_authorisation_outlives_the_process(world: Csc) -> None:
    sad = _sad(world)
    kept = b"".join(path.read_bytes() for path in world.folder.glob("csc/**/*.json"))
    assert sad.encode() not in kept, "a SAD is kept as its digest"
    again = world.reopen()
    signed = again.ask("signatures/signHash", again.signing(sad, ACT))["signatures"]
    assert again.reopen().ask("signatures/signHash", world.signing(sad, ACT))["signatures"] == signed


def test_the_holder_may_answer_later(world: Csc) -> None:
    world.wallet.state = "pending"
    handle = world.ask("credentials/authorize", world.consented(ACT), expect=202)["handle"]
    assert world.ask("credentials/authorizeCheck", {"handle": handle}, expect=202) == {"handle": handle}
    world.clock.at += timedelta(hours=3)
    world.wallet.state = "confirmed"
    again = world.reopen()
    first = again.ask("credentials/authorizeCheck", {"handle": handle})["SAD"]
    second = again.ask("credentials/authorizeCheck", {"handle": handle})["SAD"]
    again.ask("signatures/signHash", again.signing(first, ACT), expect="sad_invalid")
    _verify(world, ACT, again.ask("signatures/signHash", again.signing(second, ACT))["signatures"][0])


def test_asynchronous_signing(world: Csc) -> None:
    body = world.signing(_sad(world), ACT) | {"operationMode": "A", "validity_period": 3_600_000}
    response = world.ask("signatures/signHash", body)["responseID"]
    world.wallet.refusal = (409, "consent_not_confirmed")
    told = world.ask("signatures/signPolling", {"requestID": response}, expect=202)
    assert told["error"] == "accepted_request"
    world.wallet.refusal = None
    world.clock.at += timedelta(minutes=30)
    again = world.reopen()
    first = again.ask("signatures/signPolling", {"requestID": response})["signatures"]
    _verify(world, ACT, first[0])
    assert again.ask("signatures/signPolling", {"requestID": response})["signatures"] == first
    world.clock.at += ANSWERS_KEPT
    again.ask("signatures/signPolling", {"requestID": response}, expect="response_invalid")


def test_a_lost_answer_of_the_wallet_loses_nothing(world: Csc) -> None:
    sad = _sad(world)
    world.wallet.lose = True
    assert world.post("signatures/signHash", world.signing(sad, ACT)).status_code == 503
    world.wallet.lose = False
    again = world.reopen()
    _verify(world, ACT, again.ask("signatures/signHash", world.signing(sad, ACT))["signatures"][0])
    assert len(world.wallet.redeemed) == 1


def test_many_threads_with_one_sad_spend_once(world: Csc) -> None:
    sad = _sad(world)

    def sign(_: int) -> httpx.Response:
        return world.post("signatures/signHash", world.signing(sad, ACT))

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(sign, range(8)))
    assert {one.status_code for one in answers} <= {200, 503}
    signed = [one.json()["signatures"] for one in answers if one.status_code == 200]
    assert signed
    assert signed == signed[:1] * len(signed)
    assert len(world.wallet.redeemed) == 1


def test_too_many_open_transactions(world: Csc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csc_state, "MOST", 2)
    for _ in range(2):
        _sad(world)
    answer = world.post("credentials/authorize", world.consented(ACT))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_pending")
    world.clock.at += ANSWERS_KEPT + timedelta(seconds=1)
    assert _sad(world)
    assert len(list(world.folder.glob("csc/transactions/*.json"))) == 1


def test_a_consent_that_somebody_else_spent_is_not_taken_for_ours(world: Csc) -> None:
    sad = _sad(world)
    world.wallet.down = True
    assert world.post("signatures/signHash", world.signing(sad, ACT)).json()["code"] == "wallet_unavailable"
    world.wallet.down = False
    body = {"credential": UNIT, "consent": "c0ffee", "statements": [{"kind": "act", "to_be_signed": b64(ACT)}]}
    assert world.client.post("/keys/sign", json=body).status_code == 200
    told = world.ask("signatures/signHash", world.signing(sad, ACT), expect="consent_used")
    assert told["error"] == "access_denied"


def test_nothing_unlisted_is_signed_beside_what_was_spent(world: Csc) -> None:
    sad = _sad(world, ACT, OTHER)
    world.wallet.down = True
    world.post("signatures/signHash", world.signing(sad, ACT, OTHER))
    world.wallet.down = False
    world.wallet.unlisted.add(b64(OTHER))
    world.wallet.spent.add(("c0ffee", b64(ACT)))
    for _ in range(2):
        world.ask("signatures/signHash", world.signing(sad, ACT), expect="digest_not_listed")


def test_what_only_now_can_be_spent_was_not_spent_for_us(world: Csc) -> None:
    """The attempt was all or nothing: if one of its statements is still unspent, another's was spent elsewhere."""
    sad = _sad(world, ACT, OTHER)
    world.wallet.down = True
    world.post("signatures/signHash", world.signing(sad, ACT, OTHER))
    world.wallet.down = False
    world.wallet.spent.add(("c0ffee", b64(ACT)))
    world.ask("signatures/signHash", world.signing(sad, ACT, OTHER), expect="consent_used")


def test_a_lost_answer_for_several_statements(world: Csc) -> None:
    sad = _sad(world, ACT, OTHER)
    world.wallet.lose = True
    world.post("signatures/signHash", world.signing(sad, ACT, OTHER))
    world.wallet.lose = False
    made = world.ask("signatures/signHash", world.signing(sad, ACT, OTHER))["signatures"]
    _verify(world, OTHER, made[1])
    assert len(world.wallet.redeemed) == 1


def test_two_transactions_under_one_consent(world: Csc) -> None:
    one, two = _sad(world), _sad(world)
    world.ask("signatures/signHash", world.signing(one, ACT))
    world.ask("signatures/signHash", world.signing(two, ACT), expect="consent_used")
    world.ask("signatures/signHash", world.signing(two, ACT), expect="consent_used")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"credentialID": "unit:x"}, "credential_unknown", id="unknown credential"),
        pytest.param({"credentialID": ENCRYPTION}, "credential_unknown", id="an encryption key"),
        pytest.param({"credentialID": None}, "malformed_request", id="no credential"),
        pytest.param({"numSignatures": 0}, "malformed_request", id="no signature"),
        pytest.param({"numSignatures": "1"}, "malformed_request", id="a number as text"),
        pytest.param({"numSignatures": True}, "malformed_request", id="a number as boolean"),
        pytest.param({"numSignatures": 201}, "too_many_signatures", id="more than a consent may list"),
        pytest.param({"numSignatures": 2}, "hash_differs", id="more signatures than hashes"),
        pytest.param({"hashes": None}, "hash_differs", id="no hashes"),
        pytest.param({"hashes": []}, "malformed_request", id="empty hashes"),
        pytest.param({"hashes": [b64(DIGEST)]}, "hash_differs", id="another hash than the statement's"),
        pytest.param({"hashes": [b64(DIGEST[:31])]}, "digest_length", id="a short hash"),
        pytest.param({"hashes": ["not base64!"]}, "malformed_request", id="bad Base64"),
        pytest.param({"hashes": [7]}, "malformed_request", id="a hash that is a number"),
        pytest.param({"hashes": b64(DIGEST)}, "malformed_request", id="hashes that are no array"),
        pytest.param({"hashAlgorithmOID": SHA256}, "algorithm_not_allowed", id="another digest"),
        pytest.param({"hashAlgorithmOID": "1.3.14.3.2.26"}, "algorithm_not_allowed", id="SHA-1"),
        pytest.param({"hashAlgorithmOID": "sm3"}, "algorithm_not_allowed", id="no OID"),
        pytest.param({"clientData": None}, "malformed_request", id="no consent"),
        pytest.param({"clientData": "12345678"}, "malformed_request", id="clientData of another kind"),
        pytest.param({"clientData": '{"consent":"../x","statements":[]}'}, "malformed_request", id="odd consent"),
        pytest.param({"clientData": "\ud800"}, "malformed_request", id="half a surrogate"),
        pytest.param({"clientData": 7}, "malformed_request", id="clientData that is no text"),
        pytest.param({"authData": [{"id": "PIN", "value": PIN}]}, "pin_wrong", id="a PIN for a licence key"),
        pytest.param({"authData": [{"value": "x"}]}, "malformed_request", id="a factor without id"),
        pytest.param({"authData": "consent"}, "malformed_request", id="factors that are no array"),
    ],
)
def test_refused_authorisations(world: Csc, changes: dict[str, Any], code: str) -> None:
    body = world.consented(ACT) | changes
    raw = json.dumps(body).encode("ascii")
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    answer = world.client.post("/csc/v2/credentials/authorize", content=raw, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not list(world.folder.glob("csc/transactions/*.json"))


@pytest.mark.parametrize("state", ["refused", "expired"])
def test_no_consent_no_authorisation(world: Csc, state: str) -> None:
    world.wallet.state = state
    assert (
        world.ask("credentials/authorize", world.consented(ACT), expect=f"consent_{state}")["error"] == "access_denied"
    )


def test_an_unknown_consent(world: Csc) -> None:
    world.ask("credentials/authorize", world.consented(ACT, consent="nobody"), expect="consent_unknown")


def test_a_wallet_that_is_down_can_be_asked_again(world: Csc) -> None:
    world.wallet.down = True
    answer = world.post("credentials/authorize", world.consented(ACT))
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")


def _expired(world: Csc, sad: str) -> dict[str, Any]:
    world.clock.at += SAD_LIFE + timedelta(seconds=1)
    return world.signing(sad, ACT)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        pytest.param(lambda w, s: w.signing(s, OTHER), "hash_not_authorised", id="other hash"),
        pytest.param(lambda w, s: w.signing(s, ACT, OTHER), "hash_not_authorised", id="one hash more"),
        pytest.param(_expired, "sad_expired", id="expired SAD"),
        pytest.param(lambda w, _: w.signing("0" * 32 + "." + "0" * 64, ACT), "sad_invalid", id="invented SAD"),
        pytest.param(
            lambda w, s: w.signing(s[:-1] + ("0" if s[-1] != "0" else "1"), ACT), "sad_invalid", id="SAD changed"
        ),
        pytest.param(lambda w, _: w.signing("../../keys/vault", ACT), "sad_invalid", id="SAD as a path"),
        pytest.param(lambda w, s: w.signing(s, ACT, SAD=None), "malformed_request", id="no SAD"),
        pytest.param(lambda w, s: w.signing(s, ACT, credentialID=RSA), "sad_invalid", id="SAD of another credential"),
        pytest.param(
            lambda w, s: w.signing(s, ACT, credentialID="unit:x"), "credential_unknown", id="no such credential"
        ),
        pytest.param(lambda w, s: w.signing(s, ACT, hashes=[b64(DIGEST[:20])]), "digest_length", id="a short hash"),
        pytest.param(lambda w, s: w.signing(s, ACT, hashes=["%%"]), "malformed_request", id="bad Base64"),
        pytest.param(lambda w, s: w.signing(s, ACT, hashes=None), "malformed_request", id="no hashes"),
        pytest.param(lambda w, s: w.signing(s, ACT, signAlgo=None), "malformed_request", id="no signAlgo"),
        pytest.param(lambda w, s: w.signing(s, ACT, signAlgo="1.2.3"), "algorithm_not_allowed", id="unknown signAlgo"),
        pytest.param(
            lambda w, s: w.signing(s, ACT, signAlgo="1.2.840.113549.1.1.11", hashAlgorithmOID=None),
            "algorithm_not_allowed",
            id="RSA with an SM2 key",
        ),
        pytest.param(
            lambda w, s: w.signing(s, ACT, hashAlgorithmOID=SHA256), "algorithm_not_allowed", id="other digest"
        ),
        pytest.param(lambda w, s: w.signing(s, ACT, operationMode="X"), "malformed_request", id="unknown mode"),
        pytest.param(
            lambda w, s: w.signing(s, ACT, operationMode="A", response_uri="http://10.0.0.1/"),
            "response_uri_not_supported",
            id="a callback",
        ),
        pytest.param(
            lambda w, s: w.signing(s, ACT, operationMode="A", validity_period=0), "malformed_request", id="no period"
        ),
        pytest.param(
            lambda w, s: w.signing(s, ACT, operationMode="A", validity_period=10**12), "malformed_request", id="years"
        ),
    ],
)
def test_refused_signatures(world: Csc, make: Callable[[Csc, str], dict[str, Any]], code: str) -> None:
    world.ask("signatures/signHash", make(world, _sad(world)), expect=code)
    assert world.wallet.redeemed == []


def test_the_wallet_has_the_last_word(world: Csc) -> None:
    sad = _sad(world)
    world.wallet.refusal = (403, "digest_not_listed")
    told = world.ask("signatures/signHash", world.signing(sad, ACT), expect="digest_not_listed")
    assert (told["error"], told["detail"]) == ("access_denied", "请重新发起授权。")
    world.wallet.refusal = None
    assert world.ask("signatures/signHash", world.signing(sad, ACT))["signatures"]


def test_an_expired_certificate(world: Csc) -> None:
    sad = _sad(world)
    world.clock.at += timedelta(days=60)
    world.ask("credentials/authorize", world.consented(ACT), expect="certificate_expired")
    world.ask("signatures/signHash", world.signing(sad, ACT), expect="certificate_expired")


def test_a_transaction_is_never_extended_beyond_its_consent(world: Csc) -> None:
    body = {"credentialID": UNIT, "SAD": _sad(world), "hashes": [b64(DIGEST)]}
    world.ask("credentials/extendTransaction", body, expect="extend_not_allowed")


def test_v1_names_do_the_same(world: Csc) -> None:
    body = world.consented(ACT)
    asked = {"credentialID": UNIT, "numSignatures": 1, "hash": body["hashes"], "clientData": body["clientData"]}
    sad = world.ask("credentials/authorize", asked, version="v1")["SAD"]
    body = world.signing(sad, ACT)
    asked = {"credentialID": UNIT, "SAD": sad, "hash": body["hashes"], "hashAlgo": csc.SM3_OID}
    asked |= {"signAlgo": csc.SM2_WITH_SM3}
    _verify(world, ACT, world.ask("signatures/signHash", asked, version="v1")["signatures"][0])


# Under a PIN


def test_rsa_by_pin(world: Csc) -> None:
    sad = _pin_sad(world, DIGEST, SECOND)
    made = world.ask("signatures/signHash", world.demo_signing(sad, DIGEST, SECOND))["signatures"]
    for message, signature in zip((b"1", b"2"), made, strict=True):
        key, algorithm = DEMO_RSA.key.public_key, AlgorithmIdentifier("1.2.840.113549.1.1.11", b"\x05\x00")
        verify_signature(key, algorithm, message, json_bytes(signature))
    assert world.ask("signatures/signHash", world.demo_signing(sad, DIGEST))["signatures"] == made[:1]
    world.ask("signatures/signHash", world.demo_signing(sad, THIRD), expect="hash_not_authorised")


def test_scal_1_counts_signatures(world: Csc) -> None:
    sad = _pin_sad(world, credential=ECDSA, number=2)
    made = world.ask("signatures/signHash", world.demo_signing(sad, DIGEST, credential=ECDSA))["signatures"]
    public = parse_certificate(world.vault.find(ECDSA).certificate).public_key
    verify_signature(public, AlgorithmIdentifier(SHA256_ECDSA), b"1", json_bytes(made[0]))
    world.ask("signatures/signHash", world.demo_signing(sad, SECOND, credential=ECDSA))
    world.ask("signatures/signHash", world.demo_signing(sad, THIRD, credential=ECDSA), expect="sad_used")
    assert world.ask("signatures/signHash", world.demo_signing(sad, DIGEST, credential=ECDSA))["signatures"] == made


def test_a_pin_transaction_is_extended_hash_by_hash(world: Csc) -> None:
    first = _pin_sad(world, DIGEST, number=2)
    world.ask("signatures/signHash", world.demo_signing(first, DIGEST))
    body = {"credentialID": RSA, "SAD": first, "hashes": [b64(SECOND)], "hashAlgorithmOID": SHA256}
    second = world.ask("credentials/extendTransaction", body)["SAD"]
    world.ask("signatures/signHash", world.demo_signing(first, SECOND), expect="sad_invalid")
    world.ask("signatures/signHash", world.demo_signing(second, SECOND))
    world.ask("credentials/extendTransaction", body | {"SAD": second}, expect="malformed_request")


def test_a_pin_locks_after_five_tries(world: Csc) -> None:
    for _ in range(4):
        told = world.ask("credentials/authorize", world.pinned(DIGEST, pin="000000"), expect="pin_wrong")
        assert told["error"] == "invalid_authentication_data"
    told = world.ask("credentials/authorize", world.pinned(DIGEST, pin="000000"), version="v1", expect="pin_wrong")
    assert told["error"] == "invalid_pin"
    locked = world.reopen()
    told = locked.ask("credentials/authorize", world.pinned(DIGEST), expect="pin_locked")
    assert told["error_description"] == "Credential locked"
    world.clock.at += timedelta(minutes=5)
    assert locked.ask("credentials/authorize", world.pinned(DIGEST))["SAD"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"authData": []}, "pin_wrong", id="no PIN"),
        pytest.param({"authData": [{"id": "OTP", "value": PIN}]}, "pin_wrong", id="another factor"),
        pytest.param({"hashes": None}, "malformed_request", id="SCAL2 without hashes"),
        pytest.param({"numSignatures": 6}, "too_many_signatures", id="more than multisign"),
        pytest.param({"hashes": [b64(DIGEST)] * 2, "numSignatures": 2}, "malformed_request", id="one hash twice"),
    ],
)
def test_refused_pin_authorisations(world: Csc, changes: dict[str, Any], code: str) -> None:
    world.ask("credentials/authorize", world.pinned(DIGEST) | changes, expect=code)


def _pss(digest: str, generator: str, salt: int) -> str:
    """Build RSASSA-PSS-params, which pyHanko's own test covers for the good case."""
    return b64(
        RSASSAPSSParams(
            {
                "hash_algorithm": {"algorithm": digest},
                "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": generator}},
                "salt_length": salt,
            }
        ).dump()
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param(
            {"signAlgo": "1.2.840.113549.1.1.1", "hashAlgorithmOID": SHA256}, "", id="plain RSA, digest named"
        ),
        pytest.param({"signAlgo": "1.2.840.113549.1.1.1"}, "algorithm_not_allowed", id="plain RSA, digest not named"),
        pytest.param({"signAlgo": PSS, "signAlgoParams": _pss("sha256", "sha256", 32)}, "", id="RSASSA-PSS"),
        pytest.param({"signAlgo": PSS}, "malformed_request", id="RSASSA-PSS without parameters"),
        pytest.param({"signAlgo": PSS, "signAlgoParams": "MAA="}, "algorithm_not_allowed", id="RSASSA-PSS with SHA-1"),
        pytest.param({"signAlgo": PSS, "signAlgoParams": "MA=="}, "malformed_request", id="cut parameters"),
        pytest.param(
            {"signAlgo": PSS, "signAlgoParams": _pss("sha256", "sha512", 32)}, "algorithm_not_allowed", id="two digests"
        ),
        pytest.param(
            {"signAlgo": PSS, "signAlgoParams": _pss("sha256", "sha256", 513)},
            "malformed_request",
            id="a salt too long",
        ),
        pytest.param(
            {"signAlgo": PSS, "signAlgoParams": _pss("sha256", "sha256", 400)},
            "algorithm_not_allowed",
            id="a salt too long for the key",
        ),
        pytest.param({"signAlgo": SHA256_ECDSA}, "algorithm_not_allowed", id="ECDSA with an RSA key"),
        pytest.param({"signAlgo": "1.2.840.113549.1.1.5"}, "algorithm_not_allowed", id="RSA with SHA-1"),
        pytest.param({"signAlgo": "1.2.840.113549.1.1.12"}, "algorithm_not_allowed", id="not the digest authorised"),
    ],
)
def test_mechanisms_of_an_rsa_key(world: Csc, changes: dict[str, Any], code: str) -> None:
    body = world.demo_signing(_pin_sad(world, DIGEST), DIGEST, **changes)
    assert ("signatures" in world.ask("signatures/signHash", body, expect=code or 200)) == (not code)


def test_one_hash_is_not_signed_in_two_ways(world: Csc) -> None:
    sad = _pin_sad(world, DIGEST, number=2)
    world.ask("signatures/signHash", world.demo_signing(sad, DIGEST))
    body = world.demo_signing(sad, DIGEST, signAlgo="1.2.840.113549.1.1.1", hashAlgorithmOID=SHA256)
    world.ask("signatures/signHash", body, expect="hash_not_authorised")


def test_extending_needs_hashes_where_authorising_does(world: Csc) -> None:
    body = {"credentialID": RSA, "SAD": _pin_sad(world, DIGEST, number=2)}
    world.ask("credentials/extendTransaction", body, expect="malformed_request")
    world.ask("credentials/authorizeCheck", {"handle": "x"}, expect="handle_invalid")


def test_a_damaged_transaction_is_noticed(world: Csc) -> None:
    _sad(world)
    (file,) = world.folder.glob("csc/transactions/*.json")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(MalformedError, match="damaged"):
        world.reopen()


def test_a_disabled_credential(world: Csc) -> None:
    sad = _pin_sad(world, DIGEST)
    world.service.disable(RSA)
    world.ask("signatures/signHash", world.demo_signing(sad, DIGEST), expect="credential_disabled")
    world.ask("credentials/authorize", world.pinned(DIGEST), expect="credential_disabled")
    assert world.ask("credentials/info", {"credentialID": RSA})["key"]["status"] == "disabled"


def test_no_licence_key_signs_by_pin(world: Csc) -> None:
    with pytest.raises(InvalidKeyError):
        world.vault.international(UNIT)


# The edge


def test_unknown_fields_and_nulls_are_tolerated(world: Csc) -> None:
    body = world.consented(ACT, lang="zh-CN", invented={"a": [1]}, description=None)
    sad = world.ask("credentials/authorize", body)["SAD"]
    assert world.ask("signatures/signHash", world.signing(sad, ACT, more=1, validity_period=None))["signatures"]


@pytest.mark.parametrize(
    ("header", "status", "error"),
    [
        pytest.param("", 400, "invalid_request", id="none"),
        pytest.param("Basic dXNlcjpwYXNz", 400, "invalid_request", id="another scheme"),
        pytest.param("Bearer", 400, "invalid_request", id="empty"),
        pytest.param("Bearer wrong", 401, "invalid_token", id="wrong"),
        pytest.param("Bearer \xe9", 401, "invalid_token", id="not ASCII"),
    ],
)
def test_a_bearer_token_is_needed(world: Csc, header: str, status: int, error: str) -> None:
    headers = {"authorization": header.encode("latin-1")} if header else {}
    answer = world.client.post("/csc/v2/credentials/info", json={"credentialID": UNIT}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"[]", 400, id="no object"),
        pytest.param(b"{", 400, id="no JSON"),
        pytest.param(b"\xff", 400, id="no UTF-8"),
        pytest.param(b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", 413, id="too deep"),
        pytest.param(b'{"a":"' + b"x" * BODY_LIMIT + b'"}', 413, id="too long"),
    ],
)
def test_bodies_that_cannot_be_read(world: Csc, body: bytes, status: int) -> None:
    answer = world.client.post(
        "/csc/v2/signatures/signHash", content=body, headers={"authorization": f"Bearer {TOKEN}"}
    )
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_request")


@pytest.mark.parametrize("path", ["v2/signatures/signDoc", "v1/signatures/signPolling", "v3/info", "v2/oauth2/token"])
def test_what_is_not_served(world: Csc, path: str) -> None:
    answer = world.client.post(f"/csc/{path}", json={}, headers={"authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json()["code"]) == (501, "method_unknown")
    assert world.client.get("/csc/v2/info").status_code == 405


_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from([UNIT, RSA, b64(DIGEST), "A"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(
    [
        "credentialID",
        "SAD",
        "hashes",
        "hash",
        "hashAlgo",
        "signAlgo",
        "signAlgoParams",
        "numSignatures",
        "authData",
        "PIN",
        "clientData",
        "operationMode",
        "validity_period",
        "userID",
        "certificates",
        "handle",
        "requestID",
    ]
)
_methods = st.sampled_from(
    ["list", "info", "authorize", "authorizeCheck", "extendTransaction", "signHash", "signPolling"]
)


@pytest.fixture(scope="module")
def lasting(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Csc]:
    with csc_world(shutil.copytree(template, tmp_path_factory.mktemp("lasting") / "csc")) as world:
        yield world


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(method=_methods, body=st.dictionaries(_names, _json_values, max_size=8))
def test_hostile_requests_are_refused_in_form(lasting: Csc, method: str, body: dict[str, Any]) -> None:
    group = "signatures" if method.startswith("sign") else "credentials"
    raw = json.dumps(body).encode("ascii")
    headers = {"authorization": f"Bearer {TOKEN}"}
    answer = lasting.client.post(f"/csc/v2/{group}/{method}", content=raw, headers=headers)
    assert answer.status_code in (200, 400)
    assert answer.status_code == 200 or answer.json()["error"]
    assert lasting.wallet.redeemed == []


# The client


def _client(world: Csc, token: str = TOKEN) -> CscKeyService:
    return CscKeyService(world.client, str(world.client.base_url), token)


def test_a_wrong_token_is_a_refusal(world: Csc) -> None:
    with pytest.raises(KeyServiceRefusedError) as caught:
        _client(world, "wrong").fetch_certificates(USCC)
    assert caught.value.code == "token_invalid"


def test_only_sm2_credentials_sign_statements(world: Csc) -> None:
    with pytest.raises(Exception, match="not an SM2 key"):
        _client(world).sign(RSA, "c0ffee", [Statement("act", ACT)])


def test_a_lost_answer_is_asked_for_again(world: Csc) -> None:
    lost = iter([True, True])

    class Line(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = world.client.post(request.url.path, content=request.read(), headers=dict(request.headers))
            if request.url.path.endswith("signHash") and next(lost, False):
                raise httpx.ReadTimeout("lost", request=request)
            return httpx.Response(answer.status_code, content=answer.content)

    with httpx.Client(transport=Line()) as line:
        (made,) = CscKeyService(line, "http://csc.test", TOKEN).sign(UNIT, "c0ffee", [Statement("act", ACT)])
    sm2.verify(world.unit, ACT, made)
    assert len(world.wallet.redeemed) == 1


def test_two_processes_may_fetch_at_one_moment(world: Csc) -> None:
    world.wallet.state = "pending"
    pending = _client(world).request_signatures(UNIT, "c0ffee", [Statement("act", ACT)])
    world.wallet.state = "confirmed"
    others = iter([1])

    class Line(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path.endswith("signHash") and next(others, 0):
                world.ask("credentials/authorizeCheck", {"handle": pending.handle})
            answer = world.client.post(request.url.path, content=request.read(), headers=dict(request.headers))
            return httpx.Response(answer.status_code, content=answer.content)

    with httpx.Client(transport=Line()) as line:
        made = CscKeyService(line, "http://csc.test", TOKEN).fetch_signatures(pending)
    assert made == _client(world).fetch_signatures(pending)


def test_an_authority_of_old_names_is_read_one_by_one(world: Csc) -> None:
    """A service that answers credentials/list without credentialInfos, as v1 does."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path.replace("/v2/credentials/list", "/v1/credentials/list")
        told = world.client.post(path, content=request.read(), headers=dict(request.headers))
        return httpx.Response(told.status_code, content=told.content)

    with httpx.Client(transport=httpx.MockTransport(answer)) as line:
        ring = CscKeyService(line, "http://csc.test", TOKEN).fetch_certificates(USCC)
    assert ring == _client(world).fetch_certificates(USCC)


def _answering(world: Csc, told: Any) -> CscKeyService:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("signHash"):
            return httpx.Response(200, json=told) if not isinstance(told, bytes) else httpx.Response(200, content=told)
        passed = world.client.post(request.url.path, content=request.read(), headers=dict(request.headers))
        return httpx.Response(passed.status_code, content=passed.content)

    return CscKeyService(httpx.Client(transport=httpx.MockTransport(answer)), "http://csc.test", TOKEN)


RAW = bytes.fromhex("11" * 32 + "22" * 32)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param({"signatures": []}, id="none"),
        pytest.param({"signatures": [b64(RAW)] * 2}, id="too many"),
        pytest.param({"signatures": [b64(RAW[:63])]}, id="63 bytes"),
        pytest.param({"signatures": [b64(bytes(64))]}, id="r and s zero"),
        pytest.param({"signatures": [b64(b"\xff" * 64)]}, id="out of range"),
        pytest.param({"signatures": [b64(b"\x30\x80" + RAW)]}, id="bad DER"),
        pytest.param({"signatures": ["?"]}, id="bad Base64"),
        pytest.param({"signatures": "x"}, id="no array"),
        pytest.param({"responseID": "x"}, id="another answer"),
        pytest.param(b"<html>", id="a web page"),
        pytest.param(bytes(5 << 20), id="too much"),
    ],
)
def test_useless_answers(world: Csc, told: Any) -> None:
    with pytest.raises(UnavailableError):
        _answering(world, told).sign(UNIT, "c0ffee", [Statement("act", ACT)])


def test_raw_values_become_der(world: Csc) -> None:
    (made,) = _answering(world, {"signatures": [b64(RAW)]}).sign(UNIT, "c0ffee", [Statement("act", ACT)])
    assert made == csc.read_signature_value(made)
    assert sm2.parse_signature(made) == (int("11" * 32, 16), int("22" * 32, 16))


def test_pending_signatures_are_a_strict_value() -> None:
    pending = csc.PendingSignatures("unit:x", "c", (bytes(32),), (Statement("act", ACT),), handle="h")
    data = csc.encode_pending(pending)
    assert csc.parse_pending(data) == pending
    for broken in (
        csc.encode_pending(csc.PendingSignatures("u", "c", (bytes(32),), (Statement("act", ACT),))),
        csc.encode_pending(csc.PendingSignatures("u", "c", (bytes(32),) * 2, (Statement("act", ACT),), handle="h")),
        data + b" ",
        data[:-1],
    ):
        with pytest.raises(MalformedError):
            csc.parse_pending(broken)


@given(st.binary(max_size=300))
def test_values_of_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (csc.parse_pending, csc.read_signature_value):
        with pytest.raises(MalformedError):
            read(data if len(data) != 64 else data[:-1])


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        pytest.param(httpx.Response(204), WalletUnclearError, "", id="nothing"),
        pytest.param(httpx.Response(302), WalletUnclearError, "", id="a redirect"),
        pytest.param(httpx.Response(200, content=b"<html>"), WalletUnclearError, "", id="a web page"),
        pytest.param(httpx.Response(200, json={"state": "odd"}), WalletUnclearError, "", id="an unknown state"),
        pytest.param(httpx.Response(403, content=bytes(70_000)), WalletUnclearError, "", id="too much"),
        pytest.param(
            httpx.Response(403, content=b"<html>"), RefusedByWalletError, "refused", id="a refusal without form"
        ),
        pytest.param(httpx.Response(404, json={"code": "x"}), RefusedByWalletError, "x", id="a refusal"),
    ],
)
def test_odd_answers_of_a_wallet(tmp_path: Path, answer: httpx.Response, error: type[Exception], code: str) -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as line, pytest.raises(error) as caught:
        ConsentDesk(ConsentLedger(tmp_path / "ledger.json"), line, "http://wallet.test").fetch_state("c")
    assert getattr(caught.value, "code", "") == code


def test_the_ledger_forgets_nothing_that_was_spent(tmp_path: Path) -> None:
    ledger = ConsentLedger(tmp_path / "ledger.json")
    assert not ledger.begin("c", "one")
    assert ConsentLedger(tmp_path / "ledger.json").begin("c", "one"), "the outcome of the only attempt is unknown"
    ledger.settle("c", "one")
    ledger.drop("c", "one")
    assert not ledger.begin("c", "one")
    assert not ledger.begin("c", "two")
    ledger.drop("c", "two")
    assert not ConsentLedger(tmp_path / "ledger.json").begin("c", "three")
