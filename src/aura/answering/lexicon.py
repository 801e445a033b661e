"""What the keyless model knows of English, German and French: function words, light words, numbers, synonyms."""

from __future__ import annotations

from typing import Literal

Language = Literal["english", "german", "french"]
"""The languages with word lists; a text in another is read as English."""


def words(text: str) -> frozenset[str]:
    """The words of a list that is written as running text."""
    return frozenset(text.split())


STOP_WORDS: dict[Language, frozenset[str]] = {
    "english": words("""
        a an the this that these those it its itself he him his she her hers they them their theirs we us our ours you
        your yours i me my mine who whom whose which what when where why how and or but if then else than so as at by
        for from in into of off on onto out over to under up with without within about above across after against
        along among around before behind below between beyond during near per since through throughout till toward
        until upon via am is are was were be been being do does did doing done have has had having can could may
        might must shall should will would there here also again just only very too much many more most some any
        all each every both either neither such own same other another no not nor never yet s t re ve ll d m
        don doesn didn isn aren wasn weren won wouldn couldn shouldn can't cannot let us please one whether myself
        yourself himself herself itself themselves instead still away
        """),
    "german": words("""
        der die das den dem des ein eine einen einem einer eines kein keine keinen keinem keiner und oder aber wenn dann
        als wie wo wer wen wem wessen was wann warum weshalb wieso welche welcher welches welchen welchem ich mich mir
        du dich dir er ihn ihm sie ihr ihnen es wir uns euch sich mein meine meinen meiner meinem dein deine sein seine
        seinen seiner seinem ihre ihren ihrer ihrem unser unsere unseren unserer unserem ist sind war waren bin bist
        sein wird werden wurde wurden worden hat habe haben hatte hatten kann können konnte darf dürfen muss müssen
        soll sollen will wollen mag möchte in im an am auf aus bei beim mit nach von vom vor zu zum zur für über unter
        um durch gegen ohne bis seit während ab pro je zwischen hinter neben nicht nie auch noch nur schon sehr so da
        dort hier dass daß damit man es gibt gibt's viel viele vielen wieviel mehr alle allen aller alles jede jeder
        jedes jeden diese dieser dieses diesen diesem innerhalb etwa denn doch mal bitte spätestens statt anstatt heute
        """),
    "french": words("""
        le la les l un une des du de d au aux ce cet cette ces c ça cela il elle ils elles on nous vous je j tu me m te
        t se s lui leur leurs mon ma mes ton ta tes son sa ses notre nos votre vos qui que qu quoi dont où quand comment
        pourquoi combien quel quelle quels quelles lequel laquelle et ou mais si donc or ni car ne n pas plus jamais
        y en à dans sur sous par pour avec sans entre vers chez depuis pendant avant après jusque jusqu dès lors est
        sont était étaient être été suis sera seront soit a ont avait avoir ai as eu peut peuvent pouvez peux doit
        doivent faut fait très trop aussi encore tout tous toute toutes même autre autres chaque comme ici là
        """),
}
"""Function words and question words: they carry no content of their own."""

_PAST_FORMS = """
    arise arose arisen/become became/begin began begun/bind bound/break broke broken/bring brought/build built/buy bought/
    catch caught/choose chose chosen/come came/deal dealt/draw drew drawn/drink drank drunk/drive drove driven/
    eat ate eaten/fall fell fallen/feed fed/fight fought/fly flew flown/forbid forbade forbidden/forget forgot forgotten/
    freeze froze frozen/get got gotten/give gave given/go went gone/grow grew grown/hang hung/hear heard/hide hid hidden/
    hold held/keep kept/know knew known/lead led/lend lent/lose lost/make made/mean meant/meet met/overcome overcame/
    oversee oversaw overseen/pay paid/repay repaid/prepay prepaid/ride rode ridden/ring rang rung/rise rose risen/run ran/
    say said/seek sought/sell sold/send sent/shake shook shaken/shoot shot/shrink shrank shrunk/sing sang sung/sit sat/
    sleep slept/speak spoke spoken/spend spent/stand stood/steal stole stolen/stick stuck/strike struck/swear swore sworn/
    take took taken/teach taught/tell told/think thought/throw threw thrown/undertake undertook undertaken/wake woke woken/
    wear wore worn/win won/withdraw withdrew withdrawn/withhold withheld/write wrote written
    """

IRREGULAR_VERBS: dict[str, str] = {
    form: verb for verb, *forms in (each.split() for each in _PAST_FORMS.split("/")) for form in forms
}
"""English past forms by their verb, which no stemmer of endings finds. Forms that are words of their own are left out."""

LIGHT_WORDS: dict[Language, frozenset[str]] = {
    "english": words("""
        accord actually allow answer anyone anything apply arrive ask available become bring called came case
        certain check come company contact corporate currently customer detail employee exact exactly exist expect
        explain find follow following gave get give given go goes going happen happens help include information item
        keep kind know like list located location long look make mean meaning member mention name named need obtain
        offer organisation organization part people person place policy possible procedure process product provide
        document handbook question receive regard regarding require rule say see show situated somebody someone
        something specific specify staff state take tell thing time try type understand use used user usual usually
        want way whole work early often far enough today lie
        """),
    "german": words("""
        angeben anbieten art befindet bekommen bekomme benötige benötigen brauche brauchen beträgt betragen dauer dauert
        erhalten erhalte finde finden firma frage geben gelten gilt genau gehen geht heißt hoch information kunde kunden
        lang lange machen mitarbeiter möglich nennen nutzen person regel regeln richtlinie sagen sache tun unternehmen
        verfügbar früh oft weit steht stehen liegt liegen derzeit
        """),
    "french": words("""
        appelle avoir besoin client clients donner entreprise existe existent employé faire fournir information
        informations long longtemps moyen nom obtenir personne personnes politique possible prendre produit question
        recevoir règle règles savoir société temps trouve trouver type utiliser tôt souvent loin
        """),
}
"""Words so common in questions and handbooks that matching or missing them says little."""


