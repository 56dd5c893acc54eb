"""Schedulers, noise, denoisers, guidance and samplers: from a noisy latent to a clean one."""
