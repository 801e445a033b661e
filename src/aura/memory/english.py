"""How people say things of themselves in English."""

from __future__ import annotations

import re
from typing import Final

from aura.answering.lexicon import words
from aura.memory import english_words as en
from aura.memory.rules import CODE, EMAIL, NAME, PHONE, PROPER, UPPER, VALUE, Grammar, rule, uncapitalised
from aura.memory.slots import Category, Kind

RULES: Final = (
    # who they are
    rule(
        "name",
        rf"(?:my (?:first |full |real |last )?name(?:'s| is)|i(?:'m| am) called|i go by|the name's)"
        rf" (?:(?P<n>not) )?{NAME}",
        Category.IDENTITY,
        confidence=0.95,
    ),
    rule(
        "name",
        rf"(?:(?:people|friends|everyone|they|colleagues) (?:just )?call me|(?:please |just "
        rf"|you can )*call me) {PROPER}",
        Category.IDENTITY,
    ),
    rule("birthday", r"my birthday(?:'s| is) (?:on )?(?P<v>.*\d.*)", Category.IDENTITY),
    rule("birthday", r"i was born (?:on|in) (?P<v>.*\d.*)", Category.IDENTITY),
    rule("age", r"i(?:'?m| am) (?P<v>\d{1,3})(?: years old| years of age)?", Category.IDENTITY),
    rule(
        "age",
        r"i(?:'ve)? (?:just )?turned (?P<v>\d{1,3})(?: (?:years|today|yesterday|this|last|on|in|a|two)\b.*)?",
        Category.IDENTITY,
    ),
    rule("native_language", rf"my (?:native language|mother tongue|first language) is {VALUE}", Category.IDENTITY),
    rule("marital_status", rf"{en.AM}(?P<v>married|divorced|widowed|separated){en.THEN}", Category.FAMILY),
    rule("marital_status", rf"{en.AM}(?P<v>single|engaged(?= to |$))(?: to .*)?", Category.FAMILY),
    rule(
        "marital_status",
        rf"{en.MOVED}got(?:ten)? (?P<v>married|divorced|engaged)(?: .*)?",
        Category.FAMILY,
    ),
    rule(
        "children",
        rf"i(?:'ve| have)?(?: got| have)? (?P<v>(?:no|{en.COUNT}) (?:kids?|child(?:ren)?|sons?|daughters?)){en.THEN}",
        Category.FAMILY,
    ),
    # where they are
    rule("home", rf"{en.WE}(?:live|reside) (?:{en.WITH})?(?:in|at|near) {en.PLACE}", Category.PLACE),
    rule("home", uncapitalised(rf"{en.WE}live (?:in|near) {en.LOWER_PLACE}"), Category.PLACE),
    rule(
        "home",
        rf"(?:{en.AM}|{en.BEEN})(?:living|based|residing|settled) (?:{en.WITH})?(?:in|at|near) {en.PLACE}",
        Category.PLACE,
    ),
    rule("home", rf"{en.MOVED}(?:moved|relocated)(?: from .+?)? to {en.PLACE}", Category.PLACE),
    rule("home", rf"my (?:new )?home(?:town| town| city)? is (?:in )?{en.PLACE}", Category.PLACE),
    rule("past_home", rf"i used to live in {en.PLACE}", Category.PLACE),
    rule(
        "origin",
        rf"(?:{en.AM}(?:originally )?from|i (?:originally )?come from|i was born in|i grew up in) {en.PROPER_PLACE}",
        Category.PLACE,
    ),
    rule("origin", uncapitalised(rf"(?:{en.AM}from|i come from) {en.LOWER_PLACE}"), Category.PLACE),
    # how to reach them
    rule("email", rf"my {en.OF_CONTACT}e-?mail(?: address)? is {EMAIL}", Category.CONTACT, confidence=0.95),
    rule("phone", rf"my {en.OF_CONTACT}(?:phone|mobile|cell|telephone)(?: number)? is {PHONE}", Category.CONTACT),
    rule(
        "number:{k}", rf"my (?P<k>(?:[\w-]+ ){{0,2}}(?:number|id|no|code|plate|extension)) is {CODE}", Category.CONTACT
    ),
    # what they do
    rule("role", rf"(?:{en.SELF}work|{en.AM}(?:working|employed)) as {en.AS_WHAT}", Category.WORK),
    rule(
        "role",
        rf"my (?:new |current )?(?:job|role|position|profession|occupation|job title) is {en.AS_WHAT}",
        Category.WORK,
    ),
    rule("role", rf"{en.AM}an? (?P<v>{en.OCCUPATION})(?! (?:at heart|for change|of change)\b)(?: .*)?", Category.WORK),
    rule(
        "employer",
        rf"(?:{en.SELF}work|(?:{en.AM}|{en.BEEN})(?:working|employed))(?: as [\w -]+?)? (?:at|for) {en.EMPLOYER}",
        Category.WORK,
    ),
    rule("employer", uncapitalised(rf"{en.SELF}work (?:at|for) {en.LOWER_PLACE}"), Category.WORK),
    rule(
        "employer",
        rf"{en.HAVE}(?:started(?: (?:working|a (?:new )?job))? (?:at|by|with|for)|switched jobs to|(?:was|got"
        rf"|been) hired (?:at|by)|joined(?! (?:the )?(?:{en.PROGRAM})\b)) {PROPER}(?: .*)?",
        Category.WORK,
    ),
    rule("employer", rf"my (?:new |current )?(?:employer|company) is (?:called )?{en.NAMED}", Category.WORK),
    rule(
        "employer",
        rf"i(?:'ve| have)? (?:just |recently )?(?:(?:quit|left|lost) my (?:job|position|post) at|resigned from|quit"
        rf"|left(?= \w+ (?:for (?:an?|the|another) (?:\w+ )?(?:job|company|start-?up|competitor)|to (?:join|work"
        rf"|found|start))\b)) (?!(?:{en.PROGRAM})\b){PROPER}(?: .*)?",
        Category.WORK,
        polarity=-1,
    ),
    rule(
        "workplace",
        rf"(?:{en.SELF}work|{en.AM}working) (?:in|from|out of) (?P<v>(?:{en.LEADING}(?:\w+ )?(?:{en.WORKPLACE})\b"
        rf"|{en.LEADING}(?-i:[{UPPER}])"
        r"|home(?: |$)).*)",
        Category.WORK,
    ),
    rule("team", rf"(?:{en.AM}|i work )(?:in|on|part of) the {VALUE} (?:department|team|group)", Category.WORK),
    rule(
        "team",
        rf"my (?:department|team) is (?:the )?(?P<v>(?-i:[{UPPER}][\w& -]*)|(?:{en.DEPARTMENT})(?: (?:team"
        rf"|department))?)",
        Category.WORK,
    ),
    rule("team", r"my (?:department|team) is the (?P<v>[\w-]+(?: [\w-]+)? (?:team|department))", Category.WORK),
    # what they know and have
    rule(
        "speaks",
        rf"{en.SELF}speak (?:(?:fluent|good|basic|some|any|a bit of|a little(?: bit of)?|only|perfect|native|broken|both) )*"
        rf"(?P<v>(?:{en.LANGUAGES})\b.*)",
        Category.SKILL,
        many=True,
    ),
    rule(
        "skill",
        r"i(?:'ve| have) (?:learned|learnt|mastered) (?:how )?to (?P<v>(?!live|accept|appreciate).+)",
        Category.SKILL,
    ),
    rule(
        "skill", rf"i(?:'ve| have) (?:learned|learnt|mastered) (?P<v>(?:{en.LANGUAGES})\b.*)", Category.SKILL, many=True
    ),
    rule(
        "uses",
        rf"{en.SELF}(?:use|drive|ride|own) (?:an? |my (?-i:(?=[{UPPER}])))(?P<v>(?!lot|bit|hard).+)",
        Category.POSSESSION,
        confidence=0.7,
    ),
    rule(
        "uses",
        rf"{en.SELF}(?:use|drive|ride|own) (?P<v>(?-i:[{UPPER}]).*|(?!\w+ly\b|well\b|daily\b|fast\b)\w+)",
        Category.POSSESSION,
        confidence=0.7,
        many=True,
    ),
    rule(
        "has",
        rf"{en.HAVE}(?:got )?(?P<v>{en.THING}(?: (?:called|named) .+|, (?-i:[{UPPER}]).+))",
        Category.POSSESSION,
    ),
    rule("has", rf"{en.HAVE}(?:got )?(?P<v>{en.THING}(?:(?:,| and) {en.THING})*)", Category.POSSESSION, many=True),
    rule(
        "has", rf"i (?P<n>don't|do not|no longer) (?:have|own) (?P<v>an? (?:{en.PETS}|{en.GOODS}))", Category.POSSESSION
    ),
    rule("pet:{k}", rf"my (?P<k>{en.PETS})(?:'s name is|'s called| is (?:called|named)) {PROPER}", Category.POSSESSION),
    # what they like
    rule(
        "diet", rf"{en.AM}(?:an? )?(?P<v>vegan|vegetarian|pescatarian){en.THEN}", Category.PREFERENCE, Kind.PREFERENCE
    ),
    rule(
        "diet",
        r"i(?:'ve)? (?:recently )?(?:became|become|went|gone) (?:an? )?(?P<v>vegan|vegetarian|pescatarian)(?: .*)?",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule(
        "eats",
        rf"i {en.ADV}(?P<n>don'?t|do not|no longer|never) {en.ADV}(?:eat|drink) {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule("eats", rf"i {en.ADV}(?:eat|drink) {VALUE}", Category.PREFERENCE, Kind.PREFERENCE, confidence=0.7, many=True),
    rule(
        "favourite:{k}",
        rf"my (?:all-time |absolute )?favou?rite (?P<k>[\w -]{{2,40}}?) (?:is|are) {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule(
        "opinion",
        rf"{en.SELF}(?:{en.LIKING}) {en.TO}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule(
        "opinion",
        rf"i(?:'ve| have) (?:(?P<n>never) |always )(?:really )?(?:loved|liked|enjoyed|adored|preferred) {en.TO}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule(
        "opinion",
        rf"i(?:'ve| have) always (?:hated|disliked|detested|despised|loathed) {en.TO}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        polarity=-1,
        many=True,
    ),
    rule(
        "opinion",
        rf"i {en.ADV}(?:{en.DISLIKING}|stopped (?:liking|enjoying|loving)) {en.TO}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        polarity=-1,
        many=True,
    ),
    rule(
        "opinion",
        rf"{en.AM}(?:a (?:big |huge |great )?fan of|into|fond of|crazy about) {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    # what they are about to do
    rule(
        "plan",
        rf"{en.AM}(?:planning to|hoping to|going to(?= (?:{en.PURPOSE})\b)) (?P<v>(?!see|ask|be |need|try|say|leave"
        rf"|go on).+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    rule(
        "plan",
        rf"{en.AM}(?P<v>(?:(?:moving|relocating|emigrating) (?:from .+? )?(?:(?:back )?to|in with|house|home|flat|out"
        rf"|abroad)"
        r"|(?:flying|travelling|traveling) (?:home|to|back)|getting married|retiring|starting (?:a (?:new )?(?:job"
        r"|business|company"
        rf"|family|course)|university|college|school|work|as an?|at (?-i:[{UPPER}]))|switching (?:jobs|careers"
        rf"|to a new job))"
        r"\b.*)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    rule(
        "plan",
        rf"i {en.ADV}(?:plan|intend|hope) to (?P<v>(?!ask|see|be |hear|get|say|tell|read|have|know).+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    rule("plan", rf"i {en.ADV}want to (?P<v>(?:{en.PURPOSE}) .+)", Category.PLAN, Kind.PLAN, confidence=0.7),
    rule("plan", rf"my goal is to {VALUE}", Category.PLAN, Kind.PLAN),
    rule(
        "plan",
        rf"{en.AM}(?P<v>(?:(?:learning|studying)(?! (?:from|about|how|a lot|more|so|much|that))"
        r"|training for|preparing for|saving for) .+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    # what is nobody's business unless it is allowed
    rule("allergy", rf"{en.AM}allergic to {VALUE}", Category.HEALTH, many=True),
    rule("allergy", r"i have an? (?P<v>[\w -]+?) (?:allergy|intolerance)", Category.HEALTH),
    rule(
        "health",
        rf"(?:{en.HAVE}(?:been diagnosed with|suffered from)|i (?:suffer from|have|was diagnosed with))"
        rf" (?P<v>(?:type [12] )?(?:{en.ILLNESS})\b(?! (?:about|of|over|patients?|research)).*)",
        Category.HEALTH,
    ),
    rule(
        "health",
        rf"{en.AM}(?:an? )?(?P<v>diabetic|pregnant|autistic|epileptic|depressed|dyslexic|celiac|coeliac|disabled|blind"
        rf"|deaf|alcoholic)",
        Category.HEALTH,
    ),
    rule(
        "belief",
        rf"{en.AM}(?:an? )?(?P<v>(?:practi[sc]ing |devout )?(?:{en.CREED}))",
        Category.BELIEF,
    ),
    rule("politics", rf"i {en.ADV}(?:vote|voted) for (?:the )?{PROPER}(?: .*)?", Category.POLITICS),
    rule(
        "politics",
        rf"{en.AM}(?:an? )?(?P<v>democrat|republican|socialist|communist|conservative|liberal|(?:[\w-]+ )?party member)",
        Category.POLITICS,
    ),
    rule(
        "orientation",
        rf"{en.AM}(?P<v>gay|lesbian|bisexual|straight|queer|transgender|trans|asexual)",
        Category.ORIENTATION,
    ),
    rule("union", rf"{en.AM}(?:a member of|in) (?:the |a )?(?P<v>[\w -]*union)", Category.UNION),
)

_PAST = (
    r"visited|went|bought|sold|started|finished|met|flew|saw|had|got|attended|completed|ran|booked|ordered|signed"
    r"|adopted|broke|lost|won|passed|graduated|presented|took|gave|received|cancelled|canceled|joined|quit|became|was"
    r"|moved|drove|arrived|returned|celebrated|submitted|shipped|hired|fired|married|retired|opened|closed|installed"
    r"|repaired"
)

ENGLISH: Final = Grammar(
    language="en",
    rules=RULES,
    event=re.compile(
        rf"i(?:'ve| have)?\s+(?:(?:just|finally|also|already)\s+)*(?:{_PAST})\b|i(?:'?m| am)\s+\w+ing\b|i(?:'ll"
        rf"| will)\s+\w+"
        r"|i(?:'ve| have)(?: got)?\s+(?:an?|my|the|two|three)\s|my\s+[\w -]{2,40}\s(?:is|was|starts|started|ends"
        r"|ended)\b|we(?:'re| are)?\s+\w+",
        re.IGNORECASE,
    ),
    opening=re.compile(
        r"(?:(?:since|in) (?:19|20)\d\d|nowadays|these days|currently|right now|now|recently|lately|at the moment),?"
        r" (?=i\b|i'|my )",
        re.IGNORECASE,
    ),
    subject="I ",
    stop=re.compile(
        r"\s+(?:because|since|which|that|who|where|when|while|after|before|as|but|so|over|rather than|more than"
        r"|better than|instead of|even|although|though|to be|until|and (?=i\b|my\b|we\b|it\b)|with my|for my"
        r"|these days|at the moment)\b.*|\s+(?:at|for|with) (?=[A-ZÄÖÜ]).*|[.,:](?=\s|$).*|[;!?(\[{|].*",
        re.DOTALL,
    ),
    trailing=re.compile(
        r"[\s,]+(?:now|anymore|any more|any longer|a lot|very much|so much|too|as well|right now|again|already"
        r"|currently|though|please|myself|today|lately|nowadays|for now|most|best|yet)$",
        re.IGNORECASE,
    ),
    ended=re.compile(r"\b(?:anymore|any more|any longer|no longer)\b", re.IGNORECASE),
    refused=words("""
        it this that these those you your yours him her them they he she me myself us how what why when where whether to
        at in on to from with out by for of off up down too so very more less well only just about around between
        each enough lot lots bit both there here back later something anything nothing everything everyone one if not
        now answer answers idea
        """),
    conjunction=re.compile(r",\s*(?:and\s+)?|\s+(?:and|or|&)\s+", re.IGNORECASE),
    addressee=re.compile(r"\b(?:you(?! (?:can|may) call me\b)|your|yours|yourself)\b", re.IGNORECASE),
    at_hand=re.compile(
        r"\b(?:this|that|these|those|it|them)\b|\b(?:the )?(?:first|second|third|fourth|last|next|other|same) (?:\w+ )?"
        rf"(?:{en.AT_HAND})\b|\b(?:latter|former)\b|^(?:the |an? |my |this |that )(?:\w+ ){{0,2}}?(?:{en.AT_HAND})s?\b"
        rf"|^(?:{en.DOING} )(?:\w+ ){{0,3}}?(?:{en.AT_HAND})s?\b|^(?:{en.AT_HAND}) ",
        re.IGNORECASE,
    ),
)
"""The grammar of English."""
