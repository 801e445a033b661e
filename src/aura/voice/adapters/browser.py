"""The browser's own `speechSynthesis`: the page gets the text and speaks it, and the server makes no samples."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from typing import Final

from aura.voice.errors import PartMissing
from aura.voice.ports import PLAIN, Capabilities, Manner, Speech, VoiceInfo

COMMAND: Final = "apt-get install espeak-ng"


class Browser:
    """A `Synthesizer` whose speech is made at the client: who asks the server for samples is told what makes them there."""

    provider = "browser"
    model = "speechSynthesis"
    capabilities = Capabilities(local=True, client_side=True)

    def speak(self, text: str, manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """Never speaks. Raises `PartMissing`."""
        raise no_server_speech()

    def speak_stream(self, texts: AsyncIterable[str], manner: Manner = PLAIN) -> AsyncGenerator[Speech]:
        """Never speaks. Raises `PartMissing`."""
        raise no_server_speech()

    async def voices(self) -> tuple[VoiceInfo, ...]:
        """The one that the browser's settings name; the page knows the others."""
        return (VoiceInfo(voice_id="browser", name="The browser's own voice", provider=self.provider),)


def no_server_speech() -> PartMissing:
    """What is said where no synthesizer of the server is configured."""
    return PartMissing(
        f"the server has no voice; browsers speak by themselves. For one of the server's: {COMMAND},"
        " or set ELEVENLABS_API_KEY or OPENAI_API_KEY",
        part="text to speech",
        command=COMMAND,
    )
