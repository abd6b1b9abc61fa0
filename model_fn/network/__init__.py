"""The network: images to raw outputs, of plain operations."""
