"""Reminders: one's own, and those that are due."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from rest_framework import permissions, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from reminders.models import Reminder


class ReminderSerializer(serializers.ModelSerializer):
    class Meta:
        model = Reminder
        fields = ["id", "hour", "text", "is_active", "next_at"]


class ReminderListView(APIView):
    def get(self, request):
        return Response(ReminderSerializer(Reminder.objects.filter(user=request.user).order_by("hour"), many=True).data)

    def post(self, request):
        serializer = ReminderSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save(user=request.user)
        return Response(serializer.data, status=status.HTTP_201_CREATED)


class DueRemindersView(APIView):
    """What has to go out now; called by the scheduler every minute."""

    permission_classes = [permissions.IsAdminUser]

    def post(self, request):
        now = timezone.now()
        with transaction.atomic():
            due = list(
                Reminder.objects.select_for_update(skip_locked=True, of=("self",))
                .filter(is_active=True, next_at__lte=now)
                .select_related("user")
                .order_by("next_at")[:100]
            )
            Reminder.objects.filter(pk__in=[reminder.pk for reminder in due]).update(
                next_at=F("next_at") + timedelta(days=1), updated_at=now
            )
        return Response([{"to": reminder.user.email, "text": reminder.text} for reminder in due])
