"""One call of the multiview UNet against the same weights applied to one view after the other."""

import copy

import torch
from diffusers.models.attention import FeedForward
from diffusers.models.attention_processor import Attention
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor, nn

from perflow_demo.evaluation import timing
from perflow_demo.evaluation.report import Report
from perflow_demo.nets.multiview import DomainAttention, UNetMV2DConditionModel, ViewAttention

# The widths of the embedded family; latents of 16×16 are its pictures of 256 px.
WIDTHS, SIDE = (64, 128, 224), 16
EVERY_VIEW_ALONE = (ResnetBlock2D, FeedForward, Attention, Downsample2D, Upsample2D)


def measure(rounds: int, widths: tuple[int, ...] = WIDTHS, side: int = SIDE) -> Report:
    """One row a way: seconds of a call for twelve rows of random weights.

    ratio, cpu_ratio: to the loop over views. difference: the largest between the two outputs.
    """
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = _unet(widths)
        rows = torch.randn(12, 32, side, side), 500, torch.randn(12, 1, 256), torch.randn(12, 10)
    looped = view_by_view(unet)
    with torch.inference_mode():
        difference = (unet(*rows).sample - looped(*rows).sample).abs().max().item()
        ways = {"view by view": lambda: looped(*rows), "at once": lambda: unet(*rows)}
        made = timing.rows(timing.in_turns(ways, rounds))
    made = [row | {"difference": difference} for row in made]
    return Report({f"multiview UNet, 12 latents of {side}×{side}": made})


def view_by_view(unet: UNetMV2DConditionModel) -> UNetMV2DConditionModel:
    """A copy that loops over the rows in every block, as one would write it down first."""
    unet = copy.deepcopy(unet)
    for module in unet.modules():
        if isinstance(module, ViewAttention | DomainAttention):
            _loop_over_queries(module)
        elif isinstance(module, EVERY_VIEW_ALONE):
            _loop_over_rows(module)
    return unet


def _loop_over_rows(module: nn.Module) -> None:
    whole = module.forward

    def forward(*inputs: Tensor | None) -> Tensor:
        rows = zip(*(x.split(1) for x in inputs if x is not None), strict=True)
        return torch.cat([whole(*row) for row in rows])

    module.forward = forward


def _loop_over_queries(module: ViewAttention | DomainAttention) -> None:
    def forward(hidden_states: Tensor, num_views: int | None = None) -> Tensor:
        if num_views:
            groups = hidden_states.unflatten(0, (-1, num_views)).flatten(1, 2)
            seen = groups.repeat_interleave(num_views, dim=0)
        else:
            seen = torch.cat(hidden_states.chunk(2), dim=1).repeat(2, 1, 1)
        rows = zip(hidden_states.split(1), seen.split(1), strict=True)
        return torch.cat([Attention.forward(module, *row) for row in rows])

    module.forward = forward


def _unet(widths: tuple[int, ...]) -> UNetMV2DConditionModel:
    attending = len(widths) - 1
    unet = UNetMV2DConditionModel(
        in_channels=32,
        out_channels=16,
        block_out_channels=widths,
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=256,
        attention_head_dim=tuple(width // 32 for width in widths),
        down_block_types=("DownBlock2D", *["CrossAttnDownBlockMV2D"] * attending),
        up_block_types=(*["CrossAttnUpBlockMV2D"] * attending, "UpBlock2D"),
        class_embed_type="projection",
        projection_class_embeddings_input_dim=10,
    )
    for module in unet.modules():
        if isinstance(module, DomainAttention):  # at zero it would hide a difference
            nn.init.normal_(module.to_out[0].weight, std=0.02)
    return unet.eval()
