"""Out of the outbox on a USB stick, and acknowledgements back in.

- A file on the stick has its final name only when it is whole and synced; what broke off has
  a name that begins with a dot and is written anew. A file's name follows from its content,
  so exporting twice writes nothing twice, and a stick that was pulled out is gone on with.
- Nothing leaves the outbox by being exported. It leaves when an acknowledgement is imported
  that is verified like one from the wire.

A file is a ZIP without compression: `manifest.json`, which the caller's port makes and signs,
then for each application `<id>/handover.json` (the body that would have been posted, byte for
byte) and `<id>/parts/<ordinal>`. It is cut at `FILE_MOST_BYTES`, below what FAT32 can hold.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from offline_queue.errors import QueueError, QueueFault
from offline_queue.limits import free_bytes
from offline_queue.outbox import Outbox
from offline_queue.records import Delivery, Receipt, State

MANIFEST: Final = "manifest.json"
FILE_MOST_BYTES: Final = 1024 * 1024 * 1024
ACKNOWLEDGEMENTS_MOST_BYTES: Final = 64 * 1024 * 1024
_TRIES: Final = 5
_PAGE: Final = 500
_MEMBER_OVERHEAD: Final = 512  # two headers with a name of some 45 bytes, and to spare
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Quarantined ones stay: the backend has said no, and staff decide what becomes of them.
_EXPORTED: Final = (State.QUEUED, State.SENDING, State.WAITING, State.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Exported:
    """One application of a file. Digests are SHA-256 of the members' bytes, in hex."""

    id: str
    number: str
    handover: str
    parts: tuple[str, ...]
    size: int


class ExportDone(NamedTuple):
    """What is on the stick now."""

    files: tuple[Path, ...]
    applications: int
    written: int  # of `files`; the others were there already
    left_out: int  # damaged on this disk, or kept in clear by an older version


class ImportDone(NamedTuple):
    """What became of the acknowledgements of a file."""

    delivered: int
    known: int  # delivered before
    refused: int  # not verified: nothing was changed
    strange: int  # of no submission of this outbox


Manifest: TypeAlias = Callable[[tuple[Exported, ...]], bytes]
Acknowledge: TypeAlias = Callable[[bytes, str, str], Receipt]


def export(
    outbox: Outbox,
    place: Path,
    manifest: Manifest,
    *,
    terminal: str,
    at: str,
    file_most_bytes: int = FILE_MOST_BYTES,
) -> ExportDone:
    """Write every sealed submission that waits to `place`, oldest first.

    `manifest` makes the signed manifest of one file; `at` is remembered with what was
    exported. Raises QueueError: QU-10 when the stick is full (whole files stay), QU-11 when
    it cannot be written, and whatever the outbox fails with.
    """
    if not place.is_dir():
        raise QueueError(QueueFault.STICK_ERROR, "no such directory")

    def once() -> ExportDone:
        return _export(outbox, place, manifest, terminal, at, file_most_bytes)

    for _ in range(_TRIES - 1):
        try:
            return once()
        except QueueError as error:
            if error.fault is not QueueFault.ABSENT:
                raise
            # One was delivered while its file was being written: that file is another now.
    return once()


def _export(
    outbox: Outbox, place: Path, manifest: Manifest, terminal: str, at: str, most_bytes: int
) -> ExportDone:
    files: list[Path] = []
    left_out: list[str] = []
    applications = written = 0
    try:
        for items in _bundles(outbox, most_bytes, left_out):
            path = place / f"outbox-{terminal}-{_name(items)}.zip"
            if not _is_whole(path):
                _write(outbox, path, items, manifest)
                written += 1
            outbox.mark_exported([item.id for item in items], at).result()
            files.append(path)
            applications += len(items)
    except OSError as error:
        full = error.errno in _FULL
        fault = QueueFault.STICK_FULL if full else QueueFault.STICK_ERROR
        raise QueueError(fault, os.strerror(error.errno or 0)) from None
    return ExportDone(tuple(files), applications, written, len(left_out))


def import_acknowledgements(outbox: Outbox, path: Path, acknowledge: Acknowledge) -> ImportDone:
    """Believe the acknowledgements of a file, each by itself, as if they came over the wire.

    Raises QueueError: QU-12 for a file that is none, and whatever the outbox fails with.
    """
    counts = dict.fromkeys(ImportDone._fields, 0)
    for one in _acknowledgements(path):
        counts[_believe(outbox, one, acknowledge)] += 1
    return ImportDone(**counts)


