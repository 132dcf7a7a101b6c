package sandbox

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// pieceOfBody is how much of a body is sent where it does not belong.
const pieceOfBody = 64

// GarbledHeaders answers with the beginning of the body in place of headers.
func GarbledHeaders() Effect {
	return func(p *plan, _ *Fault) { p.garbled = true }
}

// Unsolicited sends the beginning of the body once more after its end, when
// nobody has asked for anything, and leaves the connection open.
func Unsolicited() Effect {
	return func(p *plan, _ *Fault) { p.extra = pieceOfBody }
}

// raw sends what a server of net/http would not.
func (d *delivery) raw() {
	w, p, answer := d.w, d.plan, d.answer
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer conn.Close()
	body := make([]byte, answer.size)
	if _, err := answer.body.ReadAt(body, 0); err != nil && err != io.EOF {
		panic("sandbox: content can't be read: " + err.Error())
	}
	piece := body[:min(pieceOfBody, len(body))]
	if p.garbled {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n"+string(piece)+"\r\n\r\n")
		return
	}
	response := http.Response{
		StatusCode: answer.status, ProtoMajor: 1, ProtoMinor: 1, Header: w.Header(),
		ContentLength: answer.size, Body: io.NopCloser(bytes.NewReader(body)),
	}
	var out bytes.Buffer
	_ = response.Write(&out)
	out.Write(piece)
	p.finish()
	if _, err := conn.Write(out.Bytes()); err != nil {
		return
	}
	// Until the client closes the connection.
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, _ = conn.Read(make([]byte, 1))
}
