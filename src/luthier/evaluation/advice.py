"""Which strategy to take, in one sentence, and honest about luck."""

from __future__ import annotations

from collections.abc import Sequence

from luthier.evaluation.contenders import Contender
from luthier.evaluation.words import decimals


def advise(contenders: Sequence[Contender], budget: str, repeats: int) -> str:
    """One sentence: which strategy for this budget on these data, and what the others would cost.

    Parameters
    ----------
    contenders
        The best first.
    budget
        In words, such as "5m".
    repeats
        How many each had.
    """
    leader, others = contenders[0], contenders[1:]
    start = f"for {budget} on these data"
    if not others:
        return f"{start}, {leader.name} had nobody to be compared with"
    if not any(c.better_than_default for c in contenders):
        return f"{start}, no strategy found anything better than the default, so none is worth it"
    if repeats == 1:
        return f"{start}, {leader.name} was ahead, but one repeat cannot tell skill from luck: repeat it (--repeats 3)"
    lost = [c for c in others if c.surely_behind]
    level = [c.name for c in others if not c.surely_behind]
    if not lost:
        return (
            f"{start}, there is no difference worth a choice between {_listed([c.name for c in contenders])}: "
            f"what separates them is within luck ({_gap(others[-1])} from first to last)"
        )
    said = [f"{start}: {leader.name}" + (f", though its lead over {_listed(level)} may be luck" if level else "")]
    random = next((c for c in contenders if c.name == "random"), None)
    for contender in lost:
        useless = not contender.better_than_default or (
            random is not None and contender is not random and _ends_behind(contender, random)
        )
        cost = _cost(contender, leader)
        text = f"{contender.name} is {_gap(contender)} worse and {cost}"
        said.append(f"{contender.name} is not worth it ({_gap(contender)} worse)" if useless else text)
    return "; ".join(said)


def _ends_behind(contender: Contender, random: Contender) -> bool:
    """Whether a strategy is worse than random search, which costs nothing to think of, by more than their intervals."""
    assert contender.behind is not None
    return contender.behind.low > (random.behind.high if random.behind is not None else 0.0)


def _gap(contender: Contender) -> str:
    assert contender.behind is not None
    gap = contender.behind.value
    return f"{gap:.{min(decimals(abs(gap)) - 1 or 1, 6)}f}" if gap else "0"


def _cost(contender: Contender, leader: Contender) -> str:
    ratio = contender.seconds / leader.seconds if leader.seconds > 0 else 1.0
    if 0.8 <= ratio <= 1.25:
        return "costs the same"
    return f"takes {ratio:.1f}x the time" if ratio > 1 else f"takes {1 / ratio:.1f}x less time"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
