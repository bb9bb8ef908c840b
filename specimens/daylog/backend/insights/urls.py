from django.urls import path

from insights import views

urlpatterns = [
    path("moods/", views.MoodView.as_view(), name="moods"),
    path("moods/curve/", views.MoodCurveView.as_view(), name="mood-curve"),
    path("streak/", views.StreakView.as_view(), name="streak"),
    path("goal/", views.GoalView.as_view(), name="goal"),
    path("weeks/", views.WeeksView.as_view(), name="weeks"),
    path("lengths/", views.LengthView.as_view(), name="lengths"),
    path("tags/", views.TagUseView.as_view(), name="tag-use"),
    path("writers/", views.ActiveWritersView.as_view(), name="active-writers"),
]
