"""How the starter model is made: data, VAE, UNet with text encoder, export, evaluation. See README.md."""
