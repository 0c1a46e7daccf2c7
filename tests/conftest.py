"""What holds for every test."""

from __future__ import annotations

import os

from hypothesis import settings

# Tests run two at a time, and their models one thread each: two threads for each of two would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# How long an example takes says more of the machine than of the code; speed is measured in benchmarks/.
settings.register_profile("luthier", deadline=None)
settings.load_profile("luthier")
