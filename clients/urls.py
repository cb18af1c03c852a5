from django.urls import path

from clients.emails import unsubscribe
from clients.views import deletion, export, form, listing, page

app_name = "clients"
urlpatterns = [
    path("s/<slug:slug>/clients/", listing.listing, name="list"),
    path("s/<slug:slug>/clients/new/", form.new, name="new"),
    path("s/<slug:slug>/clients/export/", export.export, name="export"),
    path("s/<slug:slug>/clients/<uuid:client_id>/", page.detail, name="detail"),
    path("s/<slug:slug>/clients/<uuid:client_id>/edit/", form.edit, name="edit"),
    path("s/<slug:slug>/clients/<uuid:client_id>/delete/", deletion.delete, name="delete"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    # Some programs lose the last slash, and a redirect would turn their POST into a look.
    path("unsubscribe/<str:token>", unsubscribe.unsubscribe),
]
