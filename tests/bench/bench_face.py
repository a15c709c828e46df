"""How long a face decision takes, what the screen feels of it, and where to put the threshold.

Run as a program: `python tests/bench/bench_face.py`. `run()` gives rows of (name, value,
unit, comparison name, comparison value). The distances come from few photographs of few
people, cut and spoilt in many ways: enough to see where a threshold must not be, and no
statement about accuracy on residents. The tries at the living head's test are simulated from
two photographs (`devices.simulators.heads`): they show what the rule does, not how people turn.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from config.settings import Settings
from devices.camera import CameraState
from devices.errors import DeviceError
from devices.face.client import FaceStation, Ticket
from devices.records import FaceHint, FaceMatch
from devices.simulators import photos
from devices.simulators.camera import SceneControl

Row = tuple[str, float, str, str, float]

SCREENS = Path(__file__).resolve().parents[1] / "screens"  # its sample views
FACES = Path(__file__).resolve().parents[3] / "shared" / "faces"
THRESHOLD = Settings().face.threshold
CAMERA_FPS = 30
_PREVIEW_S = 3.0
_WINDOWS = 6
_STOLEN_MOST = 1
FRAMES = 3
ROUNDS = 6
THRESHOLDS = (0.40, 0.42, 0.45, 0.48, 0.50, 0.55, 0.60)
_TICK_S = 0.005


class _Waiter:
    """One match, waited for while a loop like the screen's runs."""

    def __init__(self) -> None:
        self.hints: list[FaceHint] = []
        self.result: FaceMatch | DeviceError | None = None
        self.at_s = 0.0
        self.over = threading.Event()

    def done(self, result: FaceMatch | DeviceError) -> None:
        self.at_s = time.monotonic()
        self.result = result
        self.over.set()


def _start(station: FaceStation, person: str) -> _Waiter:
    waiter = _Waiter()
    _ask(station, person, waiter)
    return waiter


def _ask(station: FaceStation, person: str, waiter: _Waiter) -> Ticket:
    return station.match(
        photos.rgb_of(photos.portrait_webp(person)),
        threshold=THRESHOLD,
        frames=FRAMES,
        deadline_s=30.0,
        hint=waiter.hints.append,
        done=waiter.done,
    )


def _longest_gap_s(until: Callable[[], bool], each: Callable[[], object]) -> float:
    """A loop that wants to come round every 5 ms, doing `each`: its longest absence."""
    longest = 0.0
    last = time.perf_counter()
    while not until():
        each()
        time.sleep(_TICK_S)
        now = time.perf_counter()
        longest = max(longest, now - last - _TICK_S)
        last = now
    return longest


def _preview_fps(station: FaceStation, until: Callable[[], bool]) -> float:
    """Pictures a second that a loop which shows every one of them gets."""
    began_s, shown, last = time.monotonic(), 0, -1
    while not until():
        frame = station.preview()
        if frame is not None and frame.sequence != last:
            last, shown = frame.sequence, shown + 1
        time.sleep(_TICK_S)
    return shown / (time.monotonic() - began_s)


def _fps_while_matching(station: FaceStation, scene: SceneControl) -> tuple[float, float]:
    """The preview's pictures a second during a match that is not decided, and without one."""

    def seconds() -> Callable[[], bool]:
        until_s = time.monotonic() + _PREVIEW_S
        return lambda: time.monotonic() >= until_s

    scene.set("two-people")
    alone = _preview_fps(station, seconds())
    waiter = _start(station, "hopper")
    _longest_gap_s(lambda: bool(waiter.hints) or waiter.over.is_set(), station.preview)
    return _preview_fps(station, seconds()), alone


def _stolen_ticks() -> int:
    """For how long the host ran something else on this machine's processors, in its ticks."""
    with open("/proc/stat", encoding="ascii") as stat:  # its eighth figure: proc(5)
        return int(stat.readline().split()[8])


