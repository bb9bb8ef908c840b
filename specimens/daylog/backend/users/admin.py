from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from users.models import Integration, Profile, User

admin.site.register(User, UserAdmin)


@admin.register(Profile)
class ProfileAdmin(admin.ModelAdmin):
    list_display = ["user", "display_name", "timezone"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]


@admin.register(Integration)
class IntegrationAdmin(admin.ModelAdmin):
    list_display = ["user", "service", "account", "expires_at"]
    list_select_related = ["user"]
    raw_id_fields = ["user"]
    exclude = ["access_token", "refresh_token"]
