"""How people say things of themselves in English."""

from __future__ import annotations

import re
from typing import Final

from aura.answering.lexicon import words
from aura.memory.rules import CODE, EMAIL, NAME, PHONE, PROPER, VALUE, Grammar, rule
from aura.memory.slots import Category, Kind

_ADV = (
    r"(?:(?:really|truly|absolutely|also|still|just|now|currently|generally|usually|mostly|always|totally|personally|recently"
    r"|finally|only|especially|quite|do|actually|already|simply) )*"
)
_NOT = r"(?:(?P<n>don't|do not|no longer|never|not|can't|cannot) )?"
_I = rf"i {_ADV}{_NOT}{_ADV}"
_AM = rf"i(?:'m| am) {_ADV}(?:(?P<n>not|no longer) )?{_ADV}"
_HAVE = rf"i(?:'ve| have)? {_ADV}"
_BEEN = rf"i(?:'ve| have) {_ADV}been {_ADV}"
_OF_CONTACT = r"(?:(?:new|private|personal|work|business|mobile|cell|home) )*"
_PETS = r"dog|cat|rabbit|horse|parrot|hamster|tortoise|fish|bird|pet|puppy|kitten"
_OCCUPATION = (
    r"(?:[\w-]+ ){0,2}?[\w-]*(?:nurse|teacher|engineer|developer|doctor|lawyer|architect|manager|designer|scientist"
    r"|student|pilot|chef|cook|baker|driver|analyst|consultant|accountant|writer|journalist|electrician|carpenter|plumber"
    r"|mechanic|farmer|programmer|physicist|chemist|biologist|pharmacist|dentist|surgeon|librarian|photographer"
    r"|translator|researcher|professor|technician|operator|director|officer|assistant|secretary|clerk|musician|artist"
    r"|economist|therapist|veterinarian|paramedic|firefighter|soldier|sailor|gardener|tailor|waiter|waitress|barista)"
)
_COUNT = r"an?|one|two|three|four|five|six|\d+"
_GOODS = r"car|bike|bicycle|motorcycle|boat|garden|house|piano|guitar"
_ILLNESS = (
    r"diabetes|asthma|cancer|depression|epilepsy|adhd|migraines?|arthritis|hiv|anxiety|autism|dyslexia|hypertension"
)
_CREED = r"catholic|protestant|christian|muslim|jewish|jew|hindu|buddhist|atheist|agnostic"
_LIKING = r"love|like|enjoy|adore|prefer|appreciate"
_DISLIKING = r"hate|dislike|detest|despise|loathe|can't stand|cannot stand|can't bear"
_TO = r"(?:to (?!know|see|ask|be |have|get|hear|thank|say|point))?"
_PURPOSE = r"learn|visit|buy|move|become|build|run|finish|travel|write|study|climb|retire|save|lose|quit|start|open"

