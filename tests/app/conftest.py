"""Long runs are for `make campaign`; `make test` keeps a few of each kind."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "campaign: too long for every run; `make campaign` has it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--hypothesis-profile", default="") == "campaign":
        return
    long = [item for item in items if item.get_closest_marker("campaign")]
    if long:
        items[:] = [item for item in items if item not in long]
        config.hook.pytest_deselected(items=long)
