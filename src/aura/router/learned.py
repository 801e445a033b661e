"""What a deployment's own traffic teaches: which questions a strong model answers better than a quick one.

Two logistic heads, "the strong model is right" and "the quick model is right", over the hashed words of the question, its
length and its relations; their difference is the gain of the strong model. Where the embedding of a question is there
already, because retrieval has computed it, it is read as well. It is used only while it is better on questions that it was
not trained on than the priors, by more than chance.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from typing import Final, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from aura.router.candidates import Tier
from aura.router.classify import Reading, features_of, readable, words_of

BUCKETS: Final = 4_096
_RIDGE, _RIDGE_OF_FEATURES = 3.0, 6.75
"""How firmly words and an embedding are held to nothing, and the features of the text to what is expected of them."""
_DENSE: Final = 0.3
"""What the dense features weigh beside the words, whose length is 1."""
_EXPECTED: Final = {1: -2.5, 2: -2.5, 3: -1.5}
"""What features weigh for a quick model before a label is known: characters, words by their logarithm, relations. A long
question, and one of many steps, is likelier to be too hard for it. What is learned begins there, so that of few labels it is
much like length; some hundred outweigh it. Chosen on GSM8K, so that 200 labels are never below length (evals/README.md)."""
_FARTHEST: Final = 3.0
_NEVER: Final = 1e12
"""A scale by which a feature is nothing; JSON has no infinity."""
_STEPS: Final = 120
_VERSION: Final = 1

Floats = NDArray[np.float64]


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one question: whether each kind of model was right, None where it was not asked.

    `topic` groups questions of one origin.
    """

    question: str
    quick_right: float | None
    strong_right: float | None
    topic: str = ""
    embedding: tuple[float, ...] = ()


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """A trained classifier as it is kept: plain numbers. `threshold` is the gain from which the strong model is called.

    `mean` and `scale` are of the first features of `features_of`: an earlier version knew fewer, and is read all the same.
    """

    version: int = _VERSION
    buckets: int = BUCKETS
    embedding: int = 0
    mean: list[float]
    scale: list[float]
    strong: list[float]
    quick: list[float]
    threshold: float = 0.0
    labels: int = 0

    def __post_init__(self) -> None:
        width = self.buckets + 1 + len(self.mean) + self.embedding
        if len(self.scale) != len(self.mean) or not len(self.strong) == len(self.quick) == width:
            raise ValueError(
                f"weights of {width} numbers are needed for {len(self.mean)} features, and others are there"
            )
        if self.buckets != BUCKETS or len(self.mean) > len(features_of("")):
            raise ValueError("weights of a later version")


