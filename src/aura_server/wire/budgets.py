"""Budgets, as they go over the wire."""

from __future__ import annotations

import msgspec

from aura.usage.budgets import Budget


class BudgetBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most `max_micro_usd` millionths of a dollar in each `span` (`day` or `month`), for `subject`: `tenant`,
    `user:<id>`, `key:<id>`, or each of the `users` or `keys` that has none of its own."""

    subject: str
    span: str
    max_micro_usd: int

    @classmethod
    def of(cls, budget: Budget) -> BudgetBody:
        """`budget` on the wire."""
        return cls(subject=budget.subject, span=budget.span.value, max_micro_usd=budget.max_micro_usd)
