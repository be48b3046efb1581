"""What registrar and wallet need of the licence platform's key vault, and the names of the keys in it."""

from collections.abc import Sequence
from typing import Protocol

from signing.ports import Credential
from signing.sm2 import PrivateKey


class Vault(Protocol):
    """Holds private keys and signs with them; `signing.sandbox.keys.KeyVault` in the sandbox."""

    def add(self, credential: str, key: PrivateKey, certificate: bytes, chain: Sequence[bytes]) -> object:
        """Take a key with its certificate and the issuers' (DER), under a name."""

    def find(self, credential: str) -> Credential:
        """Answer what is public of a key; InvalidKeyError if there is none of that name."""

    def sign_with(self, credential: str, message: bytes) -> bytes:
        """Sign SM3(Z || message) with the key of that name; DER."""


def unit_key(uscc: str) -> str:
    """Name the unit's licence signing key, which also makes the seals of the unit."""
    return f"unit:{uscc}"


def representative_key(uscc: str) -> str:
    """Name the legal representative's own key, which makes the 法定代表人章 and nothing for anybody else."""
    return f"legal-representative:{uscc}"


def encryption_key(uscc: str) -> str:
    """Name the unit's encryption key (加密证书), escrowed with the platform; it never signs."""
    return f"unit-encryption:{uscc}"


def person_key(person: str) -> str:
    """Name the key of an authorised person."""
    return f"person:{person}"
