"""Chinese characters for what is typed in pinyin, from libgooglepinyin in a child process.

The library ends its process by an assertion on some long nonsense; a terminal in a hall gets
nonsense. So it lives in a child that is started anew when it ends, and that dies with its
parent. Nothing is ever chosen or learnt in the library: it is only asked for candidates. It
insists on a file for a user dictionary; that lies in a directory of its own (mode 0700), which
`wipe` removes together with the process and everything it has in memory.

Run as a script (`pinyin.py PARENT_PID LIBRARY DICTIONARY USER`) this file is the child: it
says "ready", then answers each line of letters by a line of JSON, `[[text, letters used], …]`.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from glob import glob
from pathlib import Path

MOST_LETTERS = 24
"""Longest spelling: more than any word, and below where the library's assertion fails."""
MOST_CANDIDATES = 60
START_DEADLINE_S = 3.0
ANSWER_DEADLINE_S = 0.4
LIBRARY = "libgooglepinyin.so.0"
_DICTIONARIES = (
    "/usr/lib/*/googlepinyin/data/dict_pinyin.dat",
    "/usr/lib/googlepinyin/data/dict_pinyin.dat",
)
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz'")
_PR_SET_PDEATHSIG = 1
_log = logging.getLogger("devices.pinyin")


def dictionary_path() -> Path | None:
    """The system dictionary of Debian's package, or None."""
    return next((Path(found) for pattern in _DICTIONARIES for found in glob(pattern)), None)


def open_pinyin(library: str = LIBRARY, dictionary: Path | None = None) -> Pinyin | None:
    """A working decoder, or None where the library or its dictionary is missing."""
    dictionary = dictionary or dictionary_path()
    if dictionary is None or not dictionary.is_file():
        return None
    pinyin = Pinyin(library, dictionary)
    if pinyin.works():
        return pinyin
    pinyin.close()
    return None


class Pinyin:
    """Candidates for a spelling. Calls return within `ANSWER_DEADLINE_S`, mostly in 1 ms.

    The first call after a start may take up to `START_DEADLINE_S`.
    """

    def __init__(self, library: str, dictionary: Path) -> None:
        self._library = library
        self._dictionary = dictionary
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._closed = False
        self._start()

    def works(self) -> bool:
        """Whether the child is there and has opened its dictionary."""
        with self._lock:
            return self._child is not None and self._child.ready()

    def candidates(self, spelling: str) -> tuple[tuple[str, int], ...]:
        """Candidates, best first, each with the number of letters it stands for.

        Empty for what is no spelling, and when the decoder had to be started anew.
        """
        if not 0 < len(spelling) <= MOST_LETTERS or not _LETTERS.issuperset(spelling):
            return ()
        with self._lock:
            if self._closed:
                return ()
            child = self._child or self._start()
            answer = child.ask(spelling)
            if answer is None:
                _log.warning("pinyin decoder did not answer; started anew")
                self._stop()
                self._start()
                return ()
            return answer

    def wipe(self) -> None:
        """Forget everything: the process, and the directory with its user dictionary."""
        with self._lock:
            self._stop()
            if not self._closed:
                self._start()

    def close(self) -> None:
        """End the child; nothing stays behind. Idempotent."""
        with self._lock:
            self._closed = True
            self._stop()

    def folder(self) -> Path | None:
        """Where the user dictionary lies now."""
        return self._child.folder if self._child is not None else None

    def pid(self) -> int | None:
        """The child's process id."""
        return self._child.pid if self._child is not None else None

    def _start(self) -> _Child:
        self._child = _Child(self._library, self._dictionary)
        return self._child

    def _stop(self) -> None:
        if self._child is not None:
            self._child.end()
        self._child = None


class _Child:
    """One run of the child and its private directory."""

    def __init__(self, library: str, dictionary: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pinyin-"))
        command = [sys.executable, "-I", "-S", __file__]
        arguments = [str(os.getpid()), library, str(dictionary), str(self.folder / "user.dat")]
        self._process = subprocess.Popen(
            command + arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=self.folder,
            env={"LC_ALL": "C.UTF-8"},
        )
        self.pid = self._process.pid
        self._ready: bool | None = None

    def ready(self) -> bool:
        """Wait for the child's first line; False if it did not come."""
        if self._ready is None:
            self._ready = self._line(START_DEADLINE_S) == b"ready"
        return self._ready

    def ask(self, spelling: str) -> tuple[tuple[str, int], ...] | None:
        """Candidates, or None if the child did not answer and must go."""
        stdin = self._process.stdin
        if not self.ready() or stdin is None:
            return None
        try:
            stdin.write(spelling.encode("ascii") + b"\n")
            line = self._line(ANSWER_DEADLINE_S)
            return tuple((str(text), int(used)) for text, used in json.loads(line))
        except (OSError, ValueError, TypeError):
            return None

    def end(self) -> None:
        """Kill it and remove its directory."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _line(self, deadline_s: float) -> bytes:
        """One line; empty if it did not come whole in time."""
        stdout = self._process.stdout
        got = b""
        while stdout is not None and not got.endswith(b"\n"):
            there, _, _ = select.select([stdout], [], [], deadline_s)
            part = os.read(stdout.fileno(), 65_536) if there else b""
            if not part:
                return b""
            got += part
        return got.rstrip(b"\n")


# -- the child ----------------------------------------------------------------------------


class _Decoder:
    """The library, as far as it is used. Raises OSError if it cannot be loaded or opened."""

    def __init__(self, library: str, dictionary: str, user: str) -> None:
        self._lib = ctypes.CDLL(library)
        self._lib.im_open_decoder.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
        self._lib.im_open_decoder.restype = ctypes.c_bool
        self._lib.im_search.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self._lib.im_search.restype = ctypes.c_size_t
        self._lib.im_get_candidate.argtypes = [ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t]
        self._lib.im_get_candidate.restype = ctypes.c_void_p
        self._lib.im_get_spl_start_pos.argtypes = [ctypes.c_void_p]
        self._lib.im_get_spl_start_pos.restype = ctypes.c_size_t
        self._lib.im_reset_search.restype = None
        if not self._lib.im_open_decoder(os.fsencode(dictionary), os.fsencode(user)):
            raise OSError("the dictionary does not open")

    def candidates(self, spelling: bytes) -> list[tuple[str, int]]:
        """Candidates with the number of letters each stands for."""
        self._lib.im_reset_search()
        count = min(self._lib.im_search(spelling, len(spelling)), MOST_CANDIDATES)
        starts = ctypes.POINTER(ctypes.c_uint16)()
        syllables = self._lib.im_get_spl_start_pos(ctypes.byref(starts))
        buffer = (ctypes.c_uint16 * 64)()
        found: list[tuple[str, int]] = []
        for at in range(count):
            if not self._lib.im_get_candidate(at, buffer, 63):
                continue
            text = bytes(buffer).decode("utf-16-le", "replace").partition("\0")[0]
            used = starts[len(text)] if len(text) < syllables else len(spelling)
            if text:
                found.append((text, used))
        return found


def _child(parent: int, library: str, dictionary: str, user: str) -> None:
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold what was typed
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        return
    try:
        decoder = _Decoder(library, dictionary, user)
    except OSError:
        return
    _say("ready")
    for line in sys.stdin.buffer:
        _say(json.dumps(decoder.candidates(line.strip())))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _child(int(sys.argv[1]), *sys.argv[2:5])
