"""A persona is chosen, learned from the user's own turns and ratings, used in every answer, and nobody else's."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import msgspec
import pytest
from persona_support import PASSWORD, QUESTION, UNANSWERABLE, Company, learned
from sqlalchemy import func, select

from aura import InvalidRequest, NotFound, Workspace
from aura.answering.prompts import REFUSALS
from aura.database.scopes import application_filter
from aura.database.tables import persona_signals, personas
from aura.errors import AuraError, Denied
from aura.identity import Verb
from aura.persona.learning import LESS, Kind
from aura.persona.rendering import WORDINGS, Style
from aura.persona.traits import PersonaChanges, Traits
from aura.tenants.values import OrganisationChanges
from aura.testing.llms import EchoLLM
from aura.workspace import Principal

BRIEF = PersonaChanges(detail=-0.9)


async def rows(company: Company) -> tuple[int, int]:
    """How many rows the organisation has in the two tables."""
    scope = company.programs.scope.as_service()
    async with company.programs._parts.database.tenant(scope) as session:
        counts = [
            await session.scalar(select(func.count()).select_from(table).where(table.c.tenant_id == scope.tenant_id))
            for table in (personas, persona_signals)
        ]
    return counts[0] or 0, counts[1] or 0


# -- choosing ----------------------------------------------------------------------------------------------------------


async def test_what_is_chosen_is_kept_and_locked(company: Company) -> None:
    made = await company.member.persona.set(PersonaChanges(detail=-0.9, language="de", address="Max"))

    assert made == await company.member.persona.get()
    assert made.traits == Traits(detail=-0.9, language="de", address="Max")
    assert made.locked == ("detail", "language", "address")


async def test_a_change_leaves_the_rest_as_it_is_and_null_opens_an_axis(company: Company) -> None:
    await company.member.persona.set(PersonaChanges(detail=-0.9, energy=0.5))
    changed = await company.member.persona.set(PersonaChanges(detail=None))
    assert changed.traits == Traits(energy=0.5)
    assert changed.locked == ("energy",)


async def test_locks_are_set_as_a_whole(company: Company) -> None:
    profile = company.member.persona
    await company.say("Shorter please.", 6)
    value = (await profile.get()).traits.detail

    frozen = await profile.set(PersonaChanges(locked=("detail",)))
    assert (frozen.traits.detail, frozen.locked) == (value, ("detail",))
    with pytest.raises(InvalidRequest) as refused:
        await profile.set(PersonaChanges(energy=1.0, locked=("detail",)))
    assert refused.value.field == "locked"
    again = await profile.set(PersonaChanges(**msgspec.structs.asdict(frozen.traits), locked=frozen.locked))
    assert again == frozen
    assert (await profile.set(PersonaChanges(locked=()))).locked == ()


@pytest.mark.parametrize(
    "changes", [PersonaChanges(formality=5), PersonaChanges(language="xx"), PersonaChanges(locked=("mood",))]
)
async def test_what_can_not_be_used_changes_nothing(company: Company, changes: PersonaChanges) -> None:
    before = await company.member.persona.set(BRIEF)
    with pytest.raises(InvalidRequest):
        await company.member.persona.set(changes)
    assert await company.member.persona.get() == before


async def test_changes_at_once_are_both_there(company: Company) -> None:
    changes = [PersonaChanges(detail=-1), PersonaChanges(energy=1), PersonaChanges(formality=0.5)]
    await asyncio.gather(*(company.member.persona.set(each) for each in changes))
    assert (await company.member.persona.get()).traits == Traits(detail=-1, energy=1, formality=0.5)


async def test_a_preview_shows_what_would_be_and_changes_nothing(company: Company) -> None:
    before = await company.member.persona.set(BRIEF)
    shown = await company.member.persona.preview(PersonaChanges(detail=1.0))
    answer = await company.member.try_persona(QUESTION, shown.traits)

    assert shown.traits.detail == 1.0
    assert len(answer.text) > len((await company.member.try_persona(QUESTION, None)).text)
    assert await company.member.persona.get() == before
    assert (await company.member.conversations.list()).items == ()


async def test_the_organisations_default_is_where_everybody_begins(company: Company) -> None:
    changes = OrganisationChanges(custom_settings={"persona": {"detail": 0.8, "language": "de"}})
    await company.admin.configure(changes)
    member = await company.aura.workspace(company.name, "max@acme.test")
    programs = await company.aura.workspace(company.name)

    assert (await member.persona.get()).traits == Traits(detail=0.8, language="de")
    assert (await programs.persona.get()).traits == Traits(detail=0.8, language="de")
    assert (await member.persona.set(PersonaChanges(language="auto"))).traits == Traits(detail=0.8)
    with pytest.raises(InvalidRequest):
        await company.admin.configure(OrganisationChanges(custom_settings={"persona": {"detail": 8}}))


async def test_programs_have_no_persona_of_their_own(company: Company) -> None:
    for call in (company.programs.persona.set(BRIEF), company.programs.persona.forget()):
        with pytest.raises(InvalidRequest):
            await call
    await company.say("Shorter please.", 6, who=company.programs)
    assert await rows(company) == (0, 0)


# -- learning ----------------------------------------------------------------------------------------------------------


async def test_what_is_said_six_times_is_learned_with_its_evidence(company: Company) -> None:
    await company.say("Shorter please.", 6)

    found = await learned(company.member)
    assert found is not None
    assert found.value == (await company.member.persona.get()).traits.detail
    assert isinstance(found.value, float)
    assert found.value < -0.6
    assert {(signal.towards, signal.kind) for signal in found.evidence} == {(LESS, Kind.ASKED)}
    questions = {
        message.id: message.text
        for message in (await company.member.conversations.history()).items
        if message.role == "user"
    }
    assert all(signal.message_id in questions for signal in found.evidence)


async def test_a_locked_axis_never_moves(company: Company) -> None:
    await company.member.persona.set(PersonaChanges(detail=0.5))
    await company.say("Shorter please.", 6)

    persona = await company.member.persona.get()
    assert (persona.traits.detail, persona.locked) == (0.5, ("detail",))
    assert (await company.member.persona.style()).detail == 1


async def test_forgetting_restores_the_default_and_keeps_what_was_chosen(company: Company) -> None:
    await company.member.persona.set(PersonaChanges(energy=0.5))
    await company.say("Shorter please.", 3)
    await company.say("More formal please.", 3)

    persona = await company.member.persona.forget(axis="detail")
    assert persona.traits.detail == 0.0
    assert persona.traits.formality > 0
    persona = await company.member.persona.forget()
    assert persona.traits == Traits(energy=0.5)
    assert persona.learned == {"text": {}, "voice": {}}
    for wrong in ({"axis": "mood"}, {"channel": "smell"}):
        with pytest.raises(InvalidRequest):
            await company.member.persona.forget(**wrong)


async def test_each_channel_learns_for_itself(company: Company) -> None:
    await company.say("Shorter please.", 3, channel="voice")

    assert await learned(company.member) is None
    assert await learned(company.member, channel="voice") is not None
    assert (await company.member.persona.style("voice")).detail < 0
    assert (await company.member.persona.style("text")).detail == 0
    await company.member.persona.forget(channel="text")
    assert await learned(company.member, channel="voice") is not None
    await company.member.persona.forget(channel="voice")
    assert await learned(company.member, channel="voice") is None


async def test_ratings_teach_by_their_reasons_and_the_last_one_counts(company: Company) -> None:
    for _ in range(4):
        talk = await company.member.conversations.start()
        message_id = (await company.member.ask(QUESTION, conversation=talk)).message_id
        assert message_id is not None
        await company.member.feedback(message_id, -1, "too_long")
        company.clock.advance(timedelta(days=1))
    found = await learned(company.member)
    assert found is not None
    assert [signal.kind for signal in found.evidence] == [Kind.RATED] * 4
    assert (await company.member.persona.get()).traits.detail < -0.5

    await company.member.feedback(message_id, 1)
    found = await learned(company.member)
    assert found is not None
    assert len(found.evidence) == 3


async def test_a_question_asked_again_teaches(company: Company) -> None:
    for _ in range(4):
        talk = await company.member.conversations.start()
        for _ in range(2):
            await company.member.ask(QUESTION, conversation=talk)
        company.clock.advance(timedelta(days=1))
    found = await learned(company.member)
    assert found is not None
    assert {signal.kind for signal in found.evidence} == {Kind.REPEATED}


@pytest.mark.parametrize("options", [{"use_persona": False}, {"temporary": True}])
async def test_nothing_is_learned_where_that_is_not_wanted(company: Company, options: dict[str, bool]) -> None:
    await company.say("Shorter please.", 3, **options)
    assert await rows(company) == (0, 0)


async def test_what_was_learned_goes_with_the_conversation_that_it_was_learned_from(company: Company) -> None:
    await company.say("Shorter please.", 3)
    for talk in (await company.member.conversations.list()).items:
        await company.member.conversations.delete(talk.id)
    assert await learned(company.member) is None


async def test_a_turn_that_is_stored_again_teaches_once(company: Company) -> None:
    talk = await company.member.conversations.start()
    answer = await company.member.ask(QUESTION)
    conversations, message_id = company.member._wiring.engine._conversations, uuid4()
    for _ in range(2):
        await conversations.add_turn(talk, "Shorter please.", answer, message_id=message_id, teaches="text")
    assert (await rows(company))[1] == 1


# -- answers -----------------------------------------------------------------------------------------------------------


async def test_an_answer_says_whether_the_persona_changed_its_words(company: Company) -> None:
    plain = await company.member.ask(QUESTION)
    assert not plain.persona_applied
    await company.member.persona.set(PersonaChanges(detail=1.0))

    styled = await company.member.ask(QUESTION)

    assert styled.persona_applied
    assert len(styled.text) > len(plain.text)
    assert {c.document_id for c in styled.citations} == {c.document_id for c in plain.citations}
    without = await company.member.ask(QUESTION, use_persona=False)
    assert (without.text, without.persona_applied) == (plain.text, False)


async def test_a_refusal_is_said_in_the_language_of_the_persona(company: Company) -> None:
    await company.member.persona.set(PersonaChanges(language="de", detail=1.0))
    refused = await company.member.ask(UNANSWERABLE)
    assert (refused.text, refused.refused, refused.persona_applied) == (REFUSALS["german"], True, True)
    german = await company.member.ask("Was ist der Siedepunkt von Wolframhexafluorid?")
    assert (german.text, german.persona_applied) == (REFUSALS["german"], False)


async def test_a_model_is_told_in_the_fixed_words_and_of_no_more(company: Company) -> None:
    llm = EchoLLM()
    parts = msgspec.structs.replace(company.member._parts, llm=llm)
    member = Workspace(parts, Principal.of(company.member.organisation, company.member.user))
    await member.ask(QUESTION)
    await member.persona.set(PersonaChanges(formality=0.9, energy=-0.3, address="Dr. Quill", emoji="none"))
    answer = await member.ask("Say hello", search_knowledge=False)
    await member.ask(QUESTION)

    plain, free, styled = llm.calls
    assert answer.persona_applied
    for rules in (str(free[0].content), str(styled[0].content)):
        assert WORDINGS["formality"][2] in rules
        assert WORDINGS["energy"][-1] in rules
        assert "Quill" not in rules
    assert "Quill" in str(styled[1].content)
    assert len(plain) == 2
    assert str(styled[-1].content).partition("Question:")[2] == str(plain[-1].content).partition("Question:")[2]


async def test_an_answer_that_is_resumed_has_the_persona_that_it_began_with(company: Company) -> None:
    await company.member.persona.set(PersonaChanges(detail=1.0))
    response_id = await company.member.responses.start(QUESTION)
    kept = (await company.member.responses.get(response_id)).request
    await company.member.persona.set(PersonaChanges(detail=-1.0))
    assert [event async for event in company.member.responses.read(response_id)]
    assert kept.ask.style == Style(detail=2)


# -- nobody else's -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filtered", [True, False], ids=["both locks", "row-level security alone"])
async def test_a_persona_is_its_users_alone(company: Company, filtered: bool) -> None:
    other = await company.aura.tenants.create(
        organization_name="Other", subdomain=f"o-{uuid4().hex[:8]}", admin_email="o@o.test", password=PASSWORD
    )
    stranger = await company.aura.workspace(other.organisation, "o@o.test")
    await company.member.persona.set(PersonaChanges(detail=-0.9, address="Zyquill"))
    await company.say("More formal please.", 3)
    before = await company.member.persona.get()
    token = application_filter.set(filtered)
    try:
        for viewer in (company.admin, company.programs, stranger):
            seen = await viewer.persona.get()
            assert (seen.traits, seen.locked) == (Traits(), ())
            assert seen.learned == {"text": {}, "voice": {}}
            assert await viewer.persona.style() == Style()
        await stranger.persona.set(PersonaChanges(address="Mallory"))
        await company.admin.persona.set(PersonaChanges(detail=1.0))
        await company.admin.persona.forget()
        await stranger.persona.forget()
    finally:
        application_filter.reset(token)
    assert await company.member.persona.get() == before


async def test_who_asks_in_a_members_name_neither_sees_the_persona_nor_changes_it(company: Company) -> None:
    await company.member.persona.set(PersonaChanges(detail=1.0))
    assert company.member.user is not None
    delegate = await company.admin.on_behalf_of(company.member.user.id)

    calls = (delegate.persona.get, lambda: delegate.persona.set(BRIEF), delegate.persona.forget)
    for call in (*calls, lambda: delegate.persona.preview(BRIEF)):
        with pytest.raises(NotFound):
            await call()
    await company.say("Shorter please.", 3, who=delegate)
    assert not (await delegate.ask(QUESTION)).persona_applied
    assert await learned(company.member) is None


async def test_where_histories_are_open_an_admin_sees_a_persona_and_still_teaches_nothing(company: Company) -> None:
    await company.admin.configure(OrganisationChanges(custom_settings={"admins_read_history": True}))
    await company.member.persona.set(PersonaChanges(detail=1.0))
    assert company.member.user is not None
    admin = await company.aura.workspace(company.name, "ada@acme.test")
    delegate = await admin.on_behalf_of(company.member.user.id)

    assert (await delegate.persona.get()).traits.detail == 1.0
    with pytest.raises(NotFound):
        await delegate.persona.set(BRIEF)
    await company.say("More formal please.", 3, who=delegate)
    assert await learned(company.member, "formality") is None


async def test_a_key_does_what_its_verbs_say(company: Company) -> None:
    _, secret = await company.member.keys.create("reader", verbs=[Verb.READ])
    reader = company.aura.workspace_of(await company.aura.access.authenticate(secret))
    await reader.persona.get()
    for call in (reader.persona.set(BRIEF), reader.persona.forget()):
        with pytest.raises(Denied):
            await call


# -- going away --------------------------------------------------------------------------------------------------------


async def test_deleting_a_member_removes_the_persona_and_what_it_was_learned_from(company: Company) -> None:
    await company.member.persona.set(BRIEF)
    await company.say("Shorter please.", 3)
    assert await rows(company) == (1, 3)
    assert company.member.user is not None

    await company.admin.delete_user(company.member.user.id)

    assert await rows(company) == (0, 0)
    with pytest.raises(AuraError):
        await company.member.persona.set(BRIEF)
    assert await rows(company) == (0, 0)


async def test_erasing_an_organisation_removes_its_personas(company: Company) -> None:
    await company.member.persona.set(BRIEF)
    await company.say("Shorter please.", 2)
    await company.programs.erase()
    assert await rows(company) == (0, 0)
