"""How people say that they want to be answered otherwise, and what means nothing beside it.

English and German are here, French and Spanish in `aura.persona.romance_phrases`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aura.answering.lexicon import words
from aura.persona import romance_phrases
from aura.persona.learning import LESS, MORE
from aura.persona.traits import Axis

_FILLERS = words(
    """
    please pls plz thanks thank thx you can could would will be make keep give me us it that this answer answers answering
    reply replies response responses your the a an bit little much even just try to ok okay hey hi hello aura next time from
    now on always future want need prefer i'd i'm i was is are were it's that's way far still again say speak talk write
    respond use using really very and get so them tone sound style explanation explanations text texts
    bitte danke kannst könntest könnten können du sie dich euch mir mich uns antworte antworten antwort schreib schreibe
    schreiben sei seien ein eine einen einer bisschen etwas noch mal doch das es war ist sind waren die der den deine deinen
    ihre ihren ab jetzt sofort künftig immer zukunft mach mache machen gib fass fasse fassen halt halte halten ich möchte
    hätte gern gerne will brauche und wieder nächstes nächste formuliere formulieren rede sprich sprechen verwende nutze
    benutze beim auch hallo viel erklär erkläre
    """
    + romance_phrases.FILLERS
)
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")

_ASKED: Mapping[tuple[Axis, str], str] = {
    ("detail", LESS): """
        shorter | briefer | more concise | more succinct | more brief | more briefly | less detail | less details
        less detailed | less verbose | less wordy | fewer words | too long | too wordy | too verbose | too detailed
        too many details | not so long | not so detailed | not as long | to the point | in one sentence
        in a single sentence | don't be so long | don't be so verbose | tl dr | tldr
        kürzer | knapper | weniger ausführlich | weniger details | weniger detailliert | zu lang | zu lange | zu ausführlich
        zu detailliert | zu viele details | nicht so lang | nicht so ausführlich | in einem satz | auf den punkt
        zu langatmig
        """,
    ("detail", MORE): """
        longer | more detail | more details | more detailed | in more detail | in greater detail | in more depth | more depth
        more thorough | more thoroughly | deeper | go deeper | elaborate | elaborate more | more elaborate | too short
        too brief | too terse | too little detail | not so short | not so brief | don't be so brief
        ausführlicher | länger | genauer | detaillierter | mehr details | mehr detail | zu kurz | zu knapp | nicht so kurz
        nicht so knapp
        """,
    ("formality", LESS): """
        less formal | more casual | more informal | more relaxed | too formal | too stiff | not so formal | not so stiff
        don't be so formal
        lockerer | weniger förmlich | weniger formell | zu förmlich | zu formell | zu steif | nicht so förmlich
        nicht so formell | nicht so steif | duzen | duze | duz
        """,
    ("formality", MORE): """
        more formal | more formally | more professional | more polite | more politely | less casual | less informal
        too casual | too informal | too familiar | not so casual
        förmlicher | formeller | höflicher | professioneller | zu locker | zu salopp | zu informell | weniger locker
        nicht so salopp | nicht so locker | siezen | sieze
        """,
    ("energy", MORE): """
        more enthusiastic | more enthusiasm | more energetic | more energy | livelier | more lively | more upbeat
        more cheerful | friendlier | more friendly | warmer | more warmth | too dry | too boring | too cold
        lebhafter | fröhlicher | begeisterter | schwungvoller | mehr schwung | mehr energie | freundlicher | herzlicher
        zu trocken | zu langweilig | zu kühl
        """,
    ("energy", LESS): """
        calmer | more calm | more neutral | more sober | more matter of fact | less enthusiastic | less enthusiasm
        less energetic | less energy | less cheerful | too enthusiastic | too excited | too cheerful | too energetic
        fewer exclamation marks | no exclamation marks | not so enthusiastic
        ruhiger | sachlicher | nüchterner | neutraler | weniger begeistert | zu aufgedreht | zu überschwänglich
        zu begeistert | weniger ausrufezeichen | keine ausrufezeichen | nicht so überschwänglich
        """,
    ("emoji", "none"): """
        no emoji | no emojis | without emoji | without emojis | stop emojis | fewer emojis | less emojis | too many emojis
        no smileys | keine emojis | kein emoji | ohne emojis | ohne emoji | weniger emojis | zu viele emojis | keine smileys
        """,
    ("emoji", "some"): """
        more emojis | with emojis | some emojis | add emojis | emojis welcome | mehr emojis | mit emojis | gern emojis
        """,
    ("language", "en"): "in english | only english | english only | auf englisch | nur englisch",
    ("language", "de"): "in german | only german | german only | auf deutsch | nur deutsch",
    ("language", "fr"): "in french | only french | french only | auf französisch | nur französisch",
}
_PLAIN: Mapping[tuple[Axis, str], str] = {
    (
        "detail",
        LESS,
    ): "short | brief | briefly | concise | concisely | succinct | kurz | knapp | kurz und knapp | kompakt",
    ("detail", MORE): "detailed | in detail | thorough | in depth | ausführlich | im detail | detailliert | gründlich",
    ("formality", LESS): "casual | informal | relaxed | locker",
    ("formality", MORE): "formal | formally | professional | polite | förmlich | formell | höflich",
    ("energy", MORE): "enthusiastic | upbeat | cheerful | lively | friendly | freundlich | lebhaft",
    ("energy", LESS): "calm | neutral | sober | matter of fact | sachlich | nüchtern | ruhig | neutral",
}
"""What is a wish when it is asked for, and praise when an answer is rated well; on a bad answer it says nothing sure."""

INLINE: Final[Mapping[tuple[Axis, str], re.Pattern[str]]] = {
    ("detail", LESS): re.compile(
        r"\b(?:briefly|in brief|in short|in one sentence|in a sentence|in a nutshell|kurz(?:gefasst)?,|in kürze"
        r"|in einem satz|in wenigen worten|kurz und knapp|brièvement|en bref|en une phrase"
        r"|en peu de mots|brevemente|en breve|en pocas palabras|en una frase)(?!\w)"
    ),
    ("detail", MORE): re.compile(
        r"\b(?:in (?:more |full |great )?detail|in depth|step by step|thoroughly|ausführlich|im detail"
        r"|schritt für schritt|en détail|étape par étape|en detalle|paso a paso)\b"
    ),
}
"""Words within a question about how it is to be answered: of this one, and a little of all."""

CASUAL: Final = re.compile(
    r"\b(?:thx|thanx|pls|plz|gonna|wanna|gotta|lol|btw|yo|yeah|nope|dunno|hey|hiya|moin|servus|hey|nö|jo|haste|biste|kannste"
    r"|danke dir|kannst du|könntest du|weißt du|hast du|sag mal|salut|coucou|ouais|t'as|porfa|porfi)\b",
    re.IGNORECASE,
)
FORMAL: Final = re.compile(
    r"\b(?:dear (?:sir|madam|team|ms|mr|mrs|dr)|kind(?:est)? regards|sincerely|respectfully|i would be (?:most )?grateful"
    r"|i should be (?:most )?grateful|would you be so kind|could you kindly|i would appreciate|sehr geehrte\w*"
    r"|mit freundlichen grüßen|hochachtungsvoll|ich wäre ihnen|wären sie so|madame, monsieur|cordialement"
    r"|je vous prie|je vous serais|auriez-vous l'amabilité|estimad[oa]s?|atentamente|le agradecería|le rogaría"
    r"|tendría la amabilidad)\b",
    re.IGNORECASE,
)
PICTOGRAM: Final = re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]")
NAMED: Final = re.compile(
    r"\b(?:(?:please |you can |you may |just )?call me|nenn(?:e|en sie)? mich|sprich mich (?:mit|als)|du kannst mich"
    r"|appelle-moi|appelez-moi|(?:tu peux|vous pouvez) m'appeler|ll[aá]mame|ll[aá]meme|puedes? llamarme)\s+"
    r"((?:(?:Dr|Mr|Ms|Mrs|Prof|Herr|Frau|Mme|M|Sra?)\.? )?[A-ZÀ-ÖØ-Þ][^\W\d_]+(?:[ '’-][A-ZÀ-ÖØ-Þ][^\W\d_]+){0,2})"
    r"(?= nennen|\s*,?\s*(?:please|bitte|from now on|ab jetzt|stp|s'il te plaît|s'il vous plaît|por favor)?\s*[.!,]?\s*$)"
)
"""A name at the end of a sentence. Its prefix is matched in lower case: a sentence's first letter is lowered before."""


def core(sentence: str) -> str:
    """The words of a sentence that mean something, in lower case."""
    found = _WORD.findall(sentence.lower().replace("’", "'").replace("_", " "))
    return " ".join(word for word in found if word not in _FILLERS)


def _table(*languages: Mapping[tuple[Axis, str], str]) -> dict[str, tuple[Axis, str]]:
    parted = ((key, re.split(r"\||\n", texts)) for phrases in languages for key, texts in phrases.items())
    return {core(phrase): key for key, texts in parted for phrase in texts if core(phrase)}


ASKED: Final = _table(_ASKED, romance_phrases.ASKED)
"""What a sentence comes to that asks for another way of answering → the axis, and where to."""
PLAIN: Final = _table(_PLAIN, romance_phrases.PLAIN)
