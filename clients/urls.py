from django.urls import path

from clients import unsubscribe, views

app_name = "clients"
urlpatterns = [
    path("s/<slug:slug>/clients/", views.listing, name="list"),
    path("s/<slug:slug>/clients/new/", views.new, name="new"),
    path("s/<slug:slug>/clients/<uuid:client_id>/", views.detail, name="detail"),
    path("s/<slug:slug>/clients/<uuid:client_id>/edit/", views.edit, name="edit"),
    path("s/<slug:slug>/clients/<uuid:client_id>/delete/", views.delete, name="delete"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
]
