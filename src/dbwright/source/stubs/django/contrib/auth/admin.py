from django.contrib.admin.options import ModelAdmin


class UserAdmin(ModelAdmin):
    list_display = ("username", "email", "first_name", "last_name", "is_staff")
    list_filter = ("is_staff", "is_superuser", "is_active", "groups")
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)


class GroupAdmin(ModelAdmin):
    search_fields = ("name",)
    ordering = ("name",)
