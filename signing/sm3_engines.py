"""Implementations of SM3 (GB/T 32905): hashlib, the libcrypto inside `cryptography`, and libgcrypt.

hashlib starts in half a microsecond and is best for short messages; libgcrypt takes two more to start and is then a
third faster. Each must give known answers before it may be used at all.
"""

import contextlib
import ctypes
import hashlib
import threading
from collections.abc import Iterable, Iterator
from typing import Final, Protocol, Self

from cryptography.hazmat.primitives import hashes

from signing import libgcrypt
from signing.errors import SelfTestError, UnsupportedAlgorithmError
from signing.libgcrypt import Borrowed, Data, require

_SIZE: Final = 32
_GCRY_SM3: Final = 326


class Hasher(Protocol):
    """A running digest."""

    def update(self, data: Data, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Answer the digest of all that came so far; the state stays usable."""

    def copy(self) -> Self:
        """Fork the state."""


class Engine(Protocol):
    """An implementation of SM3."""

    @property
    def name(self) -> str:
        """What to call it in a report."""

    def start(self) -> Hasher:
        """Answer a new digest of nothing."""


class HashlibEngine:
    """The libcrypto that Python itself was built with."""

    name: Final = "hashlib"

    def __init__(self) -> None:
        """Prepare a blank state to copy; UnsupportedAlgorithmError where libcrypto has no SM3."""
        try:
            self._blank = hashlib.new("sm3")
        except ValueError as error:
            raise UnsupportedAlgorithmError("hashlib has no SM3 here") from error

    def start(self) -> Hasher:
        """Answer a new digest of nothing."""
        return self._blank.copy()


class _CryptographyState:
    __slots__ = ("_state",)

    def __init__(self, state: hashes.Hash) -> None:
        self._state = state

    def update(self, data: Data, /) -> None:
        # The package takes no view of wider items.
        wide = isinstance(data, memoryview) and data.itemsize > 1 and data.contiguous
        self._state.update(memoryview(data).cast("B") if wide else data)

    def digest(self) -> bytes:
        return self._state.copy().finalize()

    def copy(self) -> "_CryptographyState":
        return _CryptographyState(self._state.copy())


class CryptographyEngine:
    """The libcrypto that the `cryptography` package carries."""

    name: Final = "cryptography"

    def start(self) -> Hasher:
        """Answer a new digest of nothing."""
        return _CryptographyState(hashes.Hash(hashes.SM3()))


class _GcryptState:
    """A digest of libgcrypt. The lock keeps two threads out of one handle: ctypes would let both in."""

    __slots__ = ("_handle", "_library", "_lock")

    def __init__(self, library: ctypes.CDLL, source: ctypes.c_void_p | None = None) -> None:
        self._library, self._handle, self._lock = library, ctypes.c_void_p(), threading.Lock()
        if source is None:
            require(library.gcry_md_open(ctypes.byref(self._handle), _GCRY_SM3, 0), "open SM3")
        else:
            require(library.gcry_md_copy(ctypes.byref(self._handle), source), "copy SM3")

    def __del__(self) -> None:
        if self._handle:
            self._library.gcry_md_close(self._handle)

    def update(self, data: Data, /) -> None:
        with self._lock, Borrowed(data) as (source, size):
            self._library.gcry_md_write(self._handle, source, size)

    def digest(self) -> bytes:
        # Reading ends a digest: a copy is read.
        return self.copy().finish()

    def copy(self) -> "_GcryptState":
        with self._lock:
            return _GcryptState(self._library, self._handle)

    def finish(self) -> bytes:
        return ctypes.string_at(self._library.gcry_md_read(self._handle, _GCRY_SM3), _SIZE)


class GcryptEngine:
    """SM3 by the system's libgcrypt."""

    name: Final = "libgcrypt"

    def __init__(self) -> None:
        """Load the library; UnsupportedAlgorithmError if it is missing or has no SM3."""
        self._library = libgcrypt.load()
        handle = ctypes.c_void_p()
        if self._library.gcry_md_open(ctypes.byref(handle), _GCRY_SM3, 0):
            raise UnsupportedAlgorithmError("this libgcrypt has no SM3")
        self._library.gcry_md_close(handle)

    def start(self) -> Hasher:
        """Answer a new digest of nothing."""
        return _GcryptState(self._library)


# Known answers: GB/T 32905 A.1 and A.2, and a message of many blocks that comes in uneven pieces

_ABC: Final = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
_ABCD_16: Final = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
_LONG: Final = bytes(range(251)) * 13
_LONG_SM3: Final = "cf124c101ae0cef6ccba45abc399909b5275e3f3cfc42a43ee945452d5a913c9"


def require_known_answers(engine: Engine) -> None:
    """Raise SelfTestError unless the engine digests in one piece, in several, and after a copy as it must."""
    abc, abcd, long = engine.start(), engine.start(), engine.start()
    abc.update(b"abc")
    abcd.update(b"abcd" * 3)
    fork = abcd.copy()
    fork.update(memoryview(b"abcd" * 13))
    abcd.update(b"something else")
    view = memoryview(_LONG)
    for start, stop in ((0, 1), (1, 200), (200, 3000), (3000, len(_LONG))):
        long.update(view[start:stop])
        long.digest()
    if (abc.digest().hex(), fork.digest().hex(), long.digest().hex()) != (_ABC, _ABCD_16, _LONG_SM3):
        raise SelfTestError(f"wrong known answer: {engine.name} SM3")


def load_engines(kinds: Iterable[type[Engine]]) -> Iterator[Engine]:
    """Make those engines that are present, in order; SelfTestError if one of them gives a wrong known answer."""
    for kind in kinds:
        with contextlib.suppress(UnsupportedAlgorithmError):
            engine = kind()
            require_known_answers(engine)
            yield engine


ENGINES: Final[tuple[Engine, ...]] = tuple(load_engines((HashlibEngine, CryptographyEngine, GcryptEngine)))
"""The engines that are present here: the quickest to start first, the fastest last."""
SHORT: Final = ENGINES[0]
"""For messages of up to some thousand bytes."""
LONG: Final = ENGINES[-1]
"""For files and streams."""
