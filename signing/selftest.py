"""Known answers before anything is signed: GB/T 32918.5, GB/T 32905, GB/T 32907, RFC 8998 appendix A.

Each engine must give the published results, accept the others' results and refuse wrong ones. The pure-Python
`gmssl` is asked for a second opinion on public values only; the one private key here is the standard's example.
"""

import functools
from dataclasses import replace
from typing import Final

from gmssl import sm2 as gmssl_sm2
from gmssl import sm3 as gmssl_sm3
from gmssl import sm4 as gmssl_sm4

from signing import sm3_engines, sm4
from signing.digests import sm3
from signing.errors import DecryptionError, SelfTestError, SigningError
from signing.sm2_encoding import Sm2Cipher, encode_signature, parse_signature
from signing.sm2_keys import ENGINES, Engine, PublicKey, digest, multiply
from signing.sm2_libcrypto import LibcryptoEngine
from signing.sm3 import hmac_sm3, kdf

_D: Final = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
_POINT: Final = bytes.fromhex(
    "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
)
_MESSAGE: Final = b"message digest"
_E: Final = bytes.fromhex("f0b43e94ba45accaace692ed534382eb17e6ab5a19ce7b31f4486fdfc0d28640")
_SIGNATURE: Final = encode_signature(
    0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3,
    0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA,
)
_K: Final = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
_PLAINTEXT: Final = b"encryption standard"
_CIPHER: Final = Sm2Cipher(
    bytes.fromhex(
        "0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73"
        "e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0"
    ),
    bytes.fromhex("59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766"),
    bytes.fromhex("21886ca989ca9c7d58087307ca93092d651efa"),
)
_SM3_ABC: Final = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
_HMAC: Final = "28e63256e7c5a087b1f073265dc53092163f7b82729735d06f28f10af9d52393"
_SM4_KEY: Final = bytes.fromhex("0123456789abcdeffedcba9876543210")
_SM4_BLOCK: Final = bytes.fromhex("681edf34d206965e86b3e94f536e4246")


@functools.cache
def ensure() -> None:
    """Run the self test once in this process; SelfTestError as long as it does not pass."""
    run(ENGINES)


def run(
    engines: tuple[Engine, ...],
    digests: tuple[sm3_engines.Engine, ...] = sm3_engines.ENGINES,
    ciphers: tuple[sm4.Engine, ...] = sm4.ENGINES,
) -> tuple[str, ...]:
    """Ask every engine for its known answers; answer what was asked, SelfTestError at the first wrong answer.

    SM3 and SM4 engines have been asked before, when they were loaded; a report wants to hear it here too.
    """
    done = [*_check_symmetric(digests, ciphers), *_check_primitives()]
    for engine in engines:
        try:
            done += _check_engine(engine)
        except SigningError as error:
            raise SelfTestError(f"{engine.name}: {error}") from error
    # Only the engine that verifies is asked to refuse: GmSSL writes its traces to stderr when it does.
    return (*done, _require(f"{engines[0].name} refuse", _refuses(engines[0])), *_check_peer())


def _require(what: str, right: bool) -> str:
    if not right:
        raise SelfTestError(f"wrong known answer: {what}")
    return what


def _check_symmetric(digests: tuple[sm3_engines.Engine, ...], ciphers: tuple[sm4.Engine, ...]) -> list[str]:
    for digester in digests:
        sm3_engines.require_known_answers(digester)
    for cipher in ciphers:
        sm4.require_known_answers(cipher)
    return [f"{engine.name} SM3" for engine in digests] + [f"{engine.name} SM4-GCM" for engine in ciphers]


def _check_primitives() -> list[str]:
    public = PublicKey(_POINT)
    return [
        _require("SM3", sm3(b"abc").hex() == _SM3_ABC),
        _require("HMAC-SM3", hmac_sm3(b"key", b"abc").hex() == _HMAC),
        _require("SM2 digest", digest(public, _MESSAGE) == _E),
    ]


def _check_engine(engine: Engine) -> list[str]:
    name = engine.name
    fresh = engine.sign(_D, _E)
    parse_signature(fresh)
    done = [
        _require(f"{name} verify", engine.verify(_POINT, _E, _SIGNATURE)),
        _require(f"{name} decrypt", engine.decrypt(_D, _CIPHER.encode()) == _PLAINTEXT),
        _require(f"{name} round trip", engine.decrypt(_D, engine.encrypt(_POINT, _PLAINTEXT)) == _PLAINTEXT),
        _require(f"{name} sign", all(e.verify(_POINT, _E, fresh) for e in ENGINES)),
        _require(f"{name} sign (gmssl)", _peer_verifies(_E, fresh)),
    ]
    if isinstance(engine, LibcryptoEngine):
        done.append(_require(f"{name} multiply", _multiplies(engine)))
    return done


def _refuses(engine: Engine) -> bool:
    """Say whether a signature over something else and a changed C3 are refused."""
    try:
        engine.decrypt(_D, replace(_CIPHER, c3=bytes(32)).encode())
    except DecryptionError:
        return not engine.verify(_POINT, bytes(32), _SIGNATURE)
    return False


def _multiplies(engine: LibcryptoEngine) -> bool:
    """Compare kG with C1, dG with the public key, and the key stream of kP = dC1 with C2."""
    shared = engine.multiply(_K, _POINT)
    stream = kdf(shared[1:], len(_PLAINTEXT))
    return (
        engine.multiply(_K, None) == _CIPHER.c1
        and multiply(int.from_bytes(_D)) == _POINT
        and engine.multiply(int.from_bytes(_D), _CIPHER.c1) == shared
        and bytes(a ^ b for a, b in zip(stream, _PLAINTEXT, strict=True)) == _CIPHER.c2
        and sm3(shared[1:33], _PLAINTEXT, shared[33:]) == _CIPHER.c3
    )


def _check_peer() -> list[str]:
    """Ask for the second opinion: known answers of public functions by another author's pure Python."""
    cipher = gmssl_sm4.CryptSM4()
    cipher.set_key(_SM4_KEY, gmssl_sm4.SM4_ENCRYPT)
    return [
        _require("gmssl SM3", gmssl_sm3.sm3_hash(list(b"abc")) == _SM3_ABC),
        _require("gmssl SM4", bytes(cipher.one_round(cipher.sk, list(_SM4_KEY))) == _SM4_BLOCK),
        _require("gmssl verify", _peer_verifies(_E, _SIGNATURE)),
        _require("gmssl refuse", not _peer_verifies(bytes(32), _SIGNATURE)),
    ]


def _peer_verifies(e: bytes, signature: bytes) -> bool:
    r, s = parse_signature(signature)
    # Without the 04: the package strips those characters, not a prefix. It never gets a private key.
    peer = gmssl_sm2.CryptSM2(private_key="", public_key=_POINT[1:].hex())
    return bool(peer.verify(f"{r:064x}{s:064x}", e))
