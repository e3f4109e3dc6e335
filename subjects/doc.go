// Package subjects is the grammar of the bus's topics: which names are topics,
// which patterns select them, how both are written as NATS subjects, and the
// hierarchy of topics that the system uses.
//
// It is a leaf: it imports only the standard library, and everything else that
// needs to know what a topic is imports it.
//
// # Topics
//
// A topic is 2 to 5 segments joined by dots, at most 255 bytes in all. A
// segment is one or more of a-z, 0-9, '_' and '-'. The first segment is the
// domain: events or control. The names system and debug are reserved in that
// place. [ValidateTopic] checks all of this; every refusal is an [*Error] that
// names the offending byte and segment.
//
//	events.process.lifecycle
//	control.collector.task.yara_scan.host-7
//
// # Patterns
//
// A [Pattern] selects topics. A wildcard is always a whole segment:
//
//   - + and * stand for exactly one segment;
//   - # stands for zero or more segments and must be the last segment;
//   - > stands for one or more segments and must be the last segment.
//
// Patterns match topics and nothing else. So events.# does not match events,
// which is one segment and no topic, and a wildcard in the first place ranges
// over the two domains only. [ParsePattern] refuses a pattern that no topic can
// match, such as + alone or one of six segments, because it is a mistake that
// would otherwise show itself only as silence.
//
// [ParsePattern] also understands the names that an older bus used:
//
//   - process and process.* mean events.process.+; network, filesystem and
//     performance likewise;
//   - control and control.* mean control.+;
//   - any other pattern whose first segment is neither a domain nor a wildcard
//     gets events. in front, except that system and debug stay reserved.
//
// [Pattern.String] is the canonical text, in which the old names are replaced
// and * is written +. Patterns of equal canonical text are equal with ==.
//
// # NATS subjects
//
// A topic is its own NATS subject. A pattern is one to four subjects
// ([Pattern.Subjects]), because NATS has no wildcard for zero or more segments:
// x.# is both x and x.>. The subjects of one pattern never overlap, so a
// subscriber to all of them receives no message twice. No subject starts with a
// wildcard: on a server that also carries inboxes and system subjects, # is
// events.> and control.>, never >.
//
// The subjects of a pattern can let through names that are no topics, such as
// events.A or a name of nine segments from a foreign publisher. [FromSubject]
// refuses those on arrival.
//
// # Matching many patterns
//
// An [Index] maps patterns to values, usually subscriptions, and finds the
// values for a topic in a time that depends on the depth of the topic and the
// number of values found, not on the number of patterns held.
//
// # The hierarchy
//
// Constants name every fixed topic of the system, functions such as
// [CollectorTaskFor] make those with variable parts, and [Hierarchy] lists who
// publishes and who reads each. Other topics are valid too; the hierarchy only
// has nothing to say about them.
//
// # Concurrency and allocation
//
// Functions and values of this package may be used by any number of goroutines
// at once, except an [Index], whose methods state their rules. [ValidateTopic],
// [FromSubject] and [Pattern.Match] allocate nothing on success.
package subjects
