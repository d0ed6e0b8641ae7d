"""What operators need: health, figures, keys, clearing away."""

from integrations.services.operations.cleanup import delete_expired
from integrations.services.operations.health import readiness
from integrations.services.operations.key_rotation import rotate_keys
from integrations.services.operations.metrics import metrics_text

__all__ = [
    "delete_expired", "metrics_text", "readiness", "rotate_keys",
]  # fmt: skip
