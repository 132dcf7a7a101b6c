package sandbox

import (
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"time"
)

// pieces is how many writes a second a limited bandwidth is spread over.
const pieces = 50

// delivery is an answer on its way.
type delivery struct {
	sandbox *Sandbox
	w       http.ResponseWriter
	r       *http.Request
	plan    *plan
	answer  reply
}

// deliver signs the answer and sends it as the plan says. It returns early if
// the client goes away.
func (d *delivery) deliver() {
	w, r, p, answer := d.w, d.r, d.plan, d.answer
	if !sleep(r, p.latency) {
		return
	}
	if p.refuse {
		panic(http.ErrAbortHandler)
	}
	signature := p.signature
	if !p.forged {
		signature = hex.EncodeToString(sign(p.secret, io.NewSectionReader(answer.body, 0, answer.size)))
	}
	size := max(answer.size-p.shorten, 0)
	h := w.Header()
	h.Set("Content-Type", answer.contentType)
	h.Set("X-AUTH-CLIENT", d.sandbox.APIKey)
	if signature != "" {
		h.Set("X-HMAC-SIGNATURE", signature)
	}
	if !p.chunked {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
	}
	for name, values := range p.header {
		h[name] = values
	}
	if p.garbled || p.extra > 0 {
		d.raw()
		return
	}
	w.WriteHeader(answer.status)
	if p.chunked || p.stall != nil || p.cut != nil {
		flush(w)
	}
	d.send(size)
}

// send writes the body, stopping where the plan has something to happen.
func (d *delivery) send(size int64) {
	w, r, p, answer := d.w, d.r, d.plan, d.answer
	end, cut := size, false
	if p.cut != nil && *p.cut < size {
		end, cut = *p.cut, true
	}
	stop := end
	if p.stall != nil {
		stop = min(*p.stall, end)
	}
	body := answer.body
	if p.flip != nil {
		body = flipped{body, p.flip(answer.size)}
	}
	out := &counted{ResponseWriter: w, sandbox: d.sandbox, plan: p, left: end}
	sent := send(out, r, p.bandwidth, io.NewSectionReader(body, 0, stop))
	if sent && p.stall != nil {
		flush(w)
		select {
		case <-p.stalled:
		case <-r.Context().Done():
			return
		}
		sent = send(out, r, p.bandwidth, io.NewSectionReader(body, stop, end-stop))
	}
	if sent && cut {
		flush(w)
		panic(http.ErrAbortHandler) // closes the connection
	}
}

// send writes a part of a body at a bandwidth, 0 being any, and reports
// whether all of it went out.
func send(w *counted, r *http.Request, bandwidth int64, part *io.SectionReader) bool {
	if bandwidth <= 0 {
		_, err := io.Copy(w, part)
		return err == nil
	}
	piece := max(bandwidth/pieces, 1)
	for {
		n, err := io.CopyN(w, part, piece)
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		flush(w.ResponseWriter)
		if !sleep(r, time.Duration(n)*time.Second/time.Duration(bandwidth)) {
			return false
		}
	}
}

// counted counts what is written before it is, so that whoever has received
// something finds it counted, and no request in flight that is answered.
type counted struct {
	http.ResponseWriter
	sandbox *Sandbox
	plan    *plan
	left    int64 // bytes until nothing more is to come
}

func (c *counted) Write(b []byte) (int, error) {
	c.left -= int64(len(b))
	c.sandbox.journal.sent(len(b))
	if c.left <= 0 {
		c.plan.finish()
	}
	return c.ResponseWriter.Write(b)
}

func flush(w http.ResponseWriter) {
	// A recorder that can't flush has nothing to be flushed to.
	_ = http.NewResponseController(w).Flush()
}

// sleep waits, and reports false if the client went away.
func sleep(r *http.Request, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// flipped is content with one byte inverted.
type flipped struct {
	content io.ReaderAt
	at      int64
}

func (f flipped) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.content.ReadAt(p, off)
	if f.at >= off && f.at < off+int64(n) {
		p[f.at-off] ^= 0xff
	}
	return n, err
}
