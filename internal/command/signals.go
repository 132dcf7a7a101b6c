package command

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
)

// secondSignal is how long after the first signal another one still counts as the
// same: a mount that is killed before it is unmounted stays behind, dead.
const secondSignal = time.Second

// untilTold returns a context that ends when SIGINT, SIGTERM or SIGHUP tells the
// process to end. A second SIGINT or SIGTERM then kills the process at once. A second
// SIGHUP does not: closing a terminal window sends two, one from the shell and one
// from the kernel.
func untilTold(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) && !isInBackground() { // under nohup; in the background it reopens the log: see reopenLog
		signal.Notify(told, syscall.SIGHUP)
	}
	go func() {
		for {
			select {
			case s := <-told:
				if s == syscall.SIGHUP && hangupsReopen.Load() {
					continue
				}
				cancel()
				time.Sleep(secondSignal)
				signal.Reset(syscall.SIGINT, syscall.SIGTERM)
			case <-ctx.Done():
			}
			return
		}
	}()
	return ctx, cancel
}

// outliveReader keeps SIGPIPE from killing the process when the reader of its output
// ends, which would leave a dead mount behind.
func outliveReader() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// hangupsReopen is set when SIGHUP reopens the log file, and ends nothing.
var hangupsReopen atomic.Bool

// reopenLog makes SIGHUP, which log rotation sends, reopen the log file. A process in
// the foreground does so if it has a file and no terminal, as a service: there is no
// window that could close.
func reopenLog(file io.Closer, background bool, log *slog.Logger) {
	if _, ok := file.(*logFile); !background && (!ok || hasTerminal()) {
		return
	}
	hangupsReopen.Store(true)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for range hangups {
			f, ok := file.(*logFile)
			if !ok {
				continue
			}
			if err := f.reopen(); err != nil {
				log.Warn("can't reopen the log file; still writing to the old one", "error", err)
			}
		}
	}()
}

// hasTerminal reports whether this process has a controlling terminal.
func hasTerminal() bool {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	terminal.Close()
	return true
}
