"""The engine that uses an OpenAI-compatible server, such as vLLM."""
