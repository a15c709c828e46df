"""The command: migrations, several workers on PostgreSQL, keys, proxies, USB, purge."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from backend_help import (
    WAIT_S,
    SealingTerminal,
    make_certificate,
    make_document,
    make_heartbeat,
    post_sealed,
    put_sealed,
)
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from central_backend import cli, keyring
from central_backend.database import (
    Base,
    Case,
    StoredApplication,
    Terminal,
    connect,
)
from central_backend.migrations import behind, migrate
from central_backend.settings import SettingsError, load
from kiosk.contract import (
    CentralQuestion,
    CodeQuestion,
    DocumentKind,
    QuestionParty,
    RecordKind,
    canonical_bytes,
    digest,
)
from kiosk.contract.export import (
    AcknowledgementsFile,
    ExportedApplication,
    ExportManifest,
    SignedExportManifest,
    handover_name,
    part_name,
)
from kiosk.contract.keys import key_text
from kiosk.contract.suites import SuiteId, suite_of
from offline_queue import State

sys.path.append(str(Path(__file__).resolve().parents[1] / "reliability"))
from proxy import Proxy
from terminals import RealTerminal

ROOT = Path(__file__).resolve().parents[2]
PROXY = "127.0.0.2"  # where the proxy's requests come from; this machine has them all


def test_models_and_migrations_agree(database_url: str) -> None:
    engine = connect(database_url)
    assert behind(engine)
    migrate(engine)
    assert not behind(engine)
    migrate(engine)  # again changes nothing
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory with keys, made as the ceremony makes them."""
    directory = tmp_path / "keys"
    made = ["keys", "init", "--keys", str(directory)]
    assert cli.main([*made, "--authority-key", str(tmp_path / "authority.key")]) == 0
    return directory


