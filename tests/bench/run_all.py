"""Runs every bench_*.py beside it and prints one table: each figure beside a floor or a peer.

A bench module has `run()`, which returns rows of

    (name, value, unit, beside, beside_value)

where `beside` says what the second figure is: a limit, a bare call of the layer below, or
another way to do the same, measured in the same run. What does not fit into rows is in its
`tables()`, lines that are printed below. A bench that cannot measure raises; the others still
run, and the exit code is 1.

    python tests/bench/run_all.py [PART-OF-A-NAME ...]
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

Row = tuple[str, float, str, str, float]
_HEAD = ("name", "value", "unit", "beside", "value")
_RIGHT_ALIGNED = {1, 4}


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    # Children that are started by spawn find what the bench defines by this name.
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _figure(value: object) -> str:
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def table(rows: Iterable[Row]) -> str:
    """The rows under their head, columns aligned; figures to the right."""
    cells = [_HEAD, *((n, _figure(v), u, b, _figure(w)) for n, v, u, b, w in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(_HEAD))]
    return "\n".join(
        " | ".join(
            cell.rjust(width) if i in _RIGHT_ALIGNED else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def main(wanted: list[str]) -> int:
    """Run the benches whose names hold one of `wanted` (all if empty); 0 if all measured."""
    here = Path(__file__).parent
    sys.path.insert(0, str(here))
    rows: list[Row] = []
    failed: list[str] = []
    below: list[str] = []
    for path in sorted(here.glob("bench_*.py")):
        if wanted and not any(part in path.stem for part in wanted):
            continue
        print(f"measuring: {path.stem} …", file=sys.stderr, flush=True)
        try:
            bench = _load(path)
            rows += [tuple(row) for row in bench.run()]
            below += bench.tables() if hasattr(bench, "tables") else []
        except Exception:  # noqa: BLE001 - one bench that cannot measure must not hide the others
            traceback.print_exc()
            failed.append(path.stem)
    print("\n".join([table(rows), *below]))
    if failed:
        print("not measured: " + ", ".join(failed), file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
