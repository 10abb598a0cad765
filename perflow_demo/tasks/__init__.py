"""What the program can do: one file a task, each with one Request and one Result."""
