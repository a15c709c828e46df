"""How long a receipt takes to become a PDF, and the PDF a printer's dots.

Beside the first an empty page of the same library, beside the second poppler alone, which draws
it in a process of its own.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import time
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import yaml
from reportlab.pdfgen.canvas import Canvas

from devices.printers.raster import DPI, bands, draw
from devices.worker import Cancel
from kiosk.receipts.content import Delivery, Owed, Receipt
from kiosk.receipts.layout.pdf import render

_ROUNDS = 30
_WORDS = Path(__file__).parents[2] / "config" / "words" / "receipt.zh.yaml"


def run() -> list[tuple[str, float, str, str, float]]:
    """(name, value, unit, comparison name, comparison value) per figure; medians, and the
    first receipt of a process, which loads the fonts."""
    text = yaml.safe_load(_WORDS.read_text(encoding="utf-8"))
    words = {key: str(value) for key, value in text.items()}
    plain, rare = _receipt("陈**", "户口簿"), _receipt("䶮**", "𠮷田户口簿")
    empty_ms = _median_ms(_empty)
    started = time.perf_counter()
    render(plain, words)
    first_ms = (time.perf_counter() - started) * 1000
    pdf = render(rare, words)
    return [
        ("receipt, first of the process", first_ms, "ms", "empty page", empty_ms),
        (
            "receipt",
            _median_ms(lambda: render(plain, words)),
            "ms",
            "empty page",
            empty_ms,
        ),
        (
            "receipt with rare characters",
            _median_ms(lambda: render(rare, words)),
            "ms",
            "empty page",
            empty_ms,
        ),
        (
            "receipt to dots and commands",
            _median_ms(lambda: b"".join(band.command for band in bands(draw(pdf, Cancel())))),
            "ms",
            "pdftoppm alone",
            _median_ms(lambda: _poppler(pdf)),
        ),
    ]


def _poppler(pdf: bytes) -> bytes:
    command = ["pdftoppm", "-mono", "-r", str(DPI), "-"]
    return subprocess.run(command, input=pdf, capture_output=True, check=True).stdout


def _median_ms(action: Callable[[], bytes]) -> float:
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def _empty() -> bytes:
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(226.77, 500), invariant=1, pageCompression=1)
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def _receipt(applicant: str, material: str) -> Receipt:
    return Receipt(
        language="zh",
        item="往来港澳通行证签注",
        number="LW042-00317-6",
        saved_at=datetime(2026, 11, 21, 21, 23),  # noqa: DTZ001 - civil time as shown
        clock_trusted=True,
        terminal="LW042",
        site="永兴街道",
        delivery=Delivery.KEPT,
        applicant=applicant,
        department="出入境管理局",
        situation="探亲，成年人，一年多次",
        handed_in=("身份证", "往来港澳通行证", material),
        owed=(Owed("在职证明（单位盖章）", date(2026, 12, 5)),),
        contact="138****6612",
        ask_phone="0577-12345",
        ask_hours="工作日8:30–17:00",
        take_along=("身份证", "通行证"),
        qr="https://example.org/q/LW042-00317-6",
    )
