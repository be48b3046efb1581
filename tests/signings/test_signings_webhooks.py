"""Notices: signed as Standard Webhooks wants it, sent again until they are taken, and never to an inner address."""

import json
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from signings_world import Api, Listener, assemble, log_in, placing, token_of
from standardwebhooks import Webhook
from workbench_world import Clock, Town, pdf

from bidding.errors import WebhookAddressError
from bidding.signings.addresses import find_target
from bidding.signings.posting import MAX_ANSWER, HttpPoster, Posted
from bidding.signings.webhooks import WAITS


@pytest.fixture
def hook(api: Api, listener: Listener) -> dict[str, Any]:
    """Register the listener for everything."""
    made: dict[str, Any] = api.ask("POST", "/webhooks", expect=201, json={"url": listener.url})
    return made


def test_a_test_is_sent_at_once_and_logged(api: Api, listener: Listener, hook: dict[str, Any]) -> None:
    name = hook["webhook"]["id"]
    sent = api.ask("POST", f"/webhooks/{name}/test")
    assert (sent["type"], sent["state"], [one["status"] for one in sent["attempts"]]) == (
        "webhook.test", "delivered", [200],
    )  # fmt: skip
    ((headers, body),) = listener.seen
    assert Webhook(hook["secret"]).verify(body, headers)["type"] == "webhook.test"
    assert headers["webhook-id"] == sent["event"]
    again = api.ask("POST", f"/webhooks/{name}/deliveries/{sent['id']}/resend")
    assert [one["manual"] for one in again["attempts"]] == [True, True]
    assert {headers["webhook-id"] for headers, _ in listener.seen} == {sent["event"]}
    assert [one["id"] for one in api.ask("GET", f"/webhooks/{name}/deliveries")] == [sent["id"]]
    assert hook["secret"].startswith("whsec_")
    assert hook["secret"] not in json.dumps(api.ask("GET", "/webhooks"))


def test_what_was_not_taken_is_sent_again_with_growing_waits(
    api: Api, town: Town, listener: Listener, hook: dict[str, Any], clock: Clock
) -> None:
    listener.status = 500
    name = api.make(signers=[{"kind": "enterprise", "uscc": town.bidder.uscc}])
    api.ask("POST", f"/signings/{name}/cancel")
    tick = api.service.webhooks.tick
    tick()
    tick()
    assert len(listener.seen) == 1
    clock.ahead["by"] = WAITS[0] + timedelta(seconds=1)
    assemble(api.service.desk, town).webhooks.tick()  # what is due is known to another process as well
    tick()
    assert len(listener.seen) == 2
    listener.status = 204
    clock.ahead["by"] += WAITS[1]
    tick()
    (log,) = api.ask("GET", f"/webhooks/{hook['webhook']['id']}/deliveries")
    assert (log["type"], log["state"], log["due_at"]) == ("signing.cancelled", "delivered", None)
    assert [one["status"] for one in log["attempts"]] == [500, 500, 204]
    assert len({headers["webhook-id"] for headers, _ in listener.seen}) == 1
    clock.ahead["by"] += timedelta(days=9)
    tick()
    assert len(listener.seen) == 3


def test_after_the_last_wait_it_is_given_up(
    api: Api, town: Town, hook: dict[str, Any], listener: Listener, clock: Clock
) -> None:
    listener.status = 503
    service, clock.ahead["by"] = api.service, timedelta(0)
    service.flow.cancel(api.make(signers=[{"kind": "enterprise", "uscc": town.bidder.uscc}]))
    for wait in (*WAITS, timedelta(days=3)):
        service.webhooks.tick()
        clock.ahead["by"] += wait + timedelta(seconds=5)
    (log,) = service.webhooks.log(town.bidder.uscc, hook["webhook"]["id"])
    assert (log.state, len(log.attempts)) == ("failed", len(WAITS) + 1)


def test_an_end_that_is_gone_is_left_alone(api: Api, town: Town, listener: Listener, hook: dict[str, Any]) -> None:
    listener.status = 410
    signers = [{"kind": "enterprise", "uscc": town.bidder.uscc}]
    for _ in range(2):
        api.ask("POST", f"/signings/{api.make(signers=signers)}/cancel")
        api.service.webhooks.tick()
    assert len(listener.seen) == 1
    assert api.ask("GET", "/webhooks")[0]["state"] == "gone"
    api.refused(404, "webhook_unknown", "POST", f"/webhooks/{hook['webhook']['id']}/test")


