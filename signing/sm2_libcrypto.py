"""SM2 engine 1: the system's libcrypto (1.1.1 or later) through ctypes.

Chosen for private keys: its scalar multiplication by a secret is a constant-time ladder, and ctypes lets other
threads run meanwhile. Only digests e = SM3(Z | M) are signed here. The user id is inside Z, which we compute
ourselves, so that libcrypto's default id (empty in some releases) can never be used by oversight.
"""

import ctypes
import ctypes.util
import functools
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from signing.errors import DecryptionError, InvalidKeyError, SigningError, UnsupportedAlgorithmError
from signing.sm2_encoding import POINT, SCALAR

_NID_SM2: Final = 1172
_UNCOMPRESSED: Final = 4
_CONSTANT_TIME: Final = 4
_HANDLES: Final = 256
"""Keys kept loaded; loading one costs more than two signatures."""

_SIGNATURE: Final = 80
"""Bytes of room for a signature, of which DER needs at most 72."""

_PKCS8_PREFIX: Final = bytes.fromhex("3041020100301306072a8648ce3d020106082a811ccf5501822d0427302502010104" + "20")
"""PrivateKeyInfo {0, {id-ecPublicKey, SM2}, ECPrivateKey {1, the 32 bytes that follow}}."""
_SPKI_PREFIX: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
"""SubjectPublicKeyInfo {{id-ecPublicKey, SM2}, the 65 bytes that follow}."""

_P, _S, _I = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
_Z, _ZP = ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)
_SIGNATURES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "BN_bin2bn": (_P, (_S, _I, _P)),
    "BN_set_flags": (None, (_P, _I)),
    "BN_clear_free": (None, (_P,)),
    "EC_GROUP_new_by_curve_name": (_P, (_I,)),
    "EC_POINT_new": (_P, (_P,)),
    "EC_POINT_clear_free": (None, (_P,)),
    "EC_POINT_mul": (_I, (_P, _P, _P, _P, _P, _P)),
    "EC_POINT_oct2point": (_I, (_P, _P, _S, _Z, _P)),
    "EC_POINT_point2oct": (_Z, (_P, _P, _I, _P, _Z, _P)),
    "ERR_clear_error": (None, ()),
    "EVP_PKEY_free": (None, (_P,)),
    "EVP_PKEY_CTX_new": (_P, (_P, _P)),
    "EVP_PKEY_CTX_free": (None, (_P,)),
    "EVP_PKEY_sign_init": (_I, (_P,)),
    "EVP_PKEY_sign": (_I, (_P, _P, _ZP, _S, _Z)),
    "EVP_PKEY_verify_init": (_I, (_P,)),
    "EVP_PKEY_verify": (_I, (_P, _S, _Z, _S, _Z)),
    "EVP_PKEY_encrypt_init": (_I, (_P,)),
    "EVP_PKEY_encrypt": (_I, (_P, _P, _ZP, _S, _Z)),
    "EVP_PKEY_decrypt_init": (_I, (_P,)),
    "EVP_PKEY_decrypt": (_I, (_P, _P, _ZP, _S, _Z)),
    "d2i_AutoPrivateKey": (_P, (_P, ctypes.POINTER(_S), ctypes.c_long)),
    "d2i_PUBKEY": (_P, (_P, ctypes.POINTER(_S), ctypes.c_long)),
}


class _Handle:
    """An EVP_PKEY that is freed with its last user, evicted from the cache or not."""

    def __init__(self, pointer: int, free: Callable[[int], None]) -> None:
        self.pointer = pointer
        # Not at exit: libcrypto may have cleaned itself up by then.
        weakref.finalize(self, free, pointer).atexit = False


