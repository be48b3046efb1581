"""pyHanko's own CSC client against the sandbox over real HTTP, and the names of the published standard."""

import asyncio
import base64
import io
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import uvicorn
from asn1crypto import x509
from litestar import Litestar
from litestar.testing import TestClient
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers.csc_signer import (
    CSCAuthorizationInfo,
    CSCAuthorizationManager,
    CSCServiceSessionInfo,
    CSCSigner,
    fetch_certs_in_csc_credential,
)
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from reportlab.pdfgen.canvas import Canvas
from signing_csc_world import (
    DEMO_ECDSA,
    DEMO_RSA,
    ECDSA,
    NOON,
    PIN,
    RSA,
    SHA256,
    SHA256_RSA,
    TOKEN,
    UNIT,
    USCC,
    Csc,
    b64,
    csc_world,
    make_credentials,
)

from signing import csc
from signing.certificates import parse_certificate
from signing.digests import sha256, sm3
from signing.path import Purpose
from signing.sandbox import csc as face
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.tsa import TimestampService
from signing.timestamps import parse_token

ISSUERS = {RSA: DEMO_RSA.issuer, ECDSA: DEMO_ECDSA.issuer}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Csc]:
    with csc_world(make_credentials(tmp_path_factory.mktemp("csc"))) as world:
        yield world


