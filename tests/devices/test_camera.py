"""A camera in its own process: pictures, loss and return, stalls, off means off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.camera import Camera, CameraSpec, CameraState, open_source
from devices.errors import DeviceError, Fault
from devices.simulators.camera import SCENES, SceneControl
from devices.vision.board import FrameBoard

START_S = 20.0  # a machine that runs other things as well
_pause = threading.Event()  # never set: its wait is a look at the clock between two checks


def until(condition: Callable[[], object], timeout_s: float = START_S) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        _pause.wait(0.005)
    return True


class Log:
    """Collects what a camera says of itself."""

    def __init__(self) -> None:
        self.said: list[tuple[CameraState, Fault | None]] = []

    def __call__(self, state: CameraState, error: DeviceError | None) -> None:
        self.said.append((state, error.fault if error else None))

    @property
    def states(self) -> list[CameraState]:
        return [state for state, _ in self.said]


@pytest.fixture
def scene() -> Iterator[SceneControl]:
    control = SceneControl("nobody")
    yield control
    control.close()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def camera(scene: SceneControl, log: Log) -> Iterator[Camera]:
    camera = Camera(scene.face_spec(), log)
    yield camera
    camera.close()


def open_files_of(pid: int) -> set[str]:
    names = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            names.add(os.readlink(entry))
        except OSError:
            continue  # closed between listing and looking
    return names


def test_pictures_come_at_the_camera_s_rate(camera: Camera) -> None:
    camera.start()
    assert camera.wait_for(CameraState.LIVE, START_S)
    began_s, first = time.monotonic(), camera.board.sequence
    assert until(lambda: camera.board.sequence >= first + 25)
    assert 25 / (time.monotonic() - began_s) <= 40, "no faster than the camera"
    picture = camera.latest()
    assert picture is not None
    assert (picture.width_px, picture.height_px) == (640, 480)
    assert len(picture.rgb) == 640 * 480 * 3
    assert picture.mirrored
    assert "rgb" not in repr(picture)


def test_the_device_is_not_open_before_start_nor_after_stop(
    camera: Camera, scene: SceneControl
) -> None:
    camera.prewarm()
    assert until(lambda: camera.child_pid)
    pid = camera.child_pid
    assert pid
    assert camera.latest() is None

    camera.start()
    assert camera.wait_for(CameraState.LIVE, START_S)
    assert str(scene.path) in open_files_of(pid)  # the probe does see an open device
    assert not camera.board.is_blank()

    camera.stop()
    assert camera.latest() is None  # at once, not only when the device has closed
    assert camera.wait_for(CameraState.OFF, 5.0)
    assert camera.child_pid == pid  # ready for the next one
    assert str(scene.path) not in open_files_of(pid)
    assert camera.board.is_blank()


def test_a_camera_that_was_off_delivers_again(camera: Camera) -> None:
    camera.start()
    assert camera.wait_for(CameraState.LIVE, START_S)
    camera.stop()
    assert camera.wait_for(CameraState.OFF, 5.0)
    camera.start()
    assert camera.wait_for(CameraState.LIVE, 5.0)


def test_the_last_of_many_quick_wishes_counts(camera: Camera, log: Log) -> None:
    for _ in range(5):
        camera.start()
        camera.stop()
    camera.start()
    camera.start()
    assert camera.wait_for(CameraState.LIVE, START_S)
    for _ in range(5):
        camera.start()
        camera.stop()
    assert camera.latest() is None
    assert camera.wait_for(CameraState.OFF, 5.0)
    assert camera.board.is_blank()
    assert camera.child_pid
    camera.start()
    assert camera.wait_for(CameraState.LIVE, START_S)
    assert CameraState.ABSENT not in log.states


def test_a_camera_that_goes_comes_back_by_itself(
    camera: Camera, scene: SceneControl, log: Log
) -> None:
    camera.start()
    assert camera.wait_for(CameraState.LIVE, START_S)
    scene.set("gone")
    assert camera.wait_for(CameraState.ABSENT, 5.0)
    assert camera.latest() is None  # not the last picture, frozen
    assert until(camera.board.is_blank, 5.0)
    scene.set("nobody")
    assert camera.wait_for(CameraState.LIVE, 10.0)
    assert camera.latest() is not None
    assert (CameraState.ABSENT, Fault.CAMERA_ABSENT) in log.said


def test_a_camera_that_was_never_there_is_absent_and_can_be_stopped(log: Log) -> None:
    camera = Camera(CameraSpec("v4l2", "/dev/video-none"), log)
    try:
        camera.start()
        assert camera.wait_for(CameraState.ABSENT, START_S)
        assert camera.latest() is None
        camera.stop()
        assert camera.wait_for(CameraState.OFF, 5.0)
    finally:
        camera.close()
    assert log.said[1] == (CameraState.ABSENT, Fault.CAMERA_ABSENT)


def test_a_camera_that_hangs_is_killed_and_started_again(scene: SceneControl, log: Log) -> None:
    spec = scene.face_spec()
    camera = Camera(CameraSpec(spec.kind, spec.device, stall_s=0.5), log)
    try:
        camera.start()
        assert camera.wait_for(CameraState.LIVE, START_S)
        pid = camera.child_pid
        scene.set("frozen")
        assert camera.wait_for(CameraState.STALLED, 5.0)
        assert camera.board.is_blank()
        scene.set("nobody")
        assert camera.wait_for(CameraState.LIVE, START_S)
        assert camera.child_pid != pid
    finally:
        camera.close()
    assert (CameraState.STALLED, Fault.CAMERA_STALLED) in log.said


def test_a_first_frame_that_took_long_is_no_stall(scene: SceneControl, log: Log) -> None:
    """On a slow machine, opening takes longer than a picture may: from going live on it counts."""
    spec = scene.face_spec()
    camera = Camera(CameraSpec(spec.kind, spec.device, stall_s=0.5), log)
    try:  # its process is not started: these are the messages that one sends
        camera._enter(CameraState.STARTING)
        camera._since_s = time.monotonic() - 3.0
        camera._message(("live", camera._session))
        camera._tick()
        assert log.states == [CameraState.STARTING, CameraState.LIVE]
        camera._since_s = time.monotonic() - 3.0
        camera._tick()
        assert log.states[-1] is CameraState.STALLED, "then a picture has to come"
    finally:
        camera.close()


def test_a_killed_camera_process_is_replaced(camera: Camera, log: Log) -> None:
    camera.start()
    assert camera.wait_for(CameraState.LIVE, START_S)
    pid = camera.child_pid
    assert pid
    os.kill(pid, 9)
    assert camera.wait_for(CameraState.ABSENT, 5.0)
    assert camera.wait_for(CameraState.LIVE, START_S)
    assert camera.child_pid != pid


def test_files_are_shown_in_turn(tmp_path: Path, log: Log) -> None:
    from PIL import Image

    names = []
    for number, colour in enumerate(((250, 0, 0), (0, 0, 250))):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (400, 400), colour).save(path)
        names.append(str(path))
    camera = Camera(CameraSpec("files", files=tuple(names), width_px=320, height_px=240), log)
    seen: set[bytes] = set()

    def look() -> bool:
        frame = camera.latest()
        if frame:
            seen.add(frame.rgb[:3])
        return len(seen) == 2

    try:
        camera.start()
        assert until(look)
    finally:
        camera.close()
    assert seen == {bytes((250, 0, 0)), bytes((0, 0, 250))}


@pytest.mark.parametrize("mirror", [False, True])
def test_a_mirrored_preview_has_its_left_where_the_person_has(
    tmp_path: Path, log: Log, mirror: bool
) -> None:
    from PIL import Image

    red, blue = (250, 0, 0), (0, 0, 250)
    picture = Image.new("RGB", (320, 240), red)
    picture.paste(blue, (160, 0, 320, 240))
    picture.save(tmp_path / "halves.png")
    files = (str(tmp_path / "halves.png"),)
    spec = CameraSpec("files", files=files, width_px=320, height_px=240, mirror=mirror)
    camera = Camera(spec, log)
    try:
        camera.start()
        assert until(lambda: camera.latest() is not None)
        frame = camera.latest()
    finally:
        camera.close()
    assert frame is not None
    row = frame.rgb[: 320 * 3]
    halves = (blue, red) if mirror else (red, blue)
    assert (tuple(row[:3]), tuple(row[-3:])) == halves


@pytest.mark.parametrize("stuck", [False, True])
def test_the_child_dies_with_its_parent(stuck: bool) -> None:
    """Even when the parent is killed and can say nothing, and the child runs no code."""
    program = (
        "import sys\n"
        "from devices.camera import Camera, CameraSpec\n"
        "camera = Camera(CameraSpec('v4l2', '/dev/video-none'))\n"
        "camera.start()\n"
        "camera.wait_for('absent', 30)\n"
        "print(camera.child_pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    root = Path(__file__).resolve().parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        if stuck:
            os.kill(child, signal.SIGSTOP)
        parent.kill()
        parent.wait()

    def gone() -> bool:
        try:
            status = Path(f"/proc/{child}/stat").read_text()
        except OSError:
            return True
        return status.rpartition(")")[2].split()[0] == "Z"  # nobody reaps in a container

    assert until(gone, 5.0)


def test_the_screen_s_process_gets_neither_numpy_nor_opencv() -> None:
    program = (
        "import sys, devices.camera, devices.document, devices.face.client\n"
        "import devices.simulators.camera, devices.simulators.photos\n"
        "heavy = {'numpy', 'cv2', 'dlib', 'face_recognition', 'PIL', 'skimage', 'matplotlib'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_close_twice_and_calls_after_close_are_harmless(scene: SceneControl) -> None:
    camera = Camera(scene.face_spec())
    camera.close()
    camera.close()
    camera.start()
    camera.stop()
    assert camera.latest() is None


@pytest.mark.expected_logs(
    "a callback of a camera worker raised RuntimeError", reason="the test's callback fails"
)
def test_a_failing_callback_does_not_end_the_camera(
    scene: SceneControl, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_state: CameraState, _error: DeviceError | None) -> None:
        raise RuntimeError("name of a resident")

    camera = Camera(scene.face_spec(), broken)
    try:
        camera.start()
        assert camera.wait_for(CameraState.LIVE, START_S)
        camera.stop()
        assert camera.wait_for(CameraState.OFF, 5.0)
    finally:
        camera.close()
    assert "RuntimeError" in caplog.text
    assert "resident" not in caplog.text


def test_unknown_kinds_and_scenes_are_refused(scene: SceneControl) -> None:
    with pytest.raises(ValueError, match="is not one of"):
        open_source(CameraSpec("webcam"))
    with pytest.raises(ValueError, match="is not one of"):
        scene.set("somebody")
    assert scene.scene in SCENES


@given(
    pictures=st.lists(
        st.tuples(st.integers(1, 8), st.integers(1, 6), st.booleans()), min_size=1, max_size=12
    )
)
def test_a_board_gives_back_the_newest_picture(pictures: list[tuple[int, int, bool]]) -> None:
    board = FrameBoard.create(8, 6)
    try:
        assert board.latest() is None
        for number, (width, height, mirrored) in enumerate(pictures, start=1):
            pixels = bytes((number + index) % 251 for index in range(width * height * 3))
            slot = board.begin(width, height)
            slot[:] = pixels
            slot.release()
            board.publish(width, height, float(number), mirrored=mirrored)
            frame = board.latest()
            assert frame is not None
            assert (frame.rgb, frame.width_px, frame.height_px) == (pixels, width, height)
            assert (frame.sequence, frame.at_s, frame.mirrored) == (number, number, mirrored)
        board.wipe()
        assert board.latest() is None
        assert board.is_blank()
        assert board.sequence == len(pictures)
    finally:
        board.close()


def test_a_picture_that_is_overtaken_while_it_is_written_is_not_shown() -> None:
    board = FrameBoard.create(4, 4)
    try:
        for number in range(1, 6):
            slot = board.begin(4, 4)
            slot[:] = bytes([number]) * 48
            slot.release()
            board.publish(4, 4, float(number), mirrored=False)
        board.begin(4, 4).release()  # the writer has begun the sixth and not finished it
        frame = board.latest()
        assert frame is not None
        assert frame.rgb == bytes([5]) * 48
        with pytest.raises(ValueError, match="larger than the board"):
            board.begin(5, 4)
    finally:
        board.close()


def test_a_reader_never_sees_half_of_two_pictures() -> None:
    """Another process writes one-coloured pictures as fast as it can; none may be mixed."""
    board = FrameBoard.create(320, 240)
    program = (
        "import itertools, sys\n"
        "from devices.vision.board import BoardHandle, FrameBoard\n"
        "board = FrameBoard(BoardHandle(int(sys.argv[1]), 320 * 240 * 3))\n"
        "colours = [bytes([n]) * (320 * 240 * 3) for n in range(250)]\n"
        "for number in itertools.count():\n"
        "    slot = board.begin(320, 240)\n"
        "    slot[:] = colours[number % 250]\n"
        "    slot.release()\n"
        "    board.publish(320, 240, 0.0, mirrored=False)\n"
    )
    root = Path(__file__).resolve().parents[2]
    fd = board.handle.fd
    with subprocess.Popen(
        [sys.executable, "-c", program, str(fd)], cwd=root, pass_fds=(fd,)
    ) as writer:
        try:
            assert until(lambda: board.sequence > 0)
            last, seen = 0, 0
            deadline_s = time.monotonic() + START_S
            while seen < 3000 and time.monotonic() < deadline_s:
                frame = board.latest()
                if frame is None:
                    continue  # overtaken each time it looked: says so, shows nothing wrong
                seen += 1
                assert frame.rgb.count(frame.rgb[:1]) == len(frame.rgb)
                assert frame.rgb[0] == (frame.sequence - 1) % 250
                assert frame.sequence >= last
                last = frame.sequence
            assert seen == 3000
        finally:
            writer.kill()
    board.close()
