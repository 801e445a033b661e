"""The words of English that its rules are made of, as pieces of patterns."""

from __future__ import annotations

from typing import Final

from aura.memory.rules import UPPER

ADV: Final = (
    r"(?:(?:really|truly|absolutely|also|still|just|now|currently|generally|usually|mostly|always|totally|personally"
    r"|recently|finally|only|especially|quite|do|actually|already|simply) )*"
)
NOT: Final = r"(?:(?P<n>don'?t|do not|no longer|never|not|can'?t|cannot) )?"
SELF: Final = rf"i {ADV}{NOT}{ADV}"
WE: Final = rf"(?:i|we|my \w+ and i) {ADV}{NOT}{ADV}"
AM: Final = rf"i(?:'?m| am) {ADV}(?:(?P<n>not|no longer) )?{ADV}"
MOVED: Final = rf"(?:i|we|my \w+ and i)(?:'ve| have)? {ADV}"
HAVE: Final = rf"i(?:'ve| have)? {ADV}"
BEEN: Final = rf"i(?:'ve| have) {ADV}been {ADV}"
OF_CONTACT: Final = r"(?:(?:new|private|personal|work|business|mobile|cell|home) )*"
PETS: Final = r"dog|cat|rabbit|horse|parrot|hamster|tortoise|fish|bird|pet|puppy|kitten"
DWELLING: Final = (
    r"flat|apartment|house|houseboat|cottage|farm|farmhouse|village|town|city|suburbs?|studio|dorm|student hall"
    r"|countryside|mountains|city centre|city center|hostel|caravan|bungalow|penthouse|outskirts|middle|heart|north"
    r"|south|east|west|part|district|region|area|neighbou?rhood|room|old town|coast"
)
LEADING: Final = (
    r"(?:(?:the|an?|my|our|own|old|new|small|little|tiny|big|large|rented|shared|quiet|northern|southern|eastern"
    r"|western|central|downtown|upstate|rural|lovely|beautiful|in|near|of|outside|at|on|close to|just|called|from"
    r"|around"
    rf"|{DWELLING}) )*"
)
PROGRAM: Final = (
    r"teams|slack|zoom|discord|linux|windows|mac(?:os)?|android|ios|excel|word|outlook|gmail|google docs|notion"
    r"|github|gitlab|chrome|firefox|python|java|rust|aws|azure|plan b|page|chapter|section|option|step|sheet|facebook"
    r"|instagram|twitter|linkedin|whatsapp|telegram|reddit|tiktok|mastodon|netflix|spotify|it|hr"
)
PLACE: Final = (
    rf"(?!(?:the )?(?:{PROGRAM})\b)(?P<v>(?:{LEADING}(?-i:[{UPPER}])|{LEADING}(?:{DWELLING})\b"
    r"|(?<=near\s)(?:the|an?) \w).*)"
)
"""A name, or a dwelling: who lives "in fear" or "in the moment" says nothing of where."""
ABSTRACT: Final = (
    r"fear|peace|hope|silence|pain|denial|hell|poverty|luxury|comfort|style|harmony|sin|the moment|the past|my head"
    r"|a dream|a bubble|shifts|free|fun|a living|home|night|it|this|that|here|there|work|now|scratch|all|least"
    r"|a while"
)
LOWER_PLACE: Final = rf"(?P<v>(?!(?:{ABSTRACT})\b)[a-z-]+(?: [a-z-]+)?)"
PROPER_PLACE: Final = (
    rf"(?!(?:the )?(?:{PROGRAM})\b)(?P<v>(?:(?:the|north|south|east|west|northern|southern|an?|small|little|tiny"
    rf"|village|town|city|suburb|farm|near|in|outside|called|of|coast"
    rf"|countryside) )*(?-i:[{UPPER}])(?!.* (?:department|team|group)\b).*)"
)
WORKPLACE: Final = (
    r"warehouse|office|hospital|school|clinic|factory|lab|laboratory|library|university|college|bakery|restaurant"
    r"|hotel|bank|shop|store|museum|airport|harbou?r|port|pharmacy|garage|farm|theatre|theater|kitchen|nursery"
    r"|kindergarten|call cent(?:re|er)|marketing|sales|accounting|finance|logistics|it|hr|human resources|procurement"
    r"|purchasing|production|retail|banking|insurance|healthcare|nursing|education|construction|engineering|research"
    r"|publishing|hospitality|tourism|consulting|security|customer (?:service|support)|public relations|advertising"
    r"|manufacturing|government|law|media"
)
DEPARTMENT: Final = (
    r"marketing|sales|accounting|finance|logistics|it|hr|human resources|procurement|purchasing|production|legal"
    r"|support|engineering|research|operations|design|security|communications|customer (?:service|support)"
)
LANGUAGES: Final = (
    r"english|german|french|spanish|italian|portuguese|dutch|polish|czech|russian|ukrainian|turkish|greek|arabic"
    r"|hebrew|hindi|urdu|bengali|punjabi|tamil|chinese|mandarin|cantonese|japanese|korean|vietnamese|thai|persian"
    r"|farsi|swahili|swedish|danish|norwegian|finnish|icelandic|frisian|irish|welsh|basque|catalan|romanian|hungarian"
    r"|bulgarian|serbian|croatian|albanian|latin|esperanto|malay|indonesian|tagalog|amharic|yoruba|zulu|afrikaans"
    r"|sign language"
)
THEN: Final = (
    r"(?:,? (?:btw|by the way|and|but|so|because|since|for|as|who|with|except|apart|now|too|though|thanks|to|from|in|at|on"
    r"|though)\b.*)?"
)
"""What may follow a value that is said."""
OCCUPATION: Final = (
    r"(?:[\w-]+ ){0,2}?[\w-]*(?:nurse|teacher|engineer|developer|doctor|lawyer|architect|manager|designer|scientist"
    r"|student|pilot|chef|cook|baker|driver|analyst|consultant|accountant|writer|journalist|electrician|carpenter"
    r"|plumber|mechanic|farmer|programmer|physicist|chemist|biologist|pharmacist|dentist|surgeon|librarian"
    r"|photographer|translator|researcher|professor|technician|operator|director|officer|assistant|secretary|clerk"
    r"|musician|artist|economist|therapist|vet|veterinarian|paramedic|freelancer|firefighter|soldier|sailor|gardener"
    r"|tailor|waiter|waitress|barista)"
)
COUNT: Final = r"an?|one|two|three|four|five|six|\d+"
GOODS: Final = r"car|bike|bicycle|motorcycle|boat|garden|house|piano|guitar"
WITH: Final = r"(?:with (?:[\w']+ ){1,3}?|alone |together )"
AS_WHAT: Final = (
    rf"(?P<v>(?:(?:an? |the )(?!team\b|rule\b|matter\b|result\b|group\b|consequence\b|whole\b|mess\b|lot\b"
    rf"|bit\b|joke\b|pain\b)[\w-]+|(?:{OCCUPATION}|head|lead|chief)\b).*)"
)
NAMED: Final = rf"(?P<v>(?:the )?(?-i:[{UPPER}]).*)"
EMPLOYER: Final = (
    rf"(?P<v>(?:(?:the|an?|my|our) (?!living\b|while\b|moment\b|change\b|time\b|loss\b|weekend\b|best\b)"
    rf"|(?-i:[{UPPER}])|myself\b).+)"
)
THING: Final = rf"(?:{COUNT}) (?:[\w-]+ )?(?:{PETS}|{GOODS})s?"
ILLNESS: Final = (
    r"diabetes|asthma|cancer|depression|epilepsy|adhd|migraines?|arthritis|hiv|anxiety|autism|dyslexia|hypertension"
)
CREED: Final = r"catholic|protestant|christian|muslim|jewish|jew|hindu|buddhist|atheist|agnostic"
LIKING: Final = r"love|like|enjoy|adore|prefer|appreciate"
DISLIKING: Final = r"hate|dislike|detest|despise|loathe|can'?t stand|cannot stand|can'?t bear"
TO: Final = r"(?:to (?!know|see|ask|be |have|get|hear|thank|say|point))?"
AT_HAND: Final = (
    r"document|file|chapter|paragraph|section|sentence|version|draft|option|answer|reply|response|summary|text|page"
    r"|layout|format|suggestion|proposal|list|table|slide|column|row|chat|tab|link|tone|wording|result|figure|design"
    r"|report|contract|letter|e-?mail|message|question|example|template|form|invoice|spreadsheet|line|word|title"
    r"|heading|topic|subject|step|part|one|task|app|tool|feature|button|screen|website|site|explanation|idea"
)
DOING: Final = (
    r"(?:to )?(?:start|finish|write|open|run|build|switch|study|learn|change|close|starting|switching|studying"
    r"|learning)"
)
PURPOSE: Final = (
    r"learn|visit|buy|move|become|build|run|finish|travel|write|study|climb|retire|save|lose|quit|start|open"
)
