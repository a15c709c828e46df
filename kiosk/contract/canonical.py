"""The one spelling of a document in bytes, so that its digest means something.

JSON with sorted keys, no spaces, UTF-8 without escapes beyond those JSON demands. No
character is replaced: a name's private-use code points go out as they came.
"""

from __future__ import annotations

import hashlib
import json

from pydantic import BaseModel


def canonical_bytes(model: BaseModel) -> bytes:
    """`model` in its canonical spelling. Equal models give equal bytes."""
    return json.dumps(
        model.model_dump(mode="json"),
        sort_keys=True,
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
    ).encode("utf-8")


def digest(data: bytes) -> str:
    """SHA-256 in lower-case hex."""
    return hashlib.sha256(data).hexdigest()
