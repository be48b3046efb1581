"""Addresses inside certificates are asked only if somebody listed them; a server on loopback counts who comes."""

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from signing_pki import DAY, NOON
from signing_suites import Party, make_root

from signing.adapters.revocation_http import AllowedAddresses, CertificateSources, HttpOcsp, HttpRevocationSource
from signing.certificate_extensions import Addresses
from signing.certificates import MAX_CERTIFICATE
from signing.checks import Indication
from signing.errors import UnavailableError
from signing.issuing_extensions import Extras
from signing.ocsp import MAX_OCSP, SingleStatus, build_ocsp_failure, parse_ocsp_request
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors, verify_path

Answer = Callable[[bytes], tuple[int, dict[str, str], bytes]]


@dataclass
class Server:
    """What is answered at each path, and what was asked."""

    url: str
    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def put(self, path: str, body: bytes, *, status: int = 200, **headers: str) -> str:
        self.pages[path] = lambda _: (status, headers, body)
        return f"{self.url}{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.command, self.path))
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, headers, content = made.pages.get(self.path, lambda _: (404, {}, b""))(body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the name that the base class calls

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        made = Server(f"http://127.0.0.1:{http.server_address[1]}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield made
        http.shutdown()
        thread.join()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=5, trust_env=False) as client:
        yield client


CA = make_root("CA", "p256")
RESPONDER = CA.issue_responder("p256")


def _leaf(server: Server, *, crl: str = "/a.crl", ocsp: str = "/ocsp", issuer: str = "/a.cer") -> Party:
    one = Addresses((f"{server.url}{crl}",), (f"{server.url}{ocsp}",), (f"{server.url}{issuer}",))
    return CA.issue("叶", "p256", extras=Extras(one))


def _answer(body: bytes) -> tuple[int, dict[str, str], bytes]:
    asked = parse_ocsp_request(body)
    statuses = [SingleStatus(one, "good", NOON, NOON + DAY) for one in asked.cert_ids]
    return 200, {}, RESPONDER.answer(CA.certificate, *statuses, at=NOON, nonce=asked.nonce)


def test_nothing_is_asked_unless_listed(server: Server, client: httpx.Client) -> None:
    leaf = _leaf(server)
    for prefixes in ((), (f"{server.url}/elsewhere/",), ("http://127.0.0.1/",), (f"https{server.url[4:]}/",)):
        sources = CertificateSources(client, os.urandom, AllowedAddresses(prefixes))
        assert sources.fetch_evidence(leaf.certificate, CA.certificate) == RevocationEvidence()
        assert sources.fetch_issuers(leaf.certificate) == ()
    assert CertificateSources(client, os.urandom).fetch_issuers(leaf.certificate) == ()
    assert server.asked == []


def test_listed_addresses_are_asked_and_judged(server: Server, client: httpx.Client) -> None:
    server.put("/a.crl", CA.crl())
    server.put("/a.cer", CA.certificate.der)
    server.pages["/ocsp"] = _answer
    leaf = _leaf(server).certificate
    sources = CertificateSources(client, os.urandom, AllowedAddresses((f"{server.url}/",)))
    evidence, issuers = sources.fetch_evidence(leaf, CA.certificate), sources.fetch_issuers(leaf)
    assert (len(evidence.crls), len(evidence.ocsps), issuers) == (1, 1, (CA.certificate,))
    assert server.asked == [("GET", "/a.crl"), ("POST", "/ocsp"), ("GET", "/a.cer")]
    anchors = TrustAnchors("t", "1", sandbox=True, anchors=(Anchor(CA.certificate, frozenset(Purpose)),))
    for one in (RevocationEvidence(evidence.crls), RevocationEvidence(ocsps=evidence.ocsps)):
        verdict = verify_path(leaf, anchors=anchors, evidence=one, at=NOON, purpose=Purpose.LICENCE)
        assert verdict.indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        pytest.param(404, {}, b"", id="not found"),
        pytest.param(302, {"location": "/b.crl"}, b"", id="redirect"),
        pytest.param(200, {}, b"<html>", id="a page"),
        pytest.param(200, {}, bytes(MAX_CERTIFICATE + MAX_OCSP), id="too much"),
    ],
)
def test_useless_answers_are_left_out(
    server: Server, client: httpx.Client, status: int, headers: dict[str, str], body: bytes
) -> None:
    for path in ("/a.crl", "/ocsp", "/a.cer"):
        server.put(path, body, status=status, **headers)
    server.put("/b.crl", CA.crl())
    leaf = _leaf(server).certificate
    sources = CertificateSources(client, os.urandom, AllowedAddresses((f"{server.url}/",)))
    assert sources.fetch_evidence(leaf, CA.certificate) == RevocationEvidence()
    assert sources.fetch_issuers(leaf) == ()
    assert ("GET", "/b.crl") not in server.asked


def test_a_silent_address_is_left_out(client: httpx.Client) -> None:
    leaf = _leaf(Server("http://127.0.0.1:9")).certificate
    sources = CertificateSources(client, os.urandom, AllowedAddresses(("http://127.0.0.1:9/",)))
    assert sources.fetch_evidence(leaf, CA.certificate) == RevocationEvidence()


