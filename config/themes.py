"""The colours of the screen: one file of tokens for each theme in `config/themes/`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

THEMES_DIR = Path(__file__).parent / "themes"


def load_themes(folder: Path = THEMES_DIR) -> Mapping[str, Mapping[str, str]]:
    """Tokens by theme name: {"calm": {"ink": "#15302c", …}, …}. Raises ValueError."""
    themes: dict[str, Mapping[str, str]] = {}
    for path in sorted(folder.glob("*.yaml")):
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(loaded, dict) or not all(
            isinstance(key, str) and isinstance(value, str) for key, value in loaded.items()
        ):
            raise ValueError(f"{path.name}: must be a flat mapping of token to colour")
        themes[path.stem] = loaded
    return themes
