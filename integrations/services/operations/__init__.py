"""What operators need: health, figures, keys, clearing away, backups."""

from integrations.services.operations.backup import make_backup, restore_backup, told_of
from integrations.services.operations.backup_file import BackupFailed
from integrations.services.operations.cleanup import delete_expired
from integrations.services.operations.health import readiness
from integrations.services.operations.key_rotation import rotate_keys
from integrations.services.operations.metrics import metrics_text

__all__ = [
    "BackupFailed", "delete_expired", "make_backup", "metrics_text", "readiness", "restore_backup",
    "rotate_keys", "told_of",
]  # fmt: skip
