"""The face station with the real models: who matches, what is refused, what happens then."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devices.camera import CameraState
from devices.errors import DeviceError, Fault
from devices.face.client import AWAY_S as AWAY_S_IN_USE
from devices.face.client import FaceNotSeen, FaceStation, Ticket
from devices.records import FaceHint, FaceMatch
from devices.simulators import photos
from devices.simulators.camera import SceneControl

THRESHOLD = 0.48
LOAD_S = 60.0
AWAY_S = 4.0  # long, so that a busy machine has a camera back within it


@pytest.fixture(scope="module")
def scene() -> Iterator[SceneControl]:
    try:
        for person in photos.PEOPLE:
            photos.photo_path(person)
    except photos.PhotoMissing as missing:
        pytest.skip(f"the demo's photographs are not installed: {missing}")
    control = SceneControl("nobody")
    yield control
    control.close()


@pytest.fixture(scope="module")
def station(scene: SceneControl) -> Iterator[FaceStation]:
    station = FaceStation(scene.face_spec(), away_s=AWAY_S)
    station.start()
    yield station
    station.close()


@pytest.fixture
def looking(station: FaceStation) -> FaceStation:
    station.look(True)
    assert station.camera.wait_for(CameraState.LIVE, LOAD_S)
    return station


def portrait(person: str) -> bytes:
    """As a card delivers it: through 1,024 bytes."""
    return photos.rgb_of(photos.portrait_webp(person))


@dataclass
class Try:
    """One match and what came of it."""

    hints: list[FaceHint] = field(default_factory=list)
    results: list[FaceMatch | DeviceError] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    hinted: threading.Event = field(default_factory=threading.Event)
    ticket: Ticket | None = None

    def hint(self, hint: FaceHint) -> None:
        self.hints.append(hint)
        self.hinted.set()

    def done(self, result: FaceMatch | DeviceError) -> None:
        self.results.append(result)
        self.over.set()

    @property
    def result(self) -> FaceMatch | DeviceError:
        assert self.over.wait(LOAD_S)
        assert len(self.results) == 1
        return self.results[0]


def match(station: FaceStation, person: str, *, deadline_s: float = 30.0, frames: int = 3) -> Try:
    attempt = Try()
    attempt.ticket = station.match(
        portrait(person),
        threshold=THRESHOLD,
        frames=frames,
        deadline_s=deadline_s,
        hint=attempt.hint,
        done=attempt.done,
    )
    return attempt


def fault_of(result: FaceMatch | DeviceError) -> Fault:
    assert isinstance(result, DeviceError)
    return result.fault


def test_the_camera_is_off_until_asked_and_a_match_says_so(station: FaceStation) -> None:
    assert station.camera.state is CameraState.OFF
    assert station.preview() is None
    assert station.camera.board.sequence == 0  # not one picture was ever taken
    assert fault_of(match(station, "astronaut").result) is Fault.CAMERA_ABSENT


@pytest.mark.parametrize("person", photos.PEOPLE)
def test_the_same_person_matches(looking: FaceStation, scene: SceneControl, person: str) -> None:
    scene.set(person)
    result = match(looking, person).result
    assert isinstance(result, FaceMatch)
    assert result.matched
    assert result.distance is not None
    assert result.distance <= 0.45
    assert result.frames_used == 3
    assert type(result.distance) is float  # a NumPy value would pull NumPy into the screen


def test_another_person_does_not(looking: FaceStation, scene: SceneControl) -> None:
    scene.set("hopper")
    result = match(looking, "astronaut").result
    assert isinstance(result, FaceMatch)
    assert not result.matched
    assert result.distance is not None
    assert result.distance > 0.6


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nobody", FaceHint.NO_FACE),
        ("two-people", FaceHint.ONE_PERSON),
        ("dark", FaceHint.MORE_LIGHT),
        ("far", FaceHint.COME_CLOSER),
        ("blurry", FaceHint.HOLD_STILL),
    ],
)
def test_a_bad_picture_says_what_would_help(
    looking: FaceStation, scene: SceneControl, name: str, hint: FaceHint
) -> None:
    scene.set(name)
    attempt = match(looking, "astronaut", deadline_s=1.6)
    result = attempt.result
    assert isinstance(result, FaceNotSeen)
    assert result.fault is Fault.FACE_NOT_SEEN
    assert result.match.reasons[0] == hint
    assert result.match.frames_seen > 0
    assert result.match.frames_used == 0
    assert result.match.distance is None
    assert not result.match.matched
    assert hint in attempt.hints


def test_the_preview_runs_on_while_matching(looking: FaceStation, scene: SceneControl) -> None:
    """How fast is the bench's question."""
    scene.set("two-people")  # never decided, so the engine works until the deadline
    attempt = match(looking, "astronaut", deadline_s=LOAD_S)
    assert attempt.hinted.wait(LOAD_S)
    shown: set[int] = set()
    until_s = time.monotonic() + LOAD_S
    while len(shown) < 25 and time.monotonic() < until_s:
        frame = looking.preview()
        if frame is not None:
            shown.add(frame.sequence)
    assert len(shown) >= 25
    assert not attempt.over.is_set(), "one second of pictures, and the match still runs"
    assert attempt.ticket is not None
    attempt.ticket.cancel()


