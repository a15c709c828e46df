"""A portrait block becomes 102 x 126 pixels or one fault, whatever it holds."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from devices.errors import DeviceError, Fault
from devices.portrait import BLOCK_BYTES, HEIGHT_PX, RGB_BYTES, WIDTH_PX, decode, encode_webp
from devices.records import Portrait, PortraitFormat
from devices.samv.protocol import portrait_of

ROOT = Path(__file__).resolve().parents[2]
WLT_BLOCK = bytes.fromhex("574C66007E00320000FF85").ljust(BLOCK_BYTES, b"\x07")

# A stand-in for a vendor's library, with the documented interface. Its picture is a ramp:
# blue counts columns, green counts rows from the bottom, red is the block's last byte.
RAMP = """
static void ramp(const unsigned char *block, unsigned char *out) {
    for (int row = 0; row < 126; row++)
        for (int column = 0; column < 102; column++) {
            unsigned char *pixel = out + (row * 102 + column) * 3;
            pixel[0] = column; pixel[1] = row; pixel[2] = block[1023];
        }
}
"""
UNPACK = """
int unpack(const unsigned char *source, unsigned char *target, int save) {
    %s
    ramp(source, target);
    return 1;
}
"""
GET_BMP = """
int GetBmp(const char *name, int port_kind) {
    unsigned char block[1024], pixels[38556], header[54] = {'B', 'M'}, pad[2] = {0, 0};
    FILE *in = fopen(name, "rb");
    if (!in || fread(block, 1, 1024, in) != 1024) return -1;
    fclose(in);
    ramp(block, pixels);
    header[10] = 54;
    FILE *out = fopen("card.bmp", "wb");
    fwrite(header, 1, 54, out);
    for (int row = 0; row < 126; row++) {
        fwrite(pixels + row * 306, 1, 306, out);
        fwrite(pad, 1, 2, out);
    }
    fclose(out);
    return 1;
}
"""


def picture(seed: int = 1) -> NDArray[np.uint8]:
    """Something with the smoothness and the edges of a portrait."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (9, 7, 3), np.uint8)
    image = cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    cv2.ellipse(image, (51, 60), (28, 38), 0, 0, 360, (230, 190, 160), -1)
    return np.asarray(image, np.uint8)


def library(tmp_path: Path, source: str) -> Path:
    compiler = shutil.which("cc")
    assert compiler, "a C compiler is needed, as for building pyscard"
    (tmp_path / "wlt.c").write_text("#include <stdio.h>\n" + RAMP + source)
    made = tmp_path / "libwlt.so"
    # Unused `ramp` or not: the library is built without warnings in the way.
    subprocess.run(
        [compiler, "-w", "-shared", "-fPIC", "-o", str(made), str(tmp_path / "wlt.c")], check=True
    )
    return made


def reason(block: bytes, kind: PortraitFormat, path: Path | None = None, **limits: float) -> str:
    with pytest.raises(DeviceError) as caught:
        decode(Portrait(kind, block), wlt_library=path, **limits)
    assert caught.value.fault is Fault.PORTRAIT_UNREADABLE
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.detail


SAMPLE = encode_webp(picture())

# WebP.


@pytest.mark.parametrize("seed", range(5))
def test_a_webp_comes_back_much_as_it_was(seed: int) -> None:
    image = picture(seed)
    block = encode_webp(image)
    portrait = portrait_of(block)
    assert len(block) == BLOCK_BYTES
    assert portrait is not None
    assert portrait.format is PortraitFormat.WEBP
    decoded = decode(portrait)
    assert (decoded.width_px, decoded.height_px, len(decoded.rgb)) == (102, 126, RGB_BYTES)
    assert np.abs(decoded.pixels().astype(int) - image).mean() < 12


def test_the_best_quality_that_fits_is_used() -> None:
    used = len(encode_webp(picture()).rstrip(b"\x00"))
    assert used > 900


def test_red_stays_red() -> None:
    red = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    red[..., 0] = 220
    pixel = decode(Portrait(PortraitFormat.WEBP, encode_webp(red))).pixels()[60, 50]
    assert pixel[0] > 200
    assert max(pixel[1], pixel[2]) < 30


def test_what_does_not_fit_is_refused() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    with pytest.raises(ValueError, match="does not fit"):
        encode_webp(noise)
    with pytest.raises(ValueError, match="shape"):
        encode_webp(np.zeros((126, 100, 3), np.uint8))


def test_a_picture_of_another_size_is_refused_before_it_is_decoded() -> None:
    block = bytearray(encode_webp(picture()))
    block[26:30] = b"\xff\x3f\xff\x3f"  # 16,383 x 16,383 pixels
    assert reason(bytes(block), PortraitFormat.WEBP) == "size of the picture"


def test_a_webp_longer_than_its_block_is_refused() -> None:
    block = bytearray(encode_webp(picture()))
    block[4:8] = b"\xff\xff\x00\x00"
    assert reason(bytes(block), PortraitFormat.WEBP) == "length of the WebP"


@given(st.binary(max_size=BLOCK_BYTES), st.integers(0, BLOCK_BYTES))
def test_any_damage_is_a_picture_or_the_fault(damage: bytes, at: int) -> None:
    spoiled = (SAMPLE[:at] + damage + SAMPLE[at + len(damage) :])[:BLOCK_BYTES]
    try:
        size = len(decode(Portrait(PortraitFormat.WEBP, spoiled)).rgb)
    except DeviceError as error:
        fault: Fault | None = error.fault
        size = RGB_BYTES
    else:
        fault = None
    assert fault in (None, Fault.PORTRAIT_UNREADABLE)
    assert size == RGB_BYTES


