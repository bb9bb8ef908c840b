"""Analyse messages that wait; meant to be run every minute."""

from django.core.management.base import BaseCommand

from core.ingest import analyze_pending


class Command(BaseCommand):
    help = "Analyse the messages that wait longest."

    def add_arguments(self, parser):
        parser.add_argument("--limit", type=int, default=None, help="how many at most")

    def handle(self, *args, limit, **options):
        self.stdout.write(f"analyzed={analyze_pending(limit)}")
