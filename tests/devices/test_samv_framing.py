"""Frames are found again after any noise, in any portions, and noise never hurts."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.samv.framing import (
    MAX_LENGTH,
    PREAMBLE,
    Frame,
    FrameParser,
    Garbled,
    Trouble,
    encode,
    seal,
    xor_of,
)

payloads = st.binary(min_size=2, max_size=300)
# Noise that knows the protocol: preambles, cut ones, and lengths, between any bytes.
noises = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.integers(1, len(PREAMBLE)).map(lambda size: PREAMBLE[:size]),
        st.integers(0, 0xFFFF).map(lambda length: PREAMBLE + length.to_bytes(2, "big")),
    ),
    max_size=6,
).map(b"".join)


@pytest.mark.parametrize(
    ("cmd", "para", "golden"),
    [
        (0x10, 0xFF, "AAAAAA96690003 10FF EC"),
        (0x11, 0xFF, "AAAAAA96690003 11FF ED"),
        (0x12, 0xFF, "AAAAAA96690003 12FF EE"),
        (0x20, 0x01, "AAAAAA96690003 2001 22"),
        (0x20, 0x02, "AAAAAA96690003 2002 21"),
        (0x30, 0x01, "AAAAAA96690003 3001 32"),
        (0x30, 0x03, "AAAAAA96690003 3003 30"),
        (0x30, 0x10, "AAAAAA96690003 3010 23"),
    ],
)
def test_requests_are_the_golden_bytes(cmd: int, para: int, golden: str) -> None:
    assert encode(cmd, para) == bytes.fromhex(golden)


@pytest.mark.parametrize(
    "golden",
    [
        "0004 000090 94",
        "0004 000060 64",
        "0008 00009F00000000 97",
        "0004 000080 84",
        "000C 0000900000000000000000 9C",
        "0004 000081 85",
        "0004 000041 45",
        "0004 000032 36",
    ],
)
def test_golden_replies_are_frames(golden: str) -> None:
    raw = PREAMBLE + bytes.fromhex(golden)
    assert FrameParser().feed(raw) == [Frame(raw[7:-1])]
    assert seal(raw[7:-1]) == raw


@given(st.binary(max_size=3_000))
def test_folding_is_xoring(data: bytes) -> None:
    assert xor_of(data) == reduce(lambda one, other: one ^ other, data, 0)


@given(st.lists(st.binary(max_size=400) | noises, max_size=8))
def test_any_bytes_are_accounted_for(portions: list[bytes]) -> None:
    parser = FrameParser()
    found = [item for portion in portions for item in parser.feed(portion)]
    found += parser.settle()
    told = sum(
        item.size_bytes if isinstance(item, Garbled) else len(item.payload) + 8 for item in found
    )
    assert told + parser.pending_bytes == sum(map(len, portions))
    assert parser.pending_bytes < MAX_LENGTH + 7


@given(noises, payloads)
def test_a_frame_after_any_noise_is_found(noise: bytes, payload: bytes) -> None:
    parser = FrameParser()
    found = parser.feed(noise) + parser.feed(seal(payload)) + parser.settle()
    assert Frame(payload) in found


@given(noises, payloads, st.data())
def test_a_frame_split_anywhere_is_found(noise: bytes, payload: bytes, data: st.DataObject) -> None:
    raw = noise + seal(payload)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=6)))
    parser = FrameParser()
    found = [
        item
        for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)
        for item in parser.feed(raw[start:end])
    ]
    assert Frame(payload) in found + parser.settle()


@given(payloads, st.data())
def test_a_frame_that_merely_pauses_survives_settling(payload: bytes, data: st.DataObject) -> None:
    # A frame inside the payload would rightly be taken for one.
    raw = seal(payload.replace(PREAMBLE, b"....."))
    cut = data.draw(st.integers(0, len(raw) - 1))
    parser = FrameParser()
    assert parser.feed(raw[:cut]) + parser.settle() == []
    assert parser.feed(raw[cut:]) == [Frame(raw[7:-1])]


@given(payloads, st.data())
def test_a_flipped_bit_is_never_taken_for_a_frame(payload: bytes, data: st.DataObject) -> None:
    raw = bytearray(seal(payload.replace(PREAMBLE, b".....")))
    at = data.draw(st.integers(7, len(raw) - 1))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    assert not any(isinstance(item, Frame) for item in FrameParser().feed(bytes(raw)))


def test_troubles_have_names() -> None:
    good = encode(0x20, 0x01)
    bad = good[:-1] + bytes([good[-1] ^ 1])
    assert FrameParser().feed(b"xyz" + good) == [Garbled(Trouble.NOISE, 3), Frame(b"\x20\x01")]
    assert FrameParser().feed(bad + good) == [
        Garbled(Trouble.CHECKSUM, len(bad)),
        Frame(b"\x20\x01"),
    ]
    assert FrameParser().feed(PREAMBLE + b"\xff\xff" + good) == [
        Garbled(Trouble.LENGTH, 7),
        Frame(b"\x20\x01"),
    ]


def test_a_false_start_hides_a_frame_only_until_the_line_is_quiet() -> None:
    parser = FrameParser()
    false_start = PREAMBLE + b"\x05\x08"
    assert parser.feed(false_start + encode(0x20, 0x01)) == []
    assert parser.settle() == [Garbled(Trouble.LENGTH, 7), Frame(b"\x20\x01")]
    assert parser.pending_bytes == 0


@pytest.mark.parametrize("size", [0, 1, MAX_LENGTH])
def test_a_payload_that_no_frame_can_hold_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="fits no frame"):
        seal(bytes(size))


def test_what_a_frame_carries_is_not_shown() -> None:
    assert "secret" not in repr(Frame(b"secret"))
