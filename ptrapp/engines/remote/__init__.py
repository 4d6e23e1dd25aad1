"""An engine behind any OpenAI-compatible server, vLLM first."""
