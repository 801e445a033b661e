"""How people say things of themselves in French.

The verbs in -er have one form for "I" and for "he": a rule wants its subject. Where French itself is unclear ("j'aime plus
le thé": no more, or more than another thing?), nothing is read.
"""

from __future__ import annotations

import re
from typing import Final

from aura.answering.lexicon import words
from aura.memory.rules import CODE, EMAIL, NAME, PHONE, PROPER, UPPER, VALUE, Grammar, rule
from aura.memory.slots import Category, Kind

_ADV = (
    r"(?:(?:maintenant|actuellement|aussi|encore|toujours|vraiment|beaucoup|bien|trop|déjà|désormais|surtout|souvent"
    r"|personnellement|énormément|officiellement|enfin|récemment|depuis (?:\w+ )?(?:19|20)\d\d|depuis \w+ \w+) )*"
)
_WHEN = (
    r"(?:(?:hier|récemment|il y a \w+ \w+|l[ea] \w+ (?:derni(?:er|ère)|passée?)|l'(?:an|année) (?:derni(?:er|ère)"
    r"|passée?)|en (?:19|20)\d\d) )?"
)
_IN = r"(?:à |a |en |au |aux |dans |près de |près d')"
_OF = r"(?:de la |de l'|de |d'|du |des )"
_WITH = r"(?:avec (?:m(?:on|a|es)|une?|des|deux|trois) \w+ )?"
_AN = r"(?:(?:un|une|le|la|les) |l')?"
_MY = r"m(?:on|a|es)"
_COUNT = r"une?|deux|trois|quatre|cinq|six|\d+"
_PETS = r"chien(?:ne)?|chat(?:te)?|lapine?|cheval|perroquet|hamster|tortue|poisson|oiseau|chiot|chaton|jument"
_GOODS = r"voiture|vélo|moto|bateau|jardin|maison|appartement|piano|guitare"
_OCCUPATION = (
    r"(?:[\w-]+ )?(?:professeure?|prof|enseignante?|institut(?:eur|rice)|infirmi(?:er|ère)|ingénieure?"
    r"|développeu(?:r|se)|médecin|docteure?|avocate?|architecte|directeur|directrice|designer|scientifique"
    r"|étudiante?|pilote|chef(?:fe)?|cuisini(?:er|ère)|boulang(?:er|ère)|conducteur|conductrice|chauffeure?|analyste"
    r"|consultante?|comptable|écrivaine?|journaliste|électricien(?:ne)?|menuisi(?:er|ère)|plombi(?:er|ère)"
    r"|mécanicien(?:ne)?|agriculteur|agricultrice|programmeu(?:r|se)|physicien(?:ne)?|chimiste|biologiste"
    r"|pharmacien(?:ne)?|dentiste|chirurgien(?:ne)?|bibliothécaire|photographe|traducteur|traductrice|chercheu(?:r|se)"
    r"|technicien(?:ne)?|secrétaire|musicien(?:ne)?|artiste|économiste|thérapeute|vétérinaire|pompi(?:er|ère)|soldate?"
    r"|jardini(?:er|ère)|serveu(?:r|se)|vendeu(?:r|se)|caissi(?:er|ère)|retraitée?)"
)
_LANGUAGES = (
    r"français|anglais|allemand|espagnol|italien|portugais|arabe|chinois|mandarin|japonais|russe|néerlandais|polonais"
    r"|turc|grec|hébreu|hindi|coréen|breton|basque|catalan|occitan|roumain|suédois|danois|norvégien|finnois|ukrainien"
    r"|tchèque|hongrois|vietnamien|persan|swahili|wolof|corse|alsacien"
)
_ILLNESS = (
    r"diabète|asthme|cancer|dépression|épilepsie|tdah|migraines?|arthrose|arthrite|vih|autisme|dyslexie|hypertension"
    r"|sida"
)
_AT_HAND = (
    r"document|fichier|chapitre|paragraphe|section|phrase|version|brouillon|option|réponse|résumé|texte|page"
    r"|présentation|format|suggestion|proposition|liste|tableau|diapo(?:sitive)?|colonne|ligne|onglet|lien|ton"
    r"|résultat|rapport|contrat|lettre|mail|message|question|exemple|modèle|formulaire|facture|titre|sujet|étape"
    r"|partie|passage|idée|solution|explication|tâche|appli|outil|bouton"
)
_THING = rf"(?:{_COUNT}) (?:{_PETS}|{_GOODS})[sx]?"
_CREED = (
    r"catholique|protestante?|chrétien(?:ne)?|musulmane?|juif|juive|hindoue?|bouddhiste|athée|agnostique|croyante?"
    r"|pratiquante?"
)
_INFINITIVE = r"(?!(?:avoir|être|savoir|pouvoir|devoir|comprendre|faire)\b)(?:(?:me|y|en) |m')?\w+(?:er|ir|re|oir)\b"
_PURPOSE = (
    r"(?:me |m')?(?:apprendre|visiter|acheter|déménager|installer|marier|devenir|construire|courir|finir|voyager|partir"
    r"|écrire|étudier|reprendre|passer|perdre|quitter|commencer|arrêter|changer|ouvrir)"
)
_NOT_A_PLACE = (
    r"(?!(?:(?:la|le|un|une) |l')?(?:couple|paix|peur|fond|distance|crédit|colocation|concubinage|harmonie|enfer|rêve"
    r"|passé|ce |moment|attendant|train|temps|plein|joie|calme|doute|silence|même|côté|deux|dix|cinq|quelques"
    r"|proximité|face|dehors|dedans|haut|bas|face|l'espoir|\d+)\b)"
)
_WORKPLACE = (
    r"hôpital|école|lycée|collège|université|usine|bureau|magasin|restaurant|banque|laboratoire|hôtel|bar|boulangerie"
    r"|pharmacie|entrepôt|agence|clinique|bibliothèque|musée|aéroport|gare|mairie|garage|ferme|chantier|crèche"
    r"|entreprise|start-up|startup|cabinet|boutique|supermarché|centre|théâtre|librairie|préfecture|ministère|atelier"
)