RULES: Final = (
    # who they are
    rule(
        "name",
        rf"(?:my (?:first |full |real |last )?name(?:'s| is)|i(?:'m| am) called|i go by|the name's) (?:(?P<n>not) )?{NAME}",
        Category.IDENTITY,
        confidence=0.95,
    ),
    rule(
        "name",
        rf"(?:(?:people|friends|everyone|they|colleagues) (?:just )?call me|(?:please |just |you can )*call me) {PROPER}",
        Category.IDENTITY,
    ),
    rule("birthday", r"my birthday(?:'s| is) (?:on )?(?P<v>.*\d.*)", Category.IDENTITY),
    rule("birthday", r"i was born (?:on|in) (?P<v>.*\d.*)", Category.IDENTITY),
    rule("age", r"i(?:'m| am) (?P<v>\d{1,3})(?: years old| years of age)?", Category.IDENTITY),
    rule("age", r"i(?:'ve)? (?:just )?turned (?P<v>\d{1,3})(?: .*)?", Category.IDENTITY),
    rule("native_language", rf"my (?:native language|mother tongue|first language) is {VALUE}", Category.IDENTITY),
    rule("marital_status", rf"{_AM}(?P<v>married|single|divorced|engaged|widowed|separated)", Category.FAMILY),
    rule(
        "marital_status",
        r"i(?:'ve)? (?:just |finally )?got(?:ten)? (?P<v>married|divorced|engaged)(?: .*)?",
        Category.FAMILY,
    ),
    rule(
        "children",
        rf"i(?:'ve| have)?(?: got| have)? (?P<v>(?:no|{_COUNT}) (?:kids?|child(?:ren)?|sons?|daughters?))",
        Category.FAMILY,
    ),
    # where they are
    rule("home", rf"{_I}(?:live|reside) (?:in|at|near) {VALUE}", Category.PLACE),
    rule("home", rf"(?:{_AM}|{_BEEN})(?:living|based|residing|settled) (?:in|at|near) {VALUE}", Category.PLACE),
    rule("home", rf"{_HAVE}(?:moved|relocated)(?: from .+?)? to {VALUE}", Category.PLACE),
    rule("home", rf"my (?:new )?home(?:town| town| city)? is (?:in )?{VALUE}", Category.PLACE),
    rule("past_home", rf"i used to live in {VALUE}", Category.PLACE),
    rule(
        "origin",
        rf"(?:{_AM}(?:originally )?from|i (?:originally )?come from|i was born in|i grew up in) {VALUE}",
        Category.PLACE,
    ),
    # how to reach them
    rule("email", rf"my {_OF_CONTACT}e-?mail(?: address)? is {EMAIL}", Category.CONTACT, confidence=0.95),
    rule("phone", rf"my {_OF_CONTACT}(?:phone|mobile|cell|telephone)(?: number)? is {PHONE}", Category.CONTACT),
    rule(
        "number:{k}", rf"my (?P<k>(?:[\w-]+ ){{0,2}}(?:number|id|no|code|plate|extension)) is {CODE}", Category.CONTACT
    ),
    # what they do
    rule("role", rf"{_I}work as (?:an? |the )?{VALUE}", Category.WORK),
    rule("role", rf"{_AM}(?:working|employed) as (?:an? |the )?{VALUE}", Category.WORK),
    rule(
        "role",
        rf"my (?:new |current )?(?:job|role|position|profession|occupation|job title) is (?:an? |the )?{VALUE}",
        Category.WORK,
    ),
    rule("role", rf"{_AM}an? (?P<v>{_OCCUPATION})(?: .*)?", Category.WORK),
    rule(
        "employer",
        rf"(?:{_I}work|(?:{_AM}|{_BEEN})(?:working|employed))(?: as [\w -]+?)? (?:at|for) {VALUE}",
        Category.WORK,
    ),
    rule(
        "employer",
        rf"{_HAVE}(?:started(?: working| a (?:new )?job)?|joined|switched to|was hired) (?:at |by |with )?{PROPER}(?: .*)?",
        Category.WORK,
    ),
    rule("employer", rf"my (?:new |current )?(?:employer|company) is (?:called )?{VALUE}", Category.WORK),
    rule(
        "employer",
        rf"i(?:'ve| have)? (?:just |recently )?(?:quit|left|resigned from)(?: my job at)? {PROPER}(?: .*)?",
        Category.WORK,
        polarity=-1,
    ),
    rule("workplace", rf"(?:{_I}work|{_AM}working) (?:in|from|out of) {VALUE}", Category.WORK),
    rule("team", rf"(?:{_AM}|i work )(?:in|on|part of) the {VALUE} (?:department|team|group)", Category.WORK),
    rule("team", rf"my (?:department|team) is (?:the )?{VALUE}", Category.WORK),
    # what they know and have
    rule("speaks", rf"{_I}speak {VALUE}", Category.SKILL, many=True),
    rule("skill", rf"i(?:'ve| have) (?:learned|learnt|mastered) {VALUE}", Category.SKILL),
    rule(
        "uses", rf"{_I}(?:use|drive|ride|own) (?:an? |the |my )?{VALUE}", Category.POSSESSION, confidence=0.7, many=True
    ),
    rule(
        "has",
        rf"{_HAVE}(?:got )?(?P<v>(?:{_COUNT}) (?:[\w-]+ )?(?:{_PETS}|{_GOODS})s?(?: (?:called|named) .+)?)",
        Category.POSSESSION,
    ),
    rule("pet:{k}", rf"my (?P<k>{_PETS})(?:'s name)? is (?:called |named )?{PROPER}", Category.POSSESSION),
    # what they like
    rule("diet", rf"{_AM}(?:an? )?(?P<v>vegan|vegetarian|pescatarian)", Category.PREFERENCE, Kind.PREFERENCE),
    rule(
        "diet",
        r"i(?:'ve)? (?:recently )?(?:became|become|went|gone) (?:an? )?(?P<v>vegan|vegetarian|pescatarian)(?: .*)?",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule(
        "eats",
        rf"i {_ADV}(?P<n>don't|do not|no longer|never) {_ADV}(?:eat|drink) {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule("eats", rf"i {_ADV}(?:eat|drink) {VALUE}", Category.PREFERENCE, Kind.PREFERENCE, confidence=0.7, many=True),
    rule(
        "favourite:{k}",
        rf"my (?:all-time |absolute )?favou?rite (?P<k>[\w -]{{2,40}}?) (?:is|are) {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule(
        "opinion",
        rf"{_I}(?:{_LIKING}) {_TO}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule(
        "opinion",
        rf"i {_ADV}(?:{_DISLIKING}|stopped (?:liking|enjoying|loving)) {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        polarity=-1,
        many=True,
    ),
    rule(
        "opinion",
        rf"{_AM}(?:a (?:big |huge |great )?fan of|into|fond of|crazy about) {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    # what they are about to do
    rule(
        "plan",
        rf"{_AM}(?:planning to|going to|hoping to|about to) (?P<v>(?!see|ask|be |need|try|say).+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    rule(
        "plan",
        rf"{_AM}(?P<v>(?:moving|relocating|flying|travelling|traveling|getting married|retiring|starting|switching) .+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    rule("plan", rf"i {_ADV}(?:plan|intend|hope) to {VALUE}", Category.PLAN, Kind.PLAN, confidence=0.8),
    rule("plan", rf"i {_ADV}want to (?P<v>(?:{_PURPOSE}) .+)", Category.PLAN, Kind.PLAN, confidence=0.7),
    rule("plan", rf"my goal is to {VALUE}", Category.PLAN, Kind.PLAN),
    rule(
        "plan",
        rf"{_AM}(?P<v>(?:learning|studying|training for|preparing for|saving for) .+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    # what is nobody's business unless it is allowed
    rule("allergy", rf"{_AM}allergic to {VALUE}", Category.HEALTH, many=True),
    rule("allergy", r"i have an? (?P<v>[\w -]+?) (?:allergy|intolerance)", Category.HEALTH),
    rule(
        "health",
        rf"(?:{_HAVE}(?:been diagnosed with|suffered from)|i (?:suffer from|have|was diagnosed with))"
        rf" (?P<v>(?:type [12] )?(?:{_ILLNESS}).*)",
        Category.HEALTH,
    ),
    rule(
        "health",
        rf"{_AM}(?:an? )?(?P<v>diabetic|pregnant|autistic|epileptic|depressed|dyslexic|disabled|blind|deaf|alcoholic)",
        Category.HEALTH,
    ),
    rule(
        "belief",
        rf"{_AM}(?:an? )?(?P<v>(?:practi[sc]ing |devout )?(?:{_CREED}))",
        Category.BELIEF,
    ),
    rule("politics", rf"i {_ADV}(?:vote|voted) for {VALUE}", Category.POLITICS),
    rule(
        "politics",
        rf"{_AM}(?:an? )?(?P<v>democrat|republican|socialist|communist|conservative|liberal|(?:[\w-]+ )?party member)",
        Category.POLITICS,
    ),
    rule(
        "orientation",
        rf"{_AM}(?P<v>gay|lesbian|bisexual|straight|queer|transgender|trans|asexual)",
        Category.ORIENTATION,
    ),
    rule("union", rf"{_AM}(?:a member of|in) (?:the |a )?(?P<v>[\w -]*union)", Category.UNION),
)

_PAST = (
    r"visited|went|bought|sold|started|finished|met|flew|saw|had|got|attended|completed|ran|booked|ordered|signed|adopted"
    r"|broke|lost|won|passed|graduated|presented|took|gave|received|cancelled|canceled|joined|quit|became|was|moved|drove"
    r"|arrived|returned|celebrated|submitted|shipped|hired|fired|married|retired|opened|closed|installed|repaired"
)

ENGLISH: Final = Grammar(
    language="en",
    rules=RULES,
    event=re.compile(
        rf"i(?:'ve| have)?\s+(?:(?:just|finally|also|already)\s+)*(?:{_PAST})\b|i(?:'m| am)\s+\w+ing\b|i(?:'ll| will)\s+\w+"
        r"|i(?:'ve| have)(?: got)?\s+(?:an?|my|the|two|three)\s|my\s+[\w -]{2,40}\s(?:is|was|starts|started|ends|ended)\b"
        r"|we(?:'re| are)?\s+\w+",
        re.IGNORECASE,
    ),
    opening=re.compile(
        r"(?:(?:since|in) (?:19|20)\d\d|nowadays|these days|currently|now|recently|lately|at the moment),? (?=i\b|i'|my )",
        re.IGNORECASE,
    ),
    subject="I ",
    stop=re.compile(
        r"\s+(?:because|since|which|that|who|where|when|while|after|before|as|but|so|over|rather than|more than"
        r"|better than|instead of|even|although|though|to be|until|and (?=i\b|my\b|we\b|it\b)|with my|for my"
        r"|these days|at the moment)\b.*"
        r"|\s+(?:at|for|with) (?=[A-ZÄÖÜ]).*|[.,:](?=\s|$).*|[;!?(\[{|].*",
        re.DOTALL,
    ),
    trailing=re.compile(
        r"[\s,]+(?:now|anymore|any more|any longer|a lot|very much|so much|too|as well|right now|again|already|currently"
        r"|though|please|myself|today|lately|nowadays|for now|most|best|yet)$",
        re.IGNORECASE,
    ),
    ended=re.compile(r"\b(?:anymore|any more|any longer|no longer)\b", re.IGNORECASE),
    refused=words("""
        it this that these those you your yours him her them they he she me myself us how what why when where whether to
        there here back later something anything nothing everything everyone one if not now answer answers idea
        """),
    conjunction=re.compile(r",\s*(?:and\s+)?|\s+(?:and|or|&)\s+", re.IGNORECASE),
)
"""The grammar of English."""
