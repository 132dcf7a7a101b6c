package sessionlist

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStreams(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name, pipe := filepath.Join(dir, "a.txt"), filepath.Join(dir, "pipe")
	write(t, name, "@1\n")
	must(t, syscall.Mkfifo(pipe, 0o600))
	stdin, input := io.Pipe()
	s, err := Open(t.Context(), []string{name, Stdin, pipe}, Options{Stdin: stdin})
	must(t, err)
	defer s.Close()
	if _, err := ReadFile(pipe, nil); !errors.Is(err, errNotRegular) {
		t.Errorf("a pipe without a writer: %v", err) // and it did not wait for one
	}
	end, err := os.OpenFile(pipe, os.O_RDWR, 0)
	must(t, err)
	_, err = end.WriteString(fill("@2\n"))
	must(t, err)
	io.WriteString(input, fill("@3\n"))
	eventually(t, func() string { return cmp.Diff(ids(1), s.Snapshot()) }) // it does not wait for the streams
	input.Close()
	eventually(t, func() string { return cmp.Diff(ids(1, 3), s.Snapshot()) })
	must(t, end.Close())
	must(t, s.Wait(t.Context()))
	if diff := cmp.Diff(ids(1, 2, 3), s.Snapshot()); diff != "" {
		t.Error(diff)
	}
}

func TestWaitNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "sessions.txt")
	write(t, name, "nothing\n")
	s, err := Open(t.Context(), []string{name, Stdin}, Options{Stdin: strings.NewReader("{}")})
	must(t, err)
	defer s.Close()
	err = s.Wait(t.Context())
	if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "sessionlist: -:") {
		t.Errorf("got %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	never, input := io.Pipe()
	defer input.Close()
	s, err = Open(t.Context(), []string{Stdin}, Options{Stdin: never})
	must(t, err)
	defer s.Close()
	if err := s.Wait(canceled); err == nil {
		t.Error("waiting ended without an error before standard input did")
	}
	s.Close()
	if err := s.Wait(t.Context()); err == nil {
		t.Error("waiting ended without an error though it was closed")
	}
}
