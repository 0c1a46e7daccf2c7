"""Draw the picture of the README from the facts of a run: `python docs/pictures/make.py FACTS.json OUT.svg`.

FACTS.json is what `ReportFacts.to_json` wrote for that run. The picture turns dark with the reader's system, and keeps
its light colours where style sheets in pictures are ignored.
"""
# ruff: noqa: INP001 - a script that stands alone, not a package

from __future__ import annotations

import json
import sys
from pathlib import Path

from luthier.report import ReportFacts
from luthier.report.charts import picture


def main(source: str, target: str) -> None:
    """Read the facts, write the picture, and say how large it is."""
    facts = ReportFacts.from_json(json.loads(Path(source).read_text(encoding="utf-8")))
    svg = picture(
        facts,
        title="What to expect, and what others would have promised",
        subtitle=f"{facts.data.name}: {facts.data.n_rows:,} rows, {facts.n_tries} configurations tried. "
        "Lines are 95 % intervals.",
    )
    Path(target).write_text(svg, encoding="utf-8")
    print(f"{target}: {len(svg.encode()):,} bytes")  # noqa: T201 - a script says what it made


if __name__ == "__main__":
    main(*sys.argv[1:])
