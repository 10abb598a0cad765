"""Where a model's files come from: the assets folder, a mirror folder, or the hub."""

from pathlib import Path
from typing import Protocol

from perflow_demo.errors import MissingFile
from perflow_demo.models.hub import Hub, OnFetch, published_names
from perflow_demo.models.spec import Family, Model, MultiviewFamily, Repository
from perflow_demo.settings import Settings

# When a file was last written, in nanoseconds, and its bytes.
State = tuple[int, int]


def state_of(path: Path | None) -> State | None:
    """The state of a file that somebody may replace; None for no file."""
    if path is None:
        return None
    found = path.stat()
    return found.st_mtime_ns, found.st_size


class Source(Protocol):
    """Turns the name of a file inside one family into a file on this machine.

    A source may have to fetch the file first, so ask for files one by one and only when needed.
    """

    def has(self, name: str) -> bool:
        """Whether the file is on this machine; fetches nothing."""

    def file(self, name: str) -> Path:
        """Path of the file on this machine; raises MissingFile where the family has none."""

    def state(self, name: str) -> State | None:
        """What tells a file that was replaced; None for one that is not there or does not change.

        Fetches nothing.
        """


class Folder:
    """A family that lies complete in a folder of this machine, such as `assets/pocket`.

    variant: as in `Repository`, for a folder that mirrors one.
    """

    advice = (
        "restore it from the project's repository, or point PERFLOW_ASSETS to a complete copy of "
        "the assets folder"
    )

    def __init__(self, root: Path, variant: str | None = None):
        self.root, self.variant = root, variant

    def has(self, name: str) -> bool:
        return self._found(name) is not None

    def file(self, name: str) -> Path:
        path = self._found(name)
        if path is None:
            raise MissingFile(f"{self.root.name}/{name} is missing; {self.advice}.")
        return path

    def state(self, name: str) -> State | None:
        return state_of(self._found(name))

    def _found(self, name: str) -> Path | None:
        paths = (self.root / known for known in published_names(name, self.variant))
        return next(filter(Path.is_file, paths), None)


class Mirror(Folder):
    """A repository's files in the mirror folder."""

    advice = "copy it there from the hub, or unset PERFLOW_MIRROR to have it fetched"


def source_of(model: Model, settings: Settings, on_fetch: OnFetch | None = None) -> Source:
    """Where this model's files come from; on_fetch: told of files as they are fetched."""
    own = settings.assets / model.folder
    if own.suffix == ".safetensors":
        from perflow_demo.models.single_file import SingleFile
        from perflow_demo.models.stable_diffusion import SD15

        return SingleFile(own, source_of(SD15, settings, on_fetch))
    if model.repository is None or own.is_dir():
        return Folder(own)
    return published(model.repository, settings, on_fetch)


def delta_source_of(
    family: Family | MultiviewFamily, settings: Settings, on_fetch: OnFetch | None = None
) -> Source:
    """Where the family's ΔW comes from, which may be published by itself."""
    if family.delta_repository is None:
        return source_of(family, settings, on_fetch)
    return published(family.delta_repository, settings, on_fetch)


def published(
    repository: Repository, settings: Settings, on_fetch: OnFetch | None = None
) -> Source:
    """A repository's files: those of the mirror folder where it has any, else the hub's."""
    if settings.mirror and (settings.mirror / repository.name).is_dir():
        return Mirror(settings.mirror / repository.name, repository.variant)
    return Hub(repository, settings.offline, on_fetch)
