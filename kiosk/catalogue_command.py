"""`kiosk catalogue …`: the commands for those who write and hand out catalogues.

Exit status: 0 done, 1 there is something to mend or the difference is not empty, 2 it
could not be done.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

from config.words import load_words
from kiosk.catalogue.check import prove
from kiosk.catalogue.diff import diff
from kiosk.catalogue.errors import CatalogueErrors
from kiosk.catalogue.model import Matter, Pack
from kiosk.catalogue.pack import Certificate, PackError, Proven, build, verified
from kiosk.catalogue_files import DEFAULT_DIRECTORY, check_command, load_directory
from kiosk.pack_files import PackDirectory, read_pack

_DONE, _CHANGED, _CANNOT = 0, 1, 2


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The subcommands of `kiosk catalogue`."""
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    one = commands.add_parser("check", help="prove every item of a catalogue")
    _directory(one)
    one.set_defaults(run=_check)

    one = commands.add_parser("build", help="prove a catalogue and write it as one pack")
    _directory(one)
    one.add_argument("-o", "--out", metavar="FILE", required=True)
    one.set_defaults(run=_build)

    one = commands.add_parser("install", help="let a pack take service on this terminal")
    one.add_argument("pack", metavar="FILE")
    one.add_argument("--packs", metavar="DIR", required=True, help="as in [catalogue] packs")
    one.set_defaults(run=_install)

    one = commands.add_parser("diff", help="what changes for residents, in words")
    one.add_argument("old", metavar="OLD", help="a directory or a pack")
    one.add_argument("new", metavar="NEW")
    one.add_argument("--old-on", metavar="DATE", type=date.fromisoformat, help="as --on, of OLD")
    _on(one)
    one.add_argument("--json", action="store_true", help="for programs")
    _language(one)
    one.set_defaults(run=_diff)

    one = commands.add_parser("graph", help="draw an item: questions, answers, situations")
    _item(one)
    one.set_defaults(run=_graph)

    one = commands.add_parser("sheet", help="the item guide as an A4 PDF")
    _item(one)
    one.set_defaults(run=_sheet)

    one = commands.add_parser("import", help="item files from an authority's directory (CSV)")
    one.add_argument("source", metavar="DIR", help="with items.csv and materials.csv")
    one.add_argument("-o", "--out", metavar="DIR", required=True)
    one.set_defaults(run=_import)

    one = commands.add_parser("schema", help="JSON Schema for editors, one file for each kind")
    one.add_argument("-o", "--out", metavar="DIR", required=True)
    one.set_defaults(run=_schema)


