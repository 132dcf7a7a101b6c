//go:build linux

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	bucketName = "team"
	accessKey  = "veriffs-bench"
	secretKey  = "not-a-secret-of-anybody"
)

// storage is versitygw over a directory, which the mounts reach through a stand-in's
// relay. An object is a file of its name.
type storage struct {
	child
	url    string
	bucket string // the directory
}

// startStorage starts the newest versitygw that .ci/setup has installed, with an empty
// bucket. Its files are in memory: a store has a disk of its own.
func (b *bench) startStorage() *storage {
	found := must(filepath.Glob(filepath.Join(b.repository, "bin", "versitygw-*")))
	if len(found) == 0 {
		check(fmt.Errorf("there is no bin/versitygw-*: .ci/setup bench installs it"))
	}
	slices.Sort(found)
	listener := must(net.Listen("tcp", "127.0.0.1:0")) // a free port
	address := listener.Addr().String()
	check(listener.Close())
	dir := must(os.MkdirTemp(b.memory, "storage-"))
	s := &storage{url: "http://" + address, bucket: filepath.Join(dir, bucketName)}
	check(os.Mkdir(s.bucket, 0o700))
	check(os.Setenv("AWS_ACCESS_KEY_ID", accessKey)) // for the mounts
	check(os.Setenv("AWS_SECRET_ACCESS_KEY", secretKey))
	s.start(exec.Command(found[len(found)-1], "--access", accessKey, "--secret", secretKey,
		"--port", address, "--keep-alive", "--quiet", "posix", dir))
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			check(conn.Close())
			return s
		}
		if s.ended() || time.Now().After(deadline) {
			s.stop()
			check(fmt.Errorf("%s does not answer: %w %s", s.cmd.Path, err, s.stderr.String()))
		}
	}
}

// objects returns the names of what a prefix has, but for leases.
func (s *storage) objects(prefix string) []string {
	return slices.DeleteFunc(filesBelow(filepath.Join(s.bucket, prefix)), func(name string) bool {
		return strings.HasPrefix(name, "leases/")
	})
}

// team are the options of a mount that shares what a prefix has.
func (s *standin) team(prefix string) []string {
	return []string{"--team-store", "s3://" + bucketName + "/" + prefix, "--team-store-endpoint", s.Store, "--team-store-path-style"}
}

// relay has the stand-in pass requests on to a storage. With deny, it refuses every PUT of
// a lease, as a policy can.
func (s *standin) relay(to *storage, deny bool) {
	s.control(fmt.Sprintf("relay?to=%s&deny=%t", url.QueryEscape(to.url), deny), nil)
}

// relay passes requests on.
type relay struct {
	httputil.ReverseProxy
	to   atomic.Pointer[url.URL]
	deny atomic.Bool
}

func newRelay() *relay {
	r := new(relay)
	r.Rewrite = func(p *httputil.ProxyRequest) {
		p.SetURL(r.to.Load())
		p.Out.Host = p.In.Host // which is signed
	}
	r.Transport = &http.Transport{MaxIdleConnsPerHost: 1024}
	r.BufferPool = new(buffers)
	return r
}

func (r *relay) set(w http.ResponseWriter, req *http.Request) {
	to, err := url.Parse(req.FormValue("to"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.to.Store(to)
	r.deny.Store(req.FormValue("deny") == "true")
}

func (r *relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if r.deny.Load() && req.Method == http.MethodPut && strings.Contains(req.URL.Path, "/leases/") {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<Error><Code>AccessDenied</Code></Error>") // the client may have left
		return
	}
	r.ReverseProxy.ServeHTTP(w, req)
}

// buffers are used again, so that the relay is no more than a copy.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 128<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
