"""Words are whole: both languages, every notice and fault, every icon and step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.words import Words, WordsError, load_words
from devices.errors import Fault
from kiosk.journey.terms import StepName

NOTICES = [
    "card-absent",
    "card-removed",
    "card-not-selected",
    "card-not-genuine",
    "card-unreadable",
    "card-wrong-kind",
    "card-expired",
    "card-not-yet-valid",
    "card-not-yours",
    "card-same-person",
    "reader-absent",
    "reader-silent",
    "reader-garbled",
    "reader-staff",
    "camera-absent",
    "camera-stalled",
    "face-different",
    "face-not-seen",
    "face-engine",
    "face-portrait",
    "face-refused",
    "code-not-identity",
    "code-expired",
    "code-used",
    "code-other-person",
    "code-line-down",
    "code-not-shown",
    "code-unreadable",
    "code-reader-absent",
    "no-paper-found",
    "document-camera-absent",
    "printer-absent",
    "paper-out",
    "paper-low",
    "print-failed",
    "print-unknown",
    "line-down",
    "line-needed",
    "central-nonsense",
    "central-refused",
    "disk-full",
    "queue-error",
    "queue-closed",
    "not-possible-now",
    "clock-not-trusted",
    "nothing-found",
    "answer-first",
    "saved-before-crash",
    "item-unavailable",
    "assistance-coming",
]
_NAMED = re.compile(r"\{([a-z_]+)\}")
_SCREENS = Path(__file__).parents[2] / "screens"


def test_both_languages_have_the_same_keys(words: Words) -> None:
    assert words.zh.keys() == words.en.keys()


def test_both_languages_fill_in_the_same_values(words: Words) -> None:
    wrong = [
        key
        for key in words.zh
        if set(_NAMED.findall(words.zh[key])) != set(_NAMED.findall(words.en[key]))
    ]
    assert wrong == []


@pytest.mark.parametrize("key", NOTICES)
def test_a_notice_says_what_happened_and_what_to_do_in_two_short_sentences(
    words: Words, key: str
) -> None:
    zh, en = words.zh[f"notice.{key}"], words.en[f"notice.{key}"]
    assert 1 <= zh.count("。") <= 2
    assert len(zh) <= 45
    assert 1 <= len(re.findall(r"[.!?](?:\s|$)", en)) <= 2
    assert len(en) <= 110


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.code)
def test_every_fault_has_words(words: Words, fault: Fault) -> None:
    assert words.text(f"fault.{fault.code}", "zh")
    assert words.text(f"fault.{fault.code}", "en")


@pytest.mark.parametrize("code", ["SE-03", "SE-04", "SE-05", "SE-06", "SE-08", "SE-09"])
def test_every_reason_why_nothing_can_be_sealed_has_words(words: Words, code: str) -> None:
    assert words.text(f"fault.{code}", "zh")
    assert words.text(f"fault.{code}", "en")


@pytest.mark.parametrize("step", StepName)
def test_every_step_has_help(words: Words, step: StepName) -> None:
    assert words.has(f"help.{step.value}")


_HALF_WIDTH = re.compile(
    r"[\u3400-\u9fff”》、。}][,:;?!()]|[,:;?!()][\u3400-\u9fff“《{]"
)  # between digits and Latin letters they are right


def test_chinese_sentences_have_full_width_punctuation(words: Words) -> None:
    ours = {key: text for key, text in words.zh.items() if not key.startswith("receipt.")}
    assert {key: text for key, text in ours.items() if _HALF_WIDTH.search(text)} == {}


def test_english_has_plain_punctuation(words: Words) -> None:
    # the fonts of the screen draw curly quotes, dots and ellipses as wide as Chinese characters
    ours = {key: text for key, text in words.en.items() if not key.startswith("receipt.")}
    wide = {key for key, text in ours.items() if re.search(r"[“”‘’…·]|\s[.,;:?!]", text)}
    assert wide - {"field.error.name"} == set()  # that one names the dot


def test_every_plain_key_in_the_screens_has_words(words: Words) -> None:
    used = {
        key
        for path in _SCREENS.glob("*.py")
        for key in re.findall(r'\.text\(\s*"([a-z0-9.-]+)"', path.read_text(encoding="utf-8"))
    }
    assert len(used) > 40
    assert sorted(key for key in used if not words.has(key)) == []


def test_a_missing_key_is_an_error(words: Words) -> None:
    with pytest.raises(KeyError):
        words.text("no.such.key", "zh")


def test_values_are_filled_in(words: Words) -> None:
    assert words.text("idle.text", "en", seconds=18).startswith("Touch the screen within 18")


@pytest.mark.parametrize(
    ("zh", "en", "says"),
    [
        ("a: 一\n", "a: one\nb: two\n", "b"),
        ("a: 一\na: 二\n", "a: one\n", "twice"),
        ("a: 1\n", "a: one\n", "must be a text"),
        ("- a\n", "a: one\n", "flat mapping"),
        ("a: [\n", "a: one\n", "ui.zh.yaml"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, zh: str, en: str, says: str) -> None:
    (tmp_path / "ui.zh.yaml").write_text(zh, encoding="utf-8")
    (tmp_path / "ui.en.yaml").write_text(en, encoding="utf-8")
    with pytest.raises(WordsError, match=says):
        load_words(tmp_path)


def test_a_key_in_two_files_of_a_language_is_refused(tmp_path: Path) -> None:
    for name in ("a.zh", "b.zh", "a.en"):
        (tmp_path / f"{name}.yaml").write_text("key: text\n", encoding="utf-8")
    with pytest.raises(WordsError, match=r"b\.zh\.yaml: key is defined twice"):
        load_words(tmp_path)
