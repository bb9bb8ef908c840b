from django.urls import path

from meetings import views

urlpatterns = [
    path("chapters/<int:chapter>/meetings/", views.MeetingListView.as_view(), name="meeting-list"),
    path("chapters/<int:chapter>/attendance/", views.AttendanceSheetView.as_view(), name="attendance-sheet"),
    path("chapters/<int:chapter>/absences/", views.AbsenceView.as_view(), name="absences"),
    path("chapters/<int:chapter>/leaders/", views.ReferralLeadersView.as_view(), name="referral-leaders"),
    path("chapters/<int:chapter>/thanks/", views.ThankYouView.as_view(), name="thanks"),
    path("meetings/<int:pk>/", views.MeetingDetailView.as_view(), name="meeting-detail"),
    path("meetings/<int:pk>/record/", views.AttendanceRecordView.as_view(), name="attendance-record"),
    path("attendances/late/", views.LateRecordsView.as_view(), name="late-records"),
    path("members/<int:member>/referrals/given/", views.ReferralListView.as_view(), name="referrals-given"),
    path("members/<int:member>/referrals/received/", views.ReferralReceivedView.as_view(), name="referrals-received"),
]
