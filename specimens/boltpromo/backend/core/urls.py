"""Routes of the API, version 1."""

from django.urls import path

from core import views, views_analytics

urlpatterns = [
    path("home/", views.HomeView.as_view(), name="home"),
    path("banners/", views.BannerListView.as_view(), name="banners"),
    path("partners/", views.PartnerListView.as_view(), name="partners"),
    path("pages/<slug:slug>/", views.StaticPageDetailView.as_view(), name="page"),
    path("site/assets/", views.SiteAssetsView.as_view(), name="site-assets"),
    path("site/settings/", views.SiteSettingsView.as_view(), name="site-settings"),
    path("stores/", views.StoreListView.as_view(), name="stores"),
    path("stores/<slug:slug>/", views.StoreDetailView.as_view(), name="store"),
    path("stores/<slug:slug>/promocodes/", views.StorePromoCodesView.as_view(), name="store-promocodes"),
    path("categories/", views.CategoryListView.as_view(), name="categories"),
    path("categories/<slug:slug>/", views.CategoryDetailView.as_view(), name="category"),
    path("categories/<slug:slug>/promocodes/", views.CategoryPromoCodesView.as_view(), name="category-promocodes"),
    path("showcases/", views.ShowcaseListView.as_view(), name="showcases"),
    path("showcases/<slug:slug>/", views.ShowcaseDetailView.as_view(), name="showcase"),
    path("promocodes/", views.PromoCodeListView.as_view(), name="promocodes"),
    path("promocodes/recommended/", views.RecommendedPromoCodesView.as_view(), name="promocodes-recommended"),
    path("promocodes/financial/", views.FinancialOffersView.as_view(), name="promocodes-financial"),
    path("promocodes/<int:pk>/", views.PromoCodeDetailView.as_view(), name="promocode"),
    path("promocodes/<int:pk>/similar/", views.SimilarPromoCodesView.as_view(), name="promocode-similar"),
    path("search/", views.GlobalSearchView.as_view(), name="search"),
    path("contact/", views.ContactMessageCreateView.as_view(), name="contact"),
    path("analytics/events/", views_analytics.EventCreateView.as_view(), name="events"),
    path("analytics/stats/summary/", views_analytics.StatsSummaryView.as_view(), name="stats-summary"),
    path("analytics/stats/top-promos/", views_analytics.StatsTopPromosView.as_view(), name="stats-top-promos"),
    path("analytics/stats/top-stores/", views_analytics.StatsTopStoresView.as_view(), name="stats-top-stores"),
    path("analytics/stats/timeline/", views_analytics.StatsTimelineView.as_view(), name="stats-timeline"),
    path("analytics/stats/sources/", views_analytics.StatsSourcesView.as_view(), name="stats-sources"),
    path("analytics/stats/offer-types/", views_analytics.StatsOfferTypesView.as_view(), name="stats-offer-types"),
    path("analytics/stats/visitors/", views_analytics.StatsVisitorsView.as_view(), name="stats-visitors"),
    path("analytics/sessions/<str:session_id>/", views_analytics.StatsSessionView.as_view(), name="stats-session"),
]