def _numbers(ones: str, tens: str, large: str) -> dict[str, str]:
    """Number words by value: zero and from two on; the tens, from the first that `ones` does not reach; 100 and 1,000."""
    first_ten = 10 * (len(ones.split()) // 10 + 1)
    values = [0, *range(2, len(ones.split()) + 1), *range(first_ten, first_ten + 10 * len(tens.split()), 10), 100, 1000]
    return dict(zip((ones + tens + large).split(), map(str, values), strict=True))


_ENGLISH_SYNONYMS = """
vacation holiday leave pto | salary wage remuneration earnings | cost price fee charge rate | buy purchase order
phone telephone | fix repair solve resolve mend | return back | refund reimburse reimbursement repay
broken damaged defective faulty | package parcel shipment | ship deliver send delivery dispatch
begin start commence | end finish stop | store shop branch | manager head lead boss supervisor run chair
employee staff worker colleague personnel | new hire joiner starter | allow permit let may permission
forbidden prohibited banned disallowed | need require requirement mandatory necessary obligatory must
keep retain retention store hold kept stored | cancel terminate cancellation termination quit resign
car vehicle automobile | doctor physician | child kid children kids | big large size | get receive obtain
error fault failure bug problem issue vulnerability | delete remove erase removed | change modify update edit alter
maximum max most limit up | minimum min least | meeting assembly | surgery operation
found establish founded established founder | job position role | company firm business | customer client buyer
guarantee warranty | discount rebate reduction | replace substitute swap exchange instead | bicycle bike
picture photo photograph image | document file paper | lunch meal food | illness sick sickness ill
drive driving car | fly flight | city town | house home flat apartment | move relocate relocation
money cash refund | operate use drive | submit hand send file | help support assistance | plant flower
subsidy subsidise support fund funding | carry move transfer | bring take | member membership join belong
medicine drug medication | visit visitor | people person member household | boss chief | expire expiry lapse valid
reach write call | admit admitted admission | deadline due latest | pet dog cat | allowance budget | next following
year annual yearly | day daily | month monthly
"""
_GERMAN_SYNONYMS = """
kosten preis gebühr kostet | urlaub ferien urlaubstage | gehalt lohn verdienst | rückgabe widerruf retoure widerrufen
zurückgeben zurücksenden rücksendung | lieferung versand liefern versenden | firma unternehmen betrieb
mitarbeiter beschäftigte angestellte personal | kaufen bestellen bestellung kauf | auto fahrzeug wagen | arzt doktor
defekt kaputt beschädigt | reparatur reparieren | öffnungszeiten geöffnet offen | kündigen kündigung beenden
leiter leitung geleitet leitet chef | gründen gegründet gründer | homeoffice heimarbeit | pflicht muss verpflichtend
verboten untersagt | erstatten erstattung rückzahlung | maximal höchstens | mindestens wenigstens | handy telefon
erlaubt gestattet darf zulässig | ausgezahlt ausbezahlt | kostenlos gratis umsonst | frist zeitraum
"""
_FRENCH_SYNONYMS = """
prix coût tarif coûter coûte frais | congé vacances congés | salaire rémunération | retour retourner renvoyer
livraison livrer expédition expédier | entreprise société | employé salarié personnel | acheter commander commande achat
remboursement rembourser | gratuit gratuite offert | ouvert ouverte horaires ouverture | fermé fermée fermeture
responsable directeur chef dirige | fonder fondé fondée fondateur | délai durée | interdit défendu | obligatoire doit
résilier résiliation annuler | réparer réparation | endommagé cassé abîmé | voiture véhicule | médecin docteur
réduction remise rabais | permis autorisé autorisée
"""


def _groups(text: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(group.split()) for group in text.replace("\n", "|").split("|") if group.split())


NUMBER_WORDS: dict[Language, dict[str, str]] = {
    "english": _numbers(
        "zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
        " eighteen nineteen ",
        "twenty thirty forty fifty sixty seventy eighty ninety ",
        "hundred thousand",
    ),
    "german": _numbers(
        "null zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn"
        " achtzehn neunzehn ",
        "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig ",
        "hundert tausend",
    ),
    "french": _numbers(
        "zéro deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize ",
        "vingt trente quarante cinquante soixante ",
        "cent mille",
    ),
}
"""Small numbers as they are written out; one is left out, since it is an article too."""

SYNONYMS: dict[Language, tuple[frozenset[str], ...]] = {
    "english": _groups(_ENGLISH_SYNONYMS),
    "german": _groups(_GERMAN_SYNONYMS),
    "french": _groups(_FRENCH_SYNONYMS),
}
"""Groups of words that can stand for each other in questions about handbooks, contracts and manuals."""
