"""A1111's command line as `GET /sdapi/v1/cmd-flags` shows it: every flag's name, with what is true of this server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# one text each, since one name to a line would fill a page
_OFF: Final = """
f update_all_extensions reinstall_xformers reinstall_torch update_check test_server log_startup skip_install
dump_sysinfo do_not_download_clip no_half_vae no_progressbar_hiding allow_code medvram medvram_sdxl lowvram lowram
always_batch_cond_uncond unload_gfpgan upcast_sampling share enable_insecure_extension_access xformers
force_enable_xformers xformers_flash_attention deepdanbooru opt_split_attention opt_sub_quad_attention
opt_split_attention_invokeai opt_split_attention_v1 opt_sdp_attention opt_sdp_no_mem_attention
disable_opt_split_attention disable_nan_check use_ipex disable_model_loading_ram_optimization listen
show_negative_prompt hide_ui_dir_config freeze_settings gradio_debug opt_channelslast autolaunch use_textbox_seed
enable_console_prompts disable_safe_unpickle api_log nowebui ui_debug_mode administrator no_gradio_queue no_hashing
add_stop_route api_server_stop disable_all_extensions disable_extra_extensions skip_load_model_at_start
unix_filenames_sanitization no_prompt_history
"""
_ON: Final = """
skip_python_version_check skip_torch_cuda_test skip_prepare_environment no_half disable_console_progressbars api
gradio_queue skip_version_check no_download_sd_model
"""
# Folders and files of the server are nobody's business, and neither are passwords: these are always null.
_UNTOLD: Final = """
loglevel data_dir models_dir config ckpt ckpt_dir vae_dir gfpgan_dir gfpgan_model embeddings_dir
textual_inversion_templates_dir hypernetwork_dir localizations_dir ngrok codeformer_models_path gfpgan_models_path
esrgan_models_path bsrgan_models_path realesrgan_models_path dat_models_path clip_models_path sub_quad_kv_chunk_size
sub_quad_chunk_threshold ui_config_file freeze_settings_in_sections freeze_specific_settings ui_settings_file
gradio_auth gradio_auth_path gradio_img2img_tool gradio_inpaint_tool theme vae_path api_auth device_id
cors_allow_origins cors_allow_origins_regex tls_keyfile tls_certfile disable_tls_verify server_name subpath
ldsr_models_path lora_dir lyco_dir_backcompat scunet_models_path swinir_models_path
"""
_OTHERS: Final[Mapping[str, Any]] = {
    "max_batch_count": 16,
    "precision": "autocast",
    "ngrok_region": "",
    "ngrok_options": {},
    "sub_quad_q_chunk_size": 1024,
    "use_cpu": [],
    "port": None,
    "gradio_allowed_path": [],
    "styles_file": [],
    "timeout_keep_alive": 30,
    "filenames_max_length": 128,
}


def flags(**true: Any) -> dict[str, Any]:
    """Return every flag of A1111's command line with its value; `true` replaces the usual ones."""
    usual: dict[str, Any] = dict.fromkeys(_OFF.split(), False)
    usual |= dict.fromkeys(_ON.split(), True) | dict.fromkeys(_UNTOLD.split())
    return {**usual, **_OTHERS, **true}
