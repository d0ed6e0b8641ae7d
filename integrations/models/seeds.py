"""Seeds of second factors, which the sign-in library keeps in JSON of its own: sealed, each for its row.

The library hands its seeds over as text, without saying whose they are. So a sealed seed that stands in a
row is a ``Seed``, which knows its place: the person, the kind of factor and the name under which it lies. One
that was copied from another row does not open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.db.models.signals import post_init, pre_save
from django.views.decorators.debug import sensitive_variables

from integrations import crypto

if TYPE_CHECKING:
    from allauth.mfa.models import Authenticator

SEEDS = ("secret", "seed", "migrated_codes")  # what of a row's data opens a door
NOWHERE = "mfa.authenticator:new"  # sealed, but not saved yet
ANY_ROW = "mfa.authenticator:data"  # of earlier versions: opens in every row until it is sealed anew


class Seed(str):
    """A sealed seed and the place that it belongs to."""

    __slots__ = ("context",)
    context: str

    def __new__(cls, token: str, context: str = NOWHERE) -> Seed:
        """``token`` as it is stored."""
        seed = super().__new__(cls, token)
        seed.context = context
        return seed


def start() -> None:
    """From now on rows know where their seeds belong, and are saved with seeds that are theirs."""
    from allauth.mfa.models import Authenticator

    post_init.connect(_know_place, sender=Authenticator, dispatch_uid="integrations.know_place")
    pre_save.connect(_take_place, sender=Authenticator, dispatch_uid="integrations.take_place")


@sensitive_variables()
def seal_seed(text: str) -> Seed:
    """A new seed, which gets its place when its row is saved; until then it opens in no stored one."""
    return Seed(crypto.seal({"seed": text}, NOWHERE))


@sensitive_variables()
def open_seed(token: str) -> str:
    """The seed of a row. Raises crypto.SealedValueError, also for one in clear and for one of another row."""
    if not isinstance(token, Seed):
        raise crypto.SealedValueError("A seed is opened in its row only.")
    try:
        content = crypto.unseal(token, token.context)
    except crypto.SealedValueError as error:
        try:
            content = crypto.unseal(token, ANY_ROW)
        except crypto.SealedValueError:
            raise error from None
    return str(content["seed"])


@sensitive_variables()
def seal_again(row: Authenticator) -> dict[str, Any]:
    """The row's seeds, sealed for it under the first key. Raises crypto.SealedValueError."""
    return _each(row, lambda name, token: Seed(_sealed(row, name, open_seed(token)), context_of(row, name)))


def context_of(row: Authenticator, name: str) -> str:
    """The place of a seed: whose it is, of what kind, and under which name it lies."""
    return f"mfa.authenticator:{row.user_id}:{row.type}:{name}"


def tokens_of(row: Authenticator) -> list[Seed]:
    """All sealed seeds of a row."""
    values = _each(row, lambda _, token: token).values()
    return [token for value in values for token in (value if isinstance(value, list) else [value])]


@sensitive_variables()
def is_in_place(token: Seed) -> bool:
    """Whether it is sealed for its row alone. Raises crypto.SealedValueError where it opens nowhere."""
    try:
        crypto.unseal(token, token.context)
    except crypto.SealedValueError:
        open_seed(token)
        return False
    return True


def _sealed(row: Authenticator, name: str, text: str) -> str:
    return crypto.seal({"seed": text}, context_of(row, name))


def _each(row: Authenticator, change: Callable[[str, Any], Any]) -> dict[str, Any]:
    data = row.data if isinstance(row.data, dict) else {}
    return {
        name: [change(name, token) for token in value] if isinstance(value, list) else change(name, value)
        for name, value in data.items()
        if name in SEEDS
    }


def _know_place(instance: Authenticator, **kwargs: Any) -> None:
    if "data" in vars(instance) and isinstance(instance.data, dict):  # not deferred
        instance.data |= _each(
            instance,
            lambda name, token: token if isinstance(token, Seed) else Seed(token, context_of(instance, name)),
        )


@sensitive_variables()
def _take_place(instance: Authenticator, raw: bool = False, update_fields: Any = None, **kwargs: Any) -> None:
    """Before a row is saved: new seeds, and those of earlier versions, are sealed for it."""
    if raw or (update_fields is not None and "data" not in update_fields):
        return
    if isinstance(instance.data, dict):
        instance.data |= _each(instance, lambda name, token: _placed(instance, name, token))


@sensitive_variables()
def _placed(row: Authenticator, name: str, token: Any) -> Any:
    place = context_of(row, name)
    if not isinstance(token, Seed):  # put into the data after the row was loaded
        return token
    try:
        known = token.context == NOWHERE or (token.context == place and not is_in_place(token))
    except crypto.SealedValueError:
        return token  # opens nowhere: it stays as it is, and rotate_encryption_keys names its row
    return Seed(_sealed(row, name, open_seed(token)), place) if known else token
