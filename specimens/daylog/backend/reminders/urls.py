from django.urls import path

from reminders import views

urlpatterns = [
    path("", views.ReminderListView.as_view(), name="reminders"),
    path("due/", views.DueRemindersView.as_view(), name="reminders-due"),
]
