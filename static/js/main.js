// Wires the modules that make the pages one application.
