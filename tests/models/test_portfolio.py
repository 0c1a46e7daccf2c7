"""What is tried before searching."""

from __future__ import annotations

import pytest

from luthier.models import FAMILIES, Facts, families_for, joint_space
from luthier.models.portfolio import portfolio


@pytest.mark.parametrize("n_rows", [40, 1000, 1_000_000])
@pytest.mark.parametrize("n_classes", [2, 7])
def test_every_configuration_has_its_place_on_tables_of_any_size(n_rows: int, n_classes: int) -> None:
    facts = Facts("binary" if n_classes == 2 else "multiclass", n_rows, 12, n_classes)
    families, _ = families_for(list(FAMILIES)[:7], facts)
    space = joint_space(families, facts)
    found = {space.key(space.nearest(config)) for _, config in portfolio(facts.task)}
    assert len(found) == len(portfolio(facts.task)) > 3


def test_it_is_of_several_families_and_empty_where_nothing_was_learned() -> None:
    assert len({name for name, _ in portfolio("binary")}) >= 3
    assert portfolio("regression") == ()
