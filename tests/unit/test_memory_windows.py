"""Which days a question names, in English, German, French and Spanish."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from aura.memory.windows import window_of

NOW = datetime(2025, 5, 15, 14, 30, tzinfo=UTC)  # a Thursday


@pytest.mark.parametrize(
    ("question", "start", "end"),
    [
        ("What did I tell you on 2024-03-09?", "2024-03-09", "2024-03-10"),
        ("What happened on 7 May 2024?", "2024-05-07", "2024-05-08"),
        ("What did I do on May 3rd?", "2025-05-03", "2025-05-04"),
        ("What did I do on June 3?", "2024-06-03", "2024-06-04"),
        ("Was habe ich am 3. März 2025 erzählt?", "2025-03-03", "2025-03-04"),
        ("Where was I yesterday?", "2025-05-14", "2025-05-15"),
        ("Wo war ich vorgestern?", "2025-05-13", "2025-05-14"),
        ("What did we discuss today?", "2025-05-15", "2025-05-16"),
        ("Who visited me last week?", "2025-05-05", "2025-05-12"),
        ("Was habe ich diese Woche gekauft?", "2025-05-12", "2025-05-19"),
        ("Was war letzten Monat?", "2025-04-01", "2025-05-01"),
        ("What did I buy last year?", "2024-01-01", "2025-01-01"),
        ("What did I order two days ago?", "2025-05-13", "2025-05-14"),
        ("Was habe ich vor drei Wochen gesagt?", "2025-04-21", "2025-04-29"),
        ("What did I read in the last 10 days?", "2025-05-05", "2025-05-16"),
        ("What did I say last Monday?", "2025-05-12", "2025-05-13"),
        ("Was habe ich am Donnerstag gesagt?", "2025-05-08", "2025-05-09"),
        ("What did Caroline do in July 2023?", "2023-07-01", "2023-08-01"),
        ("Where did I travel in December?", "2024-12-01", "2025-01-01"),
        ("Wohin bin ich im März gereist?", "2025-03-01", "2025-04-01"),
        ("What did I earn in 2023?", "2023-01-01", "2024-01-01"),
        ("Où étais-je hier soir ?", "2025-05-14", "2025-05-15"),
        ("Qu'ai-je acheté la semaine dernière ?", "2025-05-05", "2025-05-12"),
        ("Qu'est-ce que j'ai dit il y a deux mois ?", "2025-03-01", "2025-04-01"),
        ("Où suis-je allé en décembre ?", "2024-12-01", "2025-01-01"),
        ("¿Dónde estuve anteayer?", "2025-05-13", "2025-05-14"),
        ("¿Qué compré el mes pasado?", "2025-04-01", "2025-05-01"),
        ("¿Qué dije el 3 de junio?", "2024-06-03", "2024-06-04"),
    ],
)
def test_a_question_names_these_days(question: str, start: str, end: str) -> None:
    window = window_of(question, NOW)
    assert window is not None
    assert (window.start.date(), window.end.date()) == (date.fromisoformat(start), date.fromisoformat(end))


@pytest.mark.parametrize(
    "question",
    [
        "May I bring my dog?",
        "What is my name?",
        "Where may the march go?",
        "Who was it on February 31?",
        "Ich mag Mais",
    ],
)
def test_a_question_without_a_date_names_none(question: str) -> None:
    assert window_of(question, NOW) is None
