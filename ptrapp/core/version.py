"""The version of Thrice, written here alone: packaging and the HTTP API read it."""

VERSION = "0.2.0"
