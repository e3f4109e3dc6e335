// Package show writes events for the outside of the program: a line of text for a person, or a line of JSON for another program.
//
// # Use
//
//	printer := show.NewPrinter(os.Stdout, show.Text, show.UseColor(show.ColorAuto, os.Stdout, os.Getenv))
//	for event, err := range receiver.All(ctx) {
//		…
//		err = printer.Print(event)
//	}
//	err = printer.Flush()
//
// [NewStyledPrinter] has further forms, and selects fields. [WriteMessage] is for messages that did not come through a bus.
//
// # Text
//
// A line holds the time in UTC, the topic, the type, what happened, and the telling fields of the payload as key=value, named as on
// the wire:
//
//	2026-01-02T03:04:05.000Z events.process.lifecycle process start pid=4242 name=sleep command_line=sleep 7
//
// A value stands bare if it cannot be mistaken for something else, and in quotes otherwise ([Quote]), so an event cannot forge a
// field of its line. The command line comes last and runs to the end of the line, each argument quoted on its own. Long
// values are cut, and the line with them; "…" marks the place. Nothing is cut in JSON.
//
// # Untrusted strings
//
// The texts of an event come from the host that is being watched, and so may come from an attacker: a process can be named so that a
// terminal that prints the name obeys it. No form ever lets through a control character, a line break, an invisible or
// direction-changing character, or invalid UTF-8. They become escapes that are seen: \x1b or \u202e in text, \u001b in
// JSON, which still decodes to the same value. A template gets texts that are escaped already.
//
// # Terminals
//
// A [Console] has a live line below what is written, such as rates or progress, if its output is a terminal.
//
// # Concurrency
//
// The functions may be called from any goroutine. A [Printer] belongs to one goroutine at a time.
package show
