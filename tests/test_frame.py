"""The frame holds: the lock, the licences, the import rules, and a test run that can fail."""

from __future__ import annotations

import ast
import configparser
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("kiosk", "screens", "devices", "offline_queue", "config", "central_backend")
PURE_ROOMS = ("kiosk/journey", "kiosk/catalogue", "kiosk/identity", "kiosk/application")
GENERATED = shutil.ignore_patterns("__pycache__", "*.pyc")


def _setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def _tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# -- the lock -----------------------------------------------------------------------------


def _lock_entries() -> dict[str, list[str]]:
    """Package "name==version" to its continuation lines."""
    entries: dict[str, list[str]] = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        if line.startswith(" "):
            entries[list(entries)[-1]].append(line.strip().rstrip("\\").strip())
        else:
            entries[line.rstrip("\\").strip()] = []
    return entries


def test_lock_is_flat_pinned_and_hashed() -> None:
    for requirement, hashes in _lock_entries().items():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+", requirement)
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in hashes)


def test_lock_names_no_place_to_download_from() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"--(extra-)?index-url|--find-links|--trusted-host", text)


def test_lock_holds_what_stands_in_for_dlib_and_opencv() -> None:
    locked = {entry.partition("==")[0] for entry in _lock_entries()}
    assert {"dlib-bin", "opencv-python-headless"} <= locked
    # Either of these would build for an hour or bring a second set of Qt plugins.
    assert not locked & {"dlib", "opencv-python", "opencv-contrib-python", "pyside6-addons"}


def test_lock_holds_every_dependency_of_setup_cfg() -> None:
    cfg = _setup_cfg()
    wanted = cfg["options"]["install_requires"].splitlines()
    for extra, lines in cfg["options.extras_require"].items():
        if extra != "lock":  # uv itself is a tool of the one who renews the lock
            wanted += lines.splitlines()
    names = {_canonical(found[0]) for line in wanted if (found := re.match(r"[\w.-]+", line))}
    locked = {entry.partition("==")[0] for entry in _lock_entries()}
    assert names
    assert not names - locked


# -- licences -----------------------------------------------------------------------------

PERMISSIVE = re.compile(
    r"""\b(
        MIT | MIT-0 | MIT-CMU | BSD | BSD-[23]-Clause | 0BSD | Apache | Apache-2\.0 | PSF-2\.0 |
        Zlib | CC0-1\.0 | Boost | Python\ Software\ Foundation
    )\b""",
    re.VERBOSE,
)
NEEDS_A_REASON = re.compile(r"GPL|Mozilla|MPL|any-OSI|^$")


def _stated_licence(package: str) -> str:
    """What a package's metadata says: its expression, a short licence field, or classifiers."""
    metadata = importlib.metadata.metadata(package)
    fields = metadata.get_all("License-Expression") or []
    if not fields:
        short = [text for text in metadata.get_all("License") or [] if "\n" not in text]
        labels = [
            label.rpartition("::")[2].strip()
            for label in metadata.get_all("Classifier") or []
            if label.startswith("License ::")
        ]
        fields = short + labels
    return ", ".join(fields)


