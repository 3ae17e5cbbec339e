import json
from importlib.resources import files

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.readers.languages import canonical_language, languages_of, with_languages
from pipeline.readers.record import RECORDS
from pipeline.readers.source import SourceReadParams, list_containers, read_unit
from pipeline.units import assign_salts, form_units

TABLES = json.loads(files("pipeline.readers.linguist").joinpath("linguist.json").read_text(encoding="utf-8"))


def language_of(path: str, text: str | None = "") -> str | None:
    return languages_of(pa.array([path]), pa.array([text], pa.string()))[0].as_py()


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a/b.PY", "python"),
        ("x.hpp", "c++"),
        ("x.cs", "c#"),
        ("lib/x.lisp", "common-lisp"),
        ("view.html.erb", "html+erb"),  # the longest extension that is known
        ("x.tar.zig", "zig"),
        (".bashrc", "shell"),
        ("d/Makefile", "makefile"),
        ("Dockerfile", "dockerfile"),
        ("CMakeLists.txt", "cmake"),
        ("LICENSE", "text"),
        ("go.mod", "go-module"),
        ("py", None),
        ("a.py/b", None),
        ("unknown.qqq", None),
        ("", None),
    ],
)
def test_a_file_name_says_its_language(path, language):
    assert language_of(path) == language
    assert language_of(path, None) == language


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("run", "#!/bin/sh\n", "shell"),
        ("run", "#! /usr/bin/perl -w\n", "perl"),
        ("run", "#!/usr/bin/env python3.11\nx", "python"),
        ("run", "#!/usr/bin/env -S LANG=C FOO=1 --x node --y\n", "javascript"),
        ("run", '#!/bin/sh\n# \\\nexec tclsh "$0" "$@"\n', "tcl"),
        ("run", "#!/usr/bin/env", None),
        ("run", "#!", None),
        ("run", "#!\n/bin/sh", None),
        ("run", "#!/opt/unheard-of\n", None),
        ("run", " #!/bin/sh\n", None),
        ("setup.py", "#!/bin/bash\n", "shell"),  # as Linguist: the first line wins over the extension
        ("x.ts", "#!/usr/bin/env -S deno run\n", "typescript"),  # an interpreter of several languages leaves the choice to the extension
        ("Makefile", "#!/usr/bin/python\n", "makefile"),
        ("data", '<?xml version="1.0"?>\n<a/>', "xml"),
    ],
)
def test_a_first_line_says_the_language_of_a_script(path, text, language):
    assert language_of(path, text) == language


@pytest.mark.parametrize(
    ("path", "text", "language"),
    [
        ("x.h", "int f(void);\n", "c"),
        ("x.h", "#pragma once\nnamespace a {\nclass B;\n}\n", "c++"),
        ("x.h", "#import <Foundation/Foundation.h>\n@interface A : NSObject\n@end\n", "objective-c"),
        ("x.m", "% a comment\nfunction y = f(x)\n", "matlab"),
        ("x.m", '#import "A.h"\n', "objective-c"),
        ("x.pl", "use strict;\n", "perl"),
        ("x.pl", "parent(a, b) :- true.\n", "prolog"),
        ("x.ts", "<?xml version='1.0'?>\n<TS version='2.1'>\n", "xml"),
        ("x.ts", "export const a = 1;\n", "typescript"),
        ("x.v", "module a(input b);\nendmodule\n", "verilog"),
        ("x.v", "Lemma a : True.\nProof. Qed.\n", "rocq-prover"),
        ("x.rs", "fn main() {}\n", "rust"),
        ("x.md", "# Title\n", "markdown"),
        ("x.md", '(define_insn "a")\n', "gcc-machine-description"),
        ("x.sol", "pragma solidity ^0.8;\n", "solidity"),
        ("x.sol", "anything\n", None),  # too common an extension to count alone
        ("x.3", "no manual\n", "text"),
        ("x.3", ".Dd May 1\n.Dt A 3\n.Sh NAME\n", "roff-manpage"),
        ("x.sql", "CREATE FUNCTION a() AS $$ BEGIN; $$ LANGUAGE plpgsql;\n", "sql"),
        ("x.yml", "openapi: '3.0'\n", "yaml"),
        ("x.h", "x" * (50 << 10) + "\nclass B;\n", "c"),  # beyond what is looked at
    ],
)
def test_where_an_extension_has_several_languages_the_text_decides(path, text, language):
    assert language_of(path, text) == language


