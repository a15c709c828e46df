"""`kiosk demo`: in a window with a panel, or by itself with pictures of every step."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QTimer

from kiosk.app import Terminal, application
from kiosk.catalogue.model import Pack
from kiosk.demo.player import Player, Script, ScriptFailed, Until
from kiosk.demo.prepared import Prepared
from kiosk.demo.scenarios import BEFORE_THE_CUT, SCENARIOS, Scenario, after_power_cut
from kiosk.demo.script import settle
from kiosk.demo.stage import KEY_SET, Backend, Stage
from kiosk.receipts.raster import RasterError, render_png

_CUT: Final = "power-cut"
_PHASE: Final = "KIOSK_DEMO_PHASE"
_FOLDER: Final = "KIOSK_DEMO_FOLDER"
_URL: Final = "KIOSK_DEMO_BACKEND"
_PIN: Final = "KIOSK_DEMO_PIN"
_CHILD_DEADLINE_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says."""

    scenario: str = "happy"
    item: str = ""
    language: str = "zh"
    size: str = "normal"
    headless: bool = False
    out: Path = Path("demo-output")
    width_px: int = 1080
    height_px: int = 1920


class _Elsewhere:
    """A backend that another process steers; here only its address and its keys are known."""

    key_set = ""  # lies in the folder already

    def __init__(self, url: str, authority_pin: str) -> None:
        self.url = url
        self.authority_pin = authority_pin

    def pull(self) -> None:
        raise ScriptFailed("the backend belongs to another process")

    restore = pull

    def stored(self) -> list[dict[str, Any]]:
        return []

    def code(self, _name: str, _number: str) -> str:
        raise ScriptFailed("the backend belongs to another process")

    def close(self) -> None:
        pass


def run(options: DemoOptions, catalogue: Prepared) -> int:
    """The exit status: 0 only if a headless scenario ended as it should."""
    if not options.headless:
        from kiosk.demo.panel import show  # the panel is for people only

        return show(options, catalogue)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    options.out.mkdir(parents=True, exist_ok=True)
    scenario = SCENARIOS[options.scenario]
    item = options.item or scenario.item
    if item not in catalogue.pack.matters:
        print(f"kiosk demo: there is no item {item}", file=sys.stderr)  # noqa: T201
        return 2
    if os.environ.get(_PHASE):
        return _before_the_cut(options, catalogue, scenario, item)
    if options.scenario == _CUT:
        return _power_cut(options, catalogue, scenario, item)
    for old in options.out.glob("[0-9][0-9]-*.png"):
        old.unlink()
    with Stage(chips=scenario.chips) as stage:
        return _play(options, catalogue, scenario, stage, item, scenario.play)


def _play(
    options: DemoOptions,
    catalogue: Prepared,
    scenario: Scenario,
    stage: Stage,
    item: str,
    play: Any,
    first: int = 1,
) -> int:
    app = application()
    changes = {name: dict(inner) for name, inner in scenario.settings.items()}
    changes["screen"] = {
        "full_screen": False,
        "width_px": options.width_px,
        "height_px": options.height_px,
    }
    terminal = Terminal(
        stage.settings(changes),
        catalogue.pack,
        stage.equipment(),
        staffed=lambda _now: scenario.staffed,
        readings=catalogue.readings,
    )
    player = Player(terminal, stage, options.out, first=first)
    terminal.begin()

    def whole() -> Script:
        yield from settle(player, language=options.language, size=options.size)
        player.record.facts["settling"] = player.record.touches
        yield from play(player, item)
        yield Until(lambda: not terminal.speaking, "the end of what is being said")

    QTimer.singleShot(0, lambda: player.play(whole(), app.quit))
    app.exec()
    error = player.error
    try:
        summary = _summary(options, item, player)
        _add_before_the_cut(summary, stage, player)
        stored = stage.backend.stored()
        if not error and not _is_elsewhere(stage):
            error = _stored_wrong(len(stored), scenario, item, catalogue.pack, player)
        _write(options.out, summary, stored, stage, error)
    finally:
        terminal.close()
    if error:
        print(f"kiosk demo: {options.scenario} failed: {error}", file=sys.stderr)  # noqa: T201
        return 1
    print(f"kiosk demo: {options.scenario} ended as it should, see {options.out}")  # noqa: T201
    return 0


def _is_elsewhere(stage: Stage) -> bool:
    return isinstance(stage.backend, _Elsewhere)


def _stored_wrong(found: int, scenario: Scenario, item: str, pack: Pack, player: Player) -> str:
    applied = pack.matters[item].kind.value == "apply" and "ended_at" not in player.record.facts
    wanted = scenario.stored if applied else 0
    if found == wanted:
        return ""
    return f"the backend stored {found} applications, not {wanted}"


