"""What a child may use: memory, processor time, file sizes, and no network at all (子进程的资源上限与断网)."""

import ctypes
import os
import platform
import resource
import struct
from contextlib import suppress
from typing import Final

_AUDIT: Final = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""AUDIT_ARCH and the number of socket(2), by machine (linux/audit.h, unistd.h)."""
_URING_SETUP: Final = 425
"""io_uring_setup(2), through which sockets could be opened as well; the same number on all machines."""
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _RETURN = 0x20, 0x15, 0x25, 0x06
_ALLOW, _DENY = 0x7FFF0000, 0x00050000 | 13
_X32: Final = 0x3FFFFFFF
"""Numbers above belong to the x32 calls of x86-64, which have sockets of their own."""


def bound(what: int, limit: int) -> None:
    """Set a limit of this process, hard and soft; one that the system does not know or that is lower already stays."""
    with suppress(ValueError, OSError):
        resource.setrlimit(what, (limit, limit))


def allow_seconds(seconds: int) -> None:
    """Give this process so much processor time on top of what was used so far; beyond that the system ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, resource.RLIM_INFINITY))


def close_network() -> bool:
    """Let the system refuse every new socket of this process from now on (seccomp, EACCES); answers whether it does.

    It cannot be undone. Sockets that are open stay; pipes and pairs of sockets of one process still work.
    """
    known = _AUDIT.get(platform.machine())
    if known is None or os.uname().sysname != "Linux":
        return False
    program = b"".join(_filter(*known))
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: unsigned short, padding, pointer
    argument = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(prctl(_SET_SECCOMP, _FILTER, ctypes.addressof(argument), 0, 0) == 0)


def _filter(architecture: int, socket: int) -> list[bytes]:
    """Answer the program: foreign calling conventions, socket(2) and io_uring_setup(2) are denied, all else allowed."""
    return [
        _step(_LOAD, 0, 0, 4),  # struct seccomp_data: the architecture
        _step(_JUMP_EQUAL, 0, 5, architecture),
        _step(_LOAD, 0, 0, 0),  # the number of the call
        _step(_JUMP_ABOVE, 3, 0, _X32),
        _step(_JUMP_EQUAL, 2, 0, socket),
        _step(_JUMP_EQUAL, 1, 0, _URING_SETUP),
        _step(_RETURN, 0, 0, _ALLOW),
        _step(_RETURN, 0, 0, _DENY),
    ]


def _step(code: int, yes: int, no: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
