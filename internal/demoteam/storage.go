package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// The server's directory in that of the demonstration, its bucket, and the keys it takes.
const (
	storageDir = "storage"
	bucketName = "team"
	accessKey  = "veriffs-demo"
	secretKey  = "not-a-secret-of-anybody"
)

// storage is versitygw over a directory, in which a directory is a bucket.
type storage struct {
	url     string
	program *exec.Cmd
}

// startStorage starts the newest server that a pattern names, and returns when it answers.
func startStorage(ctx context.Context, pattern, dir string) (*storage, error) {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there is no %s: make demo-team installs it", pattern)
	}
	newest := newestOf(found)
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, bucketName), 0o700); err != nil {
		return nil, err
	}
	s := &storage{url: "http://" + address}
	s.program = exec.Command(newest, "--access", accessKey, "--secret", secretKey, "--port", address, "--quiet", "posix", dir)
	var said bytes.Buffer
	s.program.Stdout, s.program.Stderr = &said, &said
	s.program.SysProcAttr = dieWithParent()
	if err := s.program.Start(); err != nil {
		return nil, err
	}
	if err := answers(ctx, address); err != nil {
		s.stop()
		return nil, fmt.Errorf("%s: %w\n%s", newest, err, said.Bytes())
	}
	return s, nil
}

// newestOf returns which program has the newest version in its name, such as
// versitygw-v1.8.0.
func newestOf(programs []string) string {
	return slices.MaxFunc(programs, func(a, b string) int { return semver.Compare(versionOf(a), versionOf(b)) })
}

func versionOf(program string) string {
	_, version, _ := strings.Cut(filepath.Base(program), "-")
	return version
}

func (s *storage) stop() {
	_ = s.program.Process.Kill()
	_ = s.program.Wait()
}

// answers waits for a server.
func answers(ctx context.Context, address string) (err error) {
	for end := time.Now().Add(step); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		var conn net.Conn
		if conn, err = net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
	}
	return err
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
