"""Scanner devices: a serial one on a pseudo-terminal, a keyboard wedge at the edge of evdev.

The wedge is tested there because a real uinput device needs /dev/uinput; the events are the
kernel's bytes, read by evdev's own code.
"""

from __future__ import annotations

import string
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from evdev import ecodes
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import DeviceError, Fault
from devices.records import ScannedCode
from devices.scanners.scanner import CodeScanner, Line
from devices.scanners.serial_line import MAX_LINE_BYTES, LineSplitter, SerialLine, serial_line
from devices.scanners.text import MAX_CHARS, code_of, decode, is_text
from devices.scanners.wedge import KeyText, WedgeId, wedge_line
from devices.simulators.scanner import SerialScannerSimulator, WedgeSimulator
from devices.worker import Cancel

WAIT_S = 5.0
SCANNER_ID = WedgeId(0x1EAB, 0x1D03)
TYPEABLE = "".join(char for char in string.printable if char not in "\r\n\x0b\x0c")


class Waiting:
    """A read that waits on a thread of its own."""

    def __init__(self, scanner: CodeScanner, wait_s: float = WAIT_S) -> None:
        self.cancel = Cancel(30.0)
        self.result: ScannedCode | DeviceError | None = None
        self._scanner, self._wait_s = scanner, wait_s
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._scanner.read(self.cancel, wait_s=self._wait_s)
        except DeviceError as error:
            self.result = error

    def end(self) -> ScannedCode | DeviceError | None:
        self._thread.join(WAIT_S * 2)
        assert not self._thread.is_alive()
        return self.result


def scan_until_read(scan: Callable[[], None], waiting: Waiting) -> str | Fault:
    """Show a code again and again, as a person does, until one was taken."""
    end = time.monotonic() + WAIT_S
    pause = threading.Event()
    while waiting.result is None and time.monotonic() < end:
        scan()
        pause.wait(0.03)
    result = waiting.end()
    assert result is not None
    return result.fault if isinstance(result, DeviceError) else result.text


