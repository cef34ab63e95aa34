"""The picture of docs/benchmarks.md: bars, drawn from what was measured."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from benchmarks import appends, web
from benchmarks.harness import AT_ONCE, PER_SECOND
from benchmarks.report import number
from benchmarks.result import Result

WIDTH, ROW, TOP, LABELS, BARS = 460, 26, 58, 190, 200
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
  font-family="system-ui, sans-serif" font-size="13">
  <style>
    .title {{ font-weight: 600; fill: #24292f; }}
    .small {{ font-size: 12px; fill: #57606a; }}
    .name, .number {{ fill: #24292f; }}
    .ours {{ fill: #0969da; }}
    .limit {{ fill: #8c959f; }}
    .other {{ fill: #d0d7de; }}
    @media (prefers-color-scheme: dark) {{ svg {{ background: #fff; }} }}
  </style>
"""
NAMES = {
    appends.PGBENCH: "pgbench, bare INSERT",
    appends.LOG_ALONE: "Custodiary, log alone",
    appends.CREATE: "Custodiary, create customer",
    appends.SET_PRIMARY: "Custodiary, set primary",
    appends.PAY: "Custodiary, payment",
    appends.MESSAGE_DB: "Message DB, 1 category",
    appends.MESSAGE_DB_CATEGORIES: "Message DB, 20 categories",
    appends.RECORDER: "eventsourcing, recorder",
    appends.LOGICBLOCKS: "logicblocks, log order",
    appends.LOGICBLOCKS_BY_STREAM: "logicblocks, stream order",
    web.SELECT: "bare SELECT",
    web.BARE_LIST: "bare list",
    web.BARE_SEARCH: "bare search",
    web.BARE_HISTORY: "bare history",
    web.INSERT: "bare INSERT",
}
PEERS = tuple(appends.PEERS)
OURS = (appends.LOG_ALONE, appends.CREATE, appends.SET_PRIMARY, appends.PAY)
LIMITS = (appends.PGBENCH, *web.BESIDE.values())


class Bar(NamedTuple):
    name: str
    value: float
    kind: str


def draw(result: Result) -> str:
    commands, requests = result.sections["appends"], result.sections["web"]
    left = [
        *(Bar(name, commands.median(PER_SECOND, name, AT_ONCE) or 0, _kind(name, "other")) for name in PEERS),
        *(Bar(name, commands.median(PER_SECOND, name, AT_ONCE) or 0, "ours") for name in OURS),
    ]
    left = sorted((bar for bar in left if bar.value), key=lambda bar: -bar.value)
    right = [Bar(name, requests.median(PER_SECOND, name) or 0, _kind(name, "ours")) for name in web.REQUESTS]
    right = [bar for bar in right if bar.value]
    height = TOP + ROW * max(len(left), len(right)) + 8
    return "".join(
        [
            HEAD.format(width=2 * WIDTH, height=height),
            *_panel(0, f"Commands of one event a second, {AT_ONCE} at once", "durable, one PostgreSQL", left),
            *_panel(WIDTH, f"HTTP requests a second, {AT_ONCE} at once", "durable, one server process", right),
            "</svg>\n",
        ]
    )


def _kind(name: str, otherwise: str) -> str:
    return "limit" if name in LIMITS else otherwise


def _panel(x: int, title: str, subtitle: str, bars: Sequence[Bar]) -> list[str]:
    largest = max(bar.value for bar in bars)
    lines = [
        f'  <text class="title" x="{x + 12}" y="22">{title}</text>\n',
        f'  <text class="small" x="{x + 12}" y="40">{subtitle}</text>\n',
    ]
    for place, bar in enumerate(bars):
        y = TOP + ROW * place
        width = max(1, round(BARS * bar.value / largest))
        name = escape(NAMES.get(bar.name, bar.name))
        lines += [
            f'  <text class="name" x="{x + LABELS}" y="{y + 14}" text-anchor="end">{name}</text>\n',
            f'  <rect class="{bar.kind}" x="{x + LABELS + 8}" y="{y + 2}" width="{width}" height="16" rx="2"/>\n',
            f'  <text class="number" x="{x + LABELS + width + 14}" y="{y + 14}">{number(bar.value)}</text>\n',
        ]
    return lines