def _reasons() -> dict[str, str]:
    """Package to reason, from the table under "With a reason" in docs/licences.md."""
    text = (ROOT / "docs/licences.md").read_text(encoding="utf-8")
    table = text.partition("## With a reason")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| *`([^`]+)` *\|([^|]*)\|([^|]*)\|", table, re.MULTILINE)
    return {_canonical(name): reason.strip() for name, _licence, reason in rows}


def test_every_locked_package_may_be_used() -> None:
    reasons = _reasons()
    unclear = []
    for entry in _lock_entries():
        package = entry.partition("==")[0]
        licence = _stated_licence(package)
        permissive = PERMISSIVE.search(licence) and not NEEDS_A_REASON.search(licence)
        if not permissive and not reasons.get(package):
            unclear.append(f"{package}: {licence or 'states none'}")
    assert not unclear, "add a reason to docs/licences.md, or drop: " + "; ".join(unclear)


def test_reasons_are_for_packages_that_are_still_locked() -> None:
    locked = {entry.partition("==")[0] for entry in _lock_entries()}
    assert not set(_reasons()) - locked


# -- what must not be in the repository -----------------------------------------------------


def _forbidden_text() -> Iterator[tuple[str, re.Pattern[str]]]:
    # Put together here, so that this file does not hold what it looks for.
    for host in ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com"):
        yield f"registry {host}", re.compile(re.escape(host))
    for place in {str(ROOT), str(Path.home())}:
        if place != "/":
            yield f"path {place}", re.compile(rf"(?<![\w.]){re.escape(place)}/")


def test_tracked_files_name_no_registry_and_no_path_of_a_machine() -> None:
    found = []
    for path in _tracked_files():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [
            f"{path.relative_to(ROOT)}: {what}"
            for what, pattern in _forbidden_text()
            if pattern.search(text)
        ]
    assert not found


def test_licence_file_is_the_whole_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert len(text) > 11_000


# -- import rules -------------------------------------------------------------------------

# Contract (its key in setup.cfg) -> a file and an import that breaks it.
BREAKS = {
    "libraries": ("devices/stray.py", "import kiosk.contract"),
    "libraries-apart": ("offline_queue/stray.py", "import devices.records"),
    "simulators": ("devices/stray.py", "import devices.simulators"),
    "pure-ours": ("kiosk/journey/stray.py", "import devices.errors"),
    "pure-world": ("kiosk/catalogue/stray.py", "from pathlib import Path"),
    "screens-ours": ("screens/stray.py", "import offline_queue"),
    "screens-world": ("screens/stray.py", "import threading"),
    "only-app-knows-everybody": ("kiosk/runtime.py", "import kiosk.app"),
    "backend-ours": ("central_backend/stray.py", "import kiosk.journey"),
    "contract-stands-alone": ("kiosk/contract/stray.py", "import kiosk.application"),
    "kiosk-without-backend": ("kiosk/stray.py", "import central_backend"),
}


def _lint_imports(where: Path) -> str:
    linter = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "COLUMNS": "300", "PYTHONPATH": str(where)}
    ran = subprocess.run(
        [linter, "--no-cache", "--no-logo"],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.stdout + ran.stderr


@pytest.fixture
def copied_rooms(tmp_path: Path) -> Path:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=GENERATED)
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    return tmp_path


def test_import_rules_hold(copied_rooms: Path) -> None:
    output = _lint_imports(copied_rooms)
    assert re.search(rf"Contracts: {len(BREAKS)} kept, 0 broken", output), output


def test_every_import_rule_has_a_break_that_proves_it() -> None:
    prefix = "importlinter:contract:"
    rules = {name.removeprefix(prefix) for name in _setup_cfg() if name.startswith(prefix)}
    assert rules == set(BREAKS)


@pytest.mark.parametrize("rule", BREAKS)
def test_import_rule_can_fail(rule: str, copied_rooms: Path) -> None:
    file, line = BREAKS[rule]
    with (copied_rooms / file).open("a", encoding="utf-8") as stray:
        stray.write(f"\n{line}\n")
    name = _setup_cfg()[f"importlinter:contract:{rule}"]["name"]
    assert f"{name} BROKEN" in _lint_imports(copied_rooms)


# Built-ins that reach the world without an import, and the clocks of datetime.
WORLDLY_CALLS = {"open", "print", "input", "eval", "exec", "compile", "__import__", "breakpoint"}
CLOCK_METHODS = {"now", "today", "utcnow"}


def _worldly_calls(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id in WORLDLY_CALLS:
            found.append(f"line {node.lineno}: {called.id}()")
        elif (
            isinstance(called, ast.Attribute)
            and called.attr in CLOCK_METHODS
            and ast.unparse(called.value) in {"datetime", "date", "datetime.datetime"}
        ):
            found.append(f"line {node.lineno}: {ast.unparse(called)}()")
    return found


def test_pure_rooms_reach_no_world_without_an_import() -> None:
    found = [
        f"{path.relative_to(ROOT)} {call}"
        for room in PURE_ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for call in _worldly_calls(path.read_text(encoding="utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(
    "source", ["open('x')", "datetime.now()", "d = date.today()", "eval('1')", "print(1)"]
)
def test_worldly_calls_are_seen(source: str) -> None:
    assert _worldly_calls(source)


# -- the test run itself ------------------------------------------------------------------

STRAY_TESTS = """
import logging, threading, warnings
import pytest

def test_fine(): pass

def test_log(): logging.getLogger("some").warning("a stray line")

@pytest.mark.expected_logs("announced", reason="this test causes it")
def test_announced_log(): logging.getLogger("some").warning("an announced line")

@pytest.mark.expected_logs("announced", reason="this test causes it")
def test_other_log(): logging.getLogger("some").error("another line")

@pytest.mark.expected_logs("announced")
def test_no_reason(): pass

def test_warning(): warnings.warn("old")

def test_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()

def test_unraisable():
    class Dying:
        def __del__(self): raise ValueError("nobody sees this")
    Dying()

def test_qt(qapp):
    from PySide6.QtCore import qWarning
    qWarning("a stray line of Qt")

@pytest.mark.unknown_marker
def test_marker(): pass

@pytest.mark.xfail(reason="it passes")
def test_passes_unexpectedly(): pass
"""
FINE = {"test_fine", "test_announced_log"}


def test_stray_logs_warnings_and_threads_fail_a_test(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests/conftest.py", tmp_path)
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    strays = tmp_path / "test_strays.py"
    marker = "@pytest.mark.unknown_marker\n"
    strays.write_text(STRAY_TESTS.replace(marker, ""), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "-rA"]
    ran = subprocess.run(
        [*command, "test_strays.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    good = set(re.findall(r"^PASSED test_strays\.py::(\w+)", ran.stdout, re.MULTILINE))
    bad = set(re.findall(r"^(?:FAILED|ERROR) test_strays\.py::(\w+)", ran.stdout, re.MULTILINE))
    every = set(re.findall(r"^def (test_\w+)", STRAY_TESTS, re.MULTILINE)) - {"test_marker"}
    assert bad == every - FINE, ran.stdout
    assert good >= FINE

    strays.write_text(STRAY_TESTS, encoding="utf-8")
    ran = subprocess.run(
        [*command, "test_strays.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "'unknown_marker' not found" in ran.stdout


# -- setting up ---------------------------------------------------------------------------

TOOLS = "awk bash cat cut dirname env flock grep head mkdir mktemp mv rm sed sha256sum tail touch"


class Checkout:
    """The real .ci/bootstrap among stand-ins: nobody but an ordinary user without sudo, a
    dpkg-query that calls everything installed, and a pip that only notes how it was called.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.calls = place / "calls"
        self.bin = place / "bin"
        self.bin.mkdir()
        for tool in TOOLS.split():
            found = shutil.which(tool)
            assert found, f"{tool} is missing on this machine"
            (self.bin / tool).symlink_to(found)
        self.program(self.bin / "id", "echo 1000")
        self.program(self.bin / "dpkg-query", 'shift 2; printf "ii |%s\\n" "$@"')
        (place / ".ci").mkdir()
        shutil.copy(ROOT / ".ci/bootstrap", place / ".ci")
        for name in ("requirements.lock", "setup.cfg", "pyproject.toml"):
            shutil.copy(ROOT / name, place)
        (place / ".venv/bin").mkdir(parents=True)
        self.pip(exit_code=0)
        (place / ".venv/bin/pip").write_text(f"#!{place}/.venv/bin/python\n", encoding="utf-8")

    def program(self, path: Path, line: str) -> None:
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)

    def pip(self, exit_code: int) -> None:
        noting = f'echo "$@" >> {self.calls}; exit {exit_code}'
        self.program(self.place / ".venv/bin/python", noting)

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.place / ".ci/bootstrap"],
            env={"PATH": str(self.bin), "HOME": str(self.place)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_bootstrap_installs_from_the_lock_and_then_does_nothing(checkout: Checkout) -> None:
    first = checkout.run()
    assert first.returncode == 0, first.stderr
    tools, packages, project = checkout.calls.read_text(encoding="utf-8").splitlines()
    assert all("--require-hashes --no-deps" in call for call in (tools, packages))
    assert packages.endswith("--no-build-isolation -r requirements.lock")
    assert project.endswith("--no-deps --no-build-isolation -e .")
    checkout.calls.unlink()
    second = checkout.run()
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert not checkout.calls.exists()


@pytest.mark.parametrize(
    ("file", "calls"), [("requirements.lock", 3), ("setup.cfg", 1), ("pyproject.toml", 1)]
)
def test_bootstrap_does_again_what_a_change_needs(
    checkout: Checkout, file: str, calls: int
) -> None:
    checkout.run()
    checkout.calls.unlink()
    with (checkout.place / file).open("a", encoding="utf-8") as changed:
        changed.write("# changed\n")
    assert checkout.run().returncode == 0
    assert len(checkout.calls.read_text(encoding="utf-8").splitlines()) == calls


def test_bootstrap_starts_afresh_after_an_interrupted_installation(checkout: Checkout) -> None:
    checkout.pip(exit_code=1)
    assert checkout.run().returncode != 0
    # The real interpreter makes a real environment now; what it would install is not there.
    (checkout.place / "requirements.lock").write_text("unknown\n", encoding="utf-8")
    again = checkout.run()
    assert "the last installation was interrupted; starting afresh" in again.stdout
    assert (checkout.place / ".venv/pyvenv.cfg").is_file()


def test_bootstrap_tells_what_is_missing_to_who_may_not_install(checkout: Checkout) -> None:
    checkout.program(
        checkout.bin / "dpkg-query",
        'shift 2; for p in "$@"; do [ "$p" = swig ] || printf "ii |%s\\n" "$p"; done',
    )
    ran = checkout.run()
    assert ran.returncode == 1
    assert "Debian packages to install (1): swig" in ran.stdout
    assert "apt-get install -y --no-install-recommends swig" in ran.stderr
    assert not checkout.calls.exists()


def test_bootstrap_refuses_what_it_does_not_know() -> None:
    ran = subprocess.run(
        [ROOT / ".ci/bootstrap", "everything"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "unknown argument 'everything'" in ran.stderr


@pytest.mark.parametrize("script", ["bootstrap", "lock", "run"])
def test_scripts_stop_at_the_first_error(script: str) -> None:
    path = ROOT / ".ci" / script
    assert os.access(path, os.X_OK)
    assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", path], check=True)


def test_help_names_every_command() -> None:
    ran = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "test", "bench", "campaign", "lock", "lint", "format"):
        assert f"make {target} " in ran.stdout
