"""Whether a column says when an organization left, by the words of its name in whatever order.

English, German, French, Dutch, Spanish: "Archived Date", "date of deletion", "gelöscht am",
"Kündigungsdatum", "date de fin", "actief tot". All words have to be known, so that "deleted by" and
"end user" are none.
"""

from __future__ import annotations

from functools import lru_cache

from integrations.files.column_words import header_keys, header_words


def _words(text: str) -> frozenset[str]:
    return frozenset(key for word in text.split() for key in header_keys(word))


# What happened when it left.
_LEAVING = _words(
    """
    archival archive archived archiving cancel canceled cancelation cancellation cancelled churn churned
    closed closing closure deactivated deactivation delete deleted deletion departed departure disabled end
    ended ending excluded exclusion exit expelled former inactivated inactivation inactive inactivity leave
    leaving left lost offboard offboarded offboarding removal removed retired retirement terminated
    termination abgang abgemeldet abmeldung archivierung archiviert ausgeschieden ausgetreten austritt beendet
    beendigung deaktiviert deaktivierung ende ehemalig gekündigt gelöscht geschlossen gesperrt inaktiv
    inaktivierung kündigung lösch löschung schließung stillgelegt stilllegung verloren archivage archivé
    clôture clôturé départ désactivation désactivé fermé fermeture fin inactif parti perdu résiliation
    résilié sortie supprimé suppression archivering beëindigd beëindiging deactivering eind einde
    gearchiveerd gedeactiveerd gesloten geëindigd inactief opgezegd opzeg opzegging sluiting uitgeschakeld
    verwijderd verwijdering vertrek vertrokken archivado baja borrado cancelación cancelado cerrado cierre
    desactivación desactivado eliminación eliminado finalización inactivo perdido rescisión salida
    terminación archivée clôturée désactivée fermée partie perdue résiliée supprimée
    archivada borrada cancelada cerrada desactivada eliminada perdida
    """
)
# That a day or an hour is told.
_WHEN = _words(
    """
    at date datetime day dt on since time timestamp when am datum seit tag zeit zeitpunkt zum date depuis jour
    le moment op per sinds tijdstip desde día el fecha momento
    """
)
# Until when it stays: an end by themselves, where it is said of a customer.
_UNTIL = _words("until till bis jusqu jusque tot hasta")
_OF_WHOM = _words(
    """
    account active client company customer organisation organization record site tenant valid aktiv firma
    gültig kunde kunden mandant actif société valide actief geldig klant relatie activo cliente empresa
    válido vigente
    """
)
_SMALL = _words(
    """
    as au been das de del den der des die du d gmt has het is l la of s the und utc van von was werden
    worden wurde été est fue a
    """
)
_KNOWN = _LEAVING | _WHEN | _UNTIL | _OF_WHOM | _SMALL


@lru_cache(10_000)
def says_when_left(name: str, wrappers: frozenset[str] = frozenset()) -> bool:
    """Whether the column's name says when an organization left: a date there means that it is gone by then.

    Of a path such as "attributes.archived-date" the last part is read, if all before it are ``wrappers``.
    """
    *outer, last = name.split(".")
    if not header_words(last) or not all(set(header_words(each)) <= wrappers for each in outer):
        last = name  # "Arch. Date" is no path
    words: set[str] = set()
    for word in header_words(last):
        parts = _parts(word)
        if not parts:
            return False
        words.update(parts)
    if words & _UNTIL:
        return bool(words & _OF_WHOM)
    return bool(words & _LEAVING and words & _WHEN)


def _parts(word: str) -> tuple[str, ...]:
    """The known words that this one is made of, as "Kündigungsdatum" is; none if not all are known."""
    if word in _KNOWN:
        return (word,)
    for place in range(len(word) - 2, 2, -1):
        first, rest = word[:place], word[place:]
        if first not in _LEAVING | _WHEN | _OF_WHOM:
            continue
        for tail in (rest, rest.removeprefix("s")):  # German and Dutch join some words by an "s"
            if tail in _LEAVING | _WHEN | _UNTIL:
                return (first, tail)
    return ()
