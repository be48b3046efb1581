"""The parts that registrar and wallet of one licence platform share, opened over one folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from identity.ports import StatementFacts
from identity.sandbox.book import Book
from identity.sandbox.consents import Consents
from identity.sandbox.devices import Devices
from identity.sandbox.keys import Vault
from identity.sandbox.logins import Logins
from identity.sandbox.phone import Phones
from identity.sandbox.pins import Pins
from identity.sandbox.residents import ResidentTags
from identity.sandbox.state import StateFile

Random = Callable[[int], bytes]
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class LicencePlatform:
    """One sandbox licence platform. `now` gives UTC in whole milliseconds, the one form that is signed."""

    folder: Path
    register: StateFile[Book]
    pins: Pins
    devices: Devices
    residents: ResidentTags
    vault: Vault
    random: Random
    now: Clock


def open_platform(folder: Path, *, vault: Vault, random: Random, clock: Clock, passphrase: str) -> LicencePlatform:
    """Open the register, passwords and device keys in a folder (made if missing); `passphrase` protects the keys."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return LicencePlatform(
        folder=folder,
        register=StateFile(folder / "register.json", Book()),
        pins=Pins(folder, random),
        devices=Devices(folder, vault=vault, passphrase=passphrase, random=random),
        residents=ResidentTags(folder, passphrase, random),
        vault=vault,
        random=random,
        now=lambda: _whole(clock()),
    )


def _whole(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


class Wallet:
    """Everything that the wallet's routes need."""

    def __init__(
        self, platform: LicencePlatform, *, readers: Mapping[str, Callable[[bytes], StatementFacts]], base_url: str
    ) -> None:
        """Open logins and consents of a platform; `base_url` is where people reach the wallet."""
        folder, register, pins = platform.folder, platform.register, platform.pins
        vault, random = platform.vault, platform.random
        self.register = register
        self.logins = Logins(folder, register=register, pins=pins, vault=vault, random=random)
        self.consents = Consents(folder, register=register, pins=pins, vault=vault, readers=readers, random=random)
        self.devices = platform.devices
        self.phones = Phones(random)
        self.base_url = base_url.rstrip("/")
        self.now = platform.now
