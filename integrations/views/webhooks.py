"""Webhooks: the list, making and changing one, and its delivery log."""

from __future__ import annotations

import json

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.forms.webhooks import WebhookForm
from integrations.models import Webhook, WebhookDelivery
from integrations.services.audit import Batch, actor_of
from integrations.services.webhooks import (
    KeysUnreadable,
    NotToBeSent,
    change_webhook,
    create_webhook,
    delete_webhook,
    drop_old_key,
    old_key_ends,
    renew_key,
    send_again,
    set_active,
)
from integrations.views.common import SignedInRequest, form_status, needs

LOG_PAGE = 50
Status = WebhookDelivery.Status


@needs("view_webhook")
@require_GET
def webhooks(request: SignedInRequest) -> HttpResponse:
    """Every webhook with how many of its messages wait or were given up."""
    rows = Webhook.objects.annotate(
        waiting=Count("deliveries", filter=Q(deliveries__status=Status.WAITING)),
        given_up=Count("deliveries", filter=Q(deliveries__status=Status.FAILED)),
    )
    return render(request, "integrations/webhooks/list.html", {"webhooks": rows})


@needs("add_webhook")
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_http_methods(["GET", "POST"])
@sensitive_variables("key")
def add(request: SignedInRequest) -> HttpResponse:
    """Make a webhook; its signing key is shown in the answer and nowhere else."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        webhook, key = create_webhook(Batch(actor_of(request)), form.spec())
        return render(request, "integrations/webhooks/key.html", {"webhook": webhook, "key": key})
    return render(request, "integrations/webhooks/form.html", {"form": form}, status=form_status(form))


@needs("view_webhook")
@require_GET
def webhook(request: SignedInRequest, pk: int) -> HttpResponse:
    """One webhook with its delivery log, the newest first."""
    row = get_object_or_404(Webhook, pk=pk)
    deliveries = row.deliveries.defer("payload")
    page = Paginator(deliveries, LOG_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "integrations/webhooks/detail.html",
        {"webhook": row, "page": page, "old_key_ends": old_key_ends(row)},
    )


@needs("view_webhook")
@require_GET
def delivery(request: SignedInRequest, pk: int, delivery_id: int) -> HttpResponse:
    """One message as it is sent, without the signature."""
    row = get_object_or_404(
        WebhookDelivery.objects.select_related("webhook"),
        webhook=get_object_or_404(Webhook, pk=pk),
        pk=delivery_id,
    )
    message = json.dumps(row.payload, ensure_ascii=False, indent=2)
    context = {"webhook": row.webhook, "delivery": row, "message": message}
    return render(request, "integrations/webhooks/delivery.html", context)


@needs("change_webhook")
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_http_methods(["GET", "POST"])
def edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change name, address or events."""
    row = get_object_or_404(Webhook, pk=pk)
    posted = request.method == "POST"
    form = WebhookForm.keeping(row, request.POST) if posted else WebhookForm.of(row)
    if posted and form.is_valid():
        if change_webhook(Batch(actor_of(request)), row, form.spec()):
            messages.success(request, "The webhook was saved.")
        else:
            messages.info(request, "Nothing was saved: nothing differs.")
        return redirect(row)
    context = {"form": form, "webhook": row}
    return render(request, "integrations/webhooks/form.html", context, status=form_status(form))


@needs("change_webhook")
@require_POST
def activate(request: SignedInRequest, pk: int) -> HttpResponse:
    """Pause or resume."""
    row = get_object_or_404(Webhook, pk=pk)
    active = request.POST.get("active") == "yes"
    set_active(Batch(actor_of(request)), row, active)
    messages.success(request, "The webhook hears of changes again." if active else "The webhook is paused.")
    return redirect(row)


@needs("change_webhook")
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_http_methods(["GET", "POST"])
@sensitive_variables("key")
def renew(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, then replace the signing key and show the new one once."""
    row = get_object_or_404(Webhook, pk=pk)
    if request.method == "GET":
        return render(request, "integrations/webhooks/renew.html", {"webhook": row})
    key = renew_key(Batch(actor_of(request)), row)
    return render(request, "integrations/webhooks/key.html", {"webhook": row, "key": key})


@needs("change_webhook")
@require_POST
def drop_key(request: SignedInRequest, pk: int) -> HttpResponse:
    """Let the newest signing key sign alone."""
    row = get_object_or_404(Webhook, pk=pk)
    try:
        dropped = drop_old_key(Batch(actor_of(request)), row)
    except KeysUnreadable as error:
        messages.error(request, str(error))
    else:
        text = "The old key signs no more." if dropped else "Only one key signs already."
        messages.success(request, text)
    return redirect(row)


@needs("delete_webhook")
@require_http_methods(["GET", "POST"])
def delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, and delete with the log."""
    row = get_object_or_404(Webhook, pk=pk)
    if request.method == "POST":
        delete_webhook(Batch(actor_of(request)), row)
        messages.success(request, f"“{row.name}” was deleted.")
        return redirect("integrations:webhooks")
    return render(request, "integrations/webhooks/delete.html", {"webhook": row})


@needs("change_webhook")
@require_POST
def again(request: SignedInRequest, pk: int, delivery_id: int) -> HttpResponse:
    """Send a message once more, with the same event id."""
    row = get_object_or_404(WebhookDelivery, webhook=get_object_or_404(Webhook, pk=pk), pk=delivery_id)
    try:
        send_again(Batch(actor_of(request)), row)
    except NotToBeSent as error:
        messages.error(request, f"Not sent: {error}")
    else:
        messages.success(request, "It will be sent again within seconds.")
    return redirect("integrations:webhook", pk)
