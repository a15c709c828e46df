"""Certificates, records and their paper: the same request, the same answer, every character."""

from __future__ import annotations

import base64
import io
import logging
import re
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import requests
from backend_help import WAIT_S
from pdfminer.high_level import extract_text
from pypdf import PdfReader
from shipped import shipped_pack

from central_backend.database import connect
from central_backend.embedded import EmbeddedBackend
from central_backend.migrations import migrate
from central_backend.paper import CertificateSheet, certificate_pdf
from central_backend.samples import TITLES, find
from central_backend.sheets import SHEETS, chosen
from central_backend.throttle import Throttle
from kiosk.catalogue.model import Kind, Pack
from kiosk.contract import (
    CentralQuestion,
    CertificateAnswer,
    DocumentKind,
    Line,
    NothingFound,
    QuestionParty,
    RecordKind,
    RecordsAnswer,
    RecordTable,
    Words,
    canonical_bytes,
    central_answer,
)

NUMBER = "990102195304120027"


def question(
    record: RecordKind,
    *,
    name: str = "李样本",
    number: str = NUMBER,
    request_id: str = "",
    item: str = "sample-item",
) -> CentralQuestion:
    """What a terminal asks."""
    return CentralQuestion(
        request_id=request_id or uuid.uuid4().hex,
        terminal="LW042",
        item=item,
        record=record,
        party=QuestionParty(name=name, document_kind=DocumentKind.RESIDENT_ID, number=number),
    )


@pytest.fixture(scope="module")
def pack() -> Pack:
    """The catalogue that is shipped."""
    return shipped_pack()


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedBackend]:
    with EmbeddedBackend() as running:
        yield running


def ask(server: EmbeddedBackend, door: str, asked: CentralQuestion) -> requests.Response:
    return requests.post(f"{server.url}/v1/{door}", canonical_bytes(asked), timeout=WAIT_S)


def test_a_certificate_can_be_verified_and_names_nobody(server: EmbeddedBackend) -> None:
    answer = central_answer(
        ask(server, "certificates", question(RecordKind.SOCIAL_INSURANCE)).content
    )
    assert isinstance(answer, CertificateAnswer)
    assert answer.sample
    assert NUMBER not in answer.verify_url
    assert "李" not in answer.verify_url
    told = requests.get(answer.verify_url, timeout=WAIT_S).json()
    assert (told["genuine"], told["masked_name"]) == (True, "李**")
    page = requests.get(answer.verify_url, headers={"Accept": "text/html"}, timeout=WAIT_S)
    assert page.headers["content-type"].startswith("text/html")
    assert "真实有效" in page.text
    assert "李样本" not in page.text
    for url in (
        answer.verify_url + "X",
        answer.verify_url.split("?")[0],
        answer.verify_url.replace(answer.certificate_no, "S20260101000009"),
    ):
        assert requests.get(url, timeout=WAIT_S).json()["genuine"] is False
    odd = f"{server.url}/v1/certificates/<b>x/verify?code=1"
    assert requests.get(odd, timeout=WAIT_S).status_code == 404


def test_the_same_request_gets_the_same_answer(server: EmbeddedBackend) -> None:
    asked = question(RecordKind.SOCIAL_INSURANCE)
    first = ask(server, "certificates", asked)
    assert ask(server, "certificates", asked).content == first.content
    other = question(RecordKind.WATER_BILL, request_id=asked.request_id)
    conflict = ask(server, "queries", other)
    assert (conflict.status_code, conflict.json()["code"]) == (409, "conflict")


AGED = "990102195304120027"  # 73 on that day, a woman
GROWN = "990103198508200031"
CHILD = "99010320180820001X"
TODAY = date(2026, 11, 21)
INVENTED = [kind for kind in RecordKind if kind is not RecordKind.CASES]


def texts(tables: Iterable[RecordTable]) -> Iterator[Words]:
    """Every text that somebody reads."""
    for one in tables:
        yield one.title
        for row in one.rows:
            yield from (row.label, row.value)