def _believe(outbox: Outbox, one: object, acknowledge: Acknowledge) -> str:
    id_ = one.get("application_id") if isinstance(one, dict) else None
    if not isinstance(id_, str):
        return "refused"
    known = outbox.digest_of(id_).result()
    if known is None:
        return "strange"
    digest, _ = known
    try:
        receipt = acknowledge(json.dumps(one).encode(), id_, digest)
    except ValueError:
        return "refused"
    return "delivered" if outbox.mark_delivered(id_, receipt).result() else "known"


def _acknowledgements(path: Path) -> list[object]:
    try:
        with path.open("rb") as file:
            raw = file.read(ACKNOWLEDGEMENTS_MOST_BYTES + 1)
        plain = json.loads(raw) if len(raw) <= ACKNOWLEDGEMENTS_MOST_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise QueueError(QueueFault.NOT_OURS, type(error).__name__) from None
    found = plain.get("acknowledgements") if isinstance(plain, dict) else None
    if not isinstance(found, list):
        raise QueueError(QueueFault.NOT_OURS, "no list of acknowledgements")
    return found


def _bundles(
    outbox: Outbox, most_bytes: int, left_out: list[str]
) -> Iterator[tuple[Exported, ...]]:
    items: list[Exported] = []
    size = 0
    for item in _waiting(outbox, left_out):
        if items and size + item.size > most_bytes:
            yield tuple(items)
            items, size = [], 0
        items.append(item)
        size += item.size
    if items:
        yield tuple(items)


def _waiting(outbox: Outbox, left_out: list[str]) -> Iterator[Exported]:
    after = ""
    while rows := outbox.listing(_EXPORTED, most=_PAGE, after=after).result():
        for row in rows:
            try:
                if not row.suite:  # what an older version kept in clear goes on no stick
                    raise QueueError(QueueFault.REFUSED, "in clear")
                yield _item(outbox, row)
            except QueueError as error:
                if error.fault is QueueFault.ABSENT:
                    continue  # delivered while we were looking
                if error.fault not in (QueueFault.REFUSED, QueueFault.UNREADABLE):
                    raise
                left_out.append(row.number)
        after = rows[-1].number


def _item(outbox: Outbox, row: Delivery) -> Exported:
    handover = outbox.handover(row.id).result()
    heads = outbox.part_heads(row.id).result()
    for part_id, _, _ in heads:  # a damaged one must not spoil a file with many others
        outbox.part(row.id, part_id).result()
    size = len(handover) + sum(head[2] for head in heads)
    return Exported(
        row.id,
        row.number,
        hashlib.sha256(handover).hexdigest(),
        tuple(head[1] for head in heads),
        size + _MEMBER_OVERHEAD * (1 + len(heads)),
    )


def _name(items: tuple[Exported, ...]) -> str:
    whole = hashlib.sha256()
    for item in items:
        whole.update(f"{item.id} {item.handover} {' '.join(item.parts)}\n".encode())
    return whole.hexdigest()[:16]


def _is_whole(path: Path) -> bool:
    """Whether a file of this name is there and reads without a fault."""
    try:
        with zipfile.ZipFile(path) as file:
            return MANIFEST in file.namelist() and file.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def _write(outbox: Outbox, path: Path, items: tuple[Exported, ...], manifest: Manifest) -> None:
    if free_bytes(path.parent) < sum(item.size for item in items):
        raise QueueError(QueueFault.STICK_FULL, "not enough for the next file")
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as raw:
            with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as file:
                _put(file, MANIFEST, manifest(items))
                for item in items:
                    _put(file, f"{item.id}/handover.json", outbox.handover(item.id).result())
                    for ordinal in range(len(item.parts)):
                        data = outbox.part(item.id, str(ordinal)).result()
                        _put(file, f"{item.id}/parts/{ordinal}", data)
            raw.flush()
            os.fsync(raw.fileno())
        beside.replace(path)
        _sync_directory(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _put(file: zipfile.ZipFile, name: str, data: bytes) -> None:
    # No time of day in it: the same content gives the same file.
    file.writestr(zipfile.ZipInfo(name), data)


def _sync_directory(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems of sticks sync no directory
            raise
    finally:
        os.close(handle)
