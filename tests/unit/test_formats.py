"""What a file is told to be, and what is refused before it is parsed."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import pytest
import samples

from aura.documents.formats import Format, safe_filename, sniff
from aura.documents.parsing.encoding import text_encoding
from aura.errors import InvalidRequest

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


def written(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("filename", "make", "format"),
    [
        ("a.pdf", samples.pdf, Format.PDF),
        ("a.docx", samples.docx_file, Format.DOCX),
        ("a.xlsx", samples.xlsx, Format.XLSX),
        ("a.pptx", samples.pptx_file, Format.PPTX),
        ("a.eml", samples.eml, Format.EML),
    ],
)
def test_every_made_file_is_known_with_and_without_its_extension(tmp_path, filename, make, format):
    path = make(tmp_path / filename)
    assert sniff(path, filename) is format
    if format is not Format.EML:
        assert sniff(path, "upload") is format


@pytest.mark.parametrize(
    ("filename", "content", "format"),
    [
        ("a.txt", b"plain", Format.TXT),
        ("README", b"plain", Format.TXT),
        ("a.log", b"plain", Format.TXT),
        ("a.MD", b"# title", Format.MD),
        ("a.jsonl", b"{}", Format.JSON),
        ("a.tsv", b"a\tb", Format.CSV),
        ("a.htm", b"<p>x", Format.HTML),
        ("page.txt", b"<!DOCTYPE html><p>x", Format.HTML),
        ("about-pdf.txt", b"A PDF begins with %PDF-1.7.", Format.TXT),
        ("mz.txt", b"MZ is a bank account prefix", Format.TXT),
    ],
)
def test_text_is_told_by_its_name(tmp_path, filename, content, format):
    assert sniff(written(tmp_path, content), filename) is format


@pytest.mark.parametrize(
    ("filename", "content", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b"%PDF-1.7 ...", "named .txt, but it is a PDF"),
        ("a.pdf", b"only text", "named .pdf, but it is text"),
        ("a.docx", PNG, "PNG image"),
        ("a.png", PNG, "PNG image"),
        ("a.png", b"only text", "named .png, but it is text"),
        ("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "before 2007"),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512) + "EncryptedPackage".encode("utf-16-le"),
            "encrypted",
        ),
        ("a.docx", b"PK\x03\x04 damaged", "damaged archive"),
        ("a.eml", b"no headers here", "no mail headers"),
        ("a.txt", random.Random(0).randbytes(5000), "neither valid UTF-8"),
        ("a.txt", b"\xff\xfe" + random.Random(1).randbytes(5000), "neither valid UTF-8"),
        ("a.xyz", bytes(range(256)) * 4, "neither valid UTF-8"),
    ],
)
def test_a_file_that_can_not_be_parsed_is_refused_with_its_reason(tmp_path, filename, content, reason):
    with pytest.raises(InvalidRequest, match=reason):
        sniff(written(tmp_path, content), filename)


def test_a_file_over_the_limit_is_refused_with_both_sizes(tmp_path):
    with pytest.raises(InvalidRequest, match="11 bytes, more than the limit of 10"):
        sniff(written(tmp_path, b"hello world"), "a.txt", max_bytes=10)


def test_a_zip_bomb_is_refused_unopened(tmp_path):
    path = tmp_path / "bomb.docx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        with archive.open("word/document.xml", "w", force_zip64=True) as member:
            for _ in range(64):
                member.write(bytes(1024 * 1024))
    with pytest.raises(InvalidRequest, match="zip bomb"):
        sniff(path, "bomb.docx")


def test_an_archive_of_absurdly_many_members_is_refused(tmp_path):
    path = tmp_path / "many.docx"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_001):
            archive.writestr(f"{number}", "")
    with pytest.raises(InvalidRequest, match="20001 parts"):
        sniff(path, "many.docx")


def test_a_plain_zip_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "x")
    with pytest.raises(InvalidRequest, match="unpack it"):
        sniff(path, "a.zip")


def test_a_refusal_never_shows_the_content(tmp_path):
    with pytest.raises(InvalidRequest) as refused:
        sniff(written(tmp_path, b"CANARY-4711 \xc3\xa4 \xff"), "a.txt")
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("plain", "ascii"),
        ("Größe 😀", "utf-8"),
        ("Größe", "utf-8-sig"),
        ("Größe", "utf-16"),
        ("plain text without a mark", "utf-16-le"),
        ("plain text without a mark", "utf-16-be"),
        ("Die Rückgabefrist beträgt 30 Tage, sagte der Händler in Köln.", "cp1252"),
        ("It costs £5 or €6 – “really”.", "cp1252"),
        ("Café", "cp1252"),
        ("Klienci mogą zwrócić towar w ciągu trzydziestu dni od dostawy. Pieniądze zostaną zwrócone.", "cp1250"),
        ("Клиенты могут вернуть товар в течение тридцати дней после доставки.", "cp1251"),
        ("お客様は商品到着後三十日以内に返品することができます。返金は五営業日以内に行われます。", "shift_jis"),
    ],
)
def test_text_in_a_known_encoding_is_read_correctly(tmp_path, text, encoding):
    path = written(tmp_path, text.encode(encoding))
    assert path.read_text(encoding=text_encoding(path)) == text


@pytest.mark.parametrize(
    "content",
    [
        "Größe ü ö ä".encode() + b"\xff",
        "Müşteriler ürünü teslimattan sonra iade edebilir ve para hesaba yatırılır.".encode("cp1254"),
        "Привет мир".encode("cp1251"),
        "日本語".encode("shift_jis"),
    ],
)
def test_text_that_would_only_be_guessed_is_refused_rather_than_garbled(tmp_path, content):
    with pytest.raises(InvalidRequest, match="UTF-8"):
        text_encoding(written(tmp_path, content))


def test_a_web_page_is_read_as_it_declares_itself(tmp_path):
    for declared, encoding in (("Shift_JIS", "shift_jis"), ("ISO-8859-1", "cp1252")):
        text = (
            f'<html><head><meta charset="{declared}"></head><p>{"日本" if declared == "Shift_JIS" else "5 € – ö"}</p>'
        )
        path = written(tmp_path, text.encode(encoding))
        assert path.read_text(encoding=text_encoding(path)) == text


def test_a_wrong_byte_late_in_a_long_file_is_found(tmp_path):
    path = written(tmp_path, "grün ".encode() * 300_000 + b"\xff")
    with pytest.raises(InvalidRequest, match="near byte 1800000"):
        text_encoding(path)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\q1 report.docx", "q1 report.docx"),
        ("..", "document"),
        ("", "document"),
        ("a/", "document"),
        ("\x00\x1b[31mred\u202e.txt", "[31mred.txt"),
        ("Übersicht (final).xlsx", "Übersicht (final).xlsx"),
        ("a" * 300 + ".pdf", "a" * 196 + ".pdf"),
        (".hidden", "hidden"),
    ],
)
def test_a_file_name_keeps_only_what_can_be_shown(name, safe):
    assert safe_filename(name) == safe
