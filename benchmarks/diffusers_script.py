"""The peer of `redraw img2img`: a diffusers script a user would write, run in a fresh process by `first_picture`.

Arguments: folder, source, result, prompt, steps, strength, bf16 or fp32.
"""

import sys

import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionImg2ImgPipeline
from PIL import Image

folder, source, result, prompt, steps, strength, dtype = sys.argv[1:]
torch_dtype = {"bf16": torch.bfloat16, "fp32": torch.float32}[dtype]
pipe = StableDiffusionImg2ImgPipeline.from_pretrained(folder, torch_dtype=torch_dtype, local_files_only=True)
pipe.scheduler = EulerDiscreteScheduler.from_config(pipe.scheduler.config)
pipe.unet.to(memory_format=torch.channels_last)
pipe.vae.to(memory_format=torch.channels_last)
picture = pipe(
    prompt=prompt,
    image=Image.open(source).convert("RGB"),
    strength=float(strength),
    num_inference_steps=int(steps),
    guidance_scale=7.0,
    generator=torch.Generator().manual_seed(1),
).images[0]
picture.save(result)
