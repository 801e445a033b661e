"""What of a turn its speaker says in their own name and means: clause by clause, with the place of each in the turn.

Left out are questions, hypotheses, jokes, quotations, reported speech, texts that are to be worked on, and whatever is
addressed to the assistant as an instruction. Better a fact too few than one that nobody stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from aura.answering.hygiene import instructs
from aura.answering.sentences import units

LONGEST_TURN: Final = 6_000
"""Characters of a turn; a longer one is a text that somebody pasted."""


class Clause(NamedTuple):
    """The characters `[start, end)` of a turn. `follows`: its subject is that of the clause before."""

    text: str
    start: int
    end: int
    follows: bool = False


def stated(turn: str) -> list[Clause]:
    """The clauses of `turn` that state something in its speaker's name."""
    if len(turn) > LONGEST_TURN or _JOKE.search(turn):
        return []
    text = _without_quotations(turn.replace("’", "'"))
    sentences = units(text)
    if any(instructs(text[span.start : span.end]) for span in sentences):
        return []  # whoever tries to steer the assistant is not believed in the same breath
    found: list[Clause] = []
    for span in sentences:
        sentence = text[span.start : span.end]
        if _TASK.search(sentence):
            break  # what follows is the material of the task
        if _is_meant(sentence):
            found.extend(_clauses(sentence, span.start))
    return found


def _is_meant(sentence: str) -> bool:
    return not (
        sentence.rstrip("\"') ").endswith("?")
        or _QUESTION.match(sentence)
        or _INSTRUCTION.search(sentence)
        or _SECRET.search(sentence)
    )


def _clauses(sentence: str, offset: int) -> Iterator[Clause]:
    """The clauses of a sentence up to the first that makes what follows a hypothesis or somebody else's words."""
    place = 0
    for match in [*_BREAK.finditer(sentence), None]:
        end = len(sentence) if match is None else match.start()
        raw = sentence[place:end]
        if _HYPOTHESIS.search(raw) or _REPORTED.search(raw):
            return
        lead = _LEAD.match(raw)
        start = place + (lead.end() if lead else 0)
        text = sentence[start:end].rstrip(" .,;:!…")
        if text:
            follows = bool(_SUBJECTLESS.match(text))
            yield Clause(text, offset + start, offset + start + len(text), follows)
        if match is not None:
            place = match.end()


def _without_quotations(text: str) -> str:
    """`text` with blanks in the place of what is quoted, of code, and of lines that are marked as another's."""
    return _QUOTED.sub(lambda match: " " * len(match.group()), text)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{pattern})(?!\w)", re.IGNORECASE)


