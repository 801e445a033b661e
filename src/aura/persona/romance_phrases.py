"""How people say in French and Spanish that they want to be answered otherwise, and what means nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aura.persona.learning import LESS, MORE
from aura.persona.traits import Axis

FILLERS: Final = """
    s'il te vous plaît stp svp merci peux peut pourrais pouvez pourriez tu fais faire faites fait sois soyez soit être
    reste restez réponds répondez répondre réponse réponses une des le la les l'explication explication explications
    ça c'est c'était est était un peu beaucoup encore toujours maintenant désormais partir fois prochaine aussi
    bonjour salut veux voudrais préfère j'aimerais aimerais besoin je moi me donne donnez écris écrivez parle parlez
    utilise utilisez explique expliquez ton texte textes vraiment juste et mais que soient cette ces ta tes votre vos
    por favor gracias puedes puede podrías podría tú usted haz hazlo hágalo haga sé sea responde responda responder
    ser respuesta respuestas una uno el los las lo explicación explicaciones eso es era fue está un poco mucho siempre
    ahora vez próxima también hola quiero quisiera prefiero me gustaría necesito dame deme escribe escriba habla hable
    usa use explica explique explícame tono texto textos solo sólo y pero que sean esta estas tu tus su sus
    más_adelante muy
    """
"""Words that say nothing of how; "plus", "más" and their like say it and are none."""

ASKED: Final[Mapping[tuple[Axis, str], str]] = {
    ("detail", LESS): """
        plus court | plus courte | plus courtes | plus bref | plus brève | plus brièvement | plus concis
        | plus concise | moins long | moins longue | moins de détails | moins détaillé | moins détaillée | trop long
        | trop longue | trop longues | trop détaillé | trop détaillée | trop de détails | trop verbeux | pas si long
        | pas aussi long | en une phrase | en une seule phrase | va à l'essentiel | à l'essentiel | más corto
        | más corta | más cortas | más breve | más breves | más conciso | más concisa | más brevemente | menos largo
        | menos larga | menos detalle | menos detalles | menos detallado | menos detallada | demasiado largo
        | demasiado larga | demasiado detallado | demasiado detallada | demasiados detalles | no tan largo
        | no tan larga | en una frase | en una sola frase | ve al grano | al grano
        """,
    ("detail", MORE): """
        plus long | plus longue | plus longues | plus détaillé | plus détaillée | plus détaillées | plus détaillés
        | plus de détails | plus en détail | plus précis | plus précise | plus approfondi | plus approfondie
        | trop court | trop courte | trop bref | trop brève | pas si court | développe | développe davantage | más largo
        | más larga | más largas | más detallado | más detallada | más detalle | más detalles | con más detalle
        | más a fondo | más extenso | más extensa | demasiado corto | demasiado corta | demasiado breve | no tan corto
        | no tan corta | no tan breve
        """,
    ("formality", LESS): """
        moins formel | moins formelle | plus décontracté | plus décontractée | plus familier | trop formel
        | trop formelle | trop guindé | pas si formel | tutoie | tutoyer | on se tutoie | menos formal | más informal
        | más relajado | más relajada | más cercano | más cercana | demasiado formal | no tan formal | tutéame
        | tutear | tutearme
        """,
    ("formality", MORE): """
        plus formel | plus formelle | plus professionnel | plus professionnelle | plus poli | plus polie
        | plus soutenu | trop familier | trop familière | trop décontracté | vouvoie | vouvoyer | vouvoyez | más formal
        | más profesional | más educado | más educada | más cortés | demasiado informal | demasiado familiar
        | trátame de usted | tráteme de usted | trátame | tráteme
        """,
    ("energy", MORE): """
        plus enthousiaste | plus d'enthousiasme | plus d'énergie | plus vivant | plus vivante | plus chaleureux
        | plus chaleureuse | plus amical | plus amicale | trop sec | trop sèche | trop froid
        | trop froide | más entusiasta | más entusiasmo | más energía | más animado | más animada | más cálido
        | más cálida | más amable | más alegre | demasiado seco | demasiado seca | demasiado frío | demasiado fría
        """,
    ("energy", LESS): """
        plus calme | plus neutre | plus sobre | moins enthousiaste | moins d'enthousiasme | trop enthousiaste
        | moins de points d'exclamation | sans points d'exclamation | más tranquilo | más tranquila | más neutral
        | más sobrio | más sobria | menos entusiasta | menos entusiasmo | demasiado entusiasta | menos exclamaciones
        | sin exclamaciones
        """,
    ("emoji", "none"): """
        pas d'émojis | pas d'emojis | pas d'emoji | sans émojis | sans emojis | moins d'émojis | moins d'emojis
        | trop d'emojis | sin emojis | sin emoji | nada de emojis | menos emojis | demasiados emojis | no emojis
        """,
    ("emoji", "some"): "plus d'émojis | plus d'emojis | avec des emojis | avec des émojis | más emojis | con emojis",
    ("language", "en"): "en anglais | seulement en anglais | en inglés | solo en inglés",
    ("language", "de"): "en allemand | seulement en allemand | en alemán | solo en alemán",
    ("language", "fr"): "en français | seulement en français | en francés | solo en francés",
    ("language", "es"): """
        in spanish | only spanish | spanish only | auf spanisch | nur spanisch | en espagnol | seulement en espagnol
        | en español | solo en español
        """,
}
PLAIN: Final[Mapping[tuple[Axis, str], str]] = {
    (
        "detail",
        LESS,
    ): "court | bref | brève | brièvement | concis | concise | corto | breve | brevemente | conciso | concisa",
    (
        "detail",
        MORE,
    ): "détaillé | détaillée | en détail | complet | complète | detallado | detallada | en detalle | completo",
    ("formality", LESS): "décontracté | informel | informal | relajado",
    ("formality", MORE): "formel | professionnel | poli | formal | profesional | educado",
    ("energy", MORE): "enthousiaste | chaleureux | amical | entusiasta | amable | alegre",
    ("energy", LESS): "calme | neutre | sobre | tranquilo | neutral | sobrio",
}
