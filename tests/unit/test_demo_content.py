"""The demo organisations' files: what is in them, that their facts do not mix, and that they can be built again."""

from __future__ import annotations

import csv
import email
import email.policy
import functools
import importlib.util
import json
import re
import zipfile
from pathlib import Path
from types import ModuleType

import docx
import pypdfium2
import pytest

from aura.demo import DemoOrganisation, organisations

ORGANISATIONS = organisations()
DOCUMENTS = [path for organisation in ORGANISATIONS for path in sorted(organisation.folder.iterdir())]
FACTS = [
    pytest.param(organisation, question.expects, question.document, id=f"{organisation.subdomain}-{question.document}")
    for organisation in ORGANISATIONS
    for question in organisation.questions
    if question.expects and question.document
]
each_organisation = pytest.mark.parametrize("organisation", ORGANISATIONS, ids=lambda found: found.subdomain)
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")


def pages_of(path: Path) -> list[str]:
    with pypdfium2.PdfDocument(path) as pdf:
        return [page.get_textpage().get_text_bounded() for page in pdf]


@functools.cache
def text_of(path: Path) -> str:
    if path.suffix == ".pdf":
        return "\n".join(pages_of(path))
    if path.suffix == ".docx":
        document = docx.Document(str(path))
        cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
        return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])
    return path.read_text(encoding="utf-8")


def text_of_all(organisation: DemoOrganisation) -> str:
    return "\n".join(text_of(path) for path in organisation.folder.iterdir())


def answers(organisation: DemoOrganisation) -> dict[str, str | None]:
    return {question.question: question.expects for question in organisation.questions}


@pytest.fixture(scope="module")
def build_demo() -> ModuleType:
    path = Path(__file__).parents[2] / "tools" / "build_demo.py"
    spec = importlib.util.spec_from_file_location("build_demo", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_two_organisations_with_names_of_their_own() -> None:
    first, second = ORGANISATIONS
    assert first.organization_name != second.organization_name
    assert first.subdomain != second.subdomain
    assert first.folder != second.folder


@each_organisation
def test_an_organisation_has_at_least_thirteen_documents(organisation: DemoOrganisation) -> None:
    assert len(list(organisation.folder.iterdir())) >= 13


@each_organisation
def test_an_organisation_has_every_format(organisation: DemoOrganisation) -> None:
    suffixes = {path.suffix for path in organisation.folder.iterdir()}
    assert suffixes == {".pdf", ".docx", ".md", ".txt", ".json", ".html", ".csv", ".eml"}


@each_organisation
@pytest.mark.parametrize("words", [("der", "und", "wird"), ("les", "est", "une")], ids=["german", "french"])
def test_an_organisation_has_a_document_in_german_and_in_french(
    organisation: DemoOrganisation, words: tuple[str, ...]
) -> None:
    texts = [text_of(path) for path in organisation.folder.iterdir()]
    assert sum(all(len(re.findall(rf"\b{word}\b", text)) >= 3 for word in words) for text in texts) == 1


@each_organisation
def test_an_organisation_has_a_handbook_of_four_numbered_pages_with_a_table(organisation: DemoOrganisation) -> None:
    (handbook,) = organisation.folder.glob("*handbook.pdf")
    pages = pages_of(handbook)
    assert len(pages) >= 4
    assert all(f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, start=1))
    assert re.search(r"^Name .* Extension\s*$", pages[0] + pages[1], re.MULTILINE)


@each_document
def test_a_document_says_something(path: Path) -> None:
    at_least = {".csv": 80}.get(path.suffix, 300)
    assert len(text_of(path).split()) >= at_least


