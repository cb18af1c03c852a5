from django.urls import include, path

from studios.views import front, invitation, studio, team

app_name = "studios"

settings_urls = [
    path("", studio.settings, name="settings"),
    path("verify/", studio.verify, name="verify"),
    path("team/", team.team, name="team"),
    path("team/invite/", team.invite, name="invite"),
    path("team/<uuid:member_id>/role/", team.change_role, name="change_role"),
    path("team/<uuid:member_id>/remove/", team.remove, name="remove_member"),
    path("team/invitations/<uuid:invitation_id>/send/", team.send_again, name="send_again"),
    path("team/invitations/<uuid:invitation_id>/withdraw/", team.withdraw, name="withdraw"),
]

urlpatterns = [
    path("", front.front, name="front"),
    path("studios/new/", front.new, name="new"),
    path("s/<slug:slug>/settings/", include(settings_urls)),
    path("invitations/<str:token>/", invitation.invitation, name="invitation"),
    path("invitations/<str:token>/accept/", invitation.accept, name="accept"),
    path("invitations/<str:token>/join/", invitation.JoinView.as_view(), name="join"),
]
