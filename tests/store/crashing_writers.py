"""Writers to be killed: for every line read, fork one that continues the study named there until it dies.

A line is `<folder> <study>`. A writer says `<pid> start`, then `<pid> <trial> <fold> <digest>` after each fold that was
acknowledged to it. Forking from one warmed-up process makes thirty crashes as cheap as one start of Python.
"""

import os
import sys

import numpy as np

from luthier.store import Store, predictions_digest
from luthier.tuning.record import chained

ROWS, FOLDS, OUTPUTS = 500, 5, 2
STARTS = list(range(0, ROWS, ROWS // FOLDS))
AT = "2025-03-01T12:00:00.000000Z"


def write_until_killed(folder: str, study: str) -> None:
    with Store.open(folder) as store, store.lock(study):
        log = store.load(study)
        events = log.events()
        log.check_predictions(events, STARTS)
        done = {(event.body["trial"], event.body["fold"]) for event in events if event.kind == "fold.finished"}
        trial, last = len(done) // FOLDS, events[-1] if events else None
        say("start")
        while True:
            for fold, start in enumerate(STARTS):
                if (trial, fold) in done:
                    continue
                block = np.random.default_rng((trial, fold)).random((ROWS // FOLDS, OUTPUTS), dtype=np.float32)
                log.write_fold(trial, start, block)
                body = {"trial": trial, "fold": fold, "state": "DONE", "predictions": predictions_digest(block)}
                new = [chained(last, "fold.finished", body, AT)]
                if fold == FOLDS - 1:
                    body = {"trial": trial, "state": "complete", "score": 0.5}
                    new.append(chained(new[-1], "trial.finished", body, AT))
                log.append(new)
                last = new[-1]
                say(f"{trial} {fold} {new[0].body['predictions']}")
            trial += 1


def say(what: str) -> None:
    os.write(1, f"{os.getpid()} {what}\n".encode())


if __name__ == "__main__":
    for line in sys.stdin:
        if not (child := os.fork()):
            write_until_killed(*line.split())
        os.waitpid(child, 0)
        os.write(1, f"{child} dead\n".encode())
