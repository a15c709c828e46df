"""HTML that is put together from parts: what is text is escaped, whatever it holds.

`tag` escapes every child that is not itself made by `tag`, and every attribute's value; there
is no other way in but `Safe`, which only the style sheet and the document type use.
"""

from __future__ import annotations

from html import escape


class Safe(str):
    """Finished HTML."""

    __slots__ = ()


_EMPTY = frozenset({"input", "meta", "link", "br"})


def tag(element: str, /, *children: object, **attributes: object) -> Safe:
    """An element. `class_` is class; an underscore in a name is a hyphen; None leaves it out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if element in _EMPTY:
        return Safe(f"<{element}{said}>")
    return Safe(f"<{element}{said}>{join(children)}</{element}>")


def join(children: object) -> Safe:
    """Several parts, one after the other."""
    if isinstance(children, Safe):
        return children
    if isinstance(children, (list, tuple)):
        return Safe("".join(join(child) for child in children))
    return Safe("" if children is None else escape(str(children)))
