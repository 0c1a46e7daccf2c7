from __future__ import annotations

import pytest

from luthier.models import FAMILIES, Family
from luthier.models.extras import EXTRAS, installed


@pytest.fixture(params=list(FAMILIES))
def family(request: pytest.FixtureRequest) -> Family:
    if request.param in EXTRAS and not installed(request.param):
        pytest.skip(f"the extra {request.param} is not installed")
    return FAMILIES[request.param]()
