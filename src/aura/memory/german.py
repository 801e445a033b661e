"""How people say things of themselves in German."""

from __future__ import annotations

import re
from typing import Final

from aura.answering.lexicon import words
from aura.memory.rules import CODE, EMAIL, NAME, PHONE, PROPER, UPPER, VALUE, Grammar, rule, uncapitalised
from aura.memory.slots import Category, Kind

_ADV = (
    r"(?:(?:jetzt|nun|inzwischen|mittlerweile|momentan|gerade|auch|noch|immer|schon|aktuell|derzeit|wirklich|sehr"
    r"|eigentlich|persönlich|neuerdings|wieder|gern|gerne|am liebsten|seit (?:\w+ )?(?:19|20)\d\d|seit \w+ \w+) )*"
)
_NOT = r"(?:(?P<n>nicht(?: mehr)?|nie|niemals) )?"
_AN = r"(?:(?:ein|eine|einen|einem|einer|der|die|das|den|dem|mein|meine|meinen) )?"
_WHEN = r"(?:(?:gestern|heute|(?:letzte|letzten|letztes|vorige|am|im|vor) \w+(?: \w+)?|\w+) )?"
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
_AT_HAND = (
    r"dokumente?|datei(?:en)?|kapitel|absatz|abschnitt|satz|version|fassung|entwurf|option|variante|antwort(?:en)?"
    r"|zusammenfassung|text|seite|layout|format|vorschlag|liste|tabelle|folie|spalte|zeile|chat|tab|link|ton"
    r"|ergebnisse?|bericht|vertrag|brief|e-?mail|mail|nachricht|frage|beispiel|vorlage|formular|rechnung|titel"
    r"|überschrift|thema|schritt|stelle|idee|lösung|erklärung|aufgabe|app|funktion|knopf|konzept"
)
_ILLNESS = r"diabetes|asthma|krebs|depressionen?|epilepsie|adhs|migräne|arthrose|rheuma|hiv|autismus|bluthochdruck"
_CREED = (
    r"katholisch|evangelisch|protestantisch|muslimisch|jüdisch|hinduistisch|buddhistisch|atheist(?:in)?|muslima?"
    r"|christ(?:in)?"
)


