"""Where models come from: folders, the hub, GGUF files, and what the data folder keeps of them."""
