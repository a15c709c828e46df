"""Codes of the province's app: for a minute, once, and whoever asks twice hears the same."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests
from backend_help import WAIT_S
from pydantic import ValidationError
from sqlalchemy import Engine, text

from central_backend.database import connect
from central_backend.embedded import EmbeddedBackend
from central_backend.identity_codes import LIVES, IdentityCodes
from central_backend.migrations import migrate
from central_backend.retention import purge
from central_backend.settings import Retention
from kiosk.contract import (
    CodeAnswer,
    CodeQuestion,
    CodeState,
    DocumentKind,
    QuestionParty,
    canonical_bytes,
)

LI = QuestionParty(
    name="李样本", document_kind=DocumentKind.RESIDENT_ID, number="990102195304120027"
)


class Minutes:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Minutes:
    return Minutes()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = connect(database_url)
    migrate(made)
    yield made
    made.dispose()


@pytest.fixture
def codes(engine: Engine, clock: Minutes) -> IdentityCodes:
    return IdentityCodes(engine, now=clock)


def question(code: str, request_id: str = "") -> CodeQuestion:
    return CodeQuestion(request_id=request_id or uuid.uuid4().hex, terminal="LW042", code=code)


def test_a_code_says_who_showed_it_once(codes: IdentityCodes) -> None:
    code = codes.make(LI)
    first = codes.ask(question(code))
    assert (first.state, first.party) == (CodeState.GOOD, LI)
    second = codes.ask(question(code))
    assert (second.state, second.party) == (CodeState.USED, None)


def test_who_lost_the_answer_gets_it_again(codes: IdentityCodes, clock: Minutes) -> None:
    asked = question(codes.make(LI))
    assert codes.ask(asked) == codes.ask(asked)
    clock.at += LIVES
    assert codes.ask(asked).party is None, "after its minute nobody is told"


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (LIVES - timedelta(seconds=1), CodeState.GOOD),
        (LIVES, CodeState.EXPIRED),
        (timedelta(hours=3), CodeState.EXPIRED),
        (timedelta(days=2), CodeState.UNKNOWN),
    ],
)
def test_a_code_lives_for_a_minute(
    codes: IdentityCodes, clock: Minutes, after: timedelta, state: CodeState
) -> None:
    code = codes.make(LI)
    clock.at += after
    assert codes.ask(question(code)).state is state


def test_a_code_that_nobody_made_is_nobodys(codes: IdentityCodes) -> None:
    codes.make(LI)
    assert codes.ask(question("YBM1:" + "A" * 26)).state is CodeState.UNKNOWN


def test_of_many_who_ask_at_once_one_is_told(codes: IdentityCodes) -> None:
    code = codes.make(LI)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(codes.ask, [question(code) for _ in range(12)]))
    states = [answer.state for answer in answers]
    assert sorted(states) == [CodeState.GOOD, *[CodeState.USED] * 11]


@pytest.mark.parametrize("nightly", [False, True])
def test_who_it_was_is_forgotten_with_the_minute(
    codes: IdentityCodes, clock: Minutes, engine: Engine, *, nightly: bool
) -> None:
    code = codes.make(LI)
    codes.ask(question(code))
    clock.at += LIVES
    if nightly:
        purge(engine, Retention(), clock())
    else:
        codes.make(LI.model_copy(update={"name": "王样本"}))
    with engine.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM identity_code")).all())
    assert "李样本" not in rows
    assert code not in rows
    assert ("王样本" in rows) is not nightly


def test_the_door_itself() -> None:
    with EmbeddedBackend() as backend:
        asked = question(backend.identity_code(LI))
        door = f"{backend.url}/v1/identity-codes"
        said = requests.post(door, canonical_bytes(asked), timeout=WAIT_S)
        assert CodeAnswer.model_validate_json(said.content).party == LI
        assert said.headers["cache-control"] == "no-store"
        other = canonical_bytes(asked).replace(b"YBM1:", b"PAY1:")
        refused = requests.post(door, other, timeout=WAIT_S)
        assert refused.status_code == 422
        assert b"PAY1" not in refused.content


def test_the_contract_names_a_party_for_a_good_code_only() -> None:
    asked = question("YBM1:" + "A" * 26)
    told = {"request_id": asked.request_id, "sample": True}
    with pytest.raises(ValidationError):
        CodeAnswer.model_validate({"state": CodeState.GOOD, **told})
    with pytest.raises(ValidationError):
        CodeAnswer.model_validate({"state": CodeState.USED, "party": LI, **told})
    good = CodeAnswer.model_validate({"state": CodeState.GOOD, "party": LI, **told})
    assert asked.code not in repr(asked)
    assert LI.name not in repr(good)
