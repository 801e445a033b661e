"""How people say things of themselves in Spanish.

The subject is mostly left out, since the verb tells it. Forms that are "I" as well as "she" ("vivía") want it, and those
that are nouns, too ("trabajo", "uso", "odio"), want what only follows the verb.
"""

from __future__ import annotations

import re
from typing import Final

from aura.answering.lexicon import words
from aura.memory.rules import CODE, EMAIL, NAME, PHONE, PROPER, UPPER, VALUE, Grammar, rule
from aura.memory.slots import Category, Kind

_ADV = (
    r"(?:(?:ahora|ahora mismo|actualmente|también|aún|todavía|realmente|mucho|muchísimo|siempre|normalmente|ya|por fin"
    r"|últimamente|personalmente|oficialmente|desde (?:\w+ (?:de )?)?(?:19|20)\d\d|desde hace \w+ \w+) )*"
)
_WHEN = r"(?:(?:ayer|recientemente|hace \w+ \w+|(?:el|la) \w+ pasad[oa]|en (?:19|20)\d\d) )?"
_DET = r"(?:el|la|los|las|un|una|mi|mis|nuestro|nuestra)"
_AN = r"(?:(?:un|una|el|la|los|las) )?"
_COUNT = r"una?|dos|tres|cuatro|cinco|seis|\d+"
_PETS = r"perr[oa]|gat[oa]|conejo|caballo|yegua|loro|hámster|tortuga|pez|pájaro|cachorro|mascota"
_GOODS = r"coche|carro|auto|bici|bicicleta|moto|barco|jardín|casa|piso|apartamento|piano|guitarra"
_OCCUPATION = (
    r"(?:(?!de\b)[\w-]+ )?(?:profesora?|maestr[oa]|enfermer[oa]|ingenier[oa]|desarrolladora?|médic[oa]|doctora?"
    r"|abogad[oa]|arquitect[oa]|gerente|directora?|diseñadora?|científic[oa]|estudiante|piloto|chef|cociner[oa]"
    r"|panader[oa]|conductora?|analista|consultora?|contable|contadora?|escritora?|periodista|electricista"
    r"|carpinter[oa]|fontaner[oa]|mecánic[oa]|agricultora?|programadora?|físic[oa]|químic[oa]|biólog[oa]"
    r"|farmacéutic[oa]|dentista|ciruj?an[oa]|bibliotecari[oa]|fotógraf[oa]|traductora?|investigadora?|técnic[oa]"
    r"|secretari[oa]|músic[oa]|artista|economista|terapeuta|psicólog[oa]|veterinari[oa]|bomber[oa]|soldado"
    r"|jardiner[oa]|camarer[oa]|meser[oa]|vendedora?|cajer[oa]|jubilad[oa])"
)
_LANGUAGES = (
    r"español|castellano|inglés|francés|alemán|italiano|portugués|árabe|chino|mandarín|japonés|ruso|neerlandés|holandés"
    r"|polaco|turco|griego|hebreo|hindi|coreano|euskera|vasco|catalán|gallego|valenciano|rumano|sueco|danés|noruego"
    r"|finés|ucraniano|checo|húngaro|vietnamita|persa|quechua|guaraní|náhuatl|aimara"
)
_ILLNESS = (
    r"diabetes|asma|cáncer|depresión|epilepsia|tdah|migrañas?|artrosis|artritis|vih|sida|autismo|dislexia|hipertensión"
)
_AT_HAND = (
    r"documento|archivo|fichero|capítulo|párrafo|sección|frase|versión|borrador|opción|respuesta|resumen|texto|página"
    r"|diseño|formato|sugerencia|propuesta|lista|tabla|diapositiva|columna|fila|chat|pestaña|enlace|tono|resultado"
    r"|informe|contrato|carta|correo|mensaje|pregunta|ejemplo|plantilla|modelo|formulario|factura|título|tema|paso"
    r"|parte|idea|solución|explicación|tarea|herramienta|botón"
)
_THING = rf"(?:{_COUNT}) (?:{_PETS}|{_GOODS})(?:es|s)?"
_CREED = r"católic[oa]|protestante|cristian[oa]|evangélic[oa]|musulmana?|judí[oa]|hindú|budista|ate[oa]|agnóstic[oa]"
_INFINITIVE = r"(?!(?:ser|estar|haber|tener|poder|saber|entender|recibir)\b)\w+(?:ar|er|ir|ír)(?:me|lo|la|los|las)?\b"
_PURPOSE = (
    r"(?:aprender|visitar|comprar|mudarme|trasladarme|casarme|jubilarme|viajar|estudiar|empezar|terminar|escribir"
    r"|correr|construir|abrir|cambiar|dejar|perder|hacerme|convertirme)"
)
_NOT_A_PLACE = (
    r"(?!(?:(?:el|la|un|una) )?(?:paz|pareja|peligro|pasado|sueño|familia|equipo|grupo|curso|directo|vilo|tensión"
    r"|soledad|armonía|mentira|infierno|miedo|mundo|serio|serie|negro|vano|silencio|proyecto|proyectos|novela|libro"
    r"|tesis|informe|artículo|idea|plan|eso|esto|ello)\b)(?!.* (?:es|está|son|fue|era|será) )"
)
_WORKPLACE = (
    r"hospital|escuela|instituto|colegio|universidad|oficina|empresa|tienda|restaurante|banco|fábrica|taller"
    r"|laboratorio|hotel|bar|panadería|farmacia|almacén|agencia|clínica|biblioteca|museo|aeropuerto|estación"
    r"|ayuntamiento|garaje|granja|guardería|bufete|supermercado|centro|teatro|librería|ministerio|puerto"
)
_ONLY = r"(?!.*\bno s[oó]l[oa](?:mente)?\b)"


