"""The static words of screens and receipts, in the two languages of the terminal.

Each file `*.zh.yaml` or `*.en.yaml` in `config/words/` is one flat mapping `key: text`; the
files of a language are merged. A key in two files of one language, or in one language only,
is an error. Text may hold {names} that `Words.text` fills in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

WORDS_DIR = Path(__file__).parent / "words"


class WordsError(Exception):
    """A words file is wrong; the text says which file and key."""


class _Filled(dict[str, str]):
    """Values for a text; a name without a value stays visible instead of ending the visit."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


@dataclass(frozen=True, slots=True)
class Words:
    """All texts by key, in both languages."""

    zh: Mapping[str, str]
    en: Mapping[str, str]

    def text(self, key: str, language: str, **values: object) -> str:
        """The text of `key` in "zh" or "en" with `values` filled in; KeyError if unknown."""
        text = (self.en if language == "en" else self.zh)[key]
        if "{" not in text:
            return text
        return text.format_map(_Filled({name: str(value) for name, value in values.items()}))

    def has(self, key: str) -> bool:
        """Whether there is such a key."""
        return key in self.zh


def load_words(folder: Path = WORDS_DIR) -> Words:
    """Read every words file in `folder`. Raises WordsError."""
    zh = _language(folder, "zh")
    en = _language(folder, "en")
    alone = sorted(zh.keys() ^ en.keys())
    if alone:
        raise WordsError(f"in one language only: {', '.join(alone)}")
    return Words(MappingProxyType(zh), MappingProxyType(en))


def _language(folder: Path, language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.glob(f"*.{language}.yaml")):
        for key, text in _flat(path).items():
            if key in found:
                raise WordsError(f"{path.name}: {key} is defined twice")
            found[key] = text
    if not found:
        raise WordsError(f"no words for {language} in {folder.name}")
    return found


def _flat(path: Path) -> dict[str, str]:
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)
    except yaml.YAMLError as error:
        raise WordsError(f"{path.name}: {error}") from error
    if not isinstance(loaded, dict):
        raise WordsError(f"{path.name}: must be a flat mapping of key to text")
    for key, text in loaded.items():
        if not isinstance(key, str) or not isinstance(text, str) or not text:
            raise WordsError(f"{path.name}: {key}: must be a text that is not empty")
    return loaded


class _UniqueKeys(yaml.CSafeLoader):
    """The safe loader, refusing a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                mark = key_node.start_mark
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key} comes twice (line {mark.line + 1})", mark
                )
            seen.add(key)
        return dict(super().construct_mapping(node, deep))
