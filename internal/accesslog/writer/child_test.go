package writer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/logtest"
	"veriffs/internal/installation"
)

// child runs in a process of its own, which is killed: it mounts, and records until
// then.
func child() {
	dir := os.Getenv(childVariable)
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	key, err := installation.Open(filepath.Join(dir, "installation", "key"))
	fail(err)
	l, err := Open(Options{Path: filepath.Join(dir, "log", "access.log"), Key: key, Mode: accesslog.Required})
	fail(err)
	fail(l.Mounted(accesslog.Record{Mountpoint: "/m"}))
	for i := 0; ; i++ {
		fail(l.Record(context.Background(), logtest.Opened(i)))
		if i == 20 {
			fmt.Println("ready")
		}
	}
}
