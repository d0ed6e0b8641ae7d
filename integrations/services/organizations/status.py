"""Whether an organization is still a customer, read from what other tools write: words in five languages.

English, German, French, Dutch, Spanish. A word that is not known says nothing: whoever asks has to tell so,
for a customer who left must not come in as active.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from functools import lru_cache

from django.utils import timezone

from integrations.files.column_words import fold_text
from integrations.files.text import clean_text
from integrations.services.organizations.status_dates import read_dates


def _words(text: str) -> frozenset[str]:
    return frozenset(fold_text(text).split())


_YES = _words(
    """
    1 1.0 cierto j ja o on oui s si sí t true verdadero vrai waar wahr x y yes ✓ ✔
    """
)
_NO = _words(
    """
    - 0 0.0 f falsch false falso faux n nee nein no non nö off onwaar ✗ ✘
    """
)
# A prospect has not left: whether somebody is a customer yet is not what is asked.
_ACTIVE = _words(
    """
    actief actif activa active activo activé actual actuel aktiv aktiviert aktuell alta
    bestandskunde client cliente cours current customer delinquent en enabled geldig good
    gültig habilitada habilitado huidig imported ingeschakeld interessent klant kunde lead
    live lopend ok onboarding open potencial prospect trial valid valide vigente
    """
)
_INACTIVE = _words(
    """
    abgelaufen ancien ancienne antigua antiguo archivada archivado archived archiviert archivé
    archivée ausgeschlossen baja beendet beëindigd borrado caducado cancelada cancelado
    cancelation canceled cancellation cancelled cerrada cerrado churned closed deactivated
    dead deaktiviert defunct deleted desactivada desactivado deshabilitada deshabilitado
    disabled dormant désactivé désactivée ehemalig ehemalige ehemaliger ehemals eliminada
    eliminado erloschen exclu excluded exclue excluida excluido expired expiré expirée fermé
    fermée former früher gearchiveerd gedeactiveerd gekuendigt gekündigt geloescht gelöscht
    geschlossen gesloten gone inactief inactif inactiva inactive inactivo inaktiv left lost
    obsolete offboarded offboarding old opgezegd oud past perdida perdido perdu perdue
    previous radié removed retired résilié résiliée stillgelegt supprimé supprimée terminated
    terminé terminée uitgeschakeld uitgesloten verlopen verloren vertrokken verwijderd
    voormalig voormalige
    """
)
_FORMER = frozenset(("ex", "ehem", "former", "formerly", "ehemals", "anc", "vm"))
_NOT = frozenset(("not", "non", "nicht", "kein", "keine", "niet", "geen", "no", "pas"))
_LONGER = frozenset(("longer", "mehr", "plus", "meer", "mas"))  # behind a "no" only: "Plus" is a plan, too
# What a status may be said of, and small words between.
_NOISE = _words(
    """
    a account accounts an client cliente clientes clients company compte cuenta customer
    customers dada dado das de del depuis der die el empresa en est firma is klant klanten
    kunde kunden la le mandant n ne organisation organization relatie relation seit since sinds
    site société status tenant the
    """
)
_WORD = re.compile(r"[^\W_]+|[✓✔✗✘]")


class Meaning(enum.Enum):
    """What a cell of a status column says."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    YES = "yes"
    NO = "no"
    DATE = "date"
    LATER = "later"  # a date that is yet to come
    UNKNOWN = "unknown"


def status_meaning(text: str) -> Meaning:
    """What the text says today; UNKNOWN for what is no known word, or for what contradicts itself."""
    folded = fold_text(clean_text(text)).strip(" .!")
    days = read_dates(folded)
    return _said_by_days(days) if days else _said_by_words(folded)


def _said_by_days(days: tuple[dt.date | None, ...]) -> Meaning:
    """What a date says today; UNKNOWN where only one way to read it is past."""
    today = timezone.localdate()
    said = {Meaning.NO if day is None else Meaning.LATER if day > today else Meaning.DATE for day in days}
    return said.pop() if len(said) == 1 else Meaning.UNKNOWN


@lru_cache(10_000)
def _said_by_words(folded: str) -> Meaning:
    if folded in _YES:
        return Meaning.YES
    if folded in _NO:
        return Meaning.NO
    words = _WORD.findall(folded)
    if words and words[0] in _FORMER:
        return Meaning.INACTIVE
    negated = any(word in _NOT for word in words)
    passed_over = _NOISE | _NOT | (_LONGER if negated else frozenset())
    telling = [word for word in words if word not in passed_over] or [
        word for word in words if word in _ACTIVE
    ]
    left = [word for word in telling if word in _INACTIVE]
    here = [word for word in telling if word in _ACTIVE and word not in _INACTIVE]
    if not telling or len(left) + len(here) < len(telling) or (left and here):
        return Meaning.UNKNOWN
    return Meaning.ACTIVE if bool(here) is not negated else Meaning.INACTIVE
