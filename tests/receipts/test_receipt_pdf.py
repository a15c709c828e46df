"""A receipt says everything, to eyes, to two text extractors and to a phone's camera."""

from __future__ import annotations

import io
import subprocess
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pypdf
import pytest
import yaml

from kiosk.receipts.content import (
    BringList,
    BringMaterial,
    Component,
    Delivery,
    Owed,
    Receipt,
    Stub,
    mask_name,
    mask_phone,
)
from kiosk.receipts.layout.pdf import render, render_bring_list, render_stub
from kiosk.receipts.raster import RasterError, render_png

WORDS_DIR = Path(__file__).parents[2] / "config" / "words"
QR = "https://example.org/q/LW042-00317-6"


def words(language: str) -> dict[str, str]:
    text = (WORDS_DIR / f"receipt.{language}.yaml").read_text(encoding="utf-8")
    return {key: str(value) for key, value in yaml.safe_load(text).items()}


WORDS = {"zh": words("zh"), "en": words("en")}


def receipt(**changes: Any) -> Receipt:
    base = Receipt(
        language="zh",
        item="往来港澳通行证签注",
        number="LW042-00317-6",
        saved_at=datetime(2026, 11, 21, 21, 23),  # noqa: DTZ001 - civil time as shown
        clock_trusted=True,
        terminal="LW042",
        site="永兴街道",
        delivery=Delivery.KEPT,
        applicant=mask_name("陈小明"),
        department="出入境管理局",
        situation="探亲，成年人",
        handed_in=("身份证", "往来港澳通行证"),
        owed=(Owed("在职证明", date(2026, 12, 5)),),
        result_by="邮寄到家",
        contact=mask_phone("13812346612"),
        ask_phone="0577-12345",
        ask_hours="工作日8:30–17:00",
        take_along=("身份证", "通行证"),
        qr=QR,
    )
    return replace(base, **changes)


def stub(**changes: Any) -> Stub:
    base = Stub(
        language="zh",
        number="LW042-00317-6",
        saved_at=datetime(2026, 11, 21, 21, 23),  # noqa: DTZ001
        clock_trusted=True,
        terminal="LW042",
        delivery=Delivery.KEPT,
        ask_phone="0577-12345",
    )
    return replace(base, **changes)


