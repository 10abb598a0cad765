"""A checkpoint in one safetensors file, as they are shared, read like a folder of diffusers."""

import json
from pathlib import Path

from perflow_demo.errors import LoadError
from perflow_demo.models import layouts
from perflow_demo.models.conversion import place_of, written
from perflow_demo.models.sources import Folder, Source, State, state_of
from perflow_demo.models.stable_diffusion import SD15

TEXT = "cond_stage_model.transformer."
CONFIGS = {
    SD15.unet.config: layouts.SD15_UNET,
    SD15.vae.config: layouts.VAE,
    SD15.text_encoder.config: layouts.SD15_TEXT,
    SD15.scheduler.config: layouts.SCHEDULE,
}


class SingleFile:
    """A source (see `sources.Source`) over one file of Stable Diffusion 1.5, converted when needed.

    words: a source with the tokenizer's files, which such a checkpoint does not hold.
    configs: of the networks in the file. cache: folder that what was converted is kept in, instead
    of the usual one.
    """

    def __init__(
        self, path: Path, words: Source, configs: dict = CONFIGS, cache: Path | None = None
    ):
        self.path, self._words, self._configs, self._cache = path, words, configs, cache

    def has(self, name: str) -> bool:
        return not name.startswith("tokenizer") or self._words.has(name)

    def file(self, name: str) -> Path:
        """As in `Source`; raises LoadError for a file that holds no such checkpoint."""
        if name.startswith("tokenizer"):
            return self._words.file(name)
        folder = place_of(self.path, self._cache)
        if not folder.is_dir():
            self._convert(folder)
        return Folder(folder).file(name)

    def state(self, name: str) -> State | None:
        return self._words.state(name) if name.startswith("tokenizer") else state_of(self.path)

    def _convert(self, folder: Path) -> None:
        from safetensors.torch import save_file

        with written(self.path, folder) as part:
            for name, config in self._configs.items():
                (part / name).parent.mkdir(parents=True)
                (part / name).write_text(json.dumps(config))
            for name, weights in self._weights(part).items():
                save_file(weights, part / name)

    def _weights(self, folder: Path) -> dict[str, dict]:
        """The networks' weights in diffusers' names; folder: where their configurations are."""
        from diffusers import AutoencoderKL, UNet2DConditionModel
        from diffusers.loaders.single_file_utils import SingleFileComponentError
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        faults = (SafetensorError, SingleFileComponentError, KeyError, ValueError, RuntimeError)
        try:
            checkpoint = load_file(self.path)
            unet, vae = (
                kind.from_single_file(dict(checkpoint), config=str(folder), subfolder=name)
                for kind, name in ((UNet2DConditionModel, "unet"), (AutoencoderKL, "vae"))
            )
        except faults as error:
            raise LoadError(
                f"{self.path.name} is no checkpoint of Stable Diffusion 1.5 ({error}); choose a "
                "file that holds UNet, autoencoder and text encoder of that base."
            ) from error
        text = {k.removeprefix(TEXT): w for k, w in checkpoint.items() if k.startswith(TEXT)}
        return {
            SD15.unet.weights: unet.state_dict(),
            SD15.vae.weights: vae.state_dict(),
            SD15.text_encoder.weights: text,
        }