class _Screen:
    """The real screen of a match, as large as a terminal's, with the camera's picture in it."""

    def __init__(self, station: FaceStation) -> None:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PySide6.QtWidgets import QApplication

        sys.path.append(str(SCREENS))
        from samples import samples  # type: ignore[import-not-found, unused-ignore]

        from config.themes import load_themes
        from config.words import load_words
        from kiosk.journey.terms import Language, Size, Theme
        from screens.shell import Shell
        from screens.theme import Look

        self._station = station
        self.painted: set[int] = set()
        self._app = QApplication.instance() or QApplication([])
        self._shell = Shell(load_words(), Look.of(load_themes()), lambda _: None, self)
        self._shell.resize(1080, 1920)
        self._shell.show()
        views = {made.name: made.view for made in samples(Language.ZH, Size.NORMAL, Theme.CALM)}
        self._shell.show_view(views["verify_face-looking"])

    def latest(self) -> tuple[bytes, int, int, int] | None:
        """As `screens.preview.PreviewSource` says."""
        frame = self._station.preview()
        if frame is None:
            return None
        self.painted.add(frame.sequence)
        return frame.rgb, frame.width_px, frame.height_px, frame.sequence

    def longest_stall_s(self) -> float:
        """For how long at most the GUI thread did nothing but paint, in windows of
        `_PREVIEW_S` in which the host left this machine its processors, if it did."""
        windows = sorted(self._window() for _ in range(_WINDOWS))
        kept = [stall_s for stolen, stall_s in windows if stolen <= _STOLEN_MOST]
        return max(kept or [windows[0][1]])

    def _window(self) -> tuple[float, float]:
        before = _stolen_ticks()
        until_s = time.monotonic() + _PREVIEW_S
        stall_s = _longest_gap_s(lambda: time.monotonic() >= until_s, self._app.processEvents)
        return _stolen_ticks() - before, stall_s

    def close(self) -> None:
        """Away with it."""
        self._shell.close()
        self._app.processEvents()


def _gui_stalls_s(station: FaceStation, scene: SceneControl) -> tuple[float, float]:
    """The GUI thread's longest stall during a match that is not decided, and without one."""
    scene.set("two-people")
    screen = _Screen(station)
    screen.longest_stall_s()  # the first painting loads fonts
    alone_s = screen.longest_stall_s()
    waiter = _Waiter()
    ticket = _ask(station, "hopper", waiter)
    _longest_gap_s(lambda: bool(waiter.hints) or waiter.over.is_set(), station.preview)
    matching_s = screen.longest_stall_s()
    if waiter.over.is_set() or not screen.painted:
        raise RuntimeError("there was nothing to measure")
    ticket.cancel()
    screen.close()
    return matching_s, alone_s


def _in_child() -> tuple[list[float], list[float], tuple[float, float], tuple[float, float]]:
    """Seconds from a person's stepping in to the decision, and the loop's longest gaps; the
    preview's pictures a second while matching and alone, and the GUI thread's stalls."""
    scene = SceneControl("nobody")
    station = FaceStation(scene.face_spec(still=True, fps=CAMERA_FPS))
    try:
        station.start()
        station.look(True)
        if not station.camera.wait_for(CameraState.LIVE, 60.0):
            raise RuntimeError("the simulated camera did not start")
        _start(station, "hopper").over.wait(0.1)  # absorbs the loading of the models
        times, gaps = [], []
        for number in range(ROUNDS):
            person = photos.PEOPLE[number % 2]
            scene.set("nobody")
            waiter = _start(station, person)
            _longest_gap_s(lambda w=waiter: bool(w.hints) or w.over.is_set(), station.preview)  # type: ignore[misc]
            began_s = time.monotonic()
            scene.set(person)
            gaps.append(_longest_gap_s(waiter.over.is_set, station.preview))
            if isinstance(waiter.result, FaceMatch) and number:
                times.append(waiter.at_s - began_s)
        stalls = _gui_stalls_s(station, scene)
        return times, gaps, _fps_while_matching(station, scene), stalls
    finally:
        station.close()
        scene.close()


def _in_same_thread() -> tuple[float, float]:
    """The same work in the loop's own thread: seconds per frame, longest gap in seconds."""
    from devices.face import engine

    frames = [_frame(person) for person in photos.PEOPLE]
    encoding = engine.encode_portrait(photos.rgb_of(photos.portrait_webp("astronaut")))
    if encoding is None:
        raise RuntimeError("no face in the sample portrait")
    engine.warm_up()
    trial = engine.Trial(encoding, THRESHOLD, 1_000)
    turns = itertools.cycle(frames)
    spent: list[float] = []

    def look() -> None:
        began = time.perf_counter()
        trial.look(next(turns))
        spent.append(time.perf_counter() - began)

    gap_s = _longest_gap_s(lambda: len(spent) >= 12, look)
    return median(spent), gap_s


def _frame(person: str) -> Any:
    import numpy as np

    from devices.simulators.stage import SimulatedSource

    scene = SceneControl(person)
    source = SimulatedSource(scene.face_spec(still=True))
    source.open()
    try:
        return np.ascontiguousarray(source.read().bgr[:, :, ::-1])  # type: ignore[union-attr]
    finally:
        source.close()
        scene.close()


@dataclass(frozen=True)
class Pair:
    """A portrait and a live frame: whose, from one photograph or two, how far apart."""

    portrait: str
    live: str
    same_photo: bool
    distance: float

    @property
    def genuine(self) -> bool:
        """Whether both show one person."""
        return self.portrait == self.live


