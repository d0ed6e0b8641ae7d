"""The app and the roles it keeps."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate

from integrations.database.limits import limit_connections
from integrations.database.sqlite import prepare_connections
from integrations.database.writable import keep_only_writable_connections

# What each role may do; the roles are Django groups, so the admin can give them to people.
READER = (
    "view_organization",
    "view_integrationinstance",
    "view_companyfilter",
    "view_filteroption",
    "view_company",
    "view_organizationmapping",
    "view_job",
    "view_auditevent",
    "view_importreport",
)
MEMBER = (*READER, "map_organizations", "add_organization", "change_organization", "delete_organization")
OWNER = (
    *MEMBER,
    *(f"{verb}_integrationinstance" for verb in ("add", "change", "delete")),
    *(
        f"{verb}_{model}"
        for model in ("apitoken", "webhook", "alertchannel")
        for verb in ("view", "add", "change", "delete")
    ),
)
ROLES = {"Readers": READER, "Members": MEMBER, "Owners": OWNER}


def keep_roles(using: str, **kwargs: Any) -> None:
    """Make the groups of the roles and give them their rights; rights that an admin added stay."""
    from django.contrib.auth.models import Group, Permission

    for name, codenames in ROLES.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        rights = Permission.objects.using(using).filter(
            content_type__app_label="integrations", codename__in=codenames
        )
        # Not add(): that is watched and told in the sign-in log, which an older schema does not have.
        given = group.permissions.through
        links = [given(group_id=group.pk, permission_id=right.pk) for right in rights]
        given.objects.using(using).bulk_create(links, ignore_conflicts=True)


class IntegrationsConfig(AppConfig):
    """Registers the roles and the system checks."""

    name = "integrations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the roles after each migration (after the permissions exist)."""
        from integrations import checks  # noqa: F401  # registers the system checks

        prepare_connections()
        limit_connections()
        keep_only_writable_connections()
        if apps.is_installed("allauth.mfa"):  # it is not where two files are all there is (settings_offline)
            from integrations.models import seeds
            from integrations.services.sign_ins import watch_changes

            seeds.start()
            watch_changes()
        post_migrate.connect(keep_roles, sender=self)
