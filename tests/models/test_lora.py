"""A LoRA changes the UNet by weight · alpha / rank · up · down, in whatever form it is shared."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from perflow_demo.errors import BadRequest, LoadError
from perflow_demo.models.lora import find_lora, parse_loras
from perflow_demo.registry import Registry
from perflow_demo.settings import Settings
from perflow_demo.tasks.text_to_image import TextToImageRequest, run

QUERY = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
CONV = "down_blocks.0.resnets.0.conv1"
RANK, ALPHA = 2, 1.0


@pytest.fixture
def base(assets):
    return load_file(assets / "pocket/unet/diffusion_pytorch_model.safetensors")


@pytest.fixture
def settings(assets, tmp_path):
    (tmp_path / "loras").mkdir()
    return Settings(assets=assets, device="cpu", checkpoints=tmp_path)


def factors(base, module):
    out, *inputs = base[f"{module}.weight"].shape
    generator = torch.Generator().manual_seed(0)
    up = torch.randn(out, RANK, *([1, 1] if len(inputs) == 3 else []), generator=generator)
    return up, torch.randn(RANK, *inputs, generator=generator)


def kohya(base):
    tensors = {"lora_te_text_model_encoder_layers_0_self_attn_q_proj.alpha": torch.tensor(1.0)}
    words = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
    tensors |= {f"{words}.lora_up.weight": torch.ones(4, 2), f"{words}.alpha": torch.tensor(2.0)}
    tensors[f"{words}.lora_down.weight"] = torch.ones(2, 4)
    for module in (QUERY, CONV):
        name = f"lora_unet_{module.replace('.', '_')}"
        up, down = factors(base, module)
        tensors |= {f"{name}.lora_up.weight": up, f"{name}.lora_down.weight": down}
        tensors[f"{name}.alpha"] = torch.tensor(ALPHA)
    return tensors, ALPHA / RANK


def peft(base):
    tensors = {}
    for module in (QUERY, CONV):
        up, down = factors(base, module)
        tensors |= {f"unet.{module}.lora_A.weight": down, f"unet.{module}.lora_B.weight": up}
    return tensors, 1.0


def with_alpha_in_its_header(base):
    """As diffusers writes it today; alpha stands once for the whole file."""
    return peft(base)[0], 3.0 / RANK


def counted_as_sdxl_was(base):
    """kohya's, with blocks counted by one number as in the first code of SDXL."""
    tensors, scale = kohya(base)
    own = f"lora_unet_{QUERY.replace('.', '_')}"
    first = "lora_unet_input_blocks_3_1_transformer_blocks_0_attn1_to_q"
    return {k.replace(own, first): t for k, t in tensors.items() if "resnets" not in k}, scale


HEADERS = {with_alpha_in_its_header: {"lora_adapter_metadata": '{"unet.lora_alpha": 3.0}'}}


@pytest.mark.parametrize("form", [kohya, peft, with_alpha_in_its_header, counted_as_sdxl_was])
def test_each_form_changes_its_weights_and_no_others(settings, base, form):
    tensors, scale = form(base)
    changed = {f"{QUERY}.weight", f"{CONV}.weight"}
    changed -= {f"{CONV}.weight"} if form is counted_as_sdxl_was else set()
    save_file(tensors, settings.checkpoints / "loras/brush.safetensors", HEADERS.get(form))
    registry = Registry(settings)
    with registry.lease(delta_strength=0.0, loras="brush@0.5") as pipeline:
        tuned = pipeline.unet.state_dict()
    for key, weight in base.items():
        expected = weight.float()
        if key in changed:
            up, down = factors(base, key.removesuffix(".weight"))
            product = (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
            expected = expected + 0.5 * scale * product
        torch.testing.assert_close(tuned[key].float(), expected, rtol=0.01, atol=1e-6)
    (merge,) = registry.merges("pocket", None, 0.0, "brush@0.5")
    assert set(merge.report.merged) == changed
    assert ("text encoder" in merge.note) == (form in (kohya, counted_as_sdxl_was))


def test_a_run_with_a_lora_says_so_in_its_recipe(settings, base):
    save_file(kohya(base)[0], settings.checkpoints / "loras/brush.safetensors")
    request = TextToImageRequest(prompt="a dog", size=256, seed=1, lora="brush@0.5")
    result = run(request, Registry(settings))
    assert result.request.lora == "brush@0.5"
    assert "Lora: brush@0.5" in result.request.parameters()
    assert any("text encoder" in note for note in result.notes)


def test_another_network_s_lora_names_the_shapes_that_differ(settings, base):
    tensors, _ = peft(base)
    tensors[f"unet.{QUERY}.lora_A.weight"] = torch.zeros(RANK, 999)
    save_file(tensors, settings.checkpoints / "loras/other.safetensors")
    registry = Registry(settings)
    with pytest.raises(LoadError, match=r"to_q.weight \(\d+, 999\) instead of \(\d+, \d+\)"):
        registry.merges("pocket", None, 1.0, "other")


@pytest.mark.parametrize("broken", ["short", "gone"])
def test_factors_that_do_not_pair_are_refused_by_name(settings, base, broken):
    tensors, _ = peft(base)
    name = f"unet.{QUERY}.lora_B.weight"
    up = tensors.pop(name)
    save_file(
        tensors | ({name: up[:, :1].contiguous()} if broken == "short" else {}),
        settings.checkpoints / "loras/torn.safetensors",
    )
    with pytest.raises(LoadError, match=r"torn.safetensors.*(to_q do not pair|no LoRA known)"):
        Registry(settings).merges("pocket", None, 1.0, "torn")


def test_a_file_without_factors_is_refused(settings):
    save_file({"some.weight": torch.zeros(2)}, settings.checkpoints / "loras/none.safetensors")
    with pytest.raises(LoadError, match="none.safetensors holds no LoRA"):
        Registry(settings).merges("pocket", None, 1.0, "none")


def test_names_and_weights_are_read():
    assert parse_loras("pixel-art@0.8, someone/brush ") == (
        ("pixel-art", 0.8),
        ("someone/brush", 1.0),
    )
    assert parse_loras(None) == ()
    for text in ("brush@much", "brush@3", "brush@nan"):
        with pytest.raises(BadRequest, match="weight"):
            parse_loras(text)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b/../../c", "missing"])
def test_no_name_leads_out_of_the_folder(settings, name):
    with pytest.raises(BadRequest, match="no LoRA"):
        find_lora(name, settings)


def test_repositories_are_the_owner_s_to_name(settings):
    component, source = find_lora("someone/brush/oil.safetensors", settings)
    assert component.weights == "oil.safetensors"
    assert source.repository.name == "someone/brush"
    with pytest.raises(BadRequest, match="no LoRA"):
        find_lora("someone/brush", Settings(host="0.0.0.0"))
