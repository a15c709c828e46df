"""JSON Schema of the catalogue's files, for the editors of those who write them.

Made from the model's own types, so that it grows with them; a short table says where a file
is written differently from what the model holds. The schema helps while typing; the loader
and `kiosk catalogue check` decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from enum import Enum
from types import NoneType
from typing import Any, Final, get_args, get_origin, get_type_hints

from kiosk.catalogue.items import DELIVERIES
from kiosk.catalogue.library import MATERIAL_FORMS, REVIEWERS
from kiosk.catalogue.model import (
    Bundle,
    Condition,
    Department,
    FormField,
    Group,
    Guide,
    Item,
    Material,
    Option,
    PlainEntry,
    Question,
    ReviewPoint,
    Situation,
    Text,
)
from kiosk.catalogue.reader import CODE, ID

Schema = dict[str, Any]
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DAY: Final[Schema] = {"type": "string", "format": "date"}
_DAYS: Final[Schema] = {"type": ["integer", "null"], "minimum": 0}


def _object(properties: Schema, *required: str) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


_REF_TEXT: Final[Schema] = {"$ref": "#/$defs/Text"}

# (left out, added, further required) where a file says it in another shape than the model.
_HEAD: Final = (
    {"effective_from", "effective_until"},
    {"effective": _object({"from": _DAY, "until": _DAY}, "from")},
    {"effective"},
)
_WRITTEN: Final[Mapping[type, tuple[set[str], Schema, set[str]]]] = {
    Item: (
        _HEAD[0] | {"assurance", "assurance_reason"},
        {
            **_HEAD[1],
            "assurance": _object(
                {"level": {"enum": ["none", "card", "card-and-face"]}, "reason": _REF_TEXT},
                "level",
                "reason",
            ),
        },
        _HEAD[2] | {"assurance"},
    ),
    Bundle: _HEAD,
    Guide: (
        {"days_legal", "days_promised"},
        {"days": _object({"legal": _DAYS, "promised": _DAYS})},
        {"days"},
    ),
    Material: (set(), {"use": {"type": "string"}, "as": {"type": "string"}}, set()),
    FormField: (set(), {"use": {"type": "string"}}, set()),
}
_OPTIONAL: Final[Mapping[type, frozenset[str]]] = {
    Item: frozenset({"questions", "materials", "form"}),
    Material: frozenset({"id", "name", "form", "source", "basis", "review"}),  # from `use`
    FormField: frozenset({"key", "label", "kind"}),
    Question: frozenset({"about"}),
}
_FILES: Final[Mapping[str, tuple[type, bool]]] = {
    "item": (Item, False),
    "bundle": (Bundle, False),
    "groups": (Group, True),
    "departments": (Department, True),
    "plain": (PlainEntry, True),
    "materials": (Material, True),
    "fields": (FormField, True),
}


# What a text may be, by its class and field; the check knows more of it, an editor at least this.
_NARROWER: Final[Mapping[tuple[type, str], Schema]] = {
    (Item, "code"): {"type": "string", "pattern": f"^{CODE.pattern}$"},
    (Bundle, "code"): {"type": "string", "pattern": f"^{CODE.pattern}$"},
    (Item, "delivery"): {"type": "array", "items": {"enum": list(DELIVERIES)}},
    (Material, "form"): {"enum": list(MATERIAL_FORMS)},
    (ReviewPoint, "by"): {"enum": list(REVIEWERS)},
    (Question, "id"): {"type": "string", "pattern": f"^{ID.pattern}$"},
    (Option, "id"): {"type": "string", "pattern": f"^{ID.pattern}$"},
    (Situation, "id"): {"type": "string", "pattern": f"^{ID.pattern}$"},
}


def schemas() -> dict[str, Schema]:
    """A schema for each kind of file: item, bundle, groups, departments, plain, and what is
    shared (materials, fields)."""
    return {name: _file(name, kind, listed) for name, (kind, listed) in _FILES.items()}


def _file(name: str, kind: type, listed: bool) -> Schema:
    defs: Schema = {}
    top = _schema(kind, defs)
    body: Schema = {"type": "array", "items": top} if listed else top
    return {"$schema": _DIALECT, "title": f"catalogue: {name}", **body, "$defs": defs}


def _schema(hint: Any, defs: Schema) -> Schema:
    if hint is Condition:
        return {"type": "object"}  # its keys are ids of questions and facts
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [one.value for one in hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        if hint.__name__ not in defs:
            defs[hint.__name__] = {}
            defs[hint.__name__] = _described(hint, defs)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (tuple, frozenset):
        return {"type": "array", "items": _schema(arguments[0], defs)}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], defs)}
    parts = [_schema(one, defs) for one in arguments if one is not NoneType]
    if NoneType in arguments:
        parts.append({"type": "null"})
    return {"anyOf": parts}


_PLAIN: Final[Mapping[Any, Schema]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    date: _DAY,
}


def _described(kind: type, defs: Schema) -> Schema:
    gone, added, more = _WRITTEN.get(kind, (set(), {}, set()))
    optional = _OPTIONAL.get(kind, frozenset())
    hints = get_type_hints(kind)
    properties: Schema = {}
    required: list[str] = []
    for one in fields(kind):
        if one.name in gone:
            continue
        narrower = _NARROWER.get((kind, one.name))
        properties[one.name] = narrower or _schema(hints[one.name], defs)
        without = one.default is MISSING and one.default_factory is MISSING
        if without and one.name not in optional:
            required.append(one.name)
    if added:
        _schema(Text, defs)
    made = _object({**properties, **added}, *required, *sorted(more))
    made["description"] = (kind.__doc__ or "").partition("\n")[0]
    return made
