"""A vendor's library in its child process: one that behaves, crashes, hangs and lies.

The library is compiled here, with the functions of the public SDT API. What it does is
told to it by a file, so that it can change its mind between two calls.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import DeviceError, Fault
from devices.readers import CardReader
from devices.records import IdCard
from devices.samv.driver import CardWithFingerprint
from devices.samv.framing import Frame, FrameParser
from devices.samv.protocol import Command
from devices.samv.vendor import VendorPort, VendorReader, _Answer, _frame_of
from devices.simulators.cards import PEOPLE, make_card
from devices.worker import Cancel

SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char mode[64];

/* The file says FUNCTION-DEED; a deed of "once-..." is done one time only. */
static const char *deed(const char *function) {
    FILE *in = fopen(HOME "/mode", "r");
    size_t size = in ? fread(mode, 1, sizeof mode - 1, in) : 0;
    mode[size] = 0;
    if (in) fclose(in);
    FILE *log = fopen(HOME "/calls", "a");
    fprintf(log, "%s\n", function);
    fclose(log);
    printf("chatter of a library on standard output\n");
    fflush(stdout);
    size_t length = strlen(function);
    if (strncmp(mode, function, length) || mode[length] != '-') return "";
    const char *what = mode + length + 1;
    if (!strncmp(what, "once-", 5)) { unlink(HOME "/mode"); what += 5; }
    if (!strcmp(what, "crash")) *(volatile int *)8 = 1;
    if (!strcmp(what, "exit")) exit(0);
    if (!strcmp(what, "abort")) abort();
    if (!strcmp(what, "hang")) for (;;) pause();
    if (!strcmp(what, "spin")) for (volatile int i = 0;; i++) ;
    return what;
}

static unsigned fill(const char *name, unsigned char *target) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", HOME, name);
    FILE *in = fopen(path, "rb");
    if (!in) return 0;
    unsigned size = fread(target, 1, 4096, in);
    fclose(in);
    return size;
}

static int code_of(const char *what, int fine) {
    return strncmp(what, "code", 4) ? fine : (int)strtol(what + 4, 0, 0);
}

int SDT_OpenPort(int port) { return code_of(deed("open"), port == 1001 ? 0x90 : 1); }
int SDT_ClosePort(int port) { return code_of(deed("close"), 0x90); }
int SDT_GetSAMStatus(int port, int open) { return code_of(deed("status"), 0x90); }
int SDT_ResetSAM(int port, int open) { return code_of(deed("reset"), 0x90); }
int SDT_GetSAMID(int port, unsigned char *id, int open) {
    const char *what = deed("id");
    fill("id", id);
    return code_of(what, 0x90);
}
int SDT_StartFindIDCard(int port, unsigned char *data, int open) {
    int fine = access(HOME "/text", R_OK) ? 0x80 : 0x9f;
    return code_of(deed("find"), fine);
}
int SDT_SelectIDCard(int port, unsigned char *data, int open) {
    return code_of(deed("select"), 0x90);
}
static int read_all(const char *function, unsigned char *text, unsigned *text_size,
                    unsigned char *photo, unsigned *photo_size) {
    const char *what = deed(function);
    *text_size = fill("text", text);
    *photo_size = fill("photo", photo);
    if (!strcmp(what, "long")) *text_size = 100000;
    if (!strcmp(what, "huge")) *photo_size = 0xffffffffu;
    if (!strcmp(what, "short")) *text_size = 17;
    if (!strcmp(what, "nothing")) *text_size = *photo_size = 0;
    if (!strcmp(what, "overrun")) memset(text + 300, 'x', 100);
    if (!strcmp(what, "garbage")) memset(text, 0xfe, 256);
    return code_of(what, 0x90);
}
int SDT_ReadBaseMsg(int port, unsigned char *text, unsigned *text_size, unsigned char *photo,
                    unsigned *photo_size, int open) {
    return read_all("read", text, text_size, photo, photo_size);
}
#ifndef NO_FINGER
int SDT_ReadBaseFPMsg(int port, unsigned char *text, unsigned *text_size, unsigned char *photo,
                      unsigned *photo_size, unsigned char *finger, unsigned *size, int open) {
    *size = fill("finger", finger);
    return read_all("fingerprint", text, text_size, photo, photo_size);
}
#endif
int SDT_ReadNewAppMsg(int port, unsigned char *data, unsigned *size, int open) {
    const char *what = deed("addresses");
    *size = fill("addresses", data);
    return code_of(what, *size ? 0x90 : 0x91);
}
"""
SAM_ID = struct.pack("<HHIII", 5, 3, 20_260_101, 1, 990_000_001)
LIMITS: dict[str, Any] = {
    "quiet_s": 0.03,
    "reply_deadline_s": 0.4,
    "absent_patience_s": 0.2,
    "find_every_s": 0.02,
}


