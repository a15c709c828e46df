"""Terminals' chains: what each says it saved, in which order, and what does not fit.

Delivery promises no order, so a missing entry may only be late: gaps are looked up when
somebody asks. A fork, an edit or a wrong signature is a flag at once. None of it ever keeps
an application out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from central_backend.database import ChainRow, TerminalKey
from central_backend.flags import FlagKind, raise_flag
from kiosk.contract.envelope import FIRST_PREVIOUS, SignedChainEntry
from kiosk.contract.sealing import entry_digest, verify_entry
from kiosk.contract.suites import SealError, suite_of

_GAPS_MOST: Final = 100


class Gap(NamedTuple):
    """Entries of a terminal that have not come; the one after them came at `since`."""

    terminal: str
    first: int
    last: int
    since: datetime


def record(
    session: Session,
    signed: SignedChainEntry,
    *,
    terminal: str,
    application_id: str,
    digest: str,
    at: datetime,
) -> None:
    """Keep an entry that came with an application, and flag what does not fit."""
    entry, own = signed.entry, entry_digest(signed.entry)

    def flag(kind: FlagKind, detail: str, application: str = application_id) -> None:
        raise_flag(
            session, kind, at=at, application_id=application, terminal=terminal, detail=detail
        )

    if (entry.terminal, entry.application_id, entry.digest) != (terminal, application_id, digest):
        flag(FlagKind.CHAIN_EDIT, f"chain-other:{entry.index}")
        return
    signature = _signature(session, signed)
    if signature == "bad":
        flag(FlagKind.CHAIN_SIGNATURE, f"chain-wrong-signature:{entry.index}")
    elif signature == "unknown-key":
        flag(FlagKind.CHAIN_SIGNATURE, f"chain-not-enrolled:{signed.key_id}", "")
    near: dict[int, list[ChainRow]] = {}
    for row in session.scalars(
        select(ChainRow)
        .where(ChainRow.terminal == terminal)
        .where(ChainRow.position.between(entry.index - 1, entry.index + 1))
    ):
        near.setdefault(row.position, []).append(row)
    twins = near.get(entry.index, [])
    if any(row.digest == own for row in twins):
        return  # the same entry again
    if twins:
        flag(FlagKind.CHAIN_FORK, f"chain-two:{entry.index}")
    # Of a place with a fork any one may be followed.
    before = {row.digest for row in near.get(entry.index - 1, [])}
    if entry.index == 1:
        before = {FIRST_PREVIOUS}
    if before and entry.previous not in before:
        flag(FlagKind.CHAIN_EDIT, f"chain-not-after:{entry.index}:{entry.index - 1}")
    after = {row.previous for row in near.get(entry.index + 1, [])}
    if after and own not in after and not twins:
        flag(FlagKind.CHAIN_EDIT, f"chain-not-after:{entry.index + 1}:{entry.index}")
    session.add(
        ChainRow(
            terminal=terminal,
            position=entry.index,
            digest=own,
            previous=entry.previous,
            application_id=application_id,
            envelope_digest=digest,
            signature=signature,
            received_at=at,
        )
    )
    session.flush()


def gaps(session: Session) -> list[Gap]:
    """What is missing in the chains, terminal by terminal; at most the first hundred."""
    row, before = aliased(ChainRow), aliased(ChainRow)
    earlier = (
        select(func.max(before.position))
        .where(before.terminal == row.terminal, before.position < row.position)
        .scalar_subquery()
    )
    last = func.coalesce(earlier, 0)
    found = session.execute(
        select(row.terminal, last, row.position, row.received_at)
        .where(row.position > last + 1)
        .order_by(row.terminal, row.position)
        .limit(_GAPS_MOST)
    )
    return [Gap(terminal, low + 1, high - 1, since) for terminal, low, high, since in found]


def _signature(session: Session, signed: SignedChainEntry) -> str:
    known = session.get(TerminalKey, (signed.entry.terminal, signed.key_id))
    if known is None:
        return "unknown-key"
    try:
        public = bytes.fromhex(known.public)
        verify_entry(suite_of(known.suite).verifier(known.key_id, public), signed)
    except SealError:
        return "bad"
    return "good"
