"""SM2 through the public API, from a short message, against one prepared EVP_PKEY operation on a ready digest."""

import ctypes
from collections.abc import Callable

from signing import sm2
from tests.bench.bench_kit import Bench, Task, at_least

_MESSAGE = (
    b"a message of the length of signed attributes, about a hundred and fifty bytes with the object identifiers" * 2
)
_ROOM = 80


def bench(kit: Bench) -> None:
    """Compare the first engine with itself, and the engines with each other."""
    key = sm2.generate()
    e, signature, ciphertext = (
        sm2.digest(key.public, _MESSAGE),
        sm2.sign(key, _MESSAGE),
        sm2.encrypt(key.public, bytes(32)),
    )
    engine = sm2.ENGINES[0]
    samples = 3 if kit.quick else 9
    if isinstance(engine, sm2.LibcryptoEngine):
        kit.compare(
            "SM2 verify, libcrypto",
            Task("one EVP_PKEY_verify, ready key and digest", _raw_verify(engine, key, e, signature)),
            Task("sm2.verify of a message", lambda: sm2.verify(key.public, _MESSAGE, signature), target=at_least(0.85)),
            unit="signatures",
            samples=samples,
        )
        kit.compare(
            "SM2 sign, libcrypto",
            Task("one EVP_PKEY_sign, ready key and digest", _raw_sign(engine, key, e)),
            Task("sm2.sign of a message", lambda: sm2.sign(key, _MESSAGE), target=at_least(0.85)),
            unit="signatures",
            samples=samples,
        )
    other = sm2.ENGINES[-1]
    for name, ours, theirs in (
        ("sign", lambda: engine.sign(key.scalar(), e), lambda: other.sign(key.scalar(), e)),
        (
            "verify",
            lambda: engine.verify(key.public.point, e, signature),
            lambda: other.verify(key.public.point, e, signature),
        ),
        (
            "encrypt 32 bytes",
            lambda: engine.encrypt(key.public.point, bytes(32)),
            lambda: other.encrypt(key.public.point, bytes(32)),
        ),
        (
            "decrypt 32 bytes",
            lambda: engine.decrypt(key.scalar(), ciphertext),
            lambda: other.decrypt(key.scalar(), ciphertext),
        ),
    ):
        kit.compare(f"SM2 {name}, by engine", Task(engine.name, ours), Task(other.name, theirs), unit="operations")


def _raw_verify(engine: sm2.LibcryptoEngine, key: sm2.PrivateKey, e: bytes, signature: bytes) -> Callable[[], object]:
    """Prepare all that can be prepared."""
    library, handle = engine._library, engine._public(key.public.point)
    context = library.EVP_PKEY_CTX_new(handle.pointer, None)
    library.EVP_PKEY_verify_init(context)
    return lambda: library.EVP_PKEY_verify(context, signature, len(signature), e, len(e)) or handle


def _raw_sign(engine: sm2.LibcryptoEngine, key: sm2.PrivateKey, e: bytes) -> Callable[[], object]:
    library, handle = engine._library, engine._private(key.scalar())
    context = library.EVP_PKEY_CTX_new(handle.pointer, None)
    library.EVP_PKEY_sign_init(context)
    out, size = ctypes.create_string_buffer(_ROOM), ctypes.c_size_t(_ROOM)

    def run() -> object:
        size.value = _ROOM
        return library.EVP_PKEY_sign(context, out, ctypes.byref(size), e, len(e)) or handle

    return run
