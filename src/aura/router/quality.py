"""How good a way of routing is: the share of the strong model's gain that it recovers, by the share of strong calls.

Questions are put in the order of a score, and the share that goes to the strong model is swept. The performance gap
recovered (PGR) is the gain over the quick model as a part of the whole gain; APGR is the area under it (0.5 by chance),
CPT(x) the share of strong calls, in per cent, that recovers x per cent.

Source: RouteLLM (Ong et al., 2024, arXiv:2406.18665).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from aura.router.learned import Label, LearnedClassifier, train

Floats = NDArray[np.float64]

FOLDS: Final = 5
SAMPLES: Final = 400
LEAST_LABELS: Final = 100
"""With fewer labels nothing is trained: what is learned of so few is worse than length on most traffic."""
LEAST_OF_KIND: Final = 30
"""Where each question was put to one kind of model alone, as many must be known of each kind."""
_DECIMALS: Final = 9
"""Predictions that differ by less are equal."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A value, and the interval in which it lies nine times of ten."""

    value: float
    low: float
    high: float


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """What a score comes to."""

    apgr: Measured
    cpt50: Measured
    cpt80: Measured


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """Whether what was learned beats the priors on questions that it was not trained on.

    `ahead` is its quality less that of the best prior, and `proved` that all of its interval lies above 0. The quality is
    the APGR; where no question was put to both kinds of models, it is how well each head tells right answers from wrong
    ones (`auc`: the area under its ROC curve, the mean of both heads).
    """

    labels: int
    learned: float
    length: float
    topic: float
    ahead: Measured
    proved: bool
    measure: Literal["apgr", "auc"] = "apgr"


def curve(scores: Floats, quick: Floats, strong: Floats, *, seed: int = 0) -> Curve:
    """What ordering by `scores` comes to, with intervals from resampled questions."""
    weights = np.vstack([np.ones(len(scores)), _samples(len(scores), seed)])
    shares, gains = _curves(scores, quick, strong, weights)
    return Curve(
        apgr=_measured(_areas(shares, gains)),
        cpt50=_measured(_shares_for(shares, gains, 0.5)),
        cpt80=_measured(_shares_for(shares, gains, 0.8)),
    )


def recovered(scores: Floats, quick: Floats, strong: Floats, shares: Sequence[float]) -> list[float]:
    """The part of the strong model's gain that each of `shares` of strong calls recovers."""
    at, gains = _curves(scores, quick, strong, np.ones((1, len(scores))))
    return [float(each) for each in np.interp(shares, at[0], gains[0])]


def paired_difference(then: Floats, now: Floats, quick: Floats, strong: Floats, *, seed: int = 0) -> Measured:
    """By how much the APGR of the scores `now` is above that of `then`; the interval holds 95 %, over the same resamples."""
    weights = np.vstack([np.ones(len(then)), _samples(len(then), seed)])
    moved = _areas(*_curves(now, quick, strong, weights)) - _areas(*_curves(then, quick, strong, weights))
    low, high = np.nanquantile(moved[1:], [0.025, 0.975])
    return Measured(value=float(moved[0]), low=float(low), high=float(high))


def prove(labels: Sequence[Label], held_out: Floats, *, seed: int = 0) -> Proof:
    """Compare `held_out` (a score for each label by a classifier that has not seen it) with the priors."""
    quick, strong = outcomes(labels)
    weights = np.vstack([np.ones(len(labels)), _samples(len(labels), seed)])

    def areas(scores: Floats) -> Floats:
        return _areas(*_curves(scores, quick, strong, weights))

    return _compared(labels, areas(held_out), areas(lengths(labels)), areas(topic_scores(labels)), "apgr")


def _compared(
    labels: Sequence[Label], learned: Floats, length: Floats, topic: Floats, measure: Literal["apgr", "auc"]
) -> Proof:
    best = length if length[0] >= topic[0] else topic
    ahead = _measured(learned - best)
    return Proof(
        labels=len(labels),
        learned=float(learned[0]),
        length=float(length[0]),
        topic=float(topic[0]),
        ahead=ahead,
        proved=len(labels) >= LEAST_LABELS and ahead.low > 0,
        measure=measure,
    )


