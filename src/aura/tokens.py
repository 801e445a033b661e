"""How many tokens a text has, for whoever has not the tokenizer of the model that reads it."""

from __future__ import annotations


def estimate_tokens(text: str) -> int:
    """About how many tokens: one for four bytes of UTF-8, so that scripts whose letters are tokens count for more.

    Counting by a tokenizer costs milliseconds a passage, and it would be another model's.
    """
    return (len(text.encode("utf-8", "replace")) + 3) // 4
