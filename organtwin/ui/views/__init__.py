"""What is looked at: slices, the organ in 3D, scenarios side by side, the timeline, charts."""
