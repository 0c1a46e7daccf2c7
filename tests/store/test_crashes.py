"""Kill -9 at any instant: every acknowledged fold is there, the chain verifies, and the next process goes on."""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from luthier.store import Store, predictions_digest

WRITERS = Path(__file__).with_name("crashing_writers.py")
N_CRASHES = 30
ROWS, FOLDS, OUTPUTS = 500, 5, 2
STARTS = list(range(0, ROWS, ROWS // FOLDS))


@pytest.fixture
def writers() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, WRITERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        yield process
        process.stdin.close()  # type: ignore[union-attr]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork and kill -9")
def test_no_acknowledged_fold_is_lost_by_thirty_kills(tmp_path: Path, writers: subprocess.Popen[str]) -> None:
    assert writers.stdin is not None
    assert writers.stdout is not None
    with Store.open(tmp_path / "store") as store:
        study = store.create_study({}, "q", shape=(ROWS, OUTPUTS)).study
    acknowledged: dict[tuple[int, int], str] = {}
    instants = random.Random(7)

    def acknowledge(line: str) -> None:
        _, trial, fold, digest = line.split()
        acknowledged[int(trial), int(fold)] = digest

    for _ in range(N_CRASHES):
        writers.stdin.write(f"{tmp_path / 'store'} {study}\n")
        writer, word = writers.stdout.readline().split()
        assert word == "start"  # the store could be opened, locked, read and verified after the kill before
        lines = iter(writers.stdout.readline, "")
        for line in itertools.islice(lines, instants.randrange(5)):
            acknowledge(line)
        # Then anywhere within the next fold or two, however slow the disk is today.
        blow = threading.Timer(instants.uniform(0.0, 0.01), os.kill, (int(writer), signal.SIGKILL))
        blow.start()
        for line in itertools.takewhile(lambda line: not line.endswith("dead\n"), lines):
            acknowledge(line)
        blow.join()
        with Store.open(tmp_path / "store") as store:
            log = store.load(study)
            events = log.events()
            found = {
                (event.body["trial"], event.body["fold"]): event.body["predictions"]
                for event in events
                if event.kind == "fold.finished"
            }
            assert acknowledged.items() <= found.items()
            assert log.check_predictions(events, STARTS) == len(found) <= len(acknowledged) + N_CRASHES
    assert len(acknowledged) > N_CRASHES  # the blows fell among writes, not before the first
    whole = list(range(len(found) // FOLDS))
    table = log.read_predictions(whole)
    truth = [
        np.random.default_rng((trial, fold)).random((ROWS // FOLDS, OUTPUTS), dtype=np.float32)
        for trial in whole
        for fold in range(FOLDS)
    ]
    np.testing.assert_array_equal(table.reshape(-1, OUTPUTS), np.concatenate(truth))
    assert predictions_digest(truth[0]) == acknowledged[0, 0]
