"""Which slots of facts a question asks for, in the words of English, German, French and Spanish questions.

A slot has no language: "Wo wohne ich?" asks for the one that "I live in Graz" fills. So a fact is found across languages
without a model that reads them all, as far as it is one of those that rules name.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from aura.answering.lexicon import STOP_WORDS, words
from aura.answering.oneself import about_oneself, asked_for
from aura.answering.terms import language_of

_ASKED_AS: Final = {
    "name": "name named called heiße heisse heißt heiss namen nom prénom appelle nombre llamo",
    "home": "live lives living home address wohne wohnort wohnung zuhause adresse lebe habite domicile vis vivo domicilio"
    " | city town house place street country stadt ort haus straße land ville maison rue pays ciudad casa calle currently",
    "origin": "from born origin komme stamme herkunft geboren woher viens origine née vengo soy nací"
    " | come originally country her ursprünglich land pays país",
    "employer": "work employer company firm arbeite arbeitgeber firma travaille employeur entreprise trabajo empresa"
    " | for at bei für pour chez para en current",
    "workplace": "work office workplace arbeite büro arbeitsplatz arbeitsort travaille bureau trabajo oficina",
    "role": "job profession occupation role position title beruf stelle arbeite métier profession poste profesión puesto"
    " | work living do current leben mache",
    "team": "team department abteilung équipe service equipo departamento",
    "birthday": "birthday born geburtstag geburtsdatum geboren anniversaire naissance cumpleaños nací | date day datum tag",
    "age": "old age alt alter âge edad | years jahre años ans",
    "email": "email mail e-mail correo courriel | address adresse dirección electrónico",
    "phone": "phone telephone telefon telefonnummer handynummer handy téléphone teléfono | number nummer numéro número",
    "diet": "diet eat food vegetarian vegan ernährung ernähre esse régime mange dieta como | follow mich",
    "native_language": "native mother muttersprache maternelle materna | language tongue first langue lengua sprache",
    "allergy": "allergic allergy allergies allergisch allergie allergien allergique allergies alergia alérgico alérgica"
    " | against to gegen wogegen à a what",
    "marital_status": "married single marital verheiratet ledig familienstand marié mariée casado casada | status",
    "children": "children kids child kinder kind enfants hijos | have number many anzahl",
    "pet": "pet pets dog cat haustier haustiere hund katze animal chien chat mascota perro gato | name called heißt",
    "speaks": "speak speaks languages spreche sprachen parle langues hablo idiomas | language other",
    "opinion": "like love enjoy hate dislike prefer mag liebe hasse aime déteste gusta odio | best most eat drink gern",
    "favourite": "favourite favorite best lieblings préféré favorito",
}
"""By slot the words of which a question must have one and, behind the line, those that may stand beside it."""
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_ASKING = words("""
    what where when how who which whose in on of at to do does did am is are was were have has had i me my mine myself the a
    an s m ve you your know tell remember again now much many still
    wer wo wann wie was welche welcher welches welchen bei wem für in an am bin bist ist sind war habe hab hat ich mir mich
    mein meine meinen meinem meiner der die das den dem du denn noch eigentlich jetzt gerade viele
    qui que quoi où quand comment quel quelle quels quelles combien est suis ai je j m me mon ma mes moi de d dans en à le la
    les qu c est-ce
    qué cuál cuáles quién dónde cuándo cómo cuántos cuántas en de a mi mis me yo es son soy estoy tengo el la los las se por
    """)


def words_of(slot: str) -> str:
    """The words by which one asks for what a fact of `slot` tells; those of its kind too, of `pet:dog`."""
    family, _, kind = slot.partition(":")
    return f"{_ASKED_AS.get(family, '').replace('|', ' ')} {kind.replace('_', ' ')}".strip()


def keys_of(slot: str) -> str:
    """Of these words those that name the slot by themselves; the slot's own name, of one that no question names."""
    return _ASKED_AS.get(slot, slot.replace(":", " ")).partition("|")[0]


def slots_asked(question: str) -> tuple[str, ...]:
    """The slots that `question` asks the asker's own facts for, where it asks for nothing else; mostly none or one."""
    if not about_oneself(question):
        return ()
    rest = {word.lower() for word in _WORD.findall(asked_for(question))}
    rest -= _ASKING - _keys()
    stops = STOP_WORDS[language_of([question])]
    return tuple(
        slot
        for slot, (keys, beside) in _vocabulary().items()
        if rest & keys and all(word in keys or word in beside or word in stops for word in rest)
    )


def naming(question: str) -> str:
    """The words of `question` that name what it asks for, without those that only ask; all where no word is left."""
    said = _WORD.findall(question)
    return " ".join(word for word in said if word.lower() not in _ASKING or word.lower() in _keys()) or question


@cache
def _vocabulary() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    parted = {slot: line.partition("|") for slot, line in _ASKED_AS.items()}
    return {slot: (words(keys), words(beside)) for slot, (keys, _, beside) in parted.items()}


@cache
def _keys() -> frozenset[str]:
    """Words that ask and name at once, such as the Spanish `soy`."""
    return frozenset(word for keys, _ in _vocabulary().values() for word in keys)