def _directory(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", default="", help="of YAML; the own one by default")
    _on(parser)


def _on(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--on",
        metavar="DATE",
        type=date.fromisoformat,
        default=date.today(),  # noqa: DTZ011 - the office's day, where the command is given
        help="of several versions of an item, the one in force on this day; default today",
    )


def _item(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("item", metavar="ITEM", help="code of an item or bundle, as CRJ-001")
    parser.add_argument("directory", nargs="?", default="", help="of YAML, or a pack")
    parser.add_argument("-o", "--out", metavar="FILE", required=True)
    _on(parser)
    _language(parser)


def _language(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--language", choices=("zh", "en"), default="zh")


def _say(text: str) -> None:
    sys.stdout.write(text)


def _complain(error: object) -> int:
    sys.stderr.write(f"{error}\n")
    return _CANNOT


def _path(arguments: argparse.Namespace) -> Path:
    return Path(arguments.directory) if arguments.directory else DEFAULT_DIRECTORY


def _check(arguments: argparse.Namespace) -> int:
    return check_command(_path(arguments), arguments.on)


def pack_of(path: Path, on: date | None = None) -> Pack:
    """The catalogue in a directory or in a pack. Raises CatalogueErrors or PackError."""
    return load_directory(path, on) if path.is_dir() else verified(read_pack(path)).pack


def certificate_of(pack: Pack) -> Certificate:
    """The proof of a catalogue. Raises CatalogueErrors where it cannot be proven."""
    proven = prove(pack)
    if proven.findings:
        raise CatalogueErrors(proven.findings)
    points = sum(len(m.review) for matter in pack.items.values() for m in matter.materials)
    rows = tuple(
        Proven(row.code, row.questions, row.situations, row.materials, row.cases)
        for row in proven.rows
    )
    return Certificate(rows, points, proven.engine)


def _build(arguments: argparse.Namespace) -> int:
    pack = load_directory(_path(arguments), arguments.on)
    certificate = certificate_of(pack)
    data = build(pack, certificate)
    try:
        Path(arguments.out).write_bytes(data)
    except OSError as error:
        return _complain(f"{arguments.out}: {error.strerror}")
    _say(
        f"{arguments.out}: {len(pack.items)} items, {len(pack.bundles)} bundles, "
        f"{certificate.cases} cases proven; {len(data)} bytes; pack {pack.hash[:12]}\n"
    )
    return _DONE


def _install(arguments: argparse.Namespace) -> int:
    try:
        pack = PackDirectory(Path(arguments.packs)).install(read_pack(Path(arguments.pack)))
    except PackError as error:
        return _complain(error)
    _say(f"pack {pack.hash[:12]} takes service with the next visit\n")
    return _DONE


def _diff(arguments: argparse.Namespace) -> int:
    from kiosk.catalogue_words import DiffWords

    try:
        old = pack_of(Path(arguments.old), arguments.old_on or arguments.on)
        new = pack_of(Path(arguments.new), arguments.on)
    except PackError as error:
        return _complain(error)
    found = diff(old, new)
    words = DiffWords(old, new, load_words(), arguments.language)
    if arguments.json:
        _say(_json(words.plain(found)))
    else:
        _say(words.text(found))
    return _CHANGED if found.matters or found.shared else _DONE


def _graph(arguments: argparse.Namespace) -> int:
    from kiosk.catalogue.cuts import TooManyAnswers
    from kiosk.catalogue.graph import TooLarge, graph_of, outline
    from kiosk.catalogue.graph_svg import draw

    try:
        pack, matter = _matter(arguments)
    except (PackError, KeyError) as error:
        return _complain(error)
    words, language = load_words(), arguments.language
    source = pack.bundles.get(matter.code) or pack.items[matter.code]
    note = words.text("graph.version", language, version=source.version, day=source.effective_from)
    if matter.sample:
        note = f"{note} · {words.text('graph.sample', language)}"
    try:
        graph = graph_of(matter)
    except (TooLarge, TooManyAnswers) as error:
        if not matter.bundle:
            return _complain(words.text("graph.too-large", language, why=error))
        matter = outline(matter)  # each of its items is drawn by itself
        graph = graph_of(matter)
        note = f"{note} · {words.text('graph.outline', language)}"
    text = draw(graph, matter, words.en if language == "en" else words.zh, language, note)
    return _written(arguments.out, text.encode())


def _sheet(arguments: argparse.Namespace) -> int:
    from kiosk.receipts.guide_of import guide_of
    from kiosk.receipts.layout.guide import render_guide

    try:
        pack, matter = _matter(arguments)
    except (PackError, KeyError) as error:
        return _complain(error)
    words = load_words()
    table = words.en if arguments.language == "en" else words.zh
    return _written(
        arguments.out, render_guide(guide_of(pack, matter.code, arguments.language), table, "a4")
    )


def _import(arguments: argparse.Namespace) -> int:
    from kiosk.catalogue.importing import ITEMS, MATERIALS, ImportErrors, decoded, imported

    try:
        items, materials = (
            decoded(name, (Path(arguments.source) / name).read_bytes())
            for name in (ITEMS, MATERIALS)
        )
        today = date.today()  # noqa: DTZ011 - when these facts were gathered
        files = imported(items, materials, today)
        for name, text in files.items():
            path = Path(arguments.out) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except (ImportErrors, OSError) as error:
        return _complain(error)
    _say(f"{len(files)} items; their situations are to be written\n")
    return _DONE


def _schema(arguments: argparse.Namespace) -> int:
    from kiosk.catalogue.schema import schemas

    folder = Path(arguments.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _complain(f"{folder}: {error.strerror}")
    written = (
        _written(str(folder / f"{name}.schema.json"), _json(schema).encode())
        for name, schema in schemas().items()
    )
    return max(written)


def _matter(arguments: argparse.Namespace) -> tuple[Pack, Matter]:
    pack = pack_of(_path(arguments), arguments.on)
    if arguments.item not in pack.matters:
        raise KeyError(f"there is no item {arguments.item}")
    return pack, pack.matters[arguments.item]


def _written(path: str, data: bytes) -> int:
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        return _complain(f"{path}: {error.strerror}")
    _say(f"{path}\n")
    return _DONE


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
