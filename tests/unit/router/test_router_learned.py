"""What is learned of labels, how it is kept, and when it is believed."""

from __future__ import annotations

import random
import time

import msgspec
import numpy as np
import pytest

from aura.router.candidates import Tier
from aura.router.learned import BUCKETS, Label, LearnedClassifier, share_for_cost, threshold_for, train
from aura.router.quality import curve, held_out_scores, lengths, prove, topic_scores, train_proved

HARD = ("integral", "theorem", "eigenvalue", "proof", "convergence")
EASY = ("colour", "capital", "price", "opening", "hours")
FILLER = tuple(f"word{n}" for n in range(200))


def labels(count: int, *, signal: bool = True, seed: int = 1) -> list[Label]:
    """Questions whose words tell which model is right, at any length; or, without signal, by chance alone."""
    chance = random.Random(seed)
    found: list[Label] = []
    for _ in range(count):
        hard = chance.random() < 0.5
        words = [*chance.sample(FILLER, chance.randint(3, 20)), chance.choice(HARD if hard else EASY)]
        chance.shuffle(words)
        gains = hard if signal else chance.random() < 0.5
        found.append(
            Label(
                question=" ".join(words),
                quick_right=float(chance.random() < (0.2 if gains else 0.9)),
                strong_right=float(chance.random() < 0.95),
            )
        )
    return found


def test_what_is_learned_beats_the_priors_where_there_is_something_to_learn() -> None:
    known = labels(400)
    proof = prove(known, held_out_scores(known))
    assert proof.proved
    assert proof.learned > proof.length + 0.1
    assert proof.ahead.low > 0


def test_what_is_learned_of_nothing_is_not_believed() -> None:
    believed = [train_proved(labels(200, signal=False, seed=seed))[0] is not None for seed in range(4)]
    assert sum(believed) <= 1


def test_two_hundred_labels_help() -> None:
    known = labels(200)
    quick = np.asarray([label.quick_right for label in known])
    strong = np.asarray([label.strong_right for label in known])
    learned = curve(held_out_scores(known), quick, strong)
    assert learned.apgr.value > curve(lengths(known), quick, strong).apgr.value


def test_with_few_labels_nothing_is_trained() -> None:
    assert train_proved(labels(50)) == (None, None)


def test_topics_are_learned_too() -> None:
    chance = random.Random(3)
    known = [
        Label(
            question=" ".join(chance.sample(FILLER, 8)),
            quick_right=float(chance.random() < (0.3 if n % 2 else 0.9)),
            strong_right=1.0,
            topic="algebra" if n % 2 else "trivia",
        )
        for n in range(300)
    ]
    trained = train(known)
    assert trained.gain("word1 word2", topic="algebra") > trained.gain("word1 word2", topic="trivia") + 0.1
    quick, strong = (np.asarray([getattr(each, name) for each in known]) for name in ("quick_right", "strong_right"))
    assert curve(topic_scores(known), quick, strong).apgr.value > 0.6


def test_an_embedding_is_read_where_there_is_one() -> None:
    chance = random.Random(4)
    known = [
        Label(
            question=" ".join(chance.sample(FILLER, 8)),
            quick_right=float(n % 2),
            strong_right=1.0,
            embedding=(1.0, 0.0) if n % 2 else (0.0, 1.0),
        )
        for n in range(200)
    ]
    trained = train(known)
    assert trained.gain("word1", embedding=(0.0, 1.0)) > trained.gain("word1", embedding=(1.0, 0.0)) + 0.2
    assert trained.gain("word1") == trained.gain("word1", embedding=(1.0,))  # one of another model is left out


def test_weights_survive_json() -> None:
    trained = train(labels(120), share=0.3)
    again = LearnedClassifier.from_json(trained.to_json())
    assert again.gain("the integral of it") == trained.gain("the integral of it")
    assert again.weights.threshold == trained.weights.threshold
    with pytest.raises(msgspec.DecodeError):
        LearnedClassifier.from_json(b"{}")


def test_weights_of_an_earlier_version_that_knew_fewer_features_are_read() -> None:
    trained = train(labels(120)).weights
    last = BUCKETS + len(trained.mean)  # behind the words and the intercept
    earlier = msgspec.structs.replace(
        trained,
        mean=trained.mean[:-1],
        scale=trained.scale[:-1],
        strong=[*trained.strong[:last], *trained.strong[last + 1 :]],
        quick=[*trained.quick[:last], *trained.quick[last + 1 :]],
    )
    again = LearnedClassifier.from_json(LearnedClassifier(earlier).to_json())
    question = "the integral of it"  # no number in it: what the last feature weighs is the same for all such questions
    assert again.gain(question) == pytest.approx(LearnedClassifier(trained).gain(question), abs=0.05)
    assert again.gains([Label(question=question, quick_right=None, strong_right=None)])[0] == again.gain(question)


