"""What an answer from the server means: one table, first match wins.

The table is the whole policy. An answer that is not plainly the backend's is taken for a
captive portal or a proxy, and the submission waits; only the backend can refuse one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, NamedTuple

RETRY_AFTER_LEAST_S: Final = 1.0
RETRY_AFTER_MOST_S: Final = 3600.0


class Verdict(StrEnum):
    """What the sender does about an answer."""

    DELIVERED = "delivered"
    ACCEPTED = "accepted"  # keep the payload, ask again
    PORTAL = "portal"  # not the backend: the line is down, whatever it says
    RETRY = "retry"  # the same key again, soon
    RESEND = "resend"  # the line damaged it: some times again, then quarantine
    QUARANTINE = "quarantine"
    PAUSE = "pause"  # nothing can go until somebody mends it; no attempt is counted
    WAIT = "wait"  # this submission waits; a `Retry-After` holds all of them
    OFFLINE = "offline"  # no answer at all: the line is down


class Trouble(StrEnum):
    """Why there was no answer."""

    NONE = ""
    NETWORK = "network"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, or the trouble that stood in its place.

    `good` is set by whoever asked, after looking into the body: a valid acknowledgement
    for a document, a matching digest for a part.
    """

    status: int = 0
    media_type: str = ""
    body: bytes = field(default=b"", repr=False)
    retry_after: str = ""
    date: str = ""
    trouble: Trouble = Trouble.NONE
    detail: str = ""  # for technicians: kind of failure, never an address or a payload
    good: bool = False

    @property
    def html(self) -> bool:
        """Whether a person was meant to read it."""
        return self.media_type in ("text/html", "application/xhtml+xml")

    @property
    def problem(self) -> str:
        """The problem's code (`{"code": ...}`), or ""."""
        plain = self.json()
        code = plain.get("code") if isinstance(plain, dict) else None
        return code[:64] if isinstance(code, str) and code.isprintable() else ""

    def json(self) -> object:
        """The body as JSON, None where it is none."""
        if not self.media_type.endswith(("/json", "+json")):
            return None
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Row(NamedTuple):
    """One row of the table."""

    name: str
    matches: Callable[[Answer], bool]
    verdict: Verdict


def _status(*codes: int) -> Callable[[Answer], bool]:
    wanted = frozenset(codes)
    return lambda answer: answer.status in wanted


def _damaged(answer: Answer) -> bool:
    return answer.status == 400 and answer.problem == "digest-wrong"


TABLE: Final = (
    Row("tls", lambda a: a.trouble is Trouble.TLS, Verdict.PAUSE),
    Row("network", lambda a: a.trouble is Trouble.NETWORK, Verdict.OFFLINE),
    Row("acknowledged", lambda a: a.status in (200, 201) and a.good, Verdict.DELIVERED),
    Row("accepted", lambda a: a.status == 202 and not a.html, Verdict.ACCEPTED),
    Row("not-the-backend", lambda a: 100 <= a.status < 400, Verdict.PORTAL),
    Row("not-allowed", _status(401, 403, 404), Verdict.PAUSE),
    Row("busy", _status(408, 425, 429), Verdict.WAIT),
    Row("server-error", lambda a: 500 <= a.status < 600, Verdict.WAIT),
    Row("not-the-backend", lambda a: a.html, Verdict.PORTAL),
    # The id is known with another digest: no repetition will mend that.
    Row("conflict", lambda a: a.status == 409 and a.problem == "conflict", Verdict.QUARANTINE),
    Row("in-progress", _status(409), Verdict.RETRY),
    # What the disk damaged never leaves (QU-06), so this happened on the way.
    Row("damaged-on-the-way", _damaged, Verdict.RESEND),
    Row("refused", _status(400, 413, 422), Verdict.QUARANTINE),
    # A client error of no known meaning may be a proxy's: keep it, try again.
    Row("unexpected", lambda _: True, Verdict.WAIT),
)


def judge(answer: Answer) -> Row:
    """The row that applies to `answer`."""
    return next(row for row in TABLE if row.matches(answer))


def retry_after_s(answer: Answer) -> float | None:
    """Seconds that the server asks to wait, clamped to 1 s - 1 h; None without a wish.

    A date is measured against the server's own `Date`: this machine's clock may be years
    off.
    """
    text = answer.retry_after.strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        wish = float(text[:9])
    else:
        try:
            then = parsedate_to_datetime(text)
            wish = (then - parsedate_to_datetime(answer.date)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(wish, RETRY_AFTER_LEAST_S), RETRY_AFTER_MOST_S)
