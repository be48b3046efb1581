"""What a passphrase does to a key file: PBES2 (RFC 8018, GM/T 0091) and the older schemes of PKCS#12 (RFC 7292).

The rounds come from the file: one `Effort` per file bounds all of them together, so that a hostile file cannot
keep a processor busy.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from signing import der, key_containers_rc2
from signing.digests import sm3
from signing.errors import KeystoreError, LimitError, MalformedError, UnsupportedAlgorithmError

CLOSED: Final = "the file is damaged, or does not open with this passphrase"
MAX_ROUNDS: Final = 2_000_000
"""Rounds of PBKDF2 for all derivations of one file: about a second of SM3."""
_SLOW: Final = 2
"""A round of the derivation of PKCS#12 counts twice: it is not done in C."""
_RC2_COST: Final = 64
"""Rounds that a block of RC2 counts for: it is not done in C either."""
MAX_PASSPHRASE: Final = 1024
"""Characters."""

PBES2, PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
SM4_CBC: Final = "1.2.156.10197.1.104.2"
HMAC_SM3: Final = "1.2.156.10197.1.401.2"
_PBES2: Final = (PBES2, "1.2.156.10197.6.1.4.1.5.2")
_PBKDF2: Final = (PBKDF2, "1.2.156.10197.6.1.4.1.5.1")
_PRFS: Final[dict[str, hashes.HashAlgorithm]] = {
    HMAC_SM3: hashes.SM3(),
    "1.2.156.10197.1.401.3.1": hashes.SM3(),  # OpenSSL's and GM/T 0091's number for the same
    "1.2.840.113549.2.7": hashes.SHA1(),  # noqa: S303 - what the file was protected with; collisions do not matter here
    "1.2.840.113549.2.9": hashes.SHA256(),
    "1.2.840.113549.2.10": hashes.SHA384(),
    "1.2.840.113549.2.11": hashes.SHA512(),
}
_DEFAULT_PRF: Final = "1.2.840.113549.2.7"
_SALT: Final = range(8, 65)


@dataclass(frozen=True)
class _BlockCipher:
    algorithm: Callable[[bytes], CipherAlgorithm]
    key: int
    block: int = 16


_CIPHERS: Final = {
    SM4_CBC: _BlockCipher(algorithms.SM4, 16),
    "1.2.156.10197.1.104": _BlockCipher(algorithms.SM4, 16),  # without a mode but with a vector: CFCA's CBC
    "2.16.840.1.101.3.4.1.2": _BlockCipher(algorithms.AES, 16),
    "2.16.840.1.101.3.4.1.22": _BlockCipher(algorithms.AES, 24),
    "2.16.840.1.101.3.4.1.42": _BlockCipher(algorithms.AES, 32),
    "1.2.840.113549.3.7": _BlockCipher(TripleDES, 24, 8),
}
_PKCS12_TRIPLE_DES: Final = "1.2.840.113549.1.12.1.3"
_PKCS12_RC2: Final = {"1.2.840.113549.1.12.1.5": 16, "1.2.840.113549.1.12.1.6": 5}
_FOR_KEY, _FOR_IV = 1, 2
FOR_MAC: Final = 3
_BLOCKS: Final = {"sha1": 64, "sha256": 64, "sm3": 64, "sha384": 128, "sha512": 128}
"""Octets that each digest takes at a time (v of RFC 7292 B.2)."""


@dataclass
class Effort:
    """The rounds that may still be spent on one file."""

    left: int = MAX_ROUNDS

    def spend(self, rounds: int, blocks: int = 1) -> int:
        """Answer the rounds again, having counted them; LimitError when the file asks for too many."""
        self.left -= rounds * blocks
        if rounds < 1 or self.left < 0:
            raise LimitError(f"rounds: at least one, at most {MAX_ROUNDS} in one file")
        return rounds


def require_passphrase(passphrase: str) -> str:
    """Answer the passphrase; KeystoreError for an empty or a far too long one."""
    if not passphrase or len(passphrase) > MAX_PASSPHRASE:
        raise KeystoreError(f"a passphrase has 1 to {MAX_PASSPHRASE} characters")
    return passphrase


