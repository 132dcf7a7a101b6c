package installation

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/adrg/xdg"
	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// maxFile bounds the key's file, in bytes.
const maxFile = 16 << 10

// comment is what ssh-keygen shows of a key.
const comment = "veriffs-installation"

// Error says for people why the key can't be used.
type Error struct {
	Path string
	Err  error
	Hint string // what to do about it
}

func (e *Error) Error() string { return fmt.Sprintf("the installation's key %s: %v", e.Path, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Key is the key of this installation.
type Key struct {
	private ed25519.PrivateKey
	path    string
}

// DefaultPath is where the key is unless a setting says otherwise:
// veriffs/installation.key in the user's data directory.
func DefaultPath() string { return filepath.Join(xdg.DataHome, "veriffs", "installation.key") }

// Open reads the key at path, or makes one if there is none. An error is an *Error.
func Open(path string) (*Key, error) {
	k, err := Load(path)
	if !errors.Is(err, iofs.ErrNotExist) {
		return k, err
	}
	if err := create(path); err != nil {
		return nil, &Error{path, err, "name a file in a directory of your own with --installation-key"}
	}
	return Load(path)
}

// Load reads the key at path. Without one it returns an *Error that wraps
// fs.ErrNotExist, and makes none.
func Load(path string) (*Key, error) {
	text, err := read(path)
	if err != nil {
		hint := "name another file with --installation-key"
		switch {
		case errors.Is(err, iofs.ErrNotExist):
			hint = "the key is made by the first mount with --access-log; name its file with --installation-key"
		case errors.Is(err, errOpen):
			hint = "make it yours alone: chmod 600 " + path
		}
		return nil, &Error{path, err, hint}
	}
	parsed, err := ssh.ParseRawPrivateKey(text)
	private, ok := parsed.(*ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, &Error{path, errors.New("not an OpenSSH private key of type Ed25519 without passphrase"),
			"restore the file from a backup: with another key the access log does not go on"}
	}
	return &Key{*private, path}, nil
}

// errOpen is a file that others may read or write.
var errOpen = errors.New("other users may read or change it")

func read(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, errors.New("is a symbolic link")
	}
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, bare(err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return nil, err
	}
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case int(st.Uid) != os.Geteuid():
		return nil, errors.New("belongs to another user")
	case info.Mode().Perm()&0o077 != 0:
		return nil, errOpen
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile))
	return text, bare(err)
}

// create makes a key, unless another process is quicker.
func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".installation-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(pem.EncodeToMemory(block))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	// A link is atomic, and does not replace the key of another process.
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, iofs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// bare drops the path that the message already has.
func bare(err error) error {
	var p *iofs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Path is the key's file.
func (k *Key) Path() string { return k.path }

// Dir is the installation's directory, which holds the key and what else the
// installation must remember.
func (k *Key) Dir() string { return filepath.Dir(k.path) }

// Public is the public key as a line of authorized_keys, without a newline.
func (k *Key) Public() string {
	return strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(k.sshPublic())), "\n")
}

// Fingerprint is SHA256:… as ssh-keygen -l prints it.
func (k *Key) Fingerprint() string { return ssh.FingerprintSHA256(k.sshPublic()) }

func (k *Key) sshPublic() ssh.PublicKey {
	public, err := ssh.NewPublicKey(k.private.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err) // an Ed25519 key is always one
	}
	return public
}
