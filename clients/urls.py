from django.urls import path

from clients.emails import unsubscribe
from clients.views import activity, deletion, export, form, imports, listing, many, page, runs

app_name = "clients"
urlpatterns = [
    path("s/<slug:slug>/clients/", listing.listing, name="list"),
    path("s/<slug:slug>/clients/new/", form.new, name="new"),
    path("s/<slug:slug>/clients/export/", export.export, name="export"),
    path("s/<slug:slug>/clients/import/", imports.upload, name="import"),
    path(
        "s/<slug:slug>/clients/import/<uuid:run_id>/columns/",
        imports.columns,
        name="import_columns",
    ),
    path("s/<slug:slug>/settings/activity/", activity.activity, name="activity"),
    path(
        "s/<slug:slug>/clients/first-steps/put-away/",
        listing.put_first_steps_away,
        name="put_away",
    ),
    path("s/<slug:slug>/clients/many/", many.ask, name="many"),
    path("s/<slug:slug>/clients/runs/<uuid:run_id>/", runs.show, name="run"),
    path("s/<slug:slug>/clients/runs/<uuid:run_id>/start/", runs.start, name="run_start"),
    path("s/<slug:slug>/clients/runs/<uuid:run_id>/undo/", runs.undo, name="run_undo"),
    path("s/<slug:slug>/clients/runs/<uuid:run_id>/send/", runs.send_now, name="run_send"),
    path("s/<slug:slug>/clients/runs/<uuid:run_id>/discard/", runs.discard, name="run_discard"),
    path("s/<slug:slug>/clients/runs/<uuid:run_id>/refused/", runs.refused, name="run_refused"),
    path("s/<slug:slug>/clients/<uuid:client_id>/", page.detail, name="detail"),
    path("s/<slug:slug>/clients/<uuid:client_id>/edit/", form.edit, name="edit"),
    path("s/<slug:slug>/clients/<uuid:client_id>/delete/", deletion.delete, name="delete"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    # Some programs lose the last slash, and a redirect would turn their POST into a look.
    path("unsubscribe/<str:token>", unsubscribe.unsubscribe),
]