def test_nothing_is_sent_to_what_was_deleted_meanwhile(
    api: Api, town: Town, listener: Listener, hook: dict[str, Any]
) -> None:
    """Several deliveries were taken at once; the webhook goes while the first of them is on its way."""
    for _ in range(2):
        api.service.flow.cancel(api.make(signers=[{"kind": "enterprise", "uscc": town.bidder.uscc}]))
    webhooks, name = api.service.webhooks, hook["webhook"]["id"]

    def post(url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        posted = webhooks.post(url, headers, body)
        webhooks.delete(town.bidder.uscc, name)
        return posted

    replace(webhooks, post=post).tick()
    assert len(listener.seen) == 1


@pytest.mark.parametrize(
    ("status", "headers", "body", "code"),
    [
        pytest.param(302, {"location": "http://169.254.169.254/"}, b"", "redirected", id="redirect"),
        pytest.param(200, {}, b"x" * (MAX_ANSWER + 1), "answer_too_large", id="endless"),
    ],
)
def test_answers_that_do_not_count(
    listener: Listener, status: int, headers: dict[str, str], body: bytes, code: str
) -> None:
    listener.status, listener.headers, listener.body = status, headers, body
    posted = HttpPoster(loopback=True)(listener.url, {}, b"{}")
    assert (posted.status, posted.code, posted.delivered) == (status, code, False)


def test_only_what_was_subscribed_and_named_is_told(api: Api, town: Town, listener: Listener) -> None:
    some = {"url": listener.url, "events": ["signing.completed"]}
    api.ask("POST", "/webhooks", expect=201, json=some)
    named = api.ask("POST", "/webhooks", expect=201, json={"url": f"{listener.url}/named"})["webhook"]["id"]
    signers = [{"kind": "enterprise", "uscc": town.bidder.uscc}]
    name = api.make(pdf(1), signers=signers, notify=[named])
    api.plan(name, placing(1, 1))
    town.confirm(api.begin(name)["consent"]["url"])
    api.go_on(name)
    api.service.webhooks.tick()
    assert len(listener.seen) == 2
    api.ask("DELETE", f"/webhooks/{named}", expect=204)
    api.refused(404, "webhook_unknown", "GET", f"/webhooks/{named}/deliveries")
    wrong = {"url": listener.url, "events": ["everything"]}
    api.refused(422, "signing_plan", "POST", "/webhooks", json=wrong)


def test_another_units_webhook_is_not_there(api: Api, town: Town, hook: dict[str, Any]) -> None:
    stranger = token_of(api.as_(log_in(api.http, town, town.other)))
    for method, path in (("DELETE", ""), ("POST", "/test"), ("GET", "/deliveries")):
        stranger.refused(404, "webhook_unknown", method, f"/webhooks/{hook['webhook']['id']}{path}")
    assert stranger.ask("GET", "/webhooks") == []


# -- where nothing is ever sent


def at(*addresses: str) -> Any:
    def resolve(host: str, port: int) -> Sequence[str]:
        assert f"{host}:{port}" != ":0"
        return addresses

    return resolve


INNER = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
    "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "192.88.99.1", "::1", "::", "fe80::1", "fd00::1",
    "fec0::1", "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:db8::1", "100.100.100.200",
    "fd00:ec2::254", "2001:0:a00:1::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses_are_refused_whatever_their_name(address: str) -> None:
    for addresses in ((address,), ("93.184.216.34", address)):
        with pytest.raises(WebhookAddressError):
            find_target("https://hooks.example.com/x", at(*addresses), loopback=False)


@pytest.mark.parametrize("address", [one for one in INNER if one not in ("127.0.0.1", "::1")])
def test_a_sandbox_sends_to_this_machine_and_no_further(address: str) -> None:
    with pytest.raises(WebhookAddressError):
        find_target("http://hooks.example.com/x", at(address), loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "https:///nowhere",
        "https://user:word@hooks.example.com/",
        "https://hooks.example.com/#fragment",
        "https://hooks.example.com:99999/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com/a b",
        "https://hooks.example.com\\@evil.example/",
        "https://[::1",
        "https://例子.example/",
        "gopher://x",
        "hooks.example.com",
        "",
        "https://" + "a" * 2000,
    ],
)
def test_addresses_that_are_not_plain_https(url: str) -> None:
    with pytest.raises(WebhookAddressError):
        find_target(url, at("93.184.216.34"), loopback=False)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::ffff:7f00:1]"])
