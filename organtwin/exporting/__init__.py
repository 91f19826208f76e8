"""What a case holds as files for other systems, one format a file."""
