"""An admin may ask in a member's name, and learns nothing of the member by it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from memory_support import PASSWORD, PRIVATE_QUESTION, QUESTION, Company

from aura import Denied, Final, NotFound, Workspace
from aura.identity import UserId
from aura.tenants.values import OrganisationChanges


def id_of(workspace: Workspace) -> UserId:
    assert workspace.user is not None
    return workspace.user.id


async def delegated(company: Company, caller: Workspace | None = None) -> Workspace:
    return await (caller or company.admin).on_behalf_of(id_of(company.member))


async def test_what_an_admin_asks_is_in_the_members_conversation(company: Company) -> None:
    delegate = await delegated(company)
    talk = await delegate.conversations.start()

    answer = await delegate.ask(QUESTION, conversation=talk)

    assert "47 days" in answer.text
    [asked, said] = await company.member.conversations.recent(talk)
    assert (asked.text, said.text) == (QUESTION, answer.text)
    with pytest.raises(NotFound):
        await company.admin.conversations.recent(talk)


async def test_the_members_history_stays_closed_by_every_call(company: Company) -> None:
    talk = await company.member.conversations.start()
    message_id = (await company.member.ask(QUESTION, conversation=talk)).message_id
    assert message_id is not None
    for caller in (company.admin, company.programs):
        delegate = await delegated(company, caller)
        calls = [
            lambda d=delegate: d.conversations.history(),
            lambda d=delegate: d.conversations.history(talk),
            lambda d=delegate: d.conversations.recent(talk),
            lambda d=delegate: d.conversations.get(talk),
            lambda d=delegate: d.conversations.list(),
            lambda d=delegate: d.conversations.rename(talk, "planted"),
            lambda d=delegate: d.conversations.delete(talk),
            lambda d=delegate: d.feedback(message_id, 1),
        ]
        for call in calls:
            with pytest.raises(NotFound):
                await call()
    assert len(await company.member.conversations.recent(talk)) == 2


async def test_memory_is_not_used_for_who_may_not_read_it(company: Company) -> None:
    talk = await company.member.conversations.start()
    await company.member.ask("Who is Maximilian?", conversation=talk)

    answer = await (await delegated(company)).ask("And what is that?", conversation=talk)

    assert answer.question == "And what is that?"


@pytest.mark.usefixtures("salary")
async def test_the_members_private_documents_answer_the_member_alone(company: Company) -> None:
    delegate = await delegated(company)
    document = next(d for d in (await company.member.documents.list()).items if d.visibility == "private")

    assert "4711" in (await company.member.ask(PRIVATE_QUESTION)).text
    assert "4711" not in repr(await delegate.ask(PRIVATE_QUESTION))
    assert "4711" not in repr([event async for event in delegate.stream(PRIVATE_QUESTION)])
    assert "4711" not in repr(await delegate.search(PRIVATE_QUESTION))
    assert document.id not in {d.id for d in (await delegate.documents.list()).items}
    with pytest.raises(NotFound):
        await delegate.documents.text(document.id)


@pytest.mark.usefixtures("salary")
async def test_responses_are_their_askers_own(company: Company) -> None:
    delegate = await delegated(company)
    by_admin = await delegate.responses.start(QUESTION)
    by_member = await company.member.responses.start(PRIVATE_QUESTION)

    events = [event async for event in delegate.responses.read(by_admin)]
    assert isinstance(events[-1], Final)
    for workspace, id in (
        (delegate, by_member),
        (company.admin, by_member),
        (company.member, by_admin),
        (company.admin, by_admin),
        (await delegated(company, company.programs), by_admin),
    ):
        for call in (
            workspace.responses.get,
            workspace.responses.stop,
            lambda i, w=workspace: anext(w.responses.read(i)),
        ):
            with pytest.raises(NotFound):
                await call(id)


async def test_a_delegate_has_none_of_the_admins_rights(company: Company) -> None:
    delegate = await delegated(company)

    with pytest.raises(Denied):
        _ = delegate.users
    with pytest.raises(Denied):
        await delegate.erase()
    with pytest.raises(Denied):
        async for _ in delegate.documents.ingest(b"planted", filename="planted.txt"):
            pass


async def test_nobody_but_an_admin_asks_for_others_and_strangers_are_not_found(company: Company) -> None:
    other = await company.aura.tenants.create(
        organization_name="Other", subdomain=f"o-{uuid4().hex[:8]}", admin_email="o@o.test", password=PASSWORD
    )
    [stranger] = (await other.users.list()).items

    for caller, id in (
        (company.member, id_of(company.admin)),
        (company.member, UserId(uuid4())),
        (company.admin, stranger.id),
        (company.admin, UserId(uuid4())),
    ):
        with pytest.raises(NotFound, match="there is no such user"):
            await caller.on_behalf_of(id)
    assert await company.member.on_behalf_of(id_of(company.member)) is company.member


@pytest.mark.usefixtures("salary")
async def test_an_organisation_can_open_histories_to_its_admins(company: Company) -> None:
    talk = await company.member.conversations.start()
    await company.member.ask(QUESTION, conversation=talk)
    organisations = company.aura.tenants._organisations
    await organisations.update(
        company.admin.scope.tenant_id, OrganisationChanges(custom_settings={"admins_read_history": True})
    )
    admin = await company.aura.workspace(company.name, "ada@acme.test")

    delegate = await delegated(company, admin)

    assert len((await delegate.conversations.history()).items) == 2
    assert "4711" not in repr(await delegate.ask(PRIVATE_QUESTION))
