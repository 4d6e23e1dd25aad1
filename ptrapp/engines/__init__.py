"""Engines that sample completions: messages in, streamed completions out."""
