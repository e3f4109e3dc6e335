// Package bench measures the buses, on the machine that it runs on, against each other, against bare Go channels and plain NATS,
// and against whatever peers a program brings along. cmd/eventbus bench and the module benchmarks are its two fronts.
//
// # Use
//
//	if code, asked := bench.Worker(peers); asked {
//		os.Exit(code)
//	}
//	report, err := bench.Run(ctx, bench.Config{Peers: peers})
//
// The first lines have to be there because each measurement runs in a process of its own: the program that calls [Run] starts
// itself again, once for each of them and once more where two processes take part. So no measurement inherits
// the heap, the goroutines or the peak memory of another, and processor time and memory are those of the measured system alone.
//
// # Method
//
// The work is the same for everybody: 4096 process events that differ from each other, published in turn by pointer. A run counts
// when the last subscriber has read the last event; each reader sums up what it read, and a run with a wrong sum is an error.
// How many events a run takes is found by a warm-up, which does not count.
//
// All measurements are made once, in turn, in each of several rounds. What is compared was measured in the same round, so that
// a machine that is busy for a while spoils a round and not a result: the ratio is the median of the rounds' ratios, its
// spread is the distance between their quartiles.
//
// # Two processes
//
// Over core NATS nobody holds a publisher back, so the benchmark does: its subscriber acknowledges every 512 events over a
// pipe, and at most 8192 are on their way, for every system alike. What is lost all the same is counted and shown.
//
// # Units
//
// Times are nanoseconds in fields that are integers, seconds in those that are not; sizes are bytes; rates are events per second.
//
// # Concurrency and errors
//
// [Run] measures one thing at a time. A measurement that fails ends it, with what the process said on standard error. When the
// context ends, the processes are killed.
package bench
