"""`central-backend`: serve, migrate, keys, terminals, import, purge, audit, password."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine, delete
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from central_backend import audit, keyring, passwords, retention, terminals, usb
from central_backend.cases import Cases
from central_backend.database import Terminal, TerminalKey, connect
from central_backend.intake import Intake
from central_backend.migrations import behind, migrate
from central_backend.settings import Settings, SettingsError, load
from central_backend.workers import ServeError, serve
from kiosk.contract import canonical_bytes
from kiosk.contract.keys import pin
from kiosk.contract.suites import SealError, SuiteId, attach


class _Stop(Exception):
    """One line for people; the command ends with status 2."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    arguments = _parser().parse_args(argv)
    command: Callable[[Settings, argparse.Namespace], int] = arguments.run
    try:
        return command(_attached(_settings(arguments)), arguments)
    except (_Stop, SettingsError, keyring.KeyringError, usb.ImportRefused) as error:
        return _failed(str(error))
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        # The text of a database error may hold the password of its URL.
        return _failed(f"BE-01 cannot use the database ({type(error).__name__})")
    except (OSError, ServeError) as error:
        return _failed(f"BE-06 cannot serve ({error})")


def _failed(why: str) -> int:
    print(f"central-backend: {why}", file=sys.stderr)  # noqa: T201
    return 2


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def _settings(arguments: argparse.Namespace) -> Settings:
    """The file's settings, with what the command line says instead."""
    settings = load(arguments.settings) if arguments.settings else Settings()
    changes: dict[str, Any] = {}
    for option, (section, key) in _OPTIONS.items():
        value = getattr(arguments, option, None)
        if value is not None:
            changes.setdefault(section, {})[key] = value
    told = settings.model_dump()
    for section, values in changes.items():
        told[section] |= values
    return Settings.model_validate(told)


def _attached(settings: Settings) -> Settings:
    """With the certified module, where they name one."""
    try:
        attach(settings.keys.module)
    except SealError as error:
        raise _Stop(f"{keyring.CODE} [keys] module: {error}") from None
    return settings


_OPTIONS: Final = {
    "database": ("database", "url"),
    "keys": ("keys", "directory"),
    "host": ("server", "host"),
    "port": ("server", "port"),
    "workers": ("server", "workers"),
    "public_url": ("server", "public_url"),
}


def _now() -> datetime:
    return datetime.now(UTC)


def _directory(settings: Settings) -> Path:
    if not settings.keys.directory:
        raise _Stop(f"{keyring.CODE} no directory for the keys: --keys, or [keys] directory")
    return Path(settings.keys.directory)


def _ready_engine(settings: Settings) -> Engine:
    """The database, up to date. SQLite is brought there; PostgreSQL has an owner who does it."""
    engine = connect(settings.database.url, pool_size=settings.database.pool_size)
    if engine.dialect.name == "sqlite":
        migrate(engine)
    elif behind(engine):
        engine.dispose()
        raise _Stop("BE-02 the tables are of another version: run `central-backend migrate`")
    return engine


# --- commands


def _serve(settings: Settings, _arguments: argparse.Namespace) -> int:
    keyring.DirectoryKeyring(_directory(settings))  # say what is wrong before any worker starts
    _ready_engine(settings).dispose()
    return serve(settings, lambda address: _say(f"central-backend ready at {address}"))


def _migrate(settings: Settings, _arguments: argparse.Namespace) -> int:
    engine = connect(settings.database.url)
    migrate(engine)
    engine.dispose()
    _say("the tables are up to date")
    return 0


def _keys_init(settings: Settings, arguments: argparse.Namespace) -> int:
    suites = tuple(SuiteId(name) for name in arguments.suite or ("1", "2"))
    told = keyring.init(
        _directory(settings),
        arguments.authority_key,
        name=arguments.name,
        suites=suites,
        now=_now(),
    )
    _say(f"terminals pin this authority: {told}")
    return 0


def _keys_rotate(settings: Settings, arguments: argparse.Namespace) -> int:
    key_set = keyring.rotate(_directory(settings), arguments.authority_key, now=_now())
    _say(f"key set {key_set.version} is published")
    return 0


def _told(settings: Settings) -> list[keyring.Told]:
    engine = _ready_engine(settings)
    with Session(engine) as session:
        told = terminals.told_of_keys(session)
    engine.dispose()
    return told


def _keys_list(settings: Settings, _arguments: argparse.Namespace) -> int:
    directory = _directory(settings)
    key_set = keyring.key_set_in(directory)
    needed = keyring.still_needed(directory, _told(settings))
    _say(f"key set {key_set.version} of {key_set.authority}, {key_set.issued_at:%Y-%m-%d}")
    for key in key_set.keys:
        by = needed.get(key.id, ())
        why = f"needed by {', '.join(by)}" if by else "needed by nobody" if key.id in needed else ""
        _say(f"{key.id}  suite {key.suite}  {key.use:<4}  {key.state:<7}  {why}".rstrip())
    return 0


def _keys_retire(settings: Settings, arguments: argparse.Namespace) -> int:
    gone = keyring.retire(
        _directory(settings), arguments.authority_key, _told(settings), now=_now()
    )
    _say(f"deleted: {', '.join(gone)}" if gone else "nothing can go: see `keys list`")
    return 0