def open_protected(
    algorithm: der.Element, content: bytes, passphrase: str, effort: Effort, *, public: bool = False
) -> bytes:
    """Decrypt what an AlgorithmIdentifier of passphrase-based encryption protects.

    `public` allows RC2, for certificates. KeystoreError for a wrong passphrase, LimitError for too many rounds,
    UnsupportedAlgorithmError for an unknown scheme, MalformedError for parameters that are none.
    """
    fields = algorithm.fields()
    oid = fields.take(der.OID).oid()
    parameters = fields.take(der.SEQUENCE).fields()
    fields.end()
    if oid in _PBES2:
        return _open_pbes2(parameters, content, require_passphrase(passphrase), effort)
    salt, rounds = parameters.take(der.OCTET_STRING).octets(), parameters.take(der.INTEGER).integer()

    def derive(purpose: int, size: int) -> bytes:
        return derive_pkcs12("sha1", passphrase, salt, purpose=purpose, rounds=rounds, size=size, effort=effort)

    if oid == _PKCS12_TRIPLE_DES:
        return _decrypt(TripleDES(derive(_FOR_KEY, 24)), derive(_FOR_IV, 8), content, 8)
    if oid in _PKCS12_RC2 and public:
        effort.spend(1 + len(content) // key_containers_rc2.BLOCK, _RC2_COST)
        key, iv = derive(_FOR_KEY, _PKCS12_RC2[oid]), derive(_FOR_IV, 8)
        return _unpad(key_containers_rc2.decrypt_cbc(key, iv, content), key_containers_rc2.BLOCK)
    raise UnsupportedAlgorithmError(f"protection {oid}")


def derive_pkcs12(
    digest: str, passphrase: str, salt: bytes, *, purpose: int, rounds: int, size: int, effort: Effort
) -> bytes:
    """Derive `size` bytes as RFC 7292 B.2 says; the passphrase goes in as UTF-16 with a final zero."""
    if digest not in _BLOCKS:
        raise UnsupportedAlgorithmError(f"derivation with {digest}")
    if len(salt) not in _SALT:
        raise LimitError(f"a salt has {_SALT[0]} to {_SALT[-1]} bytes")
    block = _BLOCKS[digest]
    secret = require_passphrase(passphrase).encode("utf-16-be", "surrogatepass") + b"\0\0"
    pieces = _stretch(salt, block) + _stretch(secret, block)
    out = b""
    while len(out) < size:
        effort.spend(rounds, _SLOW)
        value = bytes((purpose,)) * block + pieces
        for _ in range(rounds):
            value = sm3(value) if digest == "sm3" else hashlib.new(digest, value, usedforsecurity=False).digest()
        out += value
        step = int.from_bytes(_stretch(value, block)) + 1
        parts = (pieces[i : i + block] for i in range(0, len(pieces), block))
        pieces = b"".join(((int.from_bytes(part) + step) % (1 << 8 * block)).to_bytes(block) for part in parts)
    return out[:size]


def _stretch(data: bytes, block: int) -> bytes:
    """Repeat up to whole blocks, at least one."""
    size = -(-len(data) // block) * block
    return (data * (size // len(data) + 1))[:size]


def _open_pbes2(scheme: der.Fields, content: bytes, passphrase: str, effort: Effort) -> bytes:
    derivation, encryption = scheme.take(der.SEQUENCE).fields(), scheme.take(der.SEQUENCE).fields()
    scheme.end()
    oid = encryption.take(der.OID).oid()
    cipher = _CIPHERS.get(oid)
    if cipher is None:
        raise UnsupportedAlgorithmError(f"cipher {oid}")
    key = _derive_pbkdf2(derivation, passphrase, cipher.key, effort)
    iv = encryption.take(der.OCTET_STRING).octets()
    return _decrypt(cipher.algorithm(key), iv, content, cipher.block)


def _derive_pbkdf2(derivation: der.Fields, passphrase: str, size: int, effort: Effort) -> bytes:
    oid = derivation.take(der.OID).oid()
    if oid not in _PBKDF2:
        raise UnsupportedAlgorithmError(f"derivation {oid}")
    parameters = derivation.take(der.SEQUENCE).fields()
    salt, rounds = parameters.take(der.OCTET_STRING).octets(), parameters.take(der.INTEGER).integer()
    length, named = parameters.optional(der.INTEGER), parameters.optional(der.SEQUENCE)
    parameters.end()
    name = named.fields().take(der.OID).oid() if named else _DEFAULT_PRF
    prf = _PRFS.get(name)
    if prf is None:
        raise UnsupportedAlgorithmError(f"PBKDF2 with {name}")
    if (length and length.integer() != size) or len(salt) not in _SALT:
        raise MalformedError(f"a key of another length, or a salt that has not {_SALT[0]} to {_SALT[-1]} bytes")
    effort.spend(rounds, -(-size // prf.digest_size))
    return PBKDF2HMAC(prf, size, salt, rounds).derive(passphrase.encode("utf-8", "surrogatepass"))


def _decrypt(algorithm: CipherAlgorithm, iv: bytes, content: bytes, block: int) -> bytes:
    if len(iv) != block:
        raise MalformedError("an initialisation vector of another length")
    if not content or len(content) % block:
        raise KeystoreError(CLOSED)
    decryptor = Cipher(algorithm, modes.CBC(iv)).decryptor()
    return _unpad(decryptor.update(content) + decryptor.finalize(), block)


def _unpad(data: bytes, block: int) -> bytes:
    unpadder = padding.PKCS7(8 * block).unpadder()
    try:
        return unpadder.update(data) + unpadder.finalize()
    except ValueError:
        raise KeystoreError(CLOSED) from None
