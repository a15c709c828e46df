"""The one spelling of a document in bytes, so that its digest means something.

JSON with sorted keys, no spaces, UTF-8 without escapes beyond those JSON demands. No
character is replaced: a name's private-use code points go out as they came.
"""

from __future__ import annotations

import hashlib
import json
from typing import Final

from pydantic import BaseModel

# Made once: a resident waits for it.
_SPELL: Final = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


def canonical_bytes(model: BaseModel) -> bytes:
    """`model` in its canonical spelling. Equal models give equal bytes."""
    return _SPELL(model.model_dump(mode="json")).encode("utf-8")


def canonical_object(**members: bytes | str) -> bytes:
    """The canonical bytes of an object whose members are canonical bytes already, or text.

    Equal to `canonical_bytes` of a model with these fields, and no member is spelt twice.
    """
    spelt = (
        f'"{name}":'.encode() + (value if isinstance(value, bytes) else _SPELL(value).encode())
        for name, value in sorted(members.items())
    )
    return b"{" + b",".join(spelt) + b"}"


def digest(data: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()
