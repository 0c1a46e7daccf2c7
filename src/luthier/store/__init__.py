"""Where records live: studies and their event chains, out-of-fold predictions, kept objects, model folders, reports.

A store is one private folder, `.luthier/` in the current folder unless told otherwise. The records may be in PostgreSQL
instead (`LUTHIER_STORE`), and the objects on S3 (`LUTHIER_OBJECTS`); the rest stays on the machine it belongs to:

    meta.db                     studies and events (SQLite, write-ahead log)
    tables/<study>.oof          out-of-fold predictions, one slab of float32 per trial
    objects/<sha256>            bytes kept for a study, named by their digest
    locks/<study>.lock          held by the process that runs the study
    releases/<digest>/          copies of released models, checked before every use
    keys/signing.pem            the project's private key

The files by subject: `store` (the verbs), `log` and `memory` (one study's record, on disk and off it), `registered`
(models and their releases), `database`, `tables` and `chains` with `migrations` (the records' form), `sqlite` and
`postgresql` (what only one of them understands), `objects` and `remote_objects`, `out_of_fold`, `locks`, `listing`,
`model_folder`, `journal`, `traffic`, `tokens`, `atomic`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from luthier.store.atomic import write_bytes_atomic, write_text_atomic
    from luthier.store.chain import Tip
    from luthier.store.listing import StudyRow
    from luthier.store.locks import StudyLock
    from luthier.store.log import StoredStudyLog
    from luthier.store.memory import MemoryStudyLog
    from luthier.store.model_folder import read_model, write_model
    from luthier.store.out_of_fold import predictions_digest
    from luthier.store.registered import RegisteredModels, Step
    from luthier.store.store import Store

__all__ = [
    "MemoryStudyLog",
    "RegisteredModels",
    "Step",
    "Store",
    "StoredStudyLog",
    "StudyLock",
    "StudyRow",
    "Tip",
    "predictions_digest",
    "read_model",
    "write_bytes_atomic",
    "write_model",
    "write_text_atomic",
]

_HOMES = {
    "MemoryStudyLog": "memory",
    "RegisteredModels": "registered",
    "Step": "registered",
    "Store": "store",
    "StoredStudyLog": "log",
    "StudyLock": "locks",
    "StudyRow": "listing",
    "Tip": "chain",
    "predictions_digest": "out_of_fold",
    "read_model": "model_folder",
    "write_bytes_atomic": "atomic",
    "write_model": "model_folder",
    "write_text_atomic": "atomic",
}


def __getattr__(name: str) -> Any:
    # Predicting with a model folder, or tuning in memory, should not wait for SQLAlchemy to be imported.
    if name in _HOMES:
        return getattr(import_module(f"luthier.store.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'luthier.store' has no attribute {name!r}")
