"""A wrong key or value is named by its place, with what to write instead."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config import RunConfig, load_config
from pipeline.errors import UsageError

MIXTURE: dict[str, Any] = {
    "groups": {
        "code": {"weight": 10, "sources": {"python": {"weight": 8, "max_epochs": 3}, "sql": 2}},
        "text": {"weight": 1, "sources": {"docs": 1}},
    }
}
VALUES: dict[str, Any] = {
    "workdir": "run",
    "sources": {
        "python": {"path": "~/raw/python", "kind": "code", "curation": ["starcoder2"]},
        "sql": {"path": "raw/sql", "kind": "code"},
        "docs": {"path": "/raw/docs", "kind": "text", "curation": [{"gopher_quality": {"min_words": 20}}]},
    },
    "mixture": MIXTURE,
}
GONE = object()


def load(folder: Path, values: Any) -> RunConfig:
    path = folder / "config.yaml"
    path.write_text(values if isinstance(values, str) else yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return load_config(str(path))


def changed(place: str, value: Any) -> dict[str, Any]:
    values = copy.deepcopy(VALUES)
    *parts, last = place.split("/")
    inside = values
    for part in parts:
        inside = inside.setdefault(part, {})
    if value is GONE:
        del inside[last]
    else:
        inside[last] = value
    return values


def test_a_config_is_read_with_the_order_of_its_sources_and_paths_that_hold_in_any_folder(tmp_path: Path) -> None:
    config = load(tmp_path, VALUES)
    assert list(config.sources) == ["python", "sql", "docs"]
    assert config.workdir == str(Path("run").absolute())
    assert config.sources["python"].path == str(Path.home() / "raw/python")
    assert config.sources["sql"].path == str(Path("raw/sql").absolute())
    assert config.sources["docs"].curation[0].params == {"min_words": 20}
    assert load_config(str(tmp_path / "config.yaml"), workdir="/elsewhere").workdir == "/elsewhere"


@pytest.mark.parametrize(
    ("place", "near"),
    [
        ("sorces", "sources"),
        ("unit_byte", "unit_bytes"),
        ("sources/python/pth", "path"),
        ("sources/python/max_broken", "max_broken_fraction"),
        ("sources/python/colums", "columns"),
        ("dedup/neer", "near"),
        ("dedup/near/min_similarty", "min_similarity"),
        ("tokenizer/vocabsize", "vocab_size"),
        ("mixture/total_token", "total_tokens"),
        ("mixture/groups/code/wieght", "weight"),
        ("mixture/groups/code/sources/python/max_epoch", "max_epochs"),
        ("packing/sequence_len", "sequence_length"),
        ("trainer/learning_rat", "learning_rate"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(place: str, near: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        load(tmp_path, changed(place, 1))
    assert str(error.value) == f"{tmp_path}/config.yaml: {place.replace('/', '.')} is no known key: did you mean {near}?"


def test_an_unknown_key_that_is_near_to_none_comes_with_all_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"packing\.zzz is no known key: there are .*sequence_length, sequences_per_shard"):
        load(tmp_path, changed("packing/zzz", 1))


@pytest.mark.parametrize("place", ["workdir", "sources", "mixture", "sources/sql/path", "sources/sql/kind", "mixture/groups/text/weight"])
def test_a_key_that_is_missing_is_named(place: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"{place.replace('/', '[.]')} is missing: add it"):
        load(tmp_path, changed(place, GONE))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("seed", -1, ("seed", "greater than or equal to 0", "not -1")),
        ("unit_bytes", "many", ("unit_bytes", "integer", "not 'many'")),
        ("unit_bytes", 5, ("unit_bytes", "65536", "not 5")),
        ("sources", {}, ("sources", "at least 1")),
        ("sources/SQL", {"path": "x", "kind": "code"}, ("sources.SQL", "lower-case letters, digits and _")),
        ("sources/sql/kind", "prose", ("sources.sql.kind", "'code' or 'text'", "not 'prose'")),
        ("sources/sql/format", "csv", ("sources.sql.format", "'parquet'", "not 'csv'")),
        ("sources/sql/max_broken_fraction", 2, ("sources.sql.max_broken_fraction", "less than or equal to 1", "not 2")),
        ("sources/sql/columns", {"text": None}, ("sources.sql.columns", "a document needs its text")),
        ("sources/sql/curation", [{"a": 1, "b": 2}], ("sources.sql.curation.0", "is no step", "write")),
        ("dedup/near/bands", 1000, ("dedup.near", "num_permutations", "lower bands to")),
        ("dedup/cluster", "all", ("dedup.cluster", "'representative' or 'component'")),
        ("tokenizer/vocab_size", 10, ("tokenizer.vocab_size", "300", "not 10")),
        ("mixture/groups/code/sources/pyton", 1, ("mixture.code.pyton", "did you mean python?")),
        ("mixture/groups/text/sources/python", 1, ("python is in code and in text", "keep it in one group")),
        ("mixture/groups/text/weight", 0, ("weight", "0 is not a positive number")),
        ("mixture/groups/text/sources", {}, ("mixture.text has no sources", "remove the group")),
        ("mixture/phases", [{"name": "a", "tokens": 5, "groups": {}}], ("either groups or phases",)),
        ("mixture/groups", GONE, ("either groups or phases",)),
        ("packing/sequence_length", 1, ("packing.sequence_length", "2", "not 1")),
        ("packing/strategy", "random", ("packing.strategy", "'sequential'", "not 'random'")),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_what_is_right(place: str, value: Any, words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        load(tmp_path, changed(place, value))
    for word in ("config.yaml: ", *words):
        assert word in str(error.value)


def test_every_fault_has_a_line_of_its_own(tmp_path: Path) -> None:
    values = changed("seed", -1) | {"sorces": 1}
    with pytest.raises(UsageError) as error:
        load(tmp_path, values)
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n- b\n", "a config is a mapping with the keys workdir, seed"),
        ("", "a config is a mapping with the keys"),
        ("workdir: [", "no YAML"),
        ("workdir: a\nseed: 1\nworkdir: b\n", "the key 'workdir' stands twice"),
        ("sources: {a: {path: x}, a: {path: y}}\n", "the key 'a' stands twice"),
        ("? [a, b]\n: 1\n", "no YAML"),
        ("!!python/object/apply:os.system ['true']\n", "no YAML"),
    ],
)
def test_a_file_that_is_no_mapping_of_yaml_is_named(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config\.yaml: ") as error:
        load(tmp_path, text)
    assert words in str(error.value)


def test_bytes_that_are_no_text_and_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for name, words in (("bytes.yaml", "no YAML"), ("none.yaml", "No such file"), (".", "directory")):
        with pytest.raises(UsageError, match=words):
            load_config(str(tmp_path / name))


def test_a_source_may_be_named_like_a_key(tmp_path: Path) -> None:
    values = changed("sources/path", {"pth": "x", "path": "y", "kind": "code"})
    with pytest.raises(UsageError, match=r"sources\.path\.pth is no known key: did you mean path\?"):
        load(tmp_path, values)


def test_a_config_survives_its_own_dump(tmp_path: Path) -> None:
    config = load(tmp_path, VALUES)
    assert RunConfig.model_validate(json.loads(config.model_dump_json())) == config


def test_the_schema_describes_every_key_that_a_config_may_have() -> None:
    described = RunConfig.model_json_schema()
    assert set(described["properties"]) == set(RunConfig.model_fields)
    assert described["additionalProperties"] is False
