"""The app's addresses."""

from __future__ import annotations

from django.urls import include, path

from integrations.views import (
    connections,
    filters,
    history,
    home,
    jobs,
    mappings,
    organizations,
    review,
    schedules,
    setup,
    tokens,
    webhooks,
)

app_name = "integrations"

instance_urls = [
    path("", setup.setup, name="setup"),
    path("connection/", connections.save, name="connection_save"),
    path("connection/test/", connections.test, name="connection_test"),
    path("delete/", connections.delete, name="instance_delete"),
    path("restore/", connections.restore, name="instance_restore"),
    path("filters/", filters.save, name="filters_save"),
    path("filters/edit/", filters.edit, name="filters_edit"),
    path("filters/preview/", filters.preview, name="filters_preview"),
    path("schedule/", schedules.save, name="schedule_save"),
    path("mappings/", mappings.table, name="mappings"),
    path("mappings/refresh/", mappings.refresh, name="refresh"),
    path("mappings/suggest/", mappings.suggest, name="suggest"),
    path("mappings/save/", mappings.save, name="mappings_save"),
    path("mappings/tick/", mappings.tick, name="mappings_tick"),
    path("mappings/tick-all/", mappings.tick_all, name="mappings_tick_all"),
    path("mappings/<int:organization_id>/explain/<int:company_id>/", review.explain, name="explain"),
    path("mappings/<int:organization_id>/reconsider/", review.reconsider, name="reconsider"),
    path("review/", review.review, name="review"),
    path("review/<int:organization_id>/", review.decide, name="review_decide"),
    path("missing/", review.missing, name="missing"),
    path("mappings/<int:organization_id>/company/", mappings.choose, name="choose"),
    path("mappings/<int:organization_id>/discard/", mappings.discard, name="discard"),
    path("as-of/", history.as_of, name="as_of"),
    path("job/", mappings.job, name="job"),
    path("job/cancel/", mappings.cancel_job, name="job_cancel"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("glossary/", home.glossary, name="glossary"),
    path("undo/<uuid:batch>/", history.undo, name="undo"),
    path("history/", history.history, name="history"),
    path("history/<uuid:key>/", history.batch, name="history_batch"),
    path("history/undo/<int:event_id>/", history.undo_event, name="undo_event"),
    path("integrations/<slug:psa>/add/", connections.add, name="instance_add"),
    path("integrations/<slug:psa>/<int:pk>/", include(instance_urls)),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<int:pk>/cancel/", jobs.cancel, name="jobs_cancel"),
    path("jobs/<int:pk>/retry/", jobs.retry, name="jobs_retry"),
    # organizations
    path("organizations/", organizations.organizations, name="organizations"),
    path("organizations/add/", organizations.add, name="organization_add"),
    path("organizations/upload/", organizations.upload, name="organizations_upload"),
    path("organizations/template.csv", organizations.template, name="organizations_template"),
    path("organizations/<int:pk>/", organizations.edit, name="organization_edit"),
    path("organizations/<int:pk>/delete/", organizations.delete, name="organization_delete"),
    path("organizations/<int:pk>/restore/", organizations.restore, name="organization_restore"),
    # other programs
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/add/", tokens.add, name="token_add"),
    path("tokens/<int:pk>/revoke/", tokens.revoke, name="token_revoke"),
    path("webhooks/", webhooks.webhooks, name="webhooks"),
    path("webhooks/add/", webhooks.add, name="webhook_add"),
    path("webhooks/<int:pk>/", webhooks.webhook, name="webhook"),
    path("webhooks/<int:pk>/edit/", webhooks.edit, name="webhook_edit"),
    path("webhooks/<int:pk>/active/", webhooks.activate, name="webhook_activate"),
    path("webhooks/<int:pk>/key/", webhooks.renew, name="webhook_renew"),
    path("webhooks/<int:pk>/delete/", webhooks.delete, name="webhook_delete"),
    path("webhooks/<int:pk>/deliveries/<int:delivery_id>/", webhooks.delivery, name="delivery"),
    path("webhooks/<int:pk>/deliveries/<int:delivery_id>/again/", webhooks.again, name="delivery_again"),
]
