from django.urls import URLPattern

app_name = "klaviyo"
urlpatterns: list[URLPattern] = []