class LearnedClassifier:
    """Reads questions by trained weights."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._mean, self._scale = np.asarray(weights.mean), np.asarray(weights.scale)
        self._strong = np.asarray(weights.strong)
        self._quick = np.asarray(weights.quick)

    @classmethod
    def from_json(cls, content: bytes | str) -> Self:
        """The classifier of `Weights` as JSON. Raises `msgspec.DecodeError` where it is none."""
        return cls(msgspec.json.decode(content, type=Weights))

    def to_json(self) -> bytes:
        """Its weights as JSON."""
        return msgspec.json.encode(self.weights)

    def read(self, question: str, *, topic: str = "", embedding: Sequence[float] = ()) -> Reading:
        """What `question` is: the reasoning tier's where its gain reaches the threshold."""
        gain = self.gain(question, topic=topic, embedding=embedding)
        tier = Tier.REASONING if gain >= self.weights.threshold else Tier.FAST
        return Reading(
            tier=tier,
            score=gain,
            gain=gain - self.weights.threshold,
            classifier="learned",
            reasons=(f"a strong model gains {gain:+.3f}, and {self.weights.threshold:+.3f} is asked for",),
        )

    def gain(self, question: str, *, topic: str = "", embedding: Sequence[float] = ()) -> float:
        """By how much likelier a strong model is right. Cost: well under a millisecond; no array of `BUCKETS` is made."""
        strong, quick = self.chances(question, topic=topic, embedding=embedding)
        return strong - quick

    def chances(self, question: str, *, topic: str = "", embedding: Sequence[float] = ()) -> tuple[float, float]:
        """How likely a strong model is right, and a quick one."""
        counts = hashed(question, topic)
        dense = self._dense(question, embedding)
        positions = np.fromiter(counts, dtype=np.int64, count=len(counts))
        values = np.fromiter(counts.values(), dtype=np.float64, count=len(counts))
        heads = (
            float(values @ head[positions]) + float(dense @ head[BUCKETS:]) for head in (self._strong, self._quick)
        )
        strong, quick = (1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, each)))) for each in heads)
        return strong, quick

    def gains(self, labels: Sequence[Label]) -> Floats:
        """`gain` of each of `labels`, at once."""
        strong, quick = self.all_chances(labels)
        return strong - quick

    def all_chances(self, labels: Sequence[Label]) -> tuple[Floats, Floats]:
        """`chances` of each of `labels`, at once."""
        dense = np.asarray([self._dense(label.question, label.embedding) for label in labels])
        rows = _Rows([hashed(label.question, label.topic) for label in labels], dense)
        return _chances(rows.times(self._strong)), _chances(rows.times(self._quick))

    def with_threshold(self, threshold: float) -> Self:
        """The same, that calls the strong model from another gain on."""
        return type(self)(msgspec.structs.replace(self.weights, threshold=threshold))

    def _dense(self, question: str, embedding: Sequence[float]) -> Floats:
        vector = np.zeros(self.weights.embedding)
        if len(embedding) == self.weights.embedding:
            vector[:] = embedding
        known = features_of(question)[: len(self._mean)]  # weights of an earlier version know fewer
        features = _scaled(np.asarray(known), self._mean, self._scale)
        return np.concatenate([[1.0], features, vector])


def _scaled(features: Floats, mean: Floats, scale: Floats) -> Floats:
    """In standard deviations of the labels, and bounded: what is far from all of them is not known the better for it."""
    return np.clip((features - mean) / scale, -_FARTHEST, _FARTHEST) * _DENSE


def train(labels: Sequence[Label], *, share: float | None = None) -> LearnedClassifier:
    """A classifier of `labels`.

    Args:
        share: how many of such questions are to be given to the strong model; None: those that gain by it.

    Cost: about a second for 1,000 labels, of one core.
    """
    embedding = len(labels[0].embedding) if labels and all(label.embedding for label in labels) else 0
    raw = np.asarray([features_of(label.question) for label in labels])
    spread = raw.std(axis=0)
    scale = np.where(spread > 1e-9, spread, _NEVER)  # what is the same of all of them tells nothing
    vectors = np.asarray([label.embedding[:embedding] for label in labels]).reshape(len(labels), embedding)
    dense = np.hstack([np.ones((len(labels), 1)), _scaled(raw, raw.mean(axis=0), scale), vectors])
    rows = _Rows([hashed(label.question, label.topic) for label in labels], dense)
    ridge = np.full(rows.width, _RIDGE)
    ridge[BUCKETS] = 0.0  # the intercept
    ridge[BUCKETS + 1 : BUCKETS + 1 + raw.shape[1]] = _RIDGE_OF_FEATURES
    strong = _fit(rows, [label.strong_right for label in labels], ridge, np.zeros(rows.width))
    quick = _fit(rows, [label.quick_right for label in labels], ridge, _expected(rows.width))
    weights = Weights(
        embedding=embedding,
        mean=[float(value) for value in raw.mean(axis=0)],
        scale=[float(value) for value in scale],
        strong=[round(float(value), 5) for value in strong],
        quick=[round(float(value), 5) for value in quick],
        labels=len(labels),
    )
    trained = LearnedClassifier(weights)
    if share is None:
        return trained
    return trained.with_threshold(threshold_for(trained, labels, share=share))


def threshold_for(classifier: LearnedClassifier, labels: Sequence[Label], *, share: float) -> float:
    """The gain from which `share` of the questions of `labels` go to the strong model."""
    return float(np.quantile(classifier.gains(labels), 1.0 - min(1.0, max(0.0, share))))


