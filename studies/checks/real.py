"""What `luthier.check` says of real tables: `python real.py FOLDER_WITH_DATASETS.JSON`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import luthier

HERE = Path(__file__).parent


def main() -> None:
    folder = Path(sys.argv[1])
    only = set(sys.argv[2:])
    said = {}
    for entry in json.loads((folder / "datasets.json").read_text())["datasets"]:
        if only and entry["name"] not in only:
            continue
        began = time.process_time()
        checkup = luthier.check(str(folder / entry["file"]), entry["target"])
        body = checkup.to_dict()
        del body["provenance"]
        said[entry["name"]] = {"cpu_s": round(time.process_time() - began, 1), **body}
        for finding in checkup.findings:
            print(f"{entry['name']}: {finding.severity} {finding.code}: {finding.title}", flush=True)
        late = [code for code, one in checkup.silent.items() if one.kind == "out of time"]
        print(f"{entry['name']}: {said[entry['name']]['cpu_s']} s CPU, out of time: {late}", flush=True)
    if not only:
        (HERE / "real.json").write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
