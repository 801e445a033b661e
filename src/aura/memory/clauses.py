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
from aura.memory.dates import only_time

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
        if match is not None and only_time(raw):
            continue  # "Yesterday, I …": the day of what follows
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
    r"|nur (?:ein )?(?:spaß|scherz|witz)|war (?:nur )?(?:ein )?(?:spaß|scherz|witz)|spaß beiseite|scherz|quatsch"
    r"|je (?:rigole|plaisante|blague|déconne)|(?:c'est|c'était) une blague|pour rire|mdr|ptdr"
    r"|(?:es|era) (?:una )?broma|(?:estoy )?bromeando|es coña|jaja\w*|jeje\w*)\b"
    r"|[😂🤣😜😉😝]|;-?[)P]",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"(?:^|\b(?:please|can you|could you|would you|bitte|kannst du|könntest du"
    r"|s'il (?:te|vous) plaît|stp|svp|peux-tu|pourrais-tu|pouvez-vous|pourriez-vous|por favor|puedes|podrías"
    r"|puede usted),? )(?:translate|rewrite|rephrase"
    r"|paraphrase|proofread|correct|summari[sz]e|write|draft|compose|imagine|pretend|role-?play|act|simulate|repeat|say"
    r"|complete|übersetze?|schreibe?|formuliere?|korrigiere?|fasse|verfasse|wiederhole?|stell dir vor|tu so|spiele?"
    r"|(?:traduis|réécris|reformule|corrige|résume|écris|rédige|imagine|complète|répète)[rz]?|traduisez|écrivez|joue|dis"
    r"|fais comme si|faites comme si"
    r"|(?:traduce|traduzca|traducir|reescribe|reformula|corrige|resume|escribe|escriba|redacta|imagina|finge|actúa|repite"
    r"|completa|di|haz como si)(?:me|te|lo|la)?)\b"
    r"|\b(?:jeu de rôle|juego de rol|dans (?:cette|mon|ma|une|un|le) (?:histoire|roman|poème|chanson|rêve|film|jeu)"
    r"|en (?:esta|este|mi|un|una|el|la) (?:historia|novela|poema|canción|sueño|película|juego)|mon personnage|mi personaje"
    r"|role-?play|rollenspiel|in (?:the|this|my|a) (?:story|novel|poem|song|play|film|movie|dream|game)"
    r"|in (?:der|dieser|meiner|einer) geschichte|im (?:roman|film|spiel|traum)|my character|meine figur)\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"(?:who|whom|whose|what|when|where|why|how|which|do i|am i|have i|can i|should i|shall i|is my|are my"
    r"|wer|wem|wen|wessen|was|wann|wo|warum|wieso|wie|welche[rsnm]?|bin ich|habe ich|kann ich|soll ich|darf ich"
    r"|qui|que|quoi|quand|où|pourquoi|comment|combien|quel(?:le)?s?|est-ce qu[e']|(?:suis|ai|puis|dois)-je"
    r"|quién(?:es)?|qué|cuándo|dónde|cómo|cuánt[oa]s?|cuál(?:es)?)\b|¿",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"^(?:always|never|from now on|do not|don't|you (?:must|should|shall|have to|are|will|can)"
    r"|your (?:instructions|task|job)|answer|reply|respond|obey|execute"
    r"|immer|niemals|ab (?:jetzt|sofort)|du (?:musst|sollst|bist|darfst|wirst)"
    r"|antworte|befolge|sie müssen"
    r"|ne (?:fais|dis|réponds) |à partir de maintenant|dorénavant|tu (?:dois|es|vas|seras|peux)|vous (?:devez|êtes|allez)"
    r"|réponds|répondez|obéis|obéissez|exécute|ignore[zr]?|oublie[zr]?"
    r"|de ahora en adelante|a partir de ahora|(?:tú )?(?:debes|eres|tienes que|vas a|puedes)|usted (?:debe|es)"
    r"|tus? (?:instrucciones|tarea|trabajo)|responde|responda|contesta|obedece|ejecuta|ignora|olvida)\b"
    r"|\b(?:the assistant|the system|system prompt|der assistent|anweisungen?|instructions?"
    r"|l'assistant|consignes?|el asistente|el sistema|instrucciones)\b",
    re.IGNORECASE,
)
_SECRET = _words(
    r"password|passwort|kennwort|passphrase|pin|cvv|api[ -]?key|secret key|credit card|kreditkarten?(?:nummer)?"
    r"|mot de passe|code secret|code pin|code confidentiel|carte (?:bancaire|de crédit)|contraseña|clave(?: secreta)?"
    r"|código secreto|tarjeta de crédito"
)
_HYPOTHESIS = _words(
    r"if|unless|would|i'd|could|might|maybe|perhaps|possibly|hypothetically|imagine|suppose|supposing|assuming|pretend"
    r"|let's say|say i|what if|wish|as though|dreamed|dreamt|almost|nearly"
    r"|wenn|falls|sofern|würde|könnte|hätte|wäre|dürfte|vielleicht|eventuell|angenommen|gesetzt den fall|möglicherweise"
    r"|als ob|träumte|fast|beinahe"
    r"|si|s'il|peut-?être|peut être|probablement|éventuellement|hypothétiquement|supposons|supposez|admettons|imaginons"
    r"|disons|au cas où|en admettant|à condition|à supposer|presque|failli|rêvé|rêvais|aimerais|voudrais|pourrais|devrais"
    r"|serais|aurais|habiterais|vivrais|travaillerais|sans doute|quand (?:je|j)"
    r"|quiz[aá]s?|tal vez|a lo mejor|puede (?:ser )?que|probablemente|posiblemente|hipotéticamente|supongamos|supón"
    r"|imagin(?:a|emos|ate)|imagínate|digamos|en caso de|acaso|ojalá|casi|soñé|soñaba|quisiera|gustaría|encantaría"
    r"|podría|debería|sería|tendría|viviría|trabajaría|estaría|cuando"
)
_REPORTED = re.compile(
    r"(?<!\w)(?!(?:i|as i|ich|wie ich)\b)[\w' ]{2,40} (?:says?|said|tells?|told|asks?|asked|thinks?|thought|claims?|claimed"
    r"|believes?|wrote|writes|shouted|sagt|sagte|meint|meinte|glaubt|glaubte|behauptet|behauptete|schrieb|fragte|erzählte?)"
    r"(?!\w)|^(?:according to|laut|selon|d'après|según)\b"
    r"|(?<!\w)(?:il|elle|on|ils|elles|(?:m(?:on|a|es)|son|sa|ses|le|la|les|un|une) [\w' ]{2,30})"
    r" (?:m'|me |lui )?(?:a |ont )?"
    r"(?:dit|disent|disait|pense|pensent|croit|croient|prétend|affirme|demande|demandé|écrit|raconte|raconté|trouve|crie)"
    r"(?!\w)|^(?:il paraît|on dirait)"
    r"|(?<!\w)(?:dice[ns]?|dijo|dijeron|decía|cree[ns]?|creía|piensan?|afirman?|asegura|opina[ns]?|escribió|preguntó"
    r"|pregunta|contó|cuenta) que(?!\w)|(?<!\w)(?:dijo|dice|escribió|gritó)\s*$",
    re.IGNORECASE,
)
_OWN = r"i|i'm|i've|i'll|my|we|our|mine|me|ich|mein(?:e[rnsm]?)?|mir|mich|wir|unsere?"
_VERBS = (
    r"work|live|love|like|enjoy|hate|dislike|prefer|speak|have|own|drive|use|am|was|moved|started|joined|quit|bought|went"
    r"|visited|got|don't|do not|can't|arbeite|wohne|lebe|liebe|mag|hasse|bevorzuge|spreche|habe|bin|war|fahre|trinke|esse"
)
_OTHERS = r"he|she|it|they|you|this|that|the|er|sie|es|du|das|die|der|because|which|weil|please|bitte"
_FRENCH = r"je|j(?=')|mon|ma|mes|il|elle|ils|elles|tu|vous|ça|parce|s'il te|s'il vous"
_SPANISH = (
    r"yo|mi|mis|me|(?:ya )?no (?:me|vivo|hablo|trabajo|soy|tengo|como|bebo)|vivo|trabajo|hablo|estoy|prefiero|detesto|nací"
    r"|vengo|voy a|él|ella|ellos|ellas|usted|porque|por favor"
)
_SUBJECTLESS = re.compile(rf"(?:(?:also|now|really|auch|jetzt) )?(?:{_VERBS})\b(?! (?:{_OWN})\b)", re.IGNORECASE)
_BREAK = re.compile(
    rf"[;—–]\s*|, (?:(?:and|but|so|und|aber|sondern|also) )?"
    rf"(?=(?:(?:now|also|really|then|jetzt|auch|dann) )?(?:{_OWN}|{_VERBS}|{_OTHERS})\b)|:\s+(?=(?:{_OWN})\b)"
    rf"| (?:and|but|so|while|und|aber|sondern|während) "
    rf"(?=(?:(?:now|also|really|then|jetzt|auch|dann) )?(?:{_OWN}|{_VERBS})\b)"
    rf"|(?:, (?:(?:et|mais|donc|puis|car) )?| (?:et|mais|donc|puis|car) )"
    rf"(?=(?:(?:maintenant|aussi|puis|donc) )?(?:{_FRENCH})\b)"
    rf"|(?:, (?:(?:y|pero|sino|así que) )?| (?:y|pero|sino|así que) )(?=(?:(?:ahora|también|ya|además) )?(?:{_SPANISH})\b)"
    r"| (?:y|pero) (?=(?:ya )?(?:no )?(?:soy|tengo|uso|amo|odio)\b)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"\s*(?:(?:by the way|btw|fyi|for the record|just so you know|please note(?: that)?|please remember(?: that)?|remember"
    r"(?: that)?|note that|you should know(?: that)?|as i said|like i said|i (?:told|said|mentioned)(?: you)?(?: that)?"
    r"|i think(?: that)?|actually|well|so|oh|ok|okay|yes|no(?=[,:!]| i\b)|yeah|hi|hello|hey|also|and|but|then|in fact"
    r"|to be honest|honestly"
    r"|übrigens|zur info|nur damit du es weißt|wie gesagt|eigentlich|also|ach|ja|nein|ok|hallo|hi|und|aber|außerdem"
    r"|ehrlich gesagt"
    r"|d'ailleurs|au fait|pour info|en fait|bonjour|bonsoir|salut|coucou|oui|non(?=[,:!]| j)|bon|alors|eh bien|et|mais|puis"
    r"|donc|sache que|notez? que|n'oublie pas que|souviens-toi que|comme je l'ai dit|honnêtement|en réalité"
    r"|por cierto|hola|buenas|buenos días|buenas tardes|sí|bueno|pues|entonces|además|y|pero|en realidad|la verdad es que"
    r"|recuerda que|ten en cuenta que|que sepas que|como (?:te )?dije|sinceramente)(?: there)?[,:!]?\s+)+",
    re.IGNORECASE,
)
