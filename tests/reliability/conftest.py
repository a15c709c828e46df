"""What the proofs share: a directory in memory, so that no disk slows down what needs none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def memory_dir() -> Iterator[Path]:
    """An own empty directory, in memory where the system has such a place."""
    shared = "/dev/shm"
    path = Path(tempfile.mkdtemp(dir=shared if os.access(shared, os.W_OK) else None))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
