"""Device keys: SM2 keys made and kept by the wallet, with which a unit opens the halves wrapped for it."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from identity.errors import DeviceUnknownError, WrapUnopenableError
from identity.sandbox.keys import Vault, unit_key
from identity.sandbox.state import StateFile
from identity.uscc import Uscc
from signing import sm2
from signing.canonical import Code
from signing.digests import sm3
from signing.errors import DecryptionError, InvalidKeyError, MalformedError
from signing.keystore import load_key, save_key
from signing.statement import SignedStatement, complete_statement, prepare_statement


class DeviceCertificate(Struct, frozen=True, forbid_unknown_fields=True):
    """The licence's word that this device key (SM2 point 04||x||y) is the unit's."""

    v: Literal[1]
    uscc: Uscc
    device: Code
    public_key: Annotated[bytes, Meta(min_length=65, max_length=65)]
    created: datetime
    type: Literal["device"] = "device"


class DeviceEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """A device key of a unit; the private half stands in a key file of its own."""

    id: str
    uscc: str
    public_key: bytes
    certificate: SignedStatement


class DeviceBook(Struct, frozen=True, forbid_unknown_fields=True):
    """Device id → device."""

    devices: dict[str, DeviceEntry] = {}


class Devices:
    """All device keys of one wallet."""

    def __init__(self, folder: Path, *, vault: Vault, passphrase: str, random: Callable[[int], bytes]) -> None:
        """Keep them in `folder`: devices.json, and one encrypted key file each under devices/."""
        self._file = StateFile(folder / "devices.json", DeviceBook())
        self._keys = folder / "devices"
        self._keys.mkdir(exist_ok=True, mode=0o700)
        self._vault = vault
        self._passphrase = passphrase
        self._random = random
        self._open: dict[str, sm2.PrivateKey] = {}

    def register(self, uscc: str, unit_certificate: bytes, *, at: datetime) -> str:
        """Make a device key for a unit, let its licence certify it, and answer the device's id."""
        device, key = f"D{self._random(8).hex()}", sm2.generate(self._random)
        statement = prepare_statement(DeviceCertificate(1, uscc, device, key.public.point, at))
        signature = self._vault.sign_with(unit_key(uscc), statement)
        entry = DeviceEntry(device, uscc, key.public.point, complete_statement(statement, signature, unit_certificate))
        save_key(self._keys / f"{device}.key", key, self._passphrase, self._random)
        self._file.change(lambda book: (DeviceBook({**book.devices, device: entry}), None))
        return device

    def of(self, uscc: str) -> tuple[DeviceEntry, ...]:
        """Answer a unit's devices, oldest first."""
        return tuple(entry for entry in self._file.read().devices.values() if entry.uscc == uscc)

    def find(self, device: str) -> DeviceEntry:
        """Answer one device; DeviceUnknownError."""
        entry = self._file.read().devices.get(device)
        if entry is None:
            raise DeviceUnknownError(device)
        return entry

    def unwrap(self, device: str, wrap: bytes) -> bytes:
        """Open a wrapped half (GM/T 0009 SM2Cipher DER); WrapUnopenableError says no more than that."""
        self.find(device)
        try:
            return sm2.decrypt(self._key(device), wrap)
        except (DecryptionError, MalformedError, InvalidKeyError) as error:
            raise WrapUnopenableError(device) from error

    def rehearse(self, device: str, wrap: bytes) -> str:
        """Answer hex SM3("rehearse" | plaintext): the device can open the wrap, and tells no more."""
        return sm3(b"rehearse", self.unwrap(device, wrap)).hex()

    def _key(self, device: str) -> sm2.PrivateKey:
        if device not in self._open:
            self._open[device] = load_key(self._keys / f"{device}.key", self._passphrase)
        return self._open[device]