@pytest.fixture(scope="module")
def url(world: Csc) -> Iterator[str]:
    """Serve the world's service on loopback."""
    app = Litestar([face.create_router(world.service, tokens=[TOKEN])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


class Manager(CSCAuthorizationManager):  # type: ignore[misc]
    """Authorises by PIN, in the words that pyHanko's own helpers send."""

    session: aiohttp.ClientSession
    pin: str

    async def authorize_signature(self, hash_b64s: list[str]) -> CSCAuthorizationInfo:
        request = self.format_csc_auth_request(pin=self.pin, hash_b64s=hash_b64s)
        where = self.csc_session_info.endpoint_url("credentials/authorize")
        async with self.session.post(where, headers=self.auth_headers, json=request) as answer:
            told = await answer.json()
        if "error" in told:
            raise SigningError(told["error"])
        return self.parse_csc_auth_response(told)


def _pdf() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(72, 720, "tender")
    canvas.save()
    return out.getvalue()


async def _signed(
    url: str, credential: str, *, version: str = "v1", pss: bool = False, count: int = 1, pin: str = PIN
) -> list[bytes]:
    async with aiohttp.ClientSession() as session:
        info = CSCServiceSessionInfo(url, credential, oauth_token=TOKEN, api_ver=version)
        manager = Manager(info, await fetch_certs_in_csc_credential(session, info))
        manager.session, manager.pin = session, pin
        signer = CSCSigner(session, manager, prefer_pss=pss, batch_size=count)
        meta = signers.PdfSignatureMetadata(field_name="Sig1", md_algorithm="sha256")

        async def one() -> bytes:
            writer = IncrementalPdfFileWriter(io.BytesIO(_pdf()))
            made = await signers.PdfSigner(meta, signer).async_sign_pdf(writer)
            return bytes(made.getbuffer())

        return list(await asyncio.gather(*(one() for _ in range(count))))


@pytest.mark.parametrize(
    ("credential", "options"),
    [
        pytest.param(RSA, {}, id="RSA, v1 names"),
        pytest.param(RSA, {"version": "v2"}, id="RSA, v2 address"),
        pytest.param(RSA, {"pss": True}, id="RSASSA-PSS"),
        pytest.param(RSA, {"count": 3}, id="a batch of three"),
        pytest.param(ECDSA, {}, id="ECDSA"),
    ],
)
def test_pyhanko_signs_pdfs_with_our_service(url: str, credential: str, options: dict[str, Any]) -> None:
    for made in asyncio.run(_signed(url, credential, **options)):
        (embedded,) = PdfFileReader(io.BytesIO(made)).embedded_signatures
        root = x509.Certificate.load(ISSUERS[credential])
        status = validate_pdf_signature(embedded, ValidationContext(trust_roots=[root], moment=NOON))
        assert status.bottom_line, status.pretty_print_details()


def test_pyhanko_is_told_of_a_wrong_pin(url: str) -> None:
    with pytest.raises(SigningError, match="No signing results"):
        asyncio.run(_signed(url, RSA, pin="000000"))


def test_pyhanko_reads_our_sm2_credential(url: str, world: Csc) -> None:
    async def fetch() -> Any:
        async with aiohttp.ClientSession() as session:
            info = CSCServiceSessionInfo(url, UNIT, oauth_token=TOKEN)
            return await fetch_certs_in_csc_credential(session, info)

    told = asyncio.run(fetch())
    assert told.signing_cert.dump() == world.vault.find(UNIT).certificate
    assert told.hash_pinning_required
    assert told.max_batch_size == 200


# The names of CSC API v2.0.0.2 (chapter 11) and v1.0.4.0: of each answer, what is required and what may be there

OURS = {"code", "detail"}
INFO = {"specs", "name", "logo", "region", "lang", "description", "authType", "methods"}
V2_INFO = INFO | {"signAlgorithms", "signature_formats", "conformance_levels"}
CREDENTIAL = {"key", "cert", "multisign"}
OPTIONAL = {"description", "SCAL", "lang", "signatureQualifier"}
CERT = {"certificates", "issuerDN", "serialNumber", "subjectDN", "validFrom", "validTo"}
WHOLE = {"certificates": "chain", "certInfo": True, "authInfo": True}


def _names(told: dict[str, Any], required: set[str], optional: set[str] | None = None) -> None:
    assert required <= set(told), required - set(told)
    assert set(told) <= required | (optional or set()), set(told) - required


@pytest.mark.parametrize(
    ("version", "specs", "required", "optional"),
    [
        pytest.param("v1", "1.0.4.0", INFO, {"oauth2"}, id="v1"),
        pytest.param("v2", "2.0.0.2", V2_INFO, {"asynchronousOperationMode", "validationInfo"}, id="v2"),
    ],
)
def test_info(world: Csc, version: str, specs: str, required: set[str], optional: set[str]) -> None:
    answer = world.post("info", {"lang": "en-US"}, version=version, token="")
    told = answer.json()
    _names(told, required, optional)
    assert (told["specs"], told["authType"]) == (specs, ["external"])
    assert {"credentials/info", "credentials/authorize", "signatures/signHash", "info"} <= set(told["methods"])
    assert all(len(told[name]) <= 255 for name in ("name", "description"))
    assert ("signatures/signPolling" in told["methods"]) == (version == "v2")


@pytest.mark.parametrize(
    ("credential", "key", "factor"),
    [
        pytest.param(UNIT, {"algo": [csc.SM2_WITH_SM3], "len": 256, "curve": csc.SM2_CURVE}, "consent", id="SM2"),
        pytest.param(ECDSA, {"len": 256, "curve": "1.2.840.10045.3.1.7"}, "PIN", id="ECDSA"),
        pytest.param(RSA, {"len": 3072}, "PIN", id="RSA"),
    ],
)
def test_credentials_info_of_v2(world: Csc, credential: str, key: dict[str, Any], factor: str) -> None:
    told = world.ask("credentials/info", {"credentialID": credential} | WHOLE)
    _names(told, CREDENTIAL | {"auth"}, OPTIONAL)
    _names(told["key"], {"status", "algo", "len"}, {"curve"})
    assert {name: told["key"].get(name) for name in key} == key
    _names(told["cert"], CERT, {"status"})
    _names(told["auth"], {"mode", "objects"}, {"expression"})
    for one in told["auth"]["objects"]:
        _names(one, {"type", "id"}, {"label", "description", "format", "generator"})
    assert (told["auth"]["mode"], told["auth"]["expression"]) == ("explicit", factor)
    certificate = parse_certificate(world.vault.find(credential).certificate)
    assert told["cert"]["certificates"][0] == b64(certificate.der)
    assert told["cert"]["serialNumber"] == certificate.serial
    assert told["cert"]["validTo"] == f"{certificate.not_after:%Y%m%d%H%M%SZ}"
    assert told["SCAL"] == ("1" if credential == ECDSA else "2")


def test_credentials_info_of_v1(world: Csc) -> None:
    told = world.ask("credentials/info", {"credentialID": RSA} | WHOLE, version="v1")
    _names(told, CREDENTIAL | {"authMode"}, OPTIONAL | {"PIN", "OTP"})
    assert (told["authMode"], told["PIN"]["presence"]) == ("explicit", "true")
    told = world.ask("credentials/info", {"credentialID": UNIT} | WHOLE, version="v1")
    assert (told["authMode"], "PIN" in told) == ("implicit", False)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        pytest.param("none", None, id="none"),
        pytest.param("single", 1, id="single"),
        pytest.param("chain", 2, id="chain"),
    ],
)
def test_certificates_are_given_as_asked(world: Csc, wanted: str, count: int | None) -> None:
    told = world.ask("credentials/info", {"credentialID": UNIT, "certificates": wanted})
    assert len(told["cert"].get("certificates", ())) == (count or 0)
    assert ("certificates" in told["cert"]) == (count is not None)
    world.ask("credentials/info", {"credentialID": UNIT, "certificates": "all"}, expect="malformed_request")


