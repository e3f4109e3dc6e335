package observe

import (
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// pageHTML is the whole page: there is nothing to fetch but this and what live serves.
//
//go:embed page.html
var pageHTML string

// addPage adds the page and what it shows.
func addPage(mux *http.ServeMux, l *live) error {
	policy, err := contentPolicy(pageHTML)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		guard(h)
		h.Set("Content-Security-Policy", policy)
		h.Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, pageHTML) // who has asked may be gone
	})
	mux.HandleFunc("GET /live", l.serve)
	return nil
}

// guard keeps other pages away from an answer: they may not read, frame or open it, and it tells them nothing.
func guard(h http.Header) {
	for name, value := range map[string]string{
		"Cache-Control":                "no-store",
		"Cross-Origin-Embedder-Policy": "require-corp",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
	} {
		h.Set(name, value)
	}
}

// contentPolicy returns the policy under which nothing runs but the page's own style and script, which it names by their hashes, and
// nothing is fetched but from where the page is from. No text becomes markup: the script may not even try (trusted-types).
func contentPolicy(page string) (string, error) {
	style, err := blockHash(page, "style")
	if err != nil {
		return "", err
	}
	script, err := blockHash(page, "script")
	if err != nil {
		return "", err
	}
	return strings.Join([]string{
		"default-src 'none'", "script-src " + script, "style-src " + style, "connect-src 'self'", "img-src data:", "base-uri 'none'",
		"form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
	}, "; "), nil
}

// blockHash returns the source expression of what is in the page's only element of that name.
func blockHash(page, element string) (string, error) {
	_, rest, _ := strings.Cut(page, "<"+element+">")
	block, after, ok := strings.Cut(rest, "</"+element+">")
	if !ok || strings.Contains(after, "<"+element) {
		return "", fmt.Errorf("the page has not exactly one %s", element)
	}
	hash := sha256.Sum256([]byte(block))
	return "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'", nil
}
