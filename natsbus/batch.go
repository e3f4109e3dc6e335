package natsbus

import (
	"encoding/binary"
	"fmt"

	"github.com/tinylib/msgp/msgp"

	"github.com/daemoneye/eventbus/bus"
)

// batchBytes bounds a batch: an event that does not fit in begins the next one. It is some forty process events; with more
// of them, the cost of a message is no longer seen beside that of its events.
const batchBytes = 16 << 10

// array32 begins a MessagePack array whose length is in the next four bytes, where it can be filled in at the end.
const array32 = 0xdd

// batch is a message with several events of one topic: a MessagePack array of byte strings, each of which is an event as it
// would be in a message of its own. So each of them can be passed on, or be refused, alone.
type batch struct {
	subject, topic string
	events         uint32
	message        []byte
}

// begin empties the batch, for events of that topic.
func (b *batch) begin(subject, topic string) {
	b.subject, b.topic, b.events = subject, topic, 0
	b.message = append(b.message[:0], array32, 0, 0, 0, 0)
}

// holds says whether the batch takes another event of that size, in bytes.
func (b *batch) holds(subject string, size int) bool {
	return b.subject == subject && len(b.message)+msgp.BytesPrefixSize+size <= batchBytes
}

// add appends an event. One that is too large is alone in its batch.
func (b *batch) add(event []byte) {
	b.message = msgp.AppendBytes(b.message, event)
	b.events++
}

// close returns the message. It is valid until the next begin.
func (b *batch) close() []byte {
	binary.BigEndian.PutUint32(b.message[1:], b.events)
	return b.message
}

// readBatch calls yield with each event of a message. It returns an error if the message is no batch.
func readBatch(message []byte, yield func(event []byte)) error {
	n, rest, err := msgp.ReadArrayHeaderBytes(message)
	if err != nil {
		return &bus.InvalidError{Field: "batch", Reason: "cannot be read: " + err.Error(), Err: err}
	}
	for i := range n {
		var event []byte
		if event, rest, err = msgp.ReadBytesZC(rest); err != nil {
			return &bus.InvalidError{Field: fmt.Sprintf("batch[%d]", i), Reason: "cannot be read: " + err.Error(), Err: err}
		}
		yield(event)
	}
	if len(rest) > 0 {
		return &bus.InvalidError{Field: "batch", Value: fmt.Sprint(len(rest), " bytes"), Reason: "behind its end"}
	}
	return nil
}
