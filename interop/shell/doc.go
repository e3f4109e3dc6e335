// Package shell has the shells and the readers of manual pages at what eventbus prints for them: completion in zsh and in fish (that of bash
// is tested beside the program), and the pages as mandoc and groff see them. Its tests need zsh, fish, mandoc and groff.
package shell