def by_poppler(pdf: bytes) -> str:
    done = subprocess.run(
        ["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True, timeout=20
    )
    return done.stdout.decode()


def by_pypdf(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def squeezed(text: str) -> str:
    return "".join(text.split())


def picture(pdf: bytes, dpi: int = 203) -> np.ndarray[Any, Any]:
    data = np.frombuffer(render_png(pdf, dpi), np.uint8)
    grey = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert grey is not None
    return grey


@pytest.mark.parametrize("extract", [by_poppler, by_pypdf])
def test_two_extractors_read_everything_that_matters(extract: Any) -> None:
    text = squeezed(extract(render(receipt(), WORDS["zh"])))
    for part in (
        "往来港澳通行证签注",
        "LW042-00317-6",
        "2026年11月21日21:23",
        "陈**",
        "138****6612",
        "探亲，成年人",
        "在职证明",
        "2026年12月5日前补交",
        "0577-12345",
        "请拿好身份证、通行证",
        "不是受理凭证",
    ):
        assert part in text


def test_what_is_owed_is_due_in_days_where_the_clock_may_be_wrong() -> None:
    owing = receipt(owed=(Owed("在职证明", None, 15),), result_note="带身份证到出入境管理局取。")
    text = squeezed(by_poppler(render(owing, WORDS["zh"])))
    assert "15天内补交" in text
    assert "带身份证到出入境管理局取。" in text


@pytest.mark.parametrize("extract", [by_poppler, by_pypdf])
def test_rare_characters_survive_in_every_plane(extract: Any) -> None:
    names = ("䶮㛃", "𠮷田", "𫚉𬭎", "镕堃喆祎")
    text = squeezed(extract(render(receipt(handed_in=names), WORDS["zh"])))
    for name in names:
        assert name in text


def test_private_use_and_unknown_characters_are_spelled_out() -> None:
    # \ue863 has a drawing in no standard; U+3FFFD is no character; a lone half is none either.
    content = receipt(handed_in=("\ue863某", "\U0003fffd", "\ud842"))
    text = squeezed(by_poppler(render(content, WORDS["zh"])))
    assert "[U+E863]某" in text
    assert "[U+3FFFD]" in text
    assert "[U+D842]" in text


def test_every_font_is_embedded_with_a_character_map() -> None:
    page = pypdf.PdfReader(io.BytesIO(render(receipt(applicant="䶮**"), WORDS["zh"]))).pages[0]
    fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert len(fonts) >= 2
    for font in fonts:
        assert "/FontFile2" in font["/FontDescriptor"]
        assert "/ToUnicode" in font


def test_same_content_same_bytes() -> None:
    assert render(receipt(), WORDS["zh"]) == render(receipt(), WORDS["zh"])
    assert render(receipt(), WORDS["zh"]) != render(receipt(number="LW042-00318-4"), WORDS["zh"])


def test_roll_is_80_mm_wide_and_nothing_leaves_its_72_mm() -> None:
    long = "申请" * 40
    pdf = render(receipt(item=long, applicant=long, handed_in=(long, "x" * 90)), WORDS["zh"])
    box = pypdf.PdfReader(io.BytesIO(pdf)).pages[0].mediabox
    assert float(box.width) == pytest.approx(80 * 72 / 25.4, abs=0.01)
    dark = picture(pdf) < 128
    columns = np.flatnonzero(dark.any(axis=0))
    margin = 4 / 25.4 * 203
    assert columns[0] >= margin - 2
    assert columns[-1] <= dark.shape[1] - margin + 2


def test_paper_is_as_long_as_the_content() -> None:
    short = pypdf.PdfReader(io.BytesIO(render_stub(stub(), WORDS["zh"]))).pages[0].mediabox
    long = pypdf.PdfReader(io.BytesIO(render(receipt(), WORDS["zh"]))).pages[0].mediabox
    assert 60 < float(short.height) * 25.4 / 72 < 140
    assert short.height < long.height


def test_number_is_at_least_5_mm_high() -> None:
    pdf = render_stub(stub(), WORDS["zh"])
    dark = picture(pdf) < 128
    rows = [bool(row.any()) for row in dark]
    heights, start = [], None
    for index, inked in enumerate(rows):
        if inked and start is None:
            start = index
        elif not inked and start is not None:
            heights.append((index - start) / 203 * 25.4)
            start = None
    # Bands of ink: brand, title, rule, label, number; the number is the highest line of text.
    assert 5.0 <= max(heights[:5]) <= 9.0


@pytest.mark.parametrize("content", [QR, "回执号 LW042-00317-6，电话 0577-12345", "9" * 120])
def test_a_camera_reads_the_qr_code(content: str) -> None:
    grey = picture(render(receipt(qr=content), WORDS["zh"]))
    found, _, _ = cv2.QRCodeDetector().detectAndDecode(cv2.resize(grey, None, fx=2, fy=2))
    assert found == content


def test_no_qr_no_word_of_scanning() -> None:
    text = squeezed(by_poppler(render(receipt(qr=""), WORDS["zh"])))
    assert "扫码" not in text
    assert "报回执号就能查" in text


def test_offline_says_kept_and_never_received() -> None:
    text = squeezed(by_poppler(render(receipt(), WORDS["zh"])))
    assert "已在本机存好" in text
    assert "自动送到出入境管理局" in text
    assert "已送达" not in text


def test_received_says_case_number_and_never_accepted() -> None:
    content = receipt(delivery=Delivery.RECEIVED, case_number="33030320261121000317")
    text = squeezed(by_poppler(render(content, WORDS["zh"])))
    assert "已送达出入境管理局" in text
    assert "33030320261121000317" in text
    assert "已受理" not in text
    assert "已在本机存好" not in text


def test_case_number_of_an_unsent_application_is_refused() -> None:
    with pytest.raises(ValueError, match="case number"):
        receipt(case_number="1")


def test_bundle_names_items_and_departments() -> None:
    parts = (Component("养老保险待遇核定", "社保中心"), Component("公积金提取", "公积金中心"))
    text = squeezed(by_poppler(render(receipt(components=parts), WORDS["zh"])))
    assert "共2项" in text
    for part in parts:
        assert part.item in text
        assert part.department in text


def test_wrong_clock_is_admitted() -> None:
    trusted = by_poppler(render(receipt(), WORDS["zh"]))
    wrong = by_poppler(render(receipt(clock_trusted=False), WORDS["zh"]))
    assert "未校准" not in trusted
    assert "未校准" in wrong


def test_marks_of_sample_and_demo() -> None:
    plain = by_poppler(render(receipt(), WORDS["zh"]))
    assert "样本" not in plain
    assert "演示" not in plain
    marked = by_poppler(render(receipt(sample=True, simulated=True), WORDS["zh"]))
    assert "样本" in marked
    assert "演示" in marked


def test_english_receipt_has_no_chinese_static_word() -> None:
    content = receipt(
        language="en",
        item="Endorsement",
        site="Yongxing",
        department="Exit-Entry Administration",
        situation="A visit",
        applicant="Chen **",
        handed_in=("ID card",),
        owed=(Owed("Proof of the company’s consent", date(2026, 12, 5)),),
        result_by="By post",
        ask_hours="Mon to Fri",
        take_along=("ID card",),
        clock_trusted=False,
        sample=True,
        simulated=True,
    )
    text = by_poppler(render(content, WORDS["en"]))
    assert not [char for char in text if char >= "\u2e80"]
    assert "by 5 December 2026" in text
    assert "company's" in text


def test_words_have_the_same_keys_and_braces_in_both_languages() -> None:
    assert WORDS["zh"].keys() == WORDS["en"].keys()
    for key, text in WORDS["zh"].items():
        if key == "receipt.date":
            continue
        braces = {part.split("}")[0] for part in text.split("{")[1:]}
        assert braces == {part.split("}")[0] for part in WORDS["en"][key].split("{")[1:]}, key
    assert all(key.startswith("receipt.") for key in WORDS["zh"])


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_brace_is_left_on_paper(language: Any) -> None:
    full = receipt(language=language, components=(Component("a", "b"),), sample=True)
    for pdf in (
        render(full, WORDS[language]),
        render_stub(stub(language=language, qr=QR), WORDS[language]),
        render_bring_list(bring(language=language), WORDS[language]),
    ):
        assert "{" not in by_poppler(pdf)


def bring(**changes: Any) -> BringList:
    base = BringList(
        language="zh",
        item="户口投靠",
        materials=(
            BringMaterial("结婚证", "证明夫妻关系", "婚姻登记处", "原件"),
            BringMaterial("户口簿", "确认迁入地址"),
        ),
        not_today="结婚未满两年",
        already_held=("不动产登记信息",),
        later=("照片",),
        where="2号窗口",
        hours="工作日",
        fee="不收费",
        days="20个工作日",
        ask_phone="0577-12345",
        printed_on=date(2026, 11, 21),
        qr=QR,
    )
    return replace(base, **changes)


@pytest.mark.parametrize("media", ["80mm", "a4"])
def test_bring_list_says_what_why_and_where(media: Any) -> None:
    text = squeezed(by_poppler(render_bring_list(bring(), WORDS["zh"], media)))
    for part in (
        "结婚证",
        "为什么要：证明夫妻关系",
        "哪里办：婚姻登记处",
        "现在还办不成",
        "不动产登记信息",
        "2号窗口",
        "2026年11月21日打印",
    ):
        assert part in text


def test_long_bring_list_takes_a_second_a4_page_and_loses_no_line() -> None:
    materials = tuple(BringMaterial(f"材料{number:03}", "原因") for number in range(60))
    pdf = render_bring_list(bring(materials=materials), WORDS["zh"], "a4")
    assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) >= 2
    text = by_poppler(pdf)
    assert all(material.name in text for material in materials)


def test_nothing_to_bring_is_said() -> None:
    text = by_poppler(render_bring_list(bring(materials=()), WORDS["zh"]))
    assert "什么都不用带" in squeezed(text)


def test_repr_and_document_information_hold_nothing_personal() -> None:
    content = receipt()
    assert "138" not in repr(content)
    assert "陈" not in repr(content)
    information = str(pypdf.PdfReader(io.BytesIO(render(content, WORDS["zh"]))).metadata)
    assert "陈" not in information
    assert content.number not in information


@pytest.mark.parametrize(
    ("name", "masked"),
    [("陈小明", "陈**"), ("𠮷田", "𠮷**"), ("\ue863", "\ue863**"), (" ", ""), ("John", "J**")],
)
def test_mask_name(name: str, masked: str) -> None:
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("138 1234 6612", "138****6612"), ("88345678", "****78"), ("", ""), ("12", "****12")],
)
def test_mask_phone(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


def test_raster_says_that_a_page_cannot_be_drawn() -> None:
    with pytest.raises(RasterError):
        render_png(b"no pdf")