def test_neither_process_holds_a_file_it_could_write_a_face_to(
    looking: FaceStation, scene: SceneControl
) -> None:
    scene.set("two-people")
    attempt = match(looking, "astronaut")
    assert attempt.hinted.wait(LOAD_S)
    for pid in (looking.engine_pid, looking.camera.child_pid):
        writable = set()
        for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
            flags = int(entry.read_text().split("flags:")[1].split()[0], 8)
            name = os.readlink(f"/proc/{pid}/fd/{entry.name}")
            if flags & (os.O_WRONLY | os.O_RDWR) and entry.name not in {"0", "1", "2"}:
                writable.add(name.partition(":")[0])
        assert writable <= {"/memfd", "socket"}, writable  # memory, and the pipe to the parent
        limits = Path(f"/proc/{pid}/limits").read_text()
        core = next(line for line in limits.splitlines() if "core file" in line)
        assert core.split()[4] in {"0", "1"}
    assert attempt.ticket
    attempt.ticket.cancel()


def test_a_cancel_ends_a_match_quickly_and_the_next_one_works(
    looking: FaceStation, scene: SceneControl
) -> None:
    scene.set("nobody")
    attempt = match(looking, "hopper")
    assert attempt.hinted.wait(LOAD_S)
    assert attempt.ticket
    began_s = time.monotonic()
    attempt.ticket.cancel()
    assert fault_of(attempt.result) is Fault.CANCELLED
    assert time.monotonic() - began_s < 0.2
    attempt.ticket.cancel()  # again, after the end: nothing
    scene.set("hopper")
    result = match(looking, "hopper").result
    assert isinstance(result, FaceMatch)
    assert result.matched
    assert len(attempt.results) == 1


def test_a_waiting_match_can_be_cancelled(looking: FaceStation, scene: SceneControl) -> None:
    scene.set("nobody")
    first, second = match(looking, "hopper"), match(looking, "hopper")
    assert second.ticket
    assert first.ticket
    second.ticket.cancel()
    assert fault_of(second.result) is Fault.CANCELLED
    assert not first.over.is_set()
    first.ticket.cancel()
    assert fault_of(first.result) is Fault.CANCELLED


def test_an_engine_killed_mid_match_fails_that_match_only(
    looking: FaceStation, scene: SceneControl
) -> None:
    scene.set("nobody")
    attempt = match(looking, "hopper")
    assert attempt.hinted.wait(LOAD_S)
    pid = looking.engine_pid
    assert pid
    os.kill(pid, 9)
    assert fault_of(attempt.result) is Fault.FACE_ENGINE_FAILED
    scene.set("hopper")
    result = match(looking, "hopper").result  # waits for the models by itself
    assert isinstance(result, FaceMatch)
    assert result.matched
    assert looking.engine_pid != pid
    assert looking.preview() is not None


def test_a_stopped_engine_is_given_up_after_the_deadline(
    looking: FaceStation, scene: SceneControl
) -> None:
    scene.set("nobody")
    attempt = match(looking, "hopper", deadline_s=5.0)  # a first frame comes within, however busy
    assert attempt.hinted.wait(LOAD_S)
    pid = looking.engine_pid
    assert pid
    os.kill(pid, signal.SIGSTOP)  # neither answers nor ends
    assert fault_of(attempt.result) is Fault.FACE_ENGINE_FAILED


def test_a_camera_that_comes_back_in_time_still_gives_a_match(
    looking: FaceStation, scene: SceneControl
) -> None:
    scene.set("gone")
    assert looking.camera.wait_for(CameraState.ABSENT, 5.0)
    attempt = match(looking, "astronaut")
    scene.set("astronaut")
    result = attempt.result
    assert isinstance(result, FaceMatch)
    assert result.matched


def test_a_camera_that_stays_away_is_named_as_the_reason(
    looking: FaceStation, scene: SceneControl
) -> None:
    scene.set("gone")
    assert looking.camera.wait_for(CameraState.ABSENT, 5.0)
    began_s = time.monotonic()
    waiting = match(looking, "astronaut", deadline_s=600.0), match(looking, "hopper")
    assert [fault_of(each.result) for each in waiting] == [Fault.CAMERA_ABSENT] * 2
    assert AWAY_S <= time.monotonic() - began_s < 60.0, "soon, and not at the deadline"
    scene.set("hopper")
    result = match(looking, "hopper").result
    assert isinstance(result, FaceMatch)
    assert result.matched, "put back, it serves again"


def test_a_terminal_says_within_two_seconds_that_its_camera_is_away() -> None:
    assert AWAY_S_IN_USE <= 1.5


def test_a_portrait_without_a_face_is_told_apart(looking: FaceStation) -> None:
    attempt = Try()
    grey = bytes([128]) * (102 * 126 * 3)
    looking.match(
        grey, threshold=THRESHOLD, frames=1, deadline_s=30, hint=attempt.hint, done=attempt.done
    )
    assert fault_of(attempt.result) is Fault.FACE_PORTRAIT_EMPTY


def test_a_wrong_size_and_no_frames_are_the_caller_s_mistake(station: FaceStation) -> None:
    nothing = Try()
    with pytest.raises(ValueError, match="102 x 126"):
        station.match(
            b"x", threshold=0.5, frames=1, deadline_s=1, hint=nothing.hint, done=nothing.done
        )
    with pytest.raises(ValueError, match="at least one"):
        match(station, "hopper", frames=0)


def test_looking_away_closes_the_camera_and_wipes_the_pictures(
    looking: FaceStation, scene: SceneControl
) -> None:
    scene.set("nobody")
    attempt = match(looking, "hopper")
    looking.look(False)
    assert fault_of(attempt.result) is Fault.CANCELLED
    assert looking.preview() is None
    assert looking.camera.wait_for(CameraState.OFF, 5.0)
    assert looking.camera.board.is_blank()


def test_closing_answers_a_running_match(scene: SceneControl) -> None:
    station = FaceStation(scene.face_spec())
    station.look(True)
    attempt = match(station, "hopper")  # the engine was never started: it waits
    station.close()
    assert fault_of(attempt.result) is Fault.CANCELLED
    after = match(station, "hopper")
    assert fault_of(after.result) is Fault.CANCELLED
