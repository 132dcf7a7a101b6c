package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"veriffs/internal/config"
)

// input asks the person at the terminal or, without one, reads standard input.
type input struct {
	ctx      context.Context
	r        io.Reader
	prompts  io.Writer
	terminal *os.File // nil if there is nobody to ask
}

func newInput(ctx context.Context, r io.Reader, prompts io.Writer) *input {
	in := &input{ctx: ctx, r: r, prompts: prompts}
	if i, ok := r.(*interruptibleReader); ok {
		r = i.r
	}
	if f, ok := r.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		in.terminal = f
	}
	return in
}

// usableStore returns where to store a secret that is meant for the keyring. It
// checks for one before anything else is asked, and offers a file if there is
// none.
func (in *input) usableStore(file string) (string, error) {
	_, err := interruptible(in.ctx, func() (any, error) { return nil, config.TryKeyring() })
	if err == nil {
		return storeKeyring, nil
	}
	if in.terminal == nil || in.ctx.Err() != nil {
		return "", err
	}
	fmt.Fprintf(in.prompts, "%s.\nKeep the shared secret in a file that only you can read, %s? [Y/n]: ", err, file)
	answer, failed := in.typed(func() ([]byte, error) { return readLine(in.terminal) })
	switch {
	case failed != nil:
		return "", failed
	case answer == "" || strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"):
		return storeFile, nil
	}
	return "", err
}

// line returns the value of a flag, else what is typed, else the previous value.
func (in *input) line(c *cli.Context, flag, prompt, before string) (string, error) {
	if value := c.String(flag); value != "" {
		return value, nil
	}
	if in.terminal == nil {
		return before, nil // "" is refused later, with a hint
	}
	if before != "" {
		prompt += " [" + masked(flag, before) + "]"
	}
	fmt.Fprintf(in.prompts, "%s: ", prompt)
	typed, err := in.typed(func() ([]byte, error) { return readLine(in.terminal) })
	if typed == "" {
		typed = before
	}
	return typed, err
}

// secret returns what is typed without echo, or all of standard input.
func (in *input) secret(prompt string) (string, error) {
	if in.terminal == nil {
		text, err := io.ReadAll(io.LimitReader(in.r, maxSecretFile+1))
		if err == nil && len(text) > maxSecretFile {
			err = usageError("standard input is larger than %d bytes: it should be only the shared secret", maxSecretFile)
		}
		return string(text), err
	}
	fmt.Fprintf(in.prompts, "%s: ", prompt)
	defer fmt.Fprintln(in.prompts)
	return in.typed(func() ([]byte, error) { return term.ReadPassword(int(in.terminal.Fd())) })
}

// typed reads from the terminal and restores its state.
func (in *input) typed(read func() ([]byte, error)) (string, error) {
	before, err := term.GetState(int(in.terminal.Fd()))
	if err != nil {
		return "", err
	}
	text, err := interruptible(in.ctx, read)
	if in.ctx.Err() != nil {
		err = errors.Join(err, term.Restore(int(in.terminal.Fd()), before))
	}
	return string(bytes.TrimSpace(text)), err
}

// readLine reads byte by byte, so that it consumes nothing after the line.
func readLine(r io.Reader) ([]byte, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < maxSecretFile; {
		switch _, err := r.Read(b); {
		case err != nil:
			return line, err
		case b[0] == '\n':
			return line, nil
		}
		line = append(line, b[0])
	}
	return nil, usageError("the line is too long")
}
