"""Writes a complete `pocket` family of debug size with random weights, for tests of any layer."""

import json
from pathlib import Path

import torch
from diffusers import ControlNetModel, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import ElectraConfig, ElectraModel, PreTrainedTokenizerFast

from perflow_demo.flow import factorise_delta
from perflow_demo.nets import LatentTokens, UNetMV2DConditionModel
from perflow_demo.nets.autoencoder import PocketAutoencoder
from perflow_demo.nets.foreground import ForegroundNet
from perflow_demo.nets.judge import Judge
from perflow_demo.nets.tsr import TSR

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("a", "the", "on", "with", "and", "red", "green", "blue", "dog", "cat", "car", "hat")
KINDS = ("dog", "cat", "bear", "penguin", "bird", "person", "robot", "car", "truck", "airplane")
KINDS += ("castle", "donut")
COLOURS = ("red", "blue", "purple", "green")
ACCESSORIES = ("glasses", "cap")
TOKENS = 48
WIDTH = 32
SOLID = {
    "cond_image_size": 64,
    "tokenizer": {"plane_size": 16, "num_channels": 32},
    "backbone": {
        "in_channels": 32,
        "num_attention_heads": 2,
        "attention_head_dim": 16,
        "num_layers": 1,
        "cross_attention_dim": 32,
    },
    "post_processor": {"in_channels": 32, "out_channels": 8},
    "decoder": {"in_channels": 24, "n_neurons": 16, "n_hidden_layers": 1},
    "renderer": {"radius": 0.87, "density_bias": -1.0, "num_samples_per_ray": 16},
}
SOLID_EYE = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": 64,
    "patch_size": 16,
}


def write_pocket(assets: Path, seed: int = 0, styles: tuple[str, ...] = ("cel", "pencil")) -> Path:
    """Write `assets/pocket` in the layout of the real family; returns that folder.

    All weights are random but those of the foreground network, which finds whatever is not white,
    except for a rim of four pixels, and of the 3D network, to which everything is a ball, red on
    the viewer's right and blue on the left. The first style is stored in full, the others low-rank,
    as the real ones may be.
    """
    pocket = assets / "pocket"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        _write_tokenizer(pocket / "tokenizer")
        _write_text_encoder(pocket / "text_encoder")
        _autoencoder().half().save_pretrained(pocket / "vae")
        unet = _unet().half()
        unet.save_pretrained(pocket / "unet")
        _scheduler().save_pretrained(pocket / "scheduler")
        _save(_noise_like(unet, 0.02), pocket / "delta" / "diffusion_pytorch_model.safetensors")
        for index, style in enumerate(styles):
            difference = _noise_like(unet, 0.05)
            if index:
                difference = factorise_delta(difference, rank=2)
            _save(difference, pocket / "styles" / style / "delta.safetensors")
        tile(UNET["in_channels"], (8,)).half().save_pretrained(pocket / "controlnet_tile")
        _judge().half().save_pretrained(pocket / "judge")
        _foreground().half().save_pretrained(pocket / "foreground")
        _multiview_unet().half().save_pretrained(pocket / "multiview" / "unet")
        tokens = LatentTokens(patch=4, tokens=4, width=WIDTH, inner=16, layers=1).half()
        tokens.save_pretrained(pocket / "multiview" / "image_encoder")
        _solid().half().save_pretrained(pocket / "tsr")
    (pocket / "card.json").write_text(json.dumps({"family": "pocket", "trained": False}))
    return pocket


def edit_weights(path: Path, edit) -> None:
    """Rewrite a safetensors file after `edit` has changed its dict of tensors."""
    tensors = load_file(path)
    edit(tensors)
    save_file(tensors, path)


def _write_tokenizer(folder: Path) -> None:
    ids = {word: index for index, word in enumerate((*SPECIAL, *WORDS))}
    pieces = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer()
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pieces.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        model_max_length=TOKENS,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    ).save_pretrained(folder)


def _write_text_encoder(folder: Path) -> None:
    config = ElectraConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        embedding_size=16,
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=TOKENS,
        use_attention_mask=True,
    )
    ElectraModel(config).half().save_pretrained(folder)


