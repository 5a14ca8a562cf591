"""Floor 7: denoising inside search pipelines."""
