"""What the mapping table and the review have in common when a person decides a row."""

from __future__ import annotations

from django.contrib import messages

from integrations.models import IgnoredOrganization, IntegrationInstance, Organization, OrganizationMapping
from integrations.services.audit import Batch, actor_of
from integrations.services.suggestions import ignore_organizations
from integrations.views.common import SignedInRequest, tell_recorded


def ignore_row(request: SignedInRequest, instance: IntegrationInstance, organization: Organization) -> bool:
    """Ignore the organization and say so; False, and said why, when it is mapped and so stays as it is."""
    batch = Batch(actor_of(request))
    ignored = ignore_organizations(batch, instance, [organization.pk])
    if not ignored:
        if tell_mapped(request, instance, organization):
            return False
        if already := IgnoredOrganization.objects.filter(organization=organization, psa=instance.psa).first():
            by = f", by {already.ignorer}" if already.ignorer else ""
            messages.info(request, f"{organization.name} is ignored already{by}.")
            return True
    text = f"{organization.name} is ignored from now on, in every configuration, and left out of the counts."
    tell_recorded(request, batch, text, messages.INFO)
    return True


def tell_mapped(request: SignedInRequest, instance: IntegrationInstance, organization: Organization) -> bool:
    """Say that nothing was done because the organization is mapped; False when it is not."""
    mapping = standing_mapping(instance, organization)
    if mapping is None:
        return False
    by = f" by {mapping.confirmer}" if mapping.confirmer else ""
    text = f"Nothing was changed: {organization.name} is mapped to {mapped_to(mapping, instance)}{by}."
    messages.warning(request, f"{text} Unmap it first if that is wrong.")
    return True


def standing_mapping(instance: IntegrationInstance, organization: Organization) -> OrganizationMapping | None:
    """The mapping of the organization that is in force in the instance's PSA, wherever."""
    present = OrganizationMapping.objects.present().filter(organization=organization, psa=instance.psa)
    return present.with_names().select_related("confirmed_by").first()


def mapped_to(mapping: OrganizationMapping, instance: IntegrationInstance) -> str:
    """The company's name, with the configuration where that is another one."""
    there = "" if mapping.instance_id == instance.pk else f" in “{mapping.instance.name}”"
    return f"{mapping.company.name}{there}"