@pytest.mark.parametrize("kind", INVENTED)
def test_a_register_has_records_in_both_languages(kind: RecordKind) -> None:
    assert TITLES[kind].zh
    found = find(kind, AGED, TODAY)
    assert found
    assert find(kind, AGED, TODAY) == found, "the same number, the same records"
    assert find(kind, GROWN, TODAY) != found
    assert find(kind, AGED[:14] + "9990", TODAY) == {}
    for one in found.values():
        assert len(one.rows) >= 1
        labels = [row.label.zh for row in one.rows]
        assert len(set(labels)) == len(labels)
    for text in texts(found.values()):
        assert text.zh
        assert text.en
        assert re.search("[\u4e00-\u9fff]", text.en) is None or text.en.startswith("浙"), text.en
        assert "None" not in text.zh


@pytest.mark.parametrize(
    ("kind", "part", "number", "there"),
    [
        (RecordKind.PENSION, "paid", AGED, True),
        (RecordKind.PENSION, "paid", GROWN, False),
        (RecordKind.PENSION, "account", GROWN, True),
        (RecordKind.SENIOR_BENEFITS, "benefits", AGED, True),
        (RecordKind.SENIOR_BENEFITS, "benefits", GROWN, False),
        (RecordKind.MARRIAGE, "registration", GROWN, True),
        (RecordKind.MARRIAGE, "registration", CHILD, False),
        (RecordKind.PENSION, "account", "E12345678", True),
    ],
)
def test_records_fit_the_age(kind: RecordKind, part: str, number: str, there: bool) -> None:
    assert (part in find(kind, number, TODAY)) is there


@pytest.mark.parametrize("item", sorted(SHEETS))
def test_a_sheet_shows_parts_that_its_register_has(item: str, pack: Pack) -> None:
    sheet = SHEETS[item]
    entry = pack.items[item]
    assert entry.record is not None, "only what looks into a register has a sheet"
    assert entry.record is sheet.kind
    found = find(sheet.kind, AGED, TODAY)
    assert set(sheet.parts) <= set(found)
    shown = chosen(sheet, found)
    assert shown
    assert [one for one in found.values() if one in shown] == list(shown)
    if sheet.nothing is not None:
        assert chosen(sheet, {}) == (sheet.nothing,)


def test_every_certificate_of_the_catalogue_has_its_own_title(pack: Pack) -> None:
    certificates = [one for one in pack.items.values() if one.kind is Kind.CERTIFICATE]
    titles = [SHEETS[one.code].title.zh for one in certificates]
    assert len(set(titles)) == len(titles) > 10


@pytest.mark.parametrize(
    ("item", "record", "number", "says", "silent"),
    [
        ("SB-004", RecordKind.PENSION, AGED, "每月养老金", "个人账户储存额"),
        ("GJJ-002", RecordKind.HOUSING_FUND, GROWN, "本息已全部结清", "月缴存额"),
        ("FC-003", RecordKind.REAL_ESTATE, AGED[:14] + "9990", "没有登记的房屋", "坐落"),
    ],
)
def test_a_certificate_says_what_its_item_is_for(
    server: EmbeddedBackend, item: str, record: RecordKind, number: str, says: str, silent: str
) -> None:
    asked = question(record, number=number, item=item)
    answer = central_answer(ask(server, "certificates", asked).content)
    assert isinstance(answer, CertificateAnswer)
    assert answer.title == SHEETS[item].title
    paper = base64.b64decode(answer.pdf)
    assert len(PdfReader(io.BytesIO(paper)).pages) == 1
    flat = re.sub(r"\s", "", extract_text(io.BytesIO(paper)))
    for wanted in (answer.title.zh, number, "李样本", says, "样本", answer.verify_code):
        assert wanted in flat
    assert silent not in flat
    assert [row.value.zh for row in answer.lines][:3] == ["李样本", "居民身份证", number]


def test_nobody_without_a_pension_gets_a_certificate_of_one(server: EmbeddedBackend) -> None:
    asked = question(RecordKind.PENSION, number=GROWN, item="SB-004")
    answer = central_answer(ask(server, "certificates", asked).content)
    assert isinstance(answer, NothingFound)