@pytest.mark.parametrize("size_bytes", [0, 1, 1_023, 1_025])
@pytest.mark.parametrize("kind", [PortraitFormat.WEBP, PortraitFormat.WLT])
def test_a_block_of_another_length_is_refused(kind: PortraitFormat, size_bytes: int) -> None:
    assert reason(bytes(size_bytes), kind) == "length of the block"


def test_an_unknown_header_has_no_decoder() -> None:
    assert reason(bytes(BLOCK_BYTES), PortraitFormat.UNKNOWN) == "unknown header"


# WLT.


def test_without_a_library_wlt_cannot_be_decoded(tmp_path: Path) -> None:
    assert reason(WLT_BLOCK, PortraitFormat.WLT) == "no WLT decoder configured"
    missing = reason(WLT_BLOCK, PortraitFormat.WLT, tmp_path / "absent.so")
    assert missing == "the configured WLT decoder is missing"


@pytest.mark.parametrize("source", [UNPACK % "", GET_BMP])
def test_a_library_decodes_and_its_picture_is_turned_upright(tmp_path: Path, source: str) -> None:
    portrait = portrait_of(WLT_BLOCK)
    assert portrait is not None
    pixels = decode(portrait, wlt_library=library(tmp_path, source)).pixels()
    assert pixels[0, 0].tolist() == [7, 125, 0]
    assert pixels[125, 101].tolist() == [7, 0, 101]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (-1, "WLT decoder: cannot decode (-1)"),
        (-4, "WLT decoder: format (-4)"),
        (-5, "WLT decoder: library is not licensed (-5)"),
        (0, "WLT decoder: unknown (0)"),
    ],
)
def test_each_return_code_has_its_reason(tmp_path: Path, code: int, told: str) -> None:
    made = library(tmp_path, UNPACK % f"return {code};")
    assert reason(WLT_BLOCK, PortraitFormat.WLT, made) == told


def test_a_library_that_crashes_hurts_nobody(tmp_path: Path) -> None:
    made = library(tmp_path, UNPACK % "*(volatile int *)0 = 1;")
    assert reason(WLT_BLOCK, PortraitFormat.WLT, made) == "the WLT decoder ended with -11"


def test_a_library_that_hangs_is_ended(tmp_path: Path) -> None:
    made = library(tmp_path, UNPACK % "for (;;) ;")
    began = time.monotonic()
    told = reason(WLT_BLOCK, PortraitFormat.WLT, made, wlt_deadline_s=0.5)
    assert told == "the WLT decoder did not answer"
    assert time.monotonic() - began < 3.0


PARENT = """
import sys
from pathlib import Path
from devices.portrait import decode
from devices.records import Portrait, PortraitFormat
block = b"WLf".ljust(1024, bytes(1))
decode(Portrait(PortraitFormat.WLT, block), wlt_library=Path(sys.argv[1]), wlt_deadline_s=60)
"""


def processes_with(path: Path) -> list[int]:
    """Which processes have `path` mapped or named on their command line, zombies not."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if str(path).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def left_by(pid: int) -> list[Path]:
    return list(Path("/dev/shm").glob(f"wlt-{pid}-*"))


def test_a_decoder_dies_with_its_parent_and_its_files_are_swept(tmp_path: Path) -> None:
    made = library(tmp_path, "int GetBmp(const char *name, int port_kind) { for (;;) ; }")
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(made)], cwd=ROOT)

    def others() -> list[int]:
        return [pid for pid in processes_with(made) if pid != parent.pid]

    until = time.monotonic() + 10.0
    while not others():
        assert time.monotonic() < until
        assert parent.poll() is None
    while not any((left / "card.wlt").exists() for left in left_by(parent.pid)):
        assert time.monotonic() < until
    parent.kill()
    parent.wait()
    try:
        while others():
            assert time.monotonic() < until
    finally:
        for left_over in others():  # only if the test fails: it would spin on
            os.kill(left_over, signal.SIGKILL)
    assert left_by(parent.pid)
    reason(WLT_BLOCK, PortraitFormat.WLT, made, wlt_deadline_s=0.1)
    assert not left_by(parent.pid)


def test_what_a_library_prints_is_not_taken_for_pixels(tmp_path: Path) -> None:
    made = library(tmp_path, UNPACK % 'puts("licensed to nobody"); fflush(stdout);')
    assert decode(Portrait(PortraitFormat.WLT, WLT_BLOCK), wlt_library=made).pixels()[0, 0, 0] == 7


def test_a_library_without_the_functions_is_told(tmp_path: Path) -> None:
    made = library(tmp_path, "int other(void) { return 1; }")
    told = reason(WLT_BLOCK, PortraitFormat.WLT, made)
    assert told == "WLT decoder: neither unpack nor GetBmp (-100)"


def test_no_file_of_a_portrait_stays(tmp_path: Path) -> None:
    decode(Portrait(PortraitFormat.WLT, WLT_BLOCK), wlt_library=library(tmp_path, GET_BMP))
    assert not left_by(os.getpid())
    assert not list(Path.cwd().glob("card.*"))


def test_what_a_portrait_shows_is_not_in_its_repr() -> None:
    portrait = Portrait(PortraitFormat.WEBP, SAMPLE)
    assert "\\x" not in repr(portrait)
    assert "\\x" not in repr(decode(portrait))
