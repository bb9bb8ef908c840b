from django.urls import path

from members import views

urlpatterns = [
    path("members/", views.MemberListView.as_view(), name="member-list"),
    path("members/new/", views.MemberCreateView.as_view(), name="member-create"),
    path("members/newest/", views.NewestMembersView.as_view(), name="member-newest"),
    path("members/by-email/", views.MemberByEmailView.as_view(), name="member-by-email"),
    path("members/directory/", views.MemberDirectoryView.as_view(), name="member-directory"),
    path("members/names/", views.MemberNamesView.as_view(), name="member-names"),
    path("members/compare/", views.MemberCompareView.as_view(), name="member-compare"),
    path("members/batch/", views.MemberBatchView.as_view(), name="member-batch"),
    path("members/search/", views.MemberSearchView.as_view(), name="member-search"),
    path("members/quick-search/", views.MemberQuickSearchView.as_view(), name="member-quick-search"),
    path("members/by-sector/", views.MemberBySectorView.as_view(), name="member-by-sector"),
    path("members/renewals/", views.MemberRenewalView.as_view(), name="member-renewals"),
    path("members/age/", views.MemberAgeView.as_view(), name="member-age"),
    path("members/<int:pk>/", views.MemberDetailView.as_view(), name="member-detail"),
    path("members/<int:pk>/payments/", views.MemberPaymentsView.as_view(), name="member-payments"),
    path("chapters/<slug:slug>/cards/", views.MemberCardListView.as_view(), name="member-cards"),
    path("rosters/<int:chapter>/", views.ChapterRosterView.as_view(), name="chapter-roster"),
    path("rosters/<int:chapter>/fees/", views.MemberFeesView.as_view(), name="member-fees"),
    path("rosters/<int:chapter>/import/", views.MemberImportView.as_view(), name="member-import"),
    path("rosters/region/<int:region>/", views.RosterSummaryView.as_view(), name="roster-summary"),
]
