"""UNetMV2DConditionModel: six views in two domains, denoised together (arXiv 2310.15008)."""

from __future__ import annotations

import torch
from diffusers import Transformer2DModel, UNet2DConditionModel
from diffusers.configuration_utils import ConfigMixin
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.unets.unet_2d_condition import UNet2DConditionOutput
from torch import Tensor, nn

DOMAINS = 2
# Switches of the reference that this network knows in one position only.
FIXED = {
    "multiview_attention": True,
    "cd_attention_mid": True,
    "cd_attention_last": False,
    "sparse_mv_attention": False,
    "mvcd_attention": False,
    "only_cross_attention": False,
    "dual_cross_attention": False,
}


class UNetMV2DConditionModel(UNet2DConditionModel):
    """diffusers' UNet whose transformers attend across views and between normals and colours.

    Rows of a batch are ordered domain (normals, colours), object, view, from slow to fast.
    num_views: views of one object. down_block_types, mid_block_type, up_block_types: the
    reference's names ("CrossAttnDownBlockMV2D") or diffusers' own, which mean the same here.
    config: all other parameters of UNet2DConditionModel, and the reference's switches in `FIXED`;
    raises ValueError for another position of one. Keys of the state dict are the reference's.
    """

    def __init__(
        self,
        num_views: int = 6,
        down_block_types: tuple[str, ...] = (*["CrossAttnDownBlockMV2D"] * 3, "DownBlock2D"),
        mid_block_type: str | None = "UNetMidBlockMV2DCrossAttn",
        up_block_types: tuple[str, ...] = ("UpBlock2D", *["CrossAttnUpBlockMV2D"] * 3),
        **config,
    ) -> None:
        for name, position in FIXED.items():
            if config.pop(name, position) != position:
                raise ValueError(f"{name} has to be {position} in a UNetMV2DConditionModel")
        super().__init__(
            down_block_types=tuple(map(_stock, down_block_types)),
            mid_block_type=mid_block_type and _stock(mid_block_type),
            up_block_types=tuple(map(_stock, up_block_types)),
            **config,
        )
        self.register_to_config(
            num_views=num_views,
            down_block_types=down_block_types,
            mid_block_type=mid_block_type,
            up_block_types=up_block_types,
            **FIXED,
        )
        transformers = [m for m in self.modules() if isinstance(m, Transformer2DModel)]
        for transformer in transformers:
            blocks = transformer.transformer_blocks
            transformer.transformer_blocks = nn.ModuleList(
                MultiviewBlock(block) for block in blocks
            )

    @staticmethod
    def _get_init_keys(input_class: type) -> set[str]:
        # What from_config hands on; by default only the names in the signature above.
        keys = ConfigMixin._get_init_keys(input_class) - {"config"}
        return keys | ConfigMixin._get_init_keys(UNet2DConditionModel) | FIXED.keys()

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | float | int,
        encoder_hidden_states: Tensor,
        class_labels: Tensor | None = None,
        return_dict: bool = True,
        num_views: int | None = None,
    ) -> UNet2DConditionOutput | tuple[Tensor]:
        """What the network predicts for every row, B out_channels h w.

        sample: B in_channels h w, noisy latents before image latents. timestep: one, or B of them.
        encoder_hidden_states: B L D, tokens of the input image. class_labels: B 10, the rows of
        `geometry.views`. num_views: of one object, where they are not those of the configuration.
        Raises ValueError unless B is a multiple of 2·num_views.
        """
        num_views = num_views or self.config.num_views
        together = DOMAINS * num_views
        if len(sample) % together:
            raise ValueError(f"rows come in multiples of {together}, got {len(sample)}")
        return super().forward(
            sample,
            timestep,
            encoder_hidden_states,
            class_labels=class_labels,
            cross_attention_kwargs={"num_views": num_views},
            return_dict=return_dict,
        )


class MultiviewBlock(nn.Module):
    """diffusers' transformer block, its parts taken over, with a joint attention in the middle.

    The joint attention is new and starts at zero, so that a block fresh from a trained network
    treats the two domains apart.
    """

    def __init__(self, block: BasicTransformerBlock) -> None:
        super().__init__()
        width = block.dim
        options = dict(
            heads=block.num_attention_heads,
            dim_head=block.attention_head_dim,
            dropout=block.dropout,
            bias=block.attention_bias,
            upcast_attention=block.attn1.upcast_attention,
        )
        self.norm1, self.attn1 = block.norm1, ViewAttention(width, **options)
        self.norm_joint_mid = nn.LayerNorm(width)
        self.attn_joint_mid = DomainAttention(width, **options)
        self.norm2, self.attn2 = block.norm2, block.attn2
        self.norm3, self.ff = block.norm3, block.ff
        nn.init.zeros_(self.attn_joint_mid.to_out[0].weight)
        nn.init.zeros_(self.attn_joint_mid.to_out[0].bias)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: None,
        encoder_hidden_states: Tensor,
        encoder_attention_mask: None,
        timestep: None,
        cross_attention_kwargs: dict[str, int],
        *unused: object,
        **unused_by_name: object,
    ) -> Tensor:
        """B S C → B S C, from the tokens and num_views of what Transformer2DModel hands a block."""
        x = hidden_states
        x = x + self.attn1(self.norm1(x), **cross_attention_kwargs)
        x = x + self.attn_joint_mid(self.norm_joint_mid(x))
        x = x + self.attn2(self.norm2(x), encoder_hidden_states)
        return x + self.ff(self.norm3(x))


class ViewAttention(Attention):
    """Self-attention of all views of one object and domain, as one sequence."""

    def forward(self, hidden_states: Tensor, num_views: int) -> Tensor:
        """B S C → B S C, each row from num_views neighbouring rows."""
        sequences = hidden_states.unflatten(0, (-1, num_views)).flatten(1, 2)
        return super().forward(sequences).reshape(hidden_states.shape)


class DomainAttention(Attention):
    """Self-attention of the two domains of one view, as one sequence."""

    def forward(self, hidden_states: Tensor) -> Tensor:
        """B S C → B S C, each row from itself and its twin half a batch away."""
        sequences = torch.cat(hidden_states.chunk(DOMAINS), dim=1)
        return torch.cat(super().forward(sequences).chunk(DOMAINS, dim=1))


def _stock(block_type: str) -> str:
    return block_type.replace("MV2D", "2D")
