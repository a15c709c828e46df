"""The backend's keys: to open what terminals sealed, to sign acknowledgements.

In its directory each private key is a file that only this user may read; beside them is the
key set, signed by the authority's key, which is not kept here. A running backend sees a
rotation without a restart. A retired key stays until no terminal needs it any more.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import stat
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from kiosk.contract import canonical_bytes
from kiosk.contract.envelope import KeySet, KeyState, SignedKeySet
from kiosk.contract.keys import generate, key_text, published, rotated, sign_key_set, without
from kiosk.contract.suites import (
    KeyPair,
    KeyUse,
    SealError,
    SealFault,
    Signer,
    SuiteId,
    Unsealer,
    suite_of,
)

CODE: Final = "BE-04"
_KEY_SET: Final = "key-set.json"
_LOOKUP: Final = "lookup.key"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyringError(Exception):
    """The keys cannot be used. The text names files and ids, never a key."""


@dataclass(frozen=True, slots=True)
class _Content:
    signed: SignedKeySet
    pairs: Mapping[str, KeyPair] = field(repr=False)
    lookup: bytes = field(repr=False)


class Keyring:
    """What the intake needs of the keys. Used by many threads."""

    def __init__(self, content: _Content) -> None:
        self._content = content

    @property
    def signed_set(self) -> SignedKeySet:
        """What terminals fetch."""
        return self._now().signed

    def unsealer(self, suite: SuiteId, key_id: str) -> Unsealer:
        """Opens what was sealed to this key. Raises SealError (SE-02)."""
        pair = self._now().pairs.get(key_id)
        if pair is None or (pair.suite, pair.use) != (suite, KeyUse.SEAL):
            raise SealError(SealFault.UNKNOWN_KEY, key_id)
        return suite_of(suite).unsealer(pair)

    def published(self, key_id: str) -> bool:
        """Whether the key set names this key, at hand or not."""
        return any(key.id == key_id for key in self._now().signed.key_set.keys)

    def signer(self, suite: SuiteId) -> Signer:
        """Signs with the active key of this suite. Raises SealError (SE-02)."""
        content = self._now()
        for key in content.signed.key_set.keys:
            if (key.suite, key.use, key.state) == (suite, KeyUse.SIGN, KeyState.ACTIVE):
                pair = content.pairs.get(key.id)
                if pair is not None:
                    return suite_of(suite).signer(pair)
        raise SealError(SealFault.UNKNOWN_KEY, f"none to sign in suite {suite}")

    def mark(self, text: str) -> str:
        """A keyed hash: the same for the same text here, and for nobody without the key."""
        return hmac.new(self._now().lookup, text.encode(), hashlib.sha256).hexdigest()

    def _now(self) -> _Content:
        return self._content


class DirectoryKeyring(Keyring):
    """Keys in a directory, read again when the key set there was replaced."""

    def __init__(self, directory: Path) -> None:
        """Raises KeyringError."""
        self._directory = directory
        self._gate = threading.Lock()
        self._seen = _stamp(directory)
        super().__init__(_read(directory))

    def _now(self) -> _Content:
        with self._gate:
            try:
                stamp = _stamp(self._directory)
                if stamp != self._seen:
                    self._content = _read(self._directory)
                    self._seen = stamp
            except KeyringError:
                pass  # while somebody works there, what was read before goes on
            return self._content


class Made(NamedTuple):
    """Keys that live in memory only, and how a terminal pins their authority."""

    keyring: Keyring
    authority_pin: str


def in_memory(now: datetime, suites: Sequence[SuiteId] = tuple(SuiteId)) -> Made:
    """A keyring for a demo or a test; nothing of it is written."""
    authority = generate(SuiteId.INTERNATIONAL, KeyUse.SIGN)
    pairs = _fresh(suites)
    signed = _signed(authority, _first_set("demo", pairs, now))
    content = _Content(signed, {pair.id: pair for pair in pairs}, secrets.token_bytes(32))
    return Made(Keyring(content), key_text(authority.suite, authority.public))


# --- the ceremony: who has the authority's key, at a machine of their own


def init(
    directory: Path, authority_file: Path, *, name: str, suites: Sequence[SuiteId], now: datetime
) -> str:
    """Make the first keys; the authority's too, if its file is not there. Its pin.

    Raises KeyringError, also when there are keys already.
    """
    if (directory / _KEY_SET).exists():
        raise KeyringError(f"{CODE} {directory}: there are keys already")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_private(directory)
    if not authority_file.exists():
        _write(authority_file, _dumped(generate(suites[0], KeyUse.SIGN)))
    authority = _load_pair(authority_file)
    pairs = _fresh(suites)
    for pair in pairs:
        _write(_key_file(directory, pair.id), _dumped(pair))
    _write(directory / _LOOKUP, secrets.token_hex(32).encode())
    _publish(directory, _signed(authority, _first_set(name, pairs, now)))
    return key_text(authority.suite, authority.public)


def rotate(directory: Path, authority_file: Path, *, now: datetime) -> KeySet:
    """New active keys for every suite of the set; the old ones are retired, and stay."""
    key_set = _read(directory).signed.key_set
    authority = _load_pair(authority_file)
    pairs = _fresh(tuple(dict.fromkeys(key.suite for key in key_set.keys)))
    for pair in pairs:
        _write(_key_file(directory, pair.id), _dumped(pair))
    following = rotated(key_set, [published(pair) for pair in pairs], now)
    retiring = {k.id for k in key_set.keys if k.state is KeyState.ACTIVE} & {
        k.id for k in following.keys if k.state is KeyState.RETIRED
    }
    for id_ in retiring:
        path = _key_file(directory, id_)
        if path.exists():
            _write(path, _dumped(_load_pair(path), retired_by=following.version))
    _publish(directory, _signed(authority, following))
    return following


class Told(NamedTuple):
    """What a terminal last told of its keys."""

    terminal: str
    key_ids: Collection[str]
    key_set_version: int


def still_needed(directory: Path, told: Sequence[Told]) -> dict[str, tuple[str, ...]]:
    """Each retired key to seal, and the terminals for which it must stay.

    A terminal needs it that reports it, and one that has not yet told that it has the key set
    by which it was retired: that one may seal to it tomorrow.
    """
    needed: dict[str, tuple[str, ...]] = {}
    for key in _read(directory).signed.key_set.keys:
        if key.state is not KeyState.RETIRED or key.use is not KeyUse.SEAL:
            continue
        retired_by = _retired_by(directory, key.id)
        needed[key.id] = tuple(
            one.terminal
            for one in told
            if key.id in one.key_ids or one.key_set_version < retired_by
        )
    return needed


def retire(
    directory: Path, authority_file: Path, told: Sequence[Told], *, now: datetime
) -> tuple[str, ...]:
    """Delete the private keys that nobody needs, and publish a set without them; their ids."""
    going = tuple(id_ for id_, terminals in still_needed(directory, told).items() if not terminals)
    if going:
        authority = _load_pair(authority_file)
        key_set = without(_read(directory).signed.key_set, going, now)
        _publish(directory, _signed(authority, key_set))
        for id_ in going:
            _key_file(directory, id_).unlink(missing_ok=True)
    return going


def key_set_in(directory: Path) -> KeySet:
    """The key set of a directory. Raises KeyringError."""
    return _read(directory).signed.key_set


# --- files


def _fresh(suites: Sequence[SuiteId]) -> list[KeyPair]:
    return [generate(suite, use) for suite in suites for use in KeyUse]


def _first_set(name: str, pairs: Sequence[KeyPair], now: datetime) -> KeySet:
    keys = tuple(published(pair) for pair in pairs)
    return KeySet(authority=name, version=1, issued_at=now, keys=keys)


def _signed(authority: KeyPair, key_set: KeySet) -> SignedKeySet:
    return sign_key_set(suite_of(authority.suite).signer(authority), key_set)


def _key_file(directory: Path, id_: str) -> Path:
    return directory / f"{id_}.key"


def _stamp(directory: Path) -> tuple[int, int]:
    try:
        told = (directory / _KEY_SET).stat()
    except OSError as error:
        raise KeyringError(f"{CODE} {directory}: no key set ({type(error).__name__})") from None
    return told.st_ino, told.st_mtime_ns


def _check_private(path: Path) -> None:
    if path.stat().st_mode & _OTHERS:
        raise KeyringError(f"{CODE} {path}: others may read it; chmod go-rwx")


def _read(directory: Path) -> _Content:
    try:
        _check_private(directory)
        signed = SignedKeySet.model_validate_json((directory / _KEY_SET).read_bytes())
        pairs = {}
        for path in sorted(directory.glob("[12]-*.key")):
            pair = _load_pair(path)
            pairs[pair.id] = pair
        _check_private(directory / _LOOKUP)
        lookup = bytes.fromhex((directory / _LOOKUP).read_text("ascii").strip())
    except (OSError, ValidationError, ValueError) as error:
        raise KeyringError(f"{CODE} {directory}: not usable ({type(error).__name__})") from None
    return _Content(signed, pairs, lookup)


def _load_pair(path: Path) -> KeyPair:
    try:
        _check_private(path)
        told = json.loads(path.read_bytes())
        return KeyPair(
            id=str(told["id"]),
            suite=SuiteId(told["suite"]),
            use=KeyUse(told["use"]),
            public=base64.b64decode(told["public"], validate=True),
            private=base64.b64decode(told["private"], validate=True),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeyringError(f"{CODE} {path}: not a key ({type(error).__name__})") from None


def _retired_by(directory: Path, id_: str) -> int:
    try:
        return int(json.loads(_key_file(directory, id_).read_bytes()).get("retired_by", 0))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError) as error:
        raise KeyringError(f"{CODE} {id_}: not a key ({type(error).__name__})") from None


def _dumped(pair: KeyPair, retired_by: int | None = None) -> bytes:
    told: dict[str, Any] = {
        "id": pair.id,
        "suite": pair.suite.value,
        "use": pair.use.value,
        "public": base64.b64encode(pair.public).decode(),
        "private": base64.b64encode(pair.private).decode(),
    }
    if retired_by is not None:
        told["retired_by"] = retired_by
    return json.dumps(told).encode()


def _publish(directory: Path, signed: SignedKeySet) -> None:
    _write(directory / _KEY_SET, canonical_bytes(signed))


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, for this user only, and on the disk before it counts."""
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
