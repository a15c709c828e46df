"""The IPP codec: exact bytes out, and nothing but IppError from bad bytes in."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.printers.ipp import Answer, IppError, Operation, Typed, decode, encode, keyword


def answer(*parts: bytes, request_id: int = 7, status: int = 0) -> bytes:
    return b"\x01\x01" + struct.pack(">HI", status, request_id) + b"".join(parts) + b"\x03"


def attribute(tag: int, name: bytes, value: bytes) -> bytes:
    return (
        bytes([tag])
        + struct.pack(">H", len(name)) + name
        + struct.pack(">H", len(value)) + value
    )  # fmt: skip


def test_request_bytes_as_rfc_8010_lays_them_out() -> None:
    data = encode(Operation.GET_JOB_ATTRIBUTES, 1, [("job-id", [Typed(0x21, 5)])])
    assert data == (
        b"\x01\x01\x00\x09\x00\x00\x00\x01\x01"
        b"\x47\x00\x12attributes-charset\x00\x05utf-8"
        b"\x48\x00\x1battributes-natural-language\x00\x02en"
        b"\x21\x00\x06job-id\x00\x04\x00\x00\x00\x05\x03"
    )


def test_further_values_of_a_set_have_no_name() -> None:
    data = encode(Operation.GET_JOBS, 1, [("k", [keyword("a"), keyword("b")])])
    assert data.endswith(b"\x44\x00\x01k\x00\x01a\x44\x00\x00\x00\x01b\x03")


def test_answer_with_groups_sets_and_types() -> None:
    data = answer(
        b"\x01", attribute(0x47, b"attributes-charset", b"utf-8"),
        b"\x04", attribute(0x23, b"printer-state", b"\0\0\0\x05"),
        attribute(0x44, b"reasons", b"media-empty-error"), attribute(0x44, b"", b"paused"),
        attribute(0x22, b"accepting", b"\x00"), attribute(0x13, b"none", b""),
    )  # fmt: skip
    assert decode(data, 7) == Answer(
        0,
        {"attributes-charset": ["utf-8"]},
        (
            {
                "printer-state": [5],
                "reasons": ["media-empty-error", "paused"],
                "accepting": [False],
                "none": [""],
            },
        ),
    )


def test_answer_to_another_request_is_refused() -> None:
    with pytest.raises(IppError, match="another"):
        decode(answer(request_id=8), 7)


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_raise_ipp_error(data: bytes) -> None:
    with contextlib.suppress(IppError):
        decode(data, 7)


@given(st.binary(max_size=100), st.integers(0, 60))
def test_a_cut_answer_never_hangs_or_crashes(tail: bytes, cut: int) -> None:
    whole = answer(b"\x01", attribute(0x44, b"key", b"value"), b"\x04", tail)
    with contextlib.suppress(IppError):
        decode(whole[:cut], 7)
