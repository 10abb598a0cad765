"""One repository of the Hugging Face hub: its files, fetched when first needed and kept."""

import errno
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from perflow_demo.errors import LoadError, MissingFile
from perflow_demo.models.spec import Repository

# Told what is fetched, and how many bytes of it are here and will be.
OnFetch = Callable[[str, int, int], None]
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
ADVICE = "put it into the mirror folder (PERFLOW_MIRROR)"
RETRY = f"check the network and try again, files that are whole are kept; or {ADVICE}"


def published_names(name: str, variant: str | None) -> tuple[str, ...]:
    """The names a file may be published under, the best first: half precision halves the download.

    Only the names of weights vary.
    """
    stem, _, ending = name.rpartition(".")
    if ending != "safetensors":
        return (name,)
    return (*(f"{stem}.{word}.{ending}" for word in (variant, "fp16") if word), name)


class Hub:
    """A source (see `sources.Source`) that fetches what is not on this machine yet.

    A connection that breaks is resumed where it broke; a file is in the cache only when whole.
    What `on_fetch` raises stops the transfer.
    offline: never use the network. endpoint, cache: another hub, another folder than the usual.
    """

    def __init__(
        self,
        repository: Repository,
        offline: bool = False,
        on_fetch: OnFetch | None = None,
        endpoint: str | None = None,
        cache: Path | None = None,
    ):
        self.repository, self.offline = repository, offline
        self._on_fetch, self._endpoint, self._cache = on_fetch, endpoint, cache

    def has(self, name: str) -> bool:
        return self._cached(name) is not None

    def file(self, name: str) -> Path:
        """As in `Source`; raises LoadError where fetching fails, saying what to do."""
        return self._pinned(name) or self._cached(name) or self._fetched(name)

    def state(self, name: str) -> None:
        """What was fetched does not change."""

    def _pinned(self, name: str) -> Path | None:
        """The very variant that the catalogue names, however many others another program left."""
        best, *others = published_names(name, self.repository.variant)
        if not (others and self.repository.variant) or self.offline:
            return None
        with _explained(self.repository.name):
            return self._kept(best) or self._downloaded(best)

    def _cached(self, name: str) -> Path | None:
        names = published_names(name, self.repository.variant)
        return next(filter(None, map(self._kept, names)), None)

    def _kept(self, name: str) -> Path | None:
        path = self._known(name)
        return Path(path) if isinstance(path, str) else None

    def _known(self, name: str) -> str | object | None:
        """The file's path; the library's word for a file that the repository lacks; or None."""
        from huggingface_hub import try_to_load_from_cache

        return try_to_load_from_cache(
            self.repository.name, name, cache_dir=self._cache, revision=self.repository.revision
        )

    def _fetched(self, name: str) -> Path:
        if self.offline:
            raise MissingFile(
                f"{name} of {self.repository.name} is not on this machine and PERFLOW_OFFLINE "
                f"is set; unset it, or {ADVICE}."
            )
        with _explained(self.repository.name):
            names = published_names(name, self.repository.variant)
            paths = (self._downloaded(known) for known in names)
            path = next(filter(None, paths), None)
        if path is None:
            raise MissingFile(f"{self.repository.name} has no file {name}; {ADVICE}.")
        return path

    def _downloaded(self, name: str) -> Path | None:
        """The file, fetched; None where the repository lacks it, which is asked only once."""
        from huggingface_hub import _CACHED_NO_EXIST, constants, hf_hub_download
        from huggingface_hub.errors import RemoteEntryNotFoundError

        if self._known(name) is _CACHED_NO_EXIST:
            return None
        # hf_xet goes on to a file's end whatever its progress bar raises, and tells bytes late.
        # Source: huggingface_hub, issue 4632.
        constants.HF_HUB_DISABLE_XET = True
        try:
            path = hf_hub_download(
                self.repository.name,
                name,
                revision=self.repository.revision,
                cache_dir=self._cache,
                endpoint=self._endpoint,
                tqdm_class=_progress(f"{self.repository.name} {name}", self._on_fetch),
            )
        except RemoteEntryNotFoundError:
            return None
        return Path(path)


def _progress(title: str, on_fetch: OnFetch | None) -> type:
    """A progress bar that draws nothing and tells `on_fetch` instead, with the speed so far."""
    from tqdm import tqdm

    class Progress(tqdm):
        def __init__(self, *args, **options):
            options.pop("name", None)
            super().__init__(*args, **options | {"file": io.StringIO(), "disable": False})
            self._begun, self._there = time.monotonic(), self.n

        def update(self, count: float | None = 1) -> bool | None:
            drawn = super().update(count)
            if on_fetch and self.total:
                seconds = max(time.monotonic() - self._begun, 1e-3)
                speed = (self.n - self._there) / seconds / 1e6
                on_fetch(f"{title} at {speed:.1f} MB/s", int(self.n), int(self.total))
            return drawn

    return Progress


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """What goes wrong while files of the repository are fetched, as a sentence with advice."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise LoadError(
            f"{name} asks for consent: accept its terms on its page of the hub, then set HF_TOKEN."
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise LoadError(
            f"The hub shows no repository {name}; check the name, or set HF_TOKEN if it is private."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise LoadError(f"{name} has no such revision any more; update the program.") from error
    except (OSError, errors.HTTPError) as error:
        number = getattr(error, "errno", None)
        if number == errno.ENOSPC:
            raise LoadError(
                f"The disk is full, so {name} could not be fetched; make room, or point HF_HOME "
                "to a larger disk. Files that are whole are kept."
            ) from error
        if number in CLOSED:
            raise LoadError(
                f"The hub's folder cannot be written, so {name} could not be fetched; point "
                f"HF_HOME to one that can, or {ADVICE}."
            ) from error
        raise LoadError(f"{name} could not be fetched ({_first_line(error)}); {RETRY}.") from error


def _first_line(error: Exception) -> str:
    from huggingface_hub.errors import LocalEntryNotFoundError

    if isinstance(error, LocalEntryNotFoundError):  # of any fault before the first byte
        error = error.__cause__ or error
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