def _photographs() -> Iterator[tuple[str, Path]]:
    for person in photos.PEOPLE:
        yield person, photos.photo_path(person)
    for path in sorted(FACES.glob("*.jpg")):
        yield path.stem.partition("_")[0].rstrip("0123456789"), path


@lru_cache(maxsize=1)
def pairs() -> list[Pair]:
    """Every portrait against every live frame."""
    import cv2
    import numpy as np
    from PIL import Image

    from devices.face import engine, quality

    portraits: list[tuple[str, Path, Any]] = []
    lives: list[tuple[str, Path, Any]] = []
    for person, path in _photographs():
        with Image.open(path) as opened:
            photo = opened.convert("RGB")
        photo.thumbnail((1280, 1280))
        picture = np.asarray(photo, dtype=np.uint8)
        face = quality.nearest(engine.find_faces(picture, 1))
        if face is None:
            continue
        side = face.height_px
        x, y = (face.left + face.right) / 2, (face.top + face.bottom) / 2
        half_w, half_h = side * 0.86, side * 0.86 * 126 / 102
        box = (round(x - half_w), round(y - half_h), round(x + half_w), round(y + half_h))
        card = photos.webp_within(photos.as_portrait(photo, box), photos.PORTRAIT_BYTES)
        encoding = engine.encode_portrait(photos.rgb_of(card))
        if encoding is not None and "partial" not in path.stem:
            portraits.append((person, path, encoding))
        for turn_deg, size_px, light, blur_px in (
            (0, 200, 1.0, 0.0),
            (6, 170, 0.75, 0.8),
            (-6, 230, 1.15, 0.8),
            (3, 130, 0.9, 1.5),
        ):
            matrix = cv2.getRotationMatrix2D((x, y), turn_deg, size_px / side)
            matrix[:, 2] += np.array([320 - x, 240 - y])
            seen = cv2.warpAffine(picture, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)
            seen = cv2.convertScaleAbs(seen, alpha=light)
            if blur_px:
                seen = cv2.GaussianBlur(seen, (0, 0), blur_px)
            frame = np.asarray(seen, dtype=np.uint8)
            boxes = engine.find_faces(frame)
            nearest = quality.nearest(boxes)
            if nearest is None or engine.judge(frame, [nearest], quality.Limits()):
                continue  # the gate would not have let this frame through
            lives.append((person, path, engine.encode(frame, nearest)))
    return [
        Pair(one, other, path == source, float(np.linalg.norm(card - live)))
        for (one, path, card) in portraits
        for (other, source, live) in lives
    ]


def table(found: list[Pair]) -> list[str]:
    """The distances as lines of text: by kind of pair, then by threshold."""
    kinds = {
        "genuine, same photograph": [p.distance for p in found if p.genuine and p.same_photo],
        "genuine, another photograph": [
            p.distance for p in found if p.genuine and not p.same_photo
        ],
        "impostor": [p.distance for p in found if not p.genuine],
    }
    lines = []
    for name, distances in kinds.items():
        if distances:
            lines.append(
                f"{name:28} {len(distances):4} pairs  min {min(distances):.3f}  "
                f"median {median(distances):.3f}  max {max(distances):.3f}"
            )
    lines.append("threshold   " + "   ".join(f"{name} accepted" for name in kinds))
    for threshold in THRESHOLDS:
        shares = "   ".join(
            f"{100 * sum(d <= threshold for d in distances) / max(1, len(distances)):7.1f} %"
            for distances in kinds.values()
        )
        lines.append(f"{threshold:.2f}        {shares}")
    return lines


SIDES = ("left", "right")
_OTHER = {"left": "right", "right": "left"}
# Of each kind and side, each at another moment of the motion; one costs up to 10 s.
TRIES = 1


@dataclass(frozen=True)
class Kind:
    """One kind of try at a living head's test: honest, a cheat, or a cheat known to succeed."""

    name: str
    scene: str
    portrait: str
    challenge: str = "turn"
    honest: bool = False
    known: bool = False  # docs/liveness.md says that it is not detected
    obeys: Callable[[str], str] = lambda pose: pose
    frame_s: float = 0.12  # from one look to the next
    until_s: float = 8.0


