from django.urls import include, path

from integrations.klaviyo.contract import FEATURES
from integrations.klaviyo.pages.views import card, connect, lists, public

app_name = "klaviyo"

klaviyo_urls = [
    path("", card.show, name="card"),
    path("panel/", card.panel, name="panel"),
    path("connect/", connect.connect, name="connect"),
    *[
        path(f"allow-{key}/", connect.allow, {"feature": feature}, name=f"allow_{key}")
        for key, feature in FEATURES.items()
    ],
    path("disconnect/", card.disconnect, name="disconnect"),
    path("pause/", card.pause, name="pause"),
    path("resume/", card.resume, name="resume"),
    path("test/", card.test, name="test"),
    path("try-now/", card.try_now, name="try_now"),
    path("retry/", card.retry_all, name="retry_all"),
    path("attention/", lists.attention, name="attention"),
    path("attention.csv", lists.attention_csv, name="attention_csv"),
    path("not-sent/", lists.not_sent, name="not_sent"),
    path("not-sent.csv", lists.not_sent_csv, name="not_sent_csv"),
    path("opt-outs/", lists.opt_outs, name="opt_outs"),
    path("opt-outs.csv", lists.opt_outs_csv, name="opt_outs_csv"),
    path("clients/<uuid:client_id>/send/", lists.send_again, name="send_again"),
]

urlpatterns = [
    path("s/<slug:slug>/settings/integrations/klaviyo/", include(klaviyo_urls)),
    path("integrations/klaviyo/callback/", connect.callback, name="callback"),
    path("integrations/klaviyo/install/", connect.install, name="install"),
    path("webhooks/klaviyo/", public.hook, name="webhook"),
    path("help/integrations/klaviyo/", public.help_page, name="help"),
]
