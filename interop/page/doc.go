// Package page has a browser look at the page of package observe: a headless Chromium, driven over its DevTools protocol. It looks at a
// real collector, and at a bus of the test that is brought into states which a collector rarely has.
//
// The tests need a Chromium, the package chromium of Debian. They watch everything that the page asks for and says: no request goes
// anywhere else, and nothing is refused by the page's own policy.
//
//	go test ./page -run TestPicture -update    # makes docs/page.png anew
package page
