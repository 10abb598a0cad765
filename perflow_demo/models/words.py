"""What reads a prompt: tokenizers and text encoders, from their files."""

from pathlib import Path, PurePosixPath

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    PreTrainedTokenizerFast,
)

from perflow_demo.errors import LoadError, MissingFile
from perflow_demo.models.loaders import ADVICE, BytesRead, fill, read_json
from perflow_demo.models.sources import Source
from perflow_demo.models.spec import Component
from perflow_demo.models.stored import place

# CLIP's text towers, by the name their configuration carries; SDXL's second has the projection.
TEXT_TOWERS = {
    "CLIPTextModel": CLIPTextModel,
    "CLIPTextModelWithProjection": CLIPTextModelWithProjection,
}


def load_text_encoder(
    component: Component, source: Source, dtype: torch.dtype, read: BytesRead | None = None
) -> torch.nn.Module:
    """A transformers text encoder; otherwise like `loaders.load_network`."""
    path = source.file(component.config)
    config = read_json(path)
    tower = TEXT_TOWERS.get(next(iter(config.get("architectures") or ()), None))
    try:
        if tower:
            module = tower(CLIPTextConfig.from_dict(config))
        else:
            # transformers would make a stored dtype that of all threads while it builds.
            stored = ("dtype", "torch_dtype")
            config = AutoConfig.for_model(**{k: v for k, v in config.items() if k not in stored})
            module = AutoModel.from_config(config, trust_remote_code=False)
    except (KeyError, TypeError, ValueError) as error:
        raise LoadError(f"{place(path)} describes no text encoder known here; {ADVICE}.") from error
    # Files name the tower that this class of transformers 5 is the whole of.
    prefix = "text_model." if tower is CLIPTextModel else ""
    return fill(module, source.file(component.weights), dtype, read, prefix)


def load_tokenizer(
    component: Component, source: Source, read: BytesRead | None = None
) -> PreTrainedTokenizerFast | CLIPTokenizer:
    """A fast tokenizer, of one file or of CLIP's two; LoadError for a missing or damaged file."""
    config, vocabulary = source.file(component.config), source.file(component.weights)
    settings = read_json(config)
    words = read_json(vocabulary)
    merges = [source.file(name) for name in component.more]
    try:
        if merges:
            settings |= _special_tokens(component, source)
            tokenizer = _clip_tokenizer(settings, words, merges[0])
        else:
            tokenizer = PreTrainedTokenizerFast.from_pretrained(
                config.parent, local_files_only=True
            )
    except Exception as error:  # the tokenizers library raises no narrower class
        raise LoadError(f"{place(vocabulary)} describes no tokenizer; {ADVICE}.") from error
    if read:
        read(vocabulary.stat().st_size)
    return tokenizer


def _special_tokens(component: Component, source: Source) -> dict:
    """What the file of special tokens says, where there is one: it alone has SD 2's padding."""
    name = PurePosixPath(component.config).with_name("special_tokens_map.json")
    try:
        return read_json(source.file(str(name)))
    except MissingFile:
        return {}


def _clip_tokenizer(settings: dict, words: dict, merges: Path) -> CLIPTokenizer:
    names = ("unk_token", "bos_token", "eos_token", "pad_token")
    # Files of different years write a token as text or as a table that has it.
    given = {name: settings[name] for name in names if settings.get(name)}
    special = {n: t["content"] if isinstance(t, dict) else t for n, t in given.items()}
    lines = merges.read_text(encoding="utf-8").splitlines()
    pairs = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    length = int(settings.get("model_max_length", 77))
    return CLIPTokenizer(vocab=words, merges=pairs, model_max_length=length, **special)
