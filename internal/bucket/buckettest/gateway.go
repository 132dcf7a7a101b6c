package buckettest

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"veriffs/internal/bucket/s3bucket"
)

// gatewayVersion is the release of versitygw that .ci/setup installs.
const gatewayVersion = "v1.8.0"

// Name of the bucket that a gateway has, and the keys that it takes.
const (
	BucketName = "team"
	accessKey  = "veriffs-test"
	secretKey  = "not-a-secret-of-anybody"
)

// Gateway is versitygw over a directory: a real server of object storage.
type Gateway struct {
	URL string
	Dir string // of the bucket: an object is a file of its name

	t       *testing.T
	args    []string
	program *exec.Cmd
	log     string
}

// NewGateway starts a server on loopback with an empty bucket, which keeps versions if
// that is asked for. It gives the process its credentials. Where the server was not
// installed the test is skipped, but not in CI.
func NewGateway(t *testing.T, versions bool) *Gateway {
	t.Helper()
	binary := gatewayBinary(t)
	dir := t.TempDir()
	g := &Gateway{t: t, Dir: filepath.Join(dir, "data", BucketName), log: filepath.Join(dir, "log")}
	port := freePort(t)
	g.URL = "http://" + port
	g.args = []string{binary, "--access", accessKey, "--secret", secretKey, "--port", port, "--quiet", "posix"}
	if versions {
		kept := filepath.Join(dir, "versions")
		makeDirs(t, kept)
		g.args = append(g.args, "--versioning-dir", kept)
	}
	makeDirs(t, filepath.Dir(g.Dir))
	g.args = append(g.args, filepath.Dir(g.Dir))
	t.Setenv("AWS_ACCESS_KEY_ID", accessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	g.Start()
	t.Cleanup(g.Stop)
	g.makeBucket(versions)
	return g
}

// makeBucket makes the bucket that tests use.
func (g *Gateway) makeBucket(versions bool) {
	g.t.Helper()
	ctx := g.t.Context()
	client := g.client()
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(BucketName)}); err != nil {
		g.t.Fatal(err)
	}
	if !versions {
		return
	}
	_, err := client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: aws.String(BucketName), VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// client is the SDK's, for what a bucket of ours is never asked to do.
func (g *Gateway) client() *s3.Client {
	g.t.Helper()
	settings, err := config.LoadDefaultConfig(g.t.Context(), config.WithRegion("us-east-1"))
	if err != nil {
		g.t.Fatal(err)
	}
	return s3.NewFromConfig(settings, func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &g.URL, true })
}

// Open opens the gateway's bucket, through url or "" for the gateway's own.
func (g *Gateway) Open(url, prefix string) *s3bucket.Bucket {
	g.t.Helper()
	if url == "" {
		url = g.URL
	}
	b, err := s3bucket.Open(context.Background(), s3bucket.Options{Bucket: BucketName, Prefix: prefix, Endpoint: url, PathStyle: true})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { b.Close() })
	return b
}

// Start starts the server, and returns when it answers.
func (g *Gateway) Start() {
	g.t.Helper()
	log, err := os.OpenFile(g.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		g.t.Fatal(err)
	}
	defer log.Close()
	g.program = exec.Command(g.args[0], g.args[1:]...)
	g.program.Stdout, g.program.Stderr = log, log
	g.program.SysProcAttr = dieWithParent()
	if err := g.program.Start(); err != nil {
		g.t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
		if err == nil {
			conn.Close()
			return
		}
	}
	text, _ := os.ReadFile(g.log)
	g.t.Fatalf("%s does not answer\n%s", g.args[0], text)
}

// Revoke restarts the server so that it refuses the credentials that it took before, or
// takes them again.
func (g *Gateway) Revoke(revoked bool) {
	g.t.Helper()
	g.Stop()
	taken := secretKey
	if revoked {
		taken = "not-that-of-anybody-else"
	}
	g.args[slices.Index(g.args, "--secret")+1] = taken
	g.Start()
}

// Stop kills the server, as a crash would.
func (g *Gateway) Stop() {
	if g.program == nil {
		return
	}
	_ = g.program.Process.Signal(syscall.SIGKILL)
	_ = g.program.Wait()
	g.program = nil
}

func gatewayBinary(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			binary := filepath.Join(dir, "bin", "versitygw-"+gatewayVersion)
			if _, err := os.Stat(binary); err == nil {
				return binary
			}
			break
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("versitygw is not installed; .ci/setup test installs it")
	}
	t.Skip("versitygw is not installed; make test installs it")
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func makeDirs(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}
