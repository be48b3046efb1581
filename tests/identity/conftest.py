"""The town and its people; see identity_town."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from identity_town import (
    BASE,
    PIN,
    Clock,
    Confirm,
    Maker,
    MakeRecord,
    Town,
    read_act,
    read_cms,
    read_ses,
    seal_number,
)
from litestar import Litestar
from litestar.testing import TestClient

from identity.consent import ConsentFile, ConsentRecord, encode_record
from identity.sandbox import registrar_http, wallet
from identity.sandbox.platform import open_platform
from signing.digests import sm3
from signing.sandbox.authority import CertificateAuthority
from signing.sandbox.keys import KeyVault


@pytest.fixture(scope="session")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder, clock, maker = tmp_path_factory.mktemp("licence"), Clock(), Maker()
    authority = CertificateAuthority(folder / "ca", "a passphrase", clock=clock, random=os.urandom)
    vault = KeyVault(folder / "keys", "a passphrase", random=os.urandom)
    platform = open_platform(
        folder / "platform", vault=vault, random=os.urandom, clock=clock, passphrase="a passphrase"
    )
    asks = httpx.Client(transport=httpx.MockTransport(maker))
    app = Litestar(
        [
            registrar_http.create_router(platform, authority=authority, maker=asks, maker_url="http://maker.test"),
            wallet.create_router(platform, readers={"ses": read_ses, "cms": read_cms, "act": read_act}, base_url=BASE),
        ]
    )
    with TestClient(app, base_url=BASE) as client:
        yield Town(client, clock, maker, authority, vault, platform, folder)


@pytest.fixture(scope="session")
def company(whole_town: Town) -> dict[str, Any]:
    return whole_town.open_company("仿真市第一建筑有限公司", "张三丰")


@pytest.fixture(scope="session")
def other(whole_town: Town) -> dict[str, Any]:
    return whole_town.open_company("仿真市第二建筑有限公司", "李四光")


@pytest.fixture(scope="session")
def agent(whole_town: Town, company: dict[str, Any]) -> dict[str, Any]:
    items = ["login", "seal", "pack", "submit", "withdraw", "release", "record"]
    return whole_town.authorise(company["uscc"], "王五", items, start=timedelta(days=-1), days=400)


@pytest.fixture
def town(whole_town: Town) -> Iterator[Town]:
    """Lend the town; the clock moves on between tests so that nothing of one waits for the next."""
    whole_town.client.cookies.clear()
    yield whole_town
    whole_town.maker.fails = False
    whole_town.clock.forward(minutes=15)


@pytest.fixture
def make_record(town: Town, company: dict[str, Any]) -> MakeRecord:
    """Make a good record of the company's legal representative, with changes."""

    def make(contents: tuple[bytes, ...] = (b"{}",), **changes: Any) -> ConsentRecord:
        fields: dict[str, Any] = {
            "v": 1,
            "act": "seal",
            "uscc": company["uscc"],
            "company": "仿真市第一建筑有限公司",
            "person": company["person"],
            "person_name": "张三丰",
            "authorisation": "legal-representative",
            "audience": "投标人工作台",
            "files": tuple(ConsentFile(f"文件{n}.pdf", 3, len(c), sm3(c).hex()) for n, c in enumerate(contents)),
            "seal": seal_number(company, "unit"),
            "section": "S-1",
            "params_sm3": "ab" * 32,
            "nonce": os.urandom(16).hex(),
            "not_before": town.clock.at,
            "not_after": town.clock.at + timedelta(minutes=5),
        }
        fields |= changes
        if fields["act"] != "seal" and "seal" not in changes:
            fields["seal"] = ""
        return ConsentRecord(**fields)

    return make


@pytest.fixture
def confirm(town: Town) -> Confirm:
    """Ask for a consent, have it confirmed, and answer its id."""

    def run(record: ConsentRecord) -> str:
        pending = town.wallet.request_consent(encode_record(record))
        body = {"person": record.person, "pin": PIN}
        town.post(f"/wallet/consents/{pending.id}/confirm", body)
        return pending.id

    return run