@pytest.mark.parametrize("record", [RecordKind.REAL_ESTATE, RecordKind.WATER_BILL])
def test_queries_answer_with_records(server: EmbeddedBackend, record: RecordKind) -> None:
    answer = central_answer(ask(server, "queries", question(record)).content)
    assert isinstance(answer, RecordsAnswer)
    assert answer.sample
    assert all(row.label.zh and row.label.en for table in answer.records for row in table.rows)


@pytest.mark.parametrize("door", ["queries", "certificates"])
def test_nothing_found_is_an_answer(server: EmbeddedBackend, door: str) -> None:
    asked = question(RecordKind.REAL_ESTATE, number="990102195304129999"[:14] + "9990")
    answer = central_answer(ask(server, door, asked).content)
    assert isinstance(answer, NothingFound)


def test_the_paper_says_everything_to_two_extractors() -> None:
    name = "欧阳\U00020000\U0002ce93\ue123"
    lines = [
        Line(label=Words(zh="姓名", en="Name"), value=Words(zh=name, en=name)),
        *(
            Line(
                label=Words(zh=f"第{i}行", en=f"Row {i}"),
                value=Words(zh="很长的内容" * 20, en="a rather long content " * 10),
            )
            for i in range(12)
        ),
    ]
    pdf = certificate_pdf(
        CertificateSheet(
            title=Words(zh="社会保险参保证明", en="Certificate of social insurance"),
            certificate_no="S20260510000001",
            verify_code="ABCDEFGH23",
            verify_url="http://127.0.0.1/v1/certificates/S20260510000001/verify?code=ABCDEFGH23",
            issued="2026-05-10",
            tables=[
                RecordTable(title=Words(zh="本人", en="Holder"), rows=tuple(lines[:1])),
                RecordTable(title=Words(zh="内容", en="Contents"), rows=tuple(lines[1:])),
            ],
        )
    )
    reader = PdfReader(io.BytesIO(pdf))
    assert len(reader.pages) > 1
    assert f"第 1 页，共 {len(reader.pages)} 页" in reader.pages[0].extract_text()
    assert (reader.pages[0].mediabox.width, reader.pages[0].mediabox.height) == pytest.approx(
        (595.28, 841.89), abs=0.1
    )
    texts = {
        "pypdf": "".join(page.extract_text() for page in reader.pages),
        "pdfminer": extract_text(io.BytesIO(pdf)),
    }
    for text in texts.values():
        flat = re.sub(r"\s", "", text)
        assert "欧阳\U00020000\U0002ce93[U+E123]" in flat
        assert "社会保险参保证明" in flat
        assert "样本" in flat
        assert flat.count("很") == 240
        assert "内容Contents" in flat
        assert "Holder" not in flat
        assert "S20260510000001" in flat


def test_no_personal_data_in_any_log(
    server: EmbeddedBackend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ask(server, "certificates", question(RecordKind.SOCIAL_INSURANCE, name="秘密姓名"))
    requests.post(f"{server.url}/v1/queries", b'{"name":"%s"}' % NUMBER.encode(), timeout=WAIT_S)
    assert NUMBER not in caplog.text
    assert "秘密姓名" not in caplog.text


def test_the_throttle_forgets_with_time_and_workers_count_together() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    engine = connect("sqlite://")
    migrate(engine)
    one, two = (
        Throttle(engine, "door", most_failures=2, span_s=10, now=lambda: now) for _ in range(2)
    )
    one.failed("a")
    assert one.wait_s("a") == 0
    now += timedelta(seconds=4)
    two.failed("a")
    assert one.wait_s("a") == 6.0
    assert one.wait_s("b") == 0
    elsewhere = Throttle(engine, "other", most_failures=2, span_s=10, now=lambda: now)
    assert elsewhere.wait_s("a") == 0
    now += timedelta(seconds=6.5)
    assert two.wait_s("a") == 0
    engine.dispose()
