"""What the backend says when it cannot do what was asked."""

from __future__ import annotations

from enum import StrEnum

from kiosk.contract.base import Long, Model


class ProblemCode(StrEnum):
    """Stable codes; the terminal's answer table and its words depend on them."""

    INVALID = "invalid"  # 422: not a document that this backend understands
    DIGEST_WRONG = "digest-wrong"  # 400: the bytes are not those that were announced
    TOO_LARGE = "too-large"  # 413
    CONFLICT = "conflict"  # 409: this id is known with other bytes
    IN_PROGRESS = "in-progress"  # 409: the same id is being taken right now
    INCOMPLETE = "incomplete"  # 409: put these parts first; `fields` has their ordinals
    UNREADABLE = "unreadable"  # 422: it does not open, or what is inside is no application
    NUMBER_TAKEN = "number-taken"  # 422: the receipt number belongs to another application
    NOT_FOUND = "not-found"
    WRONG_TERMINAL = "wrong-terminal"  # 403: the certificate shown is another terminal's, or none
    TOO_MANY_TRIES = "too-many-tries"  # 429
    INTERNAL = "internal"  # 500


class Problem(Model):
    """An error answer. `message` is for technicians; `fields` says where, never what."""

    code: ProblemCode
    message: Long
    fields: tuple[str, ...] = ()
