"""Print how long the server takes for each kind of page: ``python -m benchmarks.pages [--json]``.

Over HTTP, one reader at a time, on the starter graph with the two published lists in DIR
(``--data DIR``), about 5,500 entries; without them on the starter graph alone.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from benchmarks.common import fetch, fill, median_ms, report, run, serving

TIMES = 30
#: a kind of page -> the addresses that are asked for in turn
PAGES = {
    "home": ["/"],
    "search in words": [
        "/search?q=older+people+are+lonely",
        "/search?q=Langzeitarbeitslose+finden+keine+Arbeit",
        "/search?q=prazne+zgrade+u+starom+gradu&type=practice",
        "/search?q=school+meals+from+local+farms&view=table",
    ],
    "search by filters": [
        "/search",
        "/search?type=practice&country=IT&country=ES",
        "/search?country=HR&page=3",
        "/search?theme=ageing&view=map",
    ],
    "entry": [
        "/id/practice/repair-cafe",
        "/id/actor/city-hr-split",
        "/id/challenge/loneliness",
        "/id/instrument/esf-plus",
    ],
    "question: similar": ["/?q=older+people+are+lonely", "/?q=empty+buildings+in+the+old+town"],
    "question: transfer": [
        "/?q=older+people+are+lonely&mode=transfer&place=HR035",
        "/?q=empty+buildings+in+the+old+town&mode=transfer&place=LV",
    ],
    "transfer workspace": [
        "/transfer?challenge=loneliness&place=HR035",
        "/transfer?challenge=rural-mobility-gap&place=LV",
    ],
    "partners": [
        "/partners?actor=actor/city-hr-split",
        "/partners?q=older+people+are+lonely&place=LV",
    ],
    "consortium": ["/consortium?about=call/esf-si-2023-ncc-01&seats=6&maximum_per_country=2"],
    "working groups": ["/groups?community=community/sea4neb"],
}


def measure(data: Path) -> dict[str, float | str]:
    """Return the median of each kind of page in milliseconds."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        with serving(home):
            pass
        if data.is_dir():
            fill(home, data)
            run("match", "similar", "warm up", "--limit", "1", home=home)
        with serving(home) as (_, address, _):
            stats = json.loads(fetch(f"{address}/api/stats"))
            figures: dict[str, float | str] = {"entries": sum(stats["entries"].values())}
            for kind, paths in PAGES.items():
                figures[f"{kind}, median ms"] = timed(address, paths)
            return figures


def timed(address: str, paths: list[str]) -> float:
    """Return the median over pages that are asked for in turn."""
    for path in paths:
        fetch(address + path, Accept="text/html")
    return median_ms(lambda n: fetch(address + paths[n % len(paths)], Accept="text/html"), TIMES)


if __name__ == "__main__":
    report("benchmarks.pages", measure)
