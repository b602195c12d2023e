"""Questions about the package, and a script that answers each."""