def test_files_of_a_batch_do_not_sway_one_another():
    cases = [("x.h", "int a;"), ("y.h", "class B;"), ("x.pl", "a :- b."), ("run", "#!/bin/sh"), ("z.h", None), ("x.py", None), ("q", "")]
    paths, texts = zip(*cases, strict=True)
    whole = languages_of(pa.array(paths), pa.array(texts))
    assert whole.to_pylist() == ["c", "c++", "prolog", "shell", "c", "python", None]
    assert [language_of(path, text) for path, text in reversed(cases)] == whole.to_pylist()[::-1]


@given(st.text("#!/ \n.e-=ANvpyshon3\0é", max_size=40), st.text("ab./.hmpy1", max_size=9))
def test_any_name_and_text_get_an_answer_that_the_tables_know(text, path):
    known = {name for names in TABLES["extensions"].values() for name in names}
    known |= {name for names in [*TABLES["filenames"].values(), *TABLES["interpreters"].values()] for name in names}
    assert language_of(path, text) in known | {None}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("#!/usr/bin/env " + "--a=b " * 500_000, None),
        ("#!/usr/bin/env " + "-" * 4_000_000 + " lua", "lua"),
        ("#!/bin/sh\nexec " + "a " * 1_000_000, "shell"),
        ("#!" + " " * 4_000_000 + "sh", "shell"),
    ],
    ids=["options", "hyphens", "exec", "blanks"],
)
def test_a_first_line_of_megabytes_is_read_once(text, language):
    assert language_of("run", text) == language


def test_every_pattern_of_the_tables_compiles_and_every_language_has_its_canonical_name():
    rules = [rule for rules in TABLES["heuristics"].values() for rule in rules]
    patterns = [pattern for rule in rules for pattern in rule.get("all", []) + rule.get("none", [])]
    for pattern in [*patterns, *TABLES["vendored"], *TABLES["documentation"]]:
        assert pc.match_substring_regex(pa.array([""]), pattern).null_count == 0
    for extension, rules in TABLES["heuristics"].items():
        assert extension in TABLES["extensions"]
        assert all(canonical_language(rule["language"]) == rule["language"] for rule in rules)


@pytest.mark.parametrize(
    ("language", "canonical"),
    [
        ("HTML", "html"),
        ("roff-manpage", "roff-manpage"),
        ("Roff Manpage", "roff-manpage"),
        ("Graphviz (DOT)", "graphviz-dot"),
        ("motorola_68k_assembly", "motorola-68k-assembly"),
        ("C#", "c#"),
        ("c-sharp", "c#"),
        ("cpp", "c++"),
    ],
)
def test_the_names_of_linguist_and_of_the_stack_are_one(language, canonical):
    assert canonical_language(language) == canonical


def test_a_language_is_found_only_where_there_is_none_but_a_path():
    rows = [{"row": 0, "path": "a.py", "language": "cython"}, {"row": 1, "path": "a.py"}, {"row": 2, "text": "#!/bin/sh"}]
    batch = pa.RecordBatch.from_pylist(rows, RECORDS)
    assert with_languages(batch)["language"].to_pylist() == ["cython", "python", None]


@pytest.mark.parametrize(("given", "expected"), [(None, ["python", "shell"]), ("starlark", ["starlark", "starlark"])])
def test_a_source_reads_its_files_with_their_languages_unless_it_names_one(tmp_path, given, expected):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.py").write_text("x = 1\n")
    (tmp_path / "p" / "b").write_text("#!/bin/sh\n")
    params = SourceReadParams(path=str(tmp_path), format="tree", language=given)
    containers = list_containers("s", params, unit_bytes=1 << 20)
    salts = assign_salts([("s", container) for container in containers])
    [unit] = form_units("s", containers, unit_bytes=1 << 20, salts=salts)
    assert [language for batch in read_unit(unit, params) for language in batch["language"].to_pylist()] == expected
