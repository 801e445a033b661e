"""An example of each body that a request can have: a client that sends it gets past validation."""

from __future__ import annotations

from uuid import UUID

import msgspec

from aura.documents.values import Visibility
from aura.identity import Verb
from aura.memory.values import MemorySettings
from aura.persona.traits import PersonaChanges
from aura.tenants.values import OrganisationChanges, UserChanges
from aura.webhooks.values import Event
from aura_server.wire.access import LoginRequest, PasswordRequest, RefreshRequest, SignupRequest
from aura_server.wire.budgets import BudgetBody
from aura_server.wire.chat import ChatRequest, FeedbackRequest, StopRequest
from aura_server.wire.documents import CollectionChanges, CollectionRequest, DocumentChanges
from aura_server.wire.memory import ConversationRequest, FactRequest
from aura_server.wire.openai import ChatCompletionRequest, ChatMessage, EmbeddingsRequest
from aura_server.wire.persona import PreviewRequest
from aura_server.wire.realtime import ClientSecretRequest, ExpiresAfter
from aura_server.wire.tenant import KeyRequest, KeyScopes, ProviderKeyRequest, UserRequest
from aura_server.wire.webhooks import WebhookChanges, WebhookRequest

_ID = UUID("0b7e2f4c-6a1d-4f3e-9c58-2d1a7e90b645")
_QUESTION = "How long do customers have to return a product?"

BODIES: tuple[msgspec.Struct, ...] = (
    SignupRequest(
        organization_name="Acme Limited", subdomain="acme", admin_email="ada@acme.example", password="a long passphrase"
    ),
    LoginRequest(email="ada@acme.example", password="a long passphrase", tenant_subdomain="acme"),
    RefreshRequest(refresh_token="the refresh_token of the last login or refresh"),
    PasswordRequest(old_password="a long passphrase", new_password="another long passphrase"),
    ChatRequest(message=_QUESTION),
    StopRequest(response_id=_ID),
    FeedbackRequest(message_id=_ID, rating=-1, reason="wrong", comment="It is 30 days since May."),
    ConversationRequest(title="Returns", pinned=True),
    FactRequest(text="I work in Lisbon"),
    MemorySettings(time_zone="Europe/Berlin"),
    PersonaChanges(formality=0.8, detail=-0.9, language="de"),
    PreviewRequest(detail=1.0, message=_QUESTION),
    DocumentChanges(visibility=Visibility.PRIVATE),
    CollectionRequest(name="Handbooks", description="What everybody should know."),
    CollectionChanges(name="Policies"),
    OrganisationChanges(custom_settings={"retention_days": 90}, brand_colors={"primary": "#0a5cff"}),
    UserRequest(email="grace@acme.example", password="a third long passphrase", role="manager", name="Grace"),
    UserChanges(can_view_analytics=True),
    KeyRequest(name="The intranet's search", scopes=KeyScopes(verbs=frozenset({Verb.READ}))),
    BudgetBody(subject="tenant", span="month", max_micro_usd=50_000_000),
    ProviderKeyRequest(key="the key that the provider shows"),
    WebhookRequest(url="https://acme.example/hooks/aura", events=tuple(Event)[:1]),
    WebhookChanges(is_active=False),
    ChatCompletionRequest(model="aura", messages=(ChatMessage(role="user", content=_QUESTION),)),
    EmbeddingsRequest(model="aura", input=_QUESTION),
    ClientSecretRequest(expires_after=ExpiresAfter(seconds=60)),
)
"""One of each kind of JSON body, by its type."""

FORMS: dict[str, dict[str, object]] = {
    "UploadForm": {"files": ["(the content of handbook.pdf)"], "collection": "Handbooks", "visibility": "organization"},
    "TranscriptionForm": {"audio": "(the content of question.wav)", "language": "en"},
    "SynthesisForm": {"text": "You can return a product within thirty days.", "speed": 1.0},
    "VoiceMessageForm": {"audio": "(the content of question.wav)", "language": "en", "search_knowledge": True},
    "ImportForm": {"archive": "(the content of acme.aura.zip)", "subdomain": "acme-again"},
}
"""The parts of multipart bodies, by the name of the form."""
