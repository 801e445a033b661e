""" "Forget that I live in Rome", said in a conversation: the facts that it means are shown, and go when the user says yes.
"What do you know about me?" shows all.

What is kept of it is the conversation alone. Which facts were shown is read from the question that AURA asked, in a message
that no model wrote; so nothing has to be remembered between the two, on whichever replica they arrive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

from aura.answering.ask import OWN
from aura.answering.asked_slots import keys_of
from aura.answering.lexicon import words
from aura.answering.oneself import about_oneself
from aura.memory.facts import Facts
from aura.memory.slots import normal
from aura.memory.values import Fact

_MOST = 10
_SHARE = 0.5

_REQUEST = re.compile(
    r"(?:please |can you |could you |bitte )?(?:forget(?: about| that)?|delete from (?:your )?memory(?: that)?"
    r"|vergiss(?: bitte)?(?:,? dass)?|lösche? aus (?:deinem )?gedächtnis(?:,? dass)?"
    r"|(?:s'il te plaît,? )?oublie[zr]?(?: que| qu(?='))?|(?:por favor,? )?olvida(?: que)?)"
    r"[:,]? '?(?P<what>.{2,200}?)[.!? ]*",
    re.IGNORECASE | re.DOTALL,
)
_YES = re.compile(
    r"(?:yes|yes please|yep|sure|do it|ja|ja bitte|ja gern|mach das|oui|oui merci|vas-y|sí|si|sí por favor|hazlo)[.! ]*",
    re.IGNORECASE,
)
_NO = re.compile(
    r"(?:no|nope|no thanks|don't|nein|nein danke|lieber nicht|non|non merci|surtout pas|no gracias|mejor no)[.! ]*",
    re.IGNORECASE,
)
_KNOWN: Final = {
    "en": re.compile(
        r"(?:(?:so|hey|hi|please|can you|could you|and),? )*(?:(?:what|everything) (?:do|all|have) you (?:know|remember"
        r"|learned|learnt|stored?|saved?)|tell me (?:what|everything) you (?:know|remember|have learned))"
        r" (?:about|of|on) me(?: so far| already| by now| please)?",
        re.IGNORECASE,
    ),
    "de": re.compile(
        r"(?:(?:und|also|hallo|sag mir|bitte),? )*was (?:wei(?:ß|ss)t du|hast du(?: dir)?) (?:(?:alles|eigentlich|so"
        r"|schon|jetzt|denn) )*(?:über mich|von mir)(?: alles)?(?: gemerkt| gelernt| gespeichert)?",
        re.IGNORECASE,
    ),
    "fr": re.compile(
        r"(?:(?:et|alors|dis-moi|salut),? )*(?:que (?:sais-tu|savez-vous)|qu'est-ce que (?:tu sais|vous savez)|tu sais quoi"
        r"|ce que tu sais|qu'as-tu (?:appris|retenu))(?: déjà)? (?:de|sur) moi",
        re.IGNORECASE,
    ),
    "es": re.compile(
        r"¿?(?:(?:y|entonces|hola|dime),? )*(?:qué|que|lo que) (?:sabes|recuerdas|has aprendido|sabe usted)"
        r"(?: ya)? (?:de|sobre) mí?",
        re.IGNORECASE,
    ),
}
"""By language how one asks for all that memory holds."""
_MOST_SHOWN = 20
_SHOWN: Final = {
    "en": (
        "This is what I have learned from you:\n{lines}\nSay “forget …” to have one of it deleted.",
        "I have learned nothing of you yet, or not yet read it: what you say is read a moment later.",
        "- and {n} more",
    ),
    "de": (
        "Das habe ich von dir gelernt:\n{lines}\nSag „vergiss …“, wenn etwas davon gelöscht werden soll.",
        "Ich habe noch nichts von dir gelernt, oder noch nicht gelesen: Was du sagst, wird einen Augenblick später gelesen.",
        "- und {n} weitere",
    ),
    "fr": (
        "Voici ce que j'ai appris de toi :\n{lines}\nDis « oublie … » pour en supprimer une partie.",
        "Je n'ai encore rien appris de toi, ou pas encore lu : ce que tu dis est lu un instant plus tard.",
        "- et {n} de plus",
    ),
    "es": (
        "Esto es lo que he aprendido de ti:\n{lines}\nDi «olvida …» para borrar algo de ello.",
        "Todavía no he aprendido nada de ti, o aún no lo he leído: lo que dices se lee un momento después.",
        "- y {n} más",
    ),
}
_EMPTY = words("""
    i me my mine that this it is am are was what where how about you know your everything all the a an
    ich mich mir mein meine meinen dass das es ist bin war was wo wie über du weißt dein deine alles der die
    je j moi mon ma mes que qu ça est suis étais ce où comment de du la le les l d tu sais ton tes tout
    yo mi mis me esto es soy era qué dónde cómo el los las lo tú sabes tus todo en à
    """)


def may_concern(message: str) -> bool:
    """Whether `Forgetting` may act on `message`, which then must be all that was said. Costs nothing."""
    said = message.strip()
    return any(each.fullmatch(said) for each in (_REQUEST, _YES, _NO)) or _asks_for_all(said) is not None


class Said(Protocol):
    """A message of the conversation."""

    @property
    def role(self) -> str: ...
    @property
    def text(self) -> str: ...


class Forgetting:
    """Answers what concerns forgetting in one user's conversations; everything else is not its own."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    async def reply(self, message: str, earlier: Sequence[Said]) -> str | None:
        """What to answer to `message`; None where it is an ordinary one. A yes to the question before deletes the facts.

        Cost: nothing for an ordinary message; else a few round trips.
        """
        asked = earlier[-1] if earlier else None
        if asked is not None and getattr(asked, "model", None) == OWN and "\n- " in asked.text:
            words_of = next((each for each in _WORDINGS.values() if asked.text.startswith(_first_line(each.ask))), None)
            if words_of is not None and _YES.fullmatch(message.strip()):
                await self._forget(asked.text)
                return words_of.done
            if words_of is not None and _NO.fullmatch(message.strip()):
                return words_of.kept
        if language := _asks_for_all(message):
            return await self._all(language)
        request = _REQUEST.fullmatch(message.strip())
        if request is None:
            return None
        words_of = next(
            (each for verb, each in _WORDINGS.items() if re.search(verb, message, re.IGNORECASE)), _WORDINGS["forget"]
        )
        meant = _meant(request["what"], (await self._facts.list(limit=1_000)).items)
        if not meant:
            return words_of.nothing if about_oneself(request["what"]) else None
        lines = "\n".join(f"- {fact.text}" for fact in meant)
        return words_of.ask.format(lines=lines)

    async def _all(self, language: str) -> str:
        known = (await self._facts.list(limit=1_000)).items
        all_of_it, nothing, more = _SHOWN[language]
        lines = [f"- {fact.text}" for fact in known[:_MOST_SHOWN]]
        if len(known) > _MOST_SHOWN:
            lines.append(more.format(n=len(known) - _MOST_SHOWN))
        return all_of_it.format(lines="\n".join(lines)) if known else nothing

    async def _forget(self, question: str) -> None:
        shown = {line[2:] for line in question.splitlines() if line.startswith("- ")}
        known = (await self._facts.list(limit=1_000)).items
        for fact in known:
            if fact.text in shown:
                await self._facts.delete(fact.id)


