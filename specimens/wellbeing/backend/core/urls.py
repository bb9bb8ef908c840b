from django.urls import path

from core import views

urlpatterns = [
    path("ingest/", views.ingest_batch),
    path("ingest/one/", views.ingest_one),
    path("users/<uuid:user_hash>/messages/", views.user_messages),
    path("users/<uuid:user_hash>/wellbeing/", views.user_dashboard),
    path("channels/", views.channels),
    path("channels/list/", views.channel_list),
    path("channels/<int:channel_id>/messages/", views.channel_messages),
    path("channels/<int:channel_id>/users/<uuid:user_hash>/", views.user_in_channel),
    path("messages/recent/", views.recent_activity),
    path("messages/feed/", views.message_feed),
    path("messages/queue/", views.queue),
    path("analyses/sentiment/<str:sentiment>/", views.analyses_by_sentiment),
    path("analyses/emotion/<str:emotion>/", views.analyses_by_emotion),
    path("analyses/stress/<str:stress>/", views.analyses_by_stress),
    path("analyses/stressful/", views.stressful_messages),
    path("analyses/mood/", views.mood),
    path("analyses/trend/", views.trend),
    path("analyses/summary/", views.summary),
    path("analyses/channels/", views.channel_comparison),
    path("teams/", views.teams),
    path("teams/<slug:slug>/survey/", views.team_survey),
    path("teams/<slug:slug>/wellbeing/", views.team_dashboard),
    path("sources/<str:source>/wellbeing/", views.source_dashboard),
    path("alerts/", views.open_alerts),
    path("alerts/worrying/", views.worrying),
]
