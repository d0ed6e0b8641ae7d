"""A model field whose content is encrypted at rest and opened only on request."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.views.decorators.debug import sensitive_variables

from integrations import crypto

# How a Fernet token begins until the year 2106: its version and the first bytes of its time.
TOKEN_START = "gAAAA"  # noqa: S105  # that is no secret


class Sealed:
    """A sealed JSON object and the place it belongs to. Nothing but ``reveal`` shows the content."""

    __slots__ = ("_context", "token")

    def __init__(self, token: str, context: str) -> None:
        self.token = token
        self._context = context

    def __bool__(self) -> bool:
        return bool(self.token)

    def __repr__(self) -> str:
        return "<sealed>" if self.token else "<empty>"

    __str__ = __repr__

    def reveal(self) -> dict[str, Any]:
        """The content; an empty object when nothing was stored. Raises crypto.SealedValueError."""
        return crypto.unseal(self.token, self._context) if self.token else {}


class _SealedAttribute:
    """Binds a stored token to its row on reading, and seals a plain object on writing."""

    def __init__(self, field: EncryptedJSONField) -> None:
        self.field = field

    def __get__(self, row: models.Model | None, owner: type[models.Model]) -> Any:
        if row is None:
            return self
        if self.field.attname not in row.__dict__:  # deferred by only() or defer()
            row.refresh_from_db(fields=[self.field.attname])
        return Sealed(row.__dict__[self.field.attname], self.field.context(row))

    @sensitive_variables()
    def __set__(self, row: models.Model, value: Any) -> None:
        if isinstance(value, Sealed):
            value = value.token
        elif isinstance(value, dict):
            value = crypto.seal(value, self.field.context(row)) if value else ""
        row.__dict__[self.field.attname] = value or ""


class EncryptedJSONField(models.TextField[Any, Any]):
    """A JSON object, encrypted under the portal's key ring.

    Assign a dict to seal it; reading gives a ``Sealed`` whose ``reveal()`` opens it. The content is tied to
    the model, the row and this field. ``row_key`` names a model field that is set before this one and
    never changes (a UUID): the primary key is not known before the first save.
    """

    def __init__(self, *args: Any, row_key: str = "key", **kwargs: Any) -> None:
        self.row_key = row_key
        kwargs.setdefault("blank", True)
        kwargs.setdefault("default", "")
        kwargs["editable"] = False
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        """For migrations."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("editable", None)
        return name, path, args, {**kwargs, "row_key": self.row_key}

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Put the sealing attribute on the model."""
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, _SealedAttribute(self))

    def context(self, row: models.Model) -> str:
        """The place that a value of this row belongs to."""
        return f"{row._meta.label_lower}:{getattr(row, self.row_key)}:{self.name}"

    def to_python(self, value: Any) -> Any:
        """Validation leaves a sealed value as it is; text would be what its ``repr`` says."""
        return value if isinstance(value, Sealed) else super().to_python(value)

    def get_prep_value(self, value: Any) -> Any:
        """The token goes to the database, never the content. Raises TypeError for anything else."""
        token = value.token if isinstance(value, Sealed) else value
        if token is None or token == "" or (isinstance(token, str) and token.startswith(TOKEN_START)):
            return token
        # Its value is not in the message: it may be the secret itself.
        raise TypeError(f"{self.name} takes a sealed value; assign a dict to the row to seal it.")

    def value_to_string(self, obj: models.Model) -> str:
        """Fixtures and ``dumpdata`` never carry a secret, not even a sealed one."""
        return ""
