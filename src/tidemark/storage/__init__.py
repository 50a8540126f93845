"""Storage: where what the platform knows is kept: MongoDB, and the run folders on any file system."""