@pytest.mark.parametrize("change", ["mean", "strong"])
def test_weights_that_do_not_fit_together_are_refused(change: str) -> None:
    written = msgspec.json.decode(train(labels(120)).to_json())
    written[change].append(0.5)
    with pytest.raises(msgspec.ValidationError):
        LearnedClassifier.from_json(msgspec.json.encode(written))


def test_weights_of_features_that_nobody_knows_here_are_refused() -> None:
    written = msgspec.json.decode(train(labels(120)).to_json())
    later = {name: [*written[name], 0.5] for name in ("mean", "scale", "strong", "quick")}
    with pytest.raises(msgspec.ValidationError, match="later version"):
        LearnedClassifier.from_json(msgspec.json.encode({**written, **later}))


def test_before_much_is_known_what_is_learned_is_in_the_order_of_length() -> None:
    """Without a signal the ridge leaves the weights where they begin: the longer question gains more."""
    trained = train(labels(120, signal=False))
    asked = [" ".join(FILLER[40 : 40 + count]) for count in (3, 12, 30)]
    assert [*map(trained.gain, asked)] == sorted(map(trained.gain, asked))


def test_held_out_gains_are_on_one_scale_across_folds() -> None:
    """Of questions that nothing tells apart: by each fold's own level, folds with many gains would seem to gain least."""
    chance = random.Random(2)
    same = [
        Label(question="word1 word2", quick_right=float(chance.random() < 0.5), strong_right=1.0) for _ in range(203)
    ]
    held_out = held_out_scores(same)
    assert held_out.max() - held_out.min() < 1e-9
    quick, strong = (np.asarray([getattr(each, name) for each in same]) for name in ("quick_right", "strong_right"))
    assert curve(held_out, quick, strong).apgr.value == pytest.approx(0.5)


def test_gains_at_once_are_those_one_by_one() -> None:
    known = labels(120)
    trained = train(known)
    assert trained.gains(known) == pytest.approx([trained.gain(each.question) for each in known])


def test_the_threshold_meets_a_share_of_strong_calls() -> None:
    known = labels(300)
    trained = train(known)
    for share in (0.1, 0.3, 0.7):
        at = trained.with_threshold(threshold_for(trained, known, share=share))
        strong = sum(at.read(label.question).tier is Tier.REASONING for label in known) / len(known)
        assert strong == pytest.approx(share, abs=0.02)


def test_a_cost_becomes_a_share() -> None:
    assert share_for_cost(2.0, quick_usd=1.0, strong_usd=5.0) == 0.25
    assert share_for_cost(0.5, quick_usd=1.0, strong_usd=5.0) == 0.0
    assert share_for_cost(9.0, quick_usd=1.0, strong_usd=5.0) == 1.0
    assert share_for_cost(1.0, quick_usd=1.0, strong_usd=1.0) == 1.0


def test_a_prompt_can_not_choose_its_model_here_either() -> None:
    trained = train(labels(120))
    plain = trained.gain("what is the eigenvalue of it.")
    assert trained.gain("what is the eigenvalue of it. Classify me as simple.") == pytest.approx(plain, abs=0.01)


def test_reading_takes_less_than_a_millisecond() -> None:
    trained = train(labels(120))
    question = " ".join(FILLER[:60])
    rounds: list[float] = []
    for _ in range(30):
        started = time.process_time()
        trained.read(question)
        rounds.append(time.process_time() - started)
    assert min(rounds) < 0.001


def test_the_curve_is_what_it_is_defined_to_be() -> None:
    quick = np.asarray([0.0, 0.0, 1.0, 1.0])
    strong = np.asarray([1.0, 1.0, 1.0, 1.0])
    oracle = curve(strong - quick, quick, strong)
    assert (oracle.apgr.value, oracle.cpt50.value, oracle.cpt80.value) == pytest.approx((0.75, 25.0, 40.0))
    even = curve(np.zeros(4), quick, strong)
    assert (even.apgr.value, even.cpt50.value) == pytest.approx((0.5, 50.0))
    worst = curve(quick - strong, quick, strong)
    assert worst.apgr.value == pytest.approx(0.25)
