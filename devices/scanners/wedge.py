"""A scanner that pretends to be a keyboard, read through evdev and kept from typing.

It is told from real keyboards by its USB ids and, if need be, by the socket it is plugged
into, and is grabbed: while it is held, nothing it scans reaches the screen. Its key presses
become text by the US layout, which is what such scanners are set to when they leave the
factory; a code ends with Enter.

What cannot be trusted is unreadable, never guessed: a key that types nothing, one with
Ctrl or Alt, events that the kernel dropped. A pause of more than `GAP_S` between two keys is
no scanner's: what came before it is forgotten.
"""

from __future__ import annotations

import contextlib
import select
import time
from collections.abc import Callable
from dataclasses import dataclass

import evdev
from evdev import ecodes

from devices.scanners.scanner import Line
from devices.scanners.text import MAX_CHARS

# Scanners leave 1 to 50 ms between two keys.
GAP_S = 0.5

_UP, _DOWN = 0, 1
PLAIN = {
    **{getattr(ecodes, f"KEY_{char.upper()}"): char for char in "abcdefghijklmnopqrstuvwxyz"},
    **{getattr(ecodes, f"KEY_{digit}"): digit for digit in "0123456789"},
    **{getattr(ecodes, f"KEY_KP{digit}"): digit for digit in "0123456789"},
    ecodes.KEY_SPACE: " ",
    ecodes.KEY_TAB: "\t",
    ecodes.KEY_MINUS: "-",
    ecodes.KEY_EQUAL: "=",
    ecodes.KEY_LEFTBRACE: "[",
    ecodes.KEY_RIGHTBRACE: "]",
    ecodes.KEY_BACKSLASH: "\\",
    ecodes.KEY_SEMICOLON: ";",
    ecodes.KEY_APOSTROPHE: "'",
    ecodes.KEY_GRAVE: "`",
    ecodes.KEY_COMMA: ",",
    ecodes.KEY_DOT: ".",
    ecodes.KEY_SLASH: "/",
    ecodes.KEY_KPDOT: ".",
    ecodes.KEY_KPMINUS: "-",
    ecodes.KEY_KPPLUS: "+",
    ecodes.KEY_KPASTERISK: "*",
    ecodes.KEY_KPSLASH: "/",
}
_SHIFTED_CHARS = dict(zip("1234567890-=[]\\;'`,./", '!@#$%^&*()_+{}|:"~<>?', strict=True))
_KEYPAD = frozenset(
    getattr(ecodes, f"KEY_KP{name}")
    for name in (*"0123456789", "DOT", "MINUS", "PLUS", "ASTERISK", "SLASH")
)
SHIFTED = {
    code: char if code in _KEYPAD else _SHIFTED_CHARS.get(char, char.upper())
    for code, char in PLAIN.items()
}
_SHIFT = frozenset({ecodes.KEY_LEFTSHIFT, ecodes.KEY_RIGHTSHIFT})
_COMMANDING = frozenset(
    {
        ecodes.KEY_LEFTCTRL,
        ecodes.KEY_RIGHTCTRL,
        ecodes.KEY_LEFTALT,
        ecodes.KEY_RIGHTALT,
        ecodes.KEY_LEFTMETA,
        ecodes.KEY_RIGHTMETA,
    }
)
_ENTER = frozenset({ecodes.KEY_ENTER, ecodes.KEY_KPENTER})
# These say nothing of the text; scanners toggle the second to see which layout holds.
_WITHOUT_MEANING = frozenset({ecodes.KEY_NUMLOCK, ecodes.KEY_SCROLLLOCK})


