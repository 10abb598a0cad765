"""One file a task: the tab that offers it."""
