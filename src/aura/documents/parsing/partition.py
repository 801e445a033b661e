"""The one door to `unstructured`: DOCX, PPTX, HTML and Markdown, and images through OCR. Used in the parser process.

Three things are seen to before its first import:

- Telemetry and its notice are switched off by the variables it reads for that.
- spaCy imports torch when it is installed, for models that nobody uses here: 250 MB and 3 s in a process that has to
  start quickly and stay small. torch is hidden from it during that import alone.
- `unstructured` 0.27 asks for spaCy's `en_core_web_sm` and, where it is missing, downloads it on first use, which fails
  offline and is not wanted otherwise. Expected: to tell sentences without a download. Without the model it is handed a
  blank English pipeline with a sentencizer; what is lost is the tagging of verbs, by which it tells narrative text from
  other text, a difference that is not used here. With the model installed, it is used. Upstream:
  `unstructured.nlp.tokenize._load_spacy_model`; this can go when that works offline without the model.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aura.documents.parsing.elements import Block, Category, table_rows
from aura.documents.parsing.spending import Spent, spending
from aura.errors import InvalidRequest

if TYPE_CHECKING:
    import lxml.html
    import pypdfium2
    from spacy.tokens import Doc
    from unstructured.documents.elements import Element

OCR_INSTALL = 'pip install "aura[ocr]", and the program tesseract'
_OCR_SCALE = 3
"""Pixels per point: 216 dots per inch, what tesseract reads well."""
_ENDLESS_WORD = re.compile(r"\S{100}")
_RENDERING_SECONDS = 5.0
_RENDERING_SECONDS_PER_CHARACTER = 15e-6
"""Some four times what prose took on two busy cores."""
_MODEL = "en_core_web_sm"
_CATEGORIES = {"Title": Category.TITLE, "ListItem": Category.LIST_ITEM, "CodeSnippet": Category.CODE}
_LABELLED = re.compile(r"\(?\w{1,4}[.)]\s")
_HIDDEN = (
    "//script | //style | //template | //noscript | //*[@hidden] | //*[@aria-hidden='true'] | //comment()"
    " | //*[contains(translate(@style, ' ', ''), 'display:none')]"
    " | //*[contains(translate(@style, ' ', ''), 'visibility:hidden')]"
)
_LIST = re.compile(r"(?:[-*+]|\d{1,3}[.)])\s+\S")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n(?:---|\.\.\.)\n", re.DOTALL)

_Partitioner = Callable[..., "list[Element]"]


def docx_blocks(path: Path) -> Iterator[Block]:
    """The blocks of a Word document. A paragraph in the style "Title" stands above all headings."""
    elements = _partitioner("docx")(filename=str(path), languages=[""])
    title = _document_title(path)
    below = 0
    for element in elements:
        if title is not None and element.category == "Title" and element.text.strip() == title:
            below, title = 1, None
            yield Block(category=Category.TITLE, text=element.text, page=element.metadata.page_number, depth=1)
        else:
            yield from _blocks(element, below=below, page=element.metadata.page_number)


def pptx_blocks(path: Path) -> Iterator[Block]:
    """The slides of a presentation, each under its title, or under its number where it has none."""
    slides: dict[int, list[Element]] = {}
    for element in _partitioner("pptx")(filename=str(path), languages=[""]):
        if element.category != "PageBreak":
            slides.setdefault(element.metadata.page_number or 1, []).append(element)
    for number, notes in enumerate(_slide_notes(path), start=1):
        yield Block(category=Category.PAGE, text="", page=number)
        if number in slides or notes:
            yield from _slide(slides.get(number, []), number)
        if notes:
            yield Block(category=Category.TEXT, text=f"Notes: {notes}", page=number)


def _slide(elements: Sequence[Element], number: int) -> Iterator[Block]:
    # Only the title's own shape gives depth 0; without the tagger a short line of the body is called a title as well.
    titles = [element for element in elements if element.category == "Title" and element.metadata.category_depth == 0]
    text = titles[0].text if titles else f"Slide {number}"
    yield Block(category=Category.TITLE, text=" ".join(text.split()), page=number, depth=1)
    for element in elements:
        if element in titles[:1]:
            continue
        if element.category == "Title":
            yield _list_item(element.text, number)
        else:
            yield from _blocks(element, page=number)


def _slide_notes(path: Path) -> list[str]:
    """The speaker's notes of every slide. `unstructured` puts them before the slide's title, where they can not be told
    from its text."""
    import pptx

    slides = pptx.Presentation(str(path)).slides
    frames = [slide.notes_slide.notes_text_frame if slide.has_notes_slide else None for slide in slides]
    return ["" if frame is None else frame.text.strip() for frame in frames]


def html_blocks(html: str) -> Iterator[Block]:
    """The blocks of a page as a reader sees it: without scripts, styles and hidden parts."""
    import lxml.etree
    import lxml.html

    parser = lxml.html.HTMLParser(encoding="utf-8")
    try:
        root = lxml.html.document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except (lxml.etree.ParserError, ValueError):
        return
    for hidden in root.xpath(_HIDDEN):
        if hidden.getparent() is not None:
            hidden.drop_tree()
    for numbered in root.iter("ol"):
        _number(numbered)
    visible = lxml.etree.tostring(root, encoding="unicode", method="html")
    for element in _partitioner("html")(text=visible, languages=[""]):
        yield from _blocks(element)


def _number(numbered: lxml.html.HtmlElement) -> None:
    """Write the numbers of an ordered list into its items: `unstructured` does not keep them, but readers cite them."""
    first = str(numbered.get("start", "1"))
    for number, item in enumerate(numbered.iterchildren("li"), start=int(first) if first.isdecimal() else 1):
        holder = item[0] if not (item.text or "").strip() and len(item) and item[0].tag == "p" else item
        holder.text = f"{number}. {(holder.text or '').lstrip()}"


def markdown_blocks(text: str, *, seconds: float = _RENDERING_SECONDS) -> Iterator[Block] | None:
    """The blocks of a Markdown document, rendered as `unstructured` does; front matter is kept as it is written.

    None for one that is made to take far longer than its size asks for: 30 KB of open brackets take Python-Markdown minutes,
    in which nobody else's file would be parsed. It can be read as plain text.

    Args:
        seconds: of the processor, besides what each character is given.
    """
    import markdown

    front = _FRONT_MATTER.match(text)
    body = text[front.end() :] if front else text
    try:
        with spending(seconds + len(body) * _RENDERING_SECONDS_PER_CHARACTER):
            rendered = markdown.markdown(_lists_apart(body), extensions=["tables", "fenced_code"])
    except Spent:
        return None
    return _rendered_blocks(front[1] if front else None, rendered if body.strip() else "")


def _rendered_blocks(front: str | None, rendered: str) -> Iterator[Block]:
    if front is not None:
        yield Block(category=Category.TEXT, text=front)
    if rendered:
        yield from html_blocks(rendered)


def _lists_apart(text: str) -> str:
    """Put a blank line before each list that follows a paragraph directly: Python-Markdown wants it, writers do not."""
    lines: list[str] = []
    fenced = False
    for line in text.split("\n"):
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        before = lines[-1] if lines else ""
        if not fenced and before.strip() and before[0] not in " \t>|" and _LIST.match(line) and not _LIST.match(before):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def ocr_available() -> bool:
    """Whether pages that are images can be read here."""
    return importlib.util.find_spec("unstructured_inference") is not None and shutil.which("tesseract") is not None


def ocr_blocks(page: pypdfium2.PdfPage, number: int) -> Iterator[Block]:
    """The text of a page that is an image.

    Raises:
        InvalidRequest: the extra `ocr` or tesseract is missing.
    """
    if not ocr_available():
        raise InvalidRequest(f"page {number} has no text, and reading images needs OCR: {OCR_INSTALL}", may_pass=True)
    picture = io.BytesIO()
    page.render(scale=_OCR_SCALE).to_pil().save(picture, format="PNG")
    picture.seek(0)
    for element in _partitioner("image")(file=picture, strategy="ocr_only", languages=["eng"]):
        if element.category != "PageBreak":
            yield Block(category=Category.TEXT, text=element.text, page=number)


def _blocks(element: Element, *, below: int = 0, page: int | None = None) -> Iterator[Block]:
    if element.category == "PageBreak":
        return
    if element.category == "Table":
        html = element.metadata.text_as_html
        if html is None:
            yield Block(category=Category.TEXT, text=element.text, page=page)
        else:
            yield from _table(html, page)
        return
    category = _CATEGORIES.get(element.category, Category.TEXT)
    if category is Category.TITLE:
        depth = (element.metadata.category_depth or 0) + 1 + below
        yield Block(category=category, text=" ".join(element.text.split()), page=page, depth=depth)
    elif category is Category.LIST_ITEM:
        yield _list_item(element.text, page)
    else:
        yield Block(category=category, text=element.text, page=page)


def _list_item(text: str, page: int | None) -> Block:
    text = text.strip()
    return Block(
        category=Category.LIST_ITEM, text=text if _LABELLED.match(text) else f"- {text}", page=page, separator="\n"
    )


def _table(html: str, page: int | None) -> Iterator[Block]:
    import lxml.html

    table = lxml.html.fragment_fromstring(html)
    found = cast("list[lxml.html.HtmlElement]", table.xpath(".//tr"))
    rows = [[str(cell.text_content()) for cell in row.iterchildren("th", "td")] for row in found]
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    header = True if table.xpath("(.//tr)[1]/th | .//thead") else None
    yield from table_rows(rows, page=page, header=header)


def _document_title(path: Path) -> str | None:
    import docx

    for paragraph in docx.Document(str(path)).paragraphs[:10]:
        if paragraph.text.strip():
            style = paragraph.style
            return paragraph.text.strip() if style is not None and style.name == "Title" else None
    return None


def _partitioner(name: str) -> _Partitioner:
    _prepare()
    module = importlib.import_module(f"unstructured.partition.{name}")
    return cast(_Partitioner, getattr(module, f"partition_{name}"))


@functools.cache
def _prepare() -> None:
    os.environ.update(UNSTRUCTURED_DISABLE_NOTICE="1", SCARF_NO_ANALYTICS="true", DO_NOT_TRACK="true")
    with _hidden("torch"):
        import spacy
    from unstructured.nlp import tokenize

    def blank_pipeline() -> spacy.language.Language:
        pipeline = spacy.blank("en")
        pipeline.add_pipe("sentencizer")
        return pipeline

    load = tokenize._load_spacy_model if spacy.util.is_package(_MODEL) else blank_pipeline  # pyright: ignore[reportPrivateUsage]

    def bounded_pipeline() -> spacy.language.Language:
        """Its tokens are counted, never kept: a word without end counts as several, for it takes its length squared."""
        pipeline = load()
        whole = pipeline.tokenizer

        def tokens(text: str) -> Doc:
            return whole(_ENDLESS_WORD.sub(r"\g<0> ", text))

        pipeline.tokenizer = tokens
        return pipeline

    tokenize._load_spacy_model = bounded_pipeline  # pyright: ignore[reportPrivateUsage]


@contextmanager
def _hidden(module: str) -> Generator[None]:
    """Make `import module` fail meanwhile, unless it is loaded already."""
    loaded = module in sys.modules
    if not loaded:
        sys.modules[module] = None  # pyright: ignore[reportArgumentType]
    try:
        yield
    finally:
        if not loaded:
            del sys.modules[module]
