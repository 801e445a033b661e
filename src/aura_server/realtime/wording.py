"""What happens in a conversation, as the events of OpenAI's Realtime protocol, in the order that it documents."""

from __future__ import annotations

import base64
from typing import Final

import msgspec

from aura.answering.events import Citation
from aura.tokens import estimate_tokens
from aura.voice import events
from aura.voice.audio.codecs import Encoder
from aura.voice.ports import AudioFormat
from aura_server.realtime.items import Entry, Items, Wire, assistant_item, new_id, user_item
from aura_server.wire.chat import CitationResponse

_STATUS: Final = {"completed": "completed", "cancelled": "incomplete", "failed": "incomplete"}


class Wording:
    """Says what happens to one client. It keeps the items, and knows which turn and which reply each of them is.

    Args:
        conversation_id: what responses say that they belong to.
    """

    def __init__(self, items: Items, *, conversation_id: str) -> None:
        self.items = items
        self.format = AudioFormat()
        self.speaks = True
        self.transcribes = True
        self.extensions: frozenset[str] = frozenset()
        self.binary = False
        """Whether audio is written in binary messages."""
        self.metadata: dict[str, str] | None = None
        """What the next response is to carry."""
        self._conversation_id = conversation_id
        self._turns: dict[int, str] = {}
        self._told: dict[int, str] = {}
        self._responses: dict[int, Wire] = {}
        self._encoders: dict[int, Encoder] = {}

    def name_turn(self, turn: int, item_id: str, content: list[Wire], text: str) -> list[Wire]:
        """The client has made the item of a turn itself."""
        self._turns[turn] = item_id
        return self._added(Entry(item=user_item(item_id, content), turn=turn, text=text))

    def of(self, event: events.TalkEvent) -> list[Wire]:
        """What the client is told of `event`."""
        match event:
            case events.SpeechStarted():
                started = {"audio_start_ms": event.audio_ms, "item_id": self._item_of(event.turn)}
                return [_event("input_audio_buffer.speech_started", **started)]
            case events.SpeechStopped():
                if event.turn not in self._turns:  # the client has ended it itself
                    return []
                stopped = {"audio_end_ms": event.audio_ms, "item_id": self._item_of(event.turn)}
                return [_event("input_audio_buffer.speech_stopped", **stopped)]
            case events.Committed():
                return self._committed(event)
            case events.Partly() | events.Transcribed() | events.NotTranscribed():
                return self._understood(event)
            case events.ReplyBegan():
                return self._began(event)
            case events.ReplyText():
                return self._text(event)
            case events.ReplyAudio():
                return self._audio(event)
            case events.ReplyEnded():
                return self._ended(event)
            case events.Interrupted():
                return self._interrupted(event)
            case events.Fault():
                return [error("server_error", event.kind, event.message)]
            case _:
                return self._own(event)

    # -- the user ------------------------------------------------------------------------------------------------------

    def _item_of(self, turn: int) -> str:
        return self._turns.setdefault(turn, new_id("item"))

    def _committed(self, event: events.Committed) -> list[Wire]:
        if event.text is not None:  # typed: the client has made the item
            return []
        item_id = self._item_of(event.turn)
        entry = Entry(item=user_item(item_id, [{"type": "input_audio", "transcript": None}]), turn=event.turn)
        added = self._added(entry)
        before = added[0]["previous_item_id"]
        return [_event("input_audio_buffer.committed", previous_item_id=before, item_id=item_id), *added]

    def _added(self, entry: Entry) -> list[Wire]:
        told = {"previous_item_id": self.items.add(entry), "item": entry.item}
        return [_event("conversation.item.added", **told), _event("conversation.item.done", **told)]

    def _understood(self, event: events.Partly | events.Transcribed | events.NotTranscribed) -> list[Wire]:
        where = {"item_id": self._item_of(event.turn), "content_index": 0}
        name = "conversation.item.input_audio_transcription"
        if isinstance(event, events.NotTranscribed):
            failed = {"type": "transcription_error", "code": event.kind, "message": event.message, "param": None}
            return [_event(f"{name}.failed", **where, error=failed)]
        if isinstance(event, events.Partly):
            return [_event("aura.transcript", **where, text=event.text)] if "partials" in self.extensions else []
        entry = self.items.of_turn(event.turn)
        if entry is not None:
            entry.text = event.text
            entry.item["content"] = [{"type": "input_audio", "transcript": event.text}]
        if not self.transcribes:
            return []
        usage = {"type": "duration", "seconds": round(event.seconds, 3)}
        completed = _event(f"{name}.completed", **where, transcript=event.text, usage=usage)
        if event.confidence is not None:
            completed["aura_confidence"] = event.confidence
        delta = [_event(f"{name}.delta", **where, delta=event.text)] if event.text else []
        return [*delta, completed]

    # -- the assistant -------------------------------------------------------------------------------------------------

    def _began(self, event: events.ReplyBegan) -> list[Wire]:
        response_id, item_id = new_id("resp"), new_id("item")
        item = assistant_item(item_id, [], "in_progress")
        entry = Entry(item=item, turn=event.turn, reply=event.reply, response_id=response_id)
        response = self._response(response_id, "in_progress")
        self._responses[event.reply], self.metadata = response, None
        before = self.items.add(entry)
        place: Wire = {"response_id": response_id, "output_index": 0}
        return [
            _event("response.created", response=response),
            _event("response.output_item.added", **place, item=dict(item)),
            _event("conversation.item.added", previous_item_id=before, item=dict(item)),
            _event("response.content_part.added", **place, item_id=item_id, content_index=0, part=self._part("")),
        ]

    def _text(self, event: events.ReplyText) -> list[Wire]:
        entry = self.items.of_reply(event.reply)
        if entry is None:
            return []
        entry.text += event.text
        name = "response.output_audio_transcript.delta" if self.speaks else "response.output_text.delta"
        told = [_event(name, **_place(entry), delta=event.text)] if event.text else []
        if "citations" in self.extensions and event.citations:
            told.append(_event("aura.citations", item_id=entry.item["id"], citations=_citations(event.citations)))
        return told

    def _audio(self, event: events.ReplyAudio) -> list[Wire]:
        entry = self.items.of_reply(event.reply)
        if entry is None:
            return []
        encoder = self._encoders.get(event.reply)
        if encoder is None:
            self._encoders[event.reply] = encoder = Encoder(event.sample_rate_hz, self.format)
        return self._delta(entry, encoder.feed(event.pcm))

    def _delta(self, entry: Entry, data: bytes) -> list[Wire]:
        if not data:
            return []
        if self.binary:
            return [{"type": "aura.audio", "item_id": entry.item["id"], "audio": data}]
        return [_event("response.output_audio.delta", **_place(entry), delta=base64.b64encode(data).decode())]

    def _ended(self, event: events.ReplyEnded) -> list[Wire]:
        entry = self.items.of_reply(event.number)
        response = self._responses.pop(event.number, None)
        encoder = self._encoders.pop(event.number, None)
        if entry is None or response is None:
            return []
        told: list[Wire] = []
        if encoder is not None and event.status == "completed":
            told += self._delta(entry, encoder.finish())
        kind = "output_audio" if self.speaks else "output_text"
        key = "transcript" if self.speaks else "text"
        entry.item["status"] = _STATUS[event.status]
        entry.item["content"] = [{"type": kind, key: entry.text}]
        place = _place(entry)
        if self.speaks:
            told.append(_event("response.output_audio.done", **place))
            told.append(_event("response.output_audio_transcript.done", **place, transcript=entry.text))
        else:
            told.append(_event("response.output_text.done", **place, text=entry.text))
        told.append(_event("response.content_part.done", **place, part=self._part(entry.text)))
        told.append(_event("conversation.item.done", previous_item_id=entry.before, item=entry.item))
        told.append(_event("response.output_item.done", response_id=entry.response_id, output_index=0, item=entry.item))
        told.append(_event("response.done", response=self._done(response, event, entry)))
        return told

    def _done(self, response: Wire, event: events.ReplyEnded, entry: Entry) -> Wire:
        details: Wire = {"type": event.status}
        if event.status == "cancelled":
            details["reason"] = event.reason or "client_cancelled"
        if event.status == "failed":
            details["error"] = {"type": "server_error", "code": event.kind}
        asked = event.answer.question if event.answer is not None else ""
        taken, given = estimate_tokens(asked), estimate_tokens(entry.text)
        usage: Wire = {"total_tokens": taken + given, "input_tokens": taken, "output_tokens": given}
        return {**response, "status": event.status, "status_details": details, "output": [entry.item], "usage": usage}

    def _interrupted(self, event: events.Interrupted) -> list[Wire]:
        entry = self.items.of_reply(event.number)
        if entry is None:
            return []
        heard = event.heard
        self.note_heard(entry, heard.spoken)
        truncated = {"item_id": entry.item["id"], "content_index": 0, "audio_end_ms": heard.audio_ms}
        return [_event("conversation.item.truncated", **truncated)]

    def note_heard(self, entry: Entry, spoken: str) -> None:
        """The item holds what was heard of it."""
        entry.text = spoken
        key = "transcript" if self.speaks else "text"
        entry.item["content"] = [{"type": "output_audio" if self.speaks else "output_text", key: spoken}]

    def _response(self, response_id: str, status: str) -> Wire:
        return {
            "id": response_id,
            "object": "realtime.response",
            "status": status,
            "status_details": None,
            "output": [],
            "conversation_id": self._conversation_id,
            "output_modalities": ["audio" if self.speaks else "text"],
            "max_output_tokens": "inf",
            "metadata": self.metadata,
            "usage": None,
        }

    def _part(self, text: str) -> Wire:
        return {"type": "audio", "transcript": text} if self.speaks else {"type": "text", "text": text}

    # -- AURA's own ----------------------------------------------------------------------------------------------------

    def _own(self, event: events.TalkEvent) -> list[Wire]:
        """What no other server tells, to clients that have asked for it."""
        match event:
            case events.StateChanged() if "state" in self.extensions:
                return [_event("aura.state", state=event.state.value)]
            case events.RetrievalStarted() if "sources" in self.extensions:
                return [_event("aura.retrieval.started", response_id=self._response_id(event.reply))]
            case events.ReplySources() if "sources" in self.extensions:
                names = list(dict.fromkeys(passage.filename for passage in event.passages))
                return [_event("aura.sources", response_id=self._response_id(event.reply), sources=names)]
            case events.Ducked() if "duck" in self.extensions:
                return [_event("aura.duck", on=event.on)]
            case events.TurnMeasured() if "metrics" in self.extensions:
                stages = ("endpoint", "transcript", "retrieval", "first_token", "first_sentence", "first_audio")
                seconds = {stage: getattr(event, stage) for stage in stages}
                begun = {"speculated": event.speculated, "prefetched": event.prefetched}
                return [_event("aura.metrics", seconds=seconds, **begun, prefetch_used=event.prefetch_used)]
            case _:
                return []

    def _response_id(self, reply: int) -> str:
        entry = self.items.of_reply(reply)
        return "" if entry is None else entry.response_id