@contextmanager
def serving(url: str, keys: Path, *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The command as a process; its address."""
    command = [sys.executable, "-m", "central_backend.cli", "serve", "--port", "0"]
    process = subprocess.Popen(
        [*command, "--database", url, "--keys", str(keys), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert re.match(r"central-backend ready at https?://127\.0\.0\.1:\d+$", line.strip()), line
        yield line.split()[-1], process
    finally:
        process.terminate()
        out, err = process.communicate(timeout=WAIT_S)
        assert (out, err) == ("", "")
        assert process.returncode in (0, -15)  # one worker dies of the signal, when it is done


def _children(pid: int) -> list[int]:
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in told.split()]


def _gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def _until(true: object, what: str) -> None:
    assert callable(true)
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, what


@contextmanager
def proxied(url: str, place: Path, code: str) -> Iterator[str]:
    """Behind a proxy that did mutual TLS with this terminal, as the one in the documents."""
    make_certificate(code, place, None)
    shown = quote((place / f"{code}.pem").read_text("ascii"), safe="")
    adds = {"X-Client-Certificate": shown, "X-Forwarded-Proto": "https"}
    proxy = Proxy(url, adds=adds, source=PROXY)
    yield proxy.url
    proxy.close()


def test_workers_behind_a_proxy_share_one_database_and_the_same_id_many_times_is_one_case(
    own_postgresql_url: str, keys: Path, tmp_path: Path
) -> None:
    assert cli.main(["migrate", "--database", own_postgresql_url]) == 0
    terminal = SealingTerminal(keyring.DirectoryKeyring(keys))
    path = tmp_path / "backend.toml"
    path.write_text(
        "[server]\nworkers = 2\n"
        f'trusted_proxies = ["{PROXY}"]\nclient_certificate_header = "X-Client-Certificate"\n'
    )
    with (
        serving(own_postgresql_url, keys, "--settings", str(path)) as (direct, process),
        proxied(direct, tmp_path, "LW042") as url,
        proxied(direct, tmp_path, "LW043") as another,
    ):
        workers = _children(process.pid)
        assert len(workers) == 2
        forged = {"X-Forwarded-Proto": "https"}
        page = requests.get(f"{direct}/operators/login", headers=forged, timeout=WAIT_S)
        assert "Secure" not in page.headers["set-cookie"], "this one may not speak for others"
        page = requests.get(f"{url}/operators/login", timeout=WAIT_S)
        assert "Secure" in page.headers["set-cookie"], "the proxy may"
        beat = make_heartbeat("LW042")
        for door, status in ((url, 200), (another, 403), (direct, 403)):
            told = requests.post(f"{door}/v1/heartbeat", beat, timeout=WAIT_S)
            assert told.status_code == status
        made = []
        for running in range(1, 5):
            sealed = terminal.seal(make_document(running, number=f"no-{running}"))
            body = terminal.handover(sealed)
            assert put_sealed(url, sealed, 0).status_code == 201
            made.append((sealed.envelope.header.application_id, body))
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda one: post_sealed(url, *one), made * 12))
        assert {answer.status_code for answer in answers} <= {200, 201, 409}
        said: dict[str, set[bytes]] = {}
        for answer in answers:
            if answer.status_code == 409:
                assert answer.json()["code"] == "in-progress"
            else:
                said.setdefault(answer.json()["application_id"], set()).add(answer.content)
        assert [len(words) for words in said.values()] == [1, 1, 1, 1], "the same words for all"
    engine = connect(own_postgresql_url)
    with Session(engine) as session:
        cases = session.scalars(select(Case.application_id)).all()
        sequences = session.scalars(select(StoredApplication.sequence)).all()
    engine.dispose()
    assert sorted(cases) == sorted(id_ for id_, _ in made)
    assert sorted(sequences) == [1, 2, 3, 4]
    assert _gone(workers)


def test_a_dead_worker_is_replaced_and_none_outlives_a_killed_parent(
    tmp_path: Path, keys: Path
) -> None:
    command = [sys.executable, "-m", "central_backend.cli", "serve", "--port", "0"]
    command += ["--database", f"sqlite:///{tmp_path}/c.db", "--keys", str(keys), "--workers", "2"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        first = _children(process.pid)
        os.kill(first[0], 9)
        _until(lambda: len(set(_children(process.pid)) - set(first)) == 1, "no worker came instead")
        assert requests.get(f"{url}/v1/health", timeout=WAIT_S).status_code == 200
        left = _children(process.pid)
        process.kill()
        process.wait(WAIT_S)
    _until(lambda: _gone(left), "workers outlive their parent")


@pytest.mark.expected_logs("nothing can be delivered: not-allowed 403", reason="another's")
def test_mutual_tls_and_a_trusted_proxy_by_a_settings_file(tmp_path: Path, keys: Path) -> None:
    authority = make_certificate("issuer", tmp_path, None)
    make_certificate("server", tmp_path, authority)
    make_certificate("terminal", tmp_path, authority)
    make_certificate("LW042", tmp_path, authority)
    make_certificate("of-a-name", tmp_path, authority, "lw043")
    make_certificate("stranger", tmp_path, None)
    path = tmp_path / "backend.toml"
    path.write_text(
        f"""
[server]
certificate = "{tmp_path}/server.pem"
certificate_key = "{tmp_path}/server.key"
client_ca = "{tmp_path}/issuer.pem"
trusted_proxies = ["127.0.0.0/8"]
""",
        encoding="utf-8",
    )

    def ask(url: str, who: str | None, **headers: str) -> requests.Response:
        pair = _pair(tmp_path, who) if who else None
        trusted = str(tmp_path / "issuer.pem")
        with requests.Session() as session:
            return session.get(url, cert=pair, verify=trusted, headers=headers, timeout=WAIT_S)

    more = ["--settings", str(path)]
    with serving(f"sqlite:///{tmp_path}/c.db", keys, *more) as (url, _process):
        assert ask(f"{url}/v1/health", "terminal").json()["api"] == 1
        for who in (None, "stranger"):
            with pytest.raises(requests.ConnectionError):
                ask(f"{url}/v1/health", who)
        login = f"{url}/operators/login"
        assert "Secure" in ask(login, "terminal").headers["set-cookie"]
        through = ask(login, "terminal", **{"X-Forwarded-Proto": "http"})
        assert "Secure" not in through.headers["set-cookie"], "this proxy is believed"
        _each_speaks_for_itself(tmp_path, url, SealingTerminal(keyring.DirectoryKeyring(keys)))
        for who, state, alarm in (
            ("LW042", State.DELIVERED, ""),
            ("of-a-name", State.WAITING, "not-allowed 403"),
            (None, State.WAITING, ""),  # asyncio hangs up without a word: a line that is down
        ):
            assert _told_by_a_terminal(tmp_path, url, keys, who) == (state, alarm)


def _told_by_a_terminal(place: Path, url: str, keys: Path, who: str | None) -> tuple[State, str]:
    """How far LW042 comes with this certificate, and its alarm."""
    key_set = keyring.DirectoryKeyring(keys).signed_set
    authority = json.loads((place / "authority.key").read_bytes())
    terminal = RealTerminal(
        place / f"terminal of {who}",
        url,
        key_text(SuiteId(authority["suite"]), base64.b64decode(authority["public"])),
        canonical_bytes(key_set),
        verify=str(place / "issuer.pem"),
        certificate=_pair(place, who) if who else None,
        seed=len(who or ""),  # another id for each
    )
    terminal.outbox.reserve_number().result(WAIT_S)  # the first one has come already
    saved = terminal.save((900,))
    while (wait_s := terminal.sender.step()) is not None and not wait_s:
        continue
    told = (terminal.state(saved.number), terminal.sender.alarm)
    terminal.close()
    return told


def _each_speaks_for_itself(place: Path, url: str, terminal: SealingTerminal) -> None:
    """Whose certificate is shown counts, in everything that names a terminal."""

    def send(method: str, who: str, path: str, body: bytes, **headers: str) -> tuple[int, str]:
        with requests.Session() as session:
            answer = session.request(
                method,
                url + path,
                data=body,
                headers=headers,
                verify=f"{place}/issuer.pem",
                cert=_pair(place, who),
                timeout=WAIT_S,
            )
            return answer.status_code, answer.json().get("code", "")

    post = partial(send, "POST")
    for who, code, status in (
        ("LW042", "LW042", 200),
        ("of-a-name", "LW043", 200),
        ("LW042", "LW043", 403),
        ("terminal", "LW042", 403),
    ):
        problem = "" if status == 200 else "wrong-terminal"
        assert post(who, "/v1/heartbeat", make_heartbeat(code)) == (status, problem)
    sealed = terminal.seal(make_document(1))
    id_, body = sealed.envelope.header.application_id, terminal.handover(sealed)
    part, suite = f"/v1/applications/{id_}/parts/0", {"X-Suite": "1"}
    assert send("PUT", "LW042", part, sealed.parts[0], **suite)[0] == 201
    key = {"Idempotency-Key": id_}
    assert post("of-a-name", "/v1/applications", body, **key) == (403, "wrong-terminal")
    assert post("LW042", "/v1/applications", body, **key) == (201, ""), "nothing of it was kept"
    shown = CodeQuestion(request_id=id_, terminal="LW042", code=f"YBM1:{'A' * 26}")
    asked = CentralQuestion(
        request_id=id_,
        terminal="LW042",
        item="i",
        record=RecordKind.WATER_BILL,
        party=QuestionParty(name="n", document_kind=DocumentKind.RESIDENT_ID, number="1"),
    )
    for path, question in (("queries", asked), ("certificates", asked), ("identity-codes", shown)):
        told = post("of-a-name", f"/v1/{path}", canonical_bytes(question))
        assert told == (403, "wrong-terminal")
    assert post("LW042", "/v1/identity-codes", canonical_bytes(shown)) == (200, "")


def _pair(place: Path, who: str) -> tuple[str, str]:
    return f"{place}/{who}.pem", f"{place}/{who}.key"


def test_a_start_that_cannot_be_is_one_line(
    tmp_path: Path, keys: Path, own_postgresql_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = f"sqlite:///{tmp_path}/c.db"
    assert cli.main(["serve", "--database", "sqlite:////nowhere/at/all.db", "--keys", str(keys)])
    assert "BE-01" in capsys.readouterr().err
    assert cli.main(["serve", "--database", own_postgresql_url, "--keys", str(keys)]) == 2
    assert "BE-02" in capsys.readouterr().err
    assert cli.main(["serve", "--database", good]) == 2
    assert "BE-04" in capsys.readouterr().err
    keys.chmod(0o755)
    assert cli.main(["serve", "--database", good, "--keys", str(keys)]) == 2
    assert "others may read it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[database]\nurls = 'x'", "database.urls"),
        ("[server]\ntrusted_proxies = ['nonsense']", "trusted_proxies"),
        ("[server]\nclient_ca = 'ca.pem'", "client_ca needs certificate"),
        ("[server]\nclient_certificate_header = 'X-C'", "needs trusted_proxies"),
        ("[retention]\naudit_days = 0", "retention.audit_days"),
        ("[[operators]]\nname = 'li'\npassword = 'planted-word'", "operators.0.password"),
        (
            "[[departments]]\nid='a'\nzh='甲'\nen='A'\nitems=['x']\n"
            "[[departments]]\nid='b'\nzh='乙'\nen='B'\nitems=['x']",
            "item is named twice",
        ),
        ("no toml", "cannot be read"),
    ],
)
def test_wrong_settings_name_the_key_and_not_the_value(
    tmp_path: Path, text: str, named: str
) -> None:
    path = tmp_path / "backend.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert named in str(caught.value)
    assert "planted-word" not in str(caught.value)


# --- keys


def _beat(url: str, terminal: str, version: int, *ids: str) -> None:
    engine = connect(url)
    with Session(engine) as session, session.begin():
        now = datetime.now(UTC)
        session.merge(
            Terminal(
                code=terminal,
                first_seen_at=now,
                heartbeat_at=now,
                key_ids=" ".join(ids),
                key_set_version=version,
            )
        )
    engine.dispose()


def test_rotation_keeps_what_a_terminal_still_needs(
    tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/c.db"
    authority = ["--authority-key", str(tmp_path / "authority.key")]
    place = ["--keys", str(keys), "--database", url]
    live = keyring.DirectoryKeyring(keys)
    terminal = SealingTerminal(live)
    before = live.signed_set.key_set
    old = terminal.seal(make_document(1)).envelope
    assert cli.main(["migrate", "--database", url]) == 0
    assert cli.main(["keys", "rotate", *place, *authority]) == 0
    assert live.signed_set.key_set.version == 2, "seen without a restart"
    assert live.unsealer(old.header.suite, old.header.key_id)
    new = terminal.seal(make_document(2)).envelope.header.key_id
    assert new != old.header.key_id

    def retire() -> str:
        capsys.readouterr()
        assert cli.main(["keys", "retire", *place, *authority]) == 0
        return capsys.readouterr().out

    _beat(url, "LW042", 1)
    assert "nothing can go" in retire(), "it does not know the new set and may seal to the old"
    _beat(url, "LW042", 2, old.header.key_id)
    assert old.header.key_id not in retire(), "something waits there, sealed to it"
    assert cli.main(["keys", "list", *place]) == 0
    assert f"{old.header.key_id}  suite 1  seal  retired  needed by LW042" in (
        capsys.readouterr().out
    )
    _beat(url, "LW042", 3)
    _beat(url, "LW043", 1)
    assert "nothing can go" in retire(), "the other one has been silent since"
    assert cli.main(["terminals", "forget", "LW043", "--database", url]) == 0
    assert old.header.key_id in retire()
    assert not (keys / f"{old.header.key_id}.key").exists()
    left = {key.id for key in live.signed_set.key_set.keys}
    signing = {key.id for key in before.keys if key.use == "sign"}
    assert signing < left, "old signatures can be verified for good"


def test_private_keys_are_for_one_user_only(keys: Path, tmp_path: Path) -> None:
    files = [*keys.glob("*.key"), tmp_path / "authority.key"]
    assert len(files) == 6
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    files[0].chmod(0o640)
    with pytest.raises(keyring.KeyringError):
        keyring.DirectoryKeyring(keys)
    with pytest.raises(keyring.KeyringError, match="already"):
        keyring.init(keys, files[-1], name="x", suites=(), now=datetime.now(UTC))


# --- USB


def _export(path: Path, terminal: SealingTerminal, count: int) -> list[str]:
    """A file as a terminal writes it."""
    told, ids = [], []
    with zipfile.ZipFile(path, "w") as bundle:
        for running in range(1, count + 1):
            parts = {"a": b"page" * running}
            document = make_document(running, parts=parts, number=f"no-{running}")
            sealed = terminal.seal(document, parts)
            body, id_ = terminal.handover(sealed), document.application_id
            bundle.writestr(handover_name(id_), body)
            for ordinal, data in enumerate(sealed.parts):
                bundle.writestr(part_name(id_, ordinal), data)
            told.append(
                ExportedApplication(
                    application_id=id_,
                    receipt_number=document.receipt_number,
                    handover=digest(body),
                    parts=tuple(digest(data) for data in sealed.parts),
                )
            )
            ids.append(id_)
        manifest = ExportManifest(
            terminal="LW042", created=datetime.now(UTC), applications=tuple(told)
        )
        signer = suite_of(terminal.key.suite).signer(terminal.key)
        signed = SignedExportManifest(
            manifest=manifest,
            suite=signer.suite,
            key_id=signer.key_id,
            signature=signer.sign(canonical_bytes(manifest)),
        )
        bundle.writestr("manifest.json", canonical_bytes(signed))
    return ids


def test_a_usb_stick_goes_through_the_same_door(
    database_url: str, tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = SealingTerminal(keyring.DirectoryKeyring(keys))
    place = ["--database", database_url, "--keys", str(keys)]
    assert cli.main(["migrate", "--database", database_url]) == 0
    public = key_text(terminal.key.suite, terminal.key.public)
    assert cli.main(["terminals", "enrol", "LW042", public, "--database", database_url]) == 0
    stick = tmp_path / "stick.zip"
    ids = _export(stick, terminal, 3)
    answers = []
    for _ in range(2):
        assert cli.main(["import", str(stick), *place]) == 0
        answers.append((tmp_path / "stick.acknowledgements.json").read_bytes())
    told = AcknowledgementsFile.model_validate_json(answers[0])
    assert [a.application_id for a in told.acknowledgements] == ids
    again = AcknowledgementsFile.model_validate_json(answers[1])
    assert again.acknowledgements == told.acknowledgements
    assert "not enrolled" not in capsys.readouterr().out
    engine = connect(database_url)
    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Case)) == 3
    engine.dispose()


def test_a_torn_stick_gives_what_is_whole(
    tmp_path: Path, keys: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = SealingTerminal(keyring.DirectoryKeyring(keys))
    place = ["--database", f"sqlite:///{tmp_path}/c.db", "--keys", str(keys)]
    stick = tmp_path / "stick.zip"
    ids = _export(stick, terminal, 2)
    torn = tmp_path / "torn.zip"
    with zipfile.ZipFile(stick) as source, zipfile.ZipFile(torn, "w") as target:
        for name in source.namelist():
            if name != part_name(ids[0], 1):
                target.writestr(name, source.read(name))
    assert cli.main(["import", str(torn), *place]) == 1
    told = json.loads((tmp_path / "torn.acknowledgements.json").read_bytes())
    assert [a["application_id"] for a in told["acknowledgements"]] == [ids[1]]
    assert [(n["application_id"], n["problem"]["code"]) for n in told["not_taken"]] == [
        (ids[0], "digest-wrong")
    ]
    stick.write_bytes(stick.read_bytes()[:1000])
    assert cli.main(["import", str(stick), *place]) == 2
    assert "BE-05" in capsys.readouterr().err
