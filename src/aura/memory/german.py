"""How people say things of themselves in German."""

from __future__ import annotations

import re
from typing import Final

from aura.answering.lexicon import words
from aura.memory.rules import CODE, EMAIL, NAME, PHONE, PROPER, VALUE, Grammar, rule
from aura.memory.slots import Category, Kind

_ADV = (
    r"(?:(?:jetzt|nun|inzwischen|mittlerweile|momentan|gerade|auch|noch|immer|schon|aktuell|derzeit|wirklich|sehr|eigentlich"
    r"|persönlich|neuerdings|wieder|gern|gerne|am liebsten|seit (?:\w+ )?(?:19|20)\d\d|seit \w+ \w+) )*"
)
_NOT = r"(?:(?P<n>nicht(?: mehr)?|nie|niemals) )?"
_AN = r"(?:(?:ein|eine|einen|einem|einer|der|die|das|den|dem|mein|meine|meinen) )?"
_PETS = r"hund|hündin|katze|kater|hase|kaninchen|pferd|papagei|hamster|schildkröte|fisch|vogel|haustier"
_COUNT = r"kein\w*|eine?n?|zwei|drei|vier|fünf|\d+"
_GOODS = r"auto|fahrrad|motorrad|boot|garten|haus|klavier|gitarre"
_OCCUPATION = (
    r"[\w-]*(?:lehrer|entwickler|ingenieur|arzt|ärzt|anwält|anwalt|architekt|designer|student|schüler|verkäufer|berater"
    r"|pfleger|krankenschwester|pilot|koch|köch|bäcker|fahrer|analyst|buchhalter|autor|journalist|elektriker|tischler"
    r"|schreiner|klempner|mechaniker|landwirt|bauer|bäuer|programmierer|physiker|chemiker|biologe|biologin|apotheker"
    r"|zahnarzt|chirurg|bibliothekar|fotograf|übersetzer|forscher|professor|techniker|direktor|assistent|sekretär"
    r"|musiker|künstler|therapeut|tierarzt|sanitäter|soldat|gärtner|kellner|leiter|manager|kauffrau|kaufmann)(?:in)?"
)
_ILLNESS = r"diabetes|asthma|krebs|depressionen?|epilepsie|adhs|migräne|arthrose|rheuma|hiv|autismus|bluthochdruck"
_CREED = (
    r"katholisch|evangelisch|protestantisch|muslimisch|jüdisch|hinduistisch|buddhistisch|atheist(?:in)?|muslima?"
    r"|christ(?:in)?"
)


def _ich(verb: str) -> str:
    """The verb with its subject before it or, where something else opens the clause, behind it."""
    return rf"(?:ich {_ADV}(?:{verb})|(?:{verb}) ich) {_ADV}"


