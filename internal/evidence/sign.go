package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Namespace keeps a signature of a bag from being used for anything else.
const Namespace = "veriffs-evidence"

// Identity is the name of the signer in the lines of allowed signers that are
// printed. It means nothing by itself.
const Identity = "exporter"

// Signer signs. The installation's key is one.
type Signer interface {
	// SignSSH returns an armored SSHSIG of a message for a namespace.
	SignSSH(message io.Reader, namespace string) ([]byte, error)
	// Public is the public key as a line of authorized_keys.
	Public() string
}

// sshSigner is a key that is at hand.
type sshSigner struct{ ssh.Signer }

// SignSSH is part of Signer.
func (s sshSigner) SignSSH(message io.Reader, namespace string) ([]byte, error) {
	signature, err := sshsig.Sign(message, s.Signer, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, err
	}
	return sshsig.Armor(signature), nil
}

// Public is part of Signer.
func (s sshSigner) Public() string { return publicLine(s.PublicKey()) }

// ErrPassphrase says that a key is encrypted: an agent has to hold it.
var ErrPassphrase = errors.New("the key has a passphrase")

// LoadSigner returns the key in an OpenSSH file. Of a public key the private one
// must be with the agent whose socket is given.
func LoadSigner(file, agentSocket string) (Signer, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return sshSigner{signer}, nil
	case errors.As(err, &locked):
		if locked.PublicKey == nil {
			return nil, fmt.Errorf("evidence: %s: %w", file, ErrPassphrase)
		}
		if s, err := fromAgent(locked.PublicKey, agentSocket); err == nil {
			return s, nil
		}
		return nil, fmt.Errorf("evidence: %s: %w", file, ErrPassphrase)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, fmt.Errorf("evidence: %s is neither a private nor a public key in OpenSSH's format", file)
	}
	return fromAgent(public, agentSocket)
}

// agentSigner is a key that an SSH agent holds.
type agentSigner struct {
	public ssh.PublicKey
	socket string
}

// fromAgent returns the key of an agent that belongs to a public one.
func fromAgent(public ssh.PublicKey, socket string) (Signer, error) {
	s := &agentSigner{public, socket}
	return s, s.with(func(sshSigner) error { return nil })
}

// with calls f with the key, as long as the connection to the agent lasts.
func (s *agentSigner) with(f func(sshSigner) error) error {
	if s.socket == "" {
		return errors.New("evidence: no SSH agent is running (SSH_AUTH_SOCK is not set)")
	}
	conn, err := net.Dial("unix", s.socket)
	if err != nil {
		return fmt.Errorf("evidence: SSH agent: %w", err)
	}
	defer conn.Close()
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		return fmt.Errorf("evidence: SSH agent: %w", err)
	}
	for _, one := range signers {
		if bytes.Equal(one.PublicKey().Marshal(), s.public.Marshal()) {
			return f(sshSigner{one})
		}
	}
	return fmt.Errorf("evidence: the SSH agent does not have the key %s", ssh.FingerprintSHA256(s.public))
}

// SignSSH is part of Signer.
func (s *agentSigner) SignSSH(message io.Reader, namespace string) (signature []byte, err error) {
	err = s.with(func(key sshSigner) error {
		signature, err = key.SignSSH(message, namespace)
		return err
	})
	return signature, err
}

// Public is part of Signer.
func (s *agentSigner) Public() string { return publicLine(s.public) }

// publicLine is a key as a line of authorized_keys, without a newline.
func publicLine(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// AllowedSigner is the line that ssh-keygen -Y verify wants in its file of allowed
// signers to accept a key.
func AllowedSigner(public string) string {
	return fmt.Sprintf("%s namespaces=%q %s", Identity, Namespace, public)
}

// checkSignature checks an armored signature of a message. With a public key, as a
// line of authorized_keys, it must be that one's. It returns the signer's key.
func checkSignature(message, armored []byte, public string) (ssh.PublicKey, error) {
	signature, err := sshsig.Unarmor(armored)
	if err != nil {
		return nil, fmt.Errorf("not an SSH signature: %w", err)
	}
	key := signature.PublicKey
	if public != "" {
		if key, _, _, _, err = ssh.ParseAuthorizedKey([]byte(public)); err != nil {
			return nil, fmt.Errorf("the signer's key: %w", err)
		}
	}
	// The signature names its own hash; both that there are will do.
	if err := sshsig.Verify(bytes.NewReader(message), signature, key, signature.HashAlgorithm, Namespace); err != nil {
		return signature.PublicKey, err
	}
	return signature.PublicKey, nil
}

// CheckPublicKey refuses what is no line of authorized_keys; "" is no key.
func CheckPublicKey(line string) error {
	if line == "" {
		return nil
	}
	if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
		return errors.New("evidence: not a public key in OpenSSH's format")
	}
	return nil
}
