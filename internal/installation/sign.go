package installation

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
	"golang.org/x/mod/sumdb/note"
)

// Signer signs notes as name, which must be without spaces and pluses.
func (k *Key) Signer(name string) (note.Signer, error) {
	verifier := k.VerifierKey(name)
	fields := strings.Split(verifier, "+")
	if len(fields) < 3 {
		return nil, fmt.Errorf("installation: %q is no name for a key", name)
	}
	if _, err := note.NewVerifier(verifier); err != nil {
		return nil, fmt.Errorf("installation: key named %q: %w", name, err)
	}
	hash, err := strconv.ParseUint(fields[1], 16, 32)
	return &noteSigner{name, uint32(hash), k.private}, err
}

// VerifierKey is the key that checks what Signer(name) signed, in the form of
// note.NewVerifier: NAME+HASH+KEY. It is public.
func (k *Key) VerifierKey(name string) string {
	text, err := note.NewEd25519VerifierKey(name, k.private.Public().(ed25519.PublicKey))
	if err != nil {
		panic(err) // of a wrong length
	}
	return text
}

type noteSigner struct {
	name string
	hash uint32
	key  ed25519.PrivateKey
}

func (s *noteSigner) Name() string                    { return s.name }
func (s *noteSigner) KeyHash() uint32                 { return s.hash }
func (s *noteSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// SignSSH signs a message for a namespace, such as "veriffs-receipt", and returns
// an armored SSHSIG. Anyone checks it with
//
//	ssh-keygen -Y verify -f ALLOWED_SIGNERS -I IDENTITY -n NAMESPACE -s SIGNATURE < MESSAGE
func (k *Key) SignSSH(message io.Reader, namespace string) ([]byte, error) {
	signer, err := ssh.NewSignerFromSigner(k.private)
	if err != nil {
		return nil, err
	}
	s, err := sshsig.Sign(message, signer, sshsig.HashSHA512, namespace)
	if err != nil {
		return nil, fmt.Errorf("installation: sign: %w", err)
	}
	return sshsig.Armor(s), nil
}

// VerifySSH checks an armored SSHSIG of a message by the key in the line public, in
// the form that Public returns.
func VerifySSH(message io.Reader, armored []byte, public, namespace string) error {
	key, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(public))
	if err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return errors.New("installation: not one public key in OpenSSH's format")
	}
	s, err := sshsig.Unarmor(armored)
	if err != nil {
		return fmt.Errorf("installation: not an SSH signature: %w", err)
	}
	// The signature names its own hash; both that there are will do.
	return sshsig.Verify(message, s, key, s.HashAlgorithm, namespace)
}
