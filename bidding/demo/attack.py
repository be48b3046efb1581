"""What an attacker finds in everything the centre stores before the lids: nothing that opens, no name."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bidding.bundle import parse_bundle
from bidding.bundle_header import Header
from bidding.errors import BiddingError
from signing.errors import DecryptionError, KeystoreError, MalformedError
from signing.keystore import load_key, load_secret
from signing.sm2 import PrivateKey, decrypt
from storage.errors import StorageError
from storage.intake import Intake, read_all


@dataclass(frozen=True)
class Loot:
    """What was taken and what came of it."""

    files: int
    names_found: tuple[str, ...]
    bundles_unwrapped: int
    wraps_opened: int
    wraps_tried: int
    markers_found: tuple[str, ...]


SHORTEST = 6
"""Bytes of the shortest form looked for: shorter ones stand in any megabyte of ciphertext by chance."""


def spellings(word: str) -> Iterator[bytes]:
    """Answer the forms in which a word could lie in a file."""
    for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        data = word.encode(encoding)
        forms = [data, data.hex().encode()]
        for phase in range(3):
            # A word inside longer base64 text begins at one of three phases; its outer letters hold bits of the
            # neighbours too and are left out.
            text = base64.b64encode(bytes(phase) + data + bytes(3))
            forms.append(text[-(-8 * phase // 6) : 8 * (phase + len(data)) // 6])
        yield from (form for form in forms if len(form) >= SHORTEST)


def find_words(folder: Path, words: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """Look through all files of a folder, names of files included; answers how many, and which words are there."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    patterns = [(word, form) for word in words for form in spellings(word)]
    found = set[str]()
    for path in files:
        data = str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes()
        found |= {word for word, form in patterns if form in data}
    return len(files), tuple(sorted(found))


def loot(data: Path, keys: Path, words: tuple[str, ...], markers: tuple[str, ...]) -> Loot:
    """Play the attacker with database, objects and all keys of the centre.

    Names are looked for in the stores as they are; with the keys the bundles are unwrapped and every key and secret
    is tried on every wrap, and the plaintext `markers` are looked for in what is then readable.
    """
    files, names = find_words(data, words)
    passphrase = (keys / "passphrase").read_text("ascii").strip()
    own = list(_private_keys(keys, passphrase))
    intake = Intake(data / "intake", load_secret(keys / "intake.secret", passphrase), _no_random)
    unwrapped, opened, tried, seen = 0, 0, 0, set[str]()
    for path in sorted((data / "intake").rglob("*")):
        if not path.is_file():
            continue
        try:
            with intake.open(path.name) as stream:
                plain = b"".join(read_all(stream))
                stream.seek(0)
                header = parse_bundle(stream, len(plain)).header
        except (StorageError, MalformedError, BiddingError):  # an upload that never was a bundle
            continue
        unwrapped += 1
        seen |= {marker for marker in markers if marker.encode() in plain}
        for wrap in _wraps(header):
            for key in own:
                tried += 1
                opened += _opens(key, wrap)
    return Loot(files, names, unwrapped, opened, tried, tuple(sorted(seen)))


def _private_keys(keys: Path, passphrase: str) -> Iterator[PrivateKey]:
    for path in sorted(keys.glob("*.key")):
        try:
            yield load_key(path, passphrase)
        except KeystoreError:
            continue
    for path in sorted(keys.glob("*.secret")):
        yield PrivateKey.from_scalar(load_secret(path, passphrase))


def _wraps(header: Header) -> Iterator[bytes]:
    for stage in header.stages:
        yield stage.officer_wrap
        yield from (wrap.wrap for wrap in stage.wraps)


def _opens(key: PrivateKey, wrap: bytes) -> bool:
    try:
        decrypt(key, wrap)
    except DecryptionError:
        return False
    return True


def _no_random(size: int) -> bytes:
    raise AssertionError(f"an attacker writes nothing ({size} bytes asked)")
