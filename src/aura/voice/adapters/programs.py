"""Speech by programs of this machine: `espeak-ng`, in more than a hundred languages, and `flite`, in English.

They run as processes of their own, get the text by a file and never as a word of their command, and are killed when nobody
listens any more.
"""

from __future__ import annotations

import asyncio
import shutil
import struct
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec

from aura.errors import InvalidRequest
from aura.router.faults import FaultKind
from aura.voice.errors import PartMissing, SpeechFault
from aura.voice.ports import BYTES_PER_SAMPLE, PLAIN, Capabilities, Manner, Speech, VoiceInfo

COMMAND: Final = "apt-get install espeak-ng"
_AT_ONCE: Final = 4
"""Processes at once; further texts wait."""
_PIECE_BYTES: Final = 16_384
_WORDS_PER_MINUTE: Final = 170
_SECONDS: Final = 30.0
"""A process that says nothing for so long is killed."""


class Program(Protocol):
    """What is particular about one program."""

    name: str

    def command(self, path: str, text_file: Path, speech_file: Path, manner: Manner) -> Sequence[str]:
        """How it is called, to read `text_file` and to write a WAV file: to its output, or to `speech_file`."""
        ...

    def listing(self, path: str) -> Sequence[str]:
        """How it is asked for its voices."""
        ...

    def voices(self, listed: str) -> tuple[VoiceInfo, ...]:
        """The voices in what it has listed."""
        ...

    def best(self, voices: Sequence[str]) -> str | None:
        """The one of `voices`, all of one language, that is taken where nobody chooses; None is the program's own."""
        ...


