"""The pipelines that come with hubbub, one file each."""
