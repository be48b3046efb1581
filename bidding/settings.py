"""Settings: one frozen value from `YIZHAO_*` variables or a TOML file; nonsense refuses to start."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from bidding.errors import BiddingError

Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]+\Z")]
PREFIX = "YIZHAO_"
KEEP_ALIVE_SECONDS = 75
"""How long a server keeps an idle connection: longer than any client of ours, or one would be closed as it is used."""


class SettingsError(BiddingError):
    """Settings that are unknown, malformed or contradict each other; the service does not start."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where one party lives and whom it talks to. Field `data` is read from `YIZHAO_DATA`, and so on."""

    role: Literal["workbench", "centre", "verify", "all"]
    data: str
    """Folder of this party's database and objects; never shared with another party."""
    keys: str = ""
    """Folder of this party's own keys, outside `data`; default: `data` with `-keys` after it."""
    passphrase_file: str = ""
    """File (mode 0600) with the passphrase of the key folder."""
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] = 8610
    public_url: str = ""
    """How browsers reach this party; default: http://host:port."""
    sandbox_url: Url = "http://127.0.0.1:8600"
    """Registrar, wallet, key service, seal maker, CA and TSA."""
    timestamps: str = ""
    """Addresses of timestamp authorities (RFC 3161), separated by commas, asked in this order; default: the sandbox's
    two."""
    centres: str = ""
    """Workbench: the trading centres that it can submit to, separated by commas."""
    unit: Annotated[str, Meta(pattern=r"^([0-9A-Z]{18})?\Z")] = ""
    """Centre: the credit code of its own licence; its people are the staff."""
    trust: str = ""
    """Folder of trust anchors; fetched from the sandbox at the first start when empty."""
    database_url: str = ""
    """SQLAlchemy URL; default: SQLite below `data`."""
    rules: Literal["demo", "standard"] = "standard"
    """Rules profile; `demo` has no legal periods and is refused in production."""
    production: bool = False
    workbench_port: Annotated[int, Meta(ge=0, le=65535)] = 0
    """Role `all`: the workbench's own port; the centre has `port`."""

    @property
    def url(self) -> str:
        """How others reach this party."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @property
    def key_folder(self) -> Path:
        """This party's own keys."""
        return Path(self.keys or f"{self.data}-keys")

    @property
    def timestamp_urls(self) -> tuple[str, ...]:
        """The timestamp authorities that are asked, the first one first; empty for the sandbox's."""
        return tuple(url.strip() for url in self.timestamps.split(",") if url.strip())

    @property
    def centre_urls(self) -> tuple[str, ...]:
        """The centres that a workbench knows."""
        return tuple(url.strip() for url in self.centres.split(",") if url.strip())


def read_settings(environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Read the file first, the environment over it; SettingsError names what is wrong."""
    values: dict[str, Any] = tomllib.loads(file.read_text("utf-8")) if file else {}
    for name, text in environment.items():
        if name.startswith(PREFIX):
            values[name.removeprefix(PREFIX).lower()] = text
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings: {error}") from error
    return _check(settings)


def _check(settings: Settings) -> Settings:
    data, keys = Path(settings.data).resolve(), settings.key_folder.resolve()
    if settings.production and settings.rules == "demo":
        raise SettingsError("rules = demo has no legal periods: refused in production")
    if settings.role != "verify" and (keys == data or data in keys.parents):
        raise SettingsError("keys must lie outside data: a copy of the data folder must not hold them")
    urls = settings.timestamp_urls
    if len(set(urls)) != len(urls) or not all(url.startswith(("http://", "https://")) for url in urls):
        raise SettingsError("timestamps are different http(s) addresses, separated by commas")
    if settings.role == "all" and not settings.workbench_port:
        raise SettingsError("role all needs workbench_port: the two parts are joined by HTTP only")
    return settings
