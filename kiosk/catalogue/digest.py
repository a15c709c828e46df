"""One hash over what a catalogue says, whatever its formatting and the order of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from typing import Any


def digest(content: object) -> str:
    """SHA-256 in hexadecimal over the canonical form of dataclasses and plain values."""
    hasher = hashlib.sha256()
    _feed(hasher.update, content, _IN_PIECES)
    return hasher.hexdigest()


_IN_PIECES = 2  # how deep lists are spelt part by part: a large catalogue is no single text


def _feed(take: Any, content: object, depth: int) -> None:
    if not depth or not isinstance(content, (list, tuple)):
        take(_SPELL(content).encode())
        return
    before = b"["
    for one in content:
        take(before)
        _feed(take, one, depth - 1)
        before = b","
    take(b"]" if content else b"[]")


def _plain(value: Any) -> Any:
    """One step towards what JSON can say."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return [
            type(value).__name__,
            {name: getattr(value, name) for name in _names(value.__class__)},
        ]
    raise TypeError(f"a catalogue holds no {type(value).__name__}")


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


_SPELL = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain
).encode