def outcomes(labels: Sequence[Label]) -> tuple[Floats, Floats]:
    """Whether the quick and the strong model were right, of labels that know both."""
    return np.asarray([label.quick_right for label in labels]), np.asarray([label.strong_right for label in labels])


def held_out_scores(labels: Sequence[Label], *, folds: int = FOLDS, seed: int = 0) -> Floats:
    """For each label the gain that a classifier predicts which was trained without it. Cost: `folds` trainings.

    One that was trained without the questions that gain much predicts less for all: a fold's own level would put its
    questions in the wrong order among those of the others. So each prediction counts by its place among what the same
    classifier predicts for its training questions, as a threshold for a share of strong calls has it, and the gain at
    that place among all folds is given.
    """
    places = np.zeros(len(labels))
    known: list[Floats] = []
    for test, rest in _folds(labels, folds, seed):
        trained = train([labels[n] for n in rest])
        known.append(trained.gains([labels[n] for n in rest]))
        places[test] = _places(trained.gains([labels[n] for n in test]), known[-1])
    return np.quantile(np.concatenate(known), places)


def _places(values: Floats, known: Floats) -> Floats:
    """Where `values` are among the `known` ones, from 0 to 1; equal ones share the middle of their places."""
    levels, counts = np.unique(known.round(_DECIMALS), return_counts=True)
    middles = np.cumsum(counts) - (counts + 1) / 2
    return np.interp(values.round(_DECIMALS), levels, middles / max(1, len(known) - 1))


def train_proved(
    labels: Sequence[Label], *, share: float | None = None
) -> tuple[LearnedClassifier | None, Proof | None]:
    """A classifier of all `labels`, or None where it does not beat the priors; and the proof. Cost: six trainings."""
    if len(labels) < LEAST_LABELS:
        return None, None
    if all(label.quick_right is not None and label.strong_right is not None for label in labels):
        proof = prove(labels, held_out_scores(labels))
    elif tells_both(labels):
        proof = prove_heads(labels)
    else:
        return None, None
    return (train(labels, share=share) if proof.proved else None), proof


def tells_both(labels: Sequence[Label]) -> bool:
    """Whether there is enough of both kinds of models, right and wrong, to learn of."""
    for right in ([label.quick_right for label in labels], [label.strong_right for label in labels]):
        known = [each for each in right if each is not None]
        if len(known) < LEAST_OF_KIND or min(known) >= 0.5 or max(known) < 0.5:
            return False
    return True


def prove_heads(labels: Sequence[Label], *, seed: int = 0) -> Proof:
    """As `prove`, of labels that know one kind of model each. Cost: `FOLDS` trainings."""
    chances = np.zeros((len(labels), 2))
    for test, rest in _folds(labels, FOLDS, seed):
        trained = train([labels[n] for n in rest])
        found, known = (np.stack(trained.all_chances([labels[n] for n in each]), axis=1) for each in (test, rest))
        for head in range(2):
            chances[test, head] = _places(found[:, head], known[:, head])
    strong = _areas_of_head(labels, [label.strong_right for label in labels], chances[:, 0], seed)
    quick = _areas_of_head(labels, [label.quick_right for label in labels], chances[:, 1], seed)
    learned, length, topic = ((one + other) / 2 for one, other in zip(strong, quick, strict=True))
    return _compared(labels, learned, length, topic, "auc")


def _areas_of_head(
    labels: Sequence[Label], right: Sequence[float | None], chances: Floats, seed: int
) -> tuple[Floats, Floats, Floats]:
    """How well `chances`, length and topic tell where one kind of model is right: whichever way round length does."""
    known = [n for n, each in enumerate(right) if each is not None]
    asked, outcome = [labels[n] for n in known], np.asarray([right[n] for n in known], dtype=np.float64)
    weights = np.vstack([np.ones(len(known)), _samples(len(known), seed)])
    length = _roc_areas(lengths(asked), outcome, weights)
    topic = _roc_areas(_topic_means(asked, outcome), outcome, weights)
    return _roc_areas(chances[known], outcome, weights), 1.0 - length if length[0] < 0.5 else length, topic


