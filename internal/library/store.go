package library

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"veriffs/cache"
	"veriffs/internal/catalog"
	"veriffs/veriff"
)

// What the sealed store holds, by key:
//
//	media/MEDIA                a file
//	session/SESSION/DOCUMENT   a document, verbatim, or that there is none
//	attempt/ATTEMPT/media      the listing of an attempt, verbatim
//	catalog                    see package catalog
//
// All but the catalog have a label.
const (
	mediaPrefix           = "media/"
	catalogKey  cache.Key = "catalog"
)

func mediaKey(id veriff.MediaID) cache.Key { return cache.Key(mediaPrefix + id.String()) }

func attemptMediaKey(id veriff.AttemptID) cache.Key {
	return cache.Key("attempt/" + id.String() + "/media")
}

func (k documentKey) key() cache.Key { return cache.Key("session/" + k.String()) }

// mediaOf returns which file is under a key.
func mediaOf(key cache.Key) (id veriff.MediaID, ok bool) {
	text, ok := strings.CutPrefix(string(key), mediaPrefix)
	if !ok {
		return id, false
	}
	id, err := veriff.ParseMediaID(text)
	return id, err == nil
}

// label is what is sealed beside each object: enough for erasure by session
// and for evidence, without another database.
type label struct {
	Session   string    `json:"session,omitempty"`
	Attempt   string    `json:"attempt,omitempty"`
	MIMEType  string    `json:"mimetype,omitempty"`
	SHA256    string    `json:"sha256"`
	Signature string    `json:"signature,omitempty"` // as received
	Secret    int       `json:"secret"`              // which of the configured secrets verified it, -1 for none
	Received  time.Time `json:"received"`
	Absent    bool      `json:"absent,omitempty"` // the API's signed word that there is none; without content
}

// idText is how a label names an id: empty if it is not known.
func idText[ID interface {
	IsZero() bool
	String() string
}](id ID) string {
	if id.IsZero() {
		return ""
	}
	return id.String()
}

func fileLabel(f *File, r veriff.Receipt) label {
	lb := labelOf(r)
	lb.Session, lb.Attempt, lb.MIMEType = idText(f.In.Session), idText(f.In.Attempt), f.MIMEType.Value()
	return lb
}

func labelOf(r veriff.Receipt) label {
	return label{
		SHA256:    hex.EncodeToString(r.SHA256[:]),
		Signature: r.Signature,
		Secret:    r.Secret,
		Received:  r.Received,
	}
}

// ownersOf reads whose an object is from its label; zero is unknown.
func ownersOf(text []byte) (session veriff.SessionID, attempt veriff.AttemptID) {
	var lb label
	if json.Unmarshal(text, &lb) != nil {
		return session, attempt
	}
	// What is no id stays zero.
	session, _ = veriff.ParseSessionID(lb.Session)
	attempt, _ = veriff.ParseAttemptID(lb.Attempt)
	return session, attempt
}

func (lb label) document(size int64) (Document, error) {
	d := Document{Size: size, Received: lb.Received}
	if n, err := hex.Decode(d.SHA256[:], []byte(lb.SHA256)); err != nil || n != len(d.SHA256) {
		return Document{}, errors.New("library: label without a hash")
	}
	return d, nil
}

// storeDocument keeps a verified body in the cache, with a label that says
// whose it is. Failing is the cache's business: it logs, and the body is asked
// for again.
func (l *core) storeDocument(key cache.Key, owners label, d veriff.Document) {
	lb := labelOf(d.Receipt)
	lb.Session, lb.Attempt = owners.Session, owners.Attempt
	if text, err := json.Marshal(lb); err == nil {
		putObject(l.cache, key, d.Body, text)
	}
}

// putObject stores an object. Failing is the cache's business, which has said why.
func putObject(store *cache.Cache, key cache.Key, body, label []byte) {
	w, err := store.Create(key, int64(len(body)))
	if err != nil {
		return
	}
	if _, err := w.Write(body); err != nil {
		w.Abort()
		return
	}
	if o, err := w.Commit(label); err == nil {
		o.Close()
	}
}

// storedLabel is a label and when what it stands beside was stored.
type storedLabel struct {
	label
	stored time.Time
}

// loadDocument returns a body kept by storeDocument.
func (l *core) loadDocument(key cache.Key) (body []byte, lb storedLabel, ok bool) {
	o, ok := l.cache.Get(key)
	if !ok {
		return nil, lb, false
	}
	defer o.Close()
	if json.Unmarshal(o.Label(), &lb.label) != nil {
		return nil, lb, false
	}
	lb.stored = o.Stored()
	body, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		return nil, lb, false
	}
	return body, lb, true
}

// catalogDelay is how long changes of the catalog gather before it is
// written: what a kill -9 can lose is asked of the API again.
const catalogDelay = 2 * time.Second

// storedCatalog writes the catalog down, one at a time, so that the last one
// that is written is the newest.
type storedCatalog struct {
	*catalog.Catalog
	store   *cache.Cache
	writing sync.Mutex
}

// load reads the catalog of the last mount. The error says why there is none,
// or why it could not be read: it is empty then.
func (c *storedCatalog) load() error {
	o, ok := c.store.Get(catalogKey)
	if !ok {
		return nil
	}
	defer o.Close()
	b, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		return err
	}
	return c.Decode(b)
}

// save writes the catalog if it has changed since it was last written.
func (c *storedCatalog) save() {
	c.writing.Lock()
	defer c.writing.Unlock()
	select {
	case <-c.Changed():
	default:
		return
	}
	b := c.Encode()
	if b == nil { // after an erasure
		_ = c.store.Remove(catalogKey) // it is gone, or will be
		return
	}
	putObject(c.store, catalogKey, b, nil)
}

// keepCatalog writes the catalog a while after each change.
func (l *core) keepCatalog() {
	for {
		select {
		case <-l.life.Done():
			return
		case <-l.catalog.Changed():
		}
		l.rest(catalogDelay)
		l.catalog.Mark()
		l.catalog.save()
	}
}
