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
        if _TASK.search(sentence) or _FICTION.search(sentence):
            break  # what follows is the material of the task, or a tale
        if _is_meant(sentence):
            found.extend(_clauses(sentence, span.start))
        if _introduces(sentence):
            break  # a letter or a form that somebody pasted goes on behind its first sentence
    return found


def tells_a_secret(text: str) -> bool:
    """Whether `text` names a password, a PIN or the like."""
    return _SECRET.search(text) is not None


def _introduces(sentence: str) -> bool:
    """Whether something stands before a colon that is no word of the speaker's own to the assistant: a text follows."""
    head, *text = _COLON.split(sentence, maxsplit=1)
    return bool(text) and bool(_REPORTED.search(head) or not (_OF_ONESELF.search(head) or _NOTICE.search(head)))


def _is_meant(sentence: str) -> bool:
    return not (
        sentence.rstrip("\"') ").endswith("?")
        or _QUESTION.match(sentence)
        or _INSTRUCTION.search(sentence)
        or _SECRET.search(sentence)
    )


def _clauses(sentence: str, offset: int) -> Iterator[Clause]:
    """The clauses of a sentence up to the first that makes what follows a hypothesis or somebody else's words."""
    place, own = 0, True
    for match in [*_BREAK.finditer(sentence), None]:
        end = len(sentence) if match is None else match.start()
        raw = sentence[place:end]
        if match is not None and only_time(raw):
            continue  # "Yesterday, I …": the day of what follows
        if _HYPOTHESIS.search(raw) or _REPORTED.search(raw):
            return
        if match is not None and match.group().strip().startswith(":") and _introduces(f"{raw}:"):
            return
        lead = _LEAD.match(raw)
        start = place + (lead.end() if lead else 0)
        text = sentence[start:end].rstrip(" .,;:!…")
        follows = bool(_SUBJECTLESS.match(text))
        own = own if follows else bool(_SPEAKER.search(text))
        if text and (own or not follows):  # "my son is five and likes no fish" says nothing of its speaker
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
    r"|yeah,? right|mein name ist hase|nur (?:ein )?(?:spaß|scherz|witz)|war (?:nur )?(?:ein )?(?:spaß|scherz|witz)"
    r"|spaß beiseite|scherz|quatsch|je (?:rigole|plaisante|blague|déconne)|(?:c'est|c'était) une blague|pour rire|mdr"
    r"|ptdr|(?:es|era) (?:una )?broma|(?:estoy )?bromeando|es coña|jaja\w*|jeje\w*)\b|[😂🤣😜😉😝]|;-?[)P]",
    re.IGNORECASE,
)
_TASK = re.compile(
    r"(?:^|\b(?:please|can you|could you|would you|bitte|kannst du|könntest du|s'il (?:te|vous) plaît|stp|svp|peux-tu"
    r"|pourrais-tu|pouvez-vous|pourriez-vous|por favor|puedes|podrías|puede usted),? )(?:translate|rewrite|rephrase"
    r"|paraphrase|proofread|correct|summari[sz]e|write|draft|compose|imagine|pretend|role-?play|act|simulate|repeat"
    r"|say|complete|übersetze?|schreibe?|formuliere?|korrigiere?|fasse|verfasse|wiederhole?|stell dir vor|tu so"
    r"|spiele?|(?:traduis|réécris|reformule|corrige|résume|écris|rédige|imagine|complète|répète)[rz]?|traduisez"
    r"|écrivez|joue|dis|fais comme si|faites comme si|(?:traduce|traduzca|traducir|reescribe|reformula|corrige|resume"
    r"|escribe|escriba|redacta|imagina|finge|actúa|repite|completa|di|haz como si)(?:me|te|lo|la)?)\b"
    r"|\b(?:jeu de rôle|juego de rol|dans (?:cette|mon|ma|une|un|le) (?:histoire|roman|poème|chanson|rêve|film|jeu)"
    r"|en (?:esta|este|mi|un|una|el|la) (?:historia|novela|poema|canción|sueño|película|juego)|mon personnage"
    r"|mi personaje|role-?play|rollenspiel|in (?:the|this|my|a) (?:story|novel|poem|song|play|film|movie|dream|game)"
    r"|in (?:der|dieser|meiner|einer) geschichte|im (?:roman|film|spiel|traum)|my character|meine figur)\b",
    re.IGNORECASE,
)
_FICTION = re.compile(
    r"^angenommen\b|\b(?:let's (?:pretend|imagine|assume|say)|pretend|imagine|suppose|assume|stell dir vor|nehmen wir an"
    r"|tun wir so|imagin(?:e|ez|ons)|supposons|supposez|admettons|faisons comme si|imagin(?:a|e|emos)|imagínate"
    r"|supongamos|finge|finjamos)\b(?! (?:so|not)\b)",
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
    r"^(?:always|never|from now on|do not|don't|you (?:must|should|shall|have to|are|will|can(?! call me))"
    r"|your (?:instructions"
    r"|task|job)|answer|reply|respond|obey|execute|immer|niemals|ab (?:jetzt|sofort)|du (?:musst|sollst|bist|darfst"
    r"|wirst)|antworte|befolge|sie müssen|ne (?:fais|dis|réponds) |à partir de maintenant|dorénavant|tu (?:dois|es"
    r"|vas|seras|peux(?! m'appeler))|vous (?:devez|êtes|allez)|réponds|répondez|obéis|obéissez|exécute"
    r"|ignore[zr]?|oublie[zr]?|de ahora en adelante|a partir de ahora|(?:tú )?(?:debes|eres|tienes que|vas a|puedes)"
    r"|usted (?:debe|es)"
    r"|tus? (?:instrucciones|tarea|trabajo)|responde|responda|contesta|obedece|ejecuta|ignora|olvida)\b"
    r"|\b(?:the assistant|the system|system prompt|der assistent|anweisungen?|instructions?|l'assistant|consignes?"
    r"|el asistente|el sistema|instrucciones)\b",
    re.IGNORECASE,
)
_SECRET = _words(
    r"password|passwort|kennwort|passphrase|pin|cvv|api[ -]?key|secret key|credit card|kreditkarten?(?:nummer)?"
    r"|mot de passe|code secret|code pin|code confidentiel|carte (?:bancaire|de crédit)|contraseña|clave(?: secreta)?"
    r"|código secreto|tarjeta de crédito"
)
_HYPOTHESIS = _words(
    r"if|unless|would|i'd|could|might|maybe|perhaps|possibly|hypothetically|imagine|suppose|supposing|assuming"
    r"|pretend|let's say|say i|what if|wish|as though|dreamed|dreamt|almost|nearly|basically|practically"
    r"|i (?:\w+ )?(?:thought|believed|assumed|doubt|suspect)|not true that|never said|was told|don't (?:think"
    r"|believe)|allegedly|supposedly|wenn|falls|sofern|würde|könnte|hätte|wäre|dürfte|vielleicht|eventuell|angenommen"
    r"|gesetzt den fall|möglicherweise|als ob|träumte|fast|beinahe|quasi|sozusagen|praktisch|ich (?:dachte|glaubte"
    r"|bezweifle|befürchte)|im scherz|(?:stimmt|wahr|richtig) nicht,? dass|nicht (?:wahr|richtig|der fall),? dass"
    r"|angeblich|si|s'il|peut-?être|peut être|probablement|éventuellement|hypothétiquement|supposons|supposez"
    r"|admettons|imaginons|disons|au cas où|en admettant|à condition|à supposer|presque|failli|rêvé|rêvais|aimerais"
    r"|voudrais|pourrais|devrais|je (?:croyais|pensais|doute)|pas vrai|faux que|quasiment|pratiquement|soi-disant"
    r"|serais|aurais|habiterais|vivrais|travaillerais|sans doute|quand (?:je|j)|quiz[aá]s?|tal vez|a lo mejor"
    r"|puede (?:ser )?que|probablemente|posiblemente|hipotéticamente|supongamos|supón|imagin(?:a|emos|ate)|imagínate"
    r"|digamos|en caso de|acaso|ojalá|casi|soñé|soñaba|quisiera|gustaría|encantaría|creía|pensaba|dudo|mentira que"
    r"|no es (?:verdad|cierto)|prácticamente|supuestamente|podría|debería|sería|tendría|viviría|trabajaría|estaría"
    r"|cuando"
)
_REPORTED = re.compile(
    r"(?<!\w)(?!(?:i|as i|ich|wie ich)\b)[\w' ]{2,40} (?:says?|said|tells?|told|asks?|asked|thinks?|thought|claims?"
    r"|claimed|believes?|wrote|writes|shouted|sagt|sagte|schreibt|steht|meint|meinte|glaubt|glaubte|behauptet"
    r"|behauptete|schrieb|fragte|erzählte?)(?!\w)|^(?:according to|laut|selon|d'après|según)\b|(?<!\w)(?:il|elle|on"
    r"|ils|elles|(?:m(?:on|a|es)|son|sa|ses|le|la|les|un|une) [\w' ]{2,30}) (?:m'|me |lui )?(?:a |ont )?(?:dit|disent"
    r"|disait|pense|pensent|croit|croient|prétend|affirme|demande|demandé|écrit|raconte|raconté|trouve|crie)(?!\w)"
    r"|^(?:il paraît|on dirait)|(?<!\w)(?:dice[ns]?|dijo|dijeron|decía|cree[ns]?|creía|piensan?|afirman?|asegura"
    r"|opina[ns]?|escribió|preguntó|pregunta|contó|cuenta) que(?!\w)|(?<!\w)(?:dijo|dice|escribió|gritó)\s*$",
    re.IGNORECASE,
)
_OWN = r"i|i'm|i've|i'll|my|we|our|mine|me|ich|mein(?:e[rnsm]?)?|mir|mich|wir|unsere?"
_VERBS = (
    r"work|live|love|like|enjoy|hate|dislike|prefer|speak|have|own|drive|use|am(?! (?-i:[A-ZÄÖÜ\d]))|was|moved|started"
    r"|joined|quit|bought|went|visited|got|don't|do not|can't|arbeite|wohne|lebe|liebe|mag|hasse|bevorzuge|spreche|habe|bin"
    r"|war|fahre|trinke|esse"
)
_SPEAKER = re.compile(r"\b(?:i|i'm|i've|im|ive|we|ich|wir)\b", re.IGNORECASE)
_OTHERS = r"he|she|it|they|you|this|that|the|er|sie|es|du|das|die|der|because|which|weil|please|bitte"
_FRENCH = r"je|j(?=')|mon|ma|mes|il|elle|ils|elles|tu|vous|ça|parce|s'il te|s'il vous"
_SPANISH = (
    r"yo|mi|mis|me|(?:ya )?no (?:me|vivo|hablo|trabajo|soy|tengo|como|bebo)|vivo|trabajo|hablo|estoy|prefiero|detesto"
    r"|nací|vengo|voy a|él|ella|ellos|ellas|usted|porque|por favor"
)
_OF_ONESELF = _words(
    rf"{_OWN}|im|ive|myself|{_FRENCH}|nous|on|yo|mi|mis|me|nos|nosotr[oa]s|nuestr[oa]s?|soy|estoy|tengo|he|hemos|vivo|trabajo"
    r"|hablo|uso|voy|quiero|prefiero"
)
"""Words of one who speaks of themselves."""
_NOTICE = _words(
    r"remember|note|reminder|fyi|for your information|info|update|news|correction|sorry|by the way|btw|ps|p\.s\."
    r"|anyway|fun fact|facts?|things|keep in mind|for the record|just so you know|about us|plan|details?|merk(?:e|en sie)?"
    r"|notier(?:e|en sie)?|denk|zur info|übrigens|korrektur|neuigkeit(?:en)?|nachtrag|ergänzung|hinweis|retiens"
    r"|note[zr]?|rappel|au fait|d'ailleurs|pour info|pardon|correction|nouvelle|mise à jour|bref|recuerda|nota|apunta"
    r"|ojo|te cuento|por cierto|perdón|corrección|aviso|novedad(?:es)?|resumiendo"
)
"""What announces a statement to the assistant."""
_COLON = re.compile(r"\s?:(?=\s|$)")
_SUBJECTLESS = re.compile(rf"(?:(?:also|now|really|auch|jetzt) )?(?:{_VERBS})\b(?! (?:{_OWN})\b)", re.IGNORECASE)
_BREAK = re.compile(
    rf"[;—–]\s*|, (?:(?:and|but|so|und|aber|sondern|also) )?(?=(?:(?:now|also|really|then|jetzt|auch"
    rf"|dann) )?(?:{_OWN}|{_VERBS}|{_OTHERS})\b)|\s?:\s+(?=(?:{_OWN}|im|{_FRENCH}|{_SPANISH})\b)|, (?:although|though"
    rf"|whereas|obwohl|bien que|aunque) (?=(?:{_OWN}|{_FRENCH}|{_SPANISH})\b)"
    r"|, (?=(?:sondern|not|sino)\b)| and (?=(?:it|he|she|they) )"
    rf"| (?:and|but|so|while|und|aber|sondern|während) (?=(?:(?:now|also|really|then|jetzt|auch|dann) )?(?:{_OWN}"
    rf"|{_VERBS})\b)|(?:, (?:(?:et|mais|donc|puis|car) )?| (?:et|mais|donc|puis|car) )(?=(?:(?:maintenant|aussi|puis"
    rf"|donc) )?(?:{_FRENCH})\b)|(?:, (?:(?:y|pero|sino|así que) )?| (?:y|pero|sino|así que) )(?=(?:(?:ahora|también"
    rf"|ya|además) )?(?:{_SPANISH})\b)"
    r"| (?:y|pero) (?=(?:ya )?(?:no )?(?:soy|tengo|uso|amo|odio)\b)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"\s*(?:(?:by the way|btw|fyi|for the record|just so you know|please note(?: that)?|please remember(?: that)?"
    r"|(?:do )?remember(?: that)?|don't forget(?: that)?|keep in mind(?: that)?|for your information|note that"
    r"|you should know(?: that)?|as i said|like i said|i (?:told|said|mentioned)(?: you)?(?: that)?|i think(?: that)?"
    r"|actually|well|so|oh|ok|okay|yes|no(?=[,:!]| i\b)|yeah|hi|hello|hey|also|and|but|then|in fact|to be honest"
    r"|honestly|übrigens|zur info|nur damit du es weißt|wie gesagt|eigentlich|also|ach|ja|nein|ok|hallo|hi|und|aber"
    r"|außerdem|ehrlich gesagt|(?:bitte )?(?:merk(?:e|en sie)?|notier(?:e|en sie)?|denk(?:e|en sie)?)(?: dir"
    r"| sich)?(?: bitte)?(?: dran| daran)?,? dass|nur zur info|vergiss nicht,? dass|d'ailleurs|au fait|pour info"
    r"|en fait|bonjour|bonsoir|salut|coucou|oui|non(?=[,:!]| j)|bon|alors|eh bien|et|mais|puis|donc|sache que"
    r"|notez? que|n'oublie pas que|souviens-toi que|rappelle-toi que|retiens que|comme je l'ai dit|honnêtement"
    r"|en réalité|por cierto|hola|buenas|buenos días|buenas tardes|sí|bueno|pues|entonces|además|y|pero|en realidad"
    r"|la verdad es que|recuerda que|no olvides que|apunta que|te cuento(?: que)?|ten en cuenta que|que sepas que"
    r"|como (?:te )?dije|sinceramente)(?: there)?[,:!]?\s+)+",
    re.IGNORECASE,
)
