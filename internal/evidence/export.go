package evidence

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	"filippo.io/age"

	"veriffs/internal/evidence/sheet"
	"veriffs/internal/exhibit"
	"veriffs/internal/listing"
)

// Options is how an export is made.
type Options struct {
	// Time is when the export says that it was made.
	Time time.Time
	// Tool is the program and its version.
	Tool string
	// Partial lets an export be made that lacks something, and says so.
	Partial bool
	// Signer signs the bag. It is needed.
	Signer Signer
	// Stamp sends an RFC 3161 request to a time stamp authority; nil: no time stamp.
	Stamp func(ctx context.Context, request []byte) (reply []byte, err error)
	// Recipients can decrypt the bag, and nobody else; none: it is not encrypted.
	Recipients []age.Recipient
	// AccessLog returns what the access log has about sessions, proven; nil: there is
	// no access log.
	AccessLog func(ctx context.Context, sessions []string) ([]Extract, error)
	// Progress is told after each item; nil: nobody.
	Progress func(Progress)
}

// Extract is a file with a part of the access log.
type Extract struct {
	Name string // such as entries.jsonl
	Body []byte
}

// Progress is how far an export has come.
type Progress struct {
	Items, Done         int
	Bytes, DoneBytes    int64 // Bytes as far as the sizes are known
	Sessions, Completed int
}

// Summary is what an export has written.
type Summary struct {
	Destination string
	Sessions    int
	Files       int   // of the payload
	Bytes       int64 // of the payload
	Again       int   // items that an earlier run had written
	Missing     []exhibit.Missing
	Signer      string // the public key, as a line of authorized_keys
	Stamped     time.Time
}

// Export writes what is planned to dest, a directory or an archive by its name.
//
// Errors: ErrExists, ErrOtherRequest, ErrBusy, ErrBrokeOff, an *IncompleteError, those of the
// source, or the cause of ctx's end. What was written of a directory stays beside
// dest for the next call.
func Export(ctx context.Context, from exhibit.Source, plan *Plan, dest string, o Options) (Summary, error) {
	request, err := json.Marshal(struct {
		Format   string
		Want     exhibit.Selection
		Sessions []string
	}{recordFormat, plan.Selection, plan.sessions()})
	if err != nil {
		return Summary{}, err
	}
	out, err := newSink(dest, request, o.Recipients, o.Time)
	if err != nil {
		return Summary{}, err
	}
	e := newExport(from, plan, out, o)
	e.sum.Destination = dest
	if err := e.run(ctx); err != nil {
		out.abandon()
		return e.sum, err
	}
	return e.sum, nil
}

// export is an Export at work.
type export struct {
	Options
	from exhibit.Source
	plan *Plan
	out  sink

	payload, tags manifest
	oxum          int64 // bytes of the payload
	sheet         *sheet.Sheet
	page          []byte // the sheet, once it is whole
	done          Progress
	sum           Summary
}

func newExport(from exhibit.Source, plan *Plan, out sink, o Options) *export {
	o.Time = o.Time.UTC().Truncate(time.Second)
	e := &export{Options: o, from: from, plan: plan, out: out, payload: make(manifest), tags: make(manifest)}
	e.done.Items, e.done.Bytes = plan.count()
	e.done.Sessions = len(plan.Inventories)
	e.sum.Sessions = len(plan.Inventories)
	return e
}

func (e *export) run(ctx context.Context) error {
	if err := e.sessions(ctx); err != nil {
		return err
	}
	if err := e.accessLog(ctx); err != nil {
		return err
	}
	e.sum.Files, e.sum.Bytes = len(e.payload), e.oxum
	if err := e.tagFiles(); err != nil {
		return err
	}
	if err := e.sign(ctx); err != nil {
		return err
	}
	return e.out.finish()
}

// sessions writes what belongs to the sessions, and makes the contact sheet.
func (e *export) sessions(ctx context.Context) (err error) {
	if e.sheet, err = sheet.New(e.plan.sessions(), e.Time, e.Tool); err != nil {
		return err
	}
	for _, v := range e.plan.Inventories {
		if err := e.session(ctx, v); err != nil {
			return err
		}
		e.done.Completed++
	}
	signer := ""
	if e.Signer != nil {
		signer = e.fingerprint()
	}
	e.page, err = e.sheet.End(signer)
	return err
}