def _je(verb: str) -> str:
    """The verb with its subject, and what denies it. "Ne … que" denies nothing."""
    return (
        rf"(?:moi,? )?(?:je |j')(?:(?:ne |n')(?:{verb}) {_ADV}(?:(?P<n>pas|plus|jamais|guère)(?: du tout)? |que |qu')"
        rf"|(?:{verb}) {_ADV}(?:(?P<n>pas|jamais)(?: du tout)? )?){_ADV}"
    )


RULES: Final = (
    # who they are
    rule("name", rf"je (?:ne )?m'appelle {_ADV}(?:(?P<n>pas|plus) )?{NAME}", Category.IDENTITY, confidence=0.95),
    rule(
        "name",
        rf"mon (?:pré|petit )?nom(?: complet| de famille)?(?: est|,? c'est) {NAME}",
        Category.IDENTITY,
        confidence=0.95,
    ),
    rule(
        "name",
        r"(?:on m'appelle|tout le monde m'appelle|mes (?:amis|amies|collègues) m'appellent|tu peux m'appeler"
        rf"|vous pouvez m'appeler|appelle-moi|appelez-moi|moi,? c'est) {PROPER}",
        Category.IDENTITY,
    ),
    rule("birthday", r"mon anniversaire (?:est|tombe),? (?:le )?(?P<v>.*\d.*)", Category.IDENTITY),
    rule("birthday", r"je suis née? (?:le |en )(?P<v>.*\d.*)", Category.IDENTITY),
    rule("age", r"(?:j'ai|je viens d'avoir) (?:maintenant )?(?P<v>\d{1,3}) ans", Category.IDENTITY),
    rule("native_language", rf"ma langue maternelle est {VALUE}", Category.IDENTITY),
    rule(
        "marital_status",
        rf"{_je('suis')}(?P<v>mariée?|célibataire|divorcée?|fiancée?|veuf|veuve|séparée?|pacsée?)(?: .*)?",
        Category.FAMILY,
    ),
    rule(
        "marital_status",
        r"je (?:me suis|viens de me) (?P<v>mariée?|marier|fiancée?|fiancer|séparée?|séparer|pacsée?|pacser)(?: .*)?",
        Category.FAMILY,
    ),
    rule(
        "children",
        rf"{_je('ai')}(?P<v>(?:(?:{_COUNT}|de) |d')(?:enfants?|fils|filles?))(?: .*)?",
        Category.FAMILY,
    ),
    # where they are
    rule("home", rf"{_je('habite|réside|loge')}{_WITH}{_IN}{_NOT_A_PLACE}{VALUE}", Category.PLACE),
    rule("home", rf"{_je('vis')}{_WITH}{_IN}{PROPER}(?: .*)?", Category.PLACE),
    rule("home", rf"(?:nous (?:habitons|vivons)|on habite) {_WITH}{_IN}{PROPER}(?: .*)?", Category.PLACE),
    rule(
        "home",
        rf"(?:nous avons|on a) {_ADV}(?:d[ée]m[ée]nag|emm[ée]nag)é {_WHEN}(?:à |en |au |aux ){PROPER}(?: .*)?",
        Category.PLACE,
    ),
    rule(
        "home",
        rf"{_je('vis')}(?P<v>(?:à la|en|dans (?:une?|le|la)) (?:campagne|montagne|ville|banlieue|village"
        r"|appartement|maison)\b.*)",
        Category.PLACE,
    ),
    rule(
        "home",
        rf"(?:j'ai|je viens (?:juste )?de) {_ADV}(?:d[ée]m[ée]nag|emm[ée]nag)(?:[ée]|er) {_WHEN}"
        rf"(?:de [\w-]+ )?(?:à |en |au |aux ){VALUE}",
        Category.PLACE,
    ),
    rule(
        "home",
        rf"je (?:me suis |viens de m'){_ADV}install(?:ée?|er) {_WHEN}(?:à |en |au |aux ){PROPER}(?: .*)?",
        Category.PLACE,
    ),
    rule(
        "past_home",
        rf"(?:j'habitais|je vivais|j'ai (?:longtemps )?(?:habité|vécu)) {_IN}{PROPER}(?: .*)?",
        Category.PLACE,
    ),
    rule("origin", rf"{_je('viens')}(?:à l'origine )?{_OF}{PROPER}", Category.PLACE),
    rule("origin", rf"{_je('suis')}originaire {_OF}{VALUE}", Category.PLACE),
    rule("origin", rf"(?:je suis née?|j'ai grandi) {_IN}{PROPER}(?: .*)?", Category.PLACE),
    # how to reach them
    rule(
        "email",
        rf"mon (?:adresse )?(?:e-?mail|mail|courriel|adresse électronique)(?: \w+)? est {EMAIL}",
        Category.CONTACT,
        confidence=0.95,
    ),
    rule(
        "phone",
        rf"mon (?:numéro(?: de (?:téléphone|portable|mobile))?|téléphone|portable) est (?:le )?{PHONE}",
        Category.CONTACT,
    ),
    rule(
        "number:{k}",
        rf"m(?:on|a) (?P<k>(?:numéro|code|matricule|identifiant|plaque)(?: (?:de |d')?[\w-]+)?) est (?:le )?{CODE}",
        Category.CONTACT,
    ),
    # what they do
    rule("role", rf"{_je('travaille|bosse')}(?:(?:comme|en tant que) |en tant qu')(?:une? )?{VALUE}", Category.WORK),
    rule("role", rf"{_je('suis')}(?:une? |le |la |l')?(?P<v>{_OCCUPATION})(?: .*)?", Category.WORK),
    rule("role", rf"(?:mon métier|ma profession|mon poste) est (?P<v>{_OCCUPATION})(?: .*)?", Category.WORK),
    rule(
        "employer",
        rf"{_je('travaille|bosse')}(?:(?:comme|en tant que) [\w -]+? )?chez {VALUE}",
        Category.WORK,
    ),
    rule(
        "employer",
        rf"{_je('travaille|bosse')}(?:(?:comme|en tant que) [\w -]+? )?pour (?:la société |l'entreprise |la "
        rf"|le )?{PROPER}"
        r"(?: .*)?",
        Category.WORK,
    ),
    rule("employer", rf"{_je('suis')}(?:employée?|embauchée?) (?:chez|par) {VALUE}", Category.WORK),
    rule(
        "employer",
        rf"j'ai {_ADV}(?:été embauchée? {_WHEN}(?:chez|par)|commencé(?: à travailler)? {_WHEN}chez) {PROPER}(?: .*)?",
        Category.WORK,
    ),
    rule("employer", rf"mon (?:nouvel )?(?:employeur|entreprise) (?:est|s'appelle) {PROPER}", Category.WORK),
    rule(
        "employer",
        rf"j'ai {_ADV}(?:démissionné de(?: chez)?|quitté mon (?:travail|poste|emploi) chez) {PROPER}(?: .*)?",
        Category.WORK,
        polarity=-1,
    ),
    rule("workplace", rf"{_je('travaille|bosse')}(?:à|en|au|aux) {PROPER}", Category.WORK),
    rule(
        "workplace",
        rf"{_je('travaille|bosse')}(?:à |au |dans )(?P<v>(?:(?:un|une|le|la) |l')?(?:\w+ )?(?:{_WORKPLACE})\b.*)",
        Category.WORK,
    ),
    rule(
        "team",
        rf"{_je('suis|travaille')}(?:dans |au )(?:l'|la |le )?(?:équipe|service|département) (?:de la |de l'|du |des "
        rf"|de )?{VALUE}",
        Category.WORK,
    ),
    # what they know and have
    rule(
        "speaks",
        rf"{_je('parle')}(?:(?:couramment|bien|un peu) )*(?P<v>(?:le |l'|d')?(?:{_LANGUAGES})\b.*)",
        Category.SKILL,
        many=True,
    ),
    rule("skill", rf"j'ai appris à (?P<v>{_INFINITIVE}.*)", Category.SKILL),
    rule(
        "uses",
        rf"(?:{_je('utilise')}{_AN}|{_je('conduis|possède')}(?:(?:une?|la|mon|ma) |l'))(?P<v>(?!d[eu]\b|d').+)",
        Category.POSSESSION,
        confidence=0.7,
    ),
    rule(
        "has",
        rf"{_je('ai')}(?P<v>(?:(?:{_COUNT}|de) |d')(?:\w+ )?(?:{_PETS}|{_GOODS})[sx]?"
        r"(?: (?:nommée?|appelée?|qui s'appelle) .+)?)",
        Category.POSSESSION,
    ),
    rule("has", rf"{_je('ai')}(?P<v>{_THING}(?:(?:,| et) {_THING})+)", Category.POSSESSION, many=True),
    rule("pet:{k}", rf"m(?:on|a) (?P<k>{_PETS}) (?:s'appelle|se nomme) {PROPER}", Category.POSSESSION),
    # what they like
    rule(
        "diet",
        rf"{_je('suis')}(?:devenue? )?(?:une? )?(?P<v>v[ée]gane?|végétalien(?:ne)?|végétarien(?:ne)?"
        rf"|pescétarien(?:ne)?)"
        r"(?: .*)?",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule(
        "eats",
        rf"je (?:ne (?:mange|bois) {_ADV}(?P<n>pas|plus|jamais)|(?:mange|bois) {_ADV}(?P<n>pas|jamais))(?: du tout)?"
        r" (?P<v>(?:de |d').+)",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule(
        "eats",
        rf"je (?:mange|bois) {_ADV}(?P<v>(?:du |de la |de l'|des ).+)",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        confidence=0.7,
        many=True,
    ),
    rule(
        "favourite:{k}",
        rf"{_MY} (?P<k>[\w'-]+(?: [\w'-]+)??) (?:préféré|favori)(?:e|te)?s?(?: (?:est|sont),?|,? c'est) {_AN}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule(
        "opinion",
        rf"{_je('aime|adore|apprécie|préfère')}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule(
        "opinion",
        rf"(?:je |j')(?:déteste|hais|exècre) {_ADV}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        polarity=-1,
        many=True,
    ),
    rule(
        "opinion",
        r"(?:je ne supporte (?:pas|plus)|j'ai horreur) (?P<v>(?:(?:le|la|les|de|du|des) |l'|d').+)",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        polarity=-1,
        many=True,
    ),
    rule(
        "opinion",
        rf"{_je('suis')}(?:une? )?(?:(?:grande? )?fan|passionnée?|amateur|amatrice) {_OF}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    # what they are about to do
    rule("plan", rf"je vais {_ADV}(?P<v>{_PURPOSE}\b.+)", Category.PLAN, Kind.PLAN, confidence=0.8),
    rule(
        "plan",
        r"(?:je (?:compte|prévois de|projette de|pense)|j'(?:envisage de|ai l'intention de|ai prévu de)) "
        rf"(?P<v>{_INFINITIVE}.+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    rule("plan", rf"je veux (?P<v>{_PURPOSE}\b.+)", Category.PLAN, Kind.PLAN, confidence=0.7),
    rule("plan", rf"mon (?:but|objectif) est de {VALUE}", Category.PLAN, Kind.PLAN),
    rule("plan", r"j'apprends (?P<v>(?:(?:le|la|les|à) |l').+)", Category.PLAN, Kind.PLAN, confidence=0.8),
    # what is nobody's business unless it is allowed
    rule(
        "allergy", rf"{_je('suis')}(?:allergique|intolérante?) (?P<v>(?:(?:à|au|aux) ).+)", Category.HEALTH, many=True
    ),
    rule("allergy", r"j'ai une (?:allergie|intolérance) (?P<v>(?:à|au|aux) .+)", Category.HEALTH),
    rule(
        "health",
        rf"(?:{_je('ai')}|je souffre )(?:(?:le|la|de|du|une|un|des) |l'|d')*(?P<v>(?:{_ILLNESS})\b.*)",
        Category.HEALTH,
    ),
    rule(
        "health",
        rf"{_je('suis')}(?P<v>diabétique|enceinte|autiste|épileptique|dépressi(?:f|ve)|dyslexique|handicapée?|aveugle"
        r"|sourde?|alcoolique|séropositi(?:f|ve))",
        Category.HEALTH,
    ),
    rule("belief", rf"{_je('suis')}(?:une? )?(?P<v>{_CREED})(?: .*)?", Category.BELIEF),
    rule("politics", rf"(?:je vote|j'ai voté) {_ADV}(?:pour )?{VALUE}", Category.POLITICS),
    rule(
        "politics",
        rf"{_je('suis')}(?:une? )?(?P<v>socialiste|communiste|écologiste|républicaine?|de gauche|de droite)",
        Category.POLITICS,
    ),
    rule(
        "orientation",
        rf"{_je('suis')}(?P<v>gay|homo|homosexuel(?:le)?|lesbienne|bi|bisexuel(?:le)?|hétéro|trans|transgenre|queer)",
        Category.ORIENTATION,
    ),
    rule(
        "union",
        rf"{_je('suis')}(?:(?:membre|adhérente?) )?(?:(?:à|au|du|de|dans) )?(?:(?:la|le|un) )?"
        r"(?P<v>syndiquée?|syndicat.*|cgt|cfdt)(?: .*)?",
        Category.UNION,
    ),
)

FRENCH: Final = Grammar(
    language="fr",
    rules=RULES,
    event=re.compile(
        r"(?:j'(?:ai|étais|avais|irai|aurai)|je\s+(?:suis|vais|pars|serai|prends|voyage|rencontre|m'envole)"
        r"|je\s+me\s+suis|nous\s+(?:avons|sommes|allons|partons))\b(?!\s+(?:pas|jamais|rien|plus)\b)"
        r"|m(?:on|a)\s+[\w' -]{2,40}\s(?:est|était|commence|a\s+lieu)\b",
        re.IGNORECASE,
    ),
    opening=re.compile(
        r"(?:(?:depuis|en) (?:\w+ )?(?:19|20)\d\d|depuis \w+ \w+|maintenant|actuellement|aujourd'hui|en ce moment"
        r"|désormais|ces temps-ci|récemment),? (?=j'|je |mon |ma |mes )",
        re.IGNORECASE,
    ),
    subject="je ",
    stop=re.compile(
        r"\s+(?:(?:parce que|car|puisque|comme|qui(?! s'appelle)|que|qu'\w+|dont|où|quand|lorsque|mais|donc|alors"
        r"|bien que|même si|plutôt|afin|avec m(?:on|a|es)|pour m(?:on|a|es)|en ce moment|ces temps-ci)(?!\w)|(?:et"
        r"|ou) (?=(?:je|mon|ma|mes|il|elle|on|nous)\b|j'|\w+e\s+(?:à|en|au|aux|chez|pour|dans|comme|avec)\b)).*"
        rf"|\s+(?:chez|pour|avec) (?=[{UPPER}]).*|[.,:](?=\s|$).*|[;!?(\[{{|].*",
        re.DOTALL,
    ),
    trailing=re.compile(
        r"[\s,]+(?:maintenant|actuellement|aujourd'hui|beaucoup|énormément|vraiment|aussi|encore|du tout|déjà|désormais"
        r"|s'il (?:te|vous) plaît|stp|svp|à nouveau|en ce moment|le plus|bien|trop|depuis)$",
        re.IGNORECASE,
    ),
    ended=re.compile(r"\bn(?:e\s+|')\w+\s+plus\b", re.IGNORECASE),
    refused=words("""
        ça ca ce cet cette ces cela celui celle ceux ceci que qu qui quoi quand comment où si toi moi lui elle eux nous
        vous te t me se tout rien quelque quelqu personne pas plus moins jamais bien beaucoup peu trop mieux ici là non
        oui ton ta tes votre vos y en
        """),
    conjunction=re.compile(r",\s*(?:et\s+)?|\s+(?:et|ou|ni|ainsi que)\s+", re.IGNORECASE),
    addressee=re.compile(
        r"(?<!\w)(?:tu(?! peux m'appeler)|te|t'|toi|ton|ta|tes|votre|vos|vous(?! pouvez m'appeler))(?!\w)|(?<!\w)t'(?=\w)",
        re.IGNORECASE,
    ),
    at_hand=re.compile(
        r"\b(?:ce|cet|cette|ces|celui|celle|celles|ceux|ça|cela)\b|\b(?:premi(?:er|ère)|deuxième|seconde?|troisième"
        r"|derni(?:er|ère)"
        rf"|autre|même|prochaine?) (?:{_AT_HAND})s?\b|^(?:le|la) (?:premi(?:er|ère)|deuxième|seconde?|troisième"
        rf"|derni(?:er|ère))$|^(?:(?:le|la|les|un|une|de|du|mon|ma|changer de|finir|terminer|commencer|écrire) "
        rf"|l')*(?:{_AT_HAND})s?\b",
        re.IGNORECASE,
    ),
    fillers=words("le la les l un une des du de d à au aux en dans mon ma mes notre nos très bien beaucoup peu"),
)
"""The grammar of French."""
