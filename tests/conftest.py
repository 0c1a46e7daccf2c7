"""What holds for every test."""

from __future__ import annotations

import os
import sys

from hypothesis import settings

# Tests run two at a time. Each of the two has a core to itself, with all processes it starts: threads of both on the
# same cores would spend their time waiting for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
if hasattr(os, "sched_setaffinity") and (worker := os.environ.get("PYTEST_XDIST_WORKER")):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[int(worker.removeprefix("gw")) % len(cores)]})

# Many tests start processes. Where bytecode is not to be written, each would compile the whole library anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How long an example takes says more of the machine than of the code; speed is measured in benchmarks/.
# Thirty examples a run, others each time: the suite is run often.
settings.register_profile("luthier", deadline=None, max_examples=30)
settings.load_profile("luthier")
