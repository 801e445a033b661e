"""Loading: parsing in a process that can be killed, and every failure alone and with a reason."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import bad_parsers
import pytest

from aura.documents.formats import Format
from aura.documents.load import Loader
from aura.documents.parsing.elements import TEXT_FILE
from aura.errors import InvalidRequest, Unavailable


@pytest.fixture
def source(tmp_path) -> Path:
    path = tmp_path / "source"
    path.write_text("Customers have 30 days.\n")
    return path


@pytest.fixture
def out_dir(tmp_path) -> Path:
    path = tmp_path / "out"
    path.mkdir()
    return path


async def test_a_file_is_parsed_in_another_process_and_its_text_is_written(source, out_dir):
    async with Loader() as loader:
        loaded = await loader.load(source, "../faq.txt", out_dir)
    assert (loaded.format, loaded.media_type, loaded.pages) == (Format.TXT, "text/plain", None)
    assert (out_dir / TEXT_FILE).read_text() == source.read_text()
    assert loaded.characters == len(source.read_text())


async def test_a_refused_file_says_why_and_the_rest_of_the_batch_goes_on(tmp_path, source, out_dir):
    empty = tmp_path / "empty"
    empty.touch()
    async with Loader() as loader:
        with pytest.raises(InvalidRequest, match="empty") as refused:
            await loader.load(empty, "a.txt", out_dir)
        assert refused.value.field == "file"
        with pytest.raises(InvalidRequest, match="not there any more"):
            await loader.load(tmp_path / "gone", "a.txt", out_dir)
        await loader.load(source, "a.txt", out_dir)


async def test_a_file_over_the_limit_is_refused(source, out_dir):
    async with Loader(max_bytes=3) as loader:
        with pytest.raises(InvalidRequest, match="24 bytes, more than the limit of 3"):
            await loader.load(source, "a.txt", out_dir)


async def test_a_parser_that_hangs_is_killed_at_its_deadline_and_the_pool_serves_on(source, out_dir):
    async with Loader(parse=bad_parsers.hang, timeout_seconds=0.3) as loader:
        started = time.monotonic()
        with pytest.raises(InvalidRequest, match=r"longer than 0\.3 s"):
            await loader.load(source, "hang.txt", out_dir)
        assert time.monotonic() - started < 10
        assert await gone(int((out_dir / "pid").read_text()))
        await loader.load(source, "good.txt", out_dir)


async def test_cancelling_a_load_kills_its_parser(source, out_dir):
    async with Loader(parse=bad_parsers.hang) as loader:
        load = asyncio.create_task(loader.load(source, "hang.txt", out_dir))
        pid = await running(out_dir)
        load.cancel()
        with pytest.raises(asyncio.CancelledError):
            await load
        assert await gone(pid)
        await loader.load(source, "good.txt", out_dir)


async def test_closing_is_quick_and_tells_who_still_waits(source, out_dir):
    loader = Loader(parse=bad_parsers.hang)
    load = asyncio.create_task(loader.load(source, "hang.txt", out_dir))
    pid = await running(out_dir)
    started = time.monotonic()
    await loader.close()
    assert time.monotonic() - started < 3
    with pytest.raises(Unavailable, match="shutting down"):
        await load
    assert await gone(pid)
    with pytest.raises(Unavailable, match="shut down"):
        await loader.load(source, "good.txt", out_dir)


async def test_a_parser_that_crashes_fails_its_own_file_alone(source, out_dir):
    async with Loader(parse=bad_parsers.crash) as loader:
        with pytest.raises(InvalidRequest, match="exit code -11"):
            await loader.load(source, "crash.txt", out_dir)
        await loader.load(source, "good.txt", out_dir)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process limit its memory")
async def test_a_parser_that_takes_too_much_memory_fails_its_own_file_alone(source, out_dir):
    async with Loader(parse=bad_parsers.devour, memory_bytes=600 * 1024**2) as loader:
        with pytest.raises(InvalidRequest, match="more memory than is allowed"):
            await loader.load(source, "devour.txt", out_dir)
        await loader.load(source, "good.txt", out_dir)


async def test_a_parser_process_that_dies_between_two_files_is_replaced(source, out_dir):
    async with Loader(parse=bad_parsers.tell_modules) as loader:
        await loader.load(source, "first.txt", out_dir)
        os.kill(int((out_dir / "pid").read_text()), signal.SIGKILL)
        await asyncio.sleep(0.3)
        await loader.load(source, "second.txt", out_dir)


async def test_an_unexpected_error_becomes_a_reason_without_the_files_text(source, out_dir):
    async with Loader(parse=bad_parsers.fail) as loader:
        with pytest.raises(InvalidRequest, match="could not be parsed") as failed:
            await loader.load(source, "a.txt", out_dir)
    assert "30 days" not in str(failed.value)


async def test_several_files_are_parsed_at_once(tmp_path, source):
    folders = [tmp_path / str(number) for number in range(6)]
    for folder in folders:
        folder.mkdir()
    async with Loader(processes=2) as loader:
        loaded = await asyncio.gather(*(loader.load(source, "a.txt", folder) for folder in folders))
    assert len(loaded) == 6


async def test_the_parser_process_stays_light(tmp_path, out_dir):
    page = tmp_path / "page"
    page.write_text("<h1>Fees</h1><p>Ten euros.</p>")
    async with Loader(parse=bad_parsers.tell_modules) as loader:
        await loader.load(page, "page.html", out_dir)
    modules = set((out_dir / "modules").read_text().splitlines())
    assert "unstructured.partition.html" in modules
    assert not modules & {"torch", "transformers", "sentence_transformers", "llama_index.core", "sqlalchemy", "psycopg"}


def test_a_script_without_a_main_guard_is_not_run_again_in_the_parser_process(tmp_path, source, out_dir):
    script = tmp_path / "script.py"
    script.write_text(
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from aura.documents.load import Loader\n"
        "print('runs')\n"
        "async def main():\n"
        "    async with Loader() as loader:\n"
        f"        print((await loader.load(Path({str(source)!r}), 'a.txt', Path({str(out_dir)!r}))).characters)\n"
        "asyncio.run(main())\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, env=environment)
    assert run.stdout.split() == ["runs", "24"], run.stderr


async def running(out_dir: Path) -> int:
    """The process id of the parser, once it has begun."""
    for _ in range(1000):
        if (out_dir / "pid").is_file() and (text := (out_dir / "pid").read_text()):
            return int(text)
        await asyncio.sleep(0.02)
    raise AssertionError("the parser did not begin")


async def gone(pid: int) -> bool:
    """Whether a process ends within 5 s."""
    for _ in range(250):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        await asyncio.sleep(0.02)
    return False
