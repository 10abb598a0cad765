"""The multiview UNet against the reference: names, shapes, numbers, and what its rows may see."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from perflow_demo.flow import apply_delta
from perflow_demo.nets import UNetMV2DConditionModel

GOLDEN = Path(__file__).parents[1] / "golden"
CONFIG = json.loads((GOLDEN / "d_unet.json").read_text())["config"]
FORWARD = load_file(GOLDEN / "d_unet_forward.safetensors")
INPUTS = ("sample", "timestep", "encoder_hidden_states", "class_labels")
ROWS = "one_object/activation_rows_0_5_6_11/"


@pytest.fixture(scope="module")
def unet():
    model = UNetMV2DConditionModel.from_config(CONFIG)
    weights = load_file(GOLDEN / "d_unet.safetensors")
    model.load_state_dict({key: value.float() for key, value in weights.items()}, strict=True)
    return model.eval().requires_grad_(False)


def inputs(case="one_object"):
    return {name: FORWARD[f"{case}/{name}"] for name in INPUTS}


def assert_golden(found, reference):
    assert found.shape == reference.shape
    assert ((found - reference).abs() / (1 + reference.abs())).max() <= 1e-4


@pytest.mark.parametrize("case", ["one_object", "one_object_three_tokens"])
def test_golden_forward(unet, case):
    assert_golden(unet(**inputs(case)).sample, FORWARD[f"{case}/output"])


def test_golden_activations(unet):
    seen = {}
    names = [key.removeprefix(ROWS) for key in FORWARD if key.startswith(ROWS)]
    hooks = [
        unet.get_submodule(name).register_forward_hook(
            lambda _, __, output, name=name: seen.__setitem__(name, output)
        )
        for name in names
    ]
    unet(**inputs())
    for hook in hooks:
        hook.remove()
    assert len(names) == 16
    for name in names:
        output = seen[name][0] if isinstance(seen[name], tuple) else seen[name]
        assert_golden(output[[0, 5, 6, 11]], FORWARD[ROWS + name])


def test_the_full_size_has_the_references_keys_and_shapes():
    manifest = json.loads((GOLDEN / "d_full_unet_keys.json").read_text())
    with torch.device("meta"):
        model = UNetMV2DConditionModel.from_config(manifest["config"])
    shapes = {key: list(value.shape) for key, value in model.state_dict().items()}
    assert shapes == manifest["keys"]
    assert sum(p.numel() for p in model.parameters()) == manifest["number_of_parameters"]


def test_without_a_configuration_it_is_the_full_size():
    with torch.device("meta"):
        model = UNetMV2DConditionModel(
            in_channels=8,
            cross_attention_dim=768,
            class_embed_type="projection",
            projection_class_embeddings_input_dim=10,
        )
    manifest = json.loads((GOLDEN / "d_full_unet_keys.json").read_text())
    assert {key: list(v.shape) for key, v in model.state_dict().items()} == manifest["keys"]


def test_configuration_and_weights_survive_a_save(unet, tmp_path):
    unet.save_pretrained(tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text())
    assert {key: stored[key] for key in CONFIG} == CONFIG
    again = UNetMV2DConditionModel.from_pretrained(tmp_path)
    assert torch.equal(again(**inputs()).sample, unet(**inputs()).sample)


@pytest.mark.parametrize(
    "switch",
    [{"cd_attention_mid": False}, {"mvcd_attention": True}, {"only_cross_attention": True}],
)
def test_another_kind_of_network_is_refused(switch):
    with pytest.raises(ValueError, match=next(iter(switch))):
        UNetMV2DConditionModel.from_config(CONFIG | switch)


def test_rows_that_make_no_object_are_refused(unet):
    rows = {key: value[:6] if value.ndim else value for key, value in inputs().items()}
    with pytest.raises(ValueError, match="multiples of 12, got 6"):
        unet(**rows)


def test_objects_of_a_batch_do_not_see_each_other(unet):
    one = inputs()
    other = one | {"sample": one["sample"].flip(0), "class_labels": one["class_labels"]}
    both = {
        key: torch.stack([one[key], other[key]]).unflatten(1, (2, 6)).transpose(0, 1).flatten(0, 2)
        for key in INPUTS
        if key != "timestep"
    }
    output = unet(timestep=one["timestep"], **both).sample.unflatten(0, (2, 2, 6))
    for index, alone in enumerate((one, other)):
        expected = unet(**alone).sample.unflatten(0, (2, 6))
        torch.testing.assert_close(output[:, index], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("module", "num_views", "reached"),
    [("attn1", [6], [0, 1, 2, 3, 4, 5]), ("attn1", [2], [2, 3]), ("attn_joint_mid", [], [2, 8])],
)
def test_what_a_row_reaches(unet, module, num_views, reached):
    """View 2's normals reach the normals of all views, and the colours of view 2."""
    attention = unet.get_submodule(f"mid_block.attentions.0.transformer_blocks.0.{module}")
    before = torch.randn(12, 4, 64, generator=torch.Generator().manual_seed(0))
    after = before.clone()
    after[2] += 1
    change = attention(after, *num_views) - attention(before, *num_views)
    moved = change.abs().amax((1, 2)) > 1e-6
    assert moved.nonzero().flatten().tolist() == reached


def test_attention_kernels_may_be_exchanged(unet):
    expected = unet(**inputs()).sample
    unet.set_default_attn_processor()
    torch.testing.assert_close(unet(**inputs()).sample, expected, rtol=1e-4, atol=1e-4)


def test_fresh_joint_attention_changes_nothing():
    torch.manual_seed(0)
    model = UNetMV2DConditionModel.from_config(CONFIG).eval()
    rows = inputs()
    before = model(**rows).sample
    rows["sample"] = rows["sample"].clone()
    rows["sample"][6:] = 0
    assert torch.equal(model(**rows).sample[:6], before[:6])


def test_gradient_checkpointing_gives_the_same_gradients():
    torch.manual_seed(0)
    model = UNetMV2DConditionModel.from_config(CONFIG)
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            model.enable_gradient_checkpointing()
        model.zero_grad()
        model(**inputs()).sample.square().mean().backward()
        gradients.append(model.conv_in.weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_a_text_to_image_delta_merges_leniently():
    merges = load_file(GOLDEN / "c_merge.safetensors")
    meta = json.loads((GOLDEN / "c_merge.json").read_text())

    def group(name):
        prefix = f"{name}/"
        return {k.removeprefix(prefix): v for k, v in merges.items() if k.startswith(prefix)}

    model = UNetMV2DConditionModel.from_config(CONFIG | meta["common_config"])
    model.load_state_dict(group("mv_base_fp32"), strict=True)
    report = apply_delta(model, group("delta_fp32"), strict=False)
    merged = model.state_dict()
    for key, reference in group("mv_merged_fp32").items():
        torch.testing.assert_close(merged[key], reference, rtol=0, atol=1e-6)
    assert list(report.shape_adapted) == meta["mv_keys_kept_because_of_shape"]
    assert sorted(report.kept) == sorted(meta["mv_keys_kept_because_absent_from_delta"])
    assert "conv_in.bias" in report.merged