class _Wording(NamedTuple):
    """What is said in one language; the first line of `ask` is like that of no other."""

    ask: str
    kept: str
    done: str
    nothing: str


_WORDINGS: Final = {
    "vergiss|lösch|bitte": _Wording(
        ask="Das weiß ich von dir:\n{lines}\nSoll ich es für immer vergessen? Sag ja oder nein.",
        kept="Gut, ich behalte es.",
        done="Erledigt: Das ist vergessen.",
        nothing="So etwas habe ich von dir nicht gelernt, oder noch nicht: Was du gerade gesagt hast, wird einen"
        " Augenblick später gelesen. Um die Worte selbst zurückzunehmen, lösche das Gespräch.",
    ),
    "oublie": _Wording(
        ask="Voici ce que je sais de toi :\n{lines}\nDois-je l'oublier pour toujours ? Réponds oui ou non.",
        kept="Très bien, je le garde.",
        done="C'est fait : c'est oublié.",
        nothing="Je n'ai rien appris de tel sur toi, ou pas encore : ce que tu viens de dire est lu un instant plus tard."
        " Pour retirer les mots eux-mêmes, supprime la conversation.",
    ),
    "olvida": _Wording(
        ask="Esto es lo que sé de ti:\n{lines}\n¿Lo olvido para siempre? Responde sí o no.",
        kept="De acuerdo, lo conservo.",
        done="Hecho: está olvidado.",
        nothing="No he aprendido nada así de ti, o todavía no: lo que acabas de decir se lee un momento después. Para"
        " retirar las palabras mismas, borra la conversación.",
    ),
    "forget": _Wording(
        ask="I know this of you:\n{lines}\nShall I forget it for good? Say yes, or no.",
        kept="All right, I keep it.",
        done="Done: it is forgotten.",
        nothing="I have learned nothing like that of you, or not yet: what you have just said is read a moment later. To"
        " take back the words themselves, delete the conversation.",
    ),
}
"""By the words that ask for it."""


def _asks_for_all(message: str) -> str | None:
    """The language in which `message` asks for all that is known of its speaker."""
    said = message.strip(" .!?\n").replace("’", "'")
    return next((language for language, pattern in _KNOWN.items() if pattern.fullmatch(said)), None)


def _first_line(text: str) -> str:
    return text.partition("\n")[0]


def _meant(what: str, facts: Iterable[Fact]) -> list[Fact]:
    """The facts that `what` speaks of: at least half of its words are theirs, or those of their slot."""
    wanted = {word for word in _words(what) if word not in _EMPTY}
    stems = {normal(word) for word in wanted}
    scored: list[tuple[float, Fact]] = []
    for fact in facts:
        theirs = {normal(word) for word in _words(fact.text)}
        theirs |= {normal(word) for word in keys_of(fact.slot).split()}
        shared = len(stems & theirs) / len(stems) if stems else 0.0
        if shared >= _SHARE:
            scored.append((shared, fact))
    best = max((score for score, _ in scored), default=0.0)
    return [fact for score, fact in scored if score == best][:_MOST]


def _words(text: str) -> list[str]:
    """Without what French puts in front of a vowel: "j'habite" is "habite"."""
    return re.findall(r"(?!(?:[cdjlmnst]|qu)')[^\W_][\w'-]*", text.casefold().replace("’", "'"))
