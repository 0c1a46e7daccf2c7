from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.errors import BadBudget
from luthier.tuning import Budget, Price, say_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("1.5h", 5400), ("2 min", 120), ("1d", 86400), (45, 45), (0.5, 0.5)],
)
def test_time_is_read_the_way_people_write_it(text: str | float, seconds: float) -> None:
    assert Budget.parse(text) == Budget(seconds=seconds)


def test_the_first_limit_to_run_out_counts() -> None:
    both = Budget.parse("10m, 200 trials, $0.05", price="$0.60/h")
    assert (both.seconds, both.trials, both.money) == (600, 200, 0.05)
    assert both.limit_s == pytest.approx(300)  # five cents at sixty cents an hour


def test_money_needs_a_price() -> None:
    with pytest.raises(BadBudget, match=r"(?s)what an hour costs.*--price"):
        Budget.parse("$2")


@pytest.mark.parametrize("text", ["", "soon", "-5s", "0s", "5 parsecs", "0 trials", "5m, 6m", True, None, "nan"])
def test_what_is_no_budget_is_refused_with_a_form_to_copy(text: object) -> None:
    with pytest.raises(BadBudget, match=r"(?s)LU209.*fix: "):
        Budget.parse(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0/h", "free", "-1/h"])
def test_a_price_is_positive(text: str) -> None:
    with pytest.raises(BadBudget):
        Price.parse(text)


@given(
    seconds=st.none() | st.floats(0.01, 1e6),
    trials=st.none() | st.integers(1, 10**6),
    money=st.none() | st.floats(0.01, 1e4),
)
def test_a_budget_survives_its_json_form(seconds: float | None, trials: int | None, money: float | None) -> None:
    if seconds is None and trials is None and money is None:
        return
    budget = Budget(seconds, trials, money, Price(0.4, "EUR"))
    assert Budget.from_json(budget.to_json()) == budget


@given(st.integers(10, 10**6))
def test_a_duration_reads_back_as_itself(seconds: int) -> None:
    assert Budget.parse(say_seconds(seconds)).seconds == seconds
