"""Remote signing over real HTTP with the real wallet: one contract for both key services, and the two steps."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from identity_csc_town import TOKEN, Office, act_of, build_app, free_port, now, serving

from signing import csc, sm2
from signing.adapters.csc import CscKeyService
from signing.adapters.key_http import HttpKeyService
from signing.certificates import parse_certificate
from signing.cms import complete_detached, parse_cms, prepare_detached
from signing.digests import sm3
from signing.errors import InvalidKeyError, KeyServiceRefusedError
from signing.ports import KeyService, Statement
from signing.statement import complete_statement


@dataclass(frozen=True)
class World:
    """The platform on loopback, its one company, and how to reach it."""

    office: Office
    company: dict[str, Any]

    @property
    def unit(self) -> str:
        return f"unit:{self.company['uscc']}"

    @property
    def remote(self) -> CscKeyService:
        return CscKeyService(self.office.http, self.office.url, TOKEN)

    @property
    def plain(self) -> HttpKeyService:
        return HttpKeyService(self.office.http, self.office.url)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    app = build_app(tmp_path_factory.mktemp("csc"), f"http://127.0.0.1:{port}")
    with serving(app, port) as url, httpx.Client(timeout=10) as http:
        office = Office(http, url)
        yield World(office, office.register())


@pytest.fixture(params=["plain", "remote"])
def service(request: pytest.FixtureRequest, world: World) -> KeyService:
    made: KeyService = getattr(world, request.param)
    return made


# The contract of signing.ports.KeyService


def test_the_ring_of_a_licence(service: KeyService, world: World) -> None:
    ring = service.fetch_certificates(world.company["uscc"])
    assert ring == world.plain.fetch_certificates(world.company["uscc"])
    assert sorted(one.role for one in ring.credentials) == ["legal-representative", "unit", "unit-encryption"]
    assert ring.find("unit").id == world.unit
    with pytest.raises(InvalidKeyError):
        ring.find("centre")


def test_signatures_are_of_the_statements_in_order(service: KeyService, world: World) -> None:
    acts = [act_of(n=n) for n in range(3)]
    consent = world.office.consent(world.company, "submit", *map(sm3, acts))
    signatures = service.sign(world.unit, consent, [Statement("act", one) for one in acts])
    certificate = service.fetch_certificates(world.company["uscc"]).find("unit").certificate
    for act, signature in zip(acts, signatures, strict=True):
        assert complete_statement(act, signature, certificate).signature == signature


@pytest.mark.parametrize(
    ("uscc", "code"),
    [
        pytest.param("91350100M000100Y44", "licence_unknown", id="no such licence"),
        pytest.param("none", "licence_unknown", id="no code at all"),
    ],
)
def test_unknown_licences(service: KeyService, uscc: str, code: str) -> None:
    with pytest.raises(KeyServiceRefusedError) as caught:
        service.fetch_certificates(uscc)
    assert caught.value.code == code


def _unknown(_: World) -> tuple[str, str, bytes]:
    return "unit:91350100M000100Y44", "c0ffee", act_of()


def _encryption(world: World) -> tuple[str, str, bytes]:
    return f"unit-encryption:{world.company['uscc']}", "c0ffee", act_of()


def _no_consent(world: World) -> tuple[str, str, bytes]:
    return world.unit, "c0ffee", act_of()


def _waiting(world: World) -> tuple[str, str, bytes]:
    act = act_of()
    return world.unit, world.office.request(world.company, "submit", sm3(act)), act


def _refused(world: World) -> tuple[str, str, bytes]:
    credential, consent, act = _waiting(world)
    world.office.refuse(world.company, consent)
    return credential, consent, act


def _unlisted(world: World) -> tuple[str, str, bytes]:
    return world.unit, world.office.consent(world.company, "submit", sm3(act_of())), act_of()


def _other_act(world: World) -> tuple[str, str, bytes]:
    act = act_of("withdraw")
    return world.unit, world.office.consent(world.company, "submit", sm3(act)), act


def _used(world: World) -> tuple[str, str, bytes]:
    act = act_of()
    consent = world.office.consent(world.company, "submit", sm3(act))
    world.plain.sign(world.unit, consent, [Statement("act", act)])
    return world.unit, consent, act


def _used_by_csc(world: World) -> tuple[str, str, bytes]:
    act = act_of()
    consent = world.office.consent(world.company, "submit", sm3(act))
    world.remote.sign(world.unit, consent, [Statement("act", act)])
    return world.unit, consent, act


def _person(world: World) -> tuple[str, str, bytes]:
    act = act_of()
    consent = world.office.consent(world.company, "submit", sm3(act))
    return f"person:{world.company['person']}", consent, act


@pytest.mark.parametrize(
    ("case", "code"),
    [
        pytest.param(_unknown, "credential_unknown", id="unknown credential"),
        pytest.param(_encryption, "credential_unknown", id="an encryption key"),
        pytest.param(_no_consent, "consent_unknown", id="no such consent"),
        pytest.param(_waiting, "consent_not_confirmed", id="not confirmed yet"),
        pytest.param(_refused, "consent_refused", id="refused by the holder"),
        pytest.param(_unlisted, "digest_not_listed", id="consent lists something else"),
        pytest.param(_other_act, "statement_not_allowed", id="statement of another act"),
        pytest.param(_used, "consent_used", id="consent used before"),
        pytest.param(_used_by_csc, "consent_used", id="consent used over CSC before"),
    ],
)
def test_refusals(
    service: KeyService, world: World, case: Callable[[World], tuple[str, str, bytes]], code: str
) -> None:
    credential, consent, act = case(world)
    with pytest.raises(KeyServiceRefusedError) as caught:
        service.sign(credential, consent, [Statement("act", act)])
    assert caught.value.code == code


def test_nobody_signs_with_a_persons_key(service: KeyService, world: World) -> None:
    credential, consent, act = _person(world)
    with pytest.raises(KeyServiceRefusedError) as caught:
        service.sign(credential, consent, [Statement("act", act)])
    assert caught.value.code in ("statement_not_allowed", "credential_unknown")


def test_one_bad_statement_spoils_all_and_spends_nothing(service: KeyService, world: World) -> None:
    good, bad = act_of(), act_of()
    consent = world.office.consent(world.company, "submit", sm3(good))
    with pytest.raises(KeyServiceRefusedError):
        service.sign(world.unit, consent, [Statement("act", good), Statement("act", bad)])
    assert len(service.sign(world.unit, consent, [Statement("act", good)])) == 1


# Two steps


def test_signatures_wait_for_the_holder(world: World) -> None:
    act = act_of()
    consent = world.office.request(world.company, "submit", sm3(act))
    pending = world.remote.request_signatures(world.unit, consent, [Statement("act", act)])
    assert pending.handle
    assert world.remote.fetch_signatures(pending) is None
    world.office.confirm(world.company, consent)
    signatures = world.remote.fetch_signatures(pending)
    assert signatures is not None
    complete_statement(
        act, signatures[0], world.remote.fetch_certificates(world.company["uscc"]).find("unit").certificate
    )
    assert world.remote.fetch_signatures(pending) == signatures, "asked again, nothing is signed twice"


def test_a_confirmed_consent_is_signed_when_polled(world: World) -> None:
    act = act_of()
    consent = world.office.consent(world.company, "submit", sm3(act))
    pending = world.remote.request_signatures(world.unit, consent, [Statement("act", act)])
    assert pending.response
    assert csc.parse_pending(csc.encode_pending(pending)) == pending
    first = world.remote.fetch_signatures(pending)
    assert first is not None
    assert world.remote.fetch_signatures(pending) == first


def test_a_refusal_ends_the_waiting(world: World) -> None:
    act = act_of()
    consent = world.office.request(world.company, "submit", sm3(act))
    pending = world.remote.request_signatures(world.unit, consent, [Statement("act", act)])
    world.office.refuse(world.company, consent)
    with pytest.raises(KeyServiceRefusedError) as caught:
        world.remote.fetch_signatures(pending)
    assert caught.value.code == "consent_refused"


def test_two_requests_for_one_consent_get_one_signature(world: World) -> None:
    act = act_of()
    consent = world.office.consent(world.company, "submit", sm3(act))
    one, two = (world.remote.request_signatures(world.unit, consent, [Statement("act", act)]) for _ in "12")
    assert world.remote.fetch_signatures(two) is not None
    with pytest.raises(KeyServiceRefusedError) as caught:
        world.remote.fetch_signatures(one)
    assert caught.value.code == "consent_used"


def test_the_sandbox_holds_demonstration_credentials(world: World) -> None:
    ring = world.remote.fetch_certificates("demo")
    assert sorted(one.role for one in ring.credentials) == ["intl-ecdsa", "intl-rsa"]
    assert [parse_certificate(one.certificate).may_sign for one in ring.credentials] == [True, True]


# Restarts of either side

PREPARE = """
import sys
from pathlib import Path
import httpx
from identity_csc_town import TOKEN
from signing import csc
from signing.adapters.csc import CscKeyService
from signing.ports import Statement
url, uscc, folder, *jobs = sys.argv[1:]
with httpx.Client() as http:
    for job in jobs:
        kind, consent = job.split(":")
        statement = Statement(kind, Path(folder, kind).read_bytes())
        pending = CscKeyService(http, url, TOKEN).request_signatures(f"unit:{uscc}", consent, [statement])
        Path(folder, f"{kind}.json").write_bytes(csc.encode_pending(pending))
