"""What is done with a result: its errors by bootstrap, and denoising."""
