"""Imports go one way: a module imports from lower layers and from its own."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("pipeline", "mixtures", "tokenization", "trainer")

# From low to high. A name stands for its module, or for all that is in its package, except for what has a line of its own.
LAYERS = (
    "pipeline.errors pipeline.params pipeline.hashing pipeline.kernels pipeline.schema",
    "pipeline.storage pipeline.units pipeline.shards pipeline.records pipeline.manifest pipeline.laws",
    "pipeline.readers pipeline.curation pipeline.dedup pipeline.packing mixtures tokenization trainer.config",
    "pipeline.config",
    "pipeline.jobs pipeline.report pipeline.survey pipeline.classifier",
    "trainer",
    "pipeline.cli",
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer.split()}

# The trainer runs where nothing but the base and its own extra is installed.
TRAINER_USES = {"pipeline.errors", "pipeline.params", "pipeline.hashing", "pipeline.schema", "pipeline.storage", "pipeline.records"}
TRAINER_USES |= {"pipeline.manifest", "pipeline.config", "tokenization", "trainer", "trainer.config"}

# Which of our packages may import what only one kind of host has installed.
HOSTS = {"apache_beam": "pipeline.jobs", "jax": "trainer", "jaxlib": "trainer", "grain": "trainer", "optax": "trainer", "orbax": "trainer"}

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def imports(module: str) -> Iterator[tuple[int, str]]:
    """The line and the module of every import, those inside functions too."""
    package = module if FILES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, [above, node.module]))
            names = (f"{origin}.{alias.name}" for alias in node.names)
            yield from ((node.lineno, name if name in FILES else origin) for name in names)


def part(module: str) -> str | None:
    """The entry of LAYERS that a module falls under."""
    names = module.split(".")
    return next((name for name in (".".join(names[:length]) for length in range(len(names), 0, -1)) if name in RANK), None)


def inside(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def our_imports(module: str) -> Iterator[tuple[str, str]]:
    for line, imported in imports(module):
        if imported in FILES and imported not in PACKAGES:
            yield f"{FILES[module].relative_to(ROOT)}:{line}", imported


@pytest.mark.parametrize("module", sorted(FILES.keys() - set(PACKAGES)))
def test_a_module_imports_from_its_own_layer_and_those_below(module: str) -> None:
    own = part(module)
    assert own is not None, f"{module} has no layer: give it one in tests/test_layers.py"
    for place, imported in our_imports(module):
        other = part(imported)
        assert other is not None, f"{place} imports {imported}, which has no layer: give it one in tests/test_layers.py"
        assert RANK[other] <= RANK[own], f"{place}: {module} imports {imported}, which stands in a higher layer"


@pytest.mark.parametrize("module", sorted(module for module in FILES if inside(module, "trainer")))
def test_the_trainer_uses_little_of_the_pipeline(module: str) -> None:
    for place, imported in our_imports(module):
        assert part(imported) in TRAINER_USES, f"{place}: the trainer does not use {imported}"


def test_the_config_of_the_trainer_imports_nothing_but_params() -> None:
    assert {imported for _, imported in our_imports("trainer.config")} <= {"pipeline.params", "pipeline.errors"}


@pytest.mark.parametrize("module", sorted(FILES))
def test_what_one_kind_of_host_lacks_is_imported_in_one_package_alone(module: str) -> None:
    for line, imported in imports(module):
        package = HOSTS.get(imported.split(".")[0])
        assert package is None or inside(module, package), f"{FILES[module].relative_to(ROOT)}:{line}: only {package} imports {imported}"


def test_the_command_line_starts_without_heavy_imports() -> None:
    heavy = "{'apache_beam', 'grain', 'jax', 'numba', 'numpy', 'pyarrow', 'pydantic', 'sentencepiece'}"
    program = f"import sys, pipeline.cli; print(*sorted({heavy} & sys.modules.keys()))"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []
