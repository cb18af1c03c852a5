from django.urls import path

from clients.emails import unsubscribe
from clients.views import deletion, export, form, imports, listing, page

app_name = "clients"
urlpatterns = [
    path("s/<slug:slug>/clients/", listing.listing, name="list"),
    path("s/<slug:slug>/clients/new/", form.new, name="new"),
    path("s/<slug:slug>/clients/export/", export.export, name="export"),
    path("s/<slug:slug>/clients/import/", imports.upload, name="import"),
    path("s/<slug:slug>/clients/import/<uuid:run_id>/", imports.show, name="import_run"),
    path(
        "s/<slug:slug>/clients/import/<uuid:run_id>/columns/",
        imports.columns,
        name="import_columns",
    ),
    path("s/<slug:slug>/clients/import/<uuid:run_id>/start/", imports.start, name="import_start"),
    path("s/<slug:slug>/clients/import/<uuid:run_id>/undo/", imports.undo, name="import_undo"),
    path("s/<slug:slug>/clients/import/<uuid:run_id>/send/", imports.send_now, name="import_send"),
    path(
        "s/<slug:slug>/clients/import/<uuid:run_id>/discard/",
        imports.discard,
        name="import_discard",
    ),
    path(
        "s/<slug:slug>/clients/import/<uuid:run_id>/refused/",
        imports.refused,
        name="import_refused",
    ),
    path("s/<slug:slug>/clients/<uuid:client_id>/", page.detail, name="detail"),
    path("s/<slug:slug>/clients/<uuid:client_id>/edit/", form.edit, name="edit"),
    path("s/<slug:slug>/clients/<uuid:client_id>/delete/", deletion.delete, name="delete"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    # Some programs lose the last slash, and a redirect would turn their POST into a look.
    path("unsubscribe/<str:token>", unsubscribe.unsubscribe),
]
