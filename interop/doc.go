// Package interop has clients of other makers at a real collector: nats-py, nats.js, the nats CLI, and for comparison nats.go alone and a
// bus of this project. They watch, they publish, and they are refused; docs/clients.md shows their sources. Package page beside it has a
// browser, and package shell has shells.
//
// It is a module of its own, so that nobody who uses the buses gets these dependencies. Its tests need python3 with pip, node, npm,
// chromium, zsh, fish, mandoc and groff beside Go, and the package registries of these languages:
//
//	go test ./...
//
// Nothing is installed but in a temporary directory. What is missing is a failure that says how to get it.
package interop
