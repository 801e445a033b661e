"""What this process has answered since it began, all organisations together: for who watches the platform, not for bills."""

from __future__ import annotations

from collections import Counter

from aura.usage.ledger import Kind, Outcome, UsageRow


class Totals:
    """Sums that know no tenant. They begin at zero with each process."""

    def __init__(self) -> None:
        self.answers: Counter[Outcome] = Counter()
        self.tokens_in = 0
        self.tokens_out = 0
        self.cost_micro_usd = 0
        """Of the calls whose price is known."""
        self.probes: Counter[Outcome] = Counter()
        """What the platform has asked for itself; it is in no other sum."""
        self.probe_cost_micro_usd = 0

    def note(self, row: UsageRow) -> None:
        """Add one call."""
        if row.kind is Kind.CHAT:
            self.answers[row.outcome] += 1
        self.tokens_in += row.tokens_in
        self.tokens_out += row.tokens_out
        self.cost_micro_usd += row.cost_micro_usd or 0

    def note_probe(self, row: UsageRow) -> None:
        """Add one call that the platform has made for itself."""
        self.probes[row.outcome] += 1
        self.probe_cost_micro_usd += row.cost_micro_usd or 0
