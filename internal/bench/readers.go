//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"syscall"
	"time"
)

// opens are the times of many opens, and what was read of the files.
type opens struct {
	Open  []time.Duration // until open(2) has returned
	First []time.Duration // from before the open until the first read has returned
	Bytes int64           // of whole files
}

func (o *opens) add(other opens) {
	o.Open, o.First = append(o.Open, other.Open...), append(o.First, other.First...)
	o.Bytes += other.Bytes
}

func (o opens) String() string {
	return fmt.Sprintf("open %s, p99.9 %s; first byte %s, p99.9 %s",
		middle(o.Open), seconds(quantile(o.Open, 0.999)), middle(o.First), seconds(quantile(o.First, 0.999)))
}

// middle formats all but the tail.
func middle(times []time.Duration) string {
	return fmt.Sprintf("p50 %s, p99 %s", seconds(quantile(times, 0.5)), seconds(quantile(times, 0.99)))
}

// quantile returns the least time that so large a part of the times does not exceed.
func quantile(times []time.Duration, part float64) time.Duration {
	n := int(math.Ceil(part * float64(len(times))))
	return slices.Sorted(slices.Values(times))[max(n, 1)-1]
}

// readFiles is the role of a process that reads files. It is told which, says that it is
// ready, reads them when it is told to, and then says how long each took.
func readFiles(ctx context.Context, _ []string) {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	var (
		files []string
		told  bool
	)
	check(in.Decode(&files))
	check(out.Encode(true))
	check(in.Decode(&told))
	check(out.Encode(readAll(ctx, files)))
	awaitEnd(ctx)
}

// readAll reads files whole, one after the other.
func readAll(ctx context.Context, files []string) (o opens) {
	buffer := make([]byte, 128<<10) // as cp and cat do
	for _, file := range files {
		check(ctx.Err()) // nothing else here would notice a signal
		start := time.Now()
		f := must(os.Open(file))
		o.Open = append(o.Open, time.Since(start))
		n, err := f.Read(buffer)
		o.First = append(o.First, time.Since(start))
		for o.Bytes += int64(n); err == nil; o.Bytes += int64(n) {
			n, err = f.Read(buffer)
		}
		if !errors.Is(err, io.EOF) {
			check(err)
		}
		check(f.Close())
	}
	return o
}

// reader is such a process.
type reader struct {
	child
	in  *json.Encoder
	out *json.Decoder
}

func startReader(files []string) *reader {
	r := new(reader)
	in, out := r.self("read-files")
	r.in, r.out = json.NewEncoder(in), json.NewDecoder(out)
	check(r.in.Encode(files))
	return r
}

// answer reads what the process says next.
func (r *reader) answer(into any) {
	if err := r.out.Decode(into); err != nil {
		r.stop() // its messages are complete then
		check(fmt.Errorf("a reader: %w: %s", err, r.stderr.String()))
	}
}

// readers has a process for each list of files read it, all at once. The time is from
// when all are ready until the last one has read its last file.
func (b *bench) readers(lists [][]string) (o opens, took time.Duration) {
	all := make([]*reader, len(lists))
	for i, files := range lists {
		all[i] = startReader(files)
		defer all[i].stop()
	}
	end := context.AfterFunc(b.ctx, func() {
		for _, r := range all {
			_ = r.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
		}
	})
	defer end()
	for _, r := range all {
		r.answer(new(bool))
	}
	results := make([]opens, len(all))
	took = elapsed(func() {
		for _, r := range all {
			check(r.in.Encode(true))
		}
		for i, r := range all {
			r.answer(&results[i])
		}
	})
	for _, result := range results {
		o.add(result)
	}
	return o, took
}
