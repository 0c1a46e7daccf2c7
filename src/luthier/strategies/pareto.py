"""Several losses at once: which trials are not beaten, how much they dominate, and one loss in the place of many.

All losses are lower-is-better, (n, k): a row for every trial, a column for every objective. Rows with NaN are refused;
leave out what failed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from luthier.space.config import Floats

Mask = NDArray[np.bool_]


def pareto_front(losses: Floats) -> Mask:
    """Tell which rows no other row beats: none is as good everywhere and better somewhere. Equal rows are all kept.

    Parameters
    ----------
    losses
        (n, k).

    Returns
    -------
    Mask
        (n,).

    Examples
    --------
    >>> pareto_front(np.array([[1.0, 4.0], [2.0, 2.0], [3.0, 3.0]])).tolist()
    [True, True, False]
    """
    losses = _checked(losses)
    rows, which = np.unique(
        losses, axis=0, return_inverse=True
    )  # in lexicographic order: nobody is beaten by a later row
    on_front = np.zeros(len(rows), dtype=bool)
    if rows.shape[1] <= 2 and len(rows):
        second = rows[:, -1]
        best_before = np.concatenate([[np.inf], np.minimum.accumulate(second)[:-1]])
        on_front = second < best_before if rows.shape[1] == 2 else np.arange(len(rows)) == 0
    else:
        front = np.empty((0, rows.shape[1]))
        for number, row in enumerate(rows):
            if not (front <= row).all(axis=1).any():
                on_front[number] = True
                front = np.vstack([front, row])
    return on_front[which.reshape(-1)]


def hypervolume(losses: Floats, reference: Floats) -> float:
    """Volume that the rows dominate together, up to a reference point; exact.

    Two objectives are swept in O(n log n), three in O(n^2); more are summed over exclusive contributions (WFG).

    Parameters
    ----------
    losses
        (n, k). A row that does not beat the reference everywhere dominates nothing.
    reference
        (k,), the worst of interest in every objective.

    Examples
    --------
    >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]))
    3.0

    References
    ----------
    While, Bradstreet & Barone (2012), "A Fast Way of Calculating Exact Hypervolumes", IEEE Transactions on Evolutionary
    Computation 16.
    """
    losses, reference = _checked(losses), np.asarray(reference, dtype=np.float64)
    if reference.shape != (losses.shape[1],):
        raise ValueError(f"the reference must have a number per objective ({losses.shape[1]}), not {reference.shape}")
    inside = losses[(losses < reference).all(axis=1)]
    return _volume(np.unique(inside[pareto_front(inside)], axis=0), reference)


def draw_weights(k: int, rng: np.random.Generator) -> Floats:
    """Draw a direction from the positive part of the unit sphere, (k,), every direction being equally likely."""
    normal = np.abs(rng.standard_normal(k))
    weights: Floats = normal / np.linalg.norm(normal)
    return weights


def scalarised(losses: Floats, weights: Floats, reference: Floats) -> Floats:
    """One loss for many objectives: how far each row lies from the reference along one direction, negated.

        s(y) = min_i (r_i - y_i) / weight_i,   loss = -s

    max(s, 0)^k, averaged over directions drawn by `draw_weights` and maximised over the rows, is the dominated
    hypervolume up to a constant (Lemma 5 of the source): whoever keeps minimising this loss in fresh directions
    enlarges the hypervolume. The power and the cut at 0 are left out. They change no order above 0, and a model learns
    from rows beyond the reference only if those are told apart.

    Parameters
    ----------
    losses
        (n, k).
    weights
        (k,), positive.
    reference
        (k,).

    Returns
    -------
    Floats
        (n,), lower is better.

    References
    ----------
    Golovin & Zhang (2020), "Random Hypervolume Scalarizations for Provable Multi-Objective Black Box Optimization",
    ICML.
    """
    if not (weights > 0).all():
        raise ValueError(f"weights must be positive, not {weights!r}")
    loss: Floats = -np.min((reference - _checked(losses)) / weights, axis=1)
    return loss


def one_loss(losses: Floats, rng: np.random.Generator) -> Floats:
    """Turn many losses into one for a single question to a strategy: in a random direction, with units taken out.

    Every objective is scaled so that the Pareto front spans 0 to 1, and the reference lies a tenth beyond it.

    Parameters
    ----------
    losses
        (n, k), finite.
    rng
        Draws the direction.

    Returns
    -------
    Floats
        (n,), lower is better.
    """
    losses = _checked(losses)
    if losses.shape[1] == 1 or len(losses) == 0:
        return np.zeros(0) if len(losses) == 0 else losses[:, 0]
    best = losses.min(axis=0)
    span = losses[pareto_front(losses)].max(axis=0) - best
    # a front of one point has no span: what has been seen at all must do, and where that is one value, any unit will
    span = np.where(span > 0, span, losses.max(axis=0) - best)
    span = np.where(span > 0, span, 1.0)
    weights = np.maximum(draw_weights(losses.shape[1], rng), 1e-3)
    return scalarised((losses - best) / span, weights, np.full(losses.shape[1], 1.1))


def total_violation(constraints: Floats) -> Floats:
    """Add up how far each row breaks its constraints.

    Parameters
    ----------
    constraints
        (n, c); a value above 0 breaks the constraint by that much, as in Optuna.

    Returns
    -------
    Floats
        (n,), 0 for feasible rows.
    """
    violations: Floats = np.maximum(_checked(constraints), 0.0).sum(axis=1)
    return violations


def feasible_first(losses: Floats, violations: Floats) -> Floats:
    """Move infeasible trials behind the worst feasible one, those that break their constraints least coming first.

    Their own losses do not count (Deb's rules), and the largest violation lies one span of the feasible losses behind.

    Parameters
    ----------
    losses
        (n,).
    violations
        (n,), 0 for feasible trials.

    Returns
    -------
    Floats
        (n,); feasible losses are unchanged.

    Examples
    --------
    >>> feasible_first(np.array([3.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 4.0, 2.0])).tolist()
    [3.0, 1.0, 5.0, 4.0]

    References
    ----------
    Deb (2000), "An Efficient Constraint Handling Method for Genetic Algorithms", Computer Methods in Applied Mechanics
    and Engineering 186.
    """
    feasible = violations <= 0
    if feasible.all():
        return losses
    if not feasible.any():
        return np.array(violations, dtype=np.float64)
    worst, best = losses[feasible].max(), losses[feasible].min()
    span = worst - best if worst > best else 1.0
    return np.where(feasible, losses, worst + span * violations / violations.max())


def _volume(front: Floats, reference: Floats) -> float:
    """Volume of mutually undominated, different rows inside the reference, in lexicographic order."""
    n, k = front.shape
    if n == 0:
        return 0.0
    if k == 1:
        return float(reference[0] - front[0, 0])
    if n == 1:
        return float(np.prod(reference - front[0]))
    if k == 2:
        # from left to right the second loss falls, and every row adds the strip below the one before
        upper = np.concatenate([[reference[1]], front[:-1, 1]])
        return float(((reference[0] - front[:, 0]) * (upper - front[:, 1])).sum())
    if k == 3:
        return _volume_of_three(front, reference)
    # WFG: what each row dominates alone, the rows after it clipped to its own box
    total = 0.0
    for number, row in enumerate(front):
        clipped = np.unique(np.maximum(front[number + 1 :], row), axis=0)
        total += float(np.prod(reference - row)) - _volume(clipped[pareto_front(clipped)], reference)
    return total


def _volume_of_three(front: Floats, reference: Floats) -> float:
    """Slice along the last loss: between two levels the area is that of the rows below."""
    by_level = front[np.argsort(front[:, 2], kind="stable")]
    ceilings = np.concatenate([by_level[1:, 2], reference[2:]])
    area, total = np.empty((0, 2)), 0.0  # the front of the first two losses so far, by rising first loss
    for row, ceiling in zip(by_level, ceilings, strict=True):
        point = row[:2]
        if not (area <= point).all(axis=1).any():
            area = area[~(area >= point).all(axis=1)]
            area = np.insert(area, int(np.searchsorted(area[:, 0], point[0])), point, axis=0)
        total += (ceiling - row[2]) * _volume(area, reference[:2])
    return float(total)


def _checked(losses: Floats) -> Floats:
    losses = np.asarray(losses, dtype=np.float64)
    if losses.ndim != 2:
        raise ValueError(f"losses must be (trials, objectives), not {losses.shape}")
    if np.isnan(losses).any():
        raise ValueError("losses must not contain NaN: leave failed trials out")
    return losses