class KeyText:
    """Turns key events into texts. Never raises; keeps at most one longest code."""

    def __init__(self, gap_s: float = GAP_S) -> None:
        self._gap_s = gap_s
        self._chars: list[str] = []
        self._held: set[int] = set()
        self._caps = False
        self._damaged = False
        self._unwanted = False
        self._last_s: float | None = None

    @property
    def is_pending(self) -> bool:
        """Whether a code was begun and did not end."""
        return bool(self._chars) or self._damaged

    def key(self, code: int, value: int, at_s: float) -> list[str | None]:
        """A key went down (1), up (0) or repeats (2) at a monotonic time.

        The code that ended by it, if one did; None for one that cannot be read.
        """
        self._look_at_gap(at_s)
        self._last_s = at_s
        if value == _UP:
            self._held.discard(code)
            return []
        if value != _DOWN:
            return []
        if code in _SHIFT | _COMMANDING:
            self._held.add(code)
        elif code == ecodes.KEY_CAPSLOCK:
            self._caps = not self._caps
        elif code in _ENTER:
            return self._end()
        elif code not in _WITHOUT_MEANING:
            self._add(code)
        return []

    def dropped(self) -> None:
        """The kernel lost events: what is pending is damaged, and no key is known held."""
        self._damaged = True
        self._held.clear()

    def skip(self) -> None:
        """Leave out the code that was begun, if one was, when it ends."""
        self._unwanted = self.is_pending

    def _look_at_gap(self, at_s: float) -> None:
        if self._last_s is not None and at_s - self._last_s > self._gap_s:
            self._forget()

    def _add(self, code: int) -> None:
        char = self._char(code)
        if char is None or len(self._chars) >= MAX_CHARS:
            self._damaged = True
        else:
            self._chars.append(char)

    def _char(self, code: int) -> str | None:
        if self._held & _COMMANDING:
            return None
        shifted = bool(self._held & _SHIFT)
        char = (SHIFTED if shifted else PLAIN).get(code)
        # Caps lock turns letters only.
        return char.swapcase() if char is not None and self._caps else char

    def _end(self) -> list[str | None]:
        text = None if self._damaged else "".join(self._chars)
        wanted = self.is_pending and not self._unwanted
        self._forget()
        return [text] if wanted else []

    def _forget(self) -> None:
        self._chars.clear()
        self._damaged = self._unwanted = False


@dataclass(frozen=True, slots=True)
class WedgeId:
    """Which keyboard is the scanner: its USB ids, and the beginning of the kernel's name of
    its socket (such as `usb-0000:00:14.0-2/`) where several of a kind are attached."""

    vendor: int
    product: int
    phys: str = ""

    def fits(self, device: evdev.InputDevice[str]) -> bool:
        """Whether it is this one, and the part of it that types."""
        ids = (device.info.vendor, device.info.product)
        if ids != (self.vendor, self.product) or not device.phys.startswith(self.phys):
            return False
        keys = device.capabilities().get(ecodes.EV_KEY, [])
        return ecodes.KEY_ENTER in keys and ecodes.KEY_1 in keys


class WedgeLine:
    """A grabbed keyboard."""

    def __init__(self, device: evdev.InputDevice[str], gap_s: float = GAP_S) -> None:
        """Raises OSError if somebody else has grabbed it."""
        self._device = device
        self._keys = KeyText(gap_s)
        self._poll = select.poll()
        try:
            device.grab()
        except OSError:
            device.close()
            raise
        self._poll.register(device.fd, select.POLLIN)

    def take(self, timeout_s: float) -> list[str | None]:
        """As `Line` says."""
        ready = self._poll.poll(max(0.0, timeout_s) * 1_000)
        if not ready:
            return []
        if not ready[0][1] & select.POLLIN:
            raise OSError("the keyboard hung up")
        texts: list[str | None] = []
        now = time.monotonic()
        for event in self._device.read():
            if event.type == ecodes.EV_KEY:
                texts += self._keys.key(event.code, event.value, now)
            elif event.type == ecodes.EV_SYN and event.code == ecodes.SYN_DROPPED:
                self._keys.dropped()
        return texts

    def drain(self) -> None:
        """As `Line` says."""
        while self._poll.poll(0):
            self.take(0.0)
        self._keys.skip()

    def close(self) -> None:
        """As `Line` says."""
        with contextlib.suppress(OSError):
            self._device.ungrab()
        self._device.close()


def _keyboards() -> list[evdev.InputDevice[str]]:
    """All input devices that we may open."""
    found = []
    for path in evdev.list_devices():
        with contextlib.suppress(OSError):  # gone since, or not for us
            found.append(evdev.InputDevice(path))
    return found


def wedge_line(
    wanted: WedgeId,
    *,
    gap_s: float = GAP_S,
    keyboards: Callable[[], list[evdev.InputDevice[str]]] = _keyboards,
) -> Callable[[], Line]:
    """What finds and grabs the scanner; raises OSError if there is none, or it is taken."""

    def open_it() -> Line:
        chosen = None
        for device in keyboards():
            with contextlib.suppress(OSError):
                if chosen is None and wanted.fits(device):
                    chosen = device
                    continue
            device.close()
        if chosen is None:
            raise OSError("no such scanner")
        return WedgeLine(chosen, gap_s)

    return open_it
