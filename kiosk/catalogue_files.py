"""Reads a catalogue directory: the only place where catalogue code touches files.

Promises: whatever lies in the directory, the outcome is a pack or coded findings; nothing
is followed out of the directory, and nothing larger than a catalogue file may be is read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from kiosk.catalogue.check import Proof, prove
from kiosk.catalogue.errors import CatalogueErrors, Finding, Findings, Rule
from kiosk.catalogue.loader import load, turns
from kiosk.catalogue.model import Pack
from kiosk.catalogue.source import MAX_FILE_CHARS

DEFAULT_DIRECTORY = Path(__file__).resolve().parent.parent / "config" / "catalogue"
MAX_FILES = 20_000
_MAX_BYTES = 4 * MAX_FILE_CHARS  # a character takes at most four bytes
_ITEMS = "items"


def read_directory(path: Path) -> Mapping[str, str]:
    """The text of every file, by its path within the directory, with `/`.

    Hidden files are left out. Raises `CatalogueErrors`.
    """
    findings = Findings()
    files: dict[str, str] = {}
    if not path.is_dir():
        findings.add(
            Rule.MISSING_FILE, str(path), 0, "", "there is no such directory", "name another"
        )
        raise CatalogueErrors(findings.all())
    if not (path / _ITEMS).is_dir():
        findings.add(Rule.MISSING_FILE, _ITEMS, 0, "", "this directory is missing", "add it")
    for found in sorted(path.rglob("*")):
        name = found.relative_to(path)
        if found.is_dir() or any(part.startswith(".") for part in name.parts):
            continue
        if len(files) >= MAX_FILES:
            findings.add(
                Rule.STRAY_FILE, str(path), 0, "", f"more than {MAX_FILES} files", "a smaller one"
            )
            break
        text = _read(found, name.as_posix(), findings)
        if text is not None:
            files[name.as_posix()] = text
    if len(findings):
        raise CatalogueErrors(findings.all())
    return files


def _read(path: Path, name: str, findings: Findings) -> str | None:
    if path.suffix != ".yaml" or path.is_symlink() or not path.is_file():
        findings.add(
            Rule.STRAY_FILE, name, 0, "", "this is not a YAML file of a catalogue", "remove it"
        )
        return None
    try:
        if path.stat().st_size > _MAX_BYTES:
            findings.add(Rule.FILE_TOO_LARGE, name, 0, "", mend=f"at most {_MAX_BYTES} bytes")
            return None
        raw = path.read_bytes()
    except OSError as error:
        findings.add(
            Rule.ENCODING, name, 0, "", f"cannot be read: {error.strerror}", "see its rights"
        )
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        findings.add(
            Rule.ENCODING,
            name,
            line,
            "",
            f"byte 0x{raw[error.start]:02X} is not UTF-8",
            "save the file as UTF-8",
        )
        return None


def load_directory(path: Path, on: date | None = None) -> Pack:
    """The pack in a directory, as it is in force on a day. Raises `CatalogueErrors`."""
    return load(read_directory(path), on)


def format_findings(findings: Iterable[Finding]) -> str:
    """One line each: `file:line: CT-nn key: message — how to mend`."""
    return "\n".join(str(finding) for finding in findings)


def format_report(pack: Pack, proven: Proof) -> str:
    """What was checked, as a table."""
    lines = [f"{'code':<9}{'questions':>10}{'situations':>11}{'materials':>10}{'cases':>8}  name"]
    for row in proven.rows:
        matter = pack.matters[row.code]
        kind = "sample" if matter.sample else "confirmed"
        lines.append(
            f"{row.code:<9}{row.questions:>10}{row.situations:>11}{row.materials:>10}"
            f"{row.cases:>8}  {matter.name.zh} ({kind})"
        )
    own = [row for row in proven.rows if row.code in pack.items]
    lines.append(
        f"{len(pack.items)} items, {len(pack.bundles)} bundles, "
        f"{sum(row.situations for row in own)} situations, "
        f"{proven.cases} distinguishable answer sets, "
        f"{sum(row.materials for row in own)} materials, "
        f"{sum(row.review_points for row in own)} review points; "
        f"every answer set has exactly one situation; pack {pack.hash[:12]}"
    )
    return "\n".join(lines)


def check_command(directory: Path = DEFAULT_DIRECTORY, on: date | None = None) -> int:
    """`kiosk catalogue check [DIR]`: 0 when the catalogue is right, 1 when it is not.

    What was prepared for later days is proven too; the table is of the versions in force `on`
    that day.
    """
    try:
        files = read_directory(directory)
        days = (date.min, *turns(files))
        proofs = [(day, pack, prove(pack)) for day in days for pack in (load(files, day),)]
    except CatalogueErrors as error:
        return _refused(error.findings)
    findings = {finding for _, _, proven in proofs for finding in proven.findings}
    if findings:
        return _refused(tuple(sorted(findings)))
    _, pack, proven = next(
        (one for one in reversed(proofs) if on is None or one[0] <= on), proofs[0]
    )
    lines = [format_report(pack, proven)]
    lines += [
        f"as in force from {day}: {other.cases} distinguishable answer sets, proven too"
        for day, _, other in proofs
        if other is not proven and day != date.min
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _refused(findings: tuple[Finding, ...]) -> int:
    sys.stderr.write(format_findings(findings) + f"\n{len(findings)} to mend\n")
    return 1
