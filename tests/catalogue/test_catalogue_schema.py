"""The schema for editors fits every file that is shipped, and sees slips of the keyboard."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kiosk.catalogue.schema import schemas
from kiosk.catalogue_files import DEFAULT_DIRECTORY

SCHEMAS = schemas()
_TYPES = {
    "object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip


class _AsWritten(yaml.CSafeLoader):
    """Dates stay texts, as an editor sees them."""


_AsWritten.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith("timestamp")]
    for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def wrong(value: Any, schema: Any, root: Any, path: str = "") -> Iterator[str]:
    """What does not fit: of JSON Schema, as much as ours uses."""
    if "$ref" in schema:
        yield from wrong(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root, path)
        return
    if "anyOf" in schema:
        if all(any(wrong(value, one, root)) for one in schema["anyOf"]):
            yield f"{path}: none fits"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value}"
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(type(value) is _TYPES[one] for one in kinds):
        yield f"{path}: not {kinds}"
        return
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{path}: {value}"
    if isinstance(value, dict):
        known = schema.get("properties", {})
        rest = schema.get("additionalProperties", True)
        yield from (
            f"{path}.{key} is missing" for key in schema.get("required", ()) if key not in value
        )
        for key, one in value.items():
            if key in known:
                yield from wrong(one, known[key], root, f"{path}.{key}")
            elif rest is False:
                yield f"{path}.{key} is unknown"
            elif isinstance(rest, dict):
                yield from wrong(one, rest, root, f"{path}.{key}")
    if isinstance(value, list) and "items" in schema:
        for at, one in enumerate(value):
            yield from wrong(one, schema["items"], root, f"{path}[{at}]")


def found(path: Path, name: str) -> list[str]:
    value = yaml.load(path.read_text(encoding="utf-8"), Loader=_AsWritten)
    return list(wrong(value, SCHEMAS[name], SCHEMAS[name]))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_shipped_file_fits(name: str) -> None:
    folder = {"item": "items", "bundle": "bundles"}.get(name)
    if folder is None:
        paths = [one for one in [DEFAULT_DIRECTORY / f"{name}.yaml"] if one.exists()]
    else:
        paths = sorted((DEFAULT_DIRECTORY / folder).glob("*.yaml"))
    assert paths
    for path in paths:
        assert found(path, name) == [], path.name


def test_a_slip_is_seen(tmp_path: Path) -> None:
    good = (DEFAULT_DIRECTORY / "items" / "smk-001.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("guide:", "giude:"),
        ("kind: apply", "kind: aply"),
        ("line: ", "line: x"),
        ('"SMK-001"', '"SMK-1"'),
        ("delivery: [post", "delivery: [mail"),
        ("form: original", "form: orignal"),
        ("by: person", "by: persons"),
        ("id: card_problem", "id: Card-Problem"),
    ):
        assert old in good
        path = tmp_path / "a.yaml"
        path.write_text(good.replace(old, new, 1), encoding="utf-8")
        assert found(path, "item"), old
