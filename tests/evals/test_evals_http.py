"""A deployed server is scored through its HTTP API; here a small one that answers as AURA's does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import Result
from evals_golden_sets import HANDBOOK, QUESTIONS
from typer.testing import CliRunner

from aura_evals.cli import app

KEY = "aura_sk_test"
ANSWERS = {question: (quote, answer) for _, question, document, quote, answer in QUESTIONS if document == "handbook.md"}

RATED = [
    {
        "message_id": f"00000000-0000-4000-8000-{n:012}", "question": f"Question {n}?", "turns": [], "answer": "No.",
        "refused": False, "reason": "wrong", "comment": "", "rated_at": "2026-01-02T03:04:05Z",
    }
    for n in range(3)
]  # fmt: skip


class Server(BaseHTTPRequestHandler):
    """Knows the handbook; every third request is told to come back at once."""

    requests = 0

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["message"]
        if self._refused():
            return
        body: dict[str, Any] = {
            "response": "I can not answer that.",
            "session_id": "s",
            "refused": True,
            "citations": [],
        }
        if message in ANSWERS:
            quote, _ = ANSWERS[message]
            start = HANDBOOK.index(quote)
            citation = {"marker": 1, "document_id": "d1", "filename": "handbook.md", "page": None, "quote": quote}
            citation |= {"start": start, "end": start + len(quote)}
            body |= {"response": f"{quote.rstrip('.')} [1].", "refused": False, "citations": [citation]}
        self._send(200, body)

    def do_GET(self) -> None:
        if self._refused():
            return
        url = urlsplit(self.path)
        if url.path == "/documents/search":
            query = parse_qs(url.query)["q"][0]
            hits = [ANSWERS[query][0]] if query in ANSWERS else []
            self._send(200, {"items": [{"filename": "handbook.md", "text": hit, "score": 1.0} for hit in hits]})
        elif url.path == "/chat/feedback":
            self._send(200, {"items": RATED[: int(parse_qs(url.query)["limit"][0])], "next_cursor": None})
        else:
            self._send(200, {"text": HANDBOOK})

    def _refused(self) -> bool:
        Server.requests += 1
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self._send(401, {"title": "Unauthorized"})
        elif Server.requests % 3 == 0:
            self._send(429, {"title": "Too Many Requests"}, retry_after="0")
        else:
            return False
        return True

    def _send(self, status: int, body: dict[str, Any], retry_after: str | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # who was refused does not wait for the rest
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(suite: object, golden: Path, url: str, *options: object) -> Result:
    kept = ("--history", golden.parent / "h.sqlite", "--cache-dir", golden.parent)
    arguments = ("run", suite, "--dataset", golden, "--http", url, *kept, *options)
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_answers_of_a_server_are_scored(golden: Path, url: str) -> None:
    out = golden.parent / "out.json"
    result = run("answers", golden, url, "--key", KEY, "--json", out)
    assert result.exit_code == 0, result.output
    metrics = json.loads(out.read_text())["metrics"]
    assert metrics["citations"] == {"precision": 1.0, "recall": 1.0, "resolved": 1.0}
    assert metrics["refusals"] == {"precision": 0.5, "recall": 1.0}  # the notice of 2019 is not there
    assert metrics["answers"]["exact"] == 0.75


def test_a_servers_search_is_scored_in_both_legs_at_once(golden: Path, url: str, tmp_path: Path) -> None:
    suite = tmp_path / "mine.toml"
    suite.write_text('name = "mine"\nkind = "retrieval"\nlegs = ["hybrid"]\nmetrics = ["mrr"]\n')
    out = tmp_path / "out.json"
    assert run(suite, golden, url, "--key", KEY, "--json", out).exit_code == 0
    assert json.loads(out.read_text())["metrics"] == {"hybrid": {"mrr": 0.75}}
    refused = run("retrieval", golden, url, "--key", KEY)
    assert refused.exit_code == 2
    assert "--http measures `hybrid`, not 'bm25'" in refused.output


def test_a_server_that_refuses_the_key_gives_no_verdict(golden: Path, url: str) -> None:
    result = run("answers", golden, url, "--key", "wrong")
    assert result.exit_code == 2
    assert "answered 401" in result.output
    assert "wrong" not in result.output


def test_a_server_that_is_away_gives_no_verdict(golden: Path) -> None:
    result = run("answers", golden, "http://127.0.0.1:9", "--key", KEY)
    assert result.exit_code == 2
    assert "does not answer" in result.output


def test_what_is_rated_as_bad_on_a_server_becomes_candidates_once(tmp_path: Path, url: str) -> None:
    command = ["candidates", "--tenant", "acme", "--into", str(tmp_path), "--http", url, "--key", KEY, "--most", "2"]
    for added in (2, 0):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
        assert f"{added} new candidates, 2 wait" in result.output
    lines = (tmp_path / "candidates.jsonl").read_text().splitlines()
    assert [json.loads(line)["question"] for line in lines] == ["Question 0?", "Question 1?"]


@pytest.mark.parametrize(
    ("options", "said"), [(["--key", "other"], "401"), (["--key", KEY, "--user", "a@b.test"], "--user")]
)
def test_candidates_of_a_server_need_a_good_key_and_no_user(
    tmp_path: Path, url: str, options: list[str], said: str
) -> None:
    command = ["candidates", "--tenant", "acme", "--into", str(tmp_path), "--http", url, *options]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert said in result.output
