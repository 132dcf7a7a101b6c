package evidence

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/crypto/ssh"

	"veriffs/internal/evidence/bagpath"
	"veriffs/internal/evidence/stamp"
	"veriffs/internal/listing"
)

// logFolder is where the payload has the part of the access log.
const logFolder = "access-log"

// accessLog writes what the access log has about the sessions.
func (e *export) accessLog(ctx context.Context) error {
	if e.AccessLog == nil {
		return nil
	}
	extracts, err := e.AccessLog(ctx, e.plan.sessions())
	if err != nil {
		return fmt.Errorf("evidence: the access log's entries: %w", err)
	}
	for _, x := range extracts {
		if !listing.PossibleNameByContext(x.Name) && bagpath.Check(x.Name) != nil {
			return fmt.Errorf("evidence: %q is no name of a file", x.Name)
		}
		if err := e.write(e.payload, path.Join(payload, logFolder, x.Name), x.Body); err != nil {
			return err
		}
	}
	return nil
}

// tagFiles writes all but the payload and what is signed.
func (e *export) tagFiles() error {
	readme, err := e.readme()
	if err != nil {
		return err
	}
	files := []struct {
		name string
		text []byte
	}{
		{bagitName, []byte(bagitDeclaration)},
		{bagInfoName, e.bagInfo().text()},
		{readmeName, readme},
		{sheetName, e.page},
	}
	for _, a := range algorithms {
		files = append(files, struct {
			name string
			text []byte
		}{manifestPrefix + a + manifestSuffix, e.payload.text(a)})
	}
	for _, f := range files {
		if err := e.write(e.tags, f.name, f.text); err != nil {
			return err
		}
	}
	return nil
}

func (e *export) bagInfo() bagInfo {
	var b bagInfo
	b.add("Bagging-Date", e.Time.Format(time.DateOnly))
	b.add("Bag-Software-Agent", e.Tool)
	b.add("Bag-Size", humanize.IBytes(uint64(e.oxum)))
	b.add(oxumLabel, strconv.FormatInt(e.oxum, 10)+"."+strconv.Itoa(len(e.payload)))
	b.add("External-Description", "Media and documents of identity verification sessions, received from Veriff. "+
		"Attested by the exporter.")
	for _, id := range e.plan.sessions() {
		b.add("Veriffs-Session", id)
	}
	b.add("Veriffs-Exported", e.Time.Format(time.RFC3339))
	b.add(completeLabel, yesNo(len(e.sum.Missing) == 0))
	b.add("Veriffs-Access-Log", yesNo(e.AccessLog != nil))
	b.add(signerLabel, e.fingerprint())
	b.add(stampLabel, yesNo(e.Stamp != nil))
	return b
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// fingerprint is that of the key that signs.
func (e *export) fingerprint() string {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(e.Signer.Public()))
	if err != nil {
		return "unknown"
	}
	return ssh.FingerprintSHA256(key)
}

// sign writes the tag manifests, the signature and the time stamp.
func (e *export) sign(ctx context.Context) error {
	var signed string
	for _, a := range algorithms {
		name, text := tagPrefix+a+manifestSuffix, e.tags.text(a)
		if name == signedName {
			signed = string(text)
		}
		if err := e.write(nil, name, text); err != nil {
			return err
		}
	}
	signature, err := e.Signer.SignSSH(strings.NewReader(signed), Namespace)
	if err != nil {
		return fmt.Errorf("evidence: %w: %w", ErrSign, err)
	}
	e.sum.Signer = e.Signer.Public()
	// What was signed is checked as a reader will: an agent may hold another key.
	if _, err := checkSignature([]byte(signed), signature, e.sum.Signer); err != nil {
		return fmt.Errorf("evidence: %w: the new signature: %w", ErrSign, err)
	}
	if err := e.write(nil, signatureName, signature); err != nil || e.Stamp == nil {
		return err
	}
	reply, at, err := stamp.Ask(ctx, signature, e.Stamp)
	if err != nil {
		return fmt.Errorf("evidence: %w: %w", ErrStamp, err)
	}
	e.sum.Stamped = at
	return e.write(nil, stampName, reply)
}
