package natsbus

import (
	"encoding/binary"
	"fmt"

	"github.com/tinylib/msgp/msgp"

	"github.com/daemoneye/eventbus/bus"
	"github.com/daemoneye/eventbus/internal/link"
)

// batchBytes bounds a batch: an event that does not fit in begins the next one. It is some sixty process events; with more
// of them, the cost of a message is no longer seen beside that of its events.
const batchBytes = 16 << 10

// array32 begins a MessagePack array whose length is in the next four bytes, where it can be filled in at the end.
const array32 = 0xdd

// bin32 begins a MessagePack byte string whose length is in the next four bytes, likewise.
const bin32 = 0xc6

// A batch of one event is larger than that event by the two lengths.
var _ [link.BatchOverhead]byte = [msgp.ArrayHeaderSize + msgp.BytesPrefixSize]byte{}

// batch is a message with several events of one topic: a MessagePack array of byte strings, each of which is an event as it
// would be in a message of its own, or in its brief form. So each of them can be passed on, or be refused, alone.
type batch struct {
	events  uint32
	message []byte
}

// begin empties the batch. What one large event needed is not kept.
func (b *batch) begin() {
	if cap(b.message) > 4*batchBytes {
		b.message = nil
	}
	b.events = 0
	b.message = append(b.message[:0], array32, 0, 0, 0, 0)
}

// encode appends an event, in its brief form or as it is in a message of its own, and returns its bytes, which are valid until the
// next begin.
func (b *batch) encode(event *bus.Event, brief bool) (encoded []byte, err error) {
	start := len(b.message)
	marshal := (*bus.Event).MarshalMsg
	if brief {
		marshal = (*bus.Event).MarshalBrief
	}
	message, err := marshal(event, append(b.message, bin32, 0, 0, 0, 0))
	if err != nil {
		return nil, err
	}
	encoded = message[start+msgp.BytesPrefixSize:]
	binary.BigEndian.PutUint32(message[start+1:], uint32(len(encoded)))
	b.message = message
	b.events++
	return encoded, nil
}

// takeBack removes the event that was appended last, whose bytes these are.
func (b *batch) takeBack(encoded []byte) {
	b.message = b.message[:len(b.message)-msgp.BytesPrefixSize-len(encoded)]
	b.events--
}

// add appends the bytes of an event.
func (b *batch) add(encoded []byte) {
	b.message = msgp.AppendBytes(b.message, encoded)
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
