"""Which planted leaks are found, what is found where there is none, and what it costs: `python run.py`."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tables import clean, planted

import luthier

HERE = Path(__file__).parent


def main() -> None:
    rows, false, costs = [], [], []
    for case in planted():
        began = time.process_time()
        checkup = luthier.check(case.frame, "y", **case.options)
        spent = time.process_time() - began
        leaks = [finding for finding in checkup.findings if finding.code.startswith("leak.")]
        right = [f for f in leaks if f.code == case.code and (case.column is None or case.column in f.columns)]
        rows.append(
            {
                "kind": case.kind,
                "found": bool(right),
                "severity": right[0].severity if right else None,
                "optimism": right[0].evidence.get("optimism") if right else None,
                "others": sorted({f.code for f in leaks} - {case.code}),
                "cpu_s": round(spent, 2),
            }
        )
        print(rows[-1])
    for i, (frame, options) in enumerate(clean()):
        began = time.process_time()
        checkup = luthier.check(frame, "y", **options)
        costs.append(round(time.process_time() - began, 2))
        found = [finding.code for finding in checkup.findings if finding.code.startswith("leak.")]
        false += [{"table": i, "code": code} for code in found]
        print("clean", i, len(frame), found, costs[-1])
    summary = {
        "found": sum(row["found"] for row in rows),
        "planted": len(rows),
        "false_findings": false,
        "clean_tables": len(costs),
        "largest_cpu_s": max([*costs, *(row["cpu_s"] for row in rows)]),
    }
    print(summary)
    (HERE / "results.json").write_text(
        json.dumps({"summary": summary, "planted": rows, "clean_cpu_s": costs}, indent=1)
    )


if __name__ == "__main__":
    main()
