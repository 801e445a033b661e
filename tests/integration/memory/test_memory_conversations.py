"""What was said can be read again by who said it, page by page, and rated."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from memory_support import ANSWER, QUESTION, Company, say
from sqlalchemy import select

from aura import InvalidRequest, NotFound, Workspace
from aura.database.tables import feedback
from aura.identity import ConversationId
from aura.tenants.values import OrganisationChanges


async def test_history_is_newest_first_over_all_conversations_and_each_message_comes_once(company: Company) -> None:
    first, second = await company.member.conversations.start(), await company.member.conversations.start()
    for talk in (first, second, first):
        await company.member.ask(QUESTION, conversation=talk)

    pages, cursor = [], None
    while True:
        page = await company.member.conversations.history(limit=4, cursor=cursor)
        pages.append(page)
        if (cursor := page.next_cursor) is None:
            break

    items = [message for page in pages for message in page.items]
    assert [len(page.items) for page in pages] == [4, 2]
    assert [message.conversation_id for message in items] == [first, first, second, second, first, first]
    assert [message.role for message in items] == ["assistant", "user"] * 3
    assert len({message.id for message in items}) == 6


async def test_history_of_one_conversation_holds_no_other(company: Company) -> None:
    first, second = await company.member.conversations.start(), await company.member.conversations.start()
    for talk in (first, second):
        await company.member.ask(QUESTION, conversation=talk)

    page = await company.member.conversations.history(second)

    assert {message.conversation_id for message in page.items} == {second}
    assert page.next_cursor is None


async def test_what_is_said_while_one_pages_through_moves_nothing(company: Company) -> None:
    talk = await company.member.conversations.start()
    for _ in range(2):
        await company.member.ask(QUESTION, conversation=talk)
    first = await company.member.conversations.history(limit=2)
    await company.member.ask(QUESTION, conversation=talk)

    rest = await company.member.conversations.history(limit=10, cursor=first.next_cursor)

    assert len({message.id for message in (*first.items, *rest.items)}) == 4


@pytest.mark.parametrize("cursor", ["x", "-1", "1; DROP TABLE messages", "9" * 30])
async def test_a_cursor_that_is_none_of_ours_is_refused(company: Company, cursor: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await company.member.conversations.history(cursor=cursor)

    assert refused.value.field == "cursor"


async def test_a_conversation_is_found_and_renamed(company: Company) -> None:
    talk = await company.member.conversations.start()

    renamed = await company.member.conversations.rename(talk, "Returns")

    assert renamed.title == "Returns"
    assert await company.member.conversations.get(talk) == renamed
    with pytest.raises(InvalidRequest):
        await company.member.conversations.rename(talk, " ")
    with pytest.raises(NotFound):
        await company.member.conversations.get(ConversationId(uuid4()))


async def test_a_turn_that_is_stored_again_stays_as_it_is(company: Company) -> None:
    talk = await company.member.conversations.start()
    answer = await company.member.ask(QUESTION)
    first = await company.member.conversations.add_turn(talk, QUESTION, answer)

    again = await company.member.conversations.add_turn(talk, "another", answer, message_id=first)

    assert again == first
    assert [message.text for message in await company.member.conversations.recent(talk)] == [QUESTION, answer.text]


async def test_turns_that_begin_the_same_conversation_at_once_are_both_in_it(ada: Workspace, pair: object) -> None:
    talk = ConversationId(uuid4())
    texts = [f"Question {n}" for n in range(6)]

    await asyncio.gather(*(ada.conversations.add_turn(talk, each, ANSWER, begins=True) for each in texts))

    said = [message.text for message in await ada.conversations.recent(talk, limit=20) if message.role == "user"]
    assert sorted(said) == texts
    assert (await ada.conversations.get(talk)).title == said[0]


async def test_a_conversation_of_somebody_else_can_not_be_begun(pair: tuple[Workspace, Workspace]) -> None:
    ada, max_ = pair
    talk = await say(ada, "Only mine.")

    with pytest.raises(NotFound):
        await max_.conversations.add_turn(talk, "Mine, too?", ANSWER, begins=True)

    assert [message.text for message in await ada.conversations.recent(talk)] == ["Only mine.", "Noted."]


async def test_the_last_opinion_of_an_answer_counts(company: Company) -> None:
    talk = await company.member.conversations.start()
    message_id = (await company.member.ask(QUESTION, conversation=talk)).message_id
    assert message_id is not None

    await company.member.feedback(message_id, 1, "helpful")
    await company.member.feedback(message_id, -1, "wrong", "It is\0 46.")

    async with company.member._parts.database.tenant(company.member.scope) as session:
        [row] = (await session.execute(select(feedback).where(feedback.c.message_id == message_id))).all()
    assert (row.rating, row.reason, row.comment) == (-1, "wrong", "It is 46.")
    assert company.member.user is not None
    assert row.user_id == company.member.user.id


async def test_only_ones_own_answers_can_be_rated(company: Company) -> None:
    talk = await company.member.conversations.start()
    await company.member.ask(QUESTION, conversation=talk)
    asked, said = await company.member.conversations.recent(talk)

    for workspace, id in ((company.member, asked.id), (company.member, uuid4()), (company.admin, said.id)):
        with pytest.raises(NotFound, match="there is no such answer"):
            await workspace.feedback(id, 1)
    for rating in (0, 2, -2):
        with pytest.raises(InvalidRequest):
            await company.member.feedback(said.id, rating)
    with pytest.raises(InvalidRequest):
        await company.member.feedback(said.id, 1, comment="x" * 5_001)


async def test_what_was_rated_down_is_told_with_what_was_asked_and_to_its_asker_alone(company: Company) -> None:
    talk = await company.member.conversations.start()
    await say(company.member, "First this.", "And then that?", talk=talk, answer="No idea.")
    said = (await company.member.conversations.recent(talk))[-1].id
    good = (await company.member.ask(QUESTION, conversation=talk)).message_id
    assert good is not None
    await company.member.feedback(said, -1, "wrong", "It is 46.")
    await company.member.feedback(good, 1)

    [found] = await company.member.rated_down()
    assert (found.message_id, found.question, found.turns) == (said, "And then that?", ("First this.",))
    assert (found.answer, found.refused, found.reason, found.comment) == ("No idea.", False, "wrong", "It is 46.")
    for other in (company.admin, company.programs):
        assert await other.rated_down() == []
    with pytest.raises(InvalidRequest, match="limit"):
        await company.member.rated_down(limit=0)


async def test_an_admin_is_told_what_members_rated_down_where_the_organisation_lets_admins_read_history(
    company: Company, pair: tuple[Workspace, Workspace]
) -> None:
    for member in (company.member, pair[1]):  # of two organisations
        talk = await say(member, "What is it?")
        await member.feedback((await member.conversations.recent(talk))[-1].id, -1)
    allowed = OrganisationChanges(custom_settings={"admins_read_history": True})
    await company.admin.configure(allowed)

    for email in (None, "ada@acme.test", "max@acme.test"):
        workspace = await company.aura.workspace(company.name, email)
        assert [each.question for each in await workspace.rated_down()] == ["What is it?"]
