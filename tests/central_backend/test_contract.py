"""The contract: one spelling, nothing unknown, nothing personal in a repr."""

from __future__ import annotations

import json

import pytest
from backend_help import make_document
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kiosk.contract import (
    ApplicationDocument,
    PartyOnPaper,
    QuestionParty,
    canonical_bytes,
    central_answer,
    digest,
)

# No surrogates: they are no characters, and UTF-8 cannot say them.
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50)


@given(texts, st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), texts | st.integers()))
def test_canonical_bytes_come_back_as_the_same_document(name: str, form: dict[str, str]) -> None:
    plain = json.loads(canonical_bytes(make_document(1, name=name)))
    plain["form"] = form
    document = ApplicationDocument.model_validate_json(json.dumps(plain))
    data = canonical_bytes(document)
    again = ApplicationDocument.model_validate_json(data)
    assert again == document
    assert canonical_bytes(again) == data
    assert again.parties[0].name == name


def test_the_spelling_itself() -> None:
    data = canonical_bytes(make_document(1, name="张\ue123\U00020000"))
    assert "张\ue123\U00020000".encode() in data
    assert b": " not in data
    keys = list(json.loads(data))
    assert keys == sorted(keys)
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"schema_version": 2},
        {"application_id": "ABC"},
        {"receipt_number": "nonsense"},
        {"language": "fr"},
        {"parties": []},
        {"created": {"at": "2026-05-10T09:00:00", "clock_trusted": True}},
        {"created": {"at": "2026-05-10T09:00:00Z", "clock_trusted": "yes"}},
        {"form": {"bad key!": "x"}},
        {"form": {"amount": 1.5}},
        {"materials": [{"id": "x", "status": "lost"}]},
    ],
)
def test_what_does_not_fit_is_refused_without_being_repeated(change: dict[str, object]) -> None:
    plain = json.loads(canonical_bytes(make_document(1, name="planted-name")))
    with pytest.raises(ValidationError) as caught:
        ApplicationDocument.model_validate_json(json.dumps({**plain, **change}))
    assert "planted-name" not in str(caught.value)
    assert "nonsense" not in str(caught.value)


def test_nobody_is_in_a_repr() -> None:
    document = make_document(1, name="planted-name")
    party = document.parties[0]
    asked = QuestionParty(name="planted-name", document_kind=party.document_kind, number="9901")
    shown = repr(document) + repr(party) + repr(asked)
    assert "planted-name" not in shown
    assert party.number not in shown
    assert PartyOnPaper.model_fields["number"].repr is False


@given(st.binary(max_size=80))
def test_any_bytes_are_an_answer_or_a_validation_error(data: bytes) -> None:
    with pytest.raises(ValidationError):
        central_answer(data)
