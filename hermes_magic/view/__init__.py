"""What a person sees: live widget, static bundle, terminal text."""
