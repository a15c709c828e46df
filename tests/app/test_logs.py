"""The log's allow-list: whatever happens, nothing that could be personal is written down."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.logs import EVENTS, FIELDS, AllowList, note

ROOT = Path(__file__).resolve().parents[2]
PLANTED = "planted-personal-4711"


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("card-read", {}),
        ("saved", {"number": "LW042-00001-7"}),
        ("delivered", {"attempts": 1, "applicant": PLANTED}),
        (PLANTED, {}),
    ],
)
def test_what_is_not_on_the_list_is_refused(event: str, fields: dict[str, str | int]) -> None:
    with pytest.raises(ValueError, match="not on the list") as caught:
        note(event, **fields)
    for value in fields.values():
        assert str(value) not in str(caught.value)


def test_what_is_on_the_list_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kiosk.events")
    note("delivered", attempts=2, code="NW-01")
    (record,) = caplog.records
    line = AllowList().format(record)
    assert line.endswith(" delivered attempts=2 code=NW-01")
    assert "\n" not in line


def test_no_field_of_the_list_is_a_persons() -> None:
    personal = {"person", "phone", "address", "card", "number", "id", "text", "detail", "message"}
    assert not personal & FIELDS
    assert all(event == event.lower() for event in EVENTS)


def test_a_foreign_record_keeps_its_place_and_loses_its_text() -> None:
    try:
        raise KeyError(PLANTED)
    except KeyError:
        record = logging.getLogger("some.library").makeRecord(
            "some.library",
            logging.WARNING,
            f"/srv/{PLANTED}.py",
            12,
            "failed for %s",
            (PLANTED,),
            sys.exc_info(),
        )
    line = AllowList().format(record)
    assert line.endswith(" WARNING some.library:12 KeyError")
    assert PLANTED not in line


PROGRAM = f"""
import logging, sys, threading, warnings
from kiosk import logs

logs.begin()
logs.note("started", trusted=True)
logging.getLogger("urllib3").warning("connection for %s", "{PLANTED}")
logging.getLogger("urllib3").error("no %s", "{PLANTED}", exc_info=ValueError("{PLANTED}"))
logging.getLogger("urllib3").info("%s", "{PLANTED}")
warnings.warn("{PLANTED}")

def in_a_thread():
    raise LookupError("{PLANTED}")

thread = threading.Thread(target=in_a_thread)
thread.start()
thread.join()

class Finished:
    def __del__(self):
        raise OSError("{PLANTED}")

Finished()

def last():
    try:
        raise KeyError("{PLANTED}")
    except KeyError as error:
        raise RuntimeError("{PLANTED}") from error

last()
"""


def test_last_words_and_all_other_ways_out_are_impersonal() -> None:
    """Exceptions of the program, of a thread, of nobody; warnings; records of libraries."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert PLANTED not in done.stderr + done.stdout
    lines = [line.partition(" ")[2] for line in done.stderr.splitlines()]
    assert lines[0] == "started trusted=True"
    assert lines[1].startswith("WARNING urllib3:")
    assert lines[2].endswith(" ValueError")
    assert lines[3].startswith("WARNING py.warnings:")
    assert [line.partition(" name=")[0] for line in lines[4:]] == [
        "failure kind=LookupError",
        "failure kind=OSError",
        "failure kind=RuntimeError",
    ]
    assert lines[-1].startswith("failure kind=RuntimeError name=<string>:")