def _summary(options: DemoOptions, item: str, player: Player) -> dict[str, Any]:
    facts = player.record.facts
    number = facts.get("receipt_number", "")
    delivery = player.terminal.outbox.delivery(number).result(timeout=5) if number else None
    return {
        "scenario": options.scenario,
        "item": item,
        "language": options.language,
        "size": options.size,
        "outcome": "",
        "receipt_number": number,
        "certificate_number": facts.get("certificate_number", ""),
        "said_first": facts.get("said_first", ""),
        "ended_at": facts.get("ended_at", ""),  # the outcome, where nothing could be handed in
        "touches": player.record.touches - facts.get("settling", 0),
        "settling_touches": facts.get("settling", 0),
        "verification": facts.get("verification", {}),
        "delivery": {
            "state": delivery.state.value if delivery is not None else "none",
            "attempts": delivery.attempts if delivery is not None else 0,
            "case_number": delivery.case_number if delivery is not None else "",
        },
        "spoken": [
            {
                "key": said.key,
                "language": said.language,
                "at_s": round(said.at_s - player.began_s, 3),
                "heard_s": round(said.heard_s, 2) if said.heard_s is not None else None,
                "code": said.code,
            }
            for said in player.stage.said
        ],
        "steps": [asdict(shown) for shown in player.record.shown],
    }


def _add_before_the_cut(summary: dict[str, Any], stage: Stage, player: Player) -> None:
    """One visit in two processes: put the half that was killed before the other."""
    path = stage.folder / BEFORE_THE_CUT
    if not path.exists():
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    later_s = player.began_s - before["began_s"]
    for step in summary["steps"]:
        step["at_s"] = round(step["at_s"] + later_s, 3)
    # The screen that was up when the power went may not have been painted.
    painted = [step for step in before["steps"] if (player.out / step["screenshot"]).exists()]
    summary["steps"] = painted + summary["steps"]
    summary["settling_touches"] += before["facts"].get("settling", 0)
    summary["touches"] += before["touches"] - before["facts"].get("settling", 0)
    summary["verification"] = before["facts"].get("verification", {})


def _write(
    out: Path, summary: dict[str, Any], stored: list[dict[str, Any]], stage: Stage, error: str
) -> None:
    told = summary["ended_at"]
    summary["outcome"] = error or (f"ended at its outcome: {told}" if told else "as it should")
    for what, pdf in stage.papers:
        (out / f"{what}.pdf").write_bytes(pdf)
        try:
            (out / f"{what}.png").write_bytes(render_png(pdf, dpi=203))
        except RasterError as failure:
            print(f"kiosk demo: no picture of the {what}: {failure}", file=sys.stderr)  # noqa: T201
    _dump(out / "visit.json", summary)
    _dump(out / "central.json", stored)


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


# -- the power cut: two processes, one after the other ------------------------------------


def _power_cut(options: DemoOptions, catalogue: Prepared, scenario: Scenario, item: str) -> int:
    """Let a child play until it dies right after the commit; then start again."""
    for old in options.out.glob("[0-9][0-9]-*.png"):
        old.unlink()
    folder = Path(tempfile.mkdtemp(prefix="ou-kiosk-demo-"))
    backend = Backend(f"sqlite:///{folder / 'central.db'}")
    (folder / KEY_SET).write_text(backend.key_set, encoding="utf-8")
    try:
        environment = {
            **os.environ,
            _PHASE: "before",
            _FOLDER: str(folder),
            _URL: backend.url,
            _PIN: backend.authority_pin,
        }
        child = subprocess.run(
            [
                sys.executable,
                "-m",
                "kiosk.cli",
                "demo",
                "--headless",
                "--scenario",
                _CUT,
                "--item",
                item,
                "--language",
                options.language,
                "--size",
                options.size,
                "--out",
                str(options.out),
            ],
            env=environment,
            timeout=_CHILD_DEADLINE_S,
            check=False,
        )
        if child.returncode != -signal.SIGKILL:
            print("kiosk demo: power-cut failed: the power did not go", file=sys.stderr)  # noqa: T201
            return 1
        first = len(list(options.out.glob("[0-9][0-9]-*.png"))) + 1
        with Stage(folder, backend) as stage:
            after = replace(scenario, play=after_power_cut)
            return _play(options, catalogue, after, stage, item, after_power_cut, first)
    finally:
        backend.close()
        shutil.rmtree(folder, ignore_errors=True)


def _before_the_cut(
    options: DemoOptions, catalogue: Prepared, scenario: Scenario, item: str
) -> int:
    """The child: never returns when all goes as it should."""
    elsewhere: Any = _Elsewhere(os.environ[_URL], os.environ[_PIN])
    stage = Stage(Path(os.environ[_FOLDER]), elsewhere)
    return _play(options, catalogue, scenario, stage, item, scenario.play)