def _terminals_enrol(settings: Settings, arguments: argparse.Namespace) -> int:
    try:
        told = pin(arguments.key)
    except SealError as error:
        raise _Stop(str(error)) from None
    engine = _ready_engine(settings)
    with Session(engine) as session, session.begin():
        session.merge(
            TerminalKey(
                terminal=arguments.terminal,
                key_id=told.key_id,
                suite=told.suite.value,
                public=told.public.hex(),
                enrolled_at=_now(),
            )
        )
        audit.append(
            session,
            at=_now(),
            actor="command-line",
            action="enrolled",
            subject=arguments.terminal,
            detail={"key": told.key_id},
        )
    engine.dispose()
    _say(f"{arguments.terminal} signs with {told.key_id}")
    return 0


def _terminals_forget(settings: Settings, arguments: argparse.Namespace) -> int:
    engine = _ready_engine(settings)
    with Session(engine) as session, session.begin():
        for row in (
            delete(Terminal).where(Terminal.code == arguments.terminal),
            delete(TerminalKey).where(TerminalKey.terminal == arguments.terminal),
        ):
            session.execute(row)
        audit.append(
            session,
            at=_now(),
            actor="command-line",
            action="forgotten",
            subject=arguments.terminal,
        )
    engine.dispose()
    _say(f"{arguments.terminal} is no longer waited for")
    return 0


def _import(settings: Settings, arguments: argparse.Namespace) -> int:
    engine = _ready_engine(settings)
    intake = Intake(
        engine,
        keyring.DirectoryKeyring(_directory(settings)),
        Cases(engine, settings, now=_now),
        now=_now,
    )
    done = usb.import_file(arguments.file, intake, engine, now=_now)
    engine.dispose()
    answer = arguments.acknowledgements or arguments.file.with_suffix(".acknowledgements.json")
    answer.write_bytes(canonical_bytes(done.answer))
    if not done.signature_known:
        _say(f"the signing key of {done.answer.terminal} is not enrolled: whose file is this?")
    for one in done.answer.not_taken:
        _say(f"not taken: {one.application_id} ({one.problem.code})")
    _say(f"taken: {len(done.answer.acknowledgements)}; carry back {answer}")
    return 0 if not done.answer.not_taken else 1


def _purge(settings: Settings, _arguments: argparse.Namespace) -> int:
    engine = _ready_engine(settings)
    for kind, rows, size in retention.purge(engine, settings.retention, _now()):
        _say(f"{kind}: {rows} deleted, {size} bytes")
    engine.dispose()
    return 0


def _audit(settings: Settings, _arguments: argparse.Namespace) -> int:
    engine = _ready_engine(settings)
    with Session(engine) as session:
        broken = audit.first_break(session)
    engine.dispose()
    _say("the trail fits" if broken is None else f"entry {broken.sequence}: {broken.why}")
    return 0 if broken is None else 1


def _password(_settings: Settings, _arguments: argparse.Namespace) -> int:
    word = getpass.getpass("password: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    if len(word) < 10:
        raise _Stop("a password has ten characters or more")
    _say(passwords.hashed(word))
    return 0


# --- the command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="central-backend", description="Reference backend with invented sample records."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--settings", type=Path, metavar="FILE", help="a TOML file")
    common.add_argument(
        "--database", metavar="URL", help="sqlite:///FILE or postgresql://USER@HOST/NAME"
    )
    common.add_argument("--keys", metavar="DIRECTORY", help="where the private keys are")
    authority = argparse.ArgumentParser(add_help=False)
    authority.add_argument(
        "--authority-key",
        type=Path,
        required=True,
        metavar="FILE",
        help="the authority's private key, which is kept elsewhere",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def add(
        where: Any, name: str, run: Callable[..., int], said: str, *more: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = where.add_parser(
            name, help=said, parents=[common, *more], description=said
        )
        made.set_defaults(run=run)
        return made

    serving = add(commands, "serve", _serve, "answer terminals until interrupted")
    serving.add_argument("--host", metavar="ADDRESS")
    serving.add_argument("--port", type=int, metavar="N")
    serving.add_argument("--workers", type=int, metavar="N")
    serving.add_argument("--public-url", metavar="URL", help="where certificates can be verified")
    add(commands, "migrate", _migrate, "make or change the tables")

    keys_parser = commands.add_parser("keys", help="the keys to seal to and to sign with")
    keys = keys_parser.add_subparsers(dest="keys_command", required=True)
    first = add(keys, "init", _keys_init, "make the first keys", authority)
    first.add_argument("--name", default="authority", help="the authority's name")
    first.add_argument("--suite", action="append", choices=[s.value for s in SuiteId])
    add(keys, "rotate", _keys_rotate, "new keys; the old ones are retired and kept", authority)
    add(keys, "list", _keys_list, "all keys, and who still needs a retired one")
    add(keys, "retire", _keys_retire, "delete retired keys that nobody needs", authority)

    fleet_parser = commands.add_parser("terminals", help="terminals and their signing keys")
    fleet = fleet_parser.add_subparsers(dest="terminals_command", required=True)
    enrol = add(fleet, "enrol", _terminals_enrol, "know a terminal's signing key")
    enrol.add_argument("terminal", metavar="CODE")
    enrol.add_argument("key", metavar="KEY", help="suite:base64url, as the terminal shows it")
    forget = add(fleet, "forget", _terminals_forget, "a scrapped terminal holds nothing up")
    forget.add_argument("terminal", metavar="CODE")

    bring = add(commands, "import", _import, "take in what a terminal wrote to a USB stick")
    bring.add_argument("file", type=Path, metavar="FILE")
    bring.add_argument("--acknowledgements", type=Path, metavar="FILE", help="what to carry back")
    add(commands, "purge", _purge, "delete what has been kept long enough")
    add(commands, "audit", _audit, "verify the trail")
    add(commands, "password", _password, "hash an operator's password for the settings")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