def on_the_wire(told: Wire) -> str | bytes:
    """One message: JSON, or audio in binary behind the length of its item's id, one byte, and that id."""
    audio = told.get("audio")
    if not isinstance(audio, bytes):
        return msgspec.json.encode(told).decode()
    item_id = str(told["item_id"]).encode()
    return bytes([len(item_id)]) + item_id + audio


def error(kind: str, code: str, message: str, *, param: str | None = None, event_id: str | None = None) -> Wire:
    """The event that says that something could not be done; the session goes on."""
    told = {"type": kind, "code": code, "message": message, "param": param, "event_id": event_id}
    return _event("error", error=told)


def session_event(name: str, session: Wire) -> Wire:
    """`session.created`, `session.updated`."""
    return _event(name, session=session)


def plain(name: str, **fields: object) -> Wire:
    """Any other event."""
    return _event(name, **fields)


def _event(name: str, **fields: object) -> Wire:
    return {"type": name, "event_id": new_id("event"), **fields}


def _place(entry: Entry) -> Wire:
    return {
        "response_id": entry.response_id,
        "item_id": entry.item["id"],
        "output_index": 0,
        "content_index": 0,
    }


def _citations(citations: tuple[Citation, ...]) -> list[CitationResponse]:
    return [CitationResponse.of(citation) for citation in citations]
