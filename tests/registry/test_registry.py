"""A registry lends working pipelines, shares what can be shared, and recovers from faulty files."""

import logging
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from safetensors.torch import load_file

from perflow_demo.errors import BadRequest, LoadError, OutOfMemory
from perflow_demo.flow import PeRFlowScheduler
from perflow_demo.models import catalogue
from perflow_demo.models.catalogue import POCKET
from perflow_demo.registry import Registry
from perflow_demo.registry.placement import Placement
from perflow_demo.settings import Settings
from tests.pocket_factory import edit_weights, write_pocket


@pytest.fixture
def registry(assets):
    return Registry(Settings(assets=assets, device="cpu"))


def draw(pipeline, prompt="a red dog", **arguments):
    arguments = {"num_inference_steps": 4, "guidance_scale": 4.5} | arguments
    generator = torch.Generator().manual_seed(0)
    return pipeline(prompt, generator=generator, height=64, width=96, **arguments).images[0]


@pytest.mark.parametrize("style", [None, "cel", "pencil"])
@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_a_pipeline_draws_a_picture_of_the_size_asked_for(registry, style, strength):
    with registry.lease("pocket", style, strength) as pipeline:
        assert draw(pipeline).size == (96, 64)


def test_prompt_and_seed_decide_the_picture(registry):
    with registry.lease() as pipeline:
        first, again = np.asarray(draw(pipeline)), np.asarray(draw(pipeline))
        other = np.asarray(draw(pipeline, "a blue car"))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_padding_is_hidden_from_the_words(registry):
    with registry.lease() as pipeline:
        padded = pipeline.tokenizer("a dog", padding="max_length", return_tensors="pt")
        bare = pipeline.tokenizer("a dog", return_tensors="pt").input_ids
        embeds, _ = pipeline.encode_prompt("a dog", "cpu", 1, False)
        alone = pipeline.text_encoder(bare)[0]
    assert padded.input_ids.shape[1] > bare.shape[1]
    torch.testing.assert_close(
        embeds[:, : bare.shape[1]].float(), alone.float(), rtol=0.02, atol=0.02
    )


