package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/control"
	"github.com/daemoneye/eventbus/internal/report"
)

// discoveryInterval is how often gatherers look for programs that they do not know, which takes as long as an answer may take.
const discoveryInterval = 5 * time.Second

// maxPrograms bounds how many programs are told apart.
const maxPrograms = 1000

// gatherer reads the counters of the programs on a bus, again and again. It belongs to one goroutine.
type gatherer struct {
	bus        bus.Bus
	wait       time.Duration // how long answers may take
	rows       int           // of each table
	order      control.Sort
	discovered time.Time // when it has looked for new ones
	known      map[identity]report.Program
	spans      map[identity]span // when each was asked last, and when it answered
	refused    error             // the last refusal
}

// identity tells programs apart: two may have one id, by mistake.
type identity struct{ id, publisher string }

func identityOf(answer *control.DiagnosticsReport) identity {
	return identity{answer.ID, answer.Statistics.Publisher.String()}
}

func (i identity) compare(other identity) int {
	return cmp.Or(cmp.Compare(i.id, other.id), cmp.Compare(i.publisher, other.publisher))
}

func newGatherer(b bus.Bus, wait time.Duration, rows int) *gatherer {
	return &gatherer{bus: b, wait: wait, rows: rows, known: make(map[identity]report.Program), spans: make(map[identity]span)}
}

// next reads the counters and returns the programs that answered, by their ids. Nobody knows how many there are, so at first, and from
// time to time, it waits for as long as an answer may take; otherwise it is content with those that it knows. It returns
// [bus.ErrNoResponders] if nobody answers, or a refusal if there is nothing else.
func (g *gatherer) next(ctx context.Context) ([]report.Program, error) {
	discover := time.Since(g.discovered) >= discoveryInterval
	if discover {
		g.discovered = time.Now()
	}
	g.refused = nil
	var asking sync.WaitGroup
	var statuses map[identity]control.StatusReport
	if discover {
		asking.Go(func() { statuses = g.statuses(ctx) })
	}
	request := &control.DiagnosticsRequest{Subscriptions: &g.rows, Topics: &g.rows, Sort: g.order}
	limited, cancel := context.WithTimeout(ctx, g.wait)
	defer cancel()
	asked, answered := time.Now(), make(map[identity]bool)
	for answer, err := range control.AllDiagnostics(limited, g.bus, request) {
		who := identityOf(&answer)
		switch {
		case g.passes(err):
			continue
		case err != nil:
			if limited.Err() == nil || ctx.Err() != nil {
				asking.Wait()
				g.discovered = time.Time{} // whoever comes next may be new
				return nil, err
			}
			continue // nobody has answered in time
		case len(answered) == maxPrograms || answered[who]:
			continue
		}
		one := g.known[who]
		one.Before, one.After = one.After, answer
		g.known[who] = one
		answered[who], g.spans[who] = true, span{asked, time.Now()}
		if !discover && len(answered) >= len(g.known) {
			break
		}
	}
	asking.Wait()
	for who, status := range statuses {
		if one, ok := g.known[who]; ok {
			one.Status = status
			g.known[who] = one
		}
	}
	if len(answered) == 0 {
		g.discovered = time.Time{}
		return nil, cmp.Or(g.refused, bus.ErrNoResponders)
	}
	if discover { // who has not answered now has gone; before, it may have been late
		maps.DeleteFunc(g.known, func(who identity, _ report.Program) bool { return !answered[who] })
		maps.DeleteFunc(g.spans, func(who identity, _ span) bool { return !answered[who] })
	}
	var programs []report.Program
	for _, who := range slices.SortedFunc(maps.Keys(g.known), identity.compare) {
		programs = append(programs, g.known[who])
	}
	return programs, nil
}

// statuses returns who is there. Who does not say it is called by its id.
func (g *gatherer) statuses(ctx context.Context) map[identity]control.StatusReport {
	limited, cancel := context.WithTimeout(ctx, g.wait)
	defer cancel()
	all := make(map[identity]control.StatusReport)
	for status, err := range control.Statuses(limited, g.bus) {
		if err == nil && len(all) < maxPrograms {
			all[identity{status.ID, status.Publisher}] = status
		}
	}
	return all
}

// passes reports whether an error concerns one of those who answer, and not the others.
func (g *gatherer) passes(err error) bool {
	_, refused := errors.AsType[*bus.RequestError](err)
	_, strange := errors.AsType[*control.AnswerError](err)
	if refused || strange {
		g.refused = err
	}
	return refused || strange
}

// explain says what to do about a question that nobody answers.
func explain(err error, peer string) error {
	if errors.Is(err, bus.ErrNoResponders) || errors.Is(err, context.DeadlineExceeded) {
		return &codedError{exitNothing, fmt.Errorf("no program on the bus at %s answers: it may be older than this one, or too busy (--wait)", peer)}
	}
	if errors.Is(err, bus.ErrForbidden) {
		return fmt.Errorf("this role may not ask: use --creds with that of an agent or observer: %w", err)
	}
	return err
}
