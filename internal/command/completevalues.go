package command

import (
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"veriffs/fs/mountpoint"
	"veriffs/internal/accesslog"
	"veriffs/internal/config"
	"veriffs/internal/sessionlist"
	"veriffs/veriff"
)

// choices are the values of options that have few. The usage of each option names them.
var choices = map[string][]string{
	flagVerify:        {"require", "present", "off"},
	flagReadAhead:     {"on", "off"},
	flagCacheKey:      {cacheKeySecret, cacheKeyEphemeral},
	flagAccessLogMode: {string(accesslog.Required), string(accesslog.BestEffort)},
	flagLogLevel:      {"debug", "info", "warn", "error"},
	flagLogFormat:     {"text", "json"},
	flagSecretStore:   {storeKeyring, storeFile},
}

// values are what an option can have for a value.
func (l completion) values(f cli.Flag) offer {
	name := f.Names()[0]
	if all := choices[name]; all != nil {
		return offer{alsoNothing, bare(all)}
	}
	switch name {
	case flagProfile:
		return offer{alsoNothing, profileNames()}
	case flagSession:
		return offer{alsoNothing, l.sessions()}
	case flagOp:
		return offer{alsoNothing, bare(accesslog.Operations())}
	}
	return l.placeholder(placeholderOf(f))
}

// arguments are what the command can have for an argument.
func (l completion) arguments() offer {
	if l.command == nil {
		return offer{also: alsoNothing}
	}
	switch l.path {
	case "mount", "demo":
		return offer{also: alsoDirectories}
	case "profile remove":
		return offer{alsoNothing, profileNames()}
	case "verify":
		return offer{also: alsoFiles} // its argument is in its UsageText
	}
	all := offer{also: alsoNothing}
	for what := range strings.FieldsSeq(strings.Trim(l.command.ArgsUsage, "[]")) {
		o := l.placeholder(strings.TrimSuffix(what, "…"))
		all.words = append(all.words, o.words...)
		if o.also != alsoNothing {
			all.also = o.also
		}
	}
	return all
}

// placeholder is what can stand for a word in capitals in the help.
func (l completion) placeholder(what string) offer {
	switch what {
	case "SESSION", "NAME", "ID": // or a path in a mount
		return offer{alsoFiles, l.sessions()}
	case "MOUNTPOINT":
		return offer{alsoNothing, bare(mountpoint.All())}
	case "SHELL":
		return offer{alsoNothing, bare(completionShells)}
	case "DIR":
		return offer{also: alsoDirectories}
	case "FILE", "FILE|DIR", "NAME|PATH", "LOG|PROOF", "DEST", "KEY":
		return offer{also: alsoFiles}
	default:
		return offer{also: alsoNothing}
	}
}

// placeholderOf is the word of an option's usage that stands for its value.
func placeholderOf(f cli.Flag) string {
	doc, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	_, after, _ := strings.Cut(doc.GetUsage(), "`")
	what, _, _ := strings.Cut(after, "`")
	return what
}

func bare(texts []string) (all []offered) {
	for _, t := range texts {
		all = append(all, offered{text: t})
	}
	return all
}

func profileNames() []offered {
	all, err := config.All(config.Path())
	if err != nil {
		return nil
	}
	return bare(slices.Sorted(maps.Keys(all)))
}

// sessions are those of the sessions files that the command line, the environment or
// the profile names.
func (l completion) sessions() []offered {
	var ids []veriff.SessionID
	for _, name := range l.sessionFiles() {
		if read, err := sessionlist.ReadFile(name, nil); err == nil { // standard input is no file
			ids = append(ids, read...)
		}
	}
	var all []offered
	for _, id := range sorted(ids) {
		all = append(all, offered{text: id.String()})
	}
	return all
}

// sessionFiles reads the options that matter as a command reads them.
func (l completion) sessionFiles() (files []string) {
	args := []string{l.app.Name}
	for _, name := range []string{flagProfile, flagSessions} {
		for _, value := range l.given[name] {
			args = append(args, dashed(name)+"="+fromHome(value))
		}
	}
	app := &cli.App{
		Flags: []cli.Flag{profileFlag(), sessionsFlag("")}, HideHelp: true, Writer: io.Discard, ErrWriter: io.Discard,
		ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) (err error) {
			if _, err = useProfile(c); err == nil {
				files, err = sessionFiles(c)
			}
			return err
		},
	}
	_ = app.Run(args) // without files there is nothing to offer
	return files
}