_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]*`|^[ \t]*>.*?$|\"[^\"\n]*\"|“[^”\n]*”|„[^“”\n]*[“”]|«[^»\n]*»|»[^«\n]*«",
    re.DOTALL | re.MULTILINE,
)
_JOKE = re.compile(
    r"\b(?:just kidding|only kidding|kidding|just joking|joking|jk|lol|rofl|lmao|haha\w*|hehe|not really|as a joke"
    r"|nur (?:ein )?(?:spaß|scherz|witz)|war (?:nur )?(?:ein )?(?:spaß|scherz|witz)|spaß beiseite|scherz|quatsch)\b"
    r"|[😂🤣😜😉😝]|;-?[)P]",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"(?:^|\b(?:please|can you|could you|would you|bitte|kannst du|könntest du),? )(?:translate|rewrite|rephrase"
    r"|paraphrase|proofread|correct|summari[sz]e|write|draft|compose|imagine|pretend|role-?play|act|simulate|repeat|say"
    r"|complete|übersetze?|schreibe?|formuliere?|korrigiere?|fasse|verfasse|wiederhole?|stell dir vor|tu so|spiele?)\b"
    r"|\b(?:role-?play|rollenspiel|in (?:the|this|my|a) (?:story|novel|poem|song|play|film|movie|dream|game)"
    r"|in (?:der|dieser|meiner|einer) geschichte|im (?:roman|film|spiel|traum)|my character|meine figur)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"(?:who|whom|whose|what|when|where|why|how|which|do i|am i|have i|can i|should i|shall i|is my|are my"
    r"|wer|wem|wen|wessen|was|wann|wo|warum|wieso|wie|welche[rsnm]?|bin ich|habe ich|kann ich|soll ich|darf ich)\b",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"^(?:always|never|from now on|do not|don't|you (?:must|should|shall|have to|are|will|can)"
    r"|your (?:instructions|task|job)|answer|reply|respond|obey|execute"
    r"|immer|niemals|ab (?:jetzt|sofort)|du (?:musst|sollst|bist|darfst|wirst)"
    r"|antworte|befolge|sie müssen)\b"
    r"|\b(?:the assistant|the system|system prompt|der assistent|anweisungen?|instructions?)\b",
    re.IGNORECASE,
)
_SECRET = _words(
    r"password|passwort|kennwort|passphrase|pin|cvv|api[ -]?key|secret key|credit card|kreditkarten?(?:nummer)?"
)
_HYPOTHESIS = _words(
    r"if|unless|would|i'd|could|might|maybe|perhaps|possibly|hypothetically|imagine|suppose|supposing|assuming|pretend"
    r"|let's say|say i|what if|wish|as though|dreamed|dreamt|almost|nearly"
    r"|wenn|falls|sofern|würde|könnte|hätte|wäre|dürfte|vielleicht|eventuell|angenommen|gesetzt den fall|möglicherweise"
    r"|als ob|träumte|fast|beinahe"
)
_REPORTED = re.compile(
    r"(?<!\w)(?!(?:i|as i|ich|wie ich)\b)[\w' ]{2,40} (?:says?|said|tells?|told|asks?|asked|thinks?|thought|claims?|claimed"
    r"|believes?|wrote|writes|shouted|sagt|sagte|meint|meinte|glaubt|glaubte|behauptet|behauptete|schrieb|fragte|erzählte?)"
    r"(?!\w)|^(?:according to|laut)\b",
    re.IGNORECASE,
)
_OWN = r"i|i'm|i've|i'll|my|we|our|mine|me|ich|mein(?:e[rnsm]?)?|mir|mich|wir|unsere?"
_VERBS = (
    r"work|live|love|like|enjoy|hate|dislike|prefer|speak|have|own|drive|use|am|was|moved|started|joined|quit|bought|went"
    r"|visited|got|don't|do not|can't|arbeite|wohne|lebe|liebe|mag|hasse|bevorzuge|spreche|habe|bin|war|fahre|trinke|esse"
)
_OTHERS = r"he|she|it|they|you|this|that|the|er|sie|es|du|das|die|der|because|which|weil|please|bitte"
_SUBJECTLESS = re.compile(rf"(?:(?:also|now|really|auch|jetzt) )?(?:{_VERBS})\b(?! (?:{_OWN})\b)", re.IGNORECASE)
_BREAK = re.compile(
    rf"[;—–]\s*|, (?:(?:and|but|so|und|aber|sondern|also) )?"
    rf"(?=(?:(?:now|also|really|then|jetzt|auch|dann) )?(?:{_OWN}|{_VERBS}|{_OTHERS})\b)|:\s+(?=(?:{_OWN})\b)"
    rf"| (?:and|but|so|while|und|aber|sondern|während) "
    rf"(?=(?:(?:now|also|really|then|jetzt|auch|dann) )?(?:{_OWN}|{_VERBS})\b)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"\s*(?:(?:by the way|btw|fyi|for the record|just so you know|please note(?: that)?|please remember(?: that)?|remember"
    r"(?: that)?|note that|you should know(?: that)?|as i said|like i said|i (?:told|said|mentioned)(?: you)?(?: that)?"
    r"|i think(?: that)?|actually|well|so|oh|ok|okay|yes|no|yeah|hi|hello|hey|also|and|but|then|in fact"
    r"|to be honest|honestly"
    r"|übrigens|zur info|nur damit du es weißt|wie gesagt|eigentlich|also|ach|ja|nein|ok|hallo|hi|und|aber|außerdem"
    r"|ehrlich gesagt)(?: there)?[,:!]?\s+)+",
    re.IGNORECASE,
)
