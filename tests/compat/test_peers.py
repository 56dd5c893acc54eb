"""Infotexts and JSON in the forms other programs document, and the fields they become here."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from redraw.compat.intake import Shelf
from redraw.compat.readback import read_text

LORAS = {"aaaaaaaaaaaa": "ink-v2", "bbbbbbbbbbbb": "paper"}
EMBEDDINGS = ("EasyNegative", "badhand")


def network(kind: str, name: str, digits: str) -> str | None:
    """The networks at hand: two LoRAs, known by hash and name, every hypernetwork, two embeddings."""
    if kind == "embedding":
        return name if name in EMBEDDINGS else None
    if kind == "hypernet":
        return name
    return LORAS.get(digits) or (name if name in LORAS.values() else None)


SHELF = Shelf(
    model={"photo": "sd/photo", "sdxl-base": "sdxl-base", "sdxl-refiner": "sdxl-refiner", "dream": "dream"}.get,
    vae={"fine": "fine.safetensors", "fine.safetensors": "fine.safetensors", "ae": None}.get,
    hashes=lambda: {"sd/photo": "abcdef0123" + "0" * 54},
    network=network,
)


class Peer(NamedTuple):
    """One text and what it is to mean; `unknown` are the keys that have no field, `note` a piece of a sentence."""

    text: str
    program: str
    kind: str
    request: dict[str, Any]
    unknown: tuple[str, ...] = ()
    note: str = ""


TXT, IMG = "txt2img", "img2img"
A, F, S = "A1111", "Forge", "SD.Next"
PEERS: dict[str, Peer] = {
    "A1111 1.10": Peer(
        "a cat\nNegative prompt: dog\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, "
        "Size: 512x768, Model hash: abcdef0123, Model: photo, Version: v1.10.1",
        A, TXT,
        {"prompt": "a cat", "negative_prompt": "dog", "sampler": "DPM++ 2M", "scheduler": "Automatic", "cfg_scale": 7,
         "seed": 1, "width": 512, "height": 768, "model": "sd/photo", "steps": 20},
    ),
    "A1111 1.5, schedule in the sampler's name": Peer(
        "x\nSteps: 28, Sampler: DPM++ SDE Karras, CFG scale: 6.5, Seed: 9, Size: 512x512, Version: v1.5.2",
        A, TXT, {"sampler": "DPM++ SDE", "scheduler": "Automatic", "cfg_scale": 6.5}, note="before 1.7",
    ),
    "A1111 without a version": Peer(
        "x\nSteps: 28, Sampler: Euler a, CFG scale: 11, Seed: 9, Size: 512x512, Model hash: abcdef0123, Clip skip: 2, "
        "ENSD: 31337",
        "A1111 or alike", TXT, {"clip_skip": 2, "ensd": 31337, "model": "sd/photo"},
    ),
    "A1111, LoRA by its hash": Peer(
        'x <lora:ink:0.7>\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Lora hashes: "ink: aaaaaaaaaaaa", '
        "Version: v1.8.0",
        A, TXT, {"prompt": "x <lora:ink-v2:0.7>"}, note="the LoRA 'ink' (aaaaaaaaaaaa) is called 'ink-v2' here",
    ),
    "A1111, two weights and a LoRA that is not here": Peer(
        'x <lora:paper:0.5:1> <lora:gone:1>\nSteps: 20, Sampler: Euler, Seed: 1, Lora hashes: "paper: bbbbbbbbbbbb, '
        'gone: cccccccccccc"',
        "A1111 or alike", TXT, {"prompt": "x <lora:paper:0.5:1> <lora:gone:1>"},
        note="the LoRA 'gone' (cccccccccccc) is not here",
    ),
    "A1111, hash of a LoRA that the prompt has not": Peer(
        'x\nSteps: 20, Sampler: Euler, Seed: 1, Lora hashes: "ink: aaaaaaaaaaaa", Version: v1.6.0-RC',
        A, TXT, {"prompt": "x"}, ("Lora hashes",),
    ),
    "A1111, embeddings": Peer(
        'x\nNegative prompt: EasyNegative, badbad\nSteps: 20, Sampler: Euler, Seed: 1, TI hashes: "EasyNegative: '
        'c74b4e810b03, badbad: 112233445566", Version: v1.9.4',
        A, TXT, {"negative_prompt": "EasyNegative, badbad"}, note="the embedding 'badbad' (112233445566) is not here",
    ),
    "A1111, refiner": Peer(
        "x\nSteps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 1024x1024, Model: "
        "sdxl-base, Refiner: sdxl-refiner [7440042bbd], Refiner switch at: 0.8, Version: v1.9.0",
        A, TXT, {"refiner": "sdxl-refiner", "refiner_switch_at": 0.8, "refiner_by_steps": False, "model": "sdxl-base"},
    ),
    "A1111 1.7, refiner by steps": Peer(
        "x\nSteps: 30, Sampler: Euler, CFG scale: 7, Seed: 1, Refiner: sdxl-refiner [7440042bbd], Refiner switch at: "
        "0.75, Version: 1.7.0",
        A, TXT, {"refiner": "sdxl-refiner", "refiner_switch_at": 0.75, "refiner_by_steps": True}, note="before 1.7",
    ),
    "A1111, refiner that is not here": Peer(
        "x\nSteps: 30, Sampler: Euler, CFG scale: 7, Seed: 1, Refiner: gone [7440042bbd], Refiner switch at: 0.8",
        "A1111 or alike", TXT, {"refiner_switch_at": 0.8}, ("Refiner",), "'gone' (7440042bbd) is not here",
    ),
    "A1111, emphasis": Peer(
        "(x:1.2)\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Emphasis: No norm, Version: v1.10.0",
        A, TXT, {"emphasis": "no-norm"},
    ),
    "A1111, old timelines by key": Peer(
        "[a:b:0.5]\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Old prompt editing timelines: True, Version: "
        "v1.10.0",
        A, TXT, {"prompt_timeline": "old"},
    ),
    "A1111, old timelines by version": Peer(
        "[a:b:0.5]\nSteps: 20, Sampler: DDIM, CFG scale: 7, Seed: 1, Version: v1.4.1",
        A, TXT, {"prompt_timeline": "old", "pad_prompts": "pad-v0", "sampler": "DDIM"}, note="before 1.7",
    ),
    "A1111, padding": Peer(
        "x\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Pad conds: True, Version: v1.10.0",
        A, TXT, {"pad_prompts": "pad"},
    ),
    "A1111, legacy hypernetwork": Peer(
        "x\nSteps: 20, Sampler: LMS, CFG scale: 7, Seed: 1, Hypernet: anime, Hypernet strength: 0.6",
        "A1111 or alike", TXT, {"prompt": "x<hypernet:anime:0.6>"},
    ),
    "A1111, Additional Networks": Peer(
        "x\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, AddNet Enabled: True, AddNet Module 1: LoRA, AddNet "
        "Model 1: paper(5fa1bc2d3e4f), AddNet Weight A 1: 0.6, AddNet Weight B 1: 0.6",
        "A1111 or alike", TXT, {"prompt": "x\n<lora:paper:0.6>"},
    ),
    "A1111, Additional Networks with two weights": Peer(
        "x\nSteps: 20, Sampler: Euler, Seed: 1, AddNet Module 2: LoRA, AddNet Model 2: paper(5fa1), AddNet Weight A 2: "
        "0.6, AddNet Weight B 2: 0.2",
        "A1111 or alike", TXT, {"prompt": "x\n<lora:paper:0.2:0.6>"},
    ),
    "A1111, hires fix": Peer(
        "x\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Size: 512x512, Denoising strength: 0.5, Hires upscale: "
        "2, Hires upscaler: Latent, Hires prompt: \"a \\\"q\\\", b\"",
        "A1111 or alike", TXT, {"width": 512},
        ("Denoising strength", "Hires upscale", "Hires upscaler", "Hires prompt"),
    ),
    "A1111, inpaint": Peer(
        "x\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Denoising strength: 0.75, Mask blur: 4, Inpaint area: "
        "Only masked, Masked area padding: 48, Masked content: fill, Conditional mask weight: 0.5",
        "A1111 or alike", IMG, {"strength": 0.75, "only_masked": True, "padding": 48, "masked_content": "fill"},
    ),
    "A1111, variation and seed resize": Peer(
        "x\nSteps: 20, Sampler: Euler, CFG scale: 7, Seed: 1, Variation seed: 4, Variation seed strength: 0.25, Seed "
        "resize from: 512x640, RNG: CPU, Tiling: True",
        "A1111 or alike", TXT,
        {"variation_seed": 4, "variation_strength": 0.25, "seed_resize_from": (512, 640), "rng": "cpu", "tiling": True},
    ),
    "A1111, prompt of several lines with pairs in it": Peer(
        "one: two, three: four\nfive\n\nsix\nNegative prompt: a\nb\nSteps: 5, Sampler: Euler, Seed: 3",
        "A1111 or alike", TXT, {"prompt": "one: two, three: four\nfive\n\nsix", "negative_prompt": "a\nb", "seed": 3},
    ),
    "A1111, ControlNet": Peer(
        'x\nSteps: 20, Sampler: Euler, Seed: 1, ControlNet 0: "Module: canny, Model: control_v11p_sd15_canny '
        '[d14c016b], Weight: 1", Version: v1.7.0',
        A, TXT, {"steps": 20}, ("ControlNet 0",),
    ),
    "A1111, a VAE and fp8": Peer(
        "x\nSteps: 20, Sampler: Euler, Seed: 1, FP8 weight: Enable, VAE hash: 235745af8d, VAE: fine.safetensors, "
        "Version: v1.9.0",
        A, TXT, {"vae": "fine.safetensors", "fp8": "yes"},
    ),
    "A1111, samplers of timesteps": Peer(
        "x\nSteps: 20, Sampler: UniPC, CFG scale: 7.0, Seed: 1, Eta DDIM: 0.3, UniPC variant: bh2, UniPC order: 2, "
        "Version: v1.10.1",
        A, TXT, {"sampler": "UniPC", "unipc_variant": "bh2", "eta": 0.3},
    ),
    "Forge, SDXL": Peer(
        "x\nSteps: 25, Sampler: DPM++ 2M SDE, Schedule type: Karras, CFG scale: 5, Seed: 77, Size: 832x1216, Model: "
        "sdxl-base, Version: f2.0.1v1.10.1-previous-224-g90019688",
        F, TXT, {"sampler": "DPM++ 2M SDE", "scheduler": "Karras", "model": "sdxl-base", "seed": 77},
    ),
    "Forge, its modules and a low precision": Peer(
        "x\nSteps: 25, Sampler: Euler, Schedule type: Simple, CFG scale: 5, Seed: 77, Diffusion in Low Bits: "
        "Automatic (fp16 LoRA), Module 1: fine, Module 2: clip_l, Version: f2.0.1v1.10.1-previous-669-gdfdcbab6",
        F, TXT, {"vae": "fine.safetensors", "scheduler": "Simple"}, ("Diffusion in Low Bits", "Module 2"),
    ),
    "Forge, Flux": Peer(
        "x\nSteps: 20, Sampler: Euler, Schedule type: Simple, CFG scale: 1, Distilled CFG Scale: 3.5, Seed: 42, Size: "
        "896x1152, Model hash: d5d1e2a8b0, Model: flux1-dev, Version: f2.0.1v1.10.1-previous-313-g8a042934, Module 1: "
        "ae",
        F, TXT, {"cfg_scale": 1}, ("Distilled CFG Scale", "Model", "Model hash", "Module 1"), "Flux",
    ),
    "Forge Neo": Peer(
        "x\nSteps: 20, Sampler: Euler a, Schedule type: Beta, CFG scale: 4, Seed: 2, Shift: 3.0, Beta schedule alpha: "
        "0.6, Beta schedule beta: 0.6, Version: neo-2.24",
        F, TXT, {"scheduler": "Beta", "beta_alpha": 0.6}, ("Shift",),
    ),
    "reForge": Peer(
        "x\nSteps: 20, Sampler: Euler a CFG++, Schedule type: Simple, CFG scale: 1, Seed: 2, Version: "
        "f1.0.5v2-v1.10.1RC-latest",
        F, TXT, {"cfg_scale": 1}, ("Sampler",), "no sampler 'Euler a CFG++'",
    ),
    "SD.Next": Peer(
        "x\nNegative prompt: y\nSteps: 20, Size: 1312x1408, Sampler: Euler a, Seed: 1561296656, CFG scale: 6, CFG "
        "rescale: 0.7, Model: dream, Model hash: 847403d47a, App: SD.Next, Version: 8b73cb6, Pipeline: "
        "StableDiffusionXLPipeline, Operations: txt2img, LoRA networks: outline",
        S, TXT, {"width": 1312, "height": 1408, "seed": 1561296656, "model": "dream", "negative_prompt": "y"},
        ("CFG rescale", "LoRA networks"),
    ),
    "SD.Next, schedule of its own key": Peer(
        "x\nSteps: 10, Size: 256x256, Sampler: DPM++ SDE, Scheduler: Foo, Seed: 666, CFG scale: 15.7, CFG end: 0.3, "
        "App: SD.Next, Parser: a1111, Model: dream, Model hash: 335da0800c",
        S, TXT, {"sampler": "DPM++ SDE", "cfg_scale": 15.7}, ("Scheduler", "CFG end"), "no schedule 'Foo'",
    ),
    "SD.Next, a picture redrawn": Peer(
        "x\nSteps: 20, Size: 512x512, Sampler: UniPC, Seed: 5, CFG scale: 7, Denoising strength: 0.3, Clip skip: 2.0, "
        "Init image size: 640x480, Init image hash: 1a2b3c4d, Backend: Diffusers, App: SD.Next, Version: 4d2c5d5, "
        "Operations: img2img, Parser: native",
        S, IMG, {"strength": 0.3, "clip_skip": 2, "sampler": "UniPC"}, ("Init image size", "Init image hash"),
    ),
    "SD.Next, diffusers' names": Peer(
        "x\nSteps: 20, Size: 512x512, Sampler: KDPM2 a, Seed: 5, CFG scale: 7, Batch: 4x1, App: SD.Next, Operations: "
        "txt2img",
        S, TXT, {"sampler": "DPM2 a"},
    ),
    "SD.Next, its default sampler": Peer(
        "x\nSteps: 20, Size: 512x512, Sampler: Default, Seed: 5, CFG scale: 7, App: SD.Next",
        S, TXT, {"seed": 5}, ("Sampler",), "no sampler 'Default'",
    ),
    "Fooocus, in A1111's form": Peer(
        "x\nNegative prompt: y\nSteps: 30, Sampler: DPM++ 2M SDE, Schedule type: Karras, Seed: 123, Size: 1152x896, "
        'CFG scale: 4, Sharpness: 2, ADM Guidance: "(1.5, 0.8, 0.3)", Model: dream, Model hash: e6bb9ea85b, '
        "Performance: Speed, Version: Fooocus v2.5.0",
        "Fooocus", TXT, {"sampler": "DPM++ 2M SDE", "model": "dream", "width": 1152},
        ("Sharpness", "ADM Guidance", "Performance"),
    ),
    "ComfyUI, saved in A1111's form": Peer(
        "x\nNegative prompt: y\nSteps: 20, Sampler: dpmpp_2m, Schedule type: karras, CFG scale: 8.0, Seed: 9, Size: "
        "512x512, Model hash: abcdef0123, Model: photo, Version: ComfyUI",
        "ComfyUI", TXT, {"sampler": "DPM++ 2M", "scheduler": "Automatic", "model": "sd/photo", "cfg_scale": 8.0},
    ),
    "ComfyUI, sampler and schedule as Comfy has them": Peer(
        "x\nSteps: 20, Sampler: uni_pc_bh2, Schedule type: ddim_uniform, CFG scale: 8.0, Seed: 9, Version: ComfyUI",
        "ComfyUI", TXT, {"sampler": "UniPC", "scheduler": "DDIM"},
    ),
    "Civitai, made there": Peer(
        "x\nNegative prompt: y\nSteps: 20, CFG scale: 3.5, Sampler: Undefined, Seed: 1234567890, Size: 832x1216, Clip "
        'skip: 1, Created Date: 2024-09-01T00:00:00.000Z, Civitai resources: [{"type":"checkpoint"}], Civitai '
        "metadata: {}",
        "A1111 or alike", TXT, {"seed": 1234567890, "cfg_scale": 3.5},
        ("Sampler", "Created Date", "Civitai resources", "Civitai metadata"),
    ),
    "SwarmUI": Peer(
        json.dumps({"sui_image_params": {
            "prompt": "a fox", "negativeprompt": "bad", "model": "OfficialStableDiffusion/dream.safetensors",
            "seed": 11, "steps": 25, "cfgscale": 6.5, "width": 512, "height": 768, "sampler": "dpmpp_2m",
            "scheduler": "karras", "loras": ["styles/paper"], "loraweights": ["0.8"], "vae": "None",
            "swarm_version": "0.9.1.1", "aspectratio": "Custom", "freeuapplyto": "Both"}}),
        "SwarmUI", TXT,
        {"prompt": "a fox<lora:paper:0.8>", "negative_prompt": "bad", "model": "dream", "cfg_scale": 6.5, "width": 512,
         "sampler": "DPM++ 2M"},
        ("freeuapplyto",),
    ),
    "Fooocus, in its own form": Peer(
        json.dumps({
            "adm_guidance": "(1.5, 0.8, 0.3)", "base_model": "dream", "base_model_hash": "abcd", "clip_skip": 2,
            "full_negative_prompt": ["bad", "worse"], "full_prompt": ["cinematic still a fox"], "guidance_scale": 4.0,
            "loras": [["paper.safetensors", 0.1, "4852686128"]], "metadata_scheme": "fooocus", "negative_prompt": "",
            "performance": "Speed", "prompt": "a fox", "refiner_model": "None", "refiner_switch": 0.5, "resolution":
            "(1152, 896)", "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras", "seed": "42", "sharpness": 2.0,
            "steps": 30, "vae": "Default (model)", "version": "Fooocus v2.5.0"}),
        "Fooocus", TXT,
        {"prompt": "cinematic still a fox<lora:paper:0.1>", "negative_prompt": "bad, worse", "seed": 42, "steps": 30,
         "width": 1152, "height": 896, "sampler": "DPM++ 2M SDE", "scheduler": "Karras", "clip_skip": 2,
         "model": "dream"},
        ("adm_guidance", "performance", "sharpness"), "like it, not the same",
    ),
    "Draw Things": Peer(
        json.dumps({"c": "a fox", "uc": "bad", "steps": 20, "sampler": "DPM++ 2M Karras", "scale": 7.5, "seed": 5,
                    "size": "512x768", "model": "dream_f16.ckpt", "strength": 1, "lora": [
                        {"model": "paper_f16.ckpt", "weight": 0.6}], "mask_blur": 1.5}),
        "Draw Things", TXT,
        {"negative_prompt": "bad", "sampler": "DPM++ 2M", "cfg_scale": 7.5, "height": 768},
        ("Model", "mask_blur"),
    ),
    "Easy Diffusion": Peer(
        json.dumps({"prompt": "a fox", "negative_prompt": "", "seed": 7, "num_inference_steps": 25,
                    "guidance_scale": 7.5, "width": 512, "height": 512, "sampler_name": "euler_a",
                    "use_stable_diffusion_model": "dream", "use_vae_model": "", "use_lora_model": "paper",
                    "lora_alpha": 0.5, "clip_skip": False, "tiling": "xy"}),
        "Easy Diffusion", TXT,
        {"prompt": "a fox<lora:paper:0.5>", "sampler": "Euler a", "steps": 25, "model": "dream"},
        ("Tiling", "Clip skip"),
    ),
    "InvokeAI 5": Peer(
        json.dumps({
            "app_version": "5.4.0", "generation_mode": "sdxl_txt2img", "positive_prompt": "a (red fox)1.3 sitting++",
            "negative_prompt": "<EasyNegative>, (blur)-", "width": 832, "height": 1216, "seed": 99, "rand_device":
            "cpu", "cfg_scale": 6, "cfg_rescale_multiplier": 0, "steps": 30, "scheduler": "dpmpp_2m_sde_k",
            "clip_skip": 1, "seamless_x": False, "seamless_y": False, "model": {"key": "k", "hash": "blake3:0", "name":
            "dream", "base": "sdxl", "type": "main"}, "loras": [{"model": {"name": "paper"}, "weight": 0.75}],
            "regions": [], "canvas_v2_metadata": {"x": 1}}),
        "InvokeAI", TXT,
        {"prompt": "a (red fox:1.3) (sitting:1.21)<lora:paper:0.75>", "negative_prompt": "EasyNegative, (blur:0.9)",
         "sampler": "DPM++ 2M SDE", "scheduler": "Karras", "clip_skip": 2, "rng": "cpu", "model": "dream"},
        ("canvas_v2_metadata",),
    ),
    "InvokeAI 3, a picture redrawn, with a refiner": Peer(
        json.dumps({
            "app_version": "3.4.0", "generation_mode": "sdxl_img2img", "positive_prompt": "a fox",
            "negative_prompt": "", "width": 1024, "height": 1024, "seed": 1, "cfg_scale": 7.5, "steps": 25, "scheduler":
            "euler", "strength": 0.6, "init_image": "abc.png", "model": {"model_name": "sdxl-base", "base_model":
            "sdxl"}, "vae": {"model_name": "fine"}, "refiner_model": {"model_name": "sdxl-refiner"}, "refiner_start":
            0.8, "refiner_steps": 20, "positive_style_prompt": "oil", "loras": [{"lora": {"model_name": "paper"},
            "weight": 1}]}),
        "InvokeAI", IMG,
        {"strength": 0.6, "refiner": "sdxl-refiner", "refiner_switch_at": 0.8, "vae": "fine.safetensors",
         "sampler": "Euler"},
        ("positive_style_prompt", "refiner_steps"), "made from a picture",
    ),
    "NovelAI, its comment alone": Peer(
        json.dumps({"prompt": "{{fox}}, [[sky]], (paw)", "uc": "lowres", "steps": 28, "height": 1216, "width": 832,
                    "scale": 5.0, "seed": 3, "n_samples": 1, "noise_schedule": "karras", "sampler":
                    "k_euler_ancestral", "sm": False, "cfg_rescale": 0.4, "dynamic_thresholding": True,
                    "request_type": "PromptGenerateRequest"}),
        "NovelAI", TXT,
        {"prompt": "(fox:1.1025), (sky:0.907), \\(paw\\)", "negative_prompt": "lowres", "sampler": "Euler a",
         "scheduler": "Karras", "width": 832, "height": 1216, "clip_skip": 2},
        ("cfg_rescale", "dynamic_thresholding"),
    ),
    "NovelAI 4": Peer(
        json.dumps({"prompt": "two foxes", "steps": 23, "height": 1024, "width": 1024, "scale": 5.5, "seed": 3,
                    "noise_schedule": "native", "sampler": "k_dpmpp_2m_sde", "uc": "old", "v4_prompt": {"caption": {
                        "base_caption": "1.5::two foxes:: , -1::rain::", "char_captions": [
                            {"char_caption": "red fox", "centers": [{"x": 0.5, "y": 0.5}]}, {"char_caption": ""}]},
                        "use_coords": False}, "v4_negative_prompt": {"caption": {"base_caption": "lowres",
                                                                                 "char_captions": []}}}),
        "NovelAI", TXT,
        {"prompt": "(two foxes:1.5) , (rain:-1), red fox", "negative_prompt": "lowres", "sampler": "DPM++ 2M SDE",
         "scheduler": "Automatic"},
        note="single characters",
    ),
    "a prompt alone": Peer("just a (prompt:1.2)", "", TXT, {"prompt": "just a (prompt:1.2)"}),
    "JSON of nobody": Peer('{"hello": "world"}', "", TXT, {"prompt": '{"hello": "world"}'}),
    "a JSON list": Peer('[{"prompt": "x"}]', "", TXT, {"prompt": '[{"prompt": "x"}]'}),
    "a prompt in curly brackets": Peer("{{{fox}}}, sky", "", TXT, {"prompt": "{{{fox}}}, sky"}),
}  # fmt: skip


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())
def test_what_peers_write_becomes_fields_and_nothing_is_lost(peer: Peer) -> None:
    back = read_text(peer.text, SHELF)
    assert {key: back.request.get(key, "not said") for key in peer.request} == peer.request
    assert (back.program, back.kind, tuple(sorted(back.unknown))) == (
        peer.program,
        peer.kind,
        tuple(sorted(peer.unknown)),
    )
    assert peer.note in " ".join(back.notes)
    assert bool(back.understood) is bool(peer.program or "prompt" in back.request)


def test_the_table_is_long() -> None:
    assert len(PEERS) >= 45


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())
def test_every_key_of_an_infotext_is_either_understood_or_not(peer: Peer) -> None:
    if peer.text.startswith("{"):
        return
    from redraw.image.infotext import parse

    back = read_text(peer.text, SHELF)
    for key in parse(peer.text):
        plain = key.removesuffix("-1").removesuffix("-2")
        told = {*back.understood, *back.unknown} & {key, plain}
        assert (
            told or key == "Negative prompt" or (key in ("Schedule type", "Scheduler") and "Sampler" in back.unknown)
        ), key
