"""Alerts: what stands, what was sent, what a person wants to hear, and the rooms of chats."""

from __future__ import annotations

import datetime as dt

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from integrations.forms.alerts import ChannelForm, InstanceWishesForm, MuteForm, OwnWishesForm
from integrations.models import AlertChannel, AlertKind, AlertPreference, IntegrationInstance
from integrations.models.instances import LARGEST_ID
from integrations.services.alerts import (
    change_channel,
    channel_messages,
    create_channel,
    delete_channel,
    mute,
    overview_of,
    owe_test,
    save_wishes,
    wishes_of,
)
from integrations.services.audit import Batch, actor_of
from integrations.tasks import deliver_alerts
from integrations.views.common import SignedInRequest, form_status, needs, whole_number

MUTED_UNTIL = dt.time(8)  # tomorrow, as the form proposes


@needs("view_integrationinstance")
@require_GET
def alerts(request: SignedInRequest) -> HttpResponse:
    """What stands, what is over, and what this person was sent."""
    found = overview_of(request.user, request.GET.get("page"))
    return render(request, "integrations/alerts/list.html", {"overview": found, "page": found.messages})


@needs("view_integrationinstance")
@require_http_methods(["GET", "POST"])
def wishes(request: SignedInRequest) -> HttpResponse:
    """How this person hears of what: everywhere, or in the configuration that the address names."""
    user, data = request.user, request.POST if request.method == "POST" else None
    instance = _configuration(request)
    found = overview_of(user)
    form = (
        InstanceWishesForm(wishes_of(user, instance), instance, data)
        if instance
        else OwnWishesForm(wishes_of(user, None), found.reader, data)
    )
    if data is not None and form.is_valid():
        save_wishes(user, form.wanted())
        messages.success(request, "Your choices were saved.")
        return redirect(request.get_full_path())
    context = {
        "form": form,
        "instance": instance,
        "instances": IntegrationInstance.objects.visible_to(user).present(),
        "overview": found,
    }
    return render(request, "integrations/alerts/wishes.html", context, status=form_status(form))


def _configuration(request: SignedInRequest) -> IntegrationInstance | None:
    """The configuration that the address names; None for none, 404 for one that is not to be seen."""
    asked = request.GET.get("configuration", "")
    if not asked:
        return None
    pk = whole_number(asked)
    return get_object_or_404(IntegrationInstance.objects.visible_to(request.user).present(), pk=pk or 0)


@needs("view_integrationinstance")
@require_POST
def test(request: SignedInRequest) -> HttpResponse:
    """Send this person a mail, to see whether it arrives."""
    if not settings.MAIL_IS_SET_UP:
        messages.error(request, "Not sent: mail is not set up. Whoever runs the portal sets EMAIL_URL.")
    elif not request.user.email:
        messages.error(request, "Not sent: your account has no e-mail address. A superuser can add it.")
    else:
        owe_test(request.user)
        deliver_alerts.enqueue()
        messages.success(request, f"A test is on its way to {request.user.email}. Its state is listed below.")
    return redirect("integrations:alerts")


@needs("view_integrationinstance")
@require_http_methods(["GET", "POST"])
def mute_some(request: SignedInRequest) -> HttpResponse:
    """Ask what not to send and until when, and do so."""
    kinds = [wish.kind for wish in wishes_of(request.user, None)]
    if request.method == "POST":
        form = MuteForm(request.user, kinds, request.POST)
        if form.is_valid():
            cleaned = form.cleaned_data
            mute(request.user, cleaned["instance"], cleaned["kind"], cleaned["until"])
            told = date_format(timezone.localtime(cleaned["until"]), "Y-m-d H:i")
            messages.success(request, f"Muted until {told}. What is over by then is not sent at all.")
            return redirect("integrations:alerts")
    else:
        tomorrow = timezone.localdate() + dt.timedelta(days=1)
        until = timezone.make_aware(dt.datetime.combine(tomorrow, MUTED_UNTIL))
        asked = {name: request.GET.get(name, "") for name in ("kind", "instance")}
        form = MuteForm(request.user, kinds, initial={**asked, "until": until})
    return render(request, "integrations/alerts/mute.html", {"form": form}, status=form_status(form))


