package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"

	"veriffs/internal/accesslog"
	"veriffs/internal/accesslog/audit"
	"veriffs/internal/evidence"
	"veriffs/internal/installation"
)

// recipients reads the recipients of an encrypted export.
func recipients(texts []string) (to []age.Recipient, err error) {
	for _, text := range texts {
		parsed, err := age.ParseRecipients(strings.NewReader(text))
		if err != nil || len(parsed) != 1 {
			return nil, usageError("--encrypt-to: %q is no age recipient, which begins with age1", text)
		}
		to = append(to, parsed[0])
	}
	return to, nil
}

// ownSigner returns the installation's key, which attests an export unless another is
// named.
func (k *keeper) ownSigner(ctx context.Context) (evidence.Signer, error) {
	key, err := k.installationKey(ctx)
	var unusable *installation.Error
	if errors.As(err, &unusable) {
		hint := unusable.Hint
		if known := new(hinted); errors.As(err, &known) {
			hint = known.hint
		}
		return nil, &hinted{err: err, code: exitRecords, hint: hint + "; or sign with another key: --sign-key"}
	}
	return key, err
}

// loadSigner returns the key that --sign-key names.
func loadSigner(file string) (evidence.Signer, error) {
	s, err := evidence.LoadSigner(file, os.Getenv("SSH_AUTH_SOCK"))
	if errors.Is(err, evidence.ErrPassphrase) {
		return nil, &usage{err: fmt.Errorf("--sign-key: %w", err), hint: "add it to an SSH agent with ssh-add, then try again"}
	}
	if err != nil {
		return nil, usageError("--sign-key: %s", trimPackage(err))
	}
	return s, nil
}

// proofName is the file of a bag with the access log's records, proven.
const proofName = "proof.json"

// accessLogPath returns the file of the access log in which the command is recorded,
// or "" if no log is kept.
func (k *keeper) accessLogPath(ctx context.Context) (string, error) {
	switch {
	case k.mount != nil:
		status, err := k.mount.Status(ctx)
		if err != nil || status.AccessLog == nil {
			return "", err
		}
		return status.AccessLog.Path, nil
	case k.records == nil:
		return "", nil
	}
	return k.records.Path(), nil
}

// accessLogOf returns what proves the access log's records of sessions, or nil if no
// log is kept.
func (k *keeper) accessLogOf(ctx context.Context) (func(context.Context, []string) ([]evidence.Extract, error), error) {
	var prove func(context.Context, []string) (*audit.Proof, error)
	switch path, err := k.accessLogPath(ctx); {
	case path == "":
		return nil, err
	case k.mount != nil:
		prove = k.mount.Prove
	default:
		prove = func(_ context.Context, sessions []string) (*audit.Proof, error) {
			return k.records.Prove(accesslog.Filter{Sessions: sessions})
		}
	}
	return func(ctx context.Context, sessions []string) ([]evidence.Extract, error) {
		proof, err := prove(ctx, sessions)
		if err != nil {
			return nil, err
		}
		if proof == nil {
			return nil, errors.New("the mount keeps no access log any more")
		}
		text, err := json.MarshalIndent(proof, "", "  ")
		return []evidence.Extract{{Name: proofName, Body: append(text, '\n')}}, err
	}, nil
}

// checkAccessLog checks what accessLogOf wrote.
func checkAccessLog(files map[string][]byte) (string, error) {
	for name := range files {
		if name != proofName {
			return "", fmt.Errorf("%q is no part of the access log", name)
		}
	}
	proof, err := audit.ParseProof(files[proofName])
	if err != nil {
		return "", err
	}
	state, err := proof.Verify(proof.Key)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s of the access log: they are in it, at its checkpoint of %s records, signed by %s; that there are no others is not proven",
		english.Plural(len(proof.Entries), "record", ""), humanize.Comma(state.Size), proof.Key), nil
}

// Bounds of a call of a time stamp authority.
const (
	stampTimeout = 30 * time.Second
	maxStamp     = 1 << 20 // bytes
)

// stamper returns what asks a time stamp authority; nil without one.
func stamper(address string) (func(context.Context, []byte) ([]byte, error), error) {
	if address == "" {
		return nil, nil
	}
	if !isServer(address) {
		return nil, usageError("--timestamp must be an http or https URL, %s", not(withoutQuery(address)))
	}
	return func(ctx context.Context, request []byte) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, stampTimeout)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(request))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/timestamp-query")
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			// The text of a url.Error repeats the address, which may hold a token.
			if u := (*url.Error)(nil); errors.As(err, &u) {
				err = u.Err
			}
			return nil, fmt.Errorf("ask %s: %w", r.URL.Host, err)
		}
		defer reply.Body.Close()
		if reply.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("the authority answered with HTTP status %d", reply.StatusCode)
		}
		return io.ReadAll(io.LimitReader(reply.Body, maxStamp+1))
	}, nil
}
