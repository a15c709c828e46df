"""Importing what a terminal wrote to a USB stick: the same door, another way to it.

Every application goes through the intake as if it had come over the line, so importing a file
twice, or after the line came back, changes nothing. What is carried back are the signed
acknowledgements, which the terminal verifies by itself.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from central_backend.database import TerminalKey
from central_backend.faults import Refusal
from central_backend.intake import HANDOVER_MOST_BYTES, PART_MOST_BYTES, Intake, NotYet
from kiosk.contract import Problem, ProblemCode, canonical_bytes
from kiosk.contract import digest as sha256
from kiosk.contract.envelope import MOST_PARTS, Handover, SignedAcknowledgement
from kiosk.contract.export import (
    MANIFEST_NAME,
    AcknowledgementsFile,
    ExportedApplication,
    NotTaken,
    SignedExportManifest,
    handover_name,
    part_name,
)
from kiosk.contract.suites import SealError, suite_of

CODE: Final = "BE-05"
_MANIFEST_MOST_BYTES: Final = 64 * 1024 * 1024


class ImportRefused(Exception):
    """The file as a whole cannot be used. The text names no content."""


class Imported(NamedTuple):
    """What is carried back, and whether the manifest's signature is of a known terminal."""

    answer: AcknowledgementsFile
    signature_known: bool


def import_file(
    path: Path, intake: Intake, engine: Engine, *, now: Callable[[], datetime]
) -> Imported:
    """Take in every application of the file that can be taken. Raises ImportRefused."""
    try:
        with zipfile.ZipFile(path) as bundle:
            manifest = _manifest(bundle)
            known = _signed_by(engine, manifest)
            taken: list[SignedAcknowledgement] = []
            not_taken: list[NotTaken] = []
            for told in manifest.manifest.applications:
                try:
                    taken.append(_take(bundle, told, intake))
                except Refusal as refusal:
                    not_taken.append(
                        NotTaken(application_id=told.application_id, problem=refusal.problem)
                    )
                except NotYet:
                    problem = Problem(code=ProblemCode.IN_PROGRESS, message="not filed yet")
                    not_taken.append(NotTaken(application_id=told.application_id, problem=problem))
    except (OSError, zipfile.BadZipFile) as error:
        raise ImportRefused(f"{CODE} {path.name}: not readable ({type(error).__name__})") from None
    answer = AcknowledgementsFile(
        terminal=manifest.manifest.terminal,
        made_at=now(),
        acknowledgements=tuple(taken),
        not_taken=tuple(not_taken),
    )
    return Imported(answer, known)


def _manifest(bundle: zipfile.ZipFile) -> SignedExportManifest:
    try:
        data = _member(bundle, MANIFEST_NAME, _MANIFEST_MOST_BYTES)
        return SignedExportManifest.model_validate_json(data)
    except (Refusal, ValidationError):
        raise ImportRefused(f"{CODE} the file has no manifest of ours") from None


def _signed_by(engine: Engine, signed: SignedExportManifest) -> bool:
    """Whether an enrolled terminal signed it. Raises ImportRefused for a wrong signature."""
    with Session(engine) as session:
        key = session.get(TerminalKey, (signed.manifest.terminal, signed.key_id))
    if key is None:
        return False
    try:
        verifier = suite_of(key.suite).verifier(key.key_id, bytes.fromhex(key.public))
        verifier.verify(canonical_bytes(signed.manifest), signed.signature)
    except SealError:
        raise ImportRefused(f"{CODE} the manifest was changed: wrong signature") from None
    return True


def _take(
    bundle: zipfile.ZipFile, told: ExportedApplication, intake: Intake
) -> SignedAcknowledgement:
    """One application. Raises Refusal, NotYet."""
    id_ = told.application_id
    body = _member(bundle, handover_name(id_), HANDOVER_MOST_BYTES)
    if sha256(body) != told.handover:
        raise Refusal(400, ProblemCode.DIGEST_WRONG, "the handover is not what was announced")
    try:
        suite = Handover.model_validate_json(body).envelope.header.suite
    except ValidationError:
        raise Refusal(422, ProblemCode.INVALID, "the handover does not fit") from None
    if len(told.parts) > MOST_PARTS:
        raise Refusal(413, ProblemCode.TOO_LARGE, "too many parts")
    for ordinal, announced in enumerate(told.parts):
        data = _member(bundle, part_name(id_, ordinal), PART_MOST_BYTES)
        if sha256(data) != announced:
            raise Refusal(400, ProblemCode.DIGEST_WRONG, "a part is not what was announced")
        try:
            intake.put_part(id_, ordinal, suite, data)
        except Refusal as refusal:
            if refusal.problem.code is not ProblemCode.CONFLICT:
                raise
            break  # filed already: the intake says whether with the same bytes
    taken = intake.take(id_, body)
    return SignedAcknowledgement.model_validate_json(taken.acknowledgement)


def _member(bundle: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """A member's bytes. Raises Refusal when it is missing, torn or too long."""
    try:
        with bundle.open(name) as file:
            data = file.read(most_bytes + 1)
    except (KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        raise Refusal(400, ProblemCode.DIGEST_WRONG, "a member is missing or torn") from None
    if len(data) > most_bytes:
        raise Refusal(413, ProblemCode.TOO_LARGE, "a member is too long")
    return data