class Vendor:
    """The library, what it is told to do, and the card on its reader."""

    def __init__(self, home: Path, *defines: str) -> None:
        compiler = shutil.which("cc")
        assert compiler is not None, "a C compiler is needed"
        self.home = home
        self.library = home / "libsdtapi.so"
        source = home / "sdt.c"
        source.write_text(SOURCE)
        define = [f'-DHOME="{home}"', *(f"-D{name}" for name in defines)]
        command = [compiler, "-shared", "-fPIC", "-w", *define, "-o", str(self.library)]
        subprocess.run([*command, str(source)], check=True)
        (home / "id").write_bytes(SAM_ID)

    def does(self, what: str) -> None:
        """Such as read-crash, find-once-hang, status-code0x66."""
        (self.home / "mode").write_text(what)

    def put_card(self, fingerprint: bytes = b"", person: IdCard = PEOPLE["man"]) -> None:
        card = make_card(person, fingerprint=fingerprint)
        (self.home / "photo").write_bytes(card.portrait)
        (self.home / "finger").write_bytes(card.fingerprint)
        (self.home / "addresses").write_bytes(card.addresses)
        (self.home / "text").write_bytes(card.text)

    def heal(self) -> None:
        for name in ("mode", "calls", "text", "photo", "finger", "addresses"):
            (self.home / name).unlink(missing_ok=True)

    def calls(self) -> list[str]:
        return (self.home / "calls").read_text().split()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Vendor:
    return Vendor(tmp_path_factory.mktemp("vendor"))


@pytest.fixture
def vendor(compiled: Vendor) -> Vendor:
    compiled.heal()
    return compiled


@pytest.fixture
def reader(vendor: Vendor) -> Iterator[VendorReader]:
    made = VendorReader(vendor.library, **LIMITS)
    yield made
    made.close()


def read(reader: VendorReader, wait_s: float = 1.0) -> IdCard:
    return reader.read_card(Cancel(20.0), wait_s=wait_s, read_deadline_s=2.0)


def fault_of(reader: VendorReader, wait_s: float = 1.0) -> DeviceError:
    began = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        read(reader, wait_s)
    assert time.monotonic() - began < wait_s + 6.0
    return caught.value


def children() -> set[int]:
    """Processes that this one started and that still run."""
    task = Path(f"/proc/{os.getpid()}/task")
    found = [(entry / "children").read_text().split() for entry in task.iterdir()]
    return {int(pid) for pids in found for pid in pids}


# One that behaves.


def test_a_card_is_read_as_over_a_line(vendor: Vendor, reader: VendorReader) -> None:
    either: CardReader = reader
    assert either.sam_id() == "05.03-20260101-0000000001-0990000001"
    either.status()
    reader.reset()
    moved = replace(PEOPLE["man"], added_addresses=("样例市甲路1号",))
    vendor.put_card(person=moved)
    assert read(reader) == moved
    assert vendor.calls().count("addresses") == 1
    assert vendor.calls()[:3] == ["open", "id", "status"]
    assert "fingerprint" not in vendor.calls()


def test_the_same_process_answers_all_and_is_told_to_close(
    vendor: Vendor, reader: VendorReader
) -> None:
    before = children()
    reader.status()
    (child,) = children() - before
    for _ in range(5):
        reader.status()
    assert children() - before == {child}
    reader.close()
    assert vendor.calls().count("open") == 1
    assert vendor.calls()[-1] == "close"
    assert children() == before


