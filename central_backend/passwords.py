"""Operators' passwords: only a salted, slow hash of each is in the settings."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

_N: Final = 2**15
_R: Final = 8
_P: Final = 1
_MEMORY_BYTES: Final = 64 * 1024 * 1024


def hashed(password: str) -> str:
    """What goes into the settings."""
    salt = secrets.token_bytes(16)
    return f"scrypt:{_N}:{_R}:{_P}:{salt.hex()}:{_scrypt(password, salt, _N, _R, _P).hex()}"


def fits(password: str, kept: str) -> bool:
    """Whether `password` is the one of `kept`."""
    _, n, r, p, salt, told = kept.split(":")
    made = _scrypt(password, bytes.fromhex(salt), int(n), int(r), int(p))
    return hmac.compare_digest(made, bytes.fromhex(told))


# Compared with when there is no such operator, so that the time tells nobody who exists.
NOBODY: Final = f"scrypt:{_N}:{_R}:{_P}:{'0' * 32}:{'0' * 64}"


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY_BYTES, dklen=32
    )