_WITH = r"(?:(?:(?:zusammen )?mit (?:meine[mnr]?|unsere[mnr]?|eine[mnr]?|zwei|drei) \w+|allein|alleine) )?"
_LAND = (
    r"schweiz|türkei|ukraine|slowakei|mongolei|niederlanden|usa|vereinigten|nähe|stadt\w*|innenstadt|altstadt"
    r"|vorstadt|südstadt|nordstadt|oststadt|weststadt|wg|wohngemeinschaft|wohnung|einzimmerwohnung|haus|reihenhaus"
    r"|hochhaus|dorf|bauernhof|hausboot|studentenwohnheim|wohnheim|\w*(?:straße|gasse|platz|viertel|gebiet|wald|gau"
    r"|land|berge?n?|küste|region|gegend|allee|weg|siedlung|dorf)|eifel|pfalz|lausitz|provinz|bretagne|toskana"
    r"|normandie|karibik"
)
_NO_PLACE = (
    r"angst|hoffnung|scheidung|trennung|frieden|moment|ruhe|armut|luxus|sorge|gefahr|not|sünde|vergangenheit|zukunft"
    r"|stille|harmonie|partnerschaft|beziehung|ehe|teilzeit|vollzeit|schichten|eile|gedanken|gruppen|etappen|rente"
    r"|elternzeit|freiheit|stress|unsicherheit|kurzarbeit"
)
_PLACE = (
    rf"(?!(?:{_NO_PLACE})\b)(?P<v>(?:(?:der|die|das|dem|den|einer|einem|eine|ein) )(?:[a-zäöüß]+ )?(?:{_LAND})\b.*"
    rf"|(?-i:[{UPPER}]).*)"
)
_LOWER_PLACE = rf"(?P<v>(?!(?:{_NO_PLACE}|der|die|das|dem|den|einer|einem|eine|ein|dir|mir)\b)[a-zäöüß-]+)"
_WORKPLACE = (
    r"krankenhaus|klinik\w*|schule|grundschule|gymnasium|uni|universität|hochschule|büro|home-?office|vertrieb|pflege"
    r"|altenpflege|marketing|einkauf|verkauf|lager|fabrik|werk|labor|restaurant|hotel|bank|bäckerei|buchhaltung|it"
    r"|verwaltung|gastronomie|produktion|logistik|forschung|entwicklung|außendienst|innendienst|personalabteilung"
    r"|\w*abteilung|kita|kindergarten|apotheke|bibliothek|museum|flughafen|hafen|bahnhof|rathaus|werkstatt|agentur"
    r"|kanzlei|praxis|supermarkt|laden|handel|einzelhandel|handwerk|baugewerbe|kundendienst|kundenservice|callcenter"
    r"|theater|ministerium|\w*amt|\w*haus|\w*zentrum"
)
_JOB_AT = (
    rf"(?!(?:{_NO_PLACE})\b)(?P<v>(?:(?:der|die|das|dem|den|einer|einem|eine"
    rf"|ein) )?(?:[a-zäöüß]+ )?(?:{_WORKPLACE})\b.*|(?-i:[{UPPER}]).*)"
)
_LANGUAGES = (
    r"\w+isch|deutsch|plattdeutsch|schweizerdeutsch|hindi|urdu|farsi|dari|suaheli|latein|esperanto"
    r"|gebärdensprache|tamil|thai"
)
_A_THING = rf"(?:(?:einen?|ein|meine?n?) (?:[a-zäöüß]+ )?(?-i:[{UPPER}])|(?-i:[{UPPER}]))[\w-]+(?: [\w-]+)?"


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
        rf"{_ich('bin')}(?:(?P<n>nicht(?: mehr)?) )?(?:seit \w+(?: \w+)? )?(?:mit (?:eine[mnr]|meine[mnr]"
        rf"|(?-i:[{UPPER}]))[\w ]* )?"
        r"(?P<v>verheiratet|ledig|geschieden|verlobt|verwitwet|single)(?: (?:mit|seit|und) .*)?",
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
        rf"(?:{_ich('wohne|lebe')}|wir (?:wohnen|leben) {_ADV}){_NOT}{_WITH}(?:in|bei|nahe) {_PLACE}",
        Category.PLACE,
    ),
    rule(
        "home",
        rf"{_ich('wohne|lebe')}{_NOT}(?:im|am|an der|auf dem) (?P<v>(?:{_LAND}|(?-i:[{UPPER}])\w*see)\b.*)",
        Category.PLACE,
    ),
    rule("home", uncapitalised(rf"{_ich('wohne?|lebe?')}(?:in|bei) {_LOWER_PLACE}"), Category.PLACE),
    rule(
        "home",
        rf"(?:{_ich('bin')}|wir sind )(?:\w+ (?:\w+ )?)??(?:von [\w-]+ )?nach (?P<v>(?-i:[{UPPER}])[\w .-]*?)"
        rf" (?:um)?gezogen",
        Category.PLACE,
    ),
    rule("past_home", rf"(?:früher|damals) (?:habe ich|wohnte ich|lebte ich) (?:in )?{VALUE}", Category.PLACE),
    rule("past_home", rf"ich habe früher in {VALUE} (?:gewohnt|gelebt)", Category.PLACE),
    rule(
        "origin",
        rf"(?:{_ich('komme|stamme')}(?:ursprünglich )?aus|ich bin in) {VALUE}(?: geboren| aufgewachsen)",
        Category.PLACE,
    ),
    rule(
        "origin",
        rf"{_ich('komme|stamme')}{_NOT}(?:ursprünglich )?aus (?P<v>(?:(?:der|dem|den|einem|einer)"
        rf" (?:\w+ )?(?:{_LAND})|(?-i:[{UPPER}])[\w-]+)"
        r"(?: (?-i:[A-ZÄÖÜ])[\w-]+)*(?:,? (?:in|bei|am) .+)?)",
        Category.PLACE,
    ),
    # how to reach them
    rule("email", rf"meine (?:\w+ )?e-?mail(?:-?adresse)? (?:ist|lautet) {EMAIL}", Category.CONTACT, confidence=0.95),
    rule("phone", rf"meine (?:\w+ )?(?:telefon|handy|mobil)(?:nummer)? (?:ist|lautet) {PHONE}", Category.CONTACT),
    rule("number:{k}", rf"meine (?P<k>[\w-]*(?:nummer|id|kennung)) (?:ist|lautet) {CODE}", Category.CONTACT),
    # what they do
    rule("role", rf"{_ich('arbeite')}als {_AN}{VALUE}", Category.WORK),
    rule("role", rf"{_ich('bin')}(?:von beruf )?(?P<v>{_OCCUPATION})(?: .*)?", Category.WORK),
    rule("role", rf"mein (?:neuer )?beruf ist (?P<v>(?-i:[{UPPER}]).*)", Category.WORK),
    rule(
        "employer",
        rf"{_ich('arbeite')}{_NOT}(?:als [\w -]+? )?(?:bei|für) (?P<v>(?:(?:der|die|das|dem|den|einem|einer|einen"
        rf"|eine|ein|meinen|meine) )?(?:[a-zäöüß]+ )?(?-i:[{UPPER}]).*)",
        Category.WORK,
    ),
    rule("employer", rf"{_ich('bin')}{_NOT}bei (?:der |dem )?{VALUE} (?:angestellt|beschäftigt)", Category.WORK),
    rule(
        "employer",
        rf"mein (?:neuer )?arbeitgeber (?:ist|heißt) (?P<v>(?:(?:die|der|das) )?(?-i:[{UPPER}]).*)",
        Category.WORK,
    ),
    rule("employer", rf"ich hab(?:e)? {_WHEN}bei {VALUE} (?:angefangen|begonnen)", Category.WORK),
    rule("employer", rf"ich hab(?:e)? {_WHEN}bei {VALUE} (?:gekündigt|aufgehört)", Category.WORK, polarity=-1),
    rule("workplace", rf"{_ich('arbeite')}{_NOT}in {_JOB_AT}", Category.WORK),
    rule(
        "workplace",
        rf"{_ich('arbeite')}{_NOT}(?:im|am) (?P<v>(?:[a-zäöüß]+ )?(?:{_WORKPLACE})\b.*)",
        Category.WORK,
    ),
    rule(
        "team",
        rf"mein(?:e)? (?:abteilung|team) (?:ist|heißt) (?P<v>(?:(?:die|der|das) )?(?-i:[{UPPER}]).*)",
        Category.WORK,
    ),
    # what they know and have
    rule(
        "speaks",
        rf"{_ich('spreche')}{_NOT}(?:(?:(?P<n>kein\w*)|fließend|gut|etwas|ein bisschen|ein wenig|perfekt"
        rf"|nur) )*(?P<v>(?:{_LANGUAGES})\b.*)",
        Category.SKILL,
        many=True,
    ),
    rule("has", rf"{_ich('habe|hab')}(?P<n>kein\w*) (?P<v>(?:\w+ )?(?:{_PETS}|{_GOODS})[esn]*)", Category.POSSESSION),
    rule(
        "has",
        rf"{_ich('habe|hab')}(?P<v>(?:{_COUNT}) (?:\w+ )?(?:{_PETS}|{_GOODS})[esn]*(?: namens .+)?)",
        Category.POSSESSION,
    ),
    rule(
        "uses",
        rf"{_ich('fahre|benutze|nutze|besitze')}{_NOT}(?P<v>{_A_THING})",
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
    rule(
        "plan",
        rf"{_ich('ziehe|fliege|reise')}(?P<v>.*\bnach (?-i:[{UPPER}]).+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    rule(
        "plan",
        rf"{_ich('lerne')}(?P<v>(?-i:[{UPPER}])\w+(?: spielen| sprechen)?|\w+(?:en|ern|eln))",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    # what is nobody's business unless it is allowed
    rule("allergy", rf"{_ich('bin')}allergisch (?:gegen|auf) {VALUE}", Category.HEALTH, many=True),
    rule("allergy", rf"{_ich('bin')}gegen {VALUE} allergisch", Category.HEALTH, many=True),
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
        r"(?:seit (?:\w+ )?(?:19|20)\d\d|seit \w+ \w+|inzwischen|mittlerweile|jetzt|nun|momentan|derzeit|aktuell"
        r"|neuerdings|zurzeit|zur zeit),? (?=[a-zäöü]+ ich\b|ich\b)",
        re.IGNORECASE,
    ),
    subject="ich ",
    stop=re.compile(
        r"\s+(?:weil|da|denn|dass|aber|sondern|wo|wenn|als|obwohl|damit|statt|und (?=ich\b|mein)|für mein\w*"
        r"|mit mein\w*|zurzeit|momentan)\b.*|\s+(?:bei|für|mit) (?=[A-ZÄÖÜ]).*|[.,:](?=\s|$).*|[;!?(\[{|].*",
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
    addressee=re.compile(
        r"\b(?:du(?! kannst mich\b)|dich|dir|dein\w{0,2}|euch|euer|eure\w?)\b|(?<=\w )(?-i:Sie|Ihnen|Ihr(?:e\w?)?)\b",
        re.IGNORECASE,
    ),
    at_hand=re.compile(
        r"\b(?:das|es|dies\w*|jene\w*)$|\b(?:diese[rnsm]?|jene[rnsm]?)\b|\b(?:erste|zweite|dritte|vierte|letzte"
        r"|nächste|andere)[rnsm]?"
        rf" (?:\w+ )?(?:\w*(?:{_AT_HAND}))|^(?:(?:der|die|das|den|dem|ein|eine[nrm]?|mein|meine[nrm]?"
        rf"|neue[nrms]?) )*(?:{_AT_HAND})\b|^teil\b",
        re.IGNORECASE,
    ),
    subordinate=re.compile(
        r"ich\s+(?P<rest>.+?)\s+(?P<verb>wohne|lebe|arbeite|bin|heiße|heisse|habe|mag|liebe|hasse|spreche|fahre"
        r"|nutze|esse|trinke|lerne)",
        re.IGNORECASE,
    ),
)
"""The grammar of German."""
