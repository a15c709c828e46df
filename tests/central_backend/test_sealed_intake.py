"""Sealed applications over real HTTP: filed once, opened whole, and everything odd is seen."""

from __future__ import annotations

import base64
import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from backend_help import (
    WAIT_S,
    SealingTerminal,
    hand_in,
    make_document,
    post_sealed,
    put_sealed,
)
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from central_backend import chain, keyring
from central_backend.cases import Cases
from central_backend.database import (
    AuditEntry,
    Case,
    CaseParty,
    ChainRow,
    Counter,
    Flag,
    Rejected,
    SameMatter,
    SealedPart,
    StoredApplication,
    StoredAttachment,
    StoredDocument,
    Terminal,
    TerminalKey,
)
from central_backend.embedded import EmbeddedBackend
from central_backend.intake import Intake, Taken
from kiosk.contract import canonical_bytes
from kiosk.contract.envelope import (
    Envelope,
    Handover,
    Heartbeat,
    HeartbeatAnswer,
    SealedPartList,
    SignedAcknowledgement,
    SignedKeySet,
)
from kiosk.contract.keys import pin, verified, verifier_from
from kiosk.contract.sealing import envelope_digest, seal, verify_acknowledgement
from kiosk.contract.suites import KeyUse, SuiteId, suite_of

PARTS = {"a": b"A" * 3000, "b": b"B" * 10}


def rows(backend: EmbeddedBackend, table: Any) -> list[Any]:
    with Session(backend.engine) as session:
        return list(session.scalars(select(table)))


def flags(backend: EmbeddedBackend, *, chain_too: bool = False) -> list[str]:
    """Kinds of all flags; nobody's key is enrolled here, which is a flag of its own."""
    kinds = [flag.kind for flag in rows(backend, Flag)]
    return kinds if chain_too else [kind for kind in kinds if kind != "chain-signature"]


@pytest.mark.parametrize("suite", list(SuiteId))
def test_filed_once_opened_whole_and_acknowledged_in_the_same_words(
    backend: EmbeddedBackend, suite: SuiteId
) -> None:
    terminal = SealingTerminal(backend.keyring, suite)
    document = make_document(1, parts=PARTS, name="欧阳\U00020000\ue123")
    sealed = terminal.seal(document, PARTS)
    body = terminal.handover(sealed)
    first = hand_in(backend.url, sealed, body)
    assert first.status_code == 201
    said = SignedAcknowledgement.model_validate_json(first.content)
    assert canonical_bytes(said) == first.content
    assert said.digest == envelope_digest(sealed.envelope)
    assert (said.sequence, said.suite) == (1, suite)
    verify_acknowledgement(verifier_from(backend.keyring.signed_set.key_set, said.key_id), said)
    for _ in range(3):
        again = post_sealed(backend.url, document.application_id, body)
        assert (again.status_code, again.content) == (200, first.content)
    assert put_sealed(backend.url, sealed, 1).status_code == 200, "known, though opened long ago"
    assert backend.effect_count(document.application_id) == 1
    (stored,) = backend.stored()
    assert stored["document"]["parties"][0]["name"] == "欧阳\U00020000\ue123"
    assert [a.data for a in rows(backend, StoredAttachment)] == list(PARTS.values())
    assert rows(backend, StoredDocument)[0].data == canonical_bytes(document)
    assert [part.data for part in rows(backend, SealedPart)] == [None, None, None]
    assert flags(backend) == []


def test_parts_resume_and_the_post_says_what_is_missing(backend: EmbeddedBackend) -> None:
    terminal = SealingTerminal(backend.keyring)
    document = make_document(1, parts=PARTS)
    sealed = terminal.seal(document, PARTS)
    body, id_ = terminal.handover(sealed), document.application_id
    assert put_sealed(backend.url, sealed, 0).status_code == 201
    assert put_sealed(backend.url, sealed, 0).status_code == 200
    torn = put_sealed(backend.url, sealed, 2, sealed.parts[2][:-1])
    assert torn.status_code == 201, "sealed bytes: nobody can tell yet"
    answer = post_sealed(backend.url, id_, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "incomplete")
    assert answer.json()["fields"] == ["1", "2"]
    listed = requests.get(f"{backend.url}/v1/applications/{id_}/parts", timeout=WAIT_S)
    there = SealedPartList.model_validate_json(listed.content).parts
    assert there[0] == sealed.envelope.parts[0]
    assert [part.ordinal for part in there] == [0, 2]
    assert hand_in(backend.url, sealed, body).status_code == 201


