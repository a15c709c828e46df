"""`kiosk badge`: the line by which a terminal knows an authorised person's ID card.

The ID number is typed without being shown and goes nowhere but into the hash: on a command line
it would stand in the shell's history and in the list of processes.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from getpass import getpass
from pathlib import Path
from typing import Final

from config.settings import load
from devices.records import check_digit
from kiosk.journey.steps.identify import badge_of

_WRONG_NUMBER, _NO_SALT = 2, 3
_NUMBER_LENGTH: Final = 18


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `kiosk badge` takes."""
    parser.add_argument("--settings", metavar="FILE", default="")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    staff = load(Path(arguments.settings) if arguments.settings else None).staff
    if not staff.salt:
        sys.stderr.write(
            "ST-06 [staff] salt is empty: set it first, on each terminal to another value, "
            f'such as salt = "{secrets.token_hex(16)}"\n'
        )
        return _NO_SALT
    number = _number(getpass("ID number (not shown): "))
    if not number:
        sys.stderr.write("ST-07 no ID number: it has 18 characters, and a check digit that fits\n")
        return _WRONG_NUMBER
    badge = badge_of(number, staff.salt)
    known = "it is there already" if badge in staff.badges else "to be added to [staff] badges"
    sys.stdout.write(f'"{badge}"  # {known}\n')
    return 0


def _number(typed: str) -> str:
    """The number as a card tells it, "" if it cannot be one."""
    number = typed.strip().upper()
    body, last = number[:-1], number[-1:]
    fits = len(number) == _NUMBER_LENGTH and body.isascii() and body.isdigit()
    return number if fits and check_digit(body) == last else ""