def _yo(verb: str) -> str:
    """The verb with what denies it. "No solo" denies nothing, and is not read."""
    return rf"{_ONLY}(?:yo )?{_ADV}(?:(?P<n>ya no|no|nunca|jamás|tampoco) )?{_ADV}(?:{verb}) {_ADV}"


RULES: Final = (
    # who they are
    rule("name", rf"(?:yo )?(?:(?P<n>no) )?me llamo {NAME}", Category.IDENTITY, confidence=0.95),
    rule("name", rf"mi (?:primer )?nombre(?: completo)? (?:(?P<n>no) )?es {NAME}", Category.IDENTITY, confidence=0.95),
    rule(
        "name",
        rf"(?:me dicen|todos me (?:dicen|llaman)|mis (?:amigos|amigas) me (?:dicen|llaman)|ll[aá]mame|puedes llamarme"
        rf"|puede llamarme) {PROPER}",
        Category.IDENTITY,
    ),
    rule("birthday", r"mi cumpleaños es (?:el )?(?P<v>.*\d.*)", Category.IDENTITY),
    rule("birthday", r"(?:yo )?(?:nací|cumplo años) (?:el |en )(?P<v>.*\d.*)", Category.IDENTITY),
    rule(
        "age", r"(?:yo )?(?:ya )?(?:tengo|acabo de cumplir|he cumplido|cumplí) (?P<v>\d{1,3}) años", Category.IDENTITY
    ),
    rule("native_language", rf"mi (?:lengua|idioma) matern[oa] es {VALUE}", Category.IDENTITY),
    rule(
        "marital_status",
        rf"{_yo('estoy|soy')}(?P<v>casad[oa]|solter[oa]|divorciad[oa]|viud[oa]|separad[oa]|comprometid[oa])(?: .*)?",
        Category.FAMILY,
    ),
    rule(
        "marital_status",
        r"(?:yo )?me (?:(?:he|acabo de) )?(?P<v>casé|casado|casar|casada|divorcié|divorciado|divorciada)(?: .*)?",
        Category.FAMILY,
    ),
    rule("children", rf"{_yo('tengo')}(?P<v>(?:(?:{_COUNT}) )?hij[oa]s?)(?: .*)?", Category.FAMILY),
    # where they are
    rule(
        "home",
        rf"{_yo('vivo|vivimos|resido')}(?:con (?:mis?|una?|el|la) \w+ )?(?:en |cerca de ){_NOT_A_PLACE}{VALUE}",
        Category.PLACE,
    ),
    rule("home", rf"{_yo('estoy')}viviendo en {_NOT_A_PLACE}{VALUE}", Category.PLACE),
    rule(
        "home",
        r"(?:yo )?(?:ya )?(?:me (?:he mudado|mudé|he trasladado|trasladé)|nos (?:hemos mudado|mudamos)|acabo de"
        r" (?:mudarme|trasladarme))"
        rf" {_WHEN}(?:de [\w-]+ )?a {VALUE}",
        Category.PLACE,
    ),
    rule(
        "past_home",
        rf"(?:yo (?:antes )?vivía|antes yo vivía|(?:yo )?(?:viví|he vivido)) en {PROPER}(?: .*)?",
        Category.PLACE,
    ),
    rule("origin", rf"{_yo('soy|vengo')}(?:originari[oa] )?de {PROPER}", Category.PLACE),
    rule("origin", rf"(?:yo )?(?:nací|crecí|me crié) en {PROPER}(?: .*)?", Category.PLACE),
    # how to reach them
    rule(
        "email",
        rf"mi (?:dirección de )?(?:e-?mail|correo(?: electrónico)?)(?: \w+)? es {EMAIL}",
        Category.CONTACT,
        confidence=0.95,
    ),
    rule("phone", rf"mi (?:número de )?(?:teléfono|móvil|celular)(?: \w+)? es (?:el )?{PHONE}", Category.CONTACT),
    rule(
        "number:{k}",
        rf"mi (?P<k>(?:número|código|matrícula|identificador)(?: de [\w-]+)?) es (?:el |la )?{CODE}",
        Category.CONTACT,
    ),
    # what they do
    rule("role", rf"{_yo('trabajo|estoy trabajando')}como (?:una? )?(?P<v>(?!siempre|todos|antes).+)", Category.WORK),
    rule("role", rf"{_yo('trabajo')}de (?P<v>{_OCCUPATION})(?: .*)?", Category.WORK),
    rule("role", rf"{_yo('soy')}(?:(?:una?|el|la) )?(?P<v>{_OCCUPATION})(?: .*)?", Category.WORK),
    rule("role", rf"mi (?:profesión|puesto|oficio) es (?P<v>{_OCCUPATION})(?: .*)?", Category.WORK),
    rule(
        "employer",
        rf"{_yo('trabajo|estoy trabajando')}(?:(?:como|de) [\w -]+? )?para (?:la empresa |el |la )?{PROPER}(?: .*)?",
        Category.WORK,
    ),
    rule("employer", rf"{_yo('trabajo|estoy trabajando')}en la empresa {PROPER}(?: .*)?", Category.WORK),
    rule("employer", rf"mi (?:nueva )?(?:empresa|empleador) (?:actual )?(?:es|se llama) {PROPER}", Category.WORK),
    rule(
        "employer",
        rf"(?:yo )?(?:he empezado|empecé) {_WHEN}a trabajar (?:en|para) {PROPER}(?: .*)?",
        Category.WORK,
    ),
    rule(
        "employer",
        rf"(?:yo )?(?:he dejado|dejé|he renunciado a|renuncié a) mi (?:trabajo|puesto|empleo) en {PROPER}(?: .*)?",
        Category.WORK,
        polarity=-1,
    ),
    rule("workplace", rf"{_yo('trabajo|estoy trabajando')}en {_NOT_A_PLACE}{PROPER}", Category.WORK),
    rule(
        "workplace",
        rf"{_yo('trabajo|estoy trabajando')}en {_NOT_A_PLACE}(?P<v>(?:un|una|el|la) (?:\w+ )?(?:{_WORKPLACE})\b.*)",
        Category.WORK,
    ),
    rule(
        "team",
        rf"{_yo('estoy|trabajo')}en el (?:equipo|departamento) (?:de )?{VALUE}",
        Category.WORK,
    ),
    # what they know and have
    rule("speaks", rf"{_yo('hablo')}(?:un poco de )?(?P<v>(?:{_LANGUAGES})\b.*)", Category.SKILL, many=True),
    rule("skill", rf"(?:yo )?(?:aprendí|he aprendido) a (?P<v>{_INFINITIVE}.*)", Category.SKILL),
    rule("uses", rf"{_yo('uso|utilizo|conduzco')}(?:una?|el|la|mi) (?P<v>.+)", Category.POSSESSION, confidence=0.7),
    rule(
        "has",
        rf"{_yo('tengo')}(?P<v>(?:{_COUNT}) (?:{_PETS}|{_GOODS})(?:es|s)?(?: \w+)?(?: (?:llamad[oa]"
        rf"|que se llama) .+)?)",
        Category.POSSESSION,
    ),
    rule("has", rf"{_yo('tengo')}(?P<v>{_THING}(?:(?:,| y) {_THING})+)", Category.POSSESSION, many=True),
    rule(
        "has",
        rf"(?:yo )?(?P<n>(?:ya )?no) tengo (?P<v>(?:{_PETS}|{_GOODS})(?:es|s)?)",
        Category.POSSESSION,
    ),
    rule("pet:{k}", rf"mi (?P<k>{_PETS}) se llama {PROPER}", Category.POSSESSION),
    # what they like
    rule(
        "diet",
        rf"{_yo('soy')}(?:una? )?(?P<v>vegan[oa]|vegetarian[oa]|pescetarian[oa])(?: .*)?",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule(
        "diet",
        r"(?:yo )?me (?:hice|he hecho|volví) (?P<v>vegan[oa]|vegetarian[oa]|pescetarian[oa])(?: .*)?",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule(
        "eats",
        r"(?:yo )?(?P<n>no|ya no|nunca) (?:como|bebo) (?:nada de )?(?P<v>(?:ni )?(?!(?:antes|ahora|siempre|debería"
        r"|quería|quisiera|esperaba|si|para|en|por|tú|él|ella|ellos|otros|todos|el|la|los|las|un|una|mi|tu|su|de|a"
        r"|bien|mal|solo|sola|fuera)\b)\w+(?:,? (?:ni|o|y) (?:ni )?\w+)*)",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule(
        "favourite:{k}",
        rf"mis? (?P<k>[\w-]+(?: [\w-]+)??) (?:favorit|preferid)[oa]s? (?:es|son) {_AN}{VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
    ),
    rule(
        "opinion",
        rf"{_ONLY}(?:a mí )?{_ADV}(?:(?P<n>ya no|no|nunca|tampoco) )?me (?:gustan?|encantan?|fascinan?|apasionan?)"
        rf"(?: (?:mucho|muchísimo|nada|bastante))? {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule("opinion", rf"{_yo('prefiero|adoro')}{VALUE}", Category.PREFERENCE, Kind.PREFERENCE, many=True),
    rule(
        "opinion",
        rf"{_yo('amo')}(?:a )?(?P<v>(?:{_DET} .+|{_INFINITIVE}.*))",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    rule(
        "opinion",
        rf"(?:yo )?{_ADV}(?:odio|detesto|aborrezco|no (?:soporto|aguanto)) {_ADV}(?:a )?"
        rf"(?P<v>(?:{_DET} .+|{_INFINITIVE}.*))",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        polarity=-1,
        many=True,
    ),
    rule(
        "opinion",
        rf"{_yo('soy')}(?:una? )?(?:gran )?(?:fan de|aficionad[oa] a|apasionad[oa] de) {VALUE}",
        Category.PREFERENCE,
        Kind.PREFERENCE,
        many=True,
    ),
    # what they are about to do
    rule("plan", rf"(?:yo )?voy a (?P<v>{_PURPOSE}\b.*)", Category.PLAN, Kind.PLAN, confidence=0.8),
    rule(
        "plan",
        r"(?:yo )?me voy a (?P<v>(?:mudar|trasladar|casar|jubilar|hacer|comprar)\b.+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    rule(
        "plan",
        r"(?:yo )?(?:planeo|pienso|tengo (?:previsto|pensado)|tengo la intención de|tengo intención de) "
        rf"(?P<v>{_INFINITIVE}.+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    rule("plan", rf"(?:yo )?quiero (?P<v>{_PURPOSE}\b.+)", Category.PLAN, Kind.PLAN, confidence=0.7),
    rule("plan", rf"mi (?:meta|objetivo) es (?P<v>{_INFINITIVE}.*)", Category.PLAN, Kind.PLAN),
    rule(
        "plan",
        rf"(?:yo )?{_ADV}estoy (?P<v>(?:(?:aprendiendo|estudiando)(?! (?:mucho|bastante|cosas|cómo|que|de|el|la"
        rf" (?:propuesta|opción)))|ahorrando para|entrenando para|preparando) .+)",
        Category.PLAN,
        Kind.PLAN,
        confidence=0.8,
    ),
    # what is nobody's business unless it is allowed
    rule("allergy", rf"{_yo('soy')}(?:alérgic[oa]|intolerante) (?P<v>(?:a|al) .+)", Category.HEALTH, many=True),
    rule("allergy", rf"{_yo('tengo')}(?:alergia|una alergia|intolerancia) (?P<v>(?:a|al) .+)", Category.HEALTH),
    rule(
        "health",
        rf"(?:{_yo('tengo|padezco|sufro')}|me han diagnosticado |me diagnosticaron )(?:(?:de|un|una|el|la) )*"
        rf"(?P<v>(?:{_ILLNESS})\b.*)",
        Category.HEALTH,
    ),
    rule(
        "health",
        rf"{_yo('soy|estoy')}(?P<v>diabétic[oa]|embarazada|autista|epiléptic[oa]|depresiv[oa]|disléxic[oa]|cieg[oa]"
        rf"|sord[oa]"
        r"|alcohólic[oa]|seropositiv[oa])",
        Category.HEALTH,
    ),
    rule("belief", rf"{_yo('soy')}(?:una? )?(?P<v>{_CREED})(?: .*)?", Category.BELIEF),
    rule("politics", rf"(?:yo )?(?:voto|voté|he votado) {_ADV}(?:a|al|por) (?!favor)(?P<v>.+)", Category.POLITICS),
    rule(
        "politics",
        rf"{_yo('soy')}(?:una? )?(?P<v>socialista|comunista|ecologista|republican[oa]|de izquierdas?|de derechas?)",
        Category.POLITICS,
    ),
    rule(
        "orientation",
        rf"{_yo('soy')}(?P<v>gay|homosexual|lesbiana|bisexual|hetero|heterosexual|trans|transgénero|queer)",
        Category.ORIENTATION,
    ),
    rule(
        "union",
        rf"{_yo('soy|estoy')}(?:miembro |afiliad[oa] )?(?:de|del|a|al|en) (?:un |el |la )?(?P<v>sindicato.*|ccoo|ugt)",
        Category.UNION,
    ),
)

_DONE = (
    r"fui|estuve|visité|compré|vendí|empecé|terminé|conocí|volé|vi|tuve|asistí|corrí|reservé|firmé|adopté|perdí|gané"
    r"|aprobé|viajé|llegué|volví|celebré|cené|comí|nadé|participé|presenté|recibí|cancelé"
)

SPANISH: Final = Grammar(
    language="es",
    rules=RULES,
    event=re.compile(
        rf"(?:yo\s+)?(?:(?:me\s+)?he\s+(?:\w+[aií]do|hecho|visto|escrito|vuelto|puesto|roto|abierto|dicho)"
        rf"|{_DONE}|me\s+(?:mudé|casé|caí|encontré|reuní|matriculé|inscribí)|voy|iré|viajo|tengo\s+(?:una?|el|la|mi))\b"
        r"|mi\s+[\w -]{2,40}\s(?:es|fue|empieza|comienza)\b",
        re.IGNORECASE,
    ),
    opening=re.compile(
        r"(?:(?:desde|en) (?:\w+ (?:de )?)?(?:19|20)\d\d|desde hace \w+ \w+|ahora|ahora mismo|actualmente|hoy en día"
        r"|últimamente|hoy),? (?=\w)",
        re.IGNORECASE,
    ),
    subject="",
    stop=re.compile(
        r"\s+(?:(?:porque|ya que|pues|que(?! se llama)|quien|donde|cuando|mientras|pero|sino|aunque|como|así que"
        r"|con mis?|para mis?|hoy en día)(?!\w)|(?:y|o) (?=(?:yo|mi|mis|me|él|ella|ellos|vivo|trabajo|hablo|tengo|soy"
        r"|estoy)\b)).*"
        rf"|\s+(?:para|con) (?=[{UPPER}]).*|[.,:](?=\s|$).*|[;!?(\[{{|].*",
        re.DOTALL,
    ),
    trailing=re.compile(
        r"[\s,]+(?:ahora|ahora mismo|actualmente|mucho|muchísimo|también|todavía|aún|ya|por favor|otra vez|de nuevo"
        r"|nada|últimamente|en absoluto|desde)$",
        re.IGNORECASE,
    ),
    ended=re.compile(r"\bya no\b", re.IGNORECASE),
    refused=words("""
        esto eso aquello este esta estos estas ese esa esos esas tu tus te ti tú su sus usted ustedes ello ellos ellas él
        ella nos me mí se lo le que qué quien quién cuando cuándo como cómo donde dónde si todo nada algo alguien nadie
        más menos mejor peor mucho poco bien mal aquí ahí allí no sí ser
        """),
    conjunction=re.compile(r",\s*(?:y\s+)?|\s+(?:y|e|o|ni)\s+", re.IGNORECASE),
    addressee=re.compile(r"(?<!\w)(?:tú|tu|tus|te|ti|contigo|usted|ustedes|vosotr[oa]s|os)(?!\w)", re.IGNORECASE),
    at_hand=re.compile(
        r"(?<!\w)(?:est[eao]s?|es[eao]s?|esto|eso)(?!\w)|(?<!\w)(?:primer[oa]?|segund[oa]|tercer[oa]?|últim[oa]"
        r"|otr[oa]|mism[oa]"
        rf"|próxim[oa]) (?:{_AT_HAND})(?:e?s)?(?!\w)|^(?:el|la) (?:primer[oa]|segund[oa]|tercer[oa]|últim[oa])$"
        rf"|^(?:(?:el|la|los|las|un|una|mi|de|cambiar de|terminar|empezar|escribir|dejar) )*(?:{_AT_HAND})"
        rf"(?:e?s)?(?!\w)",
        re.IGNORECASE,
    ),
    fillers=words("el la los las un una unos unas de del al a en mi mis muy mucho poco nuestra nuestro cerca"),
)
"""The grammar of Spanish."""