def test_other_bytes_under_the_same_id_change_nothing_and_are_shown(
    backend: EmbeddedBackend,
) -> None:
    terminal = SealingTerminal(backend.keyring)
    document = make_document(1)
    sealed = terminal.seal(document)
    first = hand_in(backend.url, sealed, terminal.handover(sealed))
    other = terminal.seal(document.model_copy(update={"language": "en"}))
    late = put_sealed(backend.url, other, 0)
    assert (late.status_code, late.json()["code"]) == (409, "conflict")
    for _ in range(2):
        body = terminal.handover(other)
        answer = post_sealed(backend.url, document.application_id, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    (stored,) = backend.stored()
    assert stored["document"]["language"] == "zh"
    assert stored["acknowledgement"] == first.json()
    (conflict,) = [f for f in rows(backend, Flag) if f.kind == "conflict"]
    assert (conflict.count, conflict.application_id) == (2, document.application_id)


def _another_id(document: Any) -> Any:
    return document.model_copy(update={"application_id": uuid.uuid4().hex})


def _another_number(document: Any) -> Any:
    return make_document(77).model_copy(update={"application_id": document.application_id})


@pytest.mark.parametrize("inside", [_another_id, _another_number])
def test_a_document_of_another_envelope_is_unreadable(
    backend: EmbeddedBackend, inside: Any
) -> None:
    terminal = SealingTerminal(backend.keyring)
    document = make_document(1)
    outside = terminal.seal(document).envelope.header
    wrong = inside(document)
    # Sealed honestly under the other header: the bytes are right, the content is not theirs.
    key = next(
        k
        for k in backend.keyring.signed_set.key_set.keys
        if (k.suite, k.use) == (SuiteId.INTERNATIONAL, KeyUse.SEAL)
    )
    sealed = seal(
        suite_of("1").sealer(key.id, key.public),
        (canonical_bytes(wrong),),
        application_id=outside.application_id,
        receipt_number=outside.receipt_number,
        terminal=outside.terminal,
        created=outside.created,
    )
    answer = hand_in(backend.url, sealed, terminal.handover(sealed))
    assert (answer.status_code, answer.json()["code"]) == (422, "unreadable")
    assert answer.json()["fields"] == ["document-of-another-envelope"]
    assert backend.stored() == []
    assert flags(backend) == ["unreadable"]
    assert [row.code for row in rows(backend, Rejected)] == ["document-of-another-envelope"]


def test_what_does_not_open_is_kept_sealed_and_shown(backend: EmbeddedBackend) -> None:
    terminal = SealingTerminal(backend.keyring)
    document = make_document(1, parts=PARTS, name="planted-name")
    sealed = terminal.seal(document, {"a": PARTS["a"], "b": b"not the same"})
    body = terminal.handover(sealed)
    answer = hand_in(backend.url, sealed, body)
    assert (answer.status_code, answer.json()["fields"]) == (422, ["attachments-differ"])
    assert "planted-name" not in answer.text
    # A stranger's key: nobody here can open it.
    stranger = SealingTerminal(keyring.in_memory(datetime.now(UTC)).keyring)
    foreign = stranger.seal(make_document(2))
    answer = hand_in(backend.url, foreign, stranger.handover(foreign))
    assert (answer.status_code, answer.json()["fields"]) == (422, ["SE-02"])
    assert set(flags(backend)) == {"unreadable", "chain-fork"}, "the stranger has no entry here"
    assert backend.stored() == []
    again = post_sealed(backend.url, document.application_id, body)
    assert again.status_code == 422, "the same answer again, and the same flag"
    assert flags(backend).count("unreadable") == 2


@pytest.mark.expected_logs("unexpected: RuntimeError", "ASGI application", reason="planted")
@pytest.mark.parametrize("late", [False, True], ids=["before the case", "after it"])
def test_what_breaks_in_the_middle_leaves_nothing_and_comes_again(
    backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Id, digest, business rows, trail, chain and acknowledgement are there together or not."""
    real = Cases.open

    def breaks(*told: Any) -> None:
        if late:
            real(*told)
        raise RuntimeError("planted")

    terminal = SealingTerminal(backend.keyring)
    sealed = terminal.seal(make_document(1, parts=PARTS), PARTS)
    body = terminal.handover(sealed)
    monkeypatch.setattr(Cases, "open", breaks)
    assert hand_in(backend.url, sealed, body).status_code == 500
    tables = (StoredApplication, StoredDocument, StoredAttachment, SameMatter, ChainRow)
    for table in (*tables, Case, CaseParty, AuditEntry, Counter):
        assert rows(backend, table) == [], table
    assert None not in [part.data for part in rows(backend, SealedPart)], "the parts stay"
    monkeypatch.setattr(Cases, "open", real)
    taken = post_sealed(backend.url, sealed.envelope.header.application_id, body)
    assert (taken.status_code, taken.json()["sequence"]) == (201, 1)


def test_what_another_worker_files_meanwhile_is_not_asked_for_again(
    backend: EmbeddedBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parts go with the filing: whoever looks for them then is told what the other was."""
    terminal = SealingTerminal(backend.keyring)
    sealed = terminal.seal(make_document(1, parts=PARTS), PARTS)
    body, id_ = terminal.handover(sealed), sealed.envelope.header.application_id
    for ordinal in range(len(sealed.parts)):
        assert put_sealed(backend.url, sealed, ordinal).status_code == 201
    real = Intake._sealed

    def late(intake: Intake, envelope: Envelope) -> list[bytes]:
        monkeypatch.setattr(Intake, "_sealed", real)
        other = Intake(backend.engine, backend.keyring, intake._cases, now=intake._now)
        taken.append(other.take(id_, body))
        return real(intake, envelope)

    taken: list[Taken] = []
    monkeypatch.setattr(Intake, "_sealed", late)
    answer = post_sealed(backend.url, id_, body)
    assert (answer.status_code, answer.content) == (200, taken[0].acknowledgement)
    assert len(rows(backend, StoredApplication)) == 1


def test_what_is_not_the_contract_is_refused(backend: EmbeddedBackend) -> None:
    terminal = SealingTerminal(backend.keyring)
    sealed = terminal.seal(make_document(1))
    good, id_ = terminal.handover(sealed), sealed.envelope.header.application_id
    for body in (b'{"chain"', good[:-1], good + b" ", good.replace(b'"version":1', b'"version":2')):
        answer = post_sealed(backend.url, id_, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert post_sealed(backend.url, uuid.uuid4().hex, good).json()["code"] == "invalid"
    url = f"{backend.url}/v1/applications/{id_}/parts"
    for ordinal, suite, data in (("256", "1", b"x" * 99), ("0", "9", b"x" * 99), ("0", "1", b"x")):
        answer = requests.put(f"{url}/{ordinal}", data, headers={"X-Suite": suite}, timeout=WAIT_S)
        assert answer.status_code == 422
    assert rows(backend, SealedPart) == []


def test_the_number_of_another_application_is_refused_and_shown(
    backend: EmbeddedBackend,
) -> None:
    terminal = SealingTerminal(backend.keyring)
    for expected in (201, 422):
        sealed = terminal.seal(make_document(1, number=uuid.uuid4().hex[:18]))
        answer = hand_in(backend.url, sealed, terminal.handover(sealed))
        assert answer.status_code == expected
    assert answer.json()["code"] == "number-taken"
    assert flags(backend) == ["number-taken"]


def test_the_same_party_item_and_day_is_shown_without_the_number(
    backend: EmbeddedBackend,
) -> None:
    terminal = SealingTerminal(backend.keyring)
    number = "99010219530412002X"
    for running, (item, who) in enumerate(
        (("one", number), ("two", number), ("one", "990102195304120039"), ("one", number.lower())),
        start=1,
    ):
        sealed = terminal.seal(make_document(running, item=item, number=who))
        assert hand_in(backend.url, sealed, terminal.handover(sealed)).status_code == 201
    assert flags(backend) == ["duplicate"]
    (flag,) = [flag for flag in rows(backend, Flag) if flag.kind == "duplicate"]
    assert flag.detail.endswith("00000001")
    marks = [row.mark for row in rows(backend, SameMatter)]
    assert len(set(marks)) == 3
    assert not any(number in text for text in (*marks, flag.detail))


def test_many_at_once_have_one_effect_each_and_a_gapless_sequence(
    backend: EmbeddedBackend,
) -> None:
    terminal = SealingTerminal(backend.keyring)
    made = []
    for running in range(1, 7):
        sealed = terminal.seal(make_document(running))
        body = terminal.handover(sealed)
        assert put_sealed(backend.url, sealed, 0).status_code == 201
        made.append((sealed.envelope.header.application_id, body))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: post_sealed(backend.url, *one), made * 4))
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    firsts = [answer for answer in answers if answer.status_code == 201]
    assert sorted(answer.json()["sequence"] for answer in firsts) == [1, 2, 3, 4, 5, 6]
    assert all(backend.effect_count(id_) == 1 for id_, _ in made)


def test_health_and_openapi_need_nothing_from_elsewhere(backend: EmbeddedBackend) -> None:
    assert requests.get(f"{backend.url}/v1/health", timeout=WAIT_S).json()["status"] == "ok"
    schema = requests.get(f"{backend.url}/openapi.json", timeout=WAIT_S).json()
    assert {"ApplicationDocument", "Handover"} < set(schema["components"]["schemas"])
    assert {"/v1/applications", "/v1/keys", "/v1/heartbeat"} < set(schema["paths"])
    assert not any(path.startswith("/operators") for path in schema["paths"])
    page = requests.get(f"{backend.url}/docs", timeout=WAIT_S).text
    assert "://" not in page


def test_a_digest_that_does_not_fit_is_refused(backend: EmbeddedBackend) -> None:
    sealed = SealingTerminal(backend.keyring).seal(make_document(1))
    url = f"{backend.url}/v1/applications/{sealed.envelope.header.application_id}/parts/0"
    right = base64.b64encode(hashlib.sha256(sealed.parts[0]).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    for field in (f"sha-256=:{wrong}:", "sha-256=nonsense", "md5=:AAAA:"):
        headers = {"X-Suite": "1", "Content-Digest": field}
        answer = requests.put(url, sealed.parts[0], headers=headers, timeout=WAIT_S)
        assert (answer.status_code, answer.json()["code"]) == (400, "digest-wrong")
    headers = {"X-Suite": "1", "Content-Digest": f"sha-256=:{right}:"}
    answer = requests.put(url, sealed.parts[0], headers=headers, timeout=WAIT_S)
    assert answer.status_code == 201


def test_a_part_may_be_too_large(backend: EmbeddedBackend) -> None:
    url = f"{backend.url}/v1/applications/{'a' * 32}/parts/0"
    data = b"x" * (32 * 1024 * 1024 + 1)
    answer = requests.put(url, data, headers={"X-Suite": "1"}, timeout=WAIT_S)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_progress_by_number_and_four_digits_with_few_tries(backend: EmbeddedBackend) -> None:
    terminal = SealingTerminal(backend.keyring)
    document = make_document(1)
    sealed = terminal.seal(document)
    assert hand_in(backend.url, sealed, terminal.handover(sealed)).status_code == 201

    def ask(last4: str, number: str = document.receipt_number) -> requests.Response:
        asked = {"receipt_number": number, "last4": last4}
        return requests.post(f"{backend.url}/v1/progress", json=asked, timeout=WAIT_S)

    told = ask("002x").json()
    assert (told["state"], told["owed_materials"]) == ("received", ["photo"])
    assert [line["department"] for line in told["departments"]] == ["unassigned"]
    assert ask("0029").status_code == 404
    assert ask("002X", "LW042-00002-5").json() == ask("0029").json()
    for _ in range(4):
        last = ask("0000")
    assert last.status_code == 429
    assert int(last.headers["Retry-After"]) > 0
    assert ask("002X").status_code == 429, "also for the right digits: no guessing"


# --- the chain


def enrol(backend: EmbeddedBackend, terminal: SealingTerminal, code: str = "LW042") -> None:
    with Session(backend.engine) as session, session.begin():
        session.add(
            TerminalKey(
                terminal=code,
                key_id=terminal.key.id,
                suite=terminal.key.suite.value,
                public=terminal.key.public.hex(),
                enrolled_at=datetime.now(UTC),
            )
        )


def chained(backend: EmbeddedBackend, count: int) -> list[tuple[Any, bytes]]:
    """Some applications of one terminal, whose key is enrolled."""
    terminal = SealingTerminal(backend.keyring)
    enrol(backend, terminal)
    made = []
    for running in range(1, count + 1):
        sealed = terminal.seal(make_document(running, number=f"no-{running}"))
        made.append((sealed, terminal.handover(sealed)))
    return made


def test_a_chain_may_come_in_any_order_and_a_missing_entry_is_a_gap(
    backend: EmbeddedBackend,
) -> None:
    made = chained(backend, 5)
    for index in (4, 0, 2):
        assert hand_in(backend.url, *made[index]).status_code == 201
    with Session(backend.engine) as session:
        assert [(g.first, g.last) for g in chain.gaps(session)] == [(2, 2), (4, 4)]
    for index in (3, 1):
        assert hand_in(backend.url, *made[index]).status_code == 201
    with Session(backend.engine) as session:
        assert chain.gaps(session) == []
    assert flags(backend, chain_too=True) == []
    assert {row.signature for row in rows(backend, ChainRow)} == {"good"}


@pytest.mark.parametrize("how", ["fork", "edit", "signature", "stranger", "other"])
def test_what_does_not_fit_in_the_chain_is_shown_and_nothing_is_refused(
    backend: EmbeddedBackend, how: str
) -> None:
    made = chained(backend, 1)
    assert hand_in(backend.url, *made[0]).status_code == 201
    twin = SealingTerminal(backend.keyring)
    sealed = twin.seal(make_document(9, number="another"))
    honest = twin.handover(sealed)
    if how != "stranger":
        enrol(backend, twin)
    if how in ("edit", "stranger"):
        body = twin.handover(sealed)  # entry 2 follows the twin's 1, not the one that came
    elif how == "signature":
        twin.key = SealingTerminal(backend.keyring).key
        signed = twin.entries[-1].model_copy(update={"key_id": twin.key.id})
        enrol(backend, twin)
        body = canonical_bytes(Handover(envelope=sealed.envelope, chain=signed))
    elif how == "other":
        elsewhere = twin.seal(make_document(10))
        twin.handover(elsewhere)
        body = canonical_bytes(Handover(envelope=sealed.envelope, chain=twin.entries[-1]))
    else:
        body = honest
    assert hand_in(backend.url, sealed, body).status_code == 201
    kinds = set(flags(backend, chain_too=True))
    assert (
        kinds
        == {
            "fork": {"chain-fork"},
            "edit": {"chain-edit"},
            "signature": {"chain-fork", "chain-signature"},
            "stranger": {"chain-edit", "chain-signature"},
            "other": {"chain-edit"},
        }[how]
    )


# --- keys and heartbeats


def test_the_key_set_is_signed_by_the_pinned_authority(backend: EmbeddedBackend) -> None:
    told = requests.get(f"{backend.url}/v1/keys", timeout=WAIT_S)
    signed = SignedKeySet.model_validate_json(told.content)
    key_set = verified(signed, [pin(backend.authority_pin)])
    assert {(key.suite, key.use) for key in key_set.keys} == {
        (suite, use) for suite in SuiteId for use in KeyUse
    }


def test_heartbeats_say_how_a_terminal_is_and_hear_of_new_keys(
    backend: EmbeddedBackend,
) -> None:
    said = Heartbeat(
        terminal="LW042",
        version="1.0",
        pack="p1",
        queue_depth=3,
        oldest_age_s=61.5,
        quarantined=1,
        bytes=4096,
        key_ids_in_use=("1-" + "0" * 20,),
    )
    for depth in (3, 2):
        body = canonical_bytes(said.model_copy(update={"queue_depth": depth}))
        answer = requests.post(f"{backend.url}/v1/heartbeat", body, timeout=WAIT_S)
        assert HeartbeatAnswer.model_validate_json(answer.content).key_set_version == 1
    (terminal,) = rows(backend, Terminal)
    assert (terminal.depth, terminal.oldest_age_s, terminal.quarantined) == (2, 62, 1)
    assert terminal.key_ids == "1-" + "0" * 20
    wrong = requests.post(f"{backend.url}/v1/heartbeat", b"{}", timeout=WAIT_S)
    assert wrong.status_code == 422


def test_a_key_that_is_not_at_hand_means_not_yet(tmp_path: Path) -> None:
    made = keyring.in_memory(datetime.now(UTC))
    content = made.keyring._content
    missing = next(k for k in content.pairs if content.pairs[k].use is KeyUse.SEAL)
    pairs = {id_: pair for id_, pair in content.pairs.items() if id_ != missing}
    keyless = keyring.Keyring(keyring._Content(content.signed, pairs, content.lookup))
    url = f"sqlite:///{tmp_path}/c.db"
    suite = content.pairs[missing].suite
    terminal = SealingTerminal(made.keyring, suite)
    sealed = terminal.seal(make_document(1))
    body = terminal.handover(sealed)
    with EmbeddedBackend(url, keys=keyring.Made(keyless, made.authority_pin)) as backend:
        answer = hand_in(backend.url, sealed, body)
        assert answer.status_code == 202
        assert int(answer.headers["Retry-After"]) > 0
        assert flags(backend) == ["key-missing"]
        assert backend.stored() == []
    with EmbeddedBackend(url, keys=made) as backend:
        assert hand_in(backend.url, sealed, body).status_code == 201


def test_a_repeat_is_known_when_the_document_is_long_gone(backend: EmbeddedBackend) -> None:
    terminal = SealingTerminal(backend.keyring)
    sealed = terminal.seal(make_document(1))
    body = terminal.handover(sealed)
    first = hand_in(backend.url, sealed, body)
    with Session(backend.engine) as session, session.begin():
        session.execute(update(StoredDocument).values(data=b""))
    again = post_sealed(backend.url, sealed.envelope.header.application_id, body)
    assert (again.status_code, again.content) == (200, first.content)