def test_other_spellings_of_this_machine_are_refused(api: Api, host: str) -> None:
    guarded = HttpPoster(loopback=False)
    assert guarded(f"http://{host}/", {}, b"").code == "address_refused"
    assert guarded(f"https://{host}/", {}, b"").code == "address_refused"
    assert api.call("POST", "/webhooks", json={"url": f"https://10.0.0.1/{host}"}).json()["code"] == "webhook_address"


def test_the_judged_address_is_the_one_that_is_connected_to(listener: Listener) -> None:
    port = int(listener.url.split(":")[2].split("/")[0])
    posted = HttpPoster(loopback=True, resolve=at("127.0.0.1"))(f"http://rebind.example:{port}/x", {}, b"{}")
    assert posted.delivered
    assert listener.seen[0][0]["host"] == f"rebind.example:{port}"


def test_an_end_that_drips_is_cut_off() -> None:
    """One byte now and then keeps no sender waiting longer than it means to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, stopping = server.getsockname()[1], threading.Event()

        def drip() -> None:
            other, _ = server.accept()
            with other, suppress(OSError):
                other.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stopping.wait(0.05):
                    other.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        posted = HttpPoster(loopback=True, seconds=0.3)(f"http://127.0.0.1:{port}/", {}, b"{}")
        stopping.set()
        thread.join()
    assert (posted.delivered, posted.code) == (False, "timed_out")
    assert posted.milliseconds < 5000


def test_an_end_that_drags_out_the_handshake_is_cut_off(tmp_path: Path) -> None:
    """The time was up before the connection was whole: nothing is sent over it any more, and nothing waited for."""
    server_side, client_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server_side.load_cert_chain(self_signed(tmp_path / "server.pem"))
    client_side.check_hostname, client_side.verify_mode = False, ssl.CERT_NONE
    heard = list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port, stopping = server.getsockname()[1], threading.Event()

        def drag() -> None:
            plain, _ = server.accept()
            stopping.wait(1)
            with suppress(OSError), server_side.wrap_socket(plain, server_side=True) as other:
                heard.append(other.recv(1000))
                other.sendall(b"HTTP/1.1 200 OK\r\n")
                for _ in range(100):
                    if not stopping.wait(0.05):
                        other.sendall(b"x")

        thread = threading.Thread(target=drag, daemon=True)
        thread.start()
        posted = HttpPoster(loopback=True, seconds=0.2, context=client_side)(f"https://127.0.0.1:{port}/", {}, b"{}")
        stopping.set()
        thread.join()
    assert (posted.delivered, posted.code) == (False, "timed_out")
    assert heard in ([], [b""])


def self_signed(path: Path) -> Path:
    """Write a key and its own certificate."""
    key, now_ = ec.generate_private_key(ec.SECP256R1()), datetime(2026, 1, 1, tzinfo=UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    draft = x509.CertificateBuilder(name, name, key.public_key(), 1, now_, now_ + timedelta(days=9999))
    pem = serialization.Encoding.PEM
    bare = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(bare + draft.sign(key, hashes.SHA256()).public_bytes(pem))
    return path


def test_an_end_without_a_good_certificate(listener: Listener) -> None:
    poster = HttpPoster(loopback=True)
    assert poster(listener.url.replace("http:", "https:"), {}, b"").code == "not_reached"
    assert poster("http://127.0.0.1:1/", {}, b"").code == "not_reached"


def test_a_name_that_nobody_has() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(host, port)

    with pytest.raises(WebhookAddressError):
        find_target("https://hooks.example.com/", unknown, loopback=False)
    with pytest.raises(WebhookAddressError):
        find_target("https://hooks.example.com/", at(), loopback=False)


def test_a_public_address() -> None:
    target = find_target(
        "https://Hooks.example.com:8443/a?b=c", at("93.184.216.34", "2606:2800:220:1::1"), loopback=False
    )
    assert (target.url, target.authority, target.host) == (
        "https://93.184.216.34:8443/a?b=c", "hooks.example.com:8443", "hooks.example.com",
    )  # fmt: skip


@given(st.text(max_size=60), st.sampled_from(["https://", "http://", ""]))
def test_no_text_is_more_than_refused(text: str, scheme: str) -> None:
    try:
        find_target(scheme + text, at("10.0.0.1"), loopback=False)
    except WebhookAddressError:
        return
    raise AssertionError(text)
