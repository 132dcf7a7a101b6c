package webhook

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificate is a certificate that may be renewed on the disk while the server
// runs.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	mu       sync.Mutex
	loaded   *tls.Certificate
	modified time.Time // of the certificate's file when it was loaded
	looked   time.Time // at the file
}

// lookEvery is how often the file is looked at for a renewal.
const lookEvery = 10 * time.Second

func (c *certificate) load() error {
	for _, name := range []string{c.certFile, c.keyFile} { // a pipe or a device has no end
		if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file", name)
		}
	}
	info, err := os.Stat(c.certFile)
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.loaded, c.modified = &pair, info.ModTime()
	return nil
}

// get returns the current certificate. If a renewed one can't be loaded, perhaps
// because it is half written, the last one stays in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) > lookEvery {
		c.looked = now
		if info, err := os.Stat(c.certFile); err == nil && !info.ModTime().Equal(c.modified) {
			if err := c.load(); err != nil {
				c.log.Warn("can't load the renewed certificate; keeping the last one", "error", err)
			}
		}
	}
	return c.loaded, nil
}
