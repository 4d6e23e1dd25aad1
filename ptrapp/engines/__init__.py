"""Sampling engines: messages in, streamed completions out."""