"""
COMPLETE = """
import sys
from pathlib import Path
import httpx
from identity_csc_town import TOKEN
from signing import csc
from signing.adapters.csc import CscKeyService
url, folder, *kinds = sys.argv[1:]
with httpx.Client() as http:
    for kind in kinds:
        pending = csc.parse_pending(Path(folder, f"{kind}.json").read_bytes())
        signatures = CscKeyService(http, url, TOKEN).fetch_signatures(pending)
        Path(folder, f"{kind}.sig").write_bytes(signatures[0] if signatures else b"")
"""


class Server:
    """The platform as a process of its own, which can be killed and started again over the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        script = Path(__file__).with_name("identity_csc_town.py")
        process = subprocess.Popen([sys.executable, str(script), str(self.folder), str(self.port)])
        for _ in range(600):
            try:
                httpx.get(f"{self.url}/registrar/companies", timeout=1)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return process
        raise AssertionError("the server does not start")

    def restart(self) -> None:
        self.kill()
        self.process = self.start()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("csc-process"))
    yield server
    server.kill()


def _run(script: str, *arguments: object) -> None:
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    environment = {**os.environ, "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", script, *map(str, arguments)], check=True, env=environment, timeout=60)


def _signatures(folder: Path) -> tuple[bytes, bytes]:
    return (folder / "act.sig").read_bytes(), (folder / "cms.sig").read_bytes()


