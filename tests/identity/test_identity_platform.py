"""The parts below the routes: refusal words, the state file, and adapters against answers that are no answers."""

import json
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from msgspec import Struct

from identity.adapters.http import Platform
from identity.adapters.registry_http import HttpRegister
from identity.adapters.wallet_http import HttpWallet
from identity.errors import (
    ConsentExpiredError,
    IdentityError,
    LicencePlatformRefusedError,
    LicencePlatformUnavailableError,
    RefusedError,
    SealMakerFailedError,
    code_of,
)
from identity.ports import Register, Wallet
from identity.sandbox.problems import ROWS, detail_of
from identity.sandbox.state import StateFile

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "format" / "consent.md").read_text("utf-8")


def test_every_refusal_has_words_and_stands_in_the_specification() -> None:
    for kind in RefusedError.__subclasses__():
        assert kind in ROWS
        assert f"`{code_of(kind)}`" in DOCUMENTED
        assert f"| {ROWS[kind].status} |" in DOCUMENTED
        assert detail_of(kind("x")).endswith("。")


class Count(Struct, frozen=True):
    n: int = 0


def test_state_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "deep" / "count.json", Count())

    def fail(_: Count) -> tuple[Count, None]:
        raise RuntimeError

    assert file.change(lambda c: (Count(c.n + 1), "told")) == "told"
    with pytest.raises(RuntimeError):
        file.change(fail)
    assert file.read() == Count(1)
    assert StateFile(tmp_path / "deep" / "count.json", Count()).read() == Count(1)
    assert [f.name for f in (tmp_path / "deep").iterdir()] == ["count.json"]
    (tmp_path / "deep" / "count.json").write_bytes(b"{")
    with pytest.raises(msgspec.DecodeError):
        StateFile(tmp_path / "deep" / "count.json", Count())


def wallet_answering(response: httpx.Response | Exception) -> tuple[Wallet, Register]:
    def answer(_: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    platform = Platform(httpx.Client(transport=httpx.MockTransport(answer)), "http://platform.test")
    return HttpWallet(platform), HttpRegister(platform)


def problem(status: int, **content: Any) -> httpx.Response:
    return httpx.Response(status, content=json.dumps(content).encode())


@pytest.mark.parametrize(
    ("response", "error"),
    [
        pytest.param(httpx.ConnectError("no"), LicencePlatformUnavailableError, id="nobody there"),
        pytest.param(httpx.ReadTimeout("slow"), LicencePlatformUnavailableError, id="too slow"),
        pytest.param(httpx.Response(200, content=b"<html>"), LicencePlatformUnavailableError, id="no JSON"),
        pytest.param(httpx.Response(200, content=b"{}"), LicencePlatformUnavailableError, id="fields missing"),
        pytest.param(httpx.Response(200, content=b" " * (5 << 20)), LicencePlatformUnavailableError, id="too long"),
        pytest.param(httpx.Response(302), LicencePlatformUnavailableError, id="redirect"),
        pytest.param(problem(500, code="internal_error"), LicencePlatformUnavailableError, id="fault"),
        pytest.param(problem(410, code="consent_expired", detail="x"), ConsentExpiredError, id="named"),
        pytest.param(problem(502, code="seal_maker_failed"), SealMakerFailedError, id="named fault"),
        pytest.param(problem(409, code="new_reason"), LicencePlatformRefusedError, id="not known yet"),
    ],
)
def test_answers_that_are_none(response: httpx.Response | Exception, error: type[IdentityError]) -> None:
    wallet, register = wallet_answering(response)
    for ask in (
        lambda: wallet.fetch_consent("c"),
        lambda: register.fetch_licence("u"),
        lambda: wallet.rehearse("d", b"w"),
    ):
        with pytest.raises(error):
            ask()
