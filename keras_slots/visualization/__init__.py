"""Pictures of scenes and their slots."""
