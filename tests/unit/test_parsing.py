"""Parsing: every format becomes readable text, with its headings, list items, tables and pages."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import pytest
import samples
from fpdf import FPDF
from samples import Reading

from aura.documents.formats import Format
from aura.documents.parsing import partition
from aura.documents.parsing.elements import Category
from aura.documents.parsing.layout import Cell, Line, Style, page_blocks
from aura.documents.parsing.parse import parse
from aura.errors import InvalidRequest


def read(folder: Path, content: str | bytes, format: Format) -> Reading:
    path = folder / "file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Reading(path, format)


# PDF


@pytest.fixture(scope="module")
def handbook(tmp_path_factory) -> Reading:
    return Reading(samples.pdf(tmp_path_factory.mktemp("pdf") / "handbook.pdf"), Format.PDF)


def test_a_pdfs_larger_and_bold_lines_are_headings(handbook):
    assert handbook.headings() == [(1, "Returns handbook"), (2, "Return window")]


def test_a_pdfs_lines_become_paragraphs_without_hyphens(handbook):
    first, second, *_ = handbook.of(Category.TEXT)
    assert first.startswith("Customers may return")
    assert first.endswith("the refund is paid to the card.")
    assert "\n" not in first
    assert second == "A second paragraph is about international shipping."


def test_a_pdfs_table_is_kept_as_rows_below_their_header(handbook):
    rows = [element for element in handbook.elements if element.category is Category.TABLE]
    assert handbook.of(Category.TABLE) == [
        "Country | Fee | Delivery",
        "Germany | 4.90 EUR | 2 days",
        "France | 7.50 EUR | 4 days",
    ]
    assert [(row.row, row.header) for row in rows] == [(0, True), (1, False), (2, False)]


def test_a_pdfs_bullets_are_list_items(handbook):
    assert handbook.of(Category.LIST_ITEM) == ["• First item", "• Second item"]


def test_a_pdfs_elements_know_their_page(handbook):
    assert handbook.parsed.pages == 2
    assert [element.page for element in handbook.elements][-1] == 2
    assert {element.page for element in handbook.elements[:-1]} == {1}


def test_pages_without_text_are_counted(tmp_path):
    file = FPDF()
    file.set_font("helvetica")
    file.add_page()
    file.cell(0, 10, "Some text.")
    file.add_page()
    file.add_page()
    file.output(str(tmp_path / "a.pdf"))
    parsed = Reading(tmp_path / "a.pdf", Format.PDF).parsed
    assert (parsed.pages, parsed.pages_without_text) == (3, 2)


def test_a_pdf_without_any_text_fails_and_names_the_extra(tmp_path):
    file = FPDF()
    file.add_page()
    file.output(str(tmp_path / "a.pdf"))
    with pytest.raises(InvalidRequest, match=r'none of its 1 pages has text.*pip install "aura\[ocr\]"'):
        Reading(tmp_path / "a.pdf", Format.PDF)


@pytest.mark.skipif(partition.ocr_available(), reason="OCR is installed here")
def test_ocr_that_is_asked_for_but_missing_is_an_error(tmp_path):
    file = FPDF()
    file.add_page()
    file.output(str(tmp_path / "a.pdf"))
    with pytest.raises(InvalidRequest, match="needs OCR: pip install"):
        parse(tmp_path / "a.pdf", Format.PDF, tmp_path, ocr=True)


def test_an_encrypted_pdf_is_refused(tmp_path):
    file = FPDF()
    file.set_encryption(owner_password="owner", user_password="user")
    file.add_page()
    file.output(str(tmp_path / "a.pdf"))
    with pytest.raises(InvalidRequest, match="encrypted"):
        Reading(tmp_path / "a.pdf", Format.PDF)


@pytest.mark.parametrize("content", [b"%PDF-1.7\n" + b"\xff\x00" * 500, b"%PDF-1.7"])
def test_a_poison_pdf_is_refused(tmp_path, content):
    with pytest.raises(InvalidRequest, match="damaged"):
        read(tmp_path, content, Format.PDF)


def test_columns_are_read_one_after_the_other_and_not_as_a_table():
    lines = [
        line(f"column {column} line {n} goes on and on", 700 - 12 * n, left=50 + 250 * column, right=280 + 250 * column)
        for column in range(2)
        for n in range(2)
    ]
    (block,) = page_blocks(lines, Style(body=10), 1)
    assert block.text.startswith("column 0 line 0 goes on and on column 0 line 1")


def test_a_gap_between_lines_parts_paragraphs():
    lines = [line("One goes on", 700), line("to here", 688), line("Two", 660), line("goes on", 648)]
    assert [block.text.split()[0] for block in page_blocks(lines, Style(body=10), 1)] == ["One", "Two"]


def test_page_headers_and_footers_are_kept_once_and_do_not_part_a_sentence(tmp_path):
    file = FPDF(unit="pt")
    file.set_auto_page_break(False)
    for number in (1, 2, 3):
        file.add_page()
        file.set_font("helvetica", size=8)
        file.text(50, 30, "Acme - Service notes")
        file.text(50, 820, f"WI-{number}, page {number} of 3")
        file.set_font("helvetica", size=11)
        file.text(50, 100, f"Clause {number}.")
        file.text(50, 150, "the first half of it." if number > 1 else "A rule is stated here.")
        file.text(50, 200, "Now it goes over the page to")
    file.output(str(tmp_path / "a.pdf"))
    reading = Reading(tmp_path / "a.pdf", Format.PDF)
    assert reading.text.count("Service notes") == reading.text.count("WI-") == 1
    assert [f"Clause {number}." in reading.text for number in (1, 2, 3)] == [True, True, True]


def test_a_sentence_that_goes_over_the_pages_end_is_joined(tmp_path):
    file = FPDF()
    file.set_font("helvetica", size=11)
    for text in ("The battery is", "replaced after a year."):
        file.add_page()
        file.cell(0, 6, text)
    file.output(str(tmp_path / "a.pdf"))
    assert Reading(tmp_path / "a.pdf", Format.PDF).text == "The battery is replaced after a year."


def test_a_page_that_differs_in_its_numbers_only_is_text(tmp_path):
    file = FPDF()
    file.set_font("helvetica", size=11)
    for number in range(1, 6):
        file.add_page()
        for line in (
            f"Page {number} is about item {number}.",
            f"Its code is {number * 7}.",
            "It is sold by the dozen.",
        ):
            file.cell(0, 6, line, new_x="LMARGIN", new_y="NEXT")
    file.output(str(tmp_path / "a.pdf"))
    text = Reading(tmp_path / "a.pdf", Format.PDF).text
    assert all(f"Its code is {number * 7}." in text and f"about item {number}." in text for number in range(1, 6))


def line(text: str, bottom: float, *, left: float = 50, right: float = 540) -> Line:
    return Line(
        text=text, left=left, right=right, bottom=bottom, last_bottom=bottom, size=10, cells=(Cell(text, left, right),)
    )


# Office documents, through unstructured


def test_a_word_documents_structure_is_kept(tmp_path):
    reading = Reading(samples.docx_file(tmp_path / "a.docx"), Format.DOCX)
    assert reading.headings() == [(1, "Employee handbook"), (2, "Leave"), (3, "Sick leave")]
    assert reading.of(Category.TEXT) == ["Every employee has 28 days of leave."]
    assert reading.of(Category.LIST_ITEM) == ["- Call before nine.", "- Send a note."]
    assert reading.of(Category.TABLE) == ["Grade | Bonus", "A | 5 %", "B | 7 %"]


def test_a_presentations_slides_are_pages_with_a_heading_each(tmp_path):
    reading = Reading(samples.pptx_file(tmp_path / "a.pptx"), Format.PPTX)
    assert reading.headings() == [(1, "Results"), (1, "Slide 2")]
    assert reading.of(Category.LIST_ITEM) == ["- Revenue rose 12 %", "- Costs fell"]
    assert reading.of(Category.TEXT) == ["Notes: Thank the team."]
    assert reading.of(Category.TABLE) == ["Region | Revenue", "North | 5 M"]
    assert reading.parsed.pages == 2
    assert [element.page for element in reading.elements] == [1, 1, 1, 1, 2, 2, 2]


def test_a_workbooks_sheets_are_headings_and_its_cells_are_as_shown(tmp_path):
    reading = Reading(samples.xlsx(tmp_path / "a.xlsx"), Format.XLSX)
    assert reading.headings() == [(1, "Prices"), (1, "Stock")]
    assert reading.of(Category.TEXT) == ["Price list 2026"]
    assert reading.of(Category.TABLE) == [
        "SKU | Name | Discount",
        "007 | Widget | 5 %",
        "008",
        "009 | Gear | 10 %",
        "Widget | 5",
    ]


def test_without_spacys_model_a_page_still_tells_headings_list_items_and_paragraphs_apart(tmp_path, monkeypatch):
    reading = read(
        tmp_path,
        "<h1>Shipping</h1><p>We ship within two days.</p><p>Short</p><h2>Costs</h2><ul><li>Germany 4.90</li></ul>"
        "<ol start=3><li>Third</li><li><p>Fourth</p></li></ol><pre>a = 1</pre>",
        Format.HTML,
    )
    import spacy
    from unstructured.nlp import tokenize

    assert reading.headings() == [(1, "Shipping"), (2, "Costs")]
    assert reading.of(Category.TEXT) == ["We ship within two days.", "Short"]
    assert reading.of(Category.LIST_ITEM) == ["- Germany 4.90", "3. Third", "4. Fourth"]
    assert reading.of(Category.CODE) == ["a = 1"]
    if not spacy.util.is_package("en_core_web_sm"):
        assert tokenize._get_nlp().pipe_names == ["sentencizer"]


def test_unstructured_is_kept_from_reporting_home(tmp_path):
    read(tmp_path, "<p>text</p>", Format.HTML)
    from unstructured.utils import _telemetry_opt_out

    assert _telemetry_opt_out()


def test_spacy_is_loaded_without_torch_which_stays_importable():
    with partition._hidden("a_module_that_is_not_there"):
        assert sys.modules["a_module_that_is_not_there"] is None
    assert "a_module_that_is_not_there" not in sys.modules
    with partition._hidden("json"):
        assert sys.modules["json"] is json


def test_hidden_parts_scripts_and_styles_of_a_page_are_left_out(tmp_path):
    reading = read(
        tmp_path,
        "<style>SECRET</style><script>SECRET</script><p hidden>SECRET</p><p style='display: none'>SECRET</p>"
        "<template>SECRET</template><!-- SECRET --><p>Visible.</p>",
        Format.HTML,
    )
    assert reading.text == "Visible."


def test_a_pages_table_keeps_its_header(tmp_path):
    reading = read(
        tmp_path, "<table><tr><th>1990</th><th>2000</th></tr><tr><td>a</td><td>b</td></tr></table>", Format.HTML
    )
    assert [(reading.text[e.start : e.end], e.header) for e in reading.elements] == [
        ("1990 | 2000", True),
        ("a | b", False),
    ]


def test_markdown_is_rendered_to_what_a_reader_sees(tmp_path):
    reading = read(
        tmp_path,
        "---\nowner: ada\n---\n# Returns\n\nWithin **30 days**, see [terms](http://x.test).\n- unused\n- packed\n\n"
        "## Steps\n\n1. Pack\n2. Send\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n```\n# no heading\n```\n",
        Format.MD,
    )
    assert reading.headings() == [(1, "Returns"), (2, "Steps")]
    assert reading.of(Category.TEXT) == ["owner: ada", "Within 30 days, see terms."]
    assert reading.of(Category.LIST_ITEM) == ["- unused", "- packed", "1. Pack", "2. Send"]
    assert reading.of(Category.TABLE) == ["A | B", "1 | 2"]
    assert reading.of(Category.CODE) == ["# no heading"]


@pytest.mark.parametrize("tangle", ["[", "![", "[a](", "<a "])
def test_markdown_that_is_made_to_take_for_ever_is_given_up(tangle):
    assert partition.markdown_blocks(tangle * 10_000, seconds=0.05) is None
    assert partition.markdown_blocks("# Fine") is not None, "nothing of it is left behind"


def test_a_word_without_end_is_kept_and_is_no_single_token(tmp_path):
    word = "](`" * 1_000
    assert read(tmp_path, f"<p>{word}</p>", Format.HTML).of(Category.TEXT) == [word]
    from unstructured.nlp import tokenize

    assert max(map(len, tokenize._process_cached(word))) <= 100, "which takes its length squared"


# Mail, tables, values


def test_a_mail_keeps_its_headers_and_body_and_names_its_attachments(tmp_path):
    reading = Reading(samples.eml(tmp_path / "a.eml"), Format.EML)
    assert reading.headings() == [(1, "Rückfrage zu Rechnung 4711")]
    assert reading.of(Category.TEXT) == [
        "From: Ada <ada@acme.test>\nTo: Bob <bob@acme.test>\nDate: Mon, 02 Mar 2026 10:00:00 +0100",
        "Hello Bob,",
        "The invoice is due on 5 May.",
        "Attachments (not read): invoice.pdf",
    ]
    assert "secret" not in reading.text


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csvs_cells_are_kept_as_they_are_written(tmp_path, delimiter):
    rows = [["sku", "name", "price"], ["007", '"a ""b"" c"', "NA"], ["", "x", "9.90"]]
    reading = read(tmp_path, "\r\n".join(delimiter.join(row) for row in rows) + "\r\n\r\n", Format.CSV)
    assert reading.of(Category.TABLE) == ["sku | name | price", '007 | a "b" c | NA', "| x | 9.90"]
    assert [element.header for element in reading.elements] == [True, False, False]


def test_a_csv_with_an_endless_field_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="check its"):
        read(tmp_path, 'a,b\n"' + "x,y\n" * 400_000, Format.CSV)


def test_small_json_is_rendered_as_headings_and_values(tmp_path):
    content = (
        '{"title": "Rates", "shop": {"name": "Acme", "vat": 19.0, "open": true, "closed": null, "days": ["Mo", "Tu"]},'
        ' "items": [{"sku": "007", "size": {"x": 1}}, {"sku": "8"}]}'
    )
    reading = read(tmp_path, content, Format.JSON)
    assert reading.headings() == [(1, "shop"), (1, "items")]
    assert reading.of(Category.TEXT) == [
        "title: Rates",
        "name: Acme\nvat: 19.0\nopen: true\nclosed: null\ndays: Mo, Tu",
        "sku: 007\nsize.x: 1",
        "sku: 8",
    ]


def test_a_json_list_of_sentences_has_a_line_for_each(tmp_path):
    rules = ["Parcels are checked on arrival, every one.", "Nothing is sent on Sundays, without exception."]
    reading = read(tmp_path, json.dumps({"rules": rules}), Format.JSON)
    assert reading.of(Category.TEXT) == [f"rules:\n- {rules[0]}\n- {rules[1]}"]


def test_json_lines_are_read_record_by_record(tmp_path):
    reading = read(tmp_path, '{"q": "Why?", "a": "So."}\n\n{"q": "How?", "a": "Thus."}\n', Format.JSON)
    assert reading.of(Category.TEXT) == ["q: Why?\na: So.", "q: How?\na: Thus."]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"a": [1, 2', "not valid JSON .line 1, column 12"),
        ('{"a": 1}\n{"a": 2}\n{"a": \n', "line 3 is not valid JSON"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("{}", "no text"),
    ],
)
def test_json_that_can_not_be_read_is_refused(tmp_path, content, reason):
    with pytest.raises(InvalidRequest, match=reason):
        read(tmp_path, content, Format.JSON)


# Plain text


def test_plain_text_is_kept_and_its_structure_is_found(tmp_path):
    content = (
        "RETURN POLICY\r\n\r\nCustomers have\r\n30 days.\r\n\r\nDetails\n-------\n\n- unused\n- packed\n  well\n\n"
        "# Costs\n\nTen euros.\n\n```\nx = 1\n\n# no heading\n```\nNOT A HEADING, BUT A SENTENCE.\n"
    )
    reading = read(tmp_path, content, Format.TXT)
    assert reading.text == content.replace("\r\n", "\n")
    assert reading.headings() == [(2, "RETURN POLICY"), (2, "Details"), (1, "Costs")]
    assert reading.of(Category.LIST_ITEM) == ["- unused", "- packed\n  well"]
    assert reading.of(Category.CODE) == ["```\nx = 1\n\n# no heading\n```"]
    assert reading.of(Category.TEXT) == ["Customers have\n30 days.", "Ten euros.", "NOT A HEADING, BUT A SENTENCE."]


def test_control_characters_never_reach_the_text(tmp_path):
    reading = read(tmp_path, "Hello\x00 there, and\x07 more of it.\x0cNew page.\u2028New line.\n", Format.TXT)
    assert reading.text == "Hello there, and more of it.\nNew page.\nNew line.\n"


@pytest.mark.parametrize("content", [" \n\t\n", "\ufeff\n"])
def test_a_file_without_text_is_refused(tmp_path, content):
    with pytest.raises(InvalidRequest, match="no text"):
        read(tmp_path, content, Format.TXT)


def test_a_huge_json_line_is_streamed_in_flat_memory(tmp_path):
    path = tmp_path / "big.json"
    with path.open("w") as file:
        file.write('{"items":[')
        for number in range(200_000):
            file.write(f'{{"id":{number},"name":"a name that is long enough to matter"}},')
        file.write("0]}")
    assert path.stat().st_size > 10_000_000
    tracemalloc.start()
    try:
        parsed = parse(path, Format.JSON, tmp_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert parsed.characters == path.stat().st_size
    assert peak < 5_000_000