def after(line: Line) -> list[str | None]:
    """The next thing that a line gives out."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if found := line.take(0.1):
            return found
    return []


@pytest.fixture
def port() -> Iterator[SerialScannerSimulator]:
    with SerialScannerSimulator() as made:
        yield made


@pytest.fixture
def serial_scanner(port: SerialScannerSimulator) -> Iterator[CodeScanner]:
    made = CodeScanner(serial_line(port.port, gap_s=0.1), absent_patience_s=0.3)
    made.open()
    yield made
    made.close()


@pytest.fixture
def keyboard() -> Iterator[WedgeSimulator]:
    made = WedgeSimulator()
    yield made
    made.close()


@pytest.fixture
def wedge(keyboard: WedgeSimulator) -> Iterator[CodeScanner]:
    made = CodeScanner(wedge_line(SCANNER_ID, keyboards=keyboard.keyboards), absent_patience_s=0.3)
    made.open()
    yield made
    made.close()


# Lines.


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)),
    st.sampled_from([b"\r", b"\n", b"\r\n"]),
    st.data(),
)
def test_lines_come_whole_in_any_portions(
    texts: list[str], end: bytes, data: st.DataObject
) -> None:
    raw = b"".join(text.encode() + end for text in texts)
    splitter = LineSplitter()
    lines: list[str | None] = []
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        lines += splitter.feed(raw[:size])
        raw = raw[size:]
    assert lines == texts
    assert not splitter.is_pending


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_are_survived(portions: list[bytes]) -> None:
    splitter = LineSplitter()
    for portion in portions:
        for line in splitter.feed(portion):
            code_of(line, aim=True)
    splitter.forget()
    assert splitter.feed(b"next\r") == ["next"]


def test_a_line_that_is_too_long_is_unreadable_once_and_keeps_nothing() -> None:
    splitter = LineSplitter()
    for _ in range(5):
        assert splitter.feed(b"x" * MAX_LINE_BYTES) == []
        assert len(splitter._buffer) <= MAX_LINE_BYTES
    assert splitter.feed(b"x\rnext\r") == [None, "next"]


def test_frames_encodings_and_identifiers() -> None:
    assert LineSplitter().feed(b"\x02A1\x03\r\n") == ["A1"]
    assert decode("温州".encode("gb18030")) == "温州"
    assert decode("温州".encode()) == "温州"
    assert decode(b"\xff\xff") is None
    assert code_of("]Q1abc", aim=True) == ScannedCode("abc", "qr-code")
    assert code_of("]C0abc", aim=True) == ScannedCode("abc", "code-128")
    assert code_of("]?0abc", aim=True) == ScannedCode("abc", "")
    assert code_of("]Q1abc") == ScannedCode("]Q1abc", "")
    assert code_of("a\x00b") is None
    assert code_of("x" * (MAX_CHARS + 1)) is None
    assert not is_text("\ufdd0")


# A serial scanner.


def test_a_code_is_read(port: SerialScannerSimulator, serial_scanner: CodeScanner) -> None:
    waiting = Waiting(serial_scanner)
    assert scan_until_read(lambda: port.scan("LW042-00317-6"), waiting) == "LW042-00317-6"


def test_what_was_scanned_before_belongs_to_nobody(port: SerialScannerSimulator) -> None:
    line = serial_line(port.port, gap_s=5.0)()
    port.scan("of the person before")
    port.send(b"half of an")
    line.drain()
    port.send(b"other\r")
    port.scan("of the next")
    assert after(line) == ["of the next"]
    line.close()


def test_noise_that_does_not_end_is_forgotten(port: SerialScannerSimulator) -> None:
    line = serial_line(port.port, gap_s=0.1)()
    assert isinstance(line, SerialLine)
    end = time.monotonic() + WAIT_S
    port.send(b"\x10noise")
    while not line.is_pending and time.monotonic() < end:
        assert line.take(0.01) == []
    while line.is_pending and time.monotonic() < end:
        assert line.take(0.01) == []
    port.scan("clean")
    assert line.take(WAIT_S) + line.take(0.1) == ["clean"]
    line.close()


def test_what_is_no_text_is_told_so(
    port: SerialScannerSimulator, serial_scanner: CodeScanner
) -> None:
    assert scan_until_read(lambda: port.send(b"a\x01b\r"), Waiting(serial_scanner)) is (
        Fault.CODE_UNREADABLE
    )


# A keyboard wedge.


@given(st.text(TYPEABLE, min_size=1, max_size=40))
def test_keys_become_the_text_that_was_scanned(text: str) -> None:
    keyboard = WedgeSimulator()
    line = wedge_line(SCANNER_ID, keyboards=keyboard.keyboards)()
    keyboard.scan(text)
    found: list[str | None] = []
    while not found:
        found += line.take(1.0)
    assert found == [text]
    line.close()
    keyboard.close()


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*range(130), ecodes.KEY_ENTER, ecodes.KEY_LEFTSHIFT]),
            st.sampled_from([0, 1, 2, 7]),
            st.floats(0, 2),
        ),
        max_size=60,
    )
)
def test_any_keys_are_survived(events: list[tuple[int, int, float]]) -> None:
    keys, now = KeyText(), 0.0
    for code, value, pause_s in events:
        now += pause_s
        for text in keys.key(code, value, now):
            assert text is None or 0 < len(text) <= MAX_CHARS


def typed(*taps: int | tuple[int, int], gap_s: float = 0.01) -> list[str | None]:
    keys, texts = KeyText(), []
    for number, tap in enumerate(taps):
        code, value = tap if isinstance(tap, tuple) else (tap, 1)
        texts += keys.key(code, value, number * gap_s)
    return texts


def test_what_cannot_be_trusted_is_unreadable() -> None:
    assert typed(ecodes.KEY_A, ecodes.KEY_F5, ecodes.KEY_ENTER) == [None]
    assert typed(ecodes.KEY_LEFTCTRL, ecodes.KEY_A, ecodes.KEY_ENTER) == [None]
    assert typed(ecodes.KEY_A, ecodes.KEY_ENTER, gap_s=0.4) == ["a"]
    assert typed(ecodes.KEY_A, ecodes.KEY_ENTER, gap_s=0.6) == []
    assert typed(ecodes.KEY_ENTER) == []
    assert typed(ecodes.KEY_CAPSLOCK, ecodes.KEY_A, ecodes.KEY_1, ecodes.KEY_ENTER) == ["A1"]
    keys = KeyText()
    keys.key(ecodes.KEY_A, 1, 0.0)
    keys.dropped()
    assert keys.key(ecodes.KEY_ENTER, 1, 0.1) == [None]
    assert keys.key(ecodes.KEY_B, 1, 0.2) + keys.key(ecodes.KEY_ENTER, 1, 0.3) == ["b"]


def test_a_wedge_is_read_and_kept_from_typing(keyboard: WedgeSimulator, wedge: CodeScanner) -> None:
    assert keyboard.grabbed
    assert scan_until_read(lambda: keyboard.scan("http://a/?b=C"), Waiting(wedge)) == (
        "http://a/?b=C"
    )
    assert keyboard.grabbed
    wedge.close()
    assert not keyboard.grabbed


def test_what_a_wedge_scanned_before_belongs_to_nobody(keyboard: WedgeSimulator) -> None:
    line = wedge_line(SCANNER_ID, gap_s=5.0, keyboards=keyboard.keyboards)()
    keyboard.scan("before")
    keyboard.scan("half", enter=False)
    line.drain()
    keyboard.scan("other")
    keyboard.scan("next")
    assert after(line) == ["next"]
    line.close()


def test_lost_events_are_told(keyboard: WedgeSimulator, wedge: CodeScanner) -> None:
    def scan() -> None:
        keyboard.scan("lost", enter=False)
        keyboard.lose_events()
        keyboard.scan("end")

    assert scan_until_read(scan, Waiting(wedge)) is Fault.CODE_UNREADABLE


@pytest.mark.parametrize(
    "wanted",
    [
        WedgeId(0x1EAB, 0x0001),
        WedgeId(0x046D, 0x1D03),
        WedgeId(0x1EAB, 0x1D03, "usb-0000:00:14.0-3/"),
    ],
)
def test_other_keyboards_are_left_alone(keyboard: WedgeSimulator, wanted: WedgeId) -> None:
    with pytest.raises(OSError, match="no such"):
        wedge_line(wanted, keyboards=keyboard.keyboards)()
    assert not keyboard.grabbed


def test_the_part_of_a_scanner_that_does_not_type_and_a_taken_one() -> None:
    silent = WedgeSimulator(types=False)
    with pytest.raises(OSError, match="no such"):
        wedge_line(SCANNER_ID, keyboards=silent.keyboards)()
    silent.close()
    taken = WedgeSimulator()
    taken.grabbed = True
    scanner = CodeScanner(wedge_line(SCANNER_ID, keyboards=taken.keyboards))
    with pytest.raises(DeviceError, match="SC-01"):
        scanner.open()
    taken.close()


def test_without_any_input_device_there_is_no_scanner() -> None:
    with pytest.raises(OSError, match="no such"):
        wedge_line(WedgeId(1, 1))()


# Both.


@pytest.fixture(params=["serial", "wedge"])
def either(
    request: pytest.FixtureRequest,
) -> tuple[CodeScanner, SerialScannerSimulator | WedgeSimulator]:
    names = {"serial": ("serial_scanner", "port"), "wedge": ("wedge", "keyboard")}
    scanner, simulator = (request.getfixturevalue(name) for name in names[request.param])
    return scanner, simulator


Either = tuple[CodeScanner, SerialScannerSimulator | WedgeSimulator]


def test_pulled_and_plugged_in_again(either: Either) -> None:
    scanner, simulator = either
    for number in range(8):
        simulator.vanish()
        with pytest.raises(DeviceError) as caught:
            scanner.status()
        assert caught.value.fault is Fault.SCANNER_ABSENT
        simulator.come_back()
        scanner.status()
        text = f"code {number}"
        waiting = Waiting(scanner)
        assert scan_until_read(lambda text=text: simulator.scan(text), waiting) == text  # type: ignore[misc]


def test_pulled_while_it_is_waited_for(either: Either) -> None:
    scanner, simulator = either
    waiting = Waiting(scanner)
    simulator.vanish()
    simulator.come_back()
    assert scan_until_read(lambda: simulator.scan("back"), waiting) == "back"


def test_one_that_stays_away_is_absent(either: Either) -> None:
    scanner, simulator = either
    simulator.vanish()
    began = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        scanner.read(Cancel(), wait_s=9.0)
    assert caught.value.fault is Fault.SCANNER_ABSENT
    assert time.monotonic() - began < 2.0


def test_a_cancel_ends_a_read_at_once(either: Either) -> None:
    scanner, _ = either
    waiting = Waiting(scanner)
    began = time.monotonic()
    waiting.cancel.cancel()
    result = waiting.end()
    assert isinstance(result, DeviceError)
    assert result.fault is Fault.CANCELLED
    assert time.monotonic() - began < 0.5


def test_no_code_in_time(either: Either) -> None:
    scanner, _ = either
    with pytest.raises(DeviceError) as caught:
        scanner.read(Cancel(), wait_s=0.1)
    assert caught.value.fault is Fault.CODE_ABSENT
