"""Graphs of ComfyUI: what is read out of them, and that every graph ends."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraw.compat.foreign.comfyui import read_comfyui, read_graphs
from redraw.compat.foreign.found import Foreign


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    """One node of a graph that is run."""
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": kind}}


def simple(**changes: Any) -> dict[str, Any]:
    """The graph ComfyUI starts with."""
    sampler = {"seed": 156680208700286, "steps": 20, "cfg": 8.0, "sampler_name": "euler_ancestral", "scheduler":
               "normal", "denoise": 1.0, "model": ["4", 0], "positive": ["6", 0], "negative": ["7", 0],
               "latent_image": ["5", 0], **changes}  # fmt: skip
    return {
        "3": node("KSampler", **sampler),
        "4": node("CheckpointLoaderSimple", ckpt_name="sd15\\photo.safetensors"),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "6": node("CLIPTextEncode", text="a glass bottle, (purple:1.2) galaxy", clip=["4", 1]),
        "7": node("CLIPTextEncode", text="text, embedding:EasyNegative", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    }


def read(graph: dict[str, Any]) -> Foreign:
    """What a graph that is run says."""
    found = read_comfyui({"prompt": json.dumps(graph)})
    assert found is not None
    return found


def test_the_first_graph_is_understood_whole() -> None:
    found = read(simple())
    assert found.params == {
        "Prompt": "a glass bottle, (purple:1.2) galaxy",
        "Negative prompt": "text, EasyNegative",
        "Steps": 20,
        "CFG scale": 8.0,
        "Seed": 156680208700286,
        "Sampler": "Euler a",
        "Schedule type": "Normal",
        "Size": "512x768",
        "Model": "photo",
        "RNG": "CPU",
    }
    assert found.unknown == {}
    assert "KSampler 3: seed" in found.understood
    assert "CLIPTextEncode 6: text" in found.understood


@pytest.mark.parametrize(
    ("name", "scheduler", "params"),
    [
        ("dpmpp_2m", "karras", {"Sampler": "DPM++ 2M", "Schedule type": "Karras"}),
        ("dpmpp_2m_sde_gpu", "exponential", {"Sampler": "DPM++ 2M SDE", "Schedule type": "Exponential"}),
        ("dpmpp_3m_sde", "sgm_uniform", {"Sampler": "DPM++ 3M SDE", "Schedule type": "SGM Uniform"}),
        ("dpmpp_2s_ancestral", "simple", {"Sampler": "DPM++ 2S a", "Schedule type": "Simple"}),
        ("dpm_2_ancestral", "ddim_uniform", {"Sampler": "DPM2 a", "Schedule type": "DDIM"}),
        ("uni_pc_bh2", "beta", {"Sampler": "UniPC", "UniPC variant": "bh2", "Schedule type": "Beta"}),
        ("uni_pc", "kl_optimal", {"Sampler": "UniPC", "UniPC variant": "bh1", "Schedule type": "KL Optimal"}),
        ("lcm", "normal", {"Sampler": "LCM"}),
        ("heun", "normal", {"Sampler": "Heun"}),
        ("res_multistep", "linear_quadratic", {"Sampler": "res_multistep", "Schedule type": "linear_quadratic"}),
    ],
)
def test_samplers_and_schedules_have_a1111s_names(name: str, scheduler: str, params: dict[str, Any]) -> None:
    assert read(simple(sampler_name=name, scheduler=scheduler)).params.items() >= params.items()


def test_networks_on_the_way_to_the_sampler_become_tags_in_their_order() -> None:
    graph = simple(model=["12", 0])
    graph |= {
        "10": node("LoraLoader", lora_name="styles/ink.safetensors", strength_model=0.8, strength_clip=0.8,
                   model=["4", 0], clip=["4", 1]),
        "11": node("LoraLoader", lora_name="paper.safetensors", strength_model=1.0, strength_clip=0.5,
                   model=["10", 0], clip=["10", 1]),
        "12": node("LoraLoaderModelOnly", lora_name="lcm.safetensors", strength_model=1.0, model=["13", 0]),
        "13": node("HypernetworkLoader", hypernetwork_name="anime.pt", strength=0.6, model=["11", 0]),
        "6": node("CLIPTextEncode", text="a [cat]", clip=["14", 0]),
        "14": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["11", 1]),
    }  # fmt: skip
    found = read(graph)
    tags = "<lora:ink:0.8><lora:paper:0.5:1><hypernet:anime:0.6><lora:lcm:0:1>"
    assert found.params["Prompt"] == r"a \[cat\]" + tags
    assert (found.params["Clip skip"], found.params["Model"], found.unknown) == (2, "photo", {})


@pytest.mark.parametrize(
    ("loader", "tags"),
    [
        (node("Lora Loader Stack (rgthree)", model=["4", 0], clip=["4", 1], lora_01="ink.safetensors", strength_01=0.7,
              lora_02="None", strength_02=1.0), "<lora:ink:0.7>"),
        (node("Power Lora Loader (rgthree)", model=["4", 0], clip=["4", 1],
              lora_1={"on": True, "lora": "a/ink.safetensors", "strength": 0.7},
              lora_2={"on": False, "lora": "off.safetensors", "strength": 1},
              lora_3={"on": True, "lora": "x.safetensors", "strength": 1, "strengthTwo": 0.2}),
         "<lora:ink:0.7><lora:x:0.2:1>"),
        (node("CR Apply LoRA Stack", model=["4", 0], clip=["4", 1], lora_stack=["11", 0]), "<lora:ink:0.3:0.7>"),
    ],
)  # fmt: skip
def test_stacks_of_networks_are_read(loader: dict[str, Any], tags: str) -> None:
    graph = simple(model=["10", 0]) | {"10": loader}
    graph["11"] = node("CR LoRA Stack", switch_1="On", lora_name_1="ink.safetensors", model_weight_1=0.7,
                       clip_weight_1=0.3, switch_2="Off", lora_name_2="off.safetensors", model_weight_2=1,
                       clip_weight_2=1)  # fmt: skip
    assert read(graph).params["Prompt"].endswith(f"galaxy{tags}")


def test_the_nodes_of_custom_sampling_are_followed() -> None:
    graph = simple()
    graph["3"] = node("SamplerCustomAdvanced", noise=["20", 0], guider=["21", 0], sampler=["22", 0], sigmas=["23", 0],
                      latent_image=["5", 0])  # fmt: skip
    graph |= {
        "20": node("RandomNoise", noise_seed=77),
        "21": node("CFGGuider", cfg=4.5, model=["4", 0], positive=["6", 0], negative=["7", 0]),
        "22": node("KSamplerSelect", sampler_name="dpmpp_2m"),
        "23": node("BasicScheduler", scheduler="karras", steps=12, denoise=1.0, model=["4", 0]),
    }
    found = read(graph)
    said = {"Seed": 77, "CFG scale": 4.5, "Sampler": "DPM++ 2M", "Steps": 12, "Schedule type": "Karras"}
    assert found.params.items() >= {**said, "Model": "photo", "Size": "512x768"}.items()
    assert found.params["Negative prompt"] == "text, EasyNegative"
    assert found.unknown == {}


def test_a_custom_sampler_with_one_text_is_followed() -> None:
    graph = simple()
    graph["3"] = node("SamplerCustomAdvanced", noise=["20", 0], guider=["21", 0], sampler=["22", 0], sigmas=["23", 0],
                      latent_image=["5", 0])  # fmt: skip
    graph |= {
        "20": node("RandomNoise", noise_seed=77),
        "21": node("BasicGuider", model=["4", 0], conditioning=["24", 0]),
        "24": node("FluxGuidance", guidance=3.5, conditioning=["6", 0]),
        "22": node("KSamplerSelect", sampler_name="euler"),
        "23": node("KarrasScheduler", steps=12, sigma_max=14.6, sigma_min=0.03, rho=7.0),
    }
    found = read(graph)
    assert found.params.items() >= {"Prompt": "a glass bottle, (purple:1.2) galaxy", "Negative prompt": ""}.items()
    assert (found.params["Schedule type"], found.params["Steps"]) == ("Karras", 12)
    assert found.unknown["FluxGuidance 24"] == '{"guidance": 3.5}'


def test_a_picture_redrawn_has_a_strength_and_its_source_is_named() -> None:
    graph = simple(denoise=0.6, latent_image=["10", 0])
    graph |= {
        "10": node("VAEEncode", pixels=["11", 0], vae=["13", 0]),
        "11": node("ImageScale", image=["12", 0], upscale_method="lanczos", width=640, height=512, crop="center"),
        "12": node("LoadImage", image="fox.png", upload="image"),
        "13": node("VAELoader", vae_name="vae-ft-mse-840000.safetensors"),
        "8": node("VAEDecode", samples=["3", 0], vae=["13", 0]),
    }
    found = read(graph)
    said = {"Denoising strength": 0.6, "Size": "640x512", "VAE": "vae-ft-mse-840000"}
    assert found.params.items() >= said.items()
    assert any("fox.png" in note for note in found.notes)


def test_a_mask_is_said() -> None:
    graph = simple(denoise=1.0, latent_image=["10", 0])
    graph["10"] = node("VAEEncodeForInpaint", pixels=["11", 0], vae=["4", 2], mask=["11", 1], grow_mask_by=6)
    graph["11"] = node("LoadImage", image="fox.png")
    found = read(graph)
    assert found.params["Denoising strength"] == 1.0
    assert any("mask" in note for note in found.notes)


def test_a_second_pass_is_listed_and_the_first_one_read() -> None:
    graph = simple()
    graph["10"] = node("LatentUpscaleBy", samples=["3", 0], upscale_method="nearest-exact", scale_by=1.5)
    graph["11"] = node("KSampler", seed=5, steps=10, cfg=6.0, sampler_name="euler", scheduler="simple", denoise=0.5,
                       model=["4", 0], positive=["6", 0], negative=["7", 0], latent_image=["10", 0])  # fmt: skip
    graph["8"] = node("VAEDecode", samples=["11", 0], vae=["4", 2])
    found = read(graph)
    assert (found.params["Seed"], found.params["Steps"]) == (156680208700286, 20)
    assert "Denoising strength" not in found.params
    assert '"denoise": 0.5' in found.unknown["KSampler 11"]
    assert '"scale_by": 1.5' in found.unknown["LatentUpscaleBy 10"]


def test_a_base_and_a_refiner_are_both_read() -> None:
    graph = simple()
    common = {"steps": 25, "cfg": 8.0, "sampler_name": "euler", "scheduler": "normal", "positive": ["6", 0],
              "negative": ["7", 0]}  # fmt: skip
    graph["3"] = node("KSamplerAdvanced", add_noise="enable", noise_seed=3, start_at_step=0, end_at_step=20,
                      return_with_leftover_noise="enable", model=["4", 0], latent_image=["5", 0], **common)  # fmt: skip
    graph["10"] = node("KSamplerAdvanced", add_noise="disable", noise_seed=0, start_at_step=20, end_at_step=10000,
                       return_with_leftover_noise="disable", model=["11", 0], latent_image=["3", 0],
                       **common)  # fmt: skip
    graph["11"] = node("CheckpointLoaderSimple", ckpt_name="sd_xl_refiner_1.0.safetensors")
    graph["8"] = node("VAEDecode", samples=["10", 0], vae=["11", 2])
    found = read(graph)
    said = {"Refiner": "sd_xl_refiner_1.0", "Refiner switch at": 0.8, "Refiner switch by sampling steps": True}
    assert found.params.items() >= {**said, "Seed": 3, "Steps": 25, "Model": "photo"}.items()
    assert found.unknown == {}


def test_values_come_from_primitives_and_joined_texts() -> None:
    graph = simple(seed=["20", 0], steps=["21", 0], cfg=["22", 0])
    graph |= {
        "20": node("Seed (rgthree)", seed=404),
        "21": node("PrimitiveInt", value=33),
        "22": node("Reroute", **{"": ["23", 0]}),
        "23": node("PrimitiveFloat", value=5.5),
        "6": node("CLIPTextEncode", text=["24", 0], clip=["4", 1]),
        "24": node("StringConcatenate", string_a=["25", 0], string_b="sky", delimiter=", "),
        "25": node("Text Multiline", text="fox"),
    }
    found = read(graph)
    assert found.params.items() >= {"Seed": 404, "Steps": 33, "CFG scale": 5.5, "Prompt": "fox, sky"}.items()


@pytest.mark.parametrize(
    ("positive", "prompt"),
    [
        (node("ConditioningConcat", conditioning_to=["30", 0], conditioning_from=["31", 0]), "fox BREAK sky"),
        (node("ConditioningCombine", conditioning_1=["30", 0], conditioning_2=["31", 0]), "fox :0.5 AND sky :0.5"),
        (node("ConditioningAverage", conditioning_to=["30", 0], conditioning_from=["31", 0],
              conditioning_to_strength=0.5), "fox"),
        (node("ConditioningSetTimestepRange", conditioning=["30", 0], start=0.0, end=0.5), "fox"),
        (node("ControlNetApplyAdvanced", positive=["30", 0], negative=["7", 0], control_net=["32", 0], image=["33", 0],
              strength=0.8, start_percent=0, end_percent=1), "fox"),
        (node("ConditioningZeroOut", conditioning=["30", 0]), ""),
        (node("CLIPTextEncodeSDXL", text_g="fox", text_l="fox", width=1024, height=1024, clip=["4", 1]), "fox"),
        (node("CLIPTextEncodeSDXL", text_g="fox", text_l="oil", width=1024, height=1024, clip=["4", 1]), "fox"),
    ],
)  # fmt: skip
def test_conditioning_is_followed_to_its_texts(positive: dict[str, Any], prompt: str) -> None:
    graph = simple(positive=["29", 0]) | {"29": positive}
    graph["30"] = node("CLIPTextEncode", text="fox", clip=["4", 1])
    graph["31"] = node("CLIPTextEncode", text="sky", clip=["4", 1])
    graph["32"] = node("ControlNetLoader", control_net_name="canny.safetensors")
    graph["33"] = node("LoadImage", image="edge.png")
    found = read(graph)
    assert found.params["Prompt"] == prompt
    assert found.params["Negative prompt"] == "text, EasyNegative"
    if "strength" in positive["inputs"]:
        assert '"strength": 0.8' in found.unknown["ControlNetApplyAdvanced 29"]
        assert "ControlNetLoader 32" in found.unknown


def test_a_loader_that_does_everything_is_read() -> None:
    graph = {
        "1": node("Efficient Loader", ckpt_name="photo.safetensors", vae_name="Baked VAE", clip_skip=-2,
                  lora_name="ink.safetensors", lora_model_strength=0.9, lora_clip_strength=0.9, positive="a fox",
                  negative="bad", empty_latent_width=512, empty_latent_height=640, batch_size=1),
        "2": node("KSampler (Efficient)", seed=8, steps=15, cfg=7.0, sampler_name="dpmpp_2m", scheduler="karras",
                  denoise=1.0, model=["1", 0], positive=["1", 1], negative=["1", 2], latent_image=["1", 3]),
        "3": node("SaveImage", images=["2", 5]),
    }  # fmt: skip
    found = read(graph)
    said = {"Prompt": "a fox<lora:ink:0.9>", "Negative prompt": "bad", "Size": "512x640", "Model": "photo", "Seed": 8}
    assert found.params.items() >= said.items()


def test_nodes_that_are_not_read_are_listed() -> None:
    graph = simple(model=["10", 0]) | {
        "10": node("FreeU_V2", b1=1.3, b2=1.4, s1=0.9, s2=0.2, model=["4", 0]),
        "11": node("FaceDetailer", image=["8", 0], model=["4", 0], positive=["6", 0], negative=["7", 0], seed=1),
        "9": node("SaveImage", images=["11", 0]),
    }  # fmt: skip
    found = read(graph)
    assert found.params["Model"] == "photo"
    assert set(found.unknown) == {"FreeU_V2 10", "FaceDetailer 11"}


def test_the_drawn_graph_is_read_where_there_is_no_other() -> None:
    workflow = {
        "last_node_id": 9,
        "nodes": [
            {"id": 3, "type": "KSampler", "mode": 0, "widgets_values": [42, "randomize", 20, 8, "euler", "normal", 1],
             "inputs": [{"name": "model", "type": "MODEL", "link": 10}, {"name": "positive", "link": 4},
                        {"name": "negative", "link": 6}, {"name": "latent_image", "link": 2}]},
            {"id": 4, "type": "CheckpointLoaderSimple", "mode": 0, "widgets_values": ["photo.safetensors"]},
            {"id": 5, "type": "EmptyLatentImage", "mode": 0, "widgets_values": [512, 512, 1]},
            {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["a fox"], "inputs": [{"name": "clip", "link": 3}]},
            {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["bad"], "inputs": [{"name": "clip", "link": 5}]},
            {"id": 8, "type": "LoraLoader", "mode": 4, "widgets_values": ["off.safetensors", 1, 1],
             "inputs": [{"name": "model", "link": 1}]},
            {"id": 9, "type": "Note", "widgets_values": ["hello"]},
        ],
        "links": [[1, 4, 0, 8, 0, "MODEL"], [2, 5, 0, 3, 3, "LATENT"], [3, 4, 1, 6, 0, "CLIP"], [4, 6, 0, 3, 1, "C"],
                  [5, 4, 1, 7, 0, "CLIP"], [6, 7, 0, 3, 2, "C"], [10, 8, 0, 3, 0, "MODEL"]],
    }  # fmt: skip
    found = read_graphs(None, workflow)
    assert found is not None
    said = {"Prompt": "a fox", "Negative prompt": "bad", "Seed": 42, "Steps": 20, "CFG scale": 8, "Sampler": "Euler"}
    assert found.params.items() >= {**said, "Model": "photo", "Size": "512x512"}.items()
    assert found.unknown == {}


def test_circles_end() -> None:
    graph = simple(model=["10", 0], latent_image=["3", 0], positive=["20", 0], seed=["30", 0])
    graph |= {
        "10": node("FreeU_V2", b1=1.0, model=["11", 0]),
        "11": node("FreeU_V2", b1=1.0, model=["10", 0]),
        "20": node("ConditioningConcat", conditioning_to=["20", 0], conditioning_from=["20", 0]),
        "30": node("Reroute", value=["31", 0]),
        "31": node("Reroute", value=["30", 0]),
    }
    begun = time.process_time()
    found = read(graph)
    assert time.process_time() - begun < 2
    assert "Seed" not in found.params


def test_a_large_graph_is_read_in_part_and_that_is_said() -> None:
    graph = {str(n): node("Thing", value=["0", 0]) for n in range(5000)}
    begun = time.process_time()
    found = read(simple() | graph)
    assert time.process_time() - begun < 5
    assert any("very large" in note for note in found.notes)
    assert len(found.unknown) <= 41


def test_texts_that_branch_again_and_again_end() -> None:
    graph = simple(positive=["c0", 0])
    for n in range(40):
        below = [f"c{n + 1}", 0]
        graph[f"c{n}"] = node("ConditioningCombine", conditioning_1=below, conditioning_2=below)
    graph["c40"] = node("CLIPTextEncode", text="fox", clip=["4", 1])
    begun = time.process_time()
    assert len(read(graph).params["Prompt"]) < 1_000_000
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "texts",
    [{}, {"prompt": "a fox"}, {"prompt": "[]"}, {"prompt": "{}"}, {"prompt": '{"1": 5}'}, {"workflow": '{"nodes": 3}'},
     {"prompt": "{" * 100_000}, {"prompt": '{"a":' * 100_000 + "1" + "}" * 100_000}, {"prompt": "{" + "9" * 5000}],
)  # fmt: skip
def test_what_is_no_graph_is_none(texts: dict[str, str]) -> None:
    assert read_comfyui(texts) is None


def test_a_graph_without_a_sampler_says_so() -> None:
    found = read({"1": node("LoadImage", image="x.png"), "2": node("SaveImage", images=["1", 0])})
    assert (found.params, found.notes) == ({}, ["no sampler was found in the graph"])
    assert found.unknown == {"LoadImage 1": '{"image": "x.png"}'}


KINDS = ["KSampler", "SamplerCustomAdvanced", "CLIPTextEncode", "LoraLoader", "Reroute", "ConditioningConcat", "X"]
NAMES = ["model", "positive", "negative", "latent_image", "text", "seed", "steps", "cfg", "sampler_name", "clip",
         "conditioning_to", "conditioning_from", "noise", "guider", "sigmas", "sampler", "lora_name", "width", "lora_1",
         "image", "samples", "string_a", "string_b", "vae", "denoise"]  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dictionaries(st.text(), st.none()),
    st.tuples(st.sampled_from("0123456"), st.integers(0, 2)).map(list), st.lists(st.integers(), max_size=3),
)  # fmt: skip
NODES = st.builds(
    lambda kind, inputs: {"class_type": kind, "inputs": inputs},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(NAMES), VALUES),
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from("0123456"), NODES, max_size=7))
def test_no_graph_is_an_error(graph: dict[str, Any]) -> None:
    read_comfyui({"prompt": json.dumps(graph)})
