package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"syscall"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/urfave/cli/v2"

	"veriffs/internal/sessionlist"
	"veriffs/internal/webhook"
	"veriffs/veriff"
)

// webhookOptions say where to receive webhooks and which file to write.
type webhookOptions struct {
	address   string // host:port
	cert, key string // files; both empty: no TLS
	file      *sessionlist.File
}

// readWebhook reads the flags of a receiver; listen names the flag of its address.
// Without an address there is no receiver.
func readWebhook(c *cli.Context, listen string, files []string) (o webhookOptions, err error) {
	o.cert, o.key = c.String(flagTLSCert), c.String(flagTLSKey)
	if o.address, err = listenAddress(c, listen); err != nil {
		return o, err
	}
	if (o.cert == "") != (o.key == "") {
		return o, usageError("--%s and --%s must be given together", flagTLSCert, flagTLSKey)
	}
	if o.address != "" {
		o.file, err = editableFile(files)
	}
	return o, err
}

// receiver receives webhooks while the process does other things.
type receiver struct {
	webhook *webhook.Receiver
	server  *webhook.Server
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error // why it ended; read it only after ended
	tls     bool
}

// newReceiver starts to listen. onSession, if not nil, is called for each session
// of a webhook.
func newReceiver(ctx context.Context, o webhookOptions, api *veriff.Config, onSession func(veriff.SessionID), log *slog.Logger) (*receiver, error) {
	hook, err := webhook.New(webhook.Config{APIKey: api.APIKey, Secrets: api.Secrets, Add: o.file.Add, OnSession: onSession, Logger: log})
	if err != nil {
		return nil, err
	}
	// The certificate files may be pipes.
	server, err := interruptible(ctx, func() (*webhook.Server, error) {
		return webhook.Listen(webhook.ServerConfig{Address: o.address, CertFile: o.cert, KeyFile: o.key, Logger: log}, hook)
	})
	if err != nil {
		hook.Close()
		hint := "check the address (HOST:PORT) and the certificate files"
		if errors.Is(err, syscall.EADDRINUSE) {
			hint = "another program, perhaps another veriffs, already listens there: choose another port"
		}
		return nil, &hinted{err: fmt.Errorf("can't receive webhooks: %w", err), hint: hint, code: exitFailed}
	}
	serving, cancel := context.WithCancel(context.Background())
	r := &receiver{webhook: hook, server: server, cancel: cancel, ended: make(chan struct{}), tls: o.cert != ""}
	go func() {
		defer close(r.ended)
		if r.err = server.Serve(serving); r.err != nil {
			log.Error("stopped receiving webhooks", "error", r.err)
		}
	}()
	return r, nil
}

// address is the URL at which it listens.
func (r *receiver) address() string {
	scheme := "http"
	if r.tls {
		scheme = "https"
	}
	return scheme + "://" + r.server.Addr().String()
}

// close waits for requests in progress and returns why the receiver ended, or nil
// if this call ended it.
func (r *receiver) close() error {
	r.cancel()
	<-r.ended
	r.webhook.Close()
	return r.err
}

func webhookCommand() *cli.Command {
	flags := []cli.Flag{}
	for _, f := range apiFlags() {
		switch f.Names()[0] {
		case flagProfile, flagAPIKey, flagSecretFile:
			flags = append(flags, f)
		}
	}
	flags = append(flags, sessionsFlag("add the sessions to `FILE`"))
	flags = append(flags, webhookFlags(&cli.StringFlag{Name: flagListen, Category: groupHook, EnvVars: variables(flagWebhook), Value: "127.0.0.1:8787",
		Usage: "receive webhooks on `HOST:PORT`"})...)
	return &cli.Command{
		Name:   "webhook",
		Usage:  "receive Veriff's webhooks and add their sessions to a sessions file",
		Flags:  append(flags, logFlags()...),
		Action: receive,
	}
}

func receive(c *cli.Context) error {
	if err := arguments(c, 0, 0); err != nil {
		return err
	}
	p, err := useProfile(c)
	if err != nil {
		return err
	}
	files, err := sessionFiles(c)
	if err != nil {
		return err
	}
	o, err := readWebhook(c, flagListen, files)
	if err != nil {
		return err
	}
	secrets, err := sharedSecrets(c, p)
	if err != nil {
		return err
	}
	log, logFile, err := newLogger(c)
	if err != nil {
		return err
	}
	defer logFile.Close()
	reopenLog(logFile, false, log)
	api := &veriff.Config{APIKey: c.String(flagAPIKey), Secrets: secrets}
	if api.APIKey == "" {
		return &veriff.ConfigError{Setting: "API key", Problem: "is missing", Hint: "set VERIFF_API_KEY: webhooks carry it"}
	}
	r, err := newReceiver(c.Context, o, api, nil, log)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.App.ErrWriter, "listening on", r.address())
	notifySystemd(daemon.SdNotifyReady)
	select {
	case <-c.Context.Done():
	case <-r.ended:
	}
	notifySystemd(daemon.SdNotifyStopping)
	return r.close()
}
