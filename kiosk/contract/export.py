"""What a terminal writes to a USB stick for the backend, and what is carried back.

The file is a ZIP without compression (sealed bytes do not shrink):

    manifest.json                     SignedExportManifest, canonical
    <application id>/handover.json    the body that would have been posted, byte for byte
    <application id>/parts/<ordinal>  a sealed part

Everything in it is sealed or says nothing personal; the names are ids. The manifest's
signature tells an operator that the file is whole and whose it is. It does not open a door
of its own: each application goes through the same intake as one that came over the line.
"""

from __future__ import annotations

from typing import Final, Literal

from kiosk.contract.base import HexId, Model, Moment, ReceiptNo, Sha256, TerminalCode
from kiosk.contract.envelope import KeyId, Signature, SignedAcknowledgement
from kiosk.contract.problem import Problem
from kiosk.contract.suites.ports import SuiteId

MANIFEST_NAME: Final = "manifest.json"


def handover_name(application_id: str) -> str:
    """Where in the file the posted body of an application is."""
    return f"{application_id}/handover.json"


def part_name(application_id: str, ordinal: int) -> str:
    """Where in the file a sealed part is."""
    return f"{application_id}/parts/{ordinal}"


class ExportedApplication(Model):
    """One application in the file. Digests are SHA-256 of the members' bytes."""

    application_id: HexId
    receipt_number: ReceiptNo
    handover: Sha256
    parts: tuple[Sha256, ...]  # by ordinal


class ExportManifest(Model):
    """What is in the file, oldest application first."""

    version: Literal[1] = 1
    terminal: TerminalCode
    created: Moment
    applications: tuple[ExportedApplication, ...]


class SignedExportManifest(Model):
    """The manifest and the terminal's signature over its canonical bytes."""

    manifest: ExportManifest
    suite: SuiteId
    key_id: KeyId
    signature: Signature


class NotTaken(Model):
    """An application of the file that was not taken in, and why."""

    application_id: HexId
    problem: Problem


class AcknowledgementsFile(Model):
    """What is carried back to the terminal. Each acknowledgement is signed by itself."""

    version: Literal[1] = 1
    terminal: TerminalCode
    made_at: Moment
    acknowledgements: tuple[SignedAcknowledgement, ...]
    not_taken: tuple[NotTaken, ...] = ()
