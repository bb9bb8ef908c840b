"""What frameworks hand to a project's functions: rows of signals, of serializers and forms; compared with the running project."""

from pathlib import Path

import pytest
from web_project import differences, queries, written

IMPORTS = """\
from django import forms
from django.db.models.signals import post_save
from django.dispatch import receiver
from rest_framework import serializers
from shop.models import Author, Book, Publisher
"""
SERIALIZER = """
class Books(serializers.ModelSerializer):
    siblings = serializers.SerializerMethodField()

    class Meta:
        model = Book
        fields = ["title", "author", "siblings"]

    def get_siblings(self, row):
        return row.author.books.count()
"""


@pytest.mark.parametrize(
    "code",
    [
        """
@receiver(post_save, sender=Book)
def saved(sender, instance, **kwargs):
    sender.objects.filter(author=instance.author).count()

@receiver(post_save, sender="shop.Author")
def named(instance, **kwargs):
    instance.books.exists()

def run():
    Book.objects.create(title="x", author=Author.objects.create(name="n", publisher=Publisher.objects.get()))
""",
        SERIALIZER
        + """
    def validate(self, data):
        data["author"].publisher.name
        return data

    def create(self, data):
        data["author"].books.count()
        return super().create(data)

def run():
    Books(Book.objects.get()).data
    made = Books(data={"title": "x", "author": 1})
    made.is_valid(raise_exception=True)
    made.validated_data["author"].books.exists()
    made.save()
""",
        """
class Choose(forms.Form):
    author = forms.ModelChoiceField(queryset=Author.objects.all())
    word = forms.CharField()

    def clean(self):
        if self.cleaned_data["word"]:
            self.cleaned_data["author"].publisher.name

def run():
    form = Choose({"author": 1, "word": "x"})
    form.is_valid()
    form.cleaned_data["author"].books.count()
""",
    ],
)
def test_rows_that_are_handed_over(tmp_path: Path, code: str) -> None:
    assert differences(written(tmp_path, {"shop/code.py": IMPORTS + code})) == []


def test_functions_that_only_look_like_it_are_handed_nothing(tmp_path: Path) -> None:
    code = """
@receiver(post_save)
def saved(sender, instance, **kwargs):
    instance.books.count()

def named(sender, instance):
    instance.books.count()

class Plain:
    def get_siblings(self, row):
        return row.author.books.count()
"""
    assert queries(written(tmp_path, {"shop/code.py": IMPORTS + code}), "shop/code.py") == []