def test_only_a_few_addresses_are_asked(server: Server, client: httpx.Client) -> None:
    many = Addresses(tuple(f"{server.url}/{n}.crl" for n in range(50)))
    leaf = CA.issue("叶", "p256", extras=Extras(many)).certificate
    CertificateSources(client, os.urandom, AllowedAddresses((f"{server.url}/",))).fetch_evidence(leaf, CA.certificate)
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        pytest.param("http://ca.example/crl/a.crl", True, id="below"),
        pytest.param("HTTP://CA.example/crl/a.crl", True, id="another case"),
        pytest.param("http://ca.example:80/crl/a.crl", True, id="the usual port"),
        pytest.param("http://ca.example/crl", False, id="above"),
        pytest.param("http://ca.example/crl2/a.crl", False, id="a longer folder"),
        pytest.param("http://ca.example:8080/crl/a.crl", False, id="another port"),
        pytest.param("https://ca.example/crl/a.crl", False, id="another scheme"),
        pytest.param("https://b.example:8443/one.crl", True, id="a whole path"),
        pytest.param("https://b.example:8443/one.crl/x", False, id="below a whole path"),
        pytest.param("https://b.example/one.crl", False, id="without its port"),
        pytest.param("http://ca.example.evil.cn/crl/a.crl", False, id="a longer host"),
        pytest.param("http://evil.cn/http://ca.example/crl/a.crl", False, id="as a path"),
        pytest.param("http://ca.example@evil.cn/crl/a.crl", False, id="as a user"),
        pytest.param("http://user@ca.example/crl/a.crl", False, id="with a user"),
        pytest.param("http://ca.example/crl/../admin", False, id="dot segments"),
        pytest.param("http://ca.example/crl/./a.crl", False, id="one dot"),
        pytest.param("http://ca.example/crl/%2e%2e/admin", False, id="escaped dots"),
        pytest.param("http://ca.example/crl/a\\..\\admin", False, id="backslashes"),
        pytest.param("http://ca.example/crl/a?x=http://evil.cn", False, id="query"),
        pytest.param("http://ca.example/crl/a#x", False, id="fragment"),
        pytest.param("http://ca.example/crl/a b", False, id="space"),
        pytest.param("http://ca.example/crl/a\r\nHost: evil.cn", False, id="line feeds"),
        pytest.param("http://ca.example/crl/撤销.crl", False, id="not ASCII"),
        pytest.param("ldap://ca.example/crl/a.crl", False, id="LDAP"),
        pytest.param("file:///etc/passwd", False, id="file"),
        pytest.param("http:///crl/a.crl", False, id="no host"),
        pytest.param("http://169.254.169.254/latest/", False, id="a private address"),
        pytest.param("//ca.example/crl/a.crl", False, id="no scheme"),
        pytest.param("", False, id="empty"),
        pytest.param("http://ca.example:port/crl/", False, id="no port number"),
        pytest.param("http://[::1/crl/", False, id="half a bracket"),
        pytest.param(f"http://ca.example/crl/{'a' * 3000}", False, id="too long"),
    ],
)
def test_what_is_allowed(url: str, allowed: bool) -> None:
    listed = AllowedAddresses(("http://ca.example/crl/", "https://b.example:8443/one.crl"))
    assert listed.allows(url) is allowed
    assert not AllowedAddresses().allows(url)


@pytest.mark.parametrize("prefix", ["ldap://a/", "a.example", "http://", "http://a/..", "http://a/?x", "http://u@a/"])
def test_prefixes_that_mean_nothing_are_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="allowed"):
        AllowedAddresses((prefix,))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(lambda _: (500, {}, b""), "status 500", id="status"),
        pytest.param(lambda _: (200, {}, b"<html>"), "no OCSP", id="a page"),
        pytest.param(lambda _: (200, {}, build_ocsp_failure("tryLater")), "tryLater", id="try later"),
        pytest.param(lambda _: (200, {}, build_ocsp_failure("unauthorized")), "unauthorized", id="unauthorized"),
        pytest.param(
            lambda _: (200, {}, RESPONDER.answer(CA.certificate, 100, nonce=b"x" * 16)), "another question", id="nonce"
        ),
        pytest.param(lambda _: (200, {}, RESPONDER.answer(CA.certificate, 101)), "another question", id="serial"),
        pytest.param(lambda _: (200, {}, bytes(MAX_OCSP + 1)), "more than", id="too much"),
    ],
)
def test_answers_that_are_none(server: Server, client: httpx.Client, answer: Answer, words: str) -> None:
    server.pages["/ocsp"] = answer
    with pytest.raises(UnavailableError, match=words):
        HttpOcsp(client, f"{server.url}/ocsp", os.urandom).request_status(_leaf(server).certificate, CA.certificate)


def test_an_answer_without_a_nonce_is_an_answer(server: Server, client: httpx.Client) -> None:
    server.put("/ocsp", RESPONDER.answer(CA.certificate, 100))
    found = HttpOcsp(client, f"{server.url}/ocsp", os.urandom).request_status(_leaf(server).certificate, CA.certificate)
    assert found.statuses[0].status == "good"


def test_configured_lists(server: Server, client: httpx.Client) -> None:
    url = server.put("/a.crl", CA.crl())
    assert len(HttpRevocationSource(client, (url,)).fetch_crls()) == 1
    with pytest.raises(UnavailableError):
        HttpRevocationSource(client, (url, f"{server.url}/none")).fetch_crls()
