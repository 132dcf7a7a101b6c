package command

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/google/renameio/v2"
	"github.com/urfave/cli/v2"

	"veriffs/internal/control"
	"veriffs/internal/installation"
)

// stdoutName is the name of standard output, as a file to write to.
const stdoutName = "-"

// receiptFile is where a receipt goes; nil for nowhere.
type receiptFile struct {
	path string            // stdoutName: without a signature
	key  *installation.Key // nil with stdoutName
}

// openReceipt refuses to replace what is no regular file, such as /dev/null, and
// opens the key that signs, before anything is erased.
func openReceipt(c *cli.Context, k *keeper) (*receiptFile, error) {
	path := c.String(flagReceipt)
	if path == "" {
		return nil, nil
	}
	if path == stdoutName {
		return &receiptFile{path: path}, nil
	}
	for _, file := range []string{path, path + signatureSuffix} {
		if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
			return nil, usageError("--%s: %s is no regular file, and would be replaced", flagReceipt, file)
		}
	}
	if err := checkWritable(path); err != nil {
		return nil, err
	}
	key, err := k.installationKey(c.Context)
	var wrong *installation.Error
	if errors.As(err, &wrong) && !errors.As(err, new(*hinted)) {
		err = &usage{err: err, hint: wrong.Hint}
	}
	return &receiptFile{path, key}, err
}

// checkWritable fails if a file can't be written, before anything is done that the
// file is the evidence of.
func checkWritable(file string) error {
	pending, err := renameio.NewPendingFile(file, renameio.WithPermissions(0o600))
	if err != nil {
		return cantWrite(file, err, "nothing was erased")
	}
	return pending.Cleanup()
}

// cantWrite explains that a file can't be made beside its name. done says what was done.
func cantWrite(file string, err error, done string) error {
	var p *fs.PathError // it has the name of a temporary file
	if errors.As(err, &p) {
		err = p.Err
	}
	return &usage{err: fmt.Errorf("%s can't be written: %w", file, err), hint: done + "; name a file in a directory that is there and that you can write to"}
}

// besides is where all goes that is no receipt.
func (f *receiptFile) besides(c *cli.Context) io.Writer {
	if f != nil && f.path == stdoutName {
		return c.App.ErrWriter
	}
	return c.App.Writer
}

// write writes a receipt and its signature, each whole or not at all, so that they
// last. It returns what the access log is to know of it.
func (f *receiptFile) write(stdout io.Writer, r *receipt) (about control.Receipt, err error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return about, err
	}
	text = append(text, '\n')
	sum := sha256.Sum256(text)
	about = control.Receipt{Session: r.Asked.Session, Outcome: r.Outcome, SHA256: hex.EncodeToString(sum[:])}
	if f.path == stdoutName {
		_, err = stdout.Write(text)
		return about, err
	}
	about.SignedBy = f.key.Fingerprint()
	signature, err := f.key.SignSSH(bytes.NewReader(text), receiptNamespace)
	if err != nil {
		return about, err
	}
	if err := renameio.WriteFile(f.path, text, 0o600); err != nil {
		return about, err
	}
	return about, renameio.WriteFile(f.path+signatureSuffix, signature, 0o600)
}

// issue writes a receipt, and has the access log name it.
func (k *keeper) issue(c *cli.Context, f *receiptFile, r *receipt) error {
	if f == nil {
		return nil
	}
	about, err := f.write(c.App.Writer, r)
	if err != nil {
		return &hinted{err: fmt.Errorf("write the receipt: %w", err), code: exitFailed,
			hint: "what was erased is erased; the same purge with another --" + flagReceipt + " writes a receipt that proves that nothing is left"}
	}
	if f.path != stdoutName {
		fmt.Fprintf(c.App.Writer, "receipt: %s, its signature: %s\n", f.path, f.path+signatureSuffix)
	}
	return k.recordReceipt(c.Context, about)
}

func (k *keeper) recordReceipt(ctx context.Context, about control.Receipt) error {
	switch {
	case k.mount != nil:
		return k.mount.RecordReceipt(ctx, about)
	case k.records != nil:
		return control.RecordReceipt(ctx, k.records, about)
	}
	return nil
}