KINDS = (
    Kind("turns as asked, first person", "astronaut", "astronaut", honest=True),
    Kind("turns as asked, second person", "hopper", "hopper", honest=True),
    Kind(
        "turns as asked, 1.2 looks a second",
        "astronaut",
        "astronaut",
        honest=True,
        frame_s=0.83,
        until_s=27.0,
    ),
    Kind("printed photograph, tilted along", "photo", "astronaut"),
    Kind("printed photograph, bent and turned", "bent", "astronaut"),
    Kind("print bent and tilted askew", "bent-askew", "astronaut", known=True),
    Kind("swap of person at the turn", "swap", "astronaut"),
    Kind("turns the other way", "astronaut", "astronaut", obeys=lambda pose: _OTHER.get(pose, "")),
    Kind(
        "film that turns left, whatever is asked",
        "screen",
        "astronaut",
        known=True,
        obeys=lambda pose: "left" if pose else "",
    ),
    Kind("infrared: person", "astronaut", "astronaut", "infrared", honest=True),
    Kind("infrared: telephone's screen", "screen", "astronaut", "infrared"),
    Kind("infrared: print whose ink it does not show", "photo", "astronaut", "infrared"),
)


@dataclass(frozen=True)
class Tally:
    """What came of the tries of one kind."""

    kind: Kind
    accepted: int
    tries: int
    median_s: float  # simulated time to the answer


@lru_cache(maxsize=1)
def liveness_tally(tries: int = TRIES) -> list[Tally]:
    """Simulated tries through the production rounds, both sides in turn."""
    from devices.face.liveness import Side
    from devices.simulators.attempts import Manner, attempt

    tallies = []
    for kind in KINDS:
        accepted, times = 0, []
        for number in range(tries * len(SIDES)):
            side = Side(SIDES[number % 2])
            done = attempt(
                kind.scene,
                kind.portrait,
                kind.challenge,
                side=side,
                manner=Manner(
                    begin_s=number * 1.7,
                    frame_s=kind.frame_s * (1.0, 1.6)[number // 2 % 2],
                    until_s=kind.until_s,
                    obeys=kind.obeys,
                ),
                threshold=THRESHOLD,
                seed=number,
            )
            accepted += done.accepted
            times.append(done.took_s)
        tallies.append(Tally(kind, accepted, tries * len(SIDES), median(times)))
    return tallies


def liveness_table(tallies: list[Tally]) -> list[str]:
    """The tallies as lines of text."""
    lines = ["living head (simulated): accepted of tries, median seconds to the answer"]
    lines.extend(
        f"{tally.kind.name:44} {tally.accepted:3} of {tally.tries:3}  {tally.median_s:5.1f} s"
        for tally in tallies
    )
    return lines


def run() -> list[Row]:
    """Measure; the slow part is loading the models twice."""
    times, gaps, (fps, fps_alone), (stall_s, stall_alone_s) = _in_child()
    frame_s, same_thread_gap_s = _in_same_thread()
    if not times:
        raise RuntimeError("no match was decided")
    found = pairs()
    genuine = [pair.distance for pair in found if pair.genuine]
    impostor = [pair.distance for pair in found if not pair.genuine]
    tallies = liveness_tally()
    honest = [tally for tally in tallies if tally.kind.honest]
    cheats = [tally for tally in tallies if not tally.kind.honest and not tally.kind.known]
    return [
        (
            "person steps in to face decision, median",
            median(times) * 1000,
            "ms",
            f"floor: {FRAMES} frames' bare computing",
            FRAMES * frame_s * 1000,
        ),
        (
            "person steps in to face decision, slowest",
            max(times) * 1000,
            "ms",
            "limit",
            1000.0,
        ),
        (
            "longest gap of a 5 ms loop with preview while matching",
            max(gaps) * 1000,
            "ms",
            "matching in the same thread",
            same_thread_gap_s * 1000,
        ),
        (
            "GUI thread's longest stall while matching, screen of 1080 x 1920",
            stall_s * 1000,
            "ms",
            "without a match",
            stall_alone_s * 1000,
        ),
        (
            f"preview while matching, camera at {CAMERA_FPS}",
            fps,
            "fps",
            "without a match",
            fps_alone,
        ),
        ("largest genuine distance", max(genuine), "", "smallest impostor", min(impostor)),
        (
            f"genuine pairs accepted at {THRESHOLD}",
            100 * sum(d <= THRESHOLD for d in genuine) / len(genuine),
            "%",
            "impostor pairs accepted",
            100 * sum(d <= THRESHOLD for d in impostor) / len(impostor),
        ),
        (
            "living heads accepted (simulated)",
            100 * sum(t.accepted for t in honest) / sum(t.tries for t in honest),
            "%",
            "prints, screens, swaps accepted",
            100 * sum(t.accepted for t in cheats) / sum(t.tries for t in cheats),
        ),
    ]


def tables() -> list[str]:
    """True and false accepts by threshold, and the tries at the living head's test."""
    return ["", *table(pairs()), "", *liveness_table(liveness_tally())]


if __name__ == "__main__":
    for name, value, unit, peer, peer_value in run():
        print(f"{name:56} {value:9.3f} {unit:3} | {peer}: {peer_value:.3f}")
    print("\n".join(tables()))