def test_credentials_list(world: Csc) -> None:
    told = world.ask("credentials/list", {"userID": USCC})
    assert set(told) == {"credentialIDs"}
    told = world.ask("credentials/list", {"userID": USCC, "credentialInfo": True, "onlyValid": True} | WHOLE)
    assert (told["credentialIDs"], told["onlyValid"]) == ([UNIT], True)
    _names(told["credentialInfos"][0], CREDENTIAL | {"auth", "credentialID"}, OPTIONAL)
    assert set(world.ask("credentials/list", {"userID": "demo"}, version="v1")["credentialIDs"]) == {RSA, ECDSA}
    assert world.ask("credentials/list", {"userID": "x"}, expect="licence_unknown")["error"] == "invalid_request"
    world.ask("credentials/list", {}, expect="malformed_request")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_authorize_and_sign(world: Csc, version: str) -> None:
    digest = sha256(version.encode())
    if version == "v1":
        asked: dict[str, Any] = {"credentialID": RSA, "numSignatures": 1, "hash": [b64(digest)], "PIN": PIN}
        names = {"hash": [b64(digest)], "hashAlgo": SHA256}
    else:
        asked = world.pinned(digest)
        names = {"hashes": [b64(digest)], "hashAlgorithmOID": SHA256}
    granted = world.ask("credentials/authorize", asked, version=version)
    _names(granted, {"SAD"}, {"expiresIn"})
    body = {"credentialID": RSA, "SAD": granted["SAD"], "signAlgo": SHA256_RSA} | names
    _names(world.ask("signatures/signHash", body, version=version), {"signatures"})


def test_answers_of_the_asynchronous_case(world: Csc) -> None:
    act = b'{"act":"submit","n":3}'
    world.wallet.state = "pending"
    told = world.ask("credentials/authorize", world.consented(act), expect=202)
    _names(told, {"handle"})
    told = world.ask("credentials/authorize", world.consented(act), version="v1", expect="consent_not_confirmed")
    _names(told, {"error", "error_description"}, OURS)
    world.wallet.state = "confirmed"
    sad = world.ask("credentials/authorize", world.consented(act))["SAD"]
    told = world.ask("signatures/signHash", world.signing(sad, act) | {"operationMode": "A"})
    _names(told, {"responseID"})
    _names(world.ask("signatures/signPolling", {"requestID": told["responseID"]}), {"signatures"})


def test_timestamps(world: Csc) -> None:
    authority = CertificateAuthority(world.folder / "ca", "p", clock=world.clock, random=os.urandom)
    issued = authority.issue_service("仿真时间戳", Purpose.TIMESTAMP)
    stamper = TimestampService.of(issued, clock=world.clock, random=os.urandom).answer
    body = {"hash": b64(sm3(b"x")), "hashAlgo": csc.SM3_OID, "nonce": "0badcafe"}
    app = Litestar([face.create_router(world.service, tokens=[TOKEN], stampers={"sm3": stamper})])
    with TestClient(app) as client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        told = client.post("/csc/v2/signatures/timestamp", json=body, headers=headers).json()
        token = parse_token(base64.b64decode(told["timestamp"]))
        assert (token.imprint, token.nonce) == (sm3(b"x"), 0x0BADCAFE)
        for change in ({"hash": b64(b"x")}, {"hashAlgo": SHA256}, {"nonce": "-1"}, {"nonce": "x"}):
            assert client.post("/csc/v2/signatures/timestamp", json=body | change, headers=headers).status_code == 400
    app = Litestar([face.create_router(world.service, tokens=[TOKEN], stampers={"sm3": lambda _: b"<html>"})])
    with TestClient(app) as client:
        assert client.post("/csc/v2/signatures/timestamp", json=body, headers=headers).status_code == 503
    assert world.post("signatures/timestamp", body).status_code == 501