RULES: Final = (
    # who they are
    rule("name", rf"mein (?:vor|voller |nach)?name ist (?:(?P<n>nicht) )?{NAME}", Category.IDENTITY, confidence=0.95),
    rule("name", rf"{_ich('heiße|heisse')}(?:(?P<n>nicht) )?{NAME}", Category.IDENTITY, confidence=0.95),
    rule(
        "name",
        rf"(?:nenn(?:t|en sie)? mich|du kannst mich|man nennt mich|alle nennen mich|meine freunde nennen mich)"
        rf" (?:einfach )?{PROPER}(?: nennen)?",
        Category.IDENTITY,
    ),
    rule("birthday", r"mein geburtstag ist (?:am |der )?(?P<v>.*\d.*)", Category.IDENTITY),
    rule("birthday", r"ich habe am (?P<v>.*\d.*) geburtstag", Category.IDENTITY),
    rule("birthday", r"ich (?:bin|wurde) (?:am |im )?(?P<v>.*\d.*) geboren", Category.IDENTITY),
    rule("age", r"ich bin (?:jetzt )?(?P<v>\d{1,3})(?: jahre(?: alt)?)?", Category.IDENTITY),
    rule("native_language", rf"meine muttersprache ist {VALUE}", Category.IDENTITY),
    rule(
        "marital_status",
        rf"{_ich('bin')}(?:(?P<n>nicht(?: mehr)?) )?(?P<v>verheiratet|ledig|geschieden|verlobt|verwitwet|single)",
        Category.FAMILY,
    ),
    rule(
        "children",
        rf"{_ich('habe|hab')}(?P<v>(?:{_COUNT}) (?:kind(?:er)?|söhne?|sohn|töchter|tochter))",
        Category.FAMILY,
    ),
    # where they are
    rule(
        "home",
        rf"{_ich('wohne|lebe')}{_NOT}(?:in|bei|am|an der) {VALUE}",
        Category.PLACE,
    ),
    rule("home", rf"{_ich('bin')}(?:\w+ (?:\w+ )?)??nach {VALUE} (?:um)?gezogen", Category.PLACE),
    rule("past_home", rf"(?:früher|damals) (?:habe ich|wohnte ich|lebte ich) (?:in )?{VALUE}", Category.PLACE),
    rule("past_home", rf"ich habe früher in {VALUE} (?:gewohnt|gelebt)", Category.PLACE),
    rule(
        "origin",
        rf"(?:{_ich('komme|stamme')}(?:ursprünglich )?aus|ich bin in) {VALUE}(?: geboren| aufgewachsen)",
        Category.PLACE,
    ),
    rule("origin", rf"{_ich('komme|stamme')}(?:ursprünglich )?aus {VALUE}", Category.PLACE),
    # how to reach them
    rule("email", rf"meine (?:\w+ )?e-?mail(?:-?adresse)? (?:ist|lautet) {EMAIL}", Category.CONTACT, confidence=0.95),
    rule("phone", rf"meine (?:\w+ )?(?:telefon|handy|mobil)(?:nummer)? (?:ist|lautet) {PHONE}", Category.CONTACT),
    rule("number:{k}", rf"meine (?P<k>[\w-]*(?:nummer|id|kennung)) (?:ist|lautet) {CODE}", Category.CONTACT),
    # what they do
    rule("role", rf"{_ich('arbeite')}als {_AN}{VALUE}", Category.WORK),
    rule("role", rf"{_ich('bin')}(?:von beruf )?(?P<v>{_OCCUPATION})(?: .*)?", Category.WORK),
    rule("role", rf"mein (?:neuer )?beruf ist {VALUE}", Category.WORK),
    rule(
        "employer", rf"{_ich('arbeite')}{_NOT}(?:als [\w -]+? )?(?:bei|für) (?:der |dem |den )?{VALUE}", Category.WORK
    ),
    rule("employer", rf"{_ich('bin')}{_NOT}bei (?:der |dem )?{VALUE} (?:angestellt|beschäftigt)", Category.WORK),
    rule("employer", rf"mein (?:neuer )?arbeitgeber ist {VALUE}", Category.WORK),
    rule("employer", rf"ich habe (?:\w+ )?bei {VALUE} (?:angefangen|begonnen)", Category.WORK),
    rule("employer", rf"ich habe (?:\w+ )?bei {VALUE} (?:gekündigt|aufgehört)", Category.WORK, polarity=-1),
    rule("workplace", rf"{_ich('arbeite')}{_NOT}(?:in|im|am) {VALUE}", Category.WORK),
    rule("team", rf"mein(?:e)? (?:abteilung|team) ist {VALUE}", Category.WORK),
    # what they know and have
    rule("speaks", rf"{_ich('spreche')}{_NOT}{VALUE}", Category.SKILL, many=True),
    rule(
        "has",
        rf"{_ich('habe|hab')}(?P<v>(?:{_COUNT}) (?:\w+ )?(?:{_PETS}|{_GOODS})[esn]*(?: namens .+)?)",
        Category.POSSESSION,
    ),
    rule(
        "uses",
        rf"{_ich('fahre|benutze|nutze|besitze')}{_NOT}{_AN}(?P<v>(?!mit |nach |in |am |zu ).+)",
        Category.POSSESSION,
        confidence=0.7,
    ),
    rule("pet:{k}", rf"mein(?:e)? (?P<k>{_PETS}) heißt {PROPER}", Category.POSSESSION),
    # what they like
    rule(
        "diet",
        rf"{_ich('bin')}(?:(?P<n>kein\w*|nicht(?: mehr)?) )?(?P<v>vegan|vegetarisch|veganer|vegetarier)(?:in)?"
        r"(?: geworden)?",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule("diet", rf"{_ich('ernähre')}mich {_ADV}(?P<v>vegan|vegetarisch)", Category.PREFERENCE, Kind.PREFERENCE),
    rule("eats", rf"{_ich('esse|trinke')}(?P<n>kein\w*) {VALUE}", Category.PREFERENCE, Kind.PREFERENCE, many=True),
    rule(
        "favourite:{k}",
        rf"mein(?:e)? lieblings(?P<k>[\w-]+) (?:ist|sind|heißt) {_AN}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule("opinion", rf"{_ich('mag|liebe')}(?P<n>kein\w*) {VALUE}", Category.PREFERENCE, Kind.PREFERENCE, many=True),
    rule(
        "opinion",
        rf"{_ich('mag|liebe')}{_AN}(?P<v>.+?)(?P<n> nicht(?: mehr)?(?: gern)?)?",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule(
        "opinion",
        rf"{_ich('hasse|verabscheue')}{_AN}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        polarity=-1,
        many=True,
    ),
    rule(
        "opinion",
        rf"ich (?:esse|trinke|höre|lese) {_ADV}(?:gern|gerne|am liebsten) {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule("opinion", rf"ich bin (?:ein )?(?:großer )?fan von {VALUE}", Category.PREFERENCE, Kind.PREFERENCE, many=True),
    # what they are about to do
    rule("plan", rf"ich (?:plane|habe vor|beabsichtige)(?:,)? {VALUE}", Category.PLAN, Kind.PLAN, confidence=0.8),
    rule(
        "plan",
        r"ich (?:will|möchte) (?P<v>.+ (?:lernen|kaufen|besuchen|umziehen|ziehen|werden|bauen|laufen|reisen))",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.7,
    ),
    rule("plan", rf"{_ich('ziehe|fliege|reise')}(?P<v>.*(?:nach|in|um) .+)", Category.PLAN, Kind.PLAN, confidence=0.8),
    rule("plan", rf"{_ich('lerne')}(?P<v>.+)", Category.PLAN, Kind.PLAN, confidence=0.8),
    # what is nobody's business unless it is allowed
    rule("allergy", rf"{_ich('bin')}(?:allergisch gegen|gegen) (?P<v>.+?)(?: allergisch)?", Category.HEALTH, many=True),
    rule("allergy", r"ich habe eine (?P<v>[\w-]+)(?:allergie|unverträglichkeit)", Category.HEALTH),
    rule("health", rf"(?:{_ich('habe')}|ich leide (?:an|unter) )(?P<v>(?:{_ILLNESS}).*)", Category.HEALTH),
    rule(
        "health",
        rf"{_ich('bin')}(?P<v>schwanger|diabetiker(?:in)?|autist(?:in|isch)?|depressiv|behindert|blind|gehörlos)",
        Category.HEALTH,
    ),
    rule("belief", rf"{_ich('bin')}(?P<v>{_CREED})", Category.BELIEF),
    rule("politics", r"ich wähle (?P<v>(?:die |den )?[A-ZÄÖÜ].*)", Category.POLITICS),
    rule(
        "orientation",
        rf"{_ich('bin')}(?P<v>schwul|lesbisch|bisexuell|hetero|queer|transgender|trans)",
        Category.ORIENTATION,
    ),
    rule(
        "union",
        rf"{_ich('bin')}(?:mitglied )?in (?:der |einer )?(?P<v>gewerkschaft\w*|ver\.di|ig metall)",
        Category.UNION,
    ),
)

GERMAN: Final = Grammar(
    language="de",
    rules=RULES,
    event=re.compile(
        r"ich\s+(?:habe|hab|bin|war|hatte|werde|fliege|fahre|reise|gehe|treffe|ging|fuhr|flog|kaufte|traf)\b"
        r"|(?:habe|hab|bin|war|hatte|werde|fliege|fahre|reise|gehe|treffe)\s+ich\b"
        r"|mein\w*\s+[\w -]{2,40}\s(?:ist|war|beginnt)\b",
        re.IGNORECASE,
    ),
    opening=re.compile(
        r"(?:seit (?:\w+ )?(?:19|20)\d\d|seit \w+ \w+|inzwischen|mittlerweile|jetzt|nun|momentan|derzeit|aktuell|neuerdings"
        r"|zurzeit|zur zeit),? (?=[a-zäöü]+ ich\b|ich\b)",
        re.IGNORECASE,
    ),
    subject="ich ",
    stop=re.compile(
        r"\s+(?:weil|da|denn|dass|aber|sondern|wo|wenn|als|obwohl|damit|statt|und (?=ich\b|mein)|für mein\w*|mit mein\w*"
        r"|zurzeit|momentan)\b.*|\s+(?:bei|für|mit) (?=[A-ZÄÖÜ]).*|[.,:](?=\s|$).*|[;!?(\[{|].*",
        re.DOTALL,
    ),
    trailing=re.compile(
        r"[\s,]+(?:jetzt|nun|nicht mehr|nicht|mehr|sehr|auch|gerade|wieder|schon|gern|gerne|zurzeit|momentan|über alles"
        r"|am liebsten|bitte|total)$",
        re.IGNORECASE,
    ),
    ended=re.compile(r"\b(?:nicht mehr|kein\w* mehr)\b", re.IGNORECASE),
    refused=words("""
        es das dies dich dir sie ihn ihm euch uns mich wie was warum wann wo ob dass etwas nichts alles hier dort nicht
        deine dein deinen ihre ihr ihren eure
        """),
    conjunction=re.compile(r",\s*(?:und\s+)?|\s+(?:und|oder|sowie)\s+", re.IGNORECASE),
)
"""The grammar of German."""
