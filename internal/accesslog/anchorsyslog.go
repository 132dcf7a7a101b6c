package accesslog

import (
	"context"
	"log/syslog"
	"strings"
)

// syslogAnchor sends a checkpoint as one line, in which " | " stands for a newline.
type syslogAnchor struct{}

func (syslogAnchor) Name() string { return "syslog:" }

func (syslogAnchor) Publish(_ context.Context, checkpoint []byte) error {
	w, err := syslog.New(syslog.LOG_NOTICE|syslog.LOG_AUTHPRIV, "veriffs")
	if err != nil {
		return err
	}
	defer w.Close()
	return w.Notice("access log checkpoint: " + oneLine(checkpoint))
}

// oneLine writes a checkpoint in a line; linesOf reads it again.
func oneLine(checkpoint []byte) string {
	return strings.ReplaceAll(strings.TrimSuffix(string(checkpoint), "\n"), "\n", " | ")
}
