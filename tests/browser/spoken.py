"""What a microphone hears in these tests: sentences that a program speaks, as files and as sound that a page is given."""

from __future__ import annotations

import base64
import shutil
import subprocess
import wave
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

from playwright.async_api import Page

ESPEAK = shutil.which("espeak-ng")

MICROPHONE = """
(() => {
  // A microphone that hears what a test plays to it; everything behind it is the page's own.
  let ear = null;
  window.sounding = [];
  window.AudioContext = class extends window.AudioContext {
    constructor(options) {
      super(options);
      window.sounding.push(this);
    }
  };
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext();
    ear = { context, out: context.createMediaStreamDestination() };
    return ear.out.stream;
  };
  window.playToMicrophone = async (wav) => {
    const bytes = Uint8Array.from(atob(wav), (each) => each.charCodeAt(0));
    const source = ear.context.createBufferSource();
    source.buffer = await ear.context.decodeAudioData(bytes.buffer);
    source.connect(ear.out);
    source.start();
  };
})()
"""
"""To be run before the scripts of a page, for sound at a moment that the test chooses."""


def spoken(text: str) -> bytes:
    """`text` as a WAV file, spoken slowly."""
    assert ESPEAK is not None
    said = subprocess.run([ESPEAK, "-s", "140", "--stdout", text], capture_output=True, check=True).stdout
    with wave.open(BytesIO(said)) as sound:
        rate, frames = sound.getframerate(), sound.readframes(1 << 24)  # its header says no length
    return _wav(rate, frames)


def microphone_file(path: Path, text: str, *, before_seconds: float = 1.0, after_seconds: float = 120.0) -> Path:
    """What Chromium's fake microphone plays from the moment when it is opened: silence, `text` once, silence."""
    with wave.open(BytesIO(spoken(text))) as sound:
        rate, frames = sound.getframerate(), sound.readframes(sound.getnframes())
    around = [bytes(2 * round(rate * seconds)) for seconds in (before_seconds, after_seconds)]
    path.write_bytes(_wav(rate, around[0] + frames + around[1]))
    return path


@asynccontextmanager
async def still(page: Page) -> AsyncGenerator[None]:
    """What is being said and heard on a page with `MICROPHONE` stands still meanwhile, to be looked at."""
    await page.evaluate("Promise.all(window.sounding.map((each) => each.suspend()))")
    yield
    await page.evaluate("Promise.all(window.sounding.map((each) => each.resume()))")


async def say(page: Page, text: str) -> None:
    """Have the page's `MICROPHONE` hear `text`."""
    await page.evaluate("wav => window.playToMicrophone(wav)", base64.b64encode(spoken(text)).decode())


def _wav(rate: int, frames: bytes) -> bytes:
    made = BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(frames)
    return made.getvalue()
