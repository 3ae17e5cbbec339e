"""stats.json arranged as the page shows it: rows of tables and lengths of bars."""

from typing import Any

from pipeline.report.figures import group_colours

Stats = dict[str, Any]
LEFT_OUT = "not in the mixture"


def views(stats: Stats) -> dict[str, Any]:
    """What the template needs beside the stats themselves."""
    return {
        "ratio": ratios(stats["verdict"]),
        "groups": _groups(stats),
        "composition": _composition(stats),
        "rule_sets": _rule_sets(stats),
        "broken": _broken(stats),
        "duplicates": _duplicates(stats),
        "num_mixed_documents": sum(group["tokenize"]["num_documents"] for group in stats["groups"].values()),
    }


def ratios(verdict: Stats) -> dict[str, str | None]:
    """The groups' shares as 10 : 1, the smallest target being 1; `range` is that ratio's over all longer prefixes, of two groups."""
    groups = verdict["groups"]
    order = sorted(groups, key=lambda name: (-groups[name]["target_share"], name))
    if len(order) == 1:
        return {"names": order[0], "target": "100 %", "realised": "100 %", "range": None}
    parts = {}
    for side in ("target_share", "realised_share"):
        smallest = groups[order[-1]][side]
        parts[side] = [groups[name][side] / smallest if smallest else 0.0 for name in order[:-1]]
    lowest, highest = (groups[order[0]][side] for side in ("lowest_share", "highest_share"))
    is_steady = len(order) == 2 and len(verdict["phase_ends"]) == 1 and highest < 1
    return {
        "names": " : ".join(order),
        "target": " : ".join([*(f"{part:.4g}" for part in parts["target_share"]), "1"]),
        "realised": " : ".join([*(f"{part:.2f}" for part in parts["realised_share"]), "1"]),
        "range": f"{lowest / (1 - lowest):.2f} – {highest / (1 - highest):.2f} : 1" if is_steady else None,
    }


def _groups(stats: Stats) -> list[Stats]:
    """Groups with their sources, the larger first; the sources of none come last."""
    colours, found = group_colours(stats), []
    for group in [*stats["groups"], None]:
        members = [source for source in stats["sources"] if source["group"] == group]
        members.sort(key=lambda source: -(source["mixture"] or {"packed_tokens": 0})["packed_tokens"])
        if members:
            found.append(
                {
                    "name": LEFT_OUT if group is None else group,
                    "colour": colours.get(group, "g0"),
                    "sources": members,
                    "total": stats["groups"].get(group),
                    "verdict": stats["verdict"]["groups"].get(group),
                }
            )
    return found


def _composition(stats: Stats) -> list[Stats]:
    """The stream as one bar: each source's start and length in percent, its group's colour, and a shade of it."""
    parts, start = [], 0.0
    for group in _groups(stats):
        members = [source for source in group["sources"] if source["mixture"]]
        for place, source in enumerate(members):
            share = 100 * source["mixture"]["realised_share"]
            shade = round(1 - 0.65 * place / max(len(members), 2), 2)
            bar = {"colour": group["colour"], "shade": shade, "start": round(start, 4), "share": round(share, 4)}
            parts.append({"name": source["name"], **bar})
            start += share
    return parts


def _rule_sets(stats: Stats) -> list[Stats]:
    """For each rule set the sources that use it, and a row a rule; a threshold is shown where all of them have the same."""
    sets: dict[str, list[Stats]] = {}
    for rule in stats["rules"]:
        sets.setdefault(rule["set"], []).append(rule)
    documents = {source["name"]: source["curate"]["num_documents"] for source in stats["sources"]}
    found = []
    for name, rules in sets.items():
        sources = list(dict.fromkeys(rule["source"] for rule in rules))
        num_documents = sum(documents[source] for source in sources)
        rows = []
        for rule in dict.fromkeys(rule["name"] for rule in rules):
            uses = {use["source"]: use for use in rules if use["name"] == rule}
            num_dropped = sum(use["num_dropped"] for use in uses.values())
            rows.append(
                {
                    "name": rule.removeprefix(f"{name}_"),
                    "keeps": _keeps(list(uses.values())),
                    "num_dropped": num_dropped,
                    "share": num_dropped / max(sum(documents[source] for source in uses), 1),
                    "by_source": [uses[source]["num_dropped"] if source in uses else None for source in sources],
                }
            )
        total = {"num_dropped": sum(row["num_dropped"] for row in rows), "by_source": _column_sums(rows)}
        found.append({"name": name, "sources": sources, "rows": rows, "total": total, "num_documents": num_documents})
    return found


def _keeps(uses: list[Stats]) -> str:
    bounds = {(use["minimum"], use["maximum"]) for use in uses}
    if len(bounds) > 1:
        return "differs by source"
    low, high = bounds.pop()
    if low is None and high is None:
        return ""
    if low is None or high is None:
        return f"≤ {high:,g}" if low is None else f"≥ {low:,g}"
    return f"{low:,g} – {high:,g}"


def _column_sums(rows: list[Stats]) -> list[int]:
    return [sum(count or 0 for count in column) for column in zip(*(row["by_source"] for row in rows), strict=True)]


def _broken(stats: Stats) -> Stats | None:
    """Broken records, a row a reason."""
    sources = [source for source in stats["sources"] if source["curate"]["num_broken"]]
    reasons = sorted({reason for source in sources for reason in source["curate"]["broken"]})
    rows = [{"name": reason, "by_source": [source["curate"]["broken"].get(reason, 0) for source in sources]} for reason in reasons]
    return {"sources": [source["name"] for source in sources], "rows": rows} if rows else None


def _duplicates(stats: Stats) -> Stats | None:
    """The matrix: a row a source that lost documents, a column a source that kept the ones that they duplicate; `heat` is 0 to 5."""
    cells = {(pair["dropped"], pair["kept"]): pair["num_documents"] for pair in stats["dedupe"]["duplicates"]}
    if not cells:
        return None
    order = [source["name"] for source in stats["sources"]]
    rows = [name for name in order if any((name, other) in cells for other in order)]
    columns = [name for name in order if any((other, name) in cells for other in order)]
    lost = {name: sum(cells.get((name, other), 0) for other in columns) for name in rows}
    return {
        "columns": columns,
        "rows": [
            {
                "name": name,
                "total": lost[name],
                "cells": [{"count": (count := cells.get((name, other), 0)), "heat": -(-5 * count // lost[name])} for other in columns],
            }
            for name in rows
        ],
    }
