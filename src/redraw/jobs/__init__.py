"""Jobs that outlive the process: a durable queue, the files it names, and the worker that does the work."""
