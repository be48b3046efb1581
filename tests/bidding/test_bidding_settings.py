"""Unknown or contradictory settings refuse to start, and say why."""

from pathlib import Path

import pytest

from bidding.settings import SettingsError, read_settings
from bidding.wiring.centre import notice_of
from bidding.wiring.parties import require_real_trust
from signing.trust import make_trust

GOOD = {"YIZHAO_ROLE": "centre", "YIZHAO_DATA": "/srv/centre"}


def test_the_least_that_is_needed() -> None:
    settings = read_settings({**GOOD, "HOME": "/x"})
    assert (settings.url, settings.key_folder) == ("http://127.0.0.1:8610", Path("/srv/centre-keys"))


def test_the_environment_stands_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "yizhao.toml"
    file.write_text('role = "workbench"\ndata = "/srv/w"\nport = 9000\n', "utf-8")
    assert read_settings({"YIZHAO_PORT": "9001"}, file).port == 9001


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        pytest.param({"YIZHAO_COLOUR": "red"}, "colour", id="unknown name"),
        pytest.param({"YIZHAO_ROLE": "judge"}, "role", id="unknown role"),
        pytest.param({"YIZHAO_PORT": "http"}, "port", id="port is no number"),
        pytest.param({"YIZHAO_KEYS": "/srv/centre/keys"}, "outside data", id="keys inside data"),
        pytest.param(
            {"YIZHAO_PRODUCTION": "true", "YIZHAO_RULES": "demo"}, "production", id="demo rules in production"
        ),
        pytest.param({"YIZHAO_ROLE": "all"}, "workbench_port", id="two parts on one port"),
        pytest.param({"YIZHAO_SANDBOX_URL": "ftp://x"}, "sandbox_url", id="not an http address"),
    ],
)
def test_nonsense_does_not_start(extra: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        read_settings({**GOOD, **extra})


@pytest.mark.parametrize(("rules", "profiles"), [("standard", {"standard"}), ("demo", {"standard", "demo"})])
def test_demo_rules_are_in_force_only_where_the_settings_say_so(rules: str, profiles: set[str]) -> None:
    assert set(notice_of(read_settings({**GOOD, "YIZHAO_RULES": rules}))) == profiles


@pytest.mark.parametrize(("production", "sandbox"), [(True, True), (True, False), (False, True)])
def test_production_takes_no_sandbox_trust_list(production: bool, sandbox: bool) -> None:
    said = str(production).lower()
    settings = read_settings({"YIZHAO_ROLE": "verify", "YIZHAO_DATA": "x", "YIZHAO_PRODUCTION": said})
    trust = make_trust("仿真名单", "1", sandbox=sandbox, anchors=())
    if production and sandbox:
        with pytest.raises(SettingsError, match="仿真名单"):
            require_real_trust(settings, trust)
    else:
        require_real_trust(settings, trust)