class LibcryptoEngine:
    """SM2 by libcrypto. Safe to share between threads: key handles are only read, contexts belong to one call."""

    name: Final = "libcrypto"

    def __init__(self) -> None:
        """Load the library; UnsupportedAlgorithmError if there is none that knows SM2."""
        self._library, self._group = _load()
        self._private = functools.lru_cache(_HANDLES)(self._load_private)
        self._public = functools.lru_cache(_HANDLES)(self._load_public)

    def sign(self, scalar: bytes, e: bytes) -> bytes:
        """Sign the 32-byte digest e, answering DER; the nonce is libcrypto's own."""
        out, size = ctypes.create_string_buffer(_SIGNATURE), ctypes.c_size_t(_SIGNATURE)
        with _Context(self._library, self._private(scalar), "sign") as context:
            done = self._library.EVP_PKEY_sign(context, out, ctypes.byref(size), e, len(e))
        if done != 1:
            raise SigningError("libcrypto did not sign")
        return out.raw[: size.value]

    def verify(self, point: bytes, e: bytes, signature: bytes) -> bool:
        """Say whether the signature holds; both it and the point have passed the gate."""
        with _Context(self._library, self._public(point), "verify") as context:
            return bool(self._library.EVP_PKEY_verify(context, signature, len(signature), e, len(e)) == 1)

    def encrypt(self, point: bytes, plaintext: bytes) -> bytes:
        """Encrypt to a public key, answering SM2Cipher DER."""
        ciphertext = self._transform("encrypt", self._public(point), plaintext)
        if ciphertext is None:
            raise SigningError("libcrypto did not encrypt")
        return ciphertext

    def decrypt(self, scalar: bytes, ciphertext: bytes) -> bytes:
        """Decrypt SM2Cipher DER that has passed the gate; DecryptionError if C3 does not match."""
        plaintext = self._transform("decrypt", self._private(scalar), ciphertext)
        if plaintext is None:
            raise DecryptionError("the ciphertext does not open")
        return plaintext

    def multiply(self, k: int, point: bytes | None) -> bytes:
        """Answer k times the point (the base point for None), 1 ≤ k < n, by the ladder for secret scalars."""
        library, group = self._library, self._group
        scalar = library.BN_bin2bn(k.to_bytes(SCALAR), SCALAR, None)
        result, factor = library.EC_POINT_new(group), library.EC_POINT_new(group)
        try:
            library.BN_set_flags(scalar, _CONSTANT_TIME)
            if point is None:
                done = library.EC_POINT_mul(group, result, scalar, None, None, None)
            elif done := library.EC_POINT_oct2point(group, factor, point, len(point), None):
                done = library.EC_POINT_mul(group, result, None, factor, scalar, None)
            out = ctypes.create_string_buffer(POINT)
            if not done or library.EC_POINT_point2oct(group, result, _UNCOMPRESSED, out, POINT, None) != POINT:
                library.ERR_clear_error()
                raise InvalidKeyError("this point cannot be multiplied by this scalar")
            return out.raw
        finally:
            library.BN_clear_free(scalar)
            library.EC_POINT_clear_free(result)
            library.EC_POINT_clear_free(factor)

    def _transform(self, operation: str, key: _Handle, data: bytes) -> bytes | None:
        """Run one EVP_PKEY operation of the (context, out, size, in) shape; None if libcrypto refuses."""
        run = getattr(self._library, f"EVP_PKEY_{operation}")
        with _Context(self._library, key, operation) as context:
            size = ctypes.c_size_t(0)
            if run(context, None, ctypes.byref(size), data, len(data)) != 1:
                return None
            out = ctypes.create_string_buffer(size.value)
            if run(context, out, ctypes.byref(size), data, len(data)) != 1:
                return None
            return out.raw[: size.value]

    def _load_private(self, scalar: bytes) -> _Handle:
        return self._load(self._library.d2i_AutoPrivateKey, _PKCS8_PREFIX + scalar)

    def _load_public(self, point: bytes) -> _Handle:
        return self._load(self._library.d2i_PUBKEY, _SPKI_PREFIX + point)

    def _load(self, read: Callable[..., int | None], der: bytes) -> _Handle:
        pointer = read(None, ctypes.byref(ctypes.c_char_p(der)), len(der))
        if not pointer:
            self._library.ERR_clear_error()
            raise InvalidKeyError("libcrypto does not take this key")
        if hasattr(self._library, "EVP_PKEY_set_alias_type"):  # 1.1.1 reads SM2 keys as plain EC keys
            self._library.EVP_PKEY_set_alias_type(ctypes.c_void_p(pointer), _NID_SM2)
        return _Handle(pointer, self._library.EVP_PKEY_free)


class _Context:
    """An EVP_PKEY_CTX for one call; it keeps its key alive and leaves no error behind in the thread's queue."""

    def __init__(self, library: ctypes.CDLL, key: _Handle, operation: str) -> None:
        self._library, self._key, self._operation = library, key, operation
        self._pointer: int | None = None

    def __enter__(self) -> int:
        self._pointer = self._library.EVP_PKEY_CTX_new(self._key.pointer, None)
        prepare = getattr(self._library, f"EVP_PKEY_{self._operation}_init")
        if not self._pointer or prepare(self._pointer) != 1:
            self.__exit__()
            raise UnsupportedAlgorithmError(f"libcrypto cannot {self._operation} with SM2")
        return self._pointer

    def __exit__(self, *_: object) -> None:
        self._library.EVP_PKEY_CTX_free(self._pointer)
        self._library.ERR_clear_error()


def _load() -> tuple[ctypes.CDLL, int]:
    """Find the first libcrypto that has the SM2 curve; answer it with its curve."""
    for name in _candidates():
        try:
            library = ctypes.CDLL(name)
            for function, (result, arguments) in _SIGNATURES.items():
                getattr(library, function).restype = result
                getattr(library, function).argtypes = arguments
        except (OSError, AttributeError):
            continue
        group = library.EC_GROUP_new_by_curve_name(_NID_SM2)
        if group:
            return library, group
    raise UnsupportedAlgorithmError("no libcrypto (OpenSSL 1.1.1 or later) with SM2 was found on this system")


def _candidates() -> Iterator[str]:
    """Name the system's libraries, then those that came with this Python."""
    names = _NAMES.get(sys.platform, _NAMES["linux"])
    yield from names
    if sys.platform not in ("darwin", "win32"):  # macOS ends a process that loads the unversioned name
        found = ctypes.util.find_library("crypto")
        if found:
            yield found
    for folder in ("lib", "DLLs"):
        yield from (str(Path(sys.base_prefix, folder, Path(name).name)) for name in names)


_NAMES: Final = {
    "linux": ("libcrypto.so.3", "libcrypto.so.1.1"),
    "darwin": (
        "/opt/homebrew/opt/openssl@3/lib/libcrypto.3.dylib",
        "/usr/local/opt/openssl@3/lib/libcrypto.3.dylib",
        "libcrypto.3.dylib",
    ),
    "win32": ("libcrypto-3-x64.dll", "libcrypto-3-arm64.dll", "libcrypto-3.dll"),
}
