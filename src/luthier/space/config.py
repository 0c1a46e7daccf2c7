"""A configuration: the values of the active parameters, by name, as plain JSON scalars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Scalar: TypeAlias = bool | int | float | str | None
"""What a configuration may hold, so that it can be logged, compared and sent to another process."""

Config: TypeAlias = Mapping[str, Any]
"""Parameter name -> `Scalar`, for the parameters that are active; inactive parameters are absent."""

Floats: TypeAlias = NDArray[np.float64]