def _roc_areas(scores: Floats, right: Floats, weights: Floats) -> Floats:
    """For each row of `weights` how often a right one has the higher score of two; equal scores count half."""
    order = np.argsort(scores, kind="stable")
    _, group = np.unique(scores[order], return_inverse=True)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    wrong = np.add.reduceat((weights * (1.0 - right))[:, order], starts, axis=1)
    rights = np.add.reduceat((weights * right)[:, order], starts, axis=1)
    pairs = rights.sum(axis=1) * wrong.sum(axis=1)
    pairs[pairs <= 0] = np.nan
    return (rights * (wrong.cumsum(axis=1) - wrong / 2)).sum(axis=1) / pairs


def lengths(labels: Sequence[Label]) -> Floats:
    """The length prior."""
    return np.asarray([float(len(label.question)) for label in labels])


def topic_scores(labels: Sequence[Label], *, folds: int = FOLDS, seed: int = 0) -> Floats:
    """The topic prior: for each label the mean gain of its topic among the other folds."""
    quick, strong = outcomes(labels)
    return _topic_means(labels, strong - quick, folds=folds, seed=seed)


def _topic_means(labels: Sequence[Label], gains: Floats, *, folds: int = FOLDS, seed: int = 0) -> Floats:
    topics = np.asarray([label.topic for label in labels])
    scores = np.zeros(len(labels))
    if len(set(topics)) < 2:  # nothing to tell apart
        return scores
    for test, rest in _folds(labels, folds, seed):
        known = {topic: float(gains[rest][topics[rest] == topic].mean()) for topic in np.unique(topics[rest])}
        scores[test] = [known.get(topic, 0.0) for topic in topics[test]]
    return scores


def _folds(labels: Sequence[Label], folds: int, seed: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Test and training questions, by chance, but in each fold as many of each outcome."""
    chance = np.random.default_rng(seed).random(len(labels))
    quick, strong = (np.asarray(right, dtype=np.float64) for right in zip(*map(_outcome, labels), strict=True))
    order = np.lexsort((chance, strong, quick))
    return [(order[n::folds], np.setdiff1d(order, order[n::folds])) for n in range(folds)]


def _outcome(label: Label) -> tuple[float, float]:
    return (
        -1.0 if label.quick_right is None else label.quick_right,
        -1.0 if label.strong_right is None else label.strong_right,
    )


def _samples(count: int, seed: int) -> Floats:
    """How often each question is in each resample."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(count, np.full(count, 1 / max(1, count)), size=SAMPLES).astype(np.float64)


def _curves(scores: Floats, quick: Floats, strong: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """For each row of `weights` the shares of strong calls, and what they recover; equal scores share their gain."""
    order = np.argsort(-scores, kind="stable")
    _, group = np.unique(-scores[order], return_inverse=True)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    gains = np.add.reduceat((weights * (strong - quick))[:, order], starts, axis=1)
    whole = gains.sum(axis=1, keepdims=True)
    whole[whole <= 0] = np.nan
    none = np.zeros((len(weights), 1))
    shares = np.hstack([none, counts.cumsum(axis=1) / counts.sum(axis=1, keepdims=True)])
    return shares, np.hstack([none, gains.cumsum(axis=1) / whole])


def _areas(shares: Floats, gains: Floats) -> Floats:
    return (np.diff(shares, axis=1) * (gains[:, 1:] + gains[:, :-1]) / 2).sum(axis=1)


def _shares_for(shares: Floats, gains: Floats, part: float) -> Floats:
    """The least share, in per cent, that recovers `part`, between two points of the curve by a straight line."""
    found = np.full(len(shares), np.nan)
    for row, (x, y) in enumerate(zip(shares, gains, strict=True)):
        reached = np.flatnonzero(y >= part - 1e-12)
        if len(reached):
            n = reached[0]
            step = (part - y[n - 1]) / (y[n] - y[n - 1])
            found[row] = 100 * (x[n - 1] + step * (x[n] - x[n - 1]))
    return found


def _measured(values: Floats) -> Measured:
    """The first of `values`, and the middle nine tenths of the others."""
    low, high = np.nanquantile(values[1:], [0.05, 0.95]) if not np.isnan(values[1:]).all() else (np.nan, np.nan)
    return Measured(value=float(values[0]), low=float(low), high=float(high))