def test_without_a_card_the_wait_ends_in_time(vendor: Vendor, reader: VendorReader) -> None:
    reader.open()
    assert fault_of(reader, wait_s=1.0).fault is Fault.CARD_ABSENT
    assert vendor.calls().count("find") > 2


def test_a_fingerprint_only_when_asked_for(vendor: Vendor, reader: VendorReader) -> None:
    vendor.put_card(fingerprint=b"\x43\x01" * 512)
    both = reader.read_card(Cancel(), wait_s=1.0, fingerprint=True)
    assert isinstance(both, CardWithFingerprint)
    assert both.fingerprint is not None
    assert both.fingerprint.data == b"\x43\x01" * 512


def test_a_function_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    vendor = Vendor(tmp_path, "NO_FINGER")
    vendor.put_card()
    reader = VendorReader(vendor.library, **LIMITS)
    with pytest.raises(DeviceError) as caught:
        reader.read_card(Cancel(), wait_s=1.0, fingerprint=True)
    assert caught.value.fault is Fault.READER_REFUSED
    assert read(reader) == PEOPLE["man"]
    reader.close()


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("find-code0x80", Fault.CARD_ABSENT),
        ("select-code0x81", Fault.CARD_NOT_SELECTED),
        ("read-code0x41", Fault.CARD_UNREADABLE),
        ("read-code0x32", Fault.CARD_NOT_GENUINE),
        ("find-code0x66", Fault.READER_SAM_FAILED),
        ("find-code0x40", Fault.CARD_WRONG_KIND),
        ("find-code0x01", Fault.READER_ABSENT),
        ("find-code0x02", Fault.READER_GARBLED),
        ("find-code-7", Fault.READER_GARBLED),
        ("find-code4711", Fault.READER_GARBLED),
        ("find-code0x77", Fault.READER_REFUSED),
        ("open-code0x01", Fault.READER_ABSENT),
    ],
)
def test_codes_become_faults(vendor: Vendor, reader: VendorReader, what: str, fault: Fault) -> None:
    vendor.put_card()
    vendor.does(what)
    assert fault_of(reader, wait_s=0.4).fault is fault


# One that crashes, hangs, lies.


@pytest.mark.parametrize(
    ("function", "deed"),
    [
        ("open", "crash"),
        ("find", "crash"),
        ("select", "abort"),
        ("read", "crash"),
        ("read", "exit"),
    ],
)
def test_a_crash_is_a_reader_that_vanished_and_comes_back(
    vendor: Vendor, reader: VendorReader, function: str, deed: str
) -> None:
    vendor.put_card()
    vendor.does(f"{function}-{deed}")
    assert fault_of(reader, wait_s=0.3).fault is Fault.READER_ABSENT
    vendor.heal()
    vendor.put_card()
    assert read(reader) == PEOPLE["man"]


@pytest.mark.parametrize("function", ["open", "find", "read"])
def test_a_hang_is_killed_and_the_next_card_is_read(
    vendor: Vendor, reader: VendorReader, function: str
) -> None:
    vendor.put_card()
    vendor.does(f"{function}-hang")
    error = fault_of(reader, wait_s=0.3)
    assert error.fault in {Fault.READER_SILENT, Fault.READER_ABSENT}
    vendor.heal()
    vendor.put_card()
    assert read(reader) == PEOPLE["man"]


def test_a_hang_that_happens_once_costs_time_and_no_card(
    vendor: Vendor, reader: VendorReader
) -> None:
    vendor.put_card()
    vendor.does("find-once-spin")
    assert read(reader, wait_s=5.0) == PEOPLE["man"]


def test_a_cancel_does_not_wait_for_a_library_that_hangs(
    vendor: Vendor, reader: VendorReader
) -> None:
    reader.open()
    vendor.does("find-hang")
    began = time.monotonic()
    with pytest.raises(DeviceError) as caught:
        reader.read_card(Cancel(0.2), wait_s=9.0)
    assert caught.value.fault is Fault.DEADLINE
    assert time.monotonic() - began < 5.0