@each_document
def test_a_document_names_only_addresses_that_can_not_exist(path: Path) -> None:
    domains = re.findall(r"[\w.-]+@([\w.-]+\w)", text_of(path))
    assert all(domain.endswith(".example") for domain in domains)


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.suffix == ".json"], ids=lambda path: path.name)
def test_a_json_file_is_an_object_with_a_title(path: Path) -> None:
    assert json.loads(path.read_text(encoding="utf-8"))["title"]


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.suffix == ".csv"], ids=lambda path: path.name)
def test_a_csv_file_is_rectangular(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert rows
    assert all(len(row) == len(header) for row in rows)


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.suffix == ".eml"], ids=lambda path: path.name)
def test_a_mail_has_a_sender_a_subject_and_a_body(path: Path) -> None:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert not message.defects
    assert message["From"]
    assert message["Subject"]
    assert len(message.get_content().split()) >= 300


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.suffix == ".docx"], ids=lambda path: path.name)
def test_a_word_document_has_headings_a_list_and_a_table(path: Path) -> None:
    document = docx.Document(str(path))
    styles = {paragraph.style.name for paragraph in document.paragraphs if paragraph.style}
    assert {"Title", "Heading 1", "Heading 2"} <= styles
    assert styles & {"List Bullet", "List Number"}
    assert document.tables


@each_organisation
def test_an_organisation_has_six_to_ten_questions_and_one_of_them_has_no_answer(organisation: DemoOrganisation) -> None:
    assert 6 <= len(organisation.questions) <= 10
    assert None in answers(organisation).values()


@each_organisation
def test_a_question_names_a_document_exactly_when_it_has_an_answer(organisation: DemoOrganisation) -> None:
    assert all((question.expects is None) == (question.document is None) for question in organisation.questions)


@pytest.mark.parametrize(("organisation", "fact", "document"), FACTS)
def test_an_expected_fact_stands_in_its_document(organisation: DemoOrganisation, fact: str, document: str) -> None:
    assert fact in text_of(organisation.folder / document)


def test_at_least_four_questions_are_shared_and_answered_differently() -> None:
    first, second = (answers(organisation) for organisation in ORGANISATIONS)
    shared = [question for question in first if first[question] and second.get(question)]
    assert len(shared) >= 4
    assert all(first[question] != second[question] for question in shared)


@pytest.mark.parametrize(("organisation", "fact", "document"), FACTS)
def test_no_file_of_the_other_organisation_holds_the_fact(
    organisation: DemoOrganisation, fact: str, document: str
) -> None:
    (other,) = (found for found in ORGANISATIONS if found != organisation)
    # "9 months" is not in "19 months"
    assert not re.search(rf"(?<!\w){re.escape(fact)}(?!\w)", text_of_all(other))


@each_organisation
def test_what_an_organisation_can_not_answer_is_known_to_the_other_alone(organisation: DemoOrganisation) -> None:
    (other,) = (found for found in ORGANISATIONS if found != organisation)
    unanswered = [question for question, fact in answers(organisation).items() if fact is None]
    assert all(answers(other)[question] for question in unanswered)


def test_all_files_together_stay_small() -> None:
    assert sum(path.stat().st_size for path in DOCUMENTS) < 3_000_000


@pytest.fixture(scope="module")
def built(build_demo: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return build_demo.build(tmp_path_factory.mktemp("built"))


def test_building_twice_gives_the_same_bytes(build_demo: ModuleType, built: tuple[Path, ...], tmp_path: Path) -> None:
    assert [path.read_bytes() for path in build_demo.build(tmp_path)] == [path.read_bytes() for path in built]


def test_every_pdf_and_word_document_that_is_shipped_has_a_source(built: tuple[Path, ...]) -> None:
    assert {path.name for path in built} == {path.name for path in DOCUMENTS if path.suffix in (".pdf", ".docx")}


def test_the_shipped_files_are_what_their_sources_say(build_demo: ModuleType, built: tuple[Path, ...]) -> None:
    for path in built:
        shipped = build_demo.TARGET / path.parent.name / path.name
        assert contents_of(shipped) == contents_of(path), f"{path.name}: run `python tools/build_demo.py`"


def contents_of(path: Path) -> object:
    """All that a file says, its dates too, but not its bytes: another zlib compresses the same content otherwise."""
    if path.suffix == ".pdf":
        with pypdfium2.PdfDocument(path) as pdf:
            return pdf.get_metadata_dict(), pages_of(path)
    with zipfile.ZipFile(path) as archive:
        return [(entry.filename, entry.date_time, archive.read(entry)) for entry in archive.infolist()]
