"""The connection card: add, change, test, delete and restore a configuration."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from integrations.models import IntegrationInstance
from integrations.psa.base import StepState
from integrations.psa.forms import NAME_TAKEN, ConnectionForm
from integrations.services.audit import Batch, actor_of
from integrations.services.conflicts import ChangedMeanwhile
from integrations.services.instances import (
    ConnectionDetails,
    InstanceDetails,
    NameTaken,
    NotRestorable,
    check_connection,
    connect_instance,
    delete_instance,
    describe_instance,
    report_as_json,
    restore_instance,
)
from integrations.views.cards import connection_form, new_connection_form
from integrations.views.common import (
    SignedInRequest,
    field_errors,
    frame,
    instance_frame,
    needs,
    on_instance,
    provider_or_404,
    tell_recorded,
)
from integrations.views.setup import setup_page


@sensitive_post_parameters()
@needs("add_integrationinstance")
@require_http_methods(["GET", "POST"])
def add(request: SignedInRequest, psa: str) -> HttpResponse:
    """Add a configuration: stored only when the PSA accepts it. Its page asks which companies to read."""
    provider = provider_or_404(psa)
    context: dict[str, Any] = frame(request, provider, None)
    form = new_connection_form(psa, request.POST or None)
    if request.method == "POST" and form.is_valid():
        outcome = _connect(request, psa, form, None)
        if isinstance(outcome, HttpResponseRedirect):
            return outcome
        context["check"] = outcome
    context["connection"] = form
    return render(request, "integrations/instances/add.html", context)


@sensitive_post_parameters()
@on_instance("change_integrationinstance")
@require_POST
def save(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Change a configuration; what is stored stays until the PSA has accepted the new values."""
    form = connection_form(instance, request.POST)
    check = None
    if form.is_valid():
        outcome = _connect(request, instance.psa, form, instance)
        if isinstance(outcome, HttpResponseRedirect):
            return outcome
        check = outcome
    return setup_page(request, instance, connection=form, check=check)


@sensitive_post_parameters()
@on_instance("change_integrationinstance")
@require_POST
def check_field(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """What is wrong with the one field that somebody has just left; nothing is stored."""
    return field_errors(request, [connection_form(instance, request.POST)])


@sensitive_post_parameters()
@needs("add_integrationinstance")
@require_POST
def check_new_field(request: SignedInRequest, psa: str) -> HttpResponse:
    """The same for a configuration that is not there yet."""
    provider_or_404(psa)
    return field_errors(request, [new_connection_form(psa, request.POST)])


@sensitive_variables("values")
def _connect(
    request: SignedInRequest, psa: str, form: ConnectionForm, instance: IntegrationInstance | None
) -> HttpResponseRedirect | dict[str, Any]:
    """Check and store; a redirect when it was stored, otherwise the steps for the page."""
    values = form.cleaned_data
    details = ConnectionDetails(
        psa=psa,
        name=values["name"],
        description=values["description"],
        is_default=values["is_default"],
        zone=values["zone"],
        username=values["username"],
        secrets=form.entered_secrets(),
    )
    try:
        if instance is not None and _describe(request, details, instance):
            return redirect(instance)
        outcome = connect_instance(Batch(actor_of(request)), details, instance)
    except NameTaken:
        form.add_error("name", NAME_TAKEN)
        return {}
    except ChangedMeanwhile:
        form.add_error(None, "Somebody else changed this configuration meanwhile. Reload the page.")
        return {}
    if outcome.instance is None:
        failed = next(step for step in outcome.report.steps if step.state is StepState.FAILED)
        form.add_error(
            None, f"Nothing was saved: the connection check stopped at “{failed.title}”. {failed.detail}"
        )
        if outcome.report.error is not None:
            form.blame(outcome.report.error.fields)
        return report_as_json(outcome.report)
    if outcome.created:
        messages.success(
            request, f"“{outcome.instance.name}” is connected. Choose which of its companies count."
        )
    else:
        messages.success(request, "The connection was checked and saved.")
    return redirect(outcome.instance)


def _describe(request: SignedInRequest, details: ConnectionDetails, instance: IntegrationInstance) -> bool:
    """Store what the portal alone knows, when nothing else was changed: the PSA need not be there for it.

    False when something of the connection was changed too, or nothing at all. Raises NameTaken,
    ChangedMeanwhile.
    """
    if details.secrets or (details.username, details.zone) != (instance.username, instance.zone):
        return False
    batch = Batch(actor_of(request))
    described = InstanceDetails(details.name, details.description, details.is_default)
    seen = InstanceDetails.of(instance)
    if not describe_instance(batch, instance, described, seen=seen):
        return False
    text = f"“{details.name}” was saved. The connection did not change and was not checked."
    tell_recorded(request, batch, text)
    return True


@on_instance("map_organizations")
@require_POST
def test(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Check the stored credentials now; not from a page that was drawn before they were refused."""
    unless_refused = "unless_refused" in request.POST
    report = check_connection(Batch(actor_of(request)), instance, unless_refused=unless_refused)
    if report.passed:
        messages.success(request, "The connection works.")
    elif unless_refused and instance.status == IntegrationInstance.Status.REFUSED and report.error:
        messages.error(request, report.error.user_text)
    else:
        messages.error(
            request, "The connection check did not pass. The steps on the connection card say why."
        )
    if report.moved_from:
        messages.info(request, "Autotask has moved this tenant to another zone. The new address was stored.")
    return redirect(instance)


@on_instance("delete_integrationinstance")
@require_http_methods(["GET", "POST"])
def delete(request: SignedInRequest, instance: IntegrationInstance) -> HttpResponse:
    """Ask, say what goes with it, and delete softly when the name was typed."""
    mapped = instance.mappings.in_tables().count()
    error = ""
    if request.method == "POST":
        if request.POST.get("name", "").strip() == instance.name:
            removed = delete_instance(Batch(actor_of(request)), instance)
            messages.success(
                request,
                f"“{instance.name}” was deleted with {removed:,} mappings. "
                "It can be restored from this page for 30 days.",
            )
            return redirect("integrations:home")
        error = "Type the name exactly as it is shown to delete it."
    context = {
        **instance_frame(request, instance), "mapped": mapped, "error": error,
    }  # fmt: skip
    return render(request, "integrations/instances/delete.html", context)


@needs("delete_integrationinstance")
@require_POST
def restore(request: SignedInRequest, psa: str, pk: int) -> HttpResponse:
    """Bring a deleted configuration back."""
    visible = IntegrationInstance.objects.visible_to(request.user).exclude(deleted_at=None)
    instance = get_object_or_404(visible, psa=psa, pk=pk)
    try:
        restored, lost = restore_instance(Batch(actor_of(request)), instance)
    except NotRestorable as error:
        messages.error(request, str(error))
        return redirect("integrations:home")
    text = f"“{instance.name}” is back with {restored:,} mappings."
    if lost:
        text += f" {lost:,} organizations were mapped elsewhere meanwhile and stay there."
    messages.success(request, text)
    return redirect(instance)