class ProgramSynthesizer:
    """A `Synthesizer` by a program.

    Raises:
        PartMissing: the program is not installed.
    """

    def __init__(self, program: Program) -> None:
        path = shutil.which(program.name)
        if path is None:
            raise PartMissing(
                f"the program {program.name} is not installed: apt-get install {program.name}",
                part="text to speech",
                command=f"apt-get install {program.name}",
            )
        self.provider = program.name
        self.model = program.name
        self.capabilities = Capabilities(local=True)
        self._program = program
        self._path = path
        self._voices: tuple[VoiceInfo, ...] | None = None
        self._turns: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None

    async def speak(self, text: str, manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port. Cost: a process for each text."""
        if not any(character.isalnum() for character in text):
            return
        manner = await self._checked(manner)
        async with self._turn():
            folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="aura-speech-"))
            try:
                async with aclosing(self._spoken(text, manner, folder)) as pieces:
                    async for piece in pieces:
                        yield piece
            finally:
                await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    async def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """As its port: one text after the other."""
        try:
            async for text in texts:
                async with aclosing(self.speak(text, manner)) as pieces:
                    async for piece in pieces:
                        yield piece
        finally:
            if isinstance(texts, AsyncGenerator):
                await texts.aclose()

    async def voices(self) -> tuple[VoiceInfo, ...]:
        """As its port; asked for once."""
        if self._voices is None:
            process = await asyncio.create_subprocess_exec(
                *self._program.listing(self._path),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                async with asyncio.timeout(_SECONDS):
                    listed, _ = await process.communicate()
            finally:
                await _end(process)
            self._voices = self._program.voices(listed.decode(errors="replace"))
        return self._voices

    async def close(self) -> None:
        """Nothing is held."""

    async def _checked(self, manner: Manner) -> Manner:
        """`manner` with a voice that is there: the one that is asked for, or one of its language."""
        if manner.voice_id is None and manner.language is None:
            return manner
        known = await self.voices()
        if manner.voice_id is None:
            asked = (manner.language or "").lower()
            of_it = [each.voice_id for each in known if asked in (each.language, each.language.partition("-")[0])]
            return msgspec.structs.replace(manner, voice_id=self._program.best(of_it))
        if manner.voice_id not in {each.voice_id for each in known}:
            raise InvalidRequest(f"{self.provider} has no voice {manner.voice_id[:60]!r}", field="voice_id")
        return manner

    async def _spoken(self, text: str, manner: Manner, folder: Path) -> AsyncGenerator[Speech]:
        text_file, speech_file = folder / "text", folder / "speech.wav"
        await asyncio.to_thread(text_file.write_text, text, "utf-8")
        process = await asyncio.create_subprocess_exec(
            *self._program.command(self._path, text_file, speech_file, manner),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(_SECONDS) as deadline:
                wave = Wave(self.provider)
                while data := await process.stdout.read(_PIECE_BYTES):
                    if piece := wave.feed(data):
                        yield piece
                    deadline.reschedule(asyncio.get_running_loop().time() + _SECONDS)
                if await process.wait() != 0:
                    raise SpeechFault.kind(FaultKind.SERVER, provider=self.provider, described="the program failed")
                if speech_file.exists() and (piece := wave.feed(await asyncio.to_thread(speech_file.read_bytes))):
                    yield piece
        except TimeoutError as error:
            raise SpeechFault.of(error, provider=self.provider) from error
        finally:
            await _end(process)

    def _turn(self) -> asyncio.Semaphore:
        """The semaphore of the running loop."""
        loop = asyncio.get_running_loop()
        if self._turns is None or self._turns[0] is not loop:
            self._turns = (loop, asyncio.Semaphore(_AT_ONCE))
        return self._turns[1]


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a program that still runs, and read what is left of its output, if it has ended or not.

    A reader that is full reads no further: the end of the program, and of its pipe, is seen only behind that.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await asyncio.shield(process.communicate())


class Wave:
    """Reads a WAV file as it comes. Who writes it into a pipe does not know its length, so that is not believed."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._head: bytes | None = b""
        self._rate = 0
        self._odd = b""

    def feed(self, data: bytes) -> Speech | None:
        """The samples of `data`; None while there are none. Raises `SpeechFault`: it is no WAV file of one such channel."""
        if self._head is not None:
            self._head += data
            start = self._samples_start(self._head)
            if start is None:
                return None
            data, self._head = self._head[start:], None
        data = self._odd + data
        whole = len(data) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        self._odd = data[whole:]
        return Speech(pcm=data[:whole], sample_rate_hz=self._rate) if whole else None

    def _samples_start(self, head: bytes) -> int | None:
        at = 12
        while len(head) >= at + 8:
            name, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
            if name == b"data":
                return at + 8
            if name == b"fmt " and len(head) >= at + 24:
                kind, channels, self._rate = struct.unpack_from("<HHI", head, at + 8)
                (bits,) = struct.unpack_from("<H", head, at + 22)
                if (kind, channels, bits) != (1, 1, 16):
                    raise SpeechFault.kind(FaultKind.BROKEN, provider=self._provider, described="another audio format")
            at += 8 + size + size % 2
        return None


class Espeak:
    """`espeak-ng`: it writes to its output while it speaks."""

    name = "espeak-ng"
    own = "en-us"

    def command(self, path: str, text_file: Path, speech_file: Path, manner: Manner) -> Sequence[str]:
        """As its port."""
        voice = manner.voice_id or self.own
        speed = str(round(_WORDS_PER_MINUTE * manner.speed))
        return (path, "-v", voice, "-s", speed, "-b", "1", "--stdout", "-f", str(text_file))

    def listing(self, path: str) -> Sequence[str]:
        """As its port."""
        return (path, "--voices")

    def voices(self, listed: str) -> tuple[VoiceInfo, ...]:
        """As its port: of a line, the second word is the language, and the fourth the name."""
        rows = [line.split() for line in listed.splitlines()[1:]]
        return tuple(
            VoiceInfo(voice_id=row[1], name=row[3].replace("_", " "), language=row[1], provider=self.name)
            for row in rows
            if len(row) >= 5 and not row[4].startswith("mb/")  # those need a further program
        )

    def best(self, voices: Sequence[str]) -> str | None:
        """As its port: its own, or the first, which is the language without an accent."""
        return self.own if self.own in voices else next(iter(voices), None)


class Flite:
    """`flite`: it writes a file when it has spoken."""

    name = "flite"
    own = "slt"

    def command(self, path: str, text_file: Path, speech_file: Path, manner: Manner) -> Sequence[str]:
        """As its port."""
        stretch = f"duration_stretch={1 / manner.speed:.3f}"
        voice = manner.voice_id or self.own
        return (path, "-voice", voice, "--setf", stretch, "-f", str(text_file), "-o", str(speech_file))

    def listing(self, path: str) -> Sequence[str]:
        """As its port."""
        return (path, "-lv")

    def voices(self, listed: str) -> tuple[VoiceInfo, ...]:
        """As its port: `Voices available: kal awb slt`."""
        names = listed.partition(":")[2].split()
        return tuple(VoiceInfo(voice_id=name, name=name, language="en-us", provider=self.name) for name in names)

    def best(self, voices: Sequence[str]) -> str | None:
        """As its port: its own, or the first, which is the language without an accent."""
        return self.own if self.own in voices else next(iter(voices), None)
