"""Settings of the calling process that change what a fit does, so that a worker fits as the caller would."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

_CARRIED = ("builtins", "numpy", "scipy", "pandas", "sklearn", "lightgbm", "luthier")
"""Packages whose warning classes are worth an import in every worker."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Warning filters, and scikit-learn's global configuration (`set_output`, metadata routing, ...)."""

    filters: tuple[Any, ...]
    sklearn: Mapping[str, Any]

    @classmethod
    def here(cls) -> Self:
        """Those of this process."""
        filters = tuple(f for f in warnings.filters if f[2].__module__.partition(".")[0] in _CARRIED)
        sklearn = sys.modules.get("sklearn")  # not loaded: nobody can have configured it
        return cls(filters, dict(sklearn.get_config()) if sklearn else {})

    def adopt(self) -> None:
        """Make them this process's own."""
        warnings.filters = list(self.filters)
        if self.sklearn:
            import sklearn

            sklearn.set_config(**self.sklearn)