@needs("view_integrationinstance")
@require_POST
def unmute(request: SignedInRequest, pk: int) -> HttpResponse:
    """Send again what was muted."""
    row = get_object_or_404(AlertPreference, user=request.user, pk=min(pk, LARGEST_ID))
    mute(request.user, row.instance, AlertKind(row.kind) if row.kind else None, None)
    messages.success(request, "No longer muted. What still stands is sent now.")
    return redirect("integrations:alerts")


# --- rooms of chats -----------------------------------------------------------------------------------


@needs("view_alertchannel")
@require_GET
def channels(request: SignedInRequest) -> HttpResponse:
    """Every channel, and whether it answers."""
    rows = AlertChannel.objects.select_related("instance")
    return render(request, "integrations/alerts/channels.html", {"channels": rows})


@needs("add_alertchannel")
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_http_methods(["GET", "POST"])
def channel_add(request: SignedInRequest) -> HttpResponse:
    """Make a channel."""
    form = ChannelForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        channel = create_channel(Batch(actor_of(request)), form.spec())
        messages.success(request, "The channel was added. Send a test to see whether it arrives.")
        return redirect(channel)
    return render(request, "integrations/alerts/channel_form.html", {"form": form}, status=form_status(form))


@needs("view_alertchannel")
@require_GET
def channel(request: SignedInRequest, pk: int) -> HttpResponse:
    """One channel, and what was sent to it."""
    row = _channel_or_404(pk)
    context = {"channel": row, "page": channel_messages(row, request.GET.get("page"))}
    return render(request, "integrations/alerts/channel.html", context)


@needs("change_alertchannel")
@reauthentication_required  # type: ignore[untyped-decorator]  # allauth has no type information
@require_http_methods(["GET", "POST"])
def channel_edit(request: SignedInRequest, pk: int) -> HttpResponse:
    """Change, pause or resume a channel."""
    row = _channel_or_404(pk)
    posted = request.method == "POST"
    form = ChannelForm.keeping(request.user, row, request.POST if posted else None)
    if posted and form.is_valid():
        if change_channel(Batch(actor_of(request)), row, form.spec()):
            messages.success(request, "The channel was saved.")
        else:
            messages.info(request, "Nothing was saved: nothing differs.")
        return redirect(row)
    context = {"form": form, "channel": row}
    return render(request, "integrations/alerts/channel_form.html", context, status=form_status(form))


@needs("change_alertchannel")
@require_POST
def channel_test(request: SignedInRequest, pk: int) -> HttpResponse:
    """Send a message to the room, to see whether it arrives."""
    row = _channel_or_404(pk)
    if row.is_active:
        owe_test(row)
        deliver_alerts.enqueue()
        messages.success(request, "A test is on its way. Its state is listed below.")
    else:
        messages.error(request, "Not sent: the channel is paused. Make it active first.")
    return redirect(row)


@needs("delete_alertchannel")
@require_http_methods(["GET", "POST"])
def channel_delete(request: SignedInRequest, pk: int) -> HttpResponse:
    """Ask, and delete with what was sent."""
    row = _channel_or_404(pk)
    if request.method == "POST":
        delete_channel(Batch(actor_of(request)), row)
        messages.success(request, f"“{row.name}” was deleted.")
        return redirect("integrations:alert_channels")
    return render(request, "integrations/alerts/channel_delete.html", {"channel": row})


def _channel_or_404(pk: int) -> AlertChannel:
    if pk > LARGEST_ID:
        raise Http404
    return get_object_or_404(AlertChannel.objects.select_related("instance", "created_by"), pk=pk)
