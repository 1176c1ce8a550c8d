"""Draws with PyTorch: on the CPU by the host engine, on GPUs by a Triton kernel or plain operations."""
