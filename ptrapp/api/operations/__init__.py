"""What may be asked of the app by route, by name, or both: each thing defined once."""
