"""One keystroke in the search among 5,000 items, beside SQLite's full-text search and difflib.

The items are made up of what Chinese directories consist of (a thing and what is done with
it), so that most of what is typed fits hundreds of them: the hard case for a search. The
peers are given less to do: FTS5 with trigrams over names and aliases finds no pinyin, and
difflib compares the typed text with each name.
"""

from __future__ import annotations

import difflib
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from kiosk.catalogue.model import Pack
from kiosk.catalogue.search import SearchIndex, readings_of
from kiosk.catalogue_files import DEFAULT_DIRECTORY, load_directory

Row = tuple[str, float, str, str, float]

ITEMS = 5_000
BUDGET_MS = 2.0
ROUNDS = 15
TYPED = (
    "社保", "shebao", "社baozm", "shipinjingying", "spjyxkz", "jidongche jiashi",
    "不动产 抵押", "查询 登记", "zm dj", "daiy diya", "gonghan", "miax", "zhengming",
    "endorsement", "食品经营许可征", "shebap", "baxfjz",
)  # fmt: skip
_THINGS = (
    "食品经营许可证", "道路运输证", "房屋租赁", "残疾人证", "老年优待证", "医保关系", "公积金账户",
    "出生登记", "户口迁移", "不动产抵押", "社会团体", "民办学校", "机动车驾驶证", "建设工程",
    "卫生许可", "护照", "居住证", "工伤保险", "失业保险", "职业资格", "特种设备", "广告发布",
    "药品经营", "排污许可", "取水许可", "林木采伐", "烟草专卖", "文物保护", "旅行社", "网吧",
)  # fmt: skip
_DONE = (
    "补领", "换领", "变更", "注销", "备案", "申请", "登记", "核准", "查询", "证明", "缴费",
    "年检", "转移", "退费", "延期", "审批", "确认", "认定", "待遇", "补贴",
)  # fmt: skip
_SIGNS = "甲乙丙丁戊己庚辛壬癸"


def at_scale(pack: Pack) -> Pack:
    """A directory of 5,000 items, the shipped ones among them."""
    items = dict(pack.items)
    model = next(iter(items.values()))
    for number, (thing, done, sign) in enumerate(product(_THINGS, _DONE, _SIGNS)):
        if len(items) >= ITEMS:
            break
        code = f"GEN-{number:04}"
        items[code] = replace(
            model,
            code=code,
            name=replace(model.name, zh=f"{thing}{done}{sign}", en=f"{done} number {number}"),
            aliases=(f"{done}{thing}",),
            use_rank=number % 97,
        )
    return replace(pack, items=items)


def _milliseconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    times = []
    for _ in range(rounds):
        started = time.thread_time_ns()
        work()
        times.append((time.thread_time_ns() - started) / 1_000_000)
    return median(times)


def _keystrokes() -> list[str]:
    """Everything that stands in the field while the words are typed, letter by letter."""
    return [word[:end] for word in TYPED for end in range(1, len(word) + 1)]


def _trigrams(pack: Pack) -> Callable[[str], object]:
    database = sqlite3.connect(":memory:")
    database.execute("create virtual table t using fts5(name, tokenize='trigram')")
    rows = ((" ".join((one.name.zh, *one.aliases)),) for one in pack.items.values())
    database.executemany("insert into t values (?)", rows)

    def find(typed: str) -> object:
        words = typed.replace('"', "")
        query = "select rowid from t where t match ? order by rank limit 8"
        return database.execute(query, (f'"{words}"',)).fetchall()

    return find


def run() -> list[Row]:
    """Every row of the benchmark."""
    pack = at_scale(load_directory(DEFAULT_DIRECTORY))
    started = time.perf_counter()
    readings = readings_of(pack)
    read_s = time.perf_counter() - started
    started = time.perf_counter()
    index = SearchIndex.build(pack, readings)
    build_s = time.perf_counter() - started
    typed = _keystrokes()
    times = [_milliseconds(partial(index.find, one, 40)) for one in typed]
    slowest = typed[times.index(max(times))]
    trigram = _trigrams(pack)
    peers = [_milliseconds(partial(trigram, one), 5) for one in TYPED]
    names = [one.name.zh for one in pack.items.values()]
    close = _milliseconds(lambda: difflib.get_close_matches("食品经营许可征", names, 8), 1)
    return [
        (f"a keystroke among {ITEMS} items, median of {len(typed)}", median(times), "ms",
         "SQLite FTS5 trigrams, no pinyin", median(peers)),
        (f"the slowest keystroke ({slowest})", max(times), "ms", "budget", BUDGET_MS),
        ("a name with one wrong character", _milliseconds(lambda: index.find("食品经营许可征")),
         "ms", "difflib over the names", close),
        ("building that index from stored readings", build_s, "s",
         "reading them by pypinyin", read_s),
    ]  # fmt: skip


if __name__ == "__main__":
    for name, value, unit, other, compared in run():
        sys.stdout.write(f"{name}: {value:.2f} {unit} ({other}: {compared:.2f})\n")
