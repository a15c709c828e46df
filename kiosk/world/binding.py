"""Several photographed pages of one material become one PDF before they are saved.

A department gets one file for each paper, its pages in their order, and a slow line carries
less. Where the pages cannot be bound they stay as they are: nothing that was handed in is lost.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from devices.document.pdf import LIMIT_BYTES, make_pdf
from kiosk.application.draft import Attachment, Draft, MaterialRecord
from kiosk.logs import note

_PAGE: Final = "image/jpeg"
_BOUND: Final = "application/pdf"


def bound(draft: Draft, limit_bytes: int = LIMIT_BYTES) -> Draft:
    """The draft with one PDF of at most `limit_bytes` for each material of several pages.

    Takes up to some seconds where pages have to be made smaller: not for the screen's thread.
    """
    return replace(draft, materials=tuple(_bound(each, limit_bytes) for each in draft.materials))


def _bound(material: MaterialRecord, limit_bytes: int) -> MaterialRecord:
    pages = material.attachments
    if len(pages) < 2 or any(page.media_type != _PAGE for page in pages):
        return material
    try:
        pdf = make_pdf([page.data for page in pages], limit_bytes)
    except Exception as error:  # noqa: BLE001 - whatever it is, the pages are kept
        note("pages-not-bound", kind=type(error).__name__)
        return material
    return replace(material, attachments=(Attachment(f"{material.id}-1", _BOUND, pdf),))