def test_a_run_warns_about_nothing(registry, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        with registry.lease() as pipeline:
            draw(pipeline)
    assert caplog.records == []


def test_the_scheduler_fits_the_weights_and_is_new_in_every_lease(registry):
    with registry.lease(delta_strength=0.0) as teacher, registry.lease() as student:
        assert isinstance(teacher.scheduler, DDIMScheduler)
        assert isinstance(student.scheduler, PeRFlowScheduler)
        assert student.scheduler.config.prediction_type == "ddim_v"
        assert student.scheduler.config.num_time_windows == 4
        with registry.lease() as second:
            assert second.scheduler is not student.scheduler
            assert second.unet is student.unet


def test_styles_and_strengths_share_all_but_the_unet(registry):
    with registry.lease() as base, registry.lease(style="cel", delta_strength=0.5) as styled:
        assert base.vae is styled.vae
        assert base.text_encoder is styled.text_encoder
        assert base.tokenizer is styled.tokenizer
        assert base.unet is not styled.unet
        keys = [entry.key for entry in registry.status().entries]
    assert {(key.style, key.delta_strength) for key in keys if key.part == "unet"} == {
        (None, 1.0),
        ("cel", 0.5),
    }
    assert len(keys) == 5


def test_the_unet_lent_is_the_sum_in_the_placement_s_dtype(registry, assets):
    folder = assets / "pocket"
    files = "unet/diffusion_pytorch_model", "styles/cel/delta", "delta/diffusion_pytorch_model"
    base, style, delta = (load_file(folder / f"{name}.safetensors") for name in files)
    with registry.lease(style="cel", delta_strength=0.5) as pipeline:
        weights = pipeline.unet.state_dict()
    for key, weight in weights.items():
        expected = base[key].float() + style[key].float() + 0.5 * delta[key].float()
        assert torch.equal(weight, expected.to(registry.placement.dtype)), key


def test_status_tells_what_is_resident_and_unload_empties_it(registry):
    assert registry.status().entries == ()
    with registry.lease() as pipeline:
        status = registry.status()
        assert {entry.key.part for entry in status.entries} == {
            "tokenizer",
            "text_encoder",
            "vae",
            "unet",
        }
        modules = pipeline.unet, pipeline.vae, pipeline.text_encoder
        held = sum(t.nbytes for m in modules for t in (*m.parameters(), *m.buffers()))
        assert status.bytes == held <= status.budget
        assert all(entry.leases == 1 for entry in status.entries)
        assert registry.unload() == 0
    assert status.device == "cpu"
    unet = next(entry for entry in registry.status().entries if entry.key.part == "unet")
    assert registry.unload(unet.key) == unet.bytes
    assert registry.unload() == status.bytes - unet.bytes
    assert registry.status().bytes == 0


def test_many_threads_load_each_part_once(registry):
    loaded = []

    def report(title, done, total):
        if done == total:
            loaded.append(title)

    def ask(_):
        with registry.lease(on_load=report) as pipeline:
            return id(pipeline.unet)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert sorted(loaded) == ["UNet", "autoencoder", "text encoder", "tokenizer"]


def test_progress_grows_to_the_whole_size_of_the_files(registry, assets):
    calls = []
    with registry.lease(style="cel", on_load=lambda *call: calls.append(call)):
        pass
    done = [call[1] for call in calls if call[0] == "UNet"]
    pocket = assets / "pocket"
    files = "unet/diffusion_pytorch_model", "styles/cel/delta", "delta/diffusion_pytorch_model"
    total = sum((pocket / f"{name}.safetensors").stat().st_size for name in files)
    assert done == sorted(done)
    assert done[-1] == total == calls[-1][2]


def test_old_variants_make_room_under_the_budget(assets):
    with Registry(Settings(assets=assets, device="cpu")).lease() as pipeline:
        unet = sum(t.nbytes for t in pipeline.unet.state_dict().values())
        modules = pipeline.unet, pipeline.vae, pipeline.text_encoder
        whole = sum(t.nbytes for m in modules for t in (*m.parameters(), *m.buffers()))
    registry = Registry(Settings(assets=assets, device="cpu", memory_budget=whole + unet // 2))
    for strength in (1.0, 0.75, 0.5):
        with registry.lease(delta_strength=strength):
            assert registry.status().bytes <= registry.status().budget
    strengths = [e.key.delta_strength for e in registry.status().entries if e.key.part == "unet"]
    assert strengths == [0.5]
    with registry.lease(), pytest.raises(OutOfMemory), registry.lease(style="cel"):
        pytest.fail("lent more than the budget allows")


def test_a_family_too_large_for_the_machine_is_refused_before_it_is_fetched(assets):
    settings = Settings(assets=assets, device="cpu", memory_budget=10**9, offline=True)
    too_large = pytest.raises(OutOfMemory, match=r"SDXL.* takes about .* GB.*1\.0 GB on cpu")
    with too_large, Registry(settings).lease("perflow-sdxl-base"):
        pytest.fail("lent a family that does not fit")


def test_loose_weights_are_measured_by_the_memory_they_lie_in(assets, monkeypatch):
    """They are made on the CPU, whatever a small GPU beside it has."""

    def registry(family_bytes):
        family = replace(POCKET, memory_bytes=family_bytes)
        monkeypatch.setitem(catalogue.CATALOGUE, "pocket", family)
        registry = Registry(Settings(assets=assets, device="cpu", memory_budget=10**6))
        registry.placement = Placement(torch.device("meta"), torch.float16)
        return registry

    with registry(10**7).loose_unet("pocket") as unet:
        assert unet["conv_in.weight"].device.type == "cpu"
    too_large = pytest.raises(OutOfMemory, match="on cpu; choose a smaller one")
    with too_large, registry(10**15).loose_unet("pocket"):
        pytest.fail("made weights that do not fit")


def test_a_faulty_file_leaves_nothing_behind_and_the_next_request_works(own_assets):
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    weights = own_assets / "pocket/vae/diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LoadError, match="vae"), registry.lease():
        pytest.fail("lent a pipeline without an autoencoder")
    assert "vae" not in {entry.key.part for entry in registry.status().entries}
    assert all(entry.leases == 0 for entry in registry.status().entries)
    weights.write_bytes(whole)
    with registry.lease() as pipeline:
        assert draw(pipeline).size == (96, 64)


def test_a_delta_of_another_shape_is_named(own_assets):
    registry = Registry(Settings(assets=own_assets, device="cpu"))
    path = own_assets / "pocket/delta/diffusion_pytorch_model.safetensors"
    edit_weights(path, lambda tensors: tensors.update({"conv_in.bias": torch.zeros(3)}))
    with pytest.raises(LoadError, match=r"delta.*conv_in\.bias"), registry.lease():
        pytest.fail("lent a UNet without its delta")
    with registry.lease(delta_strength=0.0) as teacher:
        assert draw(teacher).size == (96, 64)


def test_unknown_names_are_answered_with_the_known_ones(registry, tmp_path):
    with pytest.raises(BadRequest, match="pocket"), registry.lease("sd99"):
        pytest.fail("lent an unknown family")
    with pytest.raises(BadRequest, match="cel or pencil"), registry.lease(style="cubist"):
        pytest.fail("lent an unknown style")
    write_pocket(tmp_path, styles=())
    bare = Registry(Settings(assets=tmp_path, device="cpu"))
    assert bare.families()[0].styles == ()
    with pytest.raises(BadRequest, match="no style"), bare.lease(style="cel"):
        pytest.fail("lent a style whose weights are not there")


@pytest.mark.parametrize("strength", [-0.1, 1.6, float("nan")])
def test_a_strength_out_of_range_is_refused(registry, strength):
    with pytest.raises(BadRequest, match="strength"), registry.lease(delta_strength=strength):
        pytest.fail("lent a UNet with a ΔW that nobody trained")


def exhaust_cuda():
    raise torch.OutOfMemoryError("CUDA out of memory")


def exhaust_cpu():
    torch.empty(10**15)


def exhaust_numpy():
    np.empty(10**15)


def exhaust_mps():
    raise RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB)")


def exhaust_driver():
    raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported elsewhere")


def exhaust_cublas():
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


def exhaust_cudnn():
    raise RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED")


@pytest.mark.parametrize(
    "exhaust",
    [
        exhaust_cuda,
        exhaust_cpu,
        exhaust_numpy,
        exhaust_mps,
        exhaust_driver,
        exhaust_cublas,
        exhaust_cudnn,
    ],
)
def test_a_device_out_of_memory_is_explained(registry, exhaust):
    with pytest.raises(OutOfMemory, match="smaller pictures"), registry.lease():
        exhaust()
    assert all(entry.leases == 0 for entry in registry.status().entries)


def test_other_faults_stay_what_they_are(registry):
    with pytest.raises(RuntimeError, match="size of tensor"), registry.lease():
        torch.zeros(2) + torch.zeros(3)


def test_views_and_pictures_share_the_autoencoder(registry, assets):
    with registry.lease() as pictures, registry.lease_multiview() as views:
        assert views.vae is pictures.vae
        assert views.unet is not pictures.unet
        entries = registry.status().entries
    assert {entry.key.part for entry in entries if entry.bytes} == {
        "text_encoder",
        "vae",
        "unet",
        "multiview_unet",
        "image_encoder",
    }
    modules = pictures.unet, pictures.vae, pictures.text_encoder, views.unet, views.image_encoder
    held = sum(t.nbytes for m in modules for t in (*m.parameters(), *m.buffers()))
    assert registry.status().bytes == held


def test_views_are_lent_with_and_without_delta(registry, assets):
    """The ΔW of the pictures' UNet is in the views' UNet, where the two agree."""
    folder = assets / "pocket"
    names = "multiview/unet/diffusion_pytorch_model", "delta/diffusion_pytorch_model"
    base, delta = (load_file(folder / f"{name}.safetensors") for name in names)
    dtype = registry.placement.dtype
    with registry.lease_multiview(delta_strength=0.0) as plain, registry.lease_multiview() as fast:
        assert isinstance(plain.scheduler, DDIMScheduler) and plain.merge is None
        assert isinstance(fast.scheduler, PeRFlowScheduler)
        assert fast.merge.shape_adapted == ("conv_in.weight",)
        before, after = plain.unet.state_dict(), fast.unet.state_dict()
    for key, weight in base.items():
        change = delta[key].float() if key in fast.merge.merged else 0
        assert torch.equal(before[key], weight.to(dtype)), key
        assert torch.equal(after[key], (weight.float() + change).to(dtype)), key


def test_views_are_on_offer_only_where_all_their_files_are(registry, own_assets):
    assert [family.name for family in registry.multiview_families()] == ["pocket"]
    own = Registry(Settings(assets=own_assets, device="cpu"))
    (own_assets / "pocket/multiview/image_encoder/config.json").unlink()
    assert own.multiview_families() == ()
    with pytest.raises(LoadError, match="image_encoder"), own.lease_multiview():
        pytest.fail("lent a pipeline without an image encoder")


def test_what_no_multiview_family_has_is_refused(registry):
    with pytest.raises(BadRequest, match="pocket or wonder3d"), registry.lease_multiview("sv3d"):
        pytest.fail("lent an unknown family")


def test_making_a_registry_imports_neither_torch_nor_diffusers():
    program = (
        "import sys; from perflow_demo.registry import Registry; "
        "from perflow_demo.settings import Settings; Registry(Settings()).families(); "
        "Registry(Settings()).multiview_families(); "
        "print(sorted({'torch', 'diffusers', 'transformers'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr
