package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daemoneye/eventbus"
	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/credentials"
	"github.com/daemoneye/eventbus/internal/report"
	"github.com/daemoneye/eventbus/internal/show"
)

// learnt is what the checks before have found out.
type learnt struct {
	config     eventbus.Config // zero if it cannot be read
	deprecated []eventbus.Warning

	place   serverPlace
	located bool   // place says where the socket is
	socket  bool   // there is one
	serving bool   // somebody serves there
	pid     int    // who; 0 if that is not known
	listens string // the URL of the listener

	credentialsDir string
	credentials    []credentials.Credential
	listed         bool

	bus      bus.Bus
	peer     string
	programs []report.Program
	times    []span // of the second reading, one for each program
}

// span is when an answer was given: between the question and its arrival.
type span struct{ asked, arrived time.Time }

// end gives the connection back.
func (e *examination) end(ctx context.Context) {
	if e.bus != nil {
		release(ctx, e.bus, slog.New(slog.DiscardHandler))
	}
}

// checkAttach connects, as every other program would.
func checkAttach(ctx context.Context, e *examination) ([]finding, string) {
	if e.URL == "" && !e.serving {
		return nil, notServing
	}
	e.client = "eventbus doctor"
	// Of what was said of another user's server, there has been a word already.
	quiet := *e.streams
	quiet.stderr = io.Discard
	b, peer, err := e.attach(ctx, &quiet, slog.New(slog.DiscardHandler))
	if err == nil {
		e.bus, e.peer = b, peer
		return nil, ""
	}
	var remedy string
	switch text := err.Error(); {
	case errors.Is(err, nats.ErrAuthorization) || errors.Is(err, nats.ErrPermissionViolation) || strings.Contains(text, "uthoriz"):
		remedy = "Use a credential that the server knows: --creds, eventbus creds list. A user has a role by event_bus.nats.role and event_bus.nats.users"
	case errors.Is(err, context.DeadlineExceeded) || strings.Contains(text, "timeout"):
		remedy = "It accepts connections and says nothing: look at its log, and restart it if it hangs"
	case e.URL != "":
		remedy = "Check the address, the network and whether the server runs; for tls:// also --ca and the server's certificate"
	default:
		remedy = "Look at the collector's log, and restart it"
	}
	return found(remedy, "This tool cannot attach: %v", err), ""
}

// notAttached is why checks of what programs say are skipped.
const notAttached = "nothing to ask was found"

// betweenReadings is how long the second reading of the counters comes after the first one.
const betweenReadings = time.Second

// checkAnswers asks every program how it is, and twice what it counts.
func checkAnswers(ctx context.Context, e *examination) ([]finding, string) {
	if e.bus == nil {
		return nil, notAttached
	}
	gather := newGatherer(e.bus, e.Wait, control.DefaultRows)
	gather.order = control.SortByDropped
	_, err := gather.next(ctx)
	if err == nil {
		select {
		case <-time.After(betweenReadings):
		case <-ctx.Done():
			return nil, ""
		}
		gather.discovered = time.Time{} // so that all are waited for
		e.programs, err = gather.next(ctx)
		for _, p := range e.programs {
			e.times = append(e.times, gather.spans[identityOf(&p.After)])
		}
	}
	switch {
	case err == nil:
		return nil, ""
	case errors.Is(err, bus.ErrForbidden):
		return found("Use the credential of an observer or an agent: --creds", "This role may not ask how programs are: %v", err), ""
	case errors.Is(err, bus.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded):
		return found("Restart the collector if it hangs, and update it if it is older than this tool; --wait gives it more time",
			"No program on the bus at %s answers", e.peer), ""
	}
	return found("Look at the collector's log", "No program on the bus at %s answers as it should: %v", e.peer, err), ""
}

// checkRunning asks the program that serves here how it is configured, so that its files can be looked at. What another host has, this one does
// not, so none is asked beyond the socket.
func checkRunning(ctx context.Context, e *examination) ([]finding, string) {
	at := slices.IndexFunc(e.programs, func(p report.Program) bool { return p.Status.PID == e.pid })
	if e.pid == 0 || at < 0 {
		return nil, "the program that serves has not said how it is configured"
	}
	id := e.programs[at].After.ID
	if n := len(byID(e.programs)[id]); n > 1 {
		return nil, fmt.Sprintf("%d programs are called %s, and the answer could be another's", n, show.Quote(id))
	}
	limited, cancel := context.WithTimeout(ctx, e.Wait)
	defer cancel()
	answer, err := control.Configuration(limited, e.bus, id)
	if err != nil {
		return nil, fmt.Sprintf("it does not say how it is configured: %v", err)
	}
	var findings []finding
	for _, setting := range answer.Settings {
		if setting.Pending != nil {
			findings = append(findings, found("Restart it", "%s still has %s = %v, although the configuration says %v by now",
				show.Quote(answer.ID), setting.Key, setting.Value, setting.Pending)...)
		}
		e.inForce(setting)
	}
	return findings, ""
}

// inForce makes a value that is in force one that is looked at, unless --config said another.
func (e *examination) inForce(setting control.Setting) {
	nats := &e.config.NATS
	into := map[string]*string{
		"event_bus.nats.tls_cert": &nats.TLSCert, "event_bus.nats.tls_key": &nats.TLSKey, "event_bus.nats.tls_ca": &nats.TLSCA,
		"event_bus.nats.leaf.hub": &nats.Leaf.Hub, "event_bus.nats.leaf.tls_ca": &nats.Leaf.TLSCA,
	}[setting.Key]
	text, ok := setting.Value.(string)
	if !ok || into == nil || *into != "" {
		return
	}
	if setting.Key == "event_bus.nats.leaf.hub" || filepath.IsAbs(text) { // where the program was started is not known
		*into = text
	}
}

// each looks at each program that has answered.
func (e *examination) each(look func(i int, p *report.Program) []finding) ([]finding, string) {
	if len(e.programs) == 0 {
		return nil, notAttached
	}
	var findings []finding
	for i := range e.programs {
		findings = append(findings, look(i, &e.programs[i])...)
	}
	return findings, ""
}

// checkHealth repeats what programs say of themselves. What a counter says as well, its own check says better.
func checkHealth(_ context.Context, e *examination) ([]finding, string) {
	return e.each(func(_ int, p *report.Program) []finding {
		switch {
		case p.Status.Health == bus.HealthStopping:
			return found("Wait until it has ended, and start it again if it was not meant to", "%s is about to end", show.Quote(p.After.ID))
		case !p.After.Statistics.Connected:
			return found("It comes back by itself once its server is there: look after that", "%s has not been connected to its server for %v",
				show.Quote(p.After.ID), p.After.Statistics.DisconnectedFor.Round(time.Second))
		}
		var findings []finding
		for _, reason := range p.Status.Reasons {
			if !strings.HasPrefix(reason, "subscription ") {
				findings = append(findings, found("Look at its log", "%s is %s: %s", show.Quote(p.After.ID), p.Status.Health, reason)...)
			}
		}
		return findings
	})
}

// byID returns who the programs of each id are.
func byID(programs []report.Program) map[string][]string {
	who := make(map[string][]string)
	for _, p := range programs {
		who[p.After.ID] = append(who[p.After.ID], fmt.Sprintf("%s, process %d on %s", show.Quote(p.Status.Program), p.Status.PID, show.Quote(p.Status.Host)))
	}
	return who
}

// checkIdentities looks whether each program has an id of its own.
func checkIdentities(_ context.Context, e *examination) (findings []finding, skipped string) {
	if len(e.programs) == 0 {
		return nil, notAttached
	}
	who := byID(e.programs)
	for _, id := range slices.Sorted(maps.Keys(who)) {
		if of := who[id]; len(of) > 1 {
			findings = append(findings, found("Give each another health.id: a request to one reaches all, and nobody notices if one of them stops",
				"%d programs are called %s: %s", len(of), show.Quote(id), strings.Join(of, ", and "))...)
		}
	}
	return findings, ""
}

// checkVersions looks whether the programs are of one version.
func checkVersions(_ context.Context, e *examination) ([]finding, string) {
	if len(e.programs) == 0 {
		return nil, notAttached
	}
	versions := make(map[string][]string)
	for _, p := range e.programs {
		if version := p.Status.Version; isRelease(version) {
			versions[version] = append(versions[version], show.Quote(p.After.ID))
		}
	}
	if own := moduleVersion(); isRelease(own) {
		versions[own] = append(versions[own], "this tool")
	}
	if len(versions) == 0 {
		return nil, "nothing here was built from a release"
	}
	if len(versions) == 1 {
		return nil, ""
	}
	var each []string
	for version, who := range versions {
		slices.Sort(who)
		each = append(each, fmt.Sprintf("%s (%s)", version, strings.Join(who, ", ")))
	}
	slices.Sort(each)
	return found("Install the same version everywhere, and restart what runs", "There are programs of different versions: %s", strings.Join(each, ", ")), ""
}

// isRelease reports whether a version says what a program is built from.
func isRelease(version string) bool { return strings.HasPrefix(version, "v") }

// clockTolerance is how far clocks may be apart: less is a matter of how they are kept.
const clockTolerance = time.Second

// checkClocks compares the times in the answers with those at which they can have been given.
func checkClocks(_ context.Context, e *examination) ([]finding, string) {
	return e.each(func(i int, p *report.Program) []finding {
		said, span := p.After.Time, e.times[i]
		var apart time.Duration
		switch {
		case said.Before(span.asked):
			apart = span.asked.Sub(said)
		case said.After(span.arrived):
			apart = said.Sub(span.arrived)
		}
		if said.IsZero() || apart <= clockTolerance {
			return nil
		}
		return found("Keep both clocks by NTP (timedatectl set-ntp true): times of events are not comparable otherwise",
			"The clock of %s, on %s, is %v apart from the one here", show.Quote(p.After.ID), show.Quote(p.Status.Host), apart.Round(100*time.Millisecond))
	})
}

// checkHeartbeats looks at whom the programs miss.
func checkHeartbeats(_ context.Context, e *examination) ([]finding, string) {
	told := make(map[string]bool)
	return e.each(func(_ int, p *report.Program) []finding {
		var findings []finding
		for _, peer := range p.Status.Peers {
			if peer.Health != bus.HealthMissing || told[peer.ID] {
				continue
			}
			told[peer.ID] = true
			findings = append(findings, found("Look whether it still runs, and at its log; start it again", "%s misses the heartbeats of %s, which was last heard %v ago",
				show.Quote(p.After.ID), show.Quote(peer.ID), time.Since(peer.LastHeard).Round(time.Second))...)
		}
		return findings
	})
}