func (e *export) session(ctx context.Context, v exhibit.Inventory) error {
	r := Record{
		Format: recordFormat, Session: v.Session, Exported: e.Time, Tool: e.Tool, Selection: e.plan.Selection,
		Attempts: list(v.Attempts), Files: []FileRecord{}, LeftOut: list(v.LeftOut), Absent: list(v.Absent), Missing: list(v.Missing),
	}
	view := &sheet.Session{ID: v.Session, Absent: v.Absent}
	for _, i := range v.Items {
		path, err := pathOf(i, e.plan.Selection.AllAttempts)
		if err != nil {
			return err
		}
		look := new(sheet.Look)
		o, err := e.item(ctx, i, path, look)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && (!e.Partial || !errors.As(err, new(*sourceError))):
			return err
		case err != nil:
			if broken := e.out.discard(path); broken != nil {
				return fmt.Errorf("evidence: %s: %w: %w", path, broken, err)
			}
			r.Missing = append(r.Missing, exhibit.Missing{Name: path, Reason: err.Error()})
			e.progress(i.Listed)
			continue
		}
		file := fileRecord(path, i, o)
		if file.SignaturePath != "" {
			if err := e.write(e.payload, file.SignaturePath, signatureText(o)); err != nil {
				return err
			}
		}
		r.Files = append(r.Files, file)
		e.show(view, i, file, look)
		e.progress(o.Size)
	}
	r.Complete = len(r.Missing) == 0
	for _, m := range r.Missing {
		e.sum.Missing = append(e.sum.Missing, exhibit.Missing{Name: v.Session + ": " + m.Name, Reason: m.Reason})
	}
	text, err := toJSON(r)
	if err != nil {
		return err
	}
	if err := e.write(e.payload, path.Join(payload, v.Session, recordName), text); err != nil {
		return err
	}
	for _, m := range r.Missing {
		view.Missing = append(view.Missing, sheet.Reason(m))
	}
	for _, i := range v.LeftOut {
		view.LeftOut = append(view.LeftOut, i.Name)
	}
	return e.sheet.Add(view)
}

// show puts an item on the contact sheet.
func (e *export) show(v *sheet.Session, i exhibit.Item, r FileRecord, look *sheet.Look) {
	f := sheet.File{
		Name: i.Name, Attempt: i.Attempt, Context: i.Context, Size: r.Size, SHA256: r.SHA256,
		Received: r.Received, Verified: r.Verified, SecretID: r.SecretID,
	}
	switch i.Kind {
	case exhibit.Media:
		e.sheet.Show(v, f, look)
		return
	case exhibit.Hold:
		v.Hold(look)
		return
	}
	v.Document(f)
	if i.Name == listing.DecisionDocument.Name() {
		v.Decide(look)
	}
}

// signatureText is the file beside an API body with the headers that came with it.
func signatureText(o exhibit.Origin) []byte {
	if o.Signature == "" {
		return []byte("The reply had no signature.\n")
	}
	text := "X-HMAC-SIGNATURE: " + o.Signature + "\n"
	if o.Client != "" {
		text = "X-AUTH-CLIENT: " + o.Client + "\n" + text
	}
	return []byte(text)
}

func (e *export) progress(bytes int64) {
	e.done.Done++
	e.done.DoneBytes += max(0, bytes)
	if e.Progress != nil {
		e.Progress(e.done)
	}
}

// list makes an empty list of none, so that it is written as one.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// sessions are the ids of the plan.
func (p *Plan) sessions() (ids []string) {
	for _, v := range p.Inventories {
		ids = append(ids, v.Session)
	}
	return ids
}

// ContactSheet writes the contact sheet of what is planned, alone.
func ContactSheet(ctx context.Context, from exhibit.Source, plan *Plan, w io.Writer, o Options) (Summary, error) {
	e := newExport(from, plan, nowhere{}, o)
	if err := e.sessions(ctx); err != nil {
		return e.sum, err
	}
	e.sum.Files, e.sum.Bytes = e.done.Done, e.done.DoneBytes
	_, err := w.Write(e.page)
	return e.sum, err
}
