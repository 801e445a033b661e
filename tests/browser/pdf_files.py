"""PDFs that hold no font of their own, written by hand: what they need, the reader must have."""

from __future__ import annotations

from collections.abc import Sequence

DEPOSIT = "押金四千二百元"
"""What only a map of encodings makes readable: "the deposit is 4,200 yuan"."""


def east_asian() -> bytes:
    """A page with a line in Helvetica and a line of Chinese, whose bytes are told by the map `UniGB-UCS2-H` alone."""
    shown = DEPOSIT.encode("utf-16-be").hex()
    latin = "(The zhongbao deposit in Harbin is 4200 yuan and is paid back in May.)"
    content = f"BT /F1 16 Tf 60 700 Td {latin} Tj /F2 16 Tf 0 -30 Td <{shown}> Tj ET"
    descriptor = (
        "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0"
        " /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>"
    )
    system = "<< /Registry (Adobe) /Ordering (GB1) /Supplement 4 >>"
    return _pdf(
        (
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
            " /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
            f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
            "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts [7 0 R] >>",
            "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000"
            f" /CIDSystemInfo {system} /FontDescriptor 8 0 R >>",
            descriptor,
        )
    )


def _pdf(objects: Sequence[str]) -> bytes:
    body, places = bytearray(b"%PDF-1.5\n"), list[int]()
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n".encode("ascii")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(body)
    size = len(objects) + 1
    body += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n".encode("ascii")
    return bytes(body + f"startxref\n{start}\n%%EOF\n".encode("ascii"))
