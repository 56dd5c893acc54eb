"""The samplers, one module per family; `redraw.registry.builtin` names them."""
