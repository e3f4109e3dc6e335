// Package engine routes events to the subscriptions of one process. Both buses are a thin layer on it: localbus adds
// nothing, natsbus adds the other processes through [Outside].
//
// # Structure
//
// A topic's route, the list of subscriptions whose patterns match, is worked out once from an index of all patterns and kept
// with the topic until a subscription comes or goes. So publishing costs one look-up, the filters of those that match, and a
// push into the queue of each that passes; subscriptions that do not match cost nothing.
//
// Every subscription has a queue, a ring with a lock for writers and none for readers. Its two positions are its
// counters as well, which is why matched = delivered + dropped + queued holds in every snapshot.
//
// What comes from other processes is checked against the numbers of its publisher, see peers. What is missing, and what a queue has
// dropped, is told by the subscription's notifier; its goroutine is there only while there is something to tell.
//
// # Concurrency
//
// Everything is safe for concurrent use, but for Receive and Announced, which belong to one goroutine. No lock is held while a publisher waits for a full queue.
package engine