@pytest.mark.slow
def test_prepared_by_one_process_completed_by_another_after_restarts(server: Server, tmp_path: Path) -> None:
    with httpx.Client(timeout=10) as http:
        office = Office(http, server.url)
        company = office.register()
        ring = CscKeyService(http, server.url, TOKEN).fetch_certificates(company["uscc"])
        unit = parse_certificate(ring.find("unit").certificate)
        chain = [parse_certificate(one) for one in ring.find("unit").chain]
        act, content = act_of(), b"the tender's manifest"
        attributes = prepare_detached(sm3(content), unit, now())
        (tmp_path / "act").write_bytes(act)
        (tmp_path / "cms").write_bytes(attributes)
        submit, pack = office.request(company, "submit", sm3(act)), office.request(company, "pack", sm3(content))
        _run(PREPARE, server.url, company["uscc"], tmp_path, f"act:{submit}", f"cms:{pack}")
        server.restart()
        _run(COMPLETE, server.url, tmp_path, "act", "cms")
        assert _signatures(tmp_path) == (b"", b""), "the holder has not answered yet"
        office.confirm(company, submit)
        office.confirm(company, pack)
        server.restart()
        _run(COMPLETE, server.url, tmp_path, "act", "cms")
        made = _signatures(tmp_path)
        _run(COMPLETE, server.url, tmp_path, "act", "cms")
        assert _signatures(tmp_path) == made, "signed once, answered again"
    assert complete_statement(act, made[0], unit.der).statement == act
    message = parse_cms(complete_detached(attributes, unit, chain, made[1], None))
    assert message.signature == made[1]
    assert isinstance(unit.public_key, sm2.PublicKey)
    sm2.verify(unit.public_key, attributes, made[1])
