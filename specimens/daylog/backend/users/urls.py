from django.urls import path

from users import views

urlpatterns = [
    path("me/", views.MeView.as_view(), name="me"),
    path("me/integrations/", views.IntegrationListView.as_view(), name="integrations"),
    path("register/taken/", views.NameTakenView.as_view(), name="name-taken"),
]
