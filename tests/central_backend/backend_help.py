"""A small valid application, for tests of the backend and of its contract."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from kiosk.contract import (
    ApplicationDocument,
    Attachment,
    CivilTime,
    DocumentKind,
    HandedMaterial,
    ItemRef,
    MaterialStatus,
    PartyOnPaper,
    TerminalRef,
    digest,
)
from offline_queue.numbers import format_number

WAIT_S = 20


def make_document(
    running: int, *, parts: dict[str, bytes] | None = None, name: str = "张三"
) -> ApplicationDocument:
    """A small valid application whose one material has `parts`."""
    attachments = tuple(
        Attachment(id=id_, sha256=digest(data), bytes=len(data), media_type="image/jpeg")
        for id_, data in (parts or {}).items()
    )
    return ApplicationDocument(
        application_id=uuid.uuid4().hex,
        receipt_number=format_number("LW042", running),
        terminal=TerminalRef(code="LW042"),
        item=ItemRef(code="sample-item", kind="apply", pack="0123abcd"),
        created=CivilTime(at=datetime(2026, 5, 10, 9, 0, tzinfo=UTC), clock_trusted=True),
        language="zh",
        parties=(
            PartyOnPaper(
                role="applicant",
                name=name,
                document_kind=DocumentKind.RESIDENT_ID,
                number="99010219530412002X",
            ),
        ),
        materials=(
            HandedMaterial(id="paper", status=MaterialStatus.HANDED_IN, attachments=attachments),
            HandedMaterial(id="photo", status=MaterialStatus.PLEDGED),
        ),
    )
