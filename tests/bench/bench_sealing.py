"""What sealing costs: an application of 20 KB and one of 2 MB, in both suites.

Beside each stands the suite's bare cipher on the same bytes under a key that is there already:
what is left is making and sealing the data key, the digests and the envelope. Signing a chain
entry and verifying an acknowledgement stand beside each other's suite.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kiosk.contract.sealing import Sealed, nonce, seal, unseal
from kiosk.contract.suites import SUITES, KeyUse, Suite

SIZES = (("20 KB", (4_000, 16_000)), ("2 MB", (4_000, 700_000, 700_000, 600_000)))
ROUNDS = 15
NOW = datetime(2026, 3, 4, tzinfo=UTC)

Row = tuple[str, float, str, str, float]


def _ms(work: Callable[[], object]) -> float:
    """The median of some rounds, after one to warm up."""
    work()
    took = []
    for _ in range(ROUNDS):
        began_s = time.perf_counter()
        work()
        took.append((time.perf_counter() - began_s) * 1000)
    return statistics.median(took)


def _of(suite: Suite, name: str, parts: list[bytes]) -> list[Row]:
    keys = suite.generate(KeyUse.SEAL)
    sealer, unsealer = suite.sealer(keys.id, keys.public), suite.unsealer(keys)

    def whole() -> Sealed:
        return seal(
            sealer,
            parts,
            application_id="ab" * 16,
            receipt_number="LW042-00317-6",
            terminal="LW042",
            created=NOW,
        )

    ready = sealer.start(b"header")

    def cipher() -> None:
        for at, part in enumerate(parts):
            ready.seal(nonce(at, False), part)

    made = whole()
    label, bare = f"suite {suite.id}, {name}", _ms(cipher)
    return [
        (f"seal, {label}", _ms(whole), "ms", "its cipher alone", bare),
        (
            f"open, {label}",
            _ms(lambda: unseal(unsealer, made.envelope, made.parts)),
            "ms",
            "its cipher alone",
            bare,
        ),
    ]


def run() -> list[Row]:
    """Seal and open, then sign and verify."""
    rows = [
        row
        for suite in SUITES.values()
        for name, sizes in SIZES
        for row in _of(suite, name, [os.urandom(size) for size in sizes])
    ]
    for suite in SUITES.values():
        keys = suite.generate(KeyUse.SIGN)
        signer, verifier = suite.signer(keys), suite.verifier(keys.id, keys.public)
        signature = signer.sign(b"an entry")
        verify_ms = _ms(partial(verifier.verify, b"an entry", signature))
        sign_ms = _ms(partial(signer.sign, b"an entry"))
        rows.append((f"sign, suite {suite.id}", sign_ms, "ms", "verify", verify_ms))
    return rows
