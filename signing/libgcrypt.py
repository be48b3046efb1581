"""The system's libgcrypt (1.10 or later) through ctypes: loaded and initialised once, or refused.

Its SM4 works on many blocks at once with AES-NI, and its SM3 with AVX, several times as fast as libcrypto's portable
C. ctypes lets other threads run meanwhile. What is opened here belongs to one call or one object, never to two threads
at the same time.
"""

import ctypes
import functools
import sys
from types import TracebackType
from typing import Any, Final

from signing.errors import SigningError, UnsupportedAlgorithmError

_OLDEST: Final = b"1.10.0"
"""Earlier ones know SM4 but have no vector code for it."""
_NAMES: Final = {
    "linux": ("libgcrypt.so.20",),
    "darwin": ("/opt/homebrew/lib/libgcrypt.20.dylib", "/usr/local/lib/libgcrypt.20.dylib"),
    "win32": ("libgcrypt-20.dll",),
}
_DISABLE_SECMEM, _INITIALIZATION_FINISHED, _INITIALIZATION_FINISHED_P, _FIPS_MODE_P = 37, 38, 39, 55
_SIMPLE: Final = 0
"""PyBUF_SIMPLE: contiguous bytes, for reading."""

Data = bytes | bytearray | memoryview

_P, _S, _I, _U = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_uint
_SIGNATURES: Final[dict[str, tuple[Any, tuple[Any, ...]]]] = {
    "gcry_check_version": (ctypes.c_char_p, (ctypes.c_char_p,)),
    "gcry_control": (_U, (_I,)),
    "gcry_cipher_open": (_U, (ctypes.POINTER(_P), _I, _I, _U)),
    "gcry_cipher_setkey": (_U, (_P, _P, _S)),
    "gcry_cipher_setiv": (_U, (_P, _P, _S)),
    "gcry_cipher_authenticate": (_U, (_P, _P, _S)),
    "gcry_cipher_encrypt": (_U, (_P, _P, _S, _P, _S)),
    "gcry_cipher_decrypt": (_U, (_P, _P, _S, _P, _S)),
    "gcry_cipher_gettag": (_U, (_P, _P, _S)),
    "gcry_cipher_checktag": (_U, (_P, _P, _S)),
    "gcry_cipher_close": (None, (_P,)),
    "gcry_md_open": (_U, (ctypes.POINTER(_P), _I, _U)),
    "gcry_md_copy": (_U, (ctypes.POINTER(_P), _P)),
    "gcry_md_write": (None, (_P, _P, _S)),
    "gcry_md_read": (_P, (_P, _I)),
    "gcry_md_close": (None, (_P,)),
}


@functools.cache
def load() -> ctypes.CDLL:
    """Answer the initialised library; UnsupportedAlgorithmError if it is absent, too old or in FIPS mode."""
    for name in _NAMES.get(sys.platform, _NAMES["linux"]):
        try:
            library = ctypes.CDLL(name)
            for function, (result, arguments) in _SIGNATURES.items():
                getattr(library, function).restype = result
                getattr(library, function).argtypes = arguments
        except (OSError, AttributeError):
            continue
        _initialise(library)
        return library
    raise UnsupportedAlgorithmError("no libgcrypt was found on this system")


def _initialise(library: ctypes.CDLL) -> None:
    # Asking for the version is what initialises it, threads included; it answers NULL when it is older than asked.
    if not library.gcry_check_version(_OLDEST):
        raise UnsupportedAlgorithmError(f"libgcrypt is older than {_OLDEST.decode()}")
    if not library.gcry_control(_INITIALIZATION_FINISHED_P):  # something else in this process may have done it
        # Locked memory would need privileges and print warnings; our keys are Python bytes in any case.
        library.gcry_control(_DISABLE_SECMEM, 0)
        library.gcry_control(_INITIALIZATION_FINISHED, 0)
    if library.gcry_control(_FIPS_MODE_P):
        raise UnsupportedAlgorithmError("libgcrypt is in FIPS mode, which has no SM algorithms")


def require(error: int, what: str) -> None:
    """Raise SigningError for an error code of libgcrypt."""
    if error:
        raise SigningError(f"libgcrypt did not {what} (error {error & 0xFFFF})")


class _Buffer(ctypes.Structure):
    """Py_buffer of CPython's stable ABI; `owner` is left to PyBuffer_Release."""

    _fields_ = (
        ("address", ctypes.c_void_p),
        ("owner", ctypes.c_void_p),
        ("size", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_void_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


_get_buffer: Final = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes, _get_buffer.restype = (ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int), ctypes.c_int
_release: Final = ctypes.pythonapi.PyBuffer_Release
_release.argtypes, _release.restype = (ctypes.POINTER(_Buffer),), None
_new_bytes: Final = ctypes.pythonapi.PyBytes_FromStringAndSize
_new_bytes.argtypes, _new_bytes.restype = (ctypes.c_void_p, ctypes.c_ssize_t), ctypes.py_object


class Borrowed:
    """The address of bytes that belong to somebody else, held in place while in the `with`; nothing is copied."""

    __slots__ = ("_buffer",)

    def __init__(self, data: Data) -> None:
        """Take anything contiguous; BufferError for what is not."""
        self._buffer = _Buffer()
        _get_buffer(data, ctypes.byref(self._buffer), _SIMPLE)

    def __enter__(self) -> tuple[int, int]:
        """Answer address and size."""
        return self._buffer.address or 0, self._buffer.size

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the bytes back."""
        _release(ctypes.byref(self._buffer))


def allocate(size: int) -> bytes:
    """Answer new bytes of unsettled content, to be filled by C before anybody else sees them; size > 0."""
    fresh: bytes = _new_bytes(None, size)
    return fresh