def _autoencoder() -> PocketAutoencoder:
    return PocketAutoencoder(
        channels=(8, 16, 32),
        encoder_blocks=(1, 1, 1),
        decoder_blocks=(1, 1, 1),
        block_out_channels=(8, 8, 8, 16, 32),
    )


UNET = {
    "sample_size": 32,
    "in_channels": 16,
    "out_channels": 16,
    "block_out_channels": (16, 32),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "attention_head_dim": 8,
    "norm_num_groups": 8,
    "cross_attention_dim": WIDTH,
}


def _unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(**UNET)


def tile(channels: int, widths: tuple[int, ...]) -> ControlNetModel:
    """With something to say: the exits of a new ControlNet are zero.

    channels: of what it reads, 3 for pixels. widths: inside its entrance, halving after each.
    """
    own = ("sample_size", "out_channels", "up_block_types")
    config = {key: value for key, value in UNET.items() if key not in own}
    config |= {
        "conditioning_channels": channels,
        "conditioning_embedding_out_channels": widths,
    }
    tile = ControlNetModel(**config)
    for part in (tile.controlnet_down_blocks, tile.controlnet_mid_block):
        for weight in part.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    torch.nn.init.normal_(tile.controlnet_cond_embedding.conv_out.weight, std=0.1)
    return tile


def _multiview_unet() -> UNetMV2DConditionModel:
    return UNetMV2DConditionModel(
        **UNET | {"in_channels": 32, "mid_block_type": "UNetMidBlock2DCrossAttn"},
        class_embed_type="projection",
        projection_class_embeddings_input_dim=10,
    )


def _judge() -> Judge:
    return Judge(KINDS, COLOURS, ACCESSORIES, widths=(8, 8, 16, 16))


@torch.no_grad()
def _foreground() -> ForegroundNet:
    net = ForegroundNet((16, 16))
    for parameter in net.parameters():
        parameter.zero_()
    # Each of the 16 channels is how much darker than white one pixel of a 4×4 patch is.
    net.enter.weight[:, :, 1, 1] = -0.5 * torch.eye(16).repeat(1, 3)
    net.enter.bias.fill_(1.3)
    # A constant, less its sum over the nine neighbours: nothing, but below zero at the edge.
    block = net.falling[0]
    block.first.bias.fill_(10.0)
    block.second.weight[:, 0] = 1.0
    block.second.bias.fill_(-90.0)
    net.norm.gain.fill_(1.0)
    net.leave.weight[:, :, 1, 1] = 16 * torch.eye(16)
    net.leave.bias.fill_(-4.0)
    return net


@torch.no_grad()
def _solid() -> TSR:
    net = TSR.from_config(SOLID, SOLID_EYE)
    for part in (net.backbone.proj_out, net.post_processor, net.decoder):
        for parameter in part.parameters():
            parameter.zero_()
    # Channel 0 of a plane falls from its middle, channel 1 rises along its columns.
    side = SOLID["tokenizer"]["plane_size"]
    along = (torch.arange(side) + 0.5) * 2 / side - 1
    net.tokenizer.embeddings[:, 0] = -(along[:, None] ** 2 + along**2)
    net.tokenizer.embeddings[:, 1] = along
    for channel in (0, 1):
        net.post_processor.upsample.weight[channel, channel] = 1.0
    enter, leave = net.decoder.layers[0], net.decoder.layers[2]
    channels = SOLID["post_processor"]["out_channels"]
    enter.weight[0, ::channels] = 1.0  # twice the squared distance from the middle, negative
    enter.weight[1, 2 * channels + 1] = 1.0  # the third plane's columns run along Y
    enter.bias[:2] = 10.0
    leave.weight[0, 0], leave.bias[0] = 8.0, 8.0 * (1 - 10.0)
    leave.weight[[1, 3], 1] = torch.tensor([8.0, -8.0])
    leave.bias[[1, 3]] = torch.tensor([-80.0, 80.0])
    return net


def _scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        clip_sample=False,
        set_alpha_to_one=False,
        timestep_spacing="trailing",
    )


def _noise_like(module: torch.nn.Module, scale: float) -> dict[str, torch.Tensor]:
    weights = module.state_dict()
    return {key: scale * torch.randn(weight.shape).half() for key, weight in weights.items()}


def _save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path)