def test_a_hanging_close_is_not_waited_for(vendor: Vendor, reader: VendorReader) -> None:
    before = children()
    reader.status()
    vendor.does("close-hang")
    began = time.monotonic()
    reader.close()
    assert time.monotonic() - began < 5.0
    assert children() == before


@pytest.mark.parametrize("deed", ["crash", "exit", "hang", "once-spin", "code0x02", "code-1"])
def test_added_addresses_that_go_wrong_cost_no_card(
    vendor: Vendor, reader: VendorReader, deed: str
) -> None:
    vendor.put_card(person=replace(PEOPLE["man"], added_addresses=("样例市甲路1号",)))
    vendor.does(f"addresses-{deed}")
    assert read(reader) == PEOPLE["man"]
    vendor.heal()
    vendor.put_card()
    assert read(reader) == PEOPLE["man"]


@pytest.mark.parametrize("lie", ["long", "huge", "short", "nothing", "overrun", "garbage"])
def test_a_lie_is_never_a_card(vendor: Vendor, reader: VendorReader, lie: str) -> None:
    vendor.put_card()
    vendor.does(f"read-{lie}")
    assert fault_of(reader, wait_s=0.3).fault in {
        Fault.CARD_UNREADABLE,
        Fault.READER_GARBLED,
        Fault.READER_SILENT,
    }
    vendor.heal()
    vendor.put_card()
    assert read(reader) == PEOPLE["man"]


def test_a_library_that_is_missing_or_none_is_an_absent_reader(tmp_path: Path) -> None:
    no_library = tmp_path / "libsdtapi.so"
    reader = VendorReader(no_library, **LIMITS)
    assert fault_of(reader, wait_s=0.1).fault is Fault.READER_ABSENT
    no_library.write_text("this is no library")
    assert fault_of(reader, wait_s=0.1).fault is Fault.READER_ABSENT


def test_a_child_ends_with_the_process_that_started_it(vendor: Vendor) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from devices.samv.vendor import VendorPort\n"
        "port = VendorPort(Path(sys.argv[1]), 1001)\n"
        "print(port.child_pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(vendor.library)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    child = Path("/proc") / done.stdout.decode().strip()
    end = time.monotonic() + 5.0
    while child.exists() and "Z" not in (child / "stat").read_text().split()[2]:
        assert time.monotonic() < end


def test_a_late_answer_is_never_taken_for_another_commands(vendor: Vendor) -> None:
    port = VendorPort(vendor.library, 1_001)
    first = port.child_pid
    vendor.does("status-once-hang")
    port.write(Command.STATUS.frame)
    end = time.monotonic() + 5.0
    while "status" not in vendor.calls() and time.monotonic() < end:
        assert port.read(100) == b""
    port.reset_input_buffer()
    port.write(Command.SAM_ID.frame)
    assert port.child_pid != first
    raw = b""
    while not raw and time.monotonic() < end:
        raw = port.read(100)
    (frame,) = FrameParser().feed(raw)
    assert isinstance(frame, Frame)
    assert frame.payload[3:] == SAM_ID
    port.close()


def test_a_port_is_closed_once_and_for_all(vendor: Vendor) -> None:
    port = VendorPort(vendor.library, 1_001)
    port.close()
    with pytest.raises(DeviceError, match="RD-01"):
        VendorReader(vendor.library, 7, **LIMITS).open()


@given(
    st.sampled_from(list(Command)), st.integers(-200, 300), st.binary(max_size=40), st.booleans()
)
def test_any_answer_is_at_most_one_frame(
    command: Command, code: int, data: bytes, is_ok: bool
) -> None:
    """Whatever a library says, what the driver sees is one whole frame, noise or an OSError."""
    try:
        raw = _frame_of(command, _Answer(0x90 if is_ok else code, data))
    except OSError:
        return
    frames = [item for item in FrameParser().feed(raw) if isinstance(item, Frame)]
    assert len(frames) <= 1
    assert "data" not in repr(frames)
