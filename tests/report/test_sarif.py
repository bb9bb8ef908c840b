"""The SARIF log is valid and says what code scanning needs."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import shop

from dbwright.report import sarif

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.json").read_text("utf-8-sig"))


def log_of(report: shop.Report) -> Any:
    return json.loads(sarif.render(report))["runs"][0]


@pytest.mark.parametrize("make", [shop.shop, shop.empty, shop.hostile, lambda: shop.large(40)])
def test_is_valid(make: Any) -> None:
    jsonschema_rs.validator_for(SCHEMA).validate(json.loads(sarif.render(make())))


def test_results_name_their_rule_place_object_and_fingerprint() -> None:
    run = log_of(shop.shop())
    result = run["results"][1]
    rule = run["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert result["ruleId"] == rule["id"] == "foreign-keys/without-index"
    assert rule["shortDescription"]["text"]
    assert "When to ignore" in rule["help"]["text"]
    place = result["locations"][0]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "shop/models.py"
    assert place["physicalLocation"]["region"]["startLine"] == 41
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "public.shop_line.shop_line_order_id_fkey"
    assert result["partialFingerprints"] == {sarif.FINGERPRINT: shop.shop().findings[1].id}


def test_a_finding_without_a_file_is_shown_at_the_project() -> None:
    place = log_of(shop.shop())["results"][0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("pyproject.toml", 1)


def test_levels_and_states() -> None:
    results = log_of(shop.shop())["results"]
    assert [r["level"] for r in results] == ["error", "error", "warning", "note", "note"]
    assert [r["baselineState"] for r in results] == ["unchanged", "new", "new", "unchanged", "unchanged"]
    assert results[2]["properties"]["state"] == "regressed"


def test_what_was_not_checked_is_a_notification() -> None:
    run = log_of(shop.shop())
    told = run["invocations"][0]["toolConfigurationNotifications"]
    assert [(n["associatedRule"]["id"], n["level"]) for n in told] == [
        ("workload/temporary-files", "warning"),
        ("workload/window-too-short", "warning"),
        ("security/md5-passwords", "note"),
    ]
    for notification in told:
        rule = notification["associatedRule"]
        assert run["tool"]["driver"]["rules"][rule["index"]]["id"] == rule["id"]
    assert "CREATE EXTENSION pg_stat_statements" in told[0]["message"]["text"]


def test_accepted_and_resolved_findings_are_no_results() -> None:
    run = log_of(shop.shop())
    assert len(run["results"]) == 5
    assert run["properties"]["accepted"] == 1
    assert run["properties"]["resolved"][0]["id"] == "0123456789abcdef"


def test_hostile_text_is_no_link_no_argument_and_no_path_outside() -> None:
    for result in log_of(shop.hostile())["results"]:
        assert "](" not in result["message"]["text"]
        assert "{0}" not in result["message"]["text"].replace("{{0}}", "")
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.startswith("src/")
        assert set(uri) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%/._-~")