def share_for_cost(mean_usd: float, *, quick_usd: float, strong_usd: float) -> float:
    """The share of strong calls with which a call costs `mean_usd` on average."""
    if strong_usd <= quick_usd:
        return 1.0
    return min(1.0, max(0.0, (mean_usd - quick_usd) / (strong_usd - quick_usd)))


def hashed(question: str, topic: str = "") -> Mapping[int, float]:
    """The words of `question`, by bucket: the length of the whole is 1. The topic is one more, of weight 1."""
    words = words_of(readable(question))[:400]
    counts: dict[int, float] = {}
    for word in words:
        bucket = zlib.crc32(word.encode()) % BUCKETS
        counts[bucket] = counts.get(bucket, 0.0) + 1.0
    for bucket, count in counts.items():
        counts[bucket] = 1.0 + math.log(count)
    norm = math.sqrt(sum(value * value for value in counts.values())) or 1.0
    found = {bucket: value / norm for bucket, value in counts.items()}
    if topic:
        bucket = zlib.crc32(f"topic\0{topic}".encode()) % BUCKETS
        found[bucket] = found.get(bucket, 0.0) + 1.0
    return found


class _Rows:
    """Questions as the rows of a matrix: hashed words, of which there are few in each, and some dense columns."""

    def __init__(self, counts: Sequence[Mapping[int, float]], dense: Floats) -> None:
        self.dense = dense
        self._columns = np.asarray([bucket for each in counts for bucket in each], dtype=np.int64)
        self._values = np.asarray([value for each in counts for value in each.values()])
        self._rows = np.repeat(np.arange(len(counts)), [len(each) for each in counts])

    @property
    def width(self) -> int:
        return BUCKETS + self.dense.shape[1]

    def __len__(self) -> int:
        return len(self.dense)

    def times(self, weights: Floats) -> Floats:
        """The matrix times `weights`."""
        sums = np.asarray(
            np.bincount(self._rows, self._values * weights[self._columns], minlength=len(self)), dtype=np.float64
        )
        return sums + self.dense @ weights[BUCKETS:]

    def back(self, errors: Floats) -> Floats:
        """The transposed matrix times `errors`."""
        sums = np.asarray(
            np.bincount(self._columns, self._values * errors[self._rows], minlength=BUCKETS), dtype=np.float64
        )
        return np.concatenate([sums, self.dense.T @ errors])


def _chances(logits: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-np.clip(logits, -30.0, 30.0)))


def _expected(width: int) -> Floats:
    """The weights of a quick model's head before anything is known."""
    weights = np.zeros(width)
    for feature, weight in _EXPECTED.items():
        weights[BUCKETS + 1 + feature] = weight
    return weights


def _fit(rows: _Rows, outcomes: Sequence[float | None], strength: Floats, expected: Floats) -> Floats:
    """Weights of a logistic regression with a ridge of `strength` around those `expected`.

    By accelerated gradient steps (Nesterov 1983). Rows whose outcome is not known weigh nothing.
    """
    right = np.asarray([0.0 if outcome is None else outcome for outcome in outcomes])
    known = np.asarray([float(outcome is not None) for outcome in outcomes])
    count = max(1.0, float(known.sum()))
    ridge = strength / count
    longest_step = 1.0 / (0.25 * _largest_eigenvalue(rows, known) + float(ridge.max()))
    weights, ahead, momentum = expected, expected, 1.0
    for _ in range(_STEPS):
        errors = (_chances(rows.times(ahead)) - right) * known
        following = ahead - longest_step * (rows.back(errors) / count + ridge * (ahead - expected))
        further = (1.0 + math.sqrt(1.0 + 4.0 * momentum * momentum)) / 2.0
        ahead = following + (momentum - 1.0) / further * (following - weights)
        weights, momentum = following, further
    return weights


def _largest_eigenvalue(rows: _Rows, known: Floats) -> float:
    """Of the mean outer product of the known rows, by power iteration, and a little more: it bounds the steps."""
    count = max(1.0, float(known.sum()))
    vector = np.full(rows.width, 1.0 / math.sqrt(rows.width))
    value = 1.0
    for _ in range(15):
        vector = rows.back(rows.times(vector) * known) / count
        value = float(np.linalg.norm(vector))
        vector = vector / max(value, 1e-12)
    return value * 1.05
