"""The policy in training: base model, LoRA weights, forward pass, and the published adapter."""
