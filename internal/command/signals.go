package command

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// secondSignal is how long after the first signal another one is taken for the
// same: a mount that is killed before it has left the tree stays there, dead.
const secondSignal = time.Second

// untilTold returns a context that ends when the process is told to end, by
// SIGINT, SIGTERM or SIGHUP. A second SIGINT or SIGTERM, if it is one, then ends
// the process at once, but no SIGHUP: who closes a terminal's window sends two,
// one by the shell and one by the kernel.
func untilTold(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) && !isInBackground() { // nohup; or it means something else: see reopenLog
		signal.Notify(told, syscall.SIGHUP)
	}
	go func() {
		select {
		case <-told:
			cancel()
			time.Sleep(secondSignal)
			signal.Reset(syscall.SIGINT, syscall.SIGTERM)
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// outliveReader keeps a process from being ended by the end of whoever read its
// output: a mount would be left behind, dead.
func outliveReader() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// reopenLog makes SIGHUP, as log rotation sends it, open a log file anew.
func reopenLog(file io.Closer, log *slog.Logger) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			f, ok := file.(*logFile)
			if !ok {
				continue
			}
			if err := f.reopen(); err != nil {
				log.Warn("the log file can't be opened anew, the old one goes on", "error", err)
			}
		}
	}()
}
