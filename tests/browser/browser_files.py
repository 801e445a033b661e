"""A small file of each format that is taken in. What it says holds its own name, so that a search tells them apart."""

from __future__ import annotations

import json
from email.message import EmailMessage
from io import BytesIO

import docx
import openpyxl
import pptx
from fpdf import FPDF


def sentence(kind: str) -> str:
    """What the file of this kind says."""
    return f"The {kind} rule says that a returned lantern is repaired within nineteen days."


def every_format() -> dict[str, bytes]:
    """One file of each format, by its name."""
    makers = {
        "pdf": lambda: printed(sentence("pdf"), "The second page is about postage."),
        "docx": _docx,
        "pptx": _pptx,
        "xlsx": _xlsx,
        "eml": _eml,
        "md": lambda: f"# Lanterns\n\n{sentence('md')}\n".encode(),
        "txt": lambda: f"{sentence('txt')}\n".encode(),
        "html": lambda: f"<html><body><h1>Lanterns</h1><p>{sentence('html')}</p></body></html>".encode(),
        "csv": lambda: f"Topic,Rule\nLanterns,{sentence('csv')}\n".encode(),
        "json": lambda: json.dumps({"topic": "Lanterns", "rule": sentence("json")}).encode(),
    }
    return {f"lantern.{kind}": made() for kind, made in makers.items()}


def printed(*pages: str) -> bytes:
    """A PDF of these pages."""
    file = FPDF()
    file.set_font("helvetica", size=12)
    for text in pages:
        file.add_page()
        file.multi_cell(0, 8, text)
    return bytes(file.output())


def _docx() -> bytes:
    file, out = docx.Document(), BytesIO()
    file.add_heading("Lanterns", 1)
    file.add_paragraph(sentence("docx"))
    file.save(out)
    return out.getvalue()


def _pptx() -> bytes:
    deck, out = pptx.Presentation(), BytesIO()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Lanterns"
    slide.placeholders[1].text = sentence("pptx")
    deck.save(out)
    return out.getvalue()


def _xlsx() -> bytes:
    book, out = openpyxl.Workbook(), BytesIO()
    assert book.active is not None
    book.active.append(["Topic", "Rule"])
    book.active.append(["Lanterns", sentence("xlsx")])
    book.save(out)
    return out.getvalue()


def _eml() -> bytes:
    message = EmailMessage()
    message["Subject"] = "Lanterns"
    message["From"], message["To"] = "Ada <ada@acme.test>", "Bob <bob@acme.test>"
    message.set_content(sentence("eml"))
    return bytes(message)
